/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/memory.h"

#include <string.h>

#include "base/file.h"

uint64_t ccb_available_memory(void)
{
    static const char name[] = "MemAvailable:"; /* in KiB */
    g_autofree char *text = ccb_read_file("/proc/meminfo", 0, NULL, NULL);
    const char *line = text ? strstr(text, name) : NULL;
    return line ? g_ascii_strtoull(line + strlen(name), NULL, 10) << 10 : 0;
}
