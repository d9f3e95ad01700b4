/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/format.h"

#include <string.h>

#include "base/error.h"
#include "emit/output.h"

static const CcbEmitFormat *const formats[] = {&ccb_emit_qcow2, &ccb_emit_vhd, &ccb_emit_raw};

const CcbEmitFormat *ccb_emit_format(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

static bool fail_unknown(const char *name, GError **error)
{
    g_autoptr(GString) all = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        g_string_append_printf(all, "%s%s", i > 0 ? ", " : "", formats[i]->name);
    return ccb_fail(error, CCB_ERR_USAGE, "there is no format \"%s\"; ccbake writes %s", name,
                    all->str);
}

GPtrArray *ccb_emit_formats(const char *const *names, GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    for (; *names != NULL; names++) {
        const CcbEmitFormat *format = ccb_emit_format(*names);
        if (format == NULL) {
            fail_unknown(*names, error);
            return NULL;
        }
        if (g_ptr_array_find(found, format, NULL)) {
            ccb_fail(error, CCB_ERR_USAGE, "the format %s is asked for twice", format->name);
            return NULL;
        }
        g_ptr_array_add(found, (gpointer)format);
    }
    return g_steal_pointer(&found);
}

uint64_t ccb_emit_size(const CcbEmitFormat *format, uint64_t bytes)
{
    return (bytes + format->unit - 1) / format->unit * format->unit;
}

char *ccb_emit_file_name(const CcbRecipe *recipe)
{
    return g_strconcat(recipe->output_name, ".", ccb_emit_format(recipe->formats[0])->name, NULL);
}

char **ccb_emit_paths(const GPtrArray *wanted, const char *path)
{
    char **paths = g_new0(char *, wanted->len + 1);
    for (guint i = 0; i < wanted->len; i++) {
        const CcbEmitFormat *format = wanted->pdata[i];
        paths[i] = wanted->len > 1 ? ccb_output_sibling(path, format->name) : g_strdup(path);
    }
    return paths;
}
