/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake fetch`: everything a recipe needs, into the store, for a bake without a network. */
#include <stdio.h>

#include "base/progress.h"
#include "cli/load.h"
#include "cli/verbs.h"
#include "plan/acquire.h"

static struct {
    CcbLoadOptions load;
    bool offline;
} opts;

static const CcbOption options[] = {
    CCB_LOAD_OPTIONS(opts.load),
    {"offline", 0, CCB_OPT_FLAG, &opts.offline, NULL, "download nothing: check what is at hand"},
    CCB_PROGRESS_OPTIONS,
    {0},
};

static bool run(int argc, char **argv, GError **error)
{
    g_autoptr(GPtrArray) entries = ccb_load_matrix(argv[0], &opts.load, error);
    g_autoptr(CcbStore) store = entries ? ccb_plan_store(error) : NULL;
    if (store == NULL)
        return false;
    for (guint i = 0; i < entries->len; i++) {
        g_auto(CcbLoaded) loaded = {0};
        if (!ccb_load_entry(argv[0], &opts.load, entries->pdata[i], &loaded, error) ||
            !ccb_plan_require_pins(loaded.plan, error) ||
            !ccb_plan_fetch(loaded.plan, 0, store, opts.offline, error))
            return false;
    }
    return true;
}

const CcbVerb ccb_verb_fetch = {
    .name = "fetch",
    .arguments = "RECIPE",
    .summary = "download what a recipe needs into the store",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
