/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a console means for the image: failures, expected and not, and the order of the GPU's units.
 */
#include <string.h>

#include "boot/boot.h"

#define PERSISTENCE "nvidia-persistenced.service"
#define FABRIC      "nvidia-fabricmanager.service"

/* They talk to the GPU or NVSwitch itself, so they can't start in a test machine that has none. */
static const char *const gpu_units[] = {PERSISTENCE, FABRIC, "nvidia-cdi-refresh.service", NULL};

/* The guide's consumers; the image's own unit may name more. */
static const char *const known_consumers[] = {"cloudmonitor.service", "nvidia-cdi-refresh.service",
                                              "ollama.service", NULL};

static void failure_free(gpointer data)
{
    CcbBootFailure *failure = data;
    g_free(failure->unit);
    g_free(failure->reason);
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
    g_clear_pointer(&result->notes, g_ptr_array_unref);
    *result = (CcbBootResult){0};
}

static void add_failure(CcbBootResult *ret, const CcbBootUnit *unit, bool expected)
{
    CcbBootFailure *failure = g_new0(CcbBootFailure, 1);
    failure->unit = g_strdup(unit->name);
    failure->reason = g_strdup(unit->reason);
    failure->expected = expected;
    g_ptr_array_add(ret->failed, failure);
}

static void judge_units(const CcbConsole *console, CcbBootResult *ret)
{
    const GPtrArray *units = ccb_console_units(console);
    for (guint i = 0; i < units->len; i++) {
        const CcbBootUnit *unit = units->pdata[i];
        bool of_gpu = g_strv_contains(gpu_units, unit->name);
        if (unit->state == CCB_UNIT_FAILED)
            add_failure(ret, unit, of_gpu);
        else if (unit->state == CCB_UNIT_SKIPPED && of_gpu)
            g_ptr_array_add(ret->skipped, g_strdup(unit->name));
    }
}

static void judge_order(const CcbConsole *console, const char *before, const char *after,
                        CcbBootResult *ret)
{
    CcbOrder seen = ccb_console_order(console, before, after);
    if (seen == CCB_ORDER_NOT_SEEN)
        return;
    CcbBootOrder *order = g_new0(CcbBootOrder, 1);
    order->before = g_strdup(before);
    order->after = g_strdup(after);
    order->kept = seen == CCB_ORDER_KEPT;
    g_ptr_array_add(ret->orders, order);
}

static void judge_orders(const CcbConsole *console, char *const *consumers, CcbBootResult *ret)
{
    judge_order(console, FABRIC, PERSISTENCE, ret);
    for (const char *const *unit = known_consumers; *unit; unit++)
        judge_order(console, PERSISTENCE, *unit, ret);
    for (char *const *unit = consumers; unit && *unit; unit++)
        if (!g_strv_contains(known_consumers, *unit))
            judge_order(console, PERSISTENCE, *unit, ret);
}

static void demand(const CcbConsole *console, const char *name, CcbBootResult *ret)
{
    if (ccb_console_unit(console, name) == NULL)
        g_ptr_array_add(ret->missing, g_strdup(name));
}

void ccb_boot_judge(const CcbConsole *console, char *const *gpu_consumers, unsigned gpus,
                    CcbBootResult *ret)
{
    ret->failed = g_ptr_array_new_with_free_func(failure_free);
    ret->skipped = g_ptr_array_new_with_free_func(g_free);
    ret->missing = g_ptr_array_new_with_free_func(g_free);
    ret->orders = g_ptr_array_new_with_free_func(order_free);
    ret->notes = g_ptr_array_new_with_free_func(g_free);
    ret->up = g_strdup(ccb_console_up(console));
    judge_units(console, ret);
    judge_orders(console, gpu_consumers, ret);
    if (gpus >= 1 && ret->up)
        demand(console, PERSISTENCE, ret);
    if (gpus >= 8 && ret->up)
        demand(console, FABRIC, ret);
    const GPtrArray *notes = ccb_console_notes(console);
    for (guint i = 0; i < notes->len; i++)
        g_ptr_array_add(ret->notes, g_strdup(notes->pdata[i]));
}

bool ccb_boot_is_good(const CcbBootResult *result)
{
    for (guint i = 0; i < result->failed->len; i++)
        if (!((const CcbBootFailure *)result->failed->pdata[i])->expected)
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
        json_array_append_new(list, json_pack("{s:s, s:s?, s:b}", "unit", f->unit, "reason",
                                              f->reason, "expected", f->expected));
    }
    return list;
}

static json_t *orders_to_json(const GPtrArray *orders)
{
    json_t *list = json_array();
    for (guint i = 0; i < orders->len; i++) {
        const CcbBootOrder *o = orders->pdata[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "before", o->before, "after",
                                              o->after, "kept", o->kept));
    }
    return list;
}

json_t *ccb_boot_to_json(const CcbBootResult *result)
{
    return json_pack("{s:b, s:s?, s:s?, s:f, s:b, s:s?, s:o, s:o, s:o, s:o, s:o}", "good",
                     ccb_boot_is_good(result), "target", result->up, "trouble", result->trouble,
                     "seconds", result->seconds, "emulated", result->emulated, "kvm", result->kvm,
                     "failed", failures_to_json(result->failed), "skipped",
                     strings_to_json(result->skipped), "missing", strings_to_json(result->missing),
                     "order", orders_to_json(result->orders), "notes",
                     strings_to_json(result->notes));
}
