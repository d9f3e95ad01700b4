/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/ds-identify.h"

#include <string.h>

#include "base/error.h"

void ccb_ds_identify_clear(CcbDsIdentify *told)
{
    g_free(told->mode);
    g_free(told->mode_at);
    g_free(told->source);
    g_free(told->source_at);
    *told = (CcbDsIdentify){0};
}

/* Of "search,found=all,maybe=none" the first part, wherever it stands; what is none of the four says nothing.  Takes
 * ownership of `at`. */
static void set_policy(CcbDsIdentify *told, const char *policy, char *at)
{
    static const char *const modes[] = {"enabled", "disabled", "search", "report", NULL};
    g_auto(GStrv) parts = g_strsplit(policy, ",", -1);
    g_clear_pointer(&told->mode, g_free);
    for (char **part = parts; *part != NULL; part++)
        if (g_strv_contains(modes, *part)) {
            g_free(told->mode);
            told->mode = g_strdup(*part);
        }
    g_free(told->mode_at);
    told->mode_at = at;
}

/* Takes ownership of `at`. */
static void set_source(CcbDsIdentify *told, const char *source, bool by_line, char *at)
{
    g_free(told->source);
    g_free(told->source_at);
    told->source = *source != '\0' ? g_strdup(source) : NULL;
    told->source_at = at;
    told->by_line = by_line;
}

/* No YAML: the program reads "key: value" by lines, takes all behind '#' for a comment, and quotes off a value. */
void ccb_ds_identify_read_file(CcbDsIdentify *told, const char *text, const char *path)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        lines[i][strcspn(lines[i], "#")] = '\0';
        char *value = strchr(lines[i], ':');
        if (value == NULL)
            continue;
        *value++ = '\0';
        const char *key = g_strstrip(lines[i]);
        size_t length = strlen(g_strstrip(value));
        if (length >= 2 && (*value == '"' || *value == '\'') && value[length - 1] == *value) {
            value[length - 1] = '\0';
            value++;
        }
        if (g_str_equal(key, "policy"))
            set_policy(told, value, g_strdup_printf("%s:%u: policy: %s", path, i + 1, value));
        else if (g_str_equal(key, "datasource"))
            set_source(told, value, false,
                       g_strdup_printf("%s:%u: datasource: %s", path, i + 1, value));
    }
}

void ccb_ds_identify_read_line(CcbDsIdentify *told, const CcbCmdline *line)
{
    static const char *const keys[] = {"ds", "ci.ds", "ci.datasource", "ci.di.policy"};
    g_autoptr(GPtrArray) arguments = ccb_cmdline_arguments(line);
    for (guint i = 0; i < arguments->len * G_N_ELEMENTS(keys); i++) {
        const char *argument = arguments->pdata[i / G_N_ELEMENTS(keys)];
        const char *key = keys[i % G_N_ELEMENTS(keys)];
        size_t length = strlen(key);
        if (!g_str_has_prefix(argument, key) || argument[length] != '=')
            continue;
        const char *at = argument + length + 1;
        g_autofree char *value = g_strndup(at, strcspn(at, ";"));
        if (g_str_equal(key, "ci.di.policy"))
            set_policy(told, value, g_strdup(argument));
        else
            set_source(told, value, true, g_strdup(argument));
    }
}

char *ccb_ds_identify_off(const CcbDsIdentify *told)
{
    return g_strcmp0(told->mode, "disabled") == 0
               ? g_strdup_printf("%s switches cloud-init off", told->mode_at)
               : NULL;
}

/* A source of the file counts only where ds-identify writes what it found. */
char *ccb_ds_identify_other(const CcbDsIdentify *told)
{
    bool counts = told->by_line || told->mode == NULL || g_str_equal(told->mode, "search");
    return counts && told->source != NULL && !g_str_equal(told->source, CCB_DATASOURCE)
               ? g_strdup_printf("%s ties cloud-init to another cloud, expected " CCB_DATASOURCE,
                                 told->source_at)
               : NULL;
}
