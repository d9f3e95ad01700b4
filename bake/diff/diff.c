/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/diff.h"

#include <string.h>

#include "diff/diff-parts.h"

static void item_free(gpointer data)
{
    CcbDiffItem *item = data;
    g_free(item->name);
    g_free(item->a);
    g_free(item->b);
    g_free(item->hunks);
    g_free(item);
}

static void boot_free(gpointer data)
{
    CcbDiffBoot *boot = data;
    g_free(boot->id);
    g_strfreev(boot->removed);
    g_strfreev(boot->added);
    g_free(boot);
}

static void directory_free(gpointer data)
{
    CcbDiffDirectory *directory = data;
    g_free(directory->path);
    g_free(directory);
}

static void side_clear(CcbDiffSide *side)
{
    g_free(side->name);
    g_free(side->system);
    g_free(side->entry);
    g_free(side->problem);
    g_free(side->order_problem);
}

void ccb_diff_free(CcbDiff *diff)
{
    if (diff == NULL)
        return;
    side_clear(&diff->a);
    side_clear(&diff->b);
    g_ptr_array_unref(diff->packages);
    g_ptr_array_unref(diff->kernels);
    g_ptr_array_unref(diff->modules);
    g_ptr_array_unref(diff->units);
    g_ptr_array_unref(diff->files);
    g_ptr_array_unref(diff->order);
    g_ptr_array_unref(diff->boot);
    g_ptr_array_unref(diff->directories);
    directory_free(diff->fleeting);
    g_free(diff);
}

CcbDiffItem *ccb_diff_add(GPtrArray *items, CcbDiffChange change, const char *name, const char *a,
                          const char *b)
{
    CcbDiffItem *item = g_new0(CcbDiffItem, 1);
    item->change = change;
    item->name = g_strdup(name);
    item->a = g_strdup(a);
    item->b = g_strdup(b);
    g_ptr_array_add(items, item);
    return item;
}

const char *ccb_diff_change_name(CcbDiffChange change)
{
    static const char *const names[] = {"added", "removed", "changed"};
    return names[change];
}

static void describe(CcbDiffSide *side, const CcbSnapshot *s)
{
    side->name = g_strdup(s->name);
    side->problem = g_strdup(s->problem);
    side->order_problem = g_strdup(s->order_problem);
    if (s->facts == NULL)
        return;
    side->system = g_strdup(s->facts->os_name);
    side->entry = g_strdup(s->facts->default_entry);
    side->packages = s->facts->packages ? g_strv_length(s->facts->packages) : 0;
}

CcbDiff *ccb_diff_new(const CcbSnapshot *a, const CcbSnapshot *b)
{
    CcbDiff *diff = g_new0(CcbDiff, 1);
    GPtrArray **lists[] = {&diff->packages, &diff->kernels, &diff->modules,
                           &diff->units,    &diff->order,   &diff->files};
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        *lists[i] = g_ptr_array_new_with_free_func(item_free);
    diff->boot = g_ptr_array_new_with_free_func(boot_free);
    diff->directories = g_ptr_array_new_with_free_func(directory_free);
    diff->fleeting = g_new0(CcbDiffDirectory, 1);
    describe(&diff->a, a);
    describe(&diff->b, b);
    if (a->facts != NULL && b->facts != NULL) {
        ccb_diff_packages(diff, a->facts, b->facts);
        ccb_diff_names(diff->kernels, a->facts->kernels, b->facts->kernels);
        ccb_diff_boot(diff, a->facts, b->facts);
    }
    if (a->order != NULL && b->order != NULL)
        ccb_diff_names(diff->order, a->order, b->order);
    ccb_diff_files(diff, a, b);
    return diff;
}

bool ccb_diff_moves_default(const CcbDiff *diff)
{
    return diff->a.entry != NULL && diff->b.entry != NULL &&
           strcmp(diff->a.entry, diff->b.entry) != 0;
}

bool ccb_diff_is_empty(const CcbDiff *diff)
{
    const GPtrArray *lists[] = {diff->packages, diff->kernels, diff->modules, diff->units,
                                diff->order,    diff->files,   diff->boot,    diff->directories};
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        if (lists[i]->len > 0)
            return false;
    return !ccb_diff_moves_default(diff) && g_strcmp0(diff->a.problem, diff->b.problem) == 0 &&
           g_strcmp0(diff->a.order_problem, diff->b.order_problem) == 0;
}
