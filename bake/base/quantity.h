/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes, durations and numbers of things as messages print them.  Callers free the strings. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "5.4 GB", "812 kB": decimal units, as vendors print sizes. */
char *ccb_format_size(uint64_t bytes);

/* "500k", "16M", "2G" (of 1024), or bytes; false for anything else. */
bool ccb_parse_size(const char *text, uint64_t *ret_bytes);

/* "4.2 s", "3 min 12 s". */
char *ccb_format_seconds(double seconds);

/* A time in nanoseconds since 1970; one that is too far away, which a file system may hold, is the last (or first) that
 * there is. */
static inline int64_t ccb_nanoseconds(int64_t seconds, long nanoseconds)
{
    int64_t result;
    if (__builtin_mul_overflow(seconds, 1000000000, &result) ||
        __builtin_add_overflow(result, nanoseconds, &result))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return result;
}

/* The noun that goes with the number: "%u %s", n, ccb_plural(n, "entry", "entries"). */
static inline const char *ccb_plural(uint64_t n, const char *one, const char *several)
{
    return n == 1 ? one : several;
}
