/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-commands.h"

#include <string.h>
#include <sys/stat.h>

enum { LARGEST_SCRIPT = 256 << 10 }; /* bytes */

static void line_free(gpointer data)
{
    CcbCommandLine *line = data;
    g_free(line->where);
    g_free(line->text);
    g_free(line);
}

GPtrArray *ccb_command_lines_new(void)
{
    return g_ptr_array_new_with_free_func(line_free);
}

/* Takes ownership of `where`. */
static void add_line(GPtrArray *lines, char *where, const char *text)
{
    CcbCommandLine *line = g_new0(CcbCommandLine, 1);
    *line = (CcbCommandLine){where, g_strdup(text)};
    g_ptr_array_add(lines, line);
}

char **ccb_command_words(const char *text)
{
    return g_strsplit_set(text, " \t\"'`;&|()[]<>,$@+!", -1);
}

void ccb_check_add_script(CcbCheckContext *ctx, const char *path, bool always, GPtrArray *lines,
                          GError **error)
{
    const CcbStat *st = ccb_check_stat(ctx, path, error);
    if (st == NULL || !S_ISREG(st->mode) || st->size == 0 || st->size > LARGEST_SCRIPT)
        return;
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file->text == NULL || (!always && !g_str_has_prefix(file->text, "#!")))
        return;
    g_auto(GStrv) rows = g_strsplit(file->text, "\n", -1);
    for (guint i = 0; rows[i] != NULL; i++) {
        const char *text = g_strstrip(rows[i]);
        if (*text != '\0' && (*text != '#' || i == 0))
            add_line(lines, g_strdup_printf("%s:%u: %.120s", path, i + 1, text), text);
    }
}

GPtrArray *ccb_check_unit_commands(CcbCheckContext *ctx, const CcbUnit *unit, bool at_start,
                                   GError **error)
{
    static const char *const keys[] = {"ExecCondition", "ExecStartPre", "ExecStart",
                                       "ExecStartPost", "ExecReload",   "ExecStop",
                                       "ExecStopPost"};
    enum { AT_START = 4 };
    GPtrArray *lines = ccb_command_lines_new();
    for (guint i = 0; i < (at_start ? AT_START : G_N_ELEMENTS(keys)); i++) {
        g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Service", keys[i]);
        for (guint k = 0; k < values->len; k++) {
            const CcbUnitValue *value = values->pdata[k];
            g_auto(GStrv) words =
                ccb_command_words(value->value + ccb_unit_command_prefix(value->value));
            add_line(
                lines,
                g_strdup_printf("%s:%u: %s=%s", value->file, value->line, value->key, value->value),
                value->value);
            for (char **word = words; *word != NULL; word++)
                if (g_str_has_prefix(*word, "/") && !g_str_has_prefix(*word, "/dev/"))
                    ccb_check_add_script(ctx, *word, false, lines, error);
        }
    }
    return lines;
}
