/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RunInstances, for the confidential GPU types.  They are confidential by their type: unlike CPU
 * instances with TDX they take no SecurityOptions.
 */
#include "base/error.h"
#include "cloud/request-parts.h"
#include "guide/ecs.h"

/* The guide: an instance with eight GPUs that is created or restarted with further devices may fail
 * to start, because the bounce buffer runs out. */
static bool refuse_device(const CcbEcsType *type, const char *option, const char *what,
                          GError **error)
{
    ccb_fail(
        error, CCB_ERR_USAGE,
        "%s: %s can't be created with %s: the device takes bounce buffer (swiotlb) that 8 GPUs "
        "need, and the instance may fail to start",
        option, type->name, what);
    return ccb_hint(error, "attach it when the instance runs, and detach it before a restart");
}

static bool check_devices(const CcbRunWish *wish, const CcbEcsType *type, GError **error)
{
    bool disk = ccb_request_sets(&wish->options, "DataDisk.");
    bool interface = ccb_request_sets(&wish->options, "NetworkInterface.");
    if (type->gpus == 8 && (wish->data_disk_gib > 0 || disk))
        return refuse_device(type, disk ? "--set DataDisk" : "--data-disk", "a data disk", error);
    if (type->gpus == 8 && (wish->interface != NULL || interface))
        return refuse_device(type, interface ? "--set NetworkInterface" : "--network-interface",
                             "a secondary network interface", error);
    if (wish->interface != NULL && wish->security_group == NULL)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--network-interface needs --security-group: it has no other");
    return wish->interface == NULL ||
           ccb_request_check_id("--network-interface", wish->interface, "vsw-", error);
}

/* RunInstances, of cloud_essd of performance level 1, the default. */
enum { SYSTEM_MIN_GIB = 20, SYSTEM_MAX_GIB = 2048, DATA_MIN_GIB = 20, DATA_MAX_GIB = 65536 };

static bool check_size(const char *option, unsigned gib, unsigned least, unsigned most,
                       GError **error)
{
    return gib == 0 || (gib >= least && gib <= most) ||
           ccb_fail(error, CCB_ERR_USAGE, "%s=%u: expected %u to %u GiB", option, gib, least, most);
}

/* A system disk is not smaller than its image. */
static bool check_sizes(const CcbRunWish *wish, GError **error)
{
    unsigned least = MAX(SYSTEM_MIN_GIB, wish->image_gib);
    return check_size("--disk-size", wish->disk_gib, least, SYSTEM_MAX_GIB, error) &&
           check_size("--data-disk", wish->data_disk_gib, DATA_MIN_GIB, DATA_MAX_GIB, error);
}

static bool check_bandwidth(unsigned bandwidth, GError **error)
{
    enum { LARGEST = 100 };
    return bandwidth <= LARGEST ||
           ccb_fail(error, CCB_ERR_USAGE, "--bandwidth=%u: expected at most %d Mbit/s", bandwidth,
                    LARGEST);
}

static bool check_name(const char *name, GError **error)
{
    if (name == NULL || ccb_ecs_instance_name_check(name, error))
        return true;
    g_prefix_error(error, "--name: ");
    return false;
}

/* An image for eight GPUs makes a single one unusable, and the other way round. */
static bool check_gpus(const CcbRunWish *wish, const CcbEcsType *type, GError **error)
{
    return wish->gpus == 0 || wish->gpus == type->gpus ||
           ccb_fail(error, CCB_ERR_USAGE, "the image is for %u GPU%s, and %s has %u", wish->gpus,
                    wish->gpus == 1 ? "" : "s", type->name, type->gpus);
}

static bool check(const CcbRunWish *wish, const CcbEcsType *type, GError **error)
{
    return ccb_ecs_region_check(type, wish->region, error) &&
           ccb_ecs_zone_check(type, wish->zone, error) &&
           ccb_request_check_id("IMAGE-ID", wish->image_id, "", error) &&
           ccb_request_check_id("--vswitch", wish->vswitch, "vsw-", error) &&
           ((wish->security_group == NULL &&
             ccb_request_sets(&wish->options, "SecurityGroupIds.")) ||
            ccb_request_check_id("--security-group", wish->security_group, "sg-", error)) &&
           ccb_request_check_id("--key-pair", wish->key_pair, "", error) &&
           check_gpus(wish, type, error) && check_name(wish->name, error) &&
           check_sizes(wish, error) && check_bandwidth(wish->bandwidth, error) &&
           check_devices(wish, type, error);
}

static void add_network(CcbRequest *request, const CcbRunWish *wish)
{
    ccb_request_add(request, "VSwitchId", wish->vswitch);
    ccb_request_add(request, "SecurityGroupId", wish->security_group);
    if (wish->bandwidth > 0) {
        ccb_request_add(request, "InternetChargeType", "PayByTraffic");
        ccb_request_add_number(request, "InternetMaxBandwidthOut", wish->bandwidth);
    }
    if (wish->interface != NULL) { /* beside the primary one, which VSwitchId makes */
        ccb_request_add(request, "NetworkInterface.1.InstanceType", "Secondary");
        ccb_request_add(request, "NetworkInterface.1.VSwitchId", wish->interface);
        ccb_request_add(request, "NetworkInterface.1.SecurityGroupId", wish->security_group);
    }
}

static void add_disks(CcbRequest *request, const CcbRunWish *wish)
{
    ccb_request_add(request, "SystemDisk.Category", "cloud_essd");
    if (wish->disk_gib > 0)
        ccb_request_add_number(request, "SystemDisk.Size", wish->disk_gib);
    if (wish->data_disk_gib > 0) {
        ccb_request_add(request, "DataDisk.1.Category", "cloud_essd");
        ccb_request_add_number(request, "DataDisk.1.Size", wish->data_disk_gib);
    }
}

/* By it scripts/run-instance finds an instance that the same request started before. */
static bool add_run_tag(CcbRequest *request, GError **error)
{
    return ccb_request_add_tag(request, "ccbake-run", ccb_request_get(request, "ClientToken"),
                               error);
}

CcbRequest *ccb_request_run(const CcbRunWish *wish, GError **error)
{
    CcbEcsType type;
    if (!ccb_ecs_type_get(wish->type, wish->gpus, &type, error) || !check(wish, &type, error))
        return NULL;
    g_autoptr(CcbRequest) request = ccb_request_new("RunInstances");
    ccb_request_add(request, "RegionId",
                    wish->region  ? wish->region
                    : type.region ? type.region
                                  : CCB_ECS_DEFAULT_REGION);
    ccb_request_add(request, "ZoneId", wish->zone ? wish->zone : type.zones[0]);
    ccb_request_add(request, "InstanceType", type.name);
    ccb_request_add(request, "ImageId", wish->image_id);
    ccb_request_add(request, "InstanceName", wish->name);
    ccb_request_add(request, "KeyPairName", wish->key_pair);
    add_network(request, wish);
    add_disks(request, wish);
    ccb_request_add(request, "Amount", "1");
    ccb_request_add(request, "HttpTokens", wish->http_tokens);
    if (!ccb_request_add_tag(request, "ccbake-key", wish->key, error) ||
        !ccb_request_finish(request, &wish->options, error) || !add_run_tag(request, error))
        return NULL;
    return g_steal_pointer(&request);
}
