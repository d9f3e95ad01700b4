/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-cmdline.h"

#include "check/guest-grub.h"
#include "systemd/unit.h"

static gpointer produce_line(CcbCheckContext *ctx, const char *name, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    const CcbBootEntry *entry = facts != NULL ? ccb_facts_default_entry(facts) : NULL;
    return entry != NULL && entry->cmdline != NULL ? ccb_cmdline_parse(entry->cmdline, NULL) : NULL;
}

const CcbCmdline *ccb_check_cmdline(CcbCheckContext *ctx, GError **error)
{
    return ctx->foresight != NULL ? NULL
                                  : ccb_check_memo(ctx, "cmdline", "", produce_line,
                                                   (GDestroyNotify)ccb_cmdline_free, error);
}

/* systemd reads all of /proc/cmdline, so also what stands behind "--". */
char *ccb_cmdline_target(const CcbCmdline *line)
{
    static const struct {
        const char *word, *target;
    } levels[] = {
        {"emergency", "emergency.target"},
        {"-b", "emergency.target"},
        {"rescue", "rescue.target"},
        {"single", "rescue.target"},
        {"-s", "rescue.target"},
        {"s", "rescue.target"},
        {"S", "rescue.target"},
        {"1", "rescue.target"},
        {"2", "multi-user.target"},
        {"3", "multi-user.target"},
        {"4", "multi-user.target"},
        {"5", "graphical.target"},
    };
    static const char key[] = "systemd.unit=";
    g_autoptr(GPtrArray) arguments = ccb_cmdline_arguments(line);
    for (guint i = arguments->len; i > 0; i--) {
        g_auto(GStrv) parts = g_strsplit(arguments->pdata[i - 1], "\"", -1);
        g_autofree char *argument = g_strjoinv("", parts);
        if (g_str_has_prefix(argument, key) && argument[sizeof key - 1] != '\0')
            return g_strdup(argument + sizeof key - 1);
        for (guint k = 0; k < G_N_ELEMENTS(levels); k++)
            if (g_str_equal(argument, levels[k].word))
                return g_strdup(levels[k].target);
    }
    return NULL;
}

char **ccb_cmdline_units(const CcbCmdline *line, const char *key)
{
    char **units = ccb_cmdline_values(line, key);
    for (char **unit = units; *unit != NULL; unit++)
        if (!ccb_unit_has_type(*unit)) {
            char *service = g_strconcat(*unit, ".service", NULL);
            g_free(*unit);
            *unit = service;
        }
    return units;
}
