/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/guest-units.h"

#include "check/guest-cmdline.h"

const char *const ccb_cloud_init_units[] = {
    "cloud-init-local.service", "cloud-init-main.service", "cloud-init-network.service",
    "cloud-init.service",       "cloud-init.target",       "cloud-config.service",
    "cloud-config.target",      "cloud-final.service",     NULL};

/* As systemd.unit=, systemd.mask= and systemd.wants= of this boot change them (systemd-debug-generator(8)); a target that
 * is not there is replaced by systemd's rescue.target. */
static void apply_line(CcbUnitSet *set, const CcbCmdline *line)
{
    static const char mask[] = "systemd.mask", wants[] = "systemd.wants";
    g_autofree char *target = ccb_cmdline_target(line);
    g_auto(GStrv) masked = ccb_cmdline_units(line, mask);
    g_auto(GStrv) wanted = ccb_cmdline_units(line, wants);
    for (char **unit = masked; *unit != NULL; unit++)
        if (ccb_unitgraph_add(set->graph, *unit, NULL, NULL)) {
            g_hash_table_remove(set->paths, *unit);
            g_hash_table_add(set->masked, g_strdup(*unit));
        }
    if (target != NULL)
        ccb_unitgraph_add_alias(set->graph, "default.target",
                                ccb_unitgraph_has(set->graph, target) ? target : "rescue.target");
    for (char **unit = wanted; *unit != NULL; unit++) {
        g_autofree char *reason =
            g_strdup_printf("%s=%s on the kernel's command line", wants, *unit);
        ccb_unitgraph_add_want(
            set->graph, ccb_unitgraph_resolve(set->graph, ccb_unitset_target(set)), *unit, reason);
    }
}

static gpointer produce_set(CcbCheckContext *ctx, const char *name, GError **error)
{
    const CcbCmdline *line = ccb_check_cmdline(ctx, error);
    CcbUnitSet *set = *error == NULL ? ccb_unitset_read(ctx->guest, error) : NULL;
    if (set != NULL && line != NULL)
        apply_line(set, line);
    return set;
}

CcbUnitSet *ccb_check_units(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "units", "", produce_set, (GDestroyNotify)ccb_unitset_free, error);
}

CcbUnit *ccb_check_unit(CcbCheckContext *ctx, const char *name, GError **error)
{
    CcbUnit *unit = NULL;
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set != NULL)
        ccb_unitset_unit(set, ctx->guest, name, &unit, error);
    return unit;
}
