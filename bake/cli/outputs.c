/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/outputs.h"

#include "emit/format.h"

bool ccb_outputs_choose(const CcbRecipe *recipe, const char *output, GPtrArray **ret_formats,
                        char ***ret_paths, GError **error)
{
    g_autoptr(GPtrArray) formats = ccb_emit_formats((const char *const *)recipe->formats, error);
    if (formats == NULL)
        return false;
    const CcbEmitFormat *said = output != NULL ? ccb_emit_format_of(output) : NULL;
    if (said != NULL && formats->len == 1)
        formats->pdata[0] = (gpointer)said; /* the command line is nearer than the recipe */
    g_autofree char *name = ccb_emit_file_name(recipe);
    char **paths = ccb_emit_paths(formats, output != NULL ? output : name, error);
    if (paths == NULL)
        return false;
    *ret_formats = g_steal_pointer(&formats);
    *ret_paths = paths;
    return true;
}
