/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check-request.h"

#include "base/quantity.h"
#include "check/context.h"
#include "image/qcow2-file.h"

static bool run_region(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autoptr(GError) reason = NULL;
    const CcbEcsType *type = ctx->request->type;
    if (type->region == NULL)
        return ccb_result_skip(result, "it is not known which regions have %s", type->name);
    if (!ccb_ecs_region_check(type, ctx->request->region, &reason))
        return ccb_result_fail(result, "%s", reason->message);
    return ccb_result_pass(result, "%s", type->region);
}

static bool run_zone(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autoptr(GError) reason = NULL;
    const CcbEcsType *type = ctx->request->type;
    const char *zone = ctx->request->zone;
    if (type->zones[0] == NULL)
        return ccb_result_skip(result, "it is not known which zones have %s", type->name);
    if (!ccb_ecs_zone_check(type, zone, &reason))
        return ccb_result_fail(result, "%s", reason->message);
    return ccb_result_pass(result, "%s", zone != NULL ? zone : type->zones[0]);
}

static bool run_gpus(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbEcsType *type = ctx->request->type;
    if (ctx->gpus != type->gpus)
        return ccb_result_fail(result, "an image for %u %s, and %s has %u", ctx->gpus,
                               ccb_plural(ctx->gpus, "GPU", "GPUs"), type->name, type->gpus);
    return ccb_result_pass(result, "%u, as %s has", type->gpus, type->name);
}

static bool run_name(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autoptr(GError) reason = NULL;
    if (ctx->request->name == NULL)
        return ccb_result_skip(result, "none was given");
    if (!ccb_ecs_image_name_check(ctx->request->name, &reason))
        return ccb_result_fail(result, "%s", reason->message);
    return ccb_result_pass(result, "%s", ctx->request->name);
}

/* What our own reader reads is what every reader does: no zstd, no dynamic VHD. */
static bool run_format(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbCheckRequest *request = ctx->request;
    const char *name = ccb_ecs_format(request->format);
    bool foreign;
    g_autoptr(GError) reason = NULL;
    if (name == NULL)
        return ccb_result_fail(result, "%s", request->format);
    g_autoptr(CcbQcow2File) file =
        ccb_qcow2_file_open(request->image, request->format, &foreign, &reason);
    if (file != NULL)
        return ccb_result_pass(result, "%s", name);
    if (foreign)
        return ccb_result_fail(result, "%s", reason->message);
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

static const CcbCheck request_checks[] = {
    {"request.region", CCB_SEVERITY_ERROR,
     "An image is imported into one region, and an instance starts in the image's region.",
     "Take the region of the instance type.", run_region},
    {"request.zone", CCB_SEVERITY_ERROR, "An instance type is offered in some zones only.",
     "Take a zone that has the instance type.", run_zone},
    {"request.gpus", CCB_SEVERITY_ERROR,
     "One GPU in confidential mode and eight in Protected PCIe mode want different drivers and "
     "settings.",
     "Take another instance type, or the image of the recipe for this one.", run_gpus},
    {"request.name", CCB_SEVERITY_ERROR, "The import refuses other names.",
     "Begin with a letter; use letters, digits and .:_- only.", run_name},
    {"request.format", CCB_SEVERITY_ERROR,
     "The import reads plain QCOW2, RAW and VHD; the size of other kinds of VHD is not what it "
     "says.",
     "Make another file of it: ccbake convert IMAGE --to qcow2 (or vhd).", run_format},
    {0},
};

static const CcbCheck *const families[] = {ccb_checks_import, ccb_checks_initramfs, request_checks,
                                           NULL};

bool ccb_check_request(CcbGuest *guest, const CcbExpectation *expect,
                       const CcbCheckRequest *request, CcbResults **ret_results, GError **error)
{
    g_autoptr(CcbCheckContext) ctx = ccb_check_context_new(guest, expect);
    ctx->request = request;
    return ccb_check_run(ctx, families, ret_results, error);
}
