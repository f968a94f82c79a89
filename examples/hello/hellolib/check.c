#include "hellolib.h"

#include <stdio.h>
#include <string.h>

int main(void)
{
    char buffer[16];

    if (hellolib_greet(buffer, sizeof buffer, "farm") != 12 || strcmp(buffer, "Hello, farm!") != 0) {
        fprintf(stderr, "FAIL: the greeting is \"%s\"\n", buffer);
        return 1;
    }
    if (hellolib_greet(buffer, sizeof buffer, "somebody with a long name") != -1) {
        fprintf(stderr, "FAIL: a greeting that does not fit was not refused\n");
        return 1;
    }
    puts("PASS: hellolib greets");
    return 0;
}
