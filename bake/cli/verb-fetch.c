/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake fetch`: everything a recipe needs, into the store, for a bake without a network. */
#include <stdio.h>

#include "base/progress.h"
#include "cli/load.h"
#include "cli/verbs.h"
#include "plan/acquire.h"

static CcbLoadOptions load;
static bool offline;

static const CcbOption options[] = {
    CCB_LOAD_OPTIONS(load),
    {"offline", 0, CCB_OPT_FLAG, &offline, NULL, "download nothing: check what is at hand"},
    CCB_PROGRESS_OPTIONS,
    {0},
};

static bool fetch_cell(const char *path, char *const *cell, CcbStore *store, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    return ccb_load_cell(path, &load, cell, &loaded, error) &&
           ccb_plan_require_pins(loaded.plan, error) &&
           ccb_plan_fetch(loaded.plan, 0, store, offline, error);
}

/* All images of a matrix. */
static bool run(int argc, char **argv, GError **error)
{
    g_autoptr(GPtrArray) cells = ccb_load_cells(argv[0], &load, error);
    g_autoptr(CcbStore) store = cells ? ccb_plan_store(error) : NULL;
    for (guint i = 0; store != NULL && i < cells->len; i++)
        if (!fetch_cell(argv[0], cells->pdata[i], store, error))
            return false;
    return store != NULL;
}

const CcbVerb ccb_verb_fetch = {
    "fetch", "RECIPE", "download what a recipe needs into the store", options, 1, 1, run,
};
