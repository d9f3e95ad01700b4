/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/outcome.h"

#include <string.h>

#include "boot/bootfiles.h"
#include "guide/gpu-units.h"
#include "systemd/unit.h"

/* They talk to the GPU or NVSwitch itself, so they can't start in a test machine that has none. */
static const struct {
    const char *unit, *why;
} gpu_units[] = {
    {CCB_PERSISTENCED, "it opens the driver's devices, which come with a GPU"},
    {CCB_FABRICMANAGER, "it sets up NVSwitches"},
    {"nvidia-cdi-refresh.service", "it lists the GPUs for containers"},
    {"ccbake-selftest.service", "it says that there is no GPU"},
};

static void failure_free(gpointer data)
{
    CcbBootFailure *failure = data;
    g_free(failure->unit);
    g_free(failure->reason);
    g_free(failure->why);
    g_ptr_array_unref(failure->lines);
    g_free(failure);
}

static void order_free(gpointer data)
{
    CcbBootOrder *order = data;
    g_free(order->before);
    g_free(order->after);
    g_free(order);
}

void ccb_boot_result_clear(CcbBootResult *result)
{
    g_free(result->up);
    g_free(result->trouble);
    g_free(result->kvm);
    g_clear_pointer(&result->failed, g_ptr_array_unref);
    g_clear_pointer(&result->skipped, g_ptr_array_unref);
    g_clear_pointer(&result->missing, g_ptr_array_unref);
    g_clear_pointer(&result->orders, g_ptr_array_unref);
    g_clear_pointer(&result->unjudged, g_ptr_array_unref);
    g_clear_pointer(&result->notes, g_ptr_array_unref);
    *result = (CcbBootResult){0};
}

/* --- failures */

static const char *find_gpu_unit(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(gpu_units); i++)
        if (g_str_equal(name, gpu_units[i].unit))
            return gpu_units[i].why;
    return NULL;
}

bool ccb_boot_needs_gpu(const char *unit)
{
    return find_gpu_unit(unit) != NULL;
}

/*
 * Whether a program that found no GPU can have ended so.  It can't when it never ran: a shell exits with 126 and 127
 * where it can't run a program or find it, ld.so with 127 where a library is missing, and systemd itself with 200 and
 * more (systemd.exec(5)); nor when it crashed or was killed.  Where a library lacks the version of a symbol, ld.so exits
 * with 1 (glibc, elf/dl-version.c), and only its words tell.
 */
static bool is_end_of_program(const CcbBootUnit *unit)
{
    static const char *const reasons[] = {"exit-code",       "timeout", "protocol",
                                          "start-limit-hit", "failed",  NULL};
    enum { CANNOT_RUN = 126, NOT_FOUND = 127, SYSTEMD_OWN = 200 };
    for (const GList *line = unit->lines.head; line; line = line->next)
        if (strstr(line->data, "error while loading shared libraries: ") != NULL ||
            strstr(line->data, "' not found (required by ") != NULL)
            return false;
    return unit->exit_status != CANNOT_RUN && unit->exit_status != NOT_FOUND &&
           unit->exit_status < SYSTEMD_OWN &&
           (unit->reason == NULL || g_strv_contains(reasons, unit->reason));
}

/* Why this failure only says that there is no GPU; NULL where it says more. */
static char *explain(const CcbBootEvidence *evidence, const CcbBootUnit *unit)
{
    const char *why = find_gpu_unit(unit->name);
    const char *required =
        evidence->gpu_requirers ? g_hash_table_lookup(evidence->gpu_requirers, unit->name) : NULL;
    if (!why && evidence->gpu_consumers &&
        g_strv_contains((const char *const *)evidence->gpu_consumers, unit->name))
        why = "it uses the GPU, for it waits for " CCB_PERSISTENCED;
    if (why && is_end_of_program(unit))
        return g_strdup(why);
    if (required && g_strcmp0(unit->reason, "dependency") == 0)
        return g_strdup_printf("it requires %s", required);
    return NULL;
}

/* Units that `known` has, too, are left out. */
static void check_units(const CcbBootEvidence *evidence, const CcbBootUnits *units,
                        const CcbBootUnits *known, CcbBootResult *ret)
{
    for (guint i = 0; i < units->list->len; i++) {
        const CcbBootUnit *unit = units->list->pdata[i];
        if (g_str_equal(unit->name, CCB_BOOT_JOURNAL_UNIT) || /* ours, not the image's */
            (known && ccb_units_find(known, unit->name)))
            continue;
        if (unit->state == CCB_UNIT_SKIPPED && ccb_boot_needs_gpu(unit->name))
            g_ptr_array_add(ret->skipped, g_strdup(unit->name));
        if (unit->state != CCB_UNIT_FAILED)
            continue;
        CcbBootFailure *failure = g_new0(CcbBootFailure, 1);
        *failure = (CcbBootFailure){.unit = g_strdup(unit->name),
                                    .reason = g_strdup(unit->reason),
                                    .why = explain(evidence, unit),
                                    .lines = g_ptr_array_new_with_free_func(g_free)};
        for (const GList *line = unit->lines.head; line; line = line->next)
            g_ptr_array_add(failure->lines, g_strdup(line->data));
        g_ptr_array_add(ret->failed, failure);
    }
}

/* --- order */

static CcbBootOrder *add_order(GPtrArray *orders, const char *before, const char *after)
{
    CcbBootOrder *order = g_new0(CcbBootOrder, 1);
    order->before = g_strdup(before);
    order->after = g_strdup(after);
    g_ptr_array_add(orders, order);
    return order;
}

/* Whether `after` began only when `before` was done: started, skipped or failed.  An order that is `demanded` and can't
 * be checked is to be heard of. */
static void check_order(const CcbBootUnits *units, const char *before, const char *after,
                        bool demanded, CcbBootResult *ret)
{
    const CcbBootUnit *first = ccb_units_find(units, before);
    const CcbBootUnit *second = ccb_units_find(units, after);
    if (first == NULL || second == NULL || (!first->began && !first->done) ||
        (!second->began && !second->done)) {
        if (demanded && ret->up)
            add_order(ret->unjudged, before, after);
        return;
    }
    /* Units without a phase of their own are only ever said to be started. */
    unsigned begun = second->began ? second->began : second->done;
    gint64 begun_us = second->began_us ? second->began_us : second->done_us;
    CcbBootOrder *order = add_order(ret->orders, before, after);
    order->kept = first->done != 0 && first->done < begun;
    order->done = (double)first->done_us / G_USEC_PER_SEC;
    order->began = (double)begun_us / G_USEC_PER_SEC;
}

static void check_orders(const CcbBootEvidence *evidence, const CcbBootUnits *units,
                         CcbBootResult *ret)
{
    static char *const none[] = {NULL};
    char *const *consumers = evidence->gpu_consumers ? evidence->gpu_consumers : none;
    check_order(units, CCB_FABRICMANAGER, CCB_PERSISTENCED, evidence->gpus >= 8, ret);
    for (const char *const *unit = ccb_gpu_consumers; *unit; unit++)
        check_order(units, CCB_PERSISTENCED, *unit,
                    g_strv_contains((const char *const *)consumers, *unit), ret);
    for (char *const *unit = consumers; *unit; unit++)
        if (!g_strv_contains(ccb_gpu_consumers, *unit))
            check_order(units, CCB_PERSISTENCED, *unit, true, ret);
}

static void demand(const CcbBootUnits *units, const char *name, CcbBootResult *ret)
{
    const CcbBootUnit *unit = ccb_units_find(units, name);
    if (unit == NULL || unit->state == CCB_UNIT_UNKNOWN)
        g_ptr_array_add(ret->missing, g_strdup(name));
}

void ccb_boot_check(const CcbBootEvidence *evidence, CcbBootResult *ret)
{
    const CcbConsole *console = evidence->console;
    const CcbJournal *journal = evidence->journal;
    const CcbBootUnits *units = journal ? &journal->units : &console->units;
    ret->failed = g_ptr_array_new_with_free_func(failure_free);
    ret->skipped = g_ptr_array_new_with_free_func(g_free);
    ret->missing = g_ptr_array_new_with_free_func(g_free);
    ret->orders = g_ptr_array_new_with_free_func(order_free);
    ret->unjudged = g_ptr_array_new_with_free_func(order_free);
    ret->notes = g_ptr_array_new_with_free_func(g_free);
    ret->has_journal = journal != NULL;
    ret->entries = journal ? journal->entries : 0;
    ret->up = g_strdup(journal && journal->up ? journal->up : console->up);
    if (ret->up == NULL && journal == NULL && console->login)
        ret->up = g_strdup("a login prompt");
    if (console->no_swiotlb)
        g_ptr_array_add(ret->notes,
                        g_strdup("the kernel could not allocate the swiotlb buffer of its command "
                                 "line: expected in a test machine with little memory, not a "
                                 "failure"));
    check_units(evidence, units, NULL, ret);
    if (journal) /* what PID 1 says while journald does not run reaches the console only */
        check_units(evidence, &console->units, &journal->units, ret);
    check_orders(evidence, units, ret);
    if (evidence->gpus >= 1 && ret->up && journal)
        demand(units, CCB_PERSISTENCED, ret);
    if (evidence->gpus >= 8 && ret->up && journal)
        demand(units, CCB_FABRICMANAGER, ret);
}

bool ccb_boot_is_good(const CcbBootResult *result)
{
    for (guint i = 0; i < result->failed->len; i++)
        if (((const CcbBootFailure *)result->failed->pdata[i])->why == NULL)
            return false;
    for (guint i = 0; i < result->orders->len; i++)
        if (!((const CcbBootOrder *)result->orders->pdata[i])->kept)
            return false;
    return result->up != NULL && result->trouble == NULL && result->missing->len == 0;
}

static json_t *strings_to_json(const GPtrArray *strings)
{
    json_t *list = json_array();
    for (guint i = 0; i < strings->len; i++)
        json_array_append_new(list, json_string(strings->pdata[i]));
    return list;
}

static json_t *failures_to_json(const GPtrArray *failed)
{
    json_t *list = json_array();
    for (guint i = 0; i < failed->len; i++) {
        const CcbBootFailure *f = failed->pdata[i];
        json_array_append_new(list, json_pack("{s:s, s:s?, s:b, s:s?, s:o}", "unit", f->unit,
                                              "reason", f->reason, "expected", f->why != NULL,
                                              "why", f->why, "lines", strings_to_json(f->lines)));
    }
    return list;
}

/* Of those that were not seen only the names. */
static json_t *orders_to_json(const GPtrArray *orders, bool seen)
{
    json_t *list = json_array();
    for (guint i = 0; i < orders->len; i++) {
        const CcbBootOrder *o = orders->pdata[i];
        json_t *json = json_pack("{s:s, s:s}", "before", o->before, "after", o->after);
        if (seen) {
            json_object_set_new(json, "kept", json_boolean(o->kept));
            json_object_set_new(json, "done", o->done > 0 ? json_real(o->done) : json_null());
            json_object_set_new(json, "began", o->began > 0 ? json_real(o->began) : json_null());
        }
        json_array_append_new(list, json);
    }
    return list;
}

json_t *ccb_boot_to_json(const CcbBootResult *result)
{
    return json_pack(
        "{s:b, s:s?, s:s?, s:f, s:b, s:s?, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "good",
        ccb_boot_is_good(result), "target", result->up, "trouble", result->trouble, "seconds",
        result->seconds, "emulated", result->emulated, "kvm", result->kvm, "source",
        result->has_journal ? "journal" : "console", "entries", (int)result->entries, "failed",
        failures_to_json(result->failed), "skipped", strings_to_json(result->skipped), "missing",
        strings_to_json(result->missing), "order", orders_to_json(result->orders, true), "unjudged",
        orders_to_json(result->unjudged, false), "notes", strings_to_json(result->notes));
}
