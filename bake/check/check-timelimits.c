/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check-timelimits.h"

#include "check/guest-module.h"
#include "check/guest-units.h"
#include "guide/gpu-units.h"

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

static void check_limit(const CcbUnit *unit, const CcbUnit *manager, const char *path,
                        const char *which, guint64 least_s, CcbCheckResult *result)
{
    g_autofree char *key = g_strdup_printf("Timeout%sSec", which);
    g_autofree char *global = g_strdup_printf("DefaultTimeout%sSec", which);
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Service", key);
    /* It sets both limits, where they are not set by themselves. */
    g_autoptr(GPtrArray) both = ccb_unit_get_all(unit, "Service", "TimeoutSec");
    g_autoptr(GPtrArray) defaults = ccb_unit_get_all(manager, "Manager", global);
    const GPtrArray *set = values->len > 0 ? values : both;
    const CcbUnitValue *found = last_value(set->len > 0 ? set : defaults, NULL);
    /* A unit's own file knows best: a drop-in may lengthen its limit only. */
    const CcbUnitValue *own = last_value(set, path);
    if (own != NULL)
        least_s = MAX(least_s, seconds_of(own));
    if ((found != NULL ? seconds_of(found) : DEFAULT_S) >= least_s)
        return;
    g_autofree char *expected = least_s == G_MAXUINT64
                                    ? g_strdup("no limit")
                                    : g_strdup_printf("%" G_GUINT64_FORMAT " s or more", least_s);
    if (found != NULL)
        ccb_result_fail(result, "%s:%u: %s=%s, expected %s", found->file, found->line, found->key,
                        found->value, expected);
    else
        ccb_result_fail(result, "%s: no %s=, expected %s", path, key, expected);
}

/* systemd-system.conf(5): what holds for units that say nothing themselves. */
static CcbUnit *read_manager(CcbCheckContext *ctx, GError **error)
{
    static const char conf[] = "/etc/systemd/system.conf";
    CcbUnit *manager = ccb_unit_parse("", 0, conf, error);
    g_autoptr(GStrvBuilder) files = g_strv_builder_new();
    g_auto(GStrv) drop_ins = ccb_check_paths(ctx, "/etc/systemd/system.conf.d", ".conf", error);
    g_strv_builder_add(files, conf);
    g_strv_builder_addv(files, (const char **)drop_ins);
    g_auto(GStrv) paths = g_strv_builder_end(files);
    for (char **path = paths; *error == NULL && *path != NULL; path++) {
        const CcbGuestText *file = ccb_check_text(ctx, *path, error);
        g_autoptr(CcbUnit) part =
            file->text != NULL ? ccb_unit_parse(file->text, file->size, *path, error) : NULL;
        if (part != NULL)
            ccb_unit_merge(manager, part);
    }
    return manager;
}

bool ccb_check_time_limits(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set == NULL)
        return false;
    g_autoptr(CcbUnit) manager = read_manager(ctx, error);
    for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
        const char *path = ccb_unitset_path(set, limits[i].unit);
        if (limits[i].gpus != ctx->gpus || path == NULL)
            continue;
        g_autoptr(CcbUnit) unit = ccb_check_unit(ctx, limits[i].unit, error);
        if (unit != NULL)
            check_limit(unit, manager, path, limits[i].which, limits[i].least_s, result);
    }
    return ccb_result_pass(result, "for %s", ccb_check_gpus(ctx));
}
