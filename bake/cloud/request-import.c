/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ImportImage.  What the usual tools leave out makes the image invisible to the instance types that
 * it is for: BootMode (the default is BIOS) and Features.NvmeSupport.
 */
#include <string.h>

#include "base/error.h"
#include "cloud/oss.h"
#include "cloud/request-parts.h"
#include "guide/ecs.h"

/* The file's name without what an image name can't hold, and the digest's beginning, so that another
 * image has another name; caller frees. */
static char *default_name(const CcbImportWish *wish)
{
    enum { DIGITS = 12, LONGEST = 100 };
    g_autofree char *base = g_path_get_basename(wish->file);
    char *dot = strrchr(base, '.');
    if (dot != NULL && dot != base)
        *dot = '\0';
    g_strcanon(base, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-", '-');
    bool begins_well = g_ascii_isalpha(base[0]) && !g_str_has_prefix(base, "aliyun");
    return g_strdup_printf("%s%.*s-%.*s", begins_well ? "" : "ccbake-", LONGEST, base, DIGITS,
                           wish->sha256);
}

static bool choose_size(const CcbImportWish *wish, unsigned *ret_gib, GError **error)
{
    uint64_t least = ccb_ecs_disk_gib(wish->virtual_size);
    *ret_gib = wish->disk_gib ? wish->disk_gib : (unsigned)least;
    if (!ccb_ecs_size_check(wish->virtual_size, error)) {
        g_prefix_error(error, "%s: virtual size: ", wish->file);
        return false;
    }
    if (*ret_gib >= least && *ret_gib <= CCB_ECS_MAX_GIB)
        return true;
    return ccb_fail(error, CCB_ERR_USAGE,
                    "--disk-size=%u: expected %" G_GUINT64_FORMAT " GiB, as the image has, to %d",
                    *ret_gib, least, CCB_ECS_MAX_GIB);
}

static bool check_key(const CcbImportWish *wish, const char *key, GError **error)
{
    if (*key != '\0' && !g_str_has_suffix(key, "/"))
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "%s: the object has no name", wish->object);
    return ccb_hint(error, "write all of the key that the image was uploaded to");
}

static bool add_disk(CcbRequest *request, const CcbImportWish *wish, GError **error)
{
    unsigned gib;
    g_autofree char *bucket = NULL, *key = NULL;
    const char *format = ccb_ecs_format(wish->format);
    if (format == NULL)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "%s is %s; the cloud imports qcow2, VHD and raw images", wish->file,
                        wish->format);
    if (!ccb_oss_split(wish->object, &bucket, &key, error) || !choose_size(wish, &gib, error) ||
        !check_key(wish, key, error))
        return false;
    ccb_request_add(request, "DiskDeviceMapping.1.Format", format);
    ccb_request_add(request, "DiskDeviceMapping.1.OSSBucket", bucket);
    ccb_request_add(request, "DiskDeviceMapping.1.OSSObject", key);
    ccb_request_add_number(request, "DiskDeviceMapping.1.DiskImageSize", gib);
    return true;
}

/* By ccbake-sha256 scripts/import-image finds an image that was imported before; by ccbake-gpus
 * scripts/run-instance sees whether an instance type fits. */
static bool add_tags(CcbRequest *request, const CcbImportWish *wish, GError **error)
{
    g_autofree char *gpus = wish->gpus > 0 ? g_strdup_printf("%u", wish->gpus) : NULL;
    return ccb_request_add_tag(request, "ccbake-sha256", wish->sha256, error) &&
           ccb_request_add_tag(request, "ccbake-key", wish->key, error) &&
           ccb_request_add_tag(request, "ccbake-recipe", wish->recipe, error) &&
           ccb_request_add_tag(request, "ccbake-driver", wish->driver, error) &&
           ccb_request_add_tag(request, "ccbake-gpus", gpus, error);
}

CcbRequest *ccb_request_import(const CcbImportWish *wish, GError **error)
{
    g_autofree char *name = wish->name ? g_strdup(wish->name) : default_name(wish);
    g_autoptr(CcbRequest) request = ccb_request_new("ImportImage");
    if (!ccb_ecs_image_name_check(name, error))
        return NULL;
    ccb_request_add(request, "RegionId", wish->region);
    ccb_request_add(request, "ImageName", name);
    ccb_request_add(request, "Architecture", "x86_64");
    ccb_request_add(request, "OSType", "linux");
    ccb_request_add(request, "Platform", "Aliyun");
    ccb_request_add(request, "BootMode", "UEFI");
    ccb_request_add(request, "Features.NvmeSupport", "supported");
    ccb_request_add(request, "Features.ImdsSupport", wish->imds_v2 ? "v2" : NULL);
    ccb_request_add(request, "RoleName", "AliyunECSImageImportDefaultRole");
    if (!add_disk(request, wish, error) || !add_tags(request, wish, error) ||
        !ccb_request_finish(request, &wish->options, error))
        return NULL;
    return g_steal_pointer(&request);
}
