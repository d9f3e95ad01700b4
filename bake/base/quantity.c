/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/quantity.h"

#include <glib.h>

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
