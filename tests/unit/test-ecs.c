/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format/ecs.h"
#include "tap.h"

#define GIB ((uint64_t)1 << 30)

static void test_types(void)
{
    size_t n;
    const CcbEcsType *types = ccb_ecs_types(&n);
    is_int((long long)n, 4, "four types");
    for (size_t i = 0; i < n; i++) {
        ok(ccb_ecs_type_find(types[i].name, NULL) == &types[i], types[i].name);
        is_int(types[i].gpus, strstr(types[i].name, "-8x.") != NULL ? 8 : 1, "... its GPUs");
        ok(g_str_has_prefix(types[i].zone, types[i].region), "... a zone of its region");
    }
    GError *error = NULL;
    ok(ccb_ecs_type_find("ecs.gn8v-tee.4xlarg", &error) == NULL, "no such type");
    is_error(&error, "these are: ecs.gn8v-tee.4xlarge, ecs.gn8v-tee.6xlarge", "... and which are");
    ok(ccb_ecs_type_find("", NULL) == NULL, "an empty name");
    ok(ccb_ecs_type_find(NULL, &error) == NULL, "none was said");
    is_error(&error, "--instance-type is missing", "... by which option");
}

static void test_places(void)
{
    size_t n;
    const CcbEcsType *type = ccb_ecs_types(&n);
    GError *error = NULL;
    ok(ccb_ecs_region_check(type, NULL, NULL), "any region");
    ok(ccb_ecs_region_check(type, type->region, NULL), "its region");
    ok(!ccb_ecs_region_check(type, "cn-shanghai", &error), "another region");
    is_error(&error, "is in cn-beijing, and not in cn-shanghai", "... and where it is");
    ok(ccb_ecs_region_known(type->region, NULL), "a region of one of the types");
    ok(!ccb_ecs_region_known("mars", &error), "a region of none");
    is_error(&error, "instance types are in cn-beijing", "... and where they are");
    ok(ccb_ecs_zone_check(type, NULL, NULL), "any zone");
    ok(ccb_ecs_zone_check(type, type->zone, NULL), "its zone");
    ok(!ccb_ecs_zone_check(type, type->region, &error), "a region is no zone");
    is_error(&error, "is in cn-beijing-l, and not in cn-beijing", "... and where it is");
}

static void test_sizes(void)
{
    GError *error = NULL;
    is_int((long long)ccb_ecs_disk_gib(0), 0, "nothing");
    is_int((long long)ccb_ecs_disk_gib(1), 1, "a byte needs a GiB");
    is_int((long long)ccb_ecs_disk_gib(20 * GIB), 20, "20 GiB");
    is_int((long long)ccb_ecs_disk_gib(20 * GIB + 1), 21, "... and a byte");
    is_int((long long)ccb_ecs_disk_gib(UINT64_MAX), 1LL << 34, "the largest number");
    ok(ccb_ecs_size_check(5 * GIB, NULL), "5 GiB");
    ok(ccb_ecs_size_check(2048ull * GIB, NULL), "2048 GiB");
    ok(!ccb_ecs_size_check(2048ull * GIB + 1, &error), "too large");
    is_error(&error, "MiB, expected 5 to 2048 GiB", "... what is taken");
    ok(!ccb_ecs_size_check(5 * GIB - 1, &error), "too small");
    is_error(&error, "MiB, expected 5 to 2048 GiB", "... what is taken");
}

static void test_names(void)
{
    static const char *const good[] = {"ab",  "Acme-gpu_1.2:x", "镜像", "é8", "httpd",
                                       "acs", "image-aliyun"};
    static const struct {
        const char *name, *says;
    } bad[] = {{"", "has 0 characters"},
               {"a", "has 1 character"},
               {"像", "has 1 character"},
               {"8gpu", "does not begin with a letter"},
               {"-a", "does not begin with a letter"},
               {"aliyun-gpu", "begins with what the cloud keeps"},
               {"acs:gpu", "begins with what the cloud keeps"},
               {"http://x", "holds \"/\""},
               {"https://x", "holds \"/\""},
               {"acme gpu", "holds \" \""},
               {"acme\ngpu", "holds \"\n\""},
               {"acme–gpu", "holds \"–\""},
               {"acme\xff", "is not UTF-8"}};
    GError *error = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        ok(ccb_ecs_image_name_check(good[i], NULL), good[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        ok(!ccb_ecs_image_name_check(bad[i].name, &error), "a bad name");
        is_error(&error, bad[i].says, bad[i].says);
    }
    g_autofree char *longest = g_strnfill(128, 'a'), *longer = g_strnfill(129, 'a');
    ok(ccb_ecs_image_name_check(longest, NULL), "128 characters");
    ok(!ccb_ecs_image_name_check(longer, &error), "129 characters");
    is_error(&error, "2 to 128", "... the limits");
}

static void test_formats(void)
{
    is_str(ccb_ecs_format("vpc"), "VHD", "vhd");
    is_str(ccb_ecs_format("qcow2"), "QCOW2", "qcow2");
    is_str(ccb_ecs_format("raw"), "RAW", "raw");
    ok(ccb_ecs_format("vmdk") == NULL, "another format");
}

int main(void)
{
    test_types();
    test_places();
    test_sizes();
    test_names();
    test_formats();
    return done();
}
