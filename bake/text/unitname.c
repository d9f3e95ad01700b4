/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/unitname.h"

#include <string.h>

bool ccb_unit_has_type(const char *name)
{
    static const char *const types[] = {".service", ".socket", ".target",    ".timer",
                                        ".path",    ".mount",  ".automount", ".swap",
                                        ".slice",   ".scope",  ".device"};
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (g_str_has_suffix(name, types[i]) && strlen(name) > strlen(types[i]))
            return true;
    return false;
}

bool ccb_unit_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    if (length > CCB_UNIT_NAME_MAX || *name == '.' || *name == '@')
        return false;
    for (const char *at = name; *at != '\0'; at++)
        if (!g_ascii_isalnum(*at) && strchr(":-_.\\@", *at) == NULL)
            return false;
    return ccb_unit_has_type(name);
}

char *ccb_unit_template(const char *name)
{
    const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
    if (at == NULL || dot == NULL || dot <= at + 1)
        return NULL;
    return g_strdup_printf("%.*s%s", (int)(at + 1 - name), name, dot);
}
