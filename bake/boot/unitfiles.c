/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/unitfiles.h"

#include <string.h>

#include "base/text.h"
#include "boot/outcome.h"
#include "boot/unitstate.h"
#include "guide/gpu-units.h"
#include "systemd/unitset.h"

/* The words of all values of a key of [Unit] (char *); the caller unrefs. */
static GPtrArray *words_of(const CcbUnit *unit, const char *key)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Unit", key);
    for (guint i = 0; i < values->len; i++) {
        const CcbUnitValue *value = values->pdata[i];
        GPtrArray *words = ccb_unit_words(value->value, NULL);
        if (words)
            g_ptr_array_extend_and_steal(all, words);
    }
    return all;
}

/* --- units that are there */

static void take_requirements(CcbUnitGraph *graph, const CcbUnit *unit, const char *name,
                              GHashTable *requirers)
{
    static const char *const keys[] = {"Requires", "Requisite", "BindsTo"};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(GPtrArray) required = words_of(unit, keys[i]);
        for (guint j = 0; j < required->len; j++) {
            const char *other = ccb_unitgraph_resolve(graph, required->pdata[j]);
            if (ccb_boot_needs_gpu(other))
                g_hash_table_insert(requirers, g_strdup(name), g_strdup(other));
        }
    }
}

static void take_units(CcbUnitGraph *graph, CcbBootSource *source, GPtrArray *consumers)
{
    g_autoptr(GPtrArray) names = ccb_unitgraph_names(graph);
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        const CcbUnit *unit = ccb_unitgraph_unit(graph, name);
        if (unit)
            take_requirements(graph, unit, name, source->gpu_requirers);
        /* The reason of an order begins with a path where a file says so; what systemd adds by itself nobody demands. */
        g_autoptr(GPtrArray) edges = ccb_unitgraph_after(graph, name);
        bool waits = false;
        for (guint j = 0; j < edges->len; j++) {
            const CcbUnitEdge *edge = edges->pdata[j];
            waits |= g_str_equal(edge->to, CCB_PERSISTENCED) && edge->reason[0] == '/';
        }
        if (waits)
            g_ptr_array_add(consumers, g_strdup(name));
    }
}

/* --- units of which there are drop-ins only */

static bool take_expected(CcbGuest *guest, const CcbUnitSet *set, GPtrArray *consumers,
                          GError **error)
{
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(set->dropins), (GCompareFunc)strcmp);
    for (const GList *at = names; at; at = at->next) {
        const char *name = at->data;
        g_autoptr(CcbUnit) unit = NULL;
        if (!ccb_unit_is_name(name) || strstr(name, "@.") || ccb_unitgraph_has(set->graph, name))
            continue;
        if (!ccb_unitset_unit(set, guest, name, &unit, error))
            return false;
        g_autoptr(GPtrArray) after = words_of(unit, "After");
        if (g_ptr_array_find_with_equal_func(after, CCB_PERSISTENCED, g_str_equal, NULL) &&
            !g_ptr_array_find_with_equal_func(consumers, name, g_str_equal, NULL))
            g_ptr_array_add(consumers, g_strdup(name));
    }
    return true;
}

/* --- all of it */

void ccb_boot_read_units(CcbGuest *guest, CcbBootSource *source)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(GPtrArray) consumers = g_ptr_array_new();
    source->gpu_requirers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(CcbUnitSet) set = ccb_unitset_read(guest, &problem);
    if (set) {
        source->target = g_strdup(ccb_unitgraph_resolve(set->graph, ccb_unitset_target(set)));
        take_units(set->graph, source, consumers);
        take_expected(guest, set, consumers, &problem);
    }
    if (problem)
        source->units_unread = ccb_name_printable(problem->message);
    g_ptr_array_add(consumers, NULL);
    source->gpu_consumers = (char **)g_ptr_array_steal(consumers, NULL);
}
