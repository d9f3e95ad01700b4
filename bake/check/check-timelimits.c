/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check-timelimits.h"

#include "check/guest-units.h"
#include "guide/gpu-units.h"
#include "systemd/unit.h"

/* DefaultTimeoutStartSec= and DefaultTimeoutStopSec= where nobody sets them: systemd-system.conf(5). */
enum { DEFAULT_S = 90 };

/* Eight GPUs: the guide's texts, where one GPU and Fabric Manager keep what systemd gives. */
static const struct {
    unsigned gpus;
    const char *unit;
    const char *which;
    guint64 least_s;
} limits[] = {
    {1, CCB_PERSISTENCED, "Start", DEFAULT_S},
    {8, CCB_PERSISTENCED, "Start", 900},
    {8, CCB_PERSISTENCED, "Stop", 60},
    {8, CCB_FABRICMANAGER, "Start", DEFAULT_S},
};

/* 0 switches a limit off; what systemd does not understand is as short as can be. */
static guint64 seconds_of(const CcbUnitValue *value)
{
    guint64 seconds;
    if (!ccb_unit_seconds(value->value, &seconds))
        return 0;
    return seconds == 0 ? G_MAXUINT64 : seconds;
}

/* TimeoutSec= sets both limits, where they are not set by themselves. */
static GPtrArray *values_of(const CcbUnit *unit, const char *which)
{
    g_autofree char *key = g_strdup_printf("Timeout%sSec", which);
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Service", key);
    return values->len > 0 ? g_steal_pointer(&values)
                           : ccb_unit_get_all(unit, "Service", "TimeoutSec");
}

/* The last one that `file` has, or, with NULL, the last one of all. */
static const CcbUnitValue *last_value(const GPtrArray *values, const char *file)
{
    for (guint i = values->len; i > 0; i--) {
        const CcbUnitValue *value = values->pdata[i - 1];
        if (file == NULL || g_str_equal(value->file, file))
            return value;
    }
    return NULL;
}

/* A unit's own file knows best: a drop-in may lengthen its limit only. */
static guint64 least_of(const GPtrArray *values, const char *path, guint64 least_s)
{
    const CcbUnitValue *own = last_value(values, path);
    return own != NULL ? MAX(least_s, seconds_of(own)) : least_s;
}

static char *span(guint64 seconds)
{
    return seconds == G_MAXUINT64 ? g_strdup("no limit")
                                  : g_strdup_printf("%" G_GUINT64_FORMAT " s or more", seconds);
}

static void judge(const CcbUnit *unit, const CcbUnit *manager, const char *path, const char *which,
                  guint64 least_s, CcbCheckResult *result)
{
    g_autofree char *global = g_strdup_printf("DefaultTimeout%sSec", which);
    g_autoptr(GPtrArray) values = values_of(unit, which);
    g_autoptr(GPtrArray) defaults = ccb_unit_get_all(manager, "Manager", global);
    const CcbUnitValue *found = last_value(values->len > 0 ? values : defaults, NULL);
    guint64 least = least_of(values, path, least_s);
    if ((found != NULL ? seconds_of(found) : DEFAULT_S) >= least)
        return;
    g_autofree char *expected = span(least);
    if (found != NULL)
        ccb_result_fail(result, "%s:%u: %s=%s, expected %s", found->file, found->line, found->key,
                        found->value, expected);
    else
        ccb_result_fail(result, "%s: no Timeout%sSec=, expected %s", path, which, expected);
}

static bool merge_manager(CcbCheckContext *ctx, const char *path, CcbUnit *manager, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL || file->text == NULL)
        return file != NULL;
    g_autoptr(CcbUnit) part = ccb_unit_parse(file->text, file->size, path, error);
    if (part != NULL)
        ccb_unit_merge(manager, part);
    return part != NULL;
}

/* systemd-system.conf(5): what holds for units that say nothing themselves. */
static CcbUnit *read_manager(CcbCheckContext *ctx, GError **error)
{
    static const char conf[] = "/etc/systemd/system.conf", conf_d[] = "/etc/systemd/system.conf.d";
    g_autoptr(CcbUnit) manager = ccb_unit_parse("", 0, conf, error);
    char **names = ccb_check_list(ctx, conf_d, error);
    if (manager == NULL || names == NULL || !merge_manager(ctx, conf, manager, error))
        return NULL;
    for (; *names != NULL; names++) {
        g_autofree char *path = g_build_filename(conf_d, *names, NULL);
        if (g_str_has_suffix(*names, ".conf") && !merge_manager(ctx, path, manager, error))
            return NULL;
    }
    return g_steal_pointer(&manager);
}

bool ccb_check_time_limits(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set = ccb_check_units(ctx, error);
    g_autoptr(CcbUnit) manager = set != NULL ? read_manager(ctx, error) : NULL;
    if (manager == NULL)
        return false;
    for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
        g_autoptr(CcbUnit) unit = NULL;
        const char *path = ccb_unitset_path(set, limits[i].unit);
        if (limits[i].gpus != ctx->gpus || path == NULL)
            continue;
        if (!ccb_check_unit(ctx, limits[i].unit, &unit, error))
            return false;
        judge(unit, manager, path, limits[i].which, limits[i].least_s, result);
    }
    return ccb_result_pass(result, "for %u GPU%s", ctx->gpus, ctx->gpus > 1 ? "s" : "");
}
