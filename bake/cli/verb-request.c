/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake request import|run: what to ask the cloud for, as JSON and as a command line. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/progress.h"
#include "check/check.h"
#include "cli/verbs.h"
#include "cloud/request.h"
#include "emit/output.h"
#include "guide/ecs.h"
#include "image/qemu-img.h"

static CcbRunWish run_wish;
static const char *region, *name, *again, *manifest_path, *format = "text";
static const char *resource_group, *gpus;
static GPtrArray *tags, *settings;
static unsigned disk_size;
static bool dry_run;

static const CcbOption options[] = {
    {"region", 0, CCB_OPT_STRING, &region, "REGION", "where (cn-beijing)"},
    {"name", 0, CCB_OPT_STRING, &name, "NAME", "of the image or the instance"},
    {"disk-size", 0, CCB_OPT_NUMBER, &disk_size, "GIB",
     "of the system disk (as the image; of an instance at least 40)"},
    {"manifest", 0, CCB_OPT_STRING, &manifest_path, "FILE",
     "of the image: for its tags, and the GPUs it is for"},
    {"resource-group", 0, CCB_OPT_STRING, &resource_group, "ID", "what it belongs to"},
    {"tag", 0, CCB_OPT_LIST, &tags, "KEY=VALUE", "a tag beside those of ccbake"},
    {"set", 0, CCB_OPT_LIST, &settings, "NAME=VALUE",
     "another parameter, by its official name, as Description=x"},
    {"instance-type", 0, CCB_OPT_STRING, &run_wish.type, "TYPE", "run: ecs.gn8v-tee.4xlarge, ..."},
    {"gpus", 0, CCB_OPT_STRING, &gpus, "1|8",
     "run: of the image, and of a type that ccbake does not know"},
    {"zone", 0, CCB_OPT_STRING, &run_wish.zone, "ZONE", "run: where in the region"},
    {"vswitch", 0, CCB_OPT_STRING, &run_wish.vswitch, "ID", "run: its network"},
    {"security-group", 0, CCB_OPT_STRING, &run_wish.security_group, "ID", "run: its firewall"},
    {"key-pair", 0, CCB_OPT_STRING, &run_wish.key_pair, "NAME", "run: the key to log in with"},
    {"bandwidth", 0, CCB_OPT_NUMBER, &run_wish.bandwidth, "MBIT",
     "run: give it a public address with so much"},
    {"data-disk", 0, CCB_OPT_NUMBER, &run_wish.data_disk_gib, "GIB",
     "run: a data disk (not with 8 GPUs)"},
    {"network-interface", 0, CCB_OPT_STRING, &run_wish.interface, "ID",
     "run: a second interface in this vSwitch (not with 8 GPUs)"},
    {"http-tokens", 0, CCB_OPT_STRING, &run_wish.http_tokens, "optional|required",
     "run: whether the metadata service asks for a token"},
    {"again", 0, CCB_OPT_STRING, &again, "WORD",
     "another request than the same one without, or with another word"},
    {"dry-run", 0, CCB_OPT_FLAG, &dry_run, NULL, "let the cloud only check the request"},
    {"format", 0, CCB_OPT_STRING, &format, "text|json|aliyun|words",
     "text: JSON, then the command line of aliyun; words: for scripts"},
    {0},
};

static const char *text_of(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

/* What --manifest or the file beside the image says; NULL without an error where there is none. */
static bool load_manifest(const char *path, bool required, json_t **ret, GError **error)
{
    json_error_t reason;
    *ret = NULL;
    if (!required && !g_file_test(path, G_FILE_TEST_EXISTS))
        return true;
    *ret = json_load_file(path, 0, &reason);
    if (*ret == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "the manifest %s: %s", path, reason.text);
    if (json_object_get(*ret, "manifest") != NULL)
        return true;
    json_decref(*ret);
    *ret = NULL;
    return ccb_fail(error, CCB_ERR_INPUT, "%s is not the manifest of an image", path);
}

/* Whether a manifest is that of the file: of one of its images, where the bake made several. */
static bool tells_of(const json_t *manifest, const char *sha256)
{
    size_t i;
    const json_t *image;
    json_array_foreach(json_object_get(manifest, "images"), i, image)
    {
        if (g_strcmp0(text_of(image, "sha256"), sha256) == 0)
            return true;
    }
    return g_strcmp0(text_of(json_object_get(manifest, "image"), "sha256"), sha256) == 0;
}

static bool load_image_manifest(const char *image, const char *sha256, json_t **ret, GError **error)
{
    g_autofree char *beside = ccb_output_manifest_path(image);
    const char *path = manifest_path ? manifest_path : beside;
    if (!load_manifest(path, manifest_path != NULL, ret, error))
        return false;
    if (*ret == NULL || tells_of(*ret, sha256))
        return true;
    if (manifest_path != NULL) {
        json_decref(*ret);
        *ret = NULL;
        return ccb_fail(error, CCB_ERR_INPUT, "%s is not the manifest of %s: the digests differ",
                        path, image);
    }
    ccb_warn("%s tells of another file than %s: its tags will not name the bake", path, image);
    json_decref(*ret);
    *ret = NULL;
    return true;
}

/* The options of the other request would be lost without a word. */
static bool refuse_run_options(GError **error)
{
    const struct {
        const char *option;
        bool given;
    } of_run[] = {
        {"instance-type", run_wish.type != NULL},
        {"gpus", gpus != NULL},
        {"zone", run_wish.zone != NULL},
        {"vswitch", run_wish.vswitch != NULL},
        {"security-group", run_wish.security_group != NULL},
        {"key-pair", run_wish.key_pair != NULL},
        {"bandwidth", run_wish.bandwidth > 0},
        {"data-disk", run_wish.data_disk_gib > 0},
        {"network-interface", run_wish.interface != NULL},
        {"http-tokens", run_wish.http_tokens != NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(of_run); i++)
        if (of_run[i].given)
            return ccb_fail(error, CCB_ERR_USAGE,
                            "request import: --%s is an option of `ccbake request run`",
                            of_run[i].option);
    return true;
}

static unsigned gpus_of(const json_t *manifest)
{
    const json_t *recipe = json_object_get(manifest, "recipe");
    return (unsigned)json_integer_value(json_object_get(recipe, "gpus"));
}

/* Of a list of options, which ends with a NULL from then on. */
static const char *const *words_of(GPtrArray *list)
{
    if (list == NULL)
        return NULL;
    g_ptr_array_add(list, NULL);
    return (const char *const *)list->pdata;
}

static CcbRequestOptions common_options(void)
{
    return (CcbRequestOptions){resource_group, words_of(tags), words_of(settings), again, dry_run};
}

/* By the verification of the bake: a check says so. */
static bool passed(const json_t *manifest, const char *check)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(json_object_get(manifest, "checks"), "checks"), i, one)
    {
        if (g_strcmp0(text_of(one, "id"), check) == 0)
            return g_strcmp0(text_of(one, "status"), "pass") == 0;
    }
    return false;
}

static void warn_of_region(const char *where)
{
    if (!ccb_ecs_region_known(where))
        ccb_warn("an image starts where it is imported, and ccbake knows no confidential GPU "
                 "instance type in %s",
                 where);
}

static CcbRequest *make_import(const char *image, const char *object, GError **error)
{
    g_auto(CcbImageInfo) info = {0};
    if (!refuse_run_options(error) || !ccb_image_probe(image, &info, error))
        return NULL;
    g_autofree char *sha256 = ccb_digest_file_once(image, error);
    json_t *manifest = NULL;
    if (sha256 == NULL || !load_image_manifest(image, sha256, &manifest, error))
        return NULL;
    const CcbImportWish wish = {.region = region ? region : CCB_ECS_DEFAULT_REGION,
                                .object = object,
                                .name = name,
                                .file = image,
                                .format = info.format,
                                .sha256 = sha256,
                                .virtual_size = info.virtual_size,
                                .disk_gib = disk_size,
                                .key = text_of(manifest, "key"),
                                .recipe = text_of(json_object_get(manifest, "recipe"), "name"),
                                .driver = text_of(manifest, "driver"),
                                .gpus = gpus_of(manifest),
                                .imds_v2 = passed(manifest, CCB_CHECK_IMDS_V2),
                                .options = common_options()};
    warn_of_region(wish.region);
    CcbRequest *request = ccb_request_import(&wish, error);
    json_decref(manifest);
    return request;
}

/* As the manifest has it; 0 where it has none. */
static unsigned image_gib(const json_t *manifest)
{
    const json_t *image = json_object_get(manifest, "image");
    json_int_t size = json_integer_value(json_object_get(image, "virtual_size"));
    return size > 0 ? (unsigned)ccb_ecs_disk_gib((uint64_t)size) : 0;
}

static CcbRequest *make_run(const char *image_id, GError **error)
{
    json_t *manifest = NULL;
    if (manifest_path != NULL && !load_manifest(manifest_path, true, &manifest, error))
        return NULL;
    run_wish.image_id = image_id;
    run_wish.region = region;
    run_wish.name = name;
    run_wish.disk_gib = disk_size;
    run_wish.image_gib = image_gib(manifest);
    run_wish.key = text_of(manifest, "key");
    run_wish.options = common_options();
    run_wish.gpus = gpus ? (unsigned)(gpus[0] - '0') : gpus_of(manifest);
    CcbRequest *request = ccb_request_run(&run_wish, error);
    json_decref(manifest);
    return request;
}

static void print(const CcbRequest *request)
{
    if (strcmp(format, "words") == 0) {
        g_autoptr(GPtrArray) words = ccb_request_to_words(request);
        for (guint i = 0; i < words->len; i++)
            fwrite(words->pdata[i], 1, strlen(words->pdata[i]) + 1, stdout);
        return;
    }
    if (strcmp(format, "aliyun") != 0) {
        json_t *json = ccb_request_to_json(request);
        json_dumpf(json, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(json);
    }
    if (strcmp(format, "text") == 0)
        putchar('\n');
    if (strcmp(format, "json") != 0) {
        g_autofree char *command = ccb_request_to_command(request);
        fputs(command, stdout);
    }
}

static bool wrong_words(GError **error)
{
    ccb_fail(error, CCB_ERR_USAGE,
             "request: expected import IMAGE oss://BUCKET/KEY, or run IMAGE-ID");
    return ccb_hint(error, "see `ccbake request --help`");
}

static bool run(int argc, char **argv, GError **error)
{
    g_autoptr(CcbRequest) request = NULL;
    if (strcmp(argv[0], "import") == 0 && argc == 3)
        request = make_import(argv[1], argv[2], error);
    else if (strcmp(argv[0], "run") == 0 && argc == 2)
        request = make_run(argv[1], error);
    else
        return wrong_words(error);
    if (request == NULL)
        return false;
    print(request);
    return true;
}

const CcbVerb ccb_verb_request = {
    .name = "request",
    .arguments = "import|run ...",
    .summary = "say what to ask the cloud for",
    .options = options,
    .min_args = 2,
    .max_args = 3,
    .run = run,
};
