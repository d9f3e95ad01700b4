/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/format.h"

#include <string.h>

static const CcbEmitFormat *const formats[] = {&ccb_emit_qcow2};

const CcbEmitFormat *ccb_emit_format(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

char *ccb_emit_file_name(const CcbRecipe *recipe)
{
    return g_strconcat(recipe->output_name, ".", ccb_emit_format(recipe->formats[0])->name, NULL);
}
