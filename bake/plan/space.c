/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/space.h"

#include "base/file.h"

static uint64_t sum_payloads(const CcbStep *step)
{
    uint64_t bytes = 0;
    for (guint i = 0; i < step->payloads->len; i++)
        bytes += ((const CcbPayload *)step->payloads->pdata[i])->size;
    return bytes;
}

CcbSpace ccb_step_space(const CcbStep *step)
{
    uint64_t bytes = sum_payloads(step);
    return (CcbSpace){
        .image = bytes / 100 * step->kind->image_percent + step->kind->image_bytes,
        .scratch = bytes / 100 * step->kind->scratch_percent + step->kind->scratch_bytes,
    };
}

CcbSpace ccb_plan_space(const CcbPlan *plan, guint first)
{
    CcbSpace space = {0};
    for (guint i = first; i < plan->steps->len; i++) {
        CcbSpace step = ccb_step_space(plan->steps->pdata[i]);
        space.image += step.image;
        space.scratch = MAX(space.scratch, step.scratch); /* a step leaves none behind */
    }
    return space;
}

uint64_t ccb_space_of_output(const CcbPlan *plan, const CcbFacts *base)
{
    uint64_t added = ccb_plan_space(plan, 0).image;
    const CcbPartition *root =
        base != NULL ? ccb_disk_partition(base->disk, base->disk->root) : NULL;
    return root == NULL ? added : root->size - MIN(root->size, base->free_bytes) + added;
}

uint64_t ccb_space_of_payload_disk(const CcbPlan *plan, guint first)
{
    uint64_t most = 0;
    for (guint i = first; i < plan->steps->len; i++)
        most = MAX(most, sum_payloads(plan->steps->pdata[i]));
    return most;
}

bool ccb_space_check_needs(const CcbSpaceNeed *needs, guint n, GError **error)
{
    return ccb_free_space_check(needs, n, error) ||
           ccb_hint(error,
                    "`ccbake cache gc --max-age=DAYS` removes what was not used for so long; "
                    "CCBAKE_CACHE_DIR puts the cache on another disk");
}

/* Overlays of steps that will run and the layers that are made of them take what those add, beside
 * the scratch space.  libarchive writes a disk from a temporary file. */
bool ccb_space_check(const CcbBakeSpace *b, GError **error)
{
    CcbSpace to_run = ccb_plan_space(b->plan, b->first);
    uint64_t disk =
        b->backend == CCB_BACKEND_APPLIANCE ? ccb_space_of_payload_disk(b->plan, b->first) : 0;
    const CcbSpaceNeed needs[] = {
        {b->outputs > 1 ? "all outputs" : "the output", b->directory,
         b->outputs * ccb_space_of_output(b->plan, b->base)},
        {"the bake", ccb_cache_dir(), to_run.scratch + 2 * to_run.image + disk},
        {"the disk of payloads", g_get_tmp_dir(), disk},
    };
    return ccb_space_check_needs(needs, G_N_ELEMENTS(needs), error);
}
