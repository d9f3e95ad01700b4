/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ImportImage.  The usual tools leave out BootMode (the default is BIOS) and Features.NvmeSupport, and then
 * the confidential instance types do not offer the image.
 */
#include <string.h>

#include "base/error.h"
#include "cloud/request-parts.h"
#include "cloud/target.h"
#include "guide/ecs.h"

/* The name of the file, without characters that the name of an image can't have, and the beginning of its
 * digest, so that another image has another name; caller frees. */
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

static bool add_disk(CcbRequest *request, const CcbImportWish *wish, GError **error)
{
    uint64_t least = ccb_ecs_disk_gib(wish->virtual_size);
    unsigned gib = wish->disk_gib ? wish->disk_gib : (unsigned)least;
    g_autofree char *bucket = NULL, *key = NULL;
    const char *format = ccb_ecs_format(wish->format);
    if (format == NULL)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "%s is %s; the cloud imports qcow2, VHD and raw images", wish->file,
                        wish->format);
    if (!ccb_names_split(wish->object, CCB_NAMES_OSS, &bucket, &key, error))
        return false;
    if (!ccb_ecs_size_check(wish->virtual_size, error)) {
        g_prefix_error(error, "%s: virtual size: ", wish->file);
        return false;
    }
    if (gib < least || gib > CCB_ECS_MAX_GIB)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--disk-size=%u: expected %" G_GUINT64_FORMAT
                        " GiB, as the image has, to %d",
                        gib, least, CCB_ECS_MAX_GIB);
    if (*key == '\0' || g_str_has_suffix(key, "/")) {
        ccb_fail(error, CCB_ERR_USAGE, "%s: the object has no name", wish->object);
        return ccb_hint(error, "write the whole key that the image was uploaded to");
    }
    ccb_request_add(request, "DiskDeviceMapping.1.Format", format);
    ccb_request_add(request, "DiskDeviceMapping.1.OSSBucket", bucket);
    ccb_request_add(request, "DiskDeviceMapping.1.OSSObject", key);
    ccb_request_add_number(request, "DiskDeviceMapping.1.DiskImageSize", gib);
    return true;
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
    if (!add_disk(request, wish, error))
        return NULL;
    /* By ccbake-sha256 scripts/import-image finds an image that was imported before; by ccbake-gpus
     * scripts/run-instance sees whether an instance type fits. */
    g_autofree char *gpus = wish->gpus > 0 ? g_strdup_printf("%u", wish->gpus) : NULL;
    const char *const tags[][2] = {{"ccbake-sha256", wish->sha256},
                                   {"ccbake-key", wish->key},
                                   {"ccbake-recipe", wish->recipe},
                                   {"ccbake-driver", wish->driver},
                                   {"ccbake-gpus", gpus}};
    for (size_t i = 0; i < G_N_ELEMENTS(tags); i++)
        if (!ccb_request_add_tag(request, tags[i][0], tags[i][1], error))
            return NULL;
    return ccb_request_finish(request, &wish->options, error) ? g_steal_pointer(&request) : NULL;
}
