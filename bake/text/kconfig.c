/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text/kconfig.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define PREFIX "CONFIG_"

struct CcbKconfig {
    GHashTable *values; /* name without PREFIX ► value */
};

/* Takes the quotes and backslashes off a string in place. */
static char *unquote(char *value)
{
    size_t length = strlen(value);
    if (length < 2 || value[0] != '"' || value[length - 1] != '"')
        return value;
    char *out = value;
    for (size_t i = 1; i < length - 1; i++) {
        if (value[i] == '\\' && i + 1 < length - 1)
            i++;
        *out++ = value[i];
    }
    *out = '\0';
    return value;
}

CcbKconfig *ccb_kconfig_parse(const char *data, size_t size, GError **error)
{
    g_autoptr(GPtrArray) lines = ccb_text_lines(data, size, error);
    if (lines == NULL)
        return NULL;
    g_autoptr(CcbKconfig) config = g_new0(CcbKconfig, 1);
    config->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < lines->len; i++) {
        char *text = g_strstrip(lines->pdata[i]), *equals = strchr(text, '=');
        if (*text == '\0' || *text == '#')
            continue;
        if (!g_str_has_prefix(text, PREFIX) || equals == NULL || equals == text + strlen(PREFIX)) {
            ccb_fail(error, CCB_ERR_INPUT, "line %u: expected CONFIG_NAME=value", i + 1);
            return NULL;
        }
        *equals = '\0';
        g_hash_table_replace(config->values, g_strdup(text + strlen(PREFIX)),
                             g_strdup(unquote(equals + 1)));
    }
    return g_steal_pointer(&config);
}

void ccb_kconfig_free(CcbKconfig *config)
{
    if (config == NULL)
        return;
    g_hash_table_unref(config->values);
    g_free(config);
}

const char *ccb_kconfig_get(const CcbKconfig *config, const char *name)
{
    if (g_str_has_prefix(name, PREFIX))
        name += strlen(PREFIX);
    const char *value = g_hash_table_lookup(config->values, name);
    return value != NULL ? value : "n";
}
