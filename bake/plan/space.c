/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/space.h"

CcbSpace ccb_step_space(const CcbStep *step)
{
    uint64_t bytes = 0;
    for (guint i = 0; i < step->payloads->len; i++)
        bytes += ((CcbPayload *)step->payloads->pdata[i])->size;
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

uint64_t ccb_space_of_bake(const CcbPlan *plan, guint first)
{
    CcbSpace space = ccb_plan_space(plan, first);
    return space.scratch + 2 * space.image;
}
