/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/waivers.h"

#include "base/text.h"
#include "check/check.h"

bool ccb_check_waivers(const CcbRecipe *recipe, GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    for (const CcbCheck *const *family = ccb_check_families; *family != NULL; family++)
        for (const CcbCheck *check = *family; check->id != NULL; check++)
            g_ptr_array_add(ids, (char *)check->id);
    for (guint i = 0; i < recipe->checks->len; i++)
        g_ptr_array_add(ids, ((const CcbOwnCheck *)recipe->checks->pdata[i])->id);
    g_ptr_array_add(ids, NULL);
    const char *const *names = (const char *const *)ids->pdata;
    for (guint i = 0; i < recipe->waivers->len; i++) {
        const CcbRecipeWaiver *waiver = recipe->waivers->pdata[i];
        if (g_strv_contains(names, waiver->check))
            continue;
        ccb_node_fail(waiver->node, error, "\"waivers\": there is no check \"%s\"", waiver->check);
        g_autofree char *list =
            g_strdup_printf("`ccbake verify --list --recipe=%s` lists them", recipe->path);
        return ccb_hint_name(error, waiver->check, names, list);
    }
    return true;
}
