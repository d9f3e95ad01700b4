/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RunInstances, for the confidential GPU types.  They are confidential by their type: unlike CPU
 * instances with TDX they take no SecurityOptions.
 */
#include "base/error.h"
#include "base/quantity.h"
#include "cloud/request-parts.h"
#include "guide/ecs.h"

/* The guide: an instance with eight GPUs that is created or restarted with further devices may fail to
 * start, because the bounce buffer runs out. */
static bool check_devices(const CcbRunWish *wish, const CcbEcsType *type, GError **error)
{
    bool disk = ccb_request_sets(&wish->options, "DataDisk.");
    bool interface = ccb_request_sets(&wish->options, "NetworkInterface.");
    const char *option = NULL, *what = NULL;
    if (wish->data_disk_gib > 0 || disk) {
        option = disk ? "--set DataDisk" : "--data-disk";
        what = "a data disk";
    } else if (wish->interface != NULL || interface) {
        option = interface ? "--set NetworkInterface" : "--network-interface";
        what = "a secondary network interface";
    }
    if (type->gpus == 8 && option != NULL) {
        ccb_fail(error, CCB_ERR_USAGE,
                 "%s: %s can't be created with %s: the device takes bounce buffer (swiotlb) that 8 "
                 "GPUs need, and the instance may fail to start",
                 option, type->name, what);
        return ccb_hint(error, "attach it when the instance runs, and detach it before a restart");
    }
    if (wish->interface != NULL && wish->security_group == NULL)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--network-interface needs --security-group: it has no other");
    return wish->interface == NULL ||
           ccb_request_check_id("--network-interface", wish->interface, "vsw-", error);
}

/* `gib` is 0, for none, or in the range of RunInstances for cloud_essd of performance level 1, the default. */
static bool check_size(const char *option, unsigned gib, unsigned least, unsigned most,
                       GError **error)
{
    return gib == 0 || (gib >= least && gib <= most) ||
           ccb_fail(error, CCB_ERR_USAGE, "%s=%u: expected %u to %u GiB", option, gib, least, most);
}

static bool check(const CcbRunWish *wish, const CcbEcsType *type, GError **error)
{
    enum { MAX_BANDWIDTH = 100 };
    bool sets_group = ccb_request_sets(&wish->options, "SecurityGroupIds.");
    if (!ccb_ecs_region_check(type, wish->region, error) ||
        !ccb_ecs_zone_check(type, wish->zone, error) ||
        !ccb_request_check_id("IMAGE-ID", wish->image_id, "", error) ||
        !ccb_request_check_id("--vswitch", wish->vswitch, "vsw-", error))
        return false;
    if ((wish->security_group != NULL || !sets_group) &&
        !ccb_request_check_id("--security-group", wish->security_group, "sg-", error))
        return false;
    if (!ccb_request_check_id("--key-pair", wish->key_pair, "", error))
        return false;
    /* An image for eight GPUs makes a single one unusable, and the other way round. */
    if (wish->gpus != 0 && wish->gpus != type->gpus)
        return ccb_fail(error, CCB_ERR_USAGE, "the image is for %u %s, and %s has %u", wish->gpus,
                        ccb_plural(wish->gpus, "GPU", "GPUs"), type->name, type->gpus);
    if (wish->name != NULL && !ccb_ecs_instance_name_check(wish->name, error)) {
        g_prefix_error(error, "--name: ");
        return false;
    }
    /* A system disk is not smaller than its image. */
    if (!check_size("--disk-size", wish->disk_gib, MAX(20, wish->image_gib), 2048, error) ||
        !check_size("--data-disk", wish->data_disk_gib, 20, 65536, error))
        return false;
    if (wish->bandwidth > MAX_BANDWIDTH)
        return ccb_fail(error, CCB_ERR_USAGE, "--bandwidth=%u: expected at most %d Mbit/s",
                        wish->bandwidth, MAX_BANDWIDTH);
    return check_devices(wish, type, error);
}

CcbRequest *ccb_request_run(const CcbRunWish *wish, GError **error)
{
    CcbEcsType type;
    if (!ccb_ecs_type_get(wish->type, wish->gpus, &type, error) || !check(wish, &type, error))
        return NULL;
    g_autoptr(CcbRequest) request = ccb_request_new("RunInstances");
    const char *region = type.region ? type.region : CCB_ECS_DEFAULT_REGION;
    ccb_request_add(request, "RegionId", wish->region ? wish->region : region);
    ccb_request_add(request, "ZoneId", wish->zone ? wish->zone : type.zones[0]);
    ccb_request_add(request, "InstanceType", type.name);
    ccb_request_add(request, "ImageId", wish->image_id);
    ccb_request_add(request, "InstanceName", wish->name);
    ccb_request_add(request, "KeyPairName", wish->key_pair);
    ccb_request_add(request, "VSwitchId", wish->vswitch);
    ccb_request_add(request, "SecurityGroupId", wish->security_group);
    if (wish->bandwidth > 0) {
        ccb_request_add(request, "InternetChargeType", "PayByTraffic");
        ccb_request_add_number(request, "InternetMaxBandwidthOut", wish->bandwidth);
    }
    if (wish->interface != NULL) { /* besides the primary one, which VSwitchId makes */
        ccb_request_add(request, "NetworkInterface.1.InstanceType", "Secondary");
        ccb_request_add(request, "NetworkInterface.1.VSwitchId", wish->interface);
        ccb_request_add(request, "NetworkInterface.1.SecurityGroupId", wish->security_group);
    }
    ccb_request_add(request, "SystemDisk.Category", "cloud_essd");
    ccb_request_add_number(request, "SystemDisk.Size", wish->disk_gib);
    if (wish->data_disk_gib > 0) {
        ccb_request_add(request, "DataDisk.1.Category", "cloud_essd");
        ccb_request_add_number(request, "DataDisk.1.Size", wish->data_disk_gib);
    }
    ccb_request_add(request, "Amount", "1");
    ccb_request_add(request, "HttpTokens", wish->http_tokens);
    if (!ccb_request_add_tag(request, "ccbake-key", wish->key, error) ||
        !ccb_request_finish(request, &wish->options, error))
        return NULL;
    /* By ccbake-run scripts/run-instance finds an instance that the same request started before. */
    const char *token = ccb_request_get(request, "ClientToken");
    return ccb_request_add_tag(request, "ccbake-run", token, error) ? g_steal_pointer(&request)
                                                                    : NULL;
}
