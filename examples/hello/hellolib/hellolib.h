#ifndef HELLOLIB_H
#define HELLOLIB_H

#include <stddef.h>

/* Write a greeting for `name` to `buffer`; returns its length, or -1 if it does not fit in `size` bytes. */
int hellolib_greet(char *buffer, size_t size, const char *name);

#endif
