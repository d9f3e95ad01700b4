/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change/apply.h"
#include "plan/kind.h"

bool ccb_bake_refresh(CcbBake *bake, GError **error)
{
    CcbFacts *facts = ccb_facts_of_guest(bake->guest, error);
    if (facts == NULL)
        return false;
    ccb_facts_free(bake->facts);
    bake->facts = facts;
    return true;
}

bool ccb_bake_step(CcbBake *bake, const CcbStep *step, const CcbExpectation *expect,
                   const char *key, GError **error)
{
    bool facts_differ = false;
    g_autoptr(GPtrArray) changes = ccb_changes_new();
    if (step->kind->run != NULL &&
        (!step->kind->run(bake, step, error) || !ccb_bake_refresh(bake, error)))
        return false;
    const CcbStepContext context = {bake->recipe, expect, bake->facts, key};
    if (step->kind->changes != NULL && !step->kind->changes(&context, step, changes, error))
        return false;
    if (!ccb_changes_apply(changes, bake->facts, bake->guest, &facts_differ, error)) {
        g_autofree char *place = ccb_node_place(step->origin->position);
        g_prefix_error(error, "%s: ", place);
        return false;
    }
    return !facts_differ || ccb_bake_refresh(bake, error);
}
