#include <hellolib.h>
#include <stdio.h>

int main(void)
{
    char greeting[64];

    if (hellolib_greet(greeting, sizeof greeting, "packager") < 0)
        return 1;
    return puts(greeting) == EOF;
}
