/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guide/ecs.h"

#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/quantity.h"

static const CcbEcsType types[] = {
    {"ecs.gn8v-tee.4xlarge", 1, "cn-beijing", {"cn-beijing-l"}},
    {"ecs.gn8v-tee.6xlarge", 1, "cn-beijing", {"cn-beijing-l"}},
    {"ecs.gn8v-tee-8x.16xlarge", 8, "cn-beijing", {"cn-beijing-l"}},
    {"ecs.gn8v-tee-8x.48xlarge", 8, "cn-beijing", {"cn-beijing-l"}},
    {"ecs.gn8v.4xlarge", 1, "cn-beijing", {"cn-beijing-l", "cn-beijing-f"}},
    {"ecs.gn8v.6xlarge", 1, "cn-beijing", {"cn-beijing-l", "cn-beijing-f"}},
};

bool ccb_ecs_type_get(const char *name, unsigned gpus, CcbEcsType *ret, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        *ret = types[i];
        if (g_strcmp0(types[i].name, name) == 0)
            return true;
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", types[i].name);
    }
    *ret = (CcbEcsType){.name = name, .gpus = gpus};
    if (name == NULL)
        ccb_fail(error, CCB_ERR_USAGE, "--instance-type is missing");
    else if (gpus == 0)
        ccb_fail(error, CCB_ERR_USAGE,
                 "--instance-type=%s is none of the confidential GPU instance types that ccbake "
                 "knows",
                 name);
    else {
        ccb_warn("ccbake does not know the instance type %s: where it is offered is not checked",
                 name);
        return true;
    }
    return ccb_hint(error, "these are: %s; of another one say --gpus=1 or --gpus=8", names->str);
}

bool ccb_ecs_region_check(const CcbEcsType *type, const char *region, GError **error)
{
    return region == NULL || type->region == NULL || strcmp(region, type->region) == 0 ||
           ccb_fail(error, CCB_ERR_USAGE, "%s is in %s, and not in %s", type->name, type->region,
                    region);
}

bool ccb_ecs_zone_check(const CcbEcsType *type, const char *zone, GError **error)
{
    if (zone == NULL || type->zones[0] == NULL || g_strv_contains(type->zones, zone))
        return true;
    g_autofree char *zones = g_strjoinv(" and ", (char **)type->zones);
    return ccb_fail(error, CCB_ERR_USAGE, "%s is in %s, and not in %s", type->name, zones, zone);
}

bool ccb_ecs_region_known(const char *region)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (strcmp(types[i].region, region) == 0)
            return true;
    return false;
}

static const uint64_t mib = 1 << 20, gib = 1 << 30;

uint64_t ccb_ecs_disk_gib(uint64_t bytes)
{
    return bytes / gib + (bytes % gib != 0);
}

bool ccb_ecs_size_check(uint64_t bytes, GError **error)
{
    if (bytes >= CCB_ECS_MIN_GIB * gib && bytes <= CCB_ECS_MAX_GIB * gib)
        return true;
    return ccb_fail(error, CCB_ERR_INPUT, "%" G_GUINT64_FORMAT " MiB, expected %d to %d GiB",
                    bytes / mib, CCB_ECS_MIN_GIB, CCB_ECS_MAX_GIB);
}

const char *ccb_ecs_format(const char *qemu_format)
{
    static const char *const formats[][2] = {{"qcow2", "QCOW2"}, {"vpc", "VHD"}, {"raw", "RAW"}};
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (strcmp(formats[i][0], qemu_format) == 0)
            return formats[i][1];
    return NULL;
}

/* The first character that a name may not have, or NULL. */
static const char *odd_character(const char *name)
{
    for (; *name != '\0'; name = g_utf8_next_char(name))
        if (!g_unichar_isalnum(g_utf8_get_char(name)) && strchr(".:_-", *name) == NULL)
            return name;
    return NULL;
}

/* `what` is called by that name; `first` says which characters it may begin with. */
static bool check_name(const char *name, const char *what, gboolean (*first)(gunichar),
                       const char *firsts, GError **error)
{
    enum { MIN = 2, MAX = 128 };
    if (!g_utf8_validate(name, -1, NULL))
        return ccb_fail(error, CCB_ERR_USAGE, "the %s is not UTF-8", what);
    glong length = g_utf8_strlen(name, -1);
    const char *odd = odd_character(name);
    if (length < MIN || length > MAX)
        return ccb_fail(error, CCB_ERR_USAGE, "the %s \"%s\" has %ld %s; %d to %d are allowed",
                        what, name, length, ccb_plural((uint64_t)length, "character", "characters"),
                        MIN, MAX);
    if (!first(g_utf8_get_char(name)))
        return ccb_fail(error, CCB_ERR_USAGE, "the %s \"%s\" does not begin with %s", what, name,
                        firsts);
    if (g_str_has_prefix(name, "aliyun") || g_str_has_prefix(name, "acs:"))
        return ccb_fail(error, CCB_ERR_USAGE,
                        "the %s \"%s\" begins with what the cloud keeps for itself "
                        "(\"aliyun\", \"acs:\")",
                        what, name);
    if (odd == NULL)
        return true;
    g_autofree char *character = g_strndup(odd, (gsize)(g_utf8_next_char(odd) - odd));
    return ccb_fail(error, CCB_ERR_USAGE,
                    "the %s \"%s\" holds \"%s\"; letters, digits and .:_- are allowed", what, name,
                    character);
}

bool ccb_ecs_image_name_check(const char *name, GError **error)
{
    return check_name(name, "image name", g_unichar_isalpha, "a letter", error);
}

bool ccb_ecs_instance_name_check(const char *name, GError **error)
{
    return check_name(name, "instance name", g_unichar_isalnum, "a letter or a digit", error);
}
