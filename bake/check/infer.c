/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many GPUs an image is for, when nobody said it.  An image for eight shows three signs; two
 * of them decide, so that a stray or a missing one is reported as the fault that it is.
 */
#include "base/quantity.h"
#include "check/context.h"
#include "check/guest-module.h"
#include "check/guest-units.h"
#include "guide/gpu-units.h"

static bool has_fabric_manager(CcbCheckContext *ctx)
{
    bool present = false;
    return ccb_check_present(ctx, "/usr/bin/nv-fabricmanager", &present, NULL) && present;
}

static bool protects_pcie(CcbCheckContext *ctx)
{
    const CcbModprobe *config = ccb_check_modprobe(ctx, NULL);
    if (config == NULL)
        return false;
    g_autofree char *dwords = ccb_modprobe_option(config, "nvidia", "NVreg_RegistryDwords");
    return ccb_registry_is_set(dwords, CCB_PROTECTED_PCIE);
}

static bool waits_for_fabric(CcbCheckContext *ctx)
{
    CcbUnitSet *units = ccb_check_units(ctx, NULL);
    if (units == NULL)
        return false;
    g_autoptr(GPtrArray) why =
        ccb_unitgraph_why_after(units->graph, CCB_PERSISTENCED, CCB_FABRICMANAGER, NULL);
    return why != NULL;
}

static void infer_gpus(CcbCheckContext *ctx)
{
    static const char *const counts[] = {"none", "one", "two", "all"};
    int signs = has_fabric_manager(ctx) + protects_pcie(ctx) + waits_for_fabric(ctx);
    ctx->gpus = signs >= 2 ? 8 : 1;
    g_ptr_array_add(
        ctx->notes,
        g_strdup_printf("Assuming %u %s: %s of the three marks of an 8-GPU image %s found.",
                        ctx->gpus, ccb_plural(ctx->gpus, "GPU", "GPUs"), counts[signs],
                        signs > 1 ? "were" : "was"));
}

/* An unreadable image is for the checks to report: what can't be read is only not noted here. */
static void infer_driver(CcbCheckContext *ctx)
{
    const char *version = ccb_check_driver_version(ctx, NULL);
    if (version != NULL)
        g_ptr_array_add(ctx->notes,
                        g_strdup_printf("Assuming driver %s, as nvidia.ko says.", version));
}

static bool lacks_driver(CcbCheckContext *ctx)
{
    bool has = false;
    return ccb_check_has_driver(ctx, &has, NULL) && !has;
}

void ccb_check_infer(CcbCheckContext *ctx)
{
    ctx->gpus = 0;
    if (ctx->expect->no_driver || lacks_driver(ctx))
        return;
    ctx->gpus = ctx->expect->gpus;
    if (ctx->gpus == 0)
        infer_gpus(ctx);
    if (ctx->expect->driver == NULL)
        infer_driver(ctx);
}
