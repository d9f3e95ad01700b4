/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/quantity.h"

#include <glib.h>
#include <string.h>

char *ccb_format_size(uint64_t bytes)
{
    /* GLib puts a no-break space (U+00A0) before the unit, which a search for "5.4 GB" does not find. */
    g_autofree char *size = g_format_size(bytes);
    g_auto(GStrv) parts = g_strsplit(size, "\u00a0", -1);
    return g_strjoinv(" ", parts);
}

char *ccb_format_seconds(double seconds)
{
    if (seconds < 60)
        return g_strdup_printf("%.1f s", seconds);
    return g_strdup_printf("%d min %02d s", (int)seconds / 60, (int)seconds % 60);
}

bool ccb_parse_size(const char *text, uint64_t *ret_bytes)
{
    static const char units[] = "kMG";
    char *end = NULL;
    guint64 size = g_ascii_strtoull(text, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
    bool good = g_ascii_isdigit(*text) && (*end == '\0' || (unit != NULL && end[1] == '\0'));
    if (!good || size > UINT64_MAX >> shift)
        return false;
    *ret_bytes = size << shift;
    return true;
}
