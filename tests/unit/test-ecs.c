/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guide/ecs.h"
#include "tap.h"

#define GIB ((uint64_t)1 << 30)

static void test_types(void)
{
    static const char *const names[] = {"ecs.gn8v-tee.4xlarge",     "ecs.gn8v-tee.6xlarge",
                                        "ecs.gn8v-tee-8x.16xlarge", "ecs.gn8v-tee-8x.48xlarge",
                                        "ecs.gn8v.4xlarge",         "ecs.gn8v.6xlarge"};
    CcbEcsType type;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        ok(ccb_ecs_type_get(names[i], 0, &type, NULL), names[i]);
        is_int(type.gpus, strstr(names[i], "-8x.") != NULL ? 8 : 1, "... its GPUs");
        ok(g_str_has_prefix(type.zones[0], type.region), "... a zone of its region");
    }
    GError *error = NULL;
    ok(!ccb_ecs_type_get("ecs.gn8v-tee.4xlarg", 0, &type, &error), "no such type");
    is_error(&error, "none of the confidential GPU instance types", "... which is said");
    ok(!ccb_ecs_type_get("", 0, &type, NULL), "an empty name");
    ok(!ccb_ecs_type_get(NULL, 8, &type, &error), "none was said");
    is_error(&error, "--instance-type is missing", "... by which option");
    ok(ccb_ecs_type_get("ecs.gn9-tee.large", 8, &type, NULL),
       "a type that is not known, with GPUs");
    ok(type.gpus == 8 && type.region == NULL && type.zones[0] == NULL, "... and nothing else");
    ok(ccb_ecs_region_check(&type, "cn-hangzhou", NULL), "... which may be in any region");
    ok(ccb_ecs_zone_check(&type, "cn-hangzhou-k", NULL), "... and zone");
}

static void test_places(void)
{
    CcbEcsType type;
    GError *error = NULL;
    ok(ccb_ecs_type_get("ecs.gn8v-tee.4xlarge", 0, &type, NULL), "a type");
    ok(ccb_ecs_region_check(&type, NULL, NULL), "any region");
    ok(ccb_ecs_region_check(&type, type.region, NULL), "its region");
    ok(!ccb_ecs_region_check(&type, "cn-shanghai", &error), "another region");
    is_error(&error, "is in cn-beijing, and not in cn-shanghai", "... and where it is");
    ok(ccb_ecs_region_known(type.region), "a region of one of the types");
    ok(!ccb_ecs_region_known("mars"), "a region of none");
    ok(ccb_ecs_zone_check(&type, NULL, NULL), "any zone");
    ok(ccb_ecs_zone_check(&type, "cn-beijing-l", NULL), "its zone");
    ok(!ccb_ecs_zone_check(&type, type.region, &error), "a region is no zone");
    is_error(&error, "is in cn-beijing-l, and not in cn-beijing", "... and where it is");
    ok(ccb_ecs_type_get("ecs.gn8v.6xlarge", 0, &type, NULL), "a type of two zones");
    ok(ccb_ecs_zone_check(&type, "cn-beijing-f", NULL), "... the second one");
    ok(!ccb_ecs_zone_check(&type, "cn-beijing-k", &error), "... and none");
    is_error(&error, "is in cn-beijing-l and cn-beijing-f, and not", "... and where it is");
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
