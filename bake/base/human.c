/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/human.h"

#include <glib.h>
#include <string.h>

char *ccb_format_size(uint64_t bytes)
{
    return g_format_size(bytes);
}

char *ccb_format_seconds(double seconds)
{
    if (seconds < 60)
        return g_strdup_printf("%.1f s", seconds);
    return g_strdup_printf("%d min %02d s", (int)seconds / 60, (int)seconds % 60);
}

/* Levenshtein's distance, with one row; words longer than the row are no typing errors. */
static unsigned distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    unsigned row[MAX + 1];
    size_t m = strlen(a), n = strlen(b);
    if (m > MAX || n > MAX)
        return MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

const char *ccb_did_you_mean(const char *word, const char *const *names)
{
    const char *best = NULL;
    unsigned least = (unsigned)MAX(2, strlen(word) / 3) + 1;
    for (; *names != NULL; names++) {
        unsigned d = distance(word, *names);
        if (d < least) {
            least = d;
            best = *names;
        }
    }
    return best;
}
