#include "hellolib.h"

#include <stdio.h>

int hellolib_greet(char *buffer, size_t size, const char *name)
{
    int length = snprintf(buffer, size, "Hello, %s!", name);

    return length < 0 || (size_t)length >= size ? -1 : length;
}
