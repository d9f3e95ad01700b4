/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unit tests that speak TAP:
 *
 *     ok(condition, "what holds");   is_str(got, "expected", "what");   is_int(got, 3, "what");
 *     return done();                 prints the plan; 1 if a test failed
 *
 * fuzz() feeds mutations of a valid input to a function, the same ones in every run; the sanitizers
 * judge.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

static inline bool ok(bool passed, const char *what)
{
    tap_count++;
    tap_failed += passed ? 0 : 1;
    printf("%sok %d - %s\n", passed ? "" : "not ", tap_count, what);
    return passed;
}

static inline void is_str(const char *got, const char *expected, const char *what)
{
    if (!ok(g_strcmp0(got, expected) == 0, what))
        printf("# expected: %s\n#      got: %s\n", expected != NULL ? expected : "(null)",
               got != NULL ? got : "(null)");
}

/* As is_str(), and frees `got`. */
static inline void is_taken(char *got, const char *expected, const char *what)
{
    is_str(got, expected, what);
    g_free(got);
}

static inline void is_int(long long got, long long expected, const char *what)
{
    if (!ok(got == expected, what))
        printf("# expected: %lld\n#      got: %lld\n", expected, got);
}

/* Whether *error is set and its message contains `part`; clears it for the next use. */
static inline void is_error(GError **error, const char *part, const char *what)
{
    if (!ok(*error != NULL && strstr((*error)->message, part) != NULL, what))
        printf("# expected an error with: %s\n#      got: %s\n", part,
               *error != NULL ? (*error)->message : "(none)");
    g_clear_error(error);
}

static inline int done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed == 0 && tap_count > 0 ? 0 : 1;
}

static inline void mutate(GRand *random, guint8 *data, gsize *size)
{
    static const guint8 special[] = {0, '\n', '"', '\'', '\\', '#', '=', '[', '$', 0xff, ' ', '-'};
    for (gint32 n = g_rand_int_range(random, 1, 6); n > 0 && *size > 0; n--) {
        gsize at = (gsize)g_rand_double_range(random, 0, (double)*size);
        switch (g_rand_int_range(random, 0, 4)) {
        case 0:
            data[at] = (guint8)g_rand_int_range(random, 0, 256);
            break;
        case 1:
            data[at] = special[g_rand_int_range(random, 0, G_N_ELEMENTS(special))];
            break;
        case 2: /* remove the byte */
            memmove(data + at, data + at + 1, --*size - at);
            break;
        default: /* rarely, the rest too */
            *size = g_rand_int_range(random, 0, 8) == 0 ? at : *size;
        }
    }
}

static inline void fuzz(const void *seed, gsize size, int rounds,
                        void (*target)(const char *data, gsize size))
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20250117);
    for (int i = 0; i < rounds; i++) {
        g_autofree guint8 *data = g_memdup2(seed, size);
        gsize length = size;
        mutate(random, data, &length);
        /* A buffer of exactly that size, so that a read behind it is seen. */
        char *exact = malloc(length > 0 ? length : 1);
        memcpy(exact, data, length);
        target(exact, length);
        free(exact);
    }
    ok(true, "mutated input does no harm");
}
