/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake request import|run: what to ask the cloud for, as JSON and as a command line. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/progress.h"
#include "check/check.h"
#include "cli/print-json.h"
#include "cli/verbs.h"
#include "cloud/request.h"
#include "emit/manifest.h"
#include "guide/ecs.h"
#include "image/qemu-img.h"

static struct {
    CcbRunWish run;
    const char *region, *name, *again, *manifest, *format, *resource_group, *gpus;
    GPtrArray *tags, *settings;
    unsigned disk_size;
    bool dry_run;
} opts = {.format = "text"};

static const CcbOption options[] = {
    {"region", 0, CCB_OPT_STRING, &opts.region, "REGION", "where (cn-beijing)"},
    {"name", 0, CCB_OPT_STRING, &opts.name, "NAME", "of the image or the instance"},
    {"disk-size", 0, CCB_OPT_NUMBER, &opts.disk_size, "GIB",
     "of the system disk (as the image; of an instance at least 40)"},
    {"manifest", 0, CCB_OPT_STRING, &opts.manifest, "FILE",
     "of the image: for its tags, and the GPUs it is for"},
    {"resource-group", 0, CCB_OPT_STRING, &opts.resource_group, "ID", "what it belongs to"},
    {"tag", 0, CCB_OPT_LIST, &opts.tags, "KEY=VALUE", "a tag beside those of ccbake"},
    {"set", 0, CCB_OPT_LIST, &opts.settings, "NAME=VALUE",
     "another parameter, by its official name, as Description=x"},
    {"instance-type", 0, CCB_OPT_STRING, &opts.run.type, "TYPE", "run: ecs.gn8v-tee.4xlarge, ..."},
    {"gpus", 0, CCB_OPT_STRING, &opts.gpus, "1|8",
     "run: of the image, and of a type that ccbake does not know"},
    {"zone", 0, CCB_OPT_STRING, &opts.run.zone, "ZONE", "run: where in the region"},
    {"vswitch", 0, CCB_OPT_STRING, &opts.run.vswitch, "ID", "run: its network"},
    {"security-group", 0, CCB_OPT_STRING, &opts.run.security_group, "ID", "run: its firewall"},
    {"key-pair", 0, CCB_OPT_STRING, &opts.run.key_pair, "NAME", "run: the key to log in with"},
    {"bandwidth", 0, CCB_OPT_NUMBER, &opts.run.bandwidth, "MBIT",
     "run: give it a public address with so much"},
    {"data-disk", 0, CCB_OPT_NUMBER, &opts.run.data_disk_gib, "GIB",
     "run: a data disk (not with 8 GPUs)"},
    {"network-interface", 0, CCB_OPT_STRING, &opts.run.interface, "ID",
     "run: a second interface in this vSwitch (not with 8 GPUs)"},
    {"http-tokens", 0, CCB_OPT_STRING, &opts.run.http_tokens, "optional|required",
     "run: whether the metadata service asks for a token"},
    {"again", 0, CCB_OPT_STRING, &opts.again, "WORD",
     "another request than the same one without, or with another word"},
    {"dry-run", 0, CCB_OPT_FLAG, &opts.dry_run, NULL, "let the cloud only check the request"},
    CCB_FORMAT_OPTIONS(opts.format, "text|json|aliyun|words",
                       "text (the default): JSON, then the command line of aliyun; words: for "
                       "scripts"),
    {0},
};

static const char *text_of(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

/* The manifest of --manifest or beside the image; *ret is NULL where there is none of this file. */
static bool find_manifest(const char *image, const char *sha256, json_t **ret, GError **error)
{
    g_autoptr(GError) reason = NULL;
    if (opts.manifest != NULL) {
        *ret = ccb_manifest_load_for(opts.manifest, image, sha256, error);
        return *ret != NULL;
    }
    *ret = ccb_manifest_beside(image, sha256, &reason);
    if (reason != NULL)
        ccb_warn("%s: the tags will not name the bake", reason->message);
    return true;
}

/* Options of `request run`, whose help begins with "run:", would be ignored silently. */
static bool refuse_run_options(GError **error)
{
    for (const CcbOption *o = options; o->name != NULL; o++) {
        const CcbOption alone[] = {*o, {0}};
        g_autoptr(GPtrArray) given = g_ptr_array_new_with_free_func(g_free);
        ccb_options_to_argv(alone, given);
        if (given->len > 0 && g_str_has_prefix(o->help, "run:"))
            return ccb_fail(error, CCB_ERR_USAGE,
                            "request import: --%s is an option of `ccbake request run`", o->name);
    }
    return true;
}

static unsigned gpus_of(const json_t *manifest)
{
    const json_t *recipe = json_object_get(manifest, "recipe");
    return (unsigned)json_integer_value(json_object_get(recipe, "gpus"));
}

/* The words of a list option, which ends with a NULL from then on. */
static const char *const *words_of(GPtrArray *list)
{
    if (list == NULL)
        return NULL;
    g_ptr_array_add(list, NULL);
    return (const char *const *)list->pdata;
}

static CcbRequestOptions common_options(void)
{
    return (CcbRequestOptions){opts.resource_group, words_of(opts.tags), words_of(opts.settings),
                               opts.again, opts.dry_run};
}

/* Whether the image passed the check when it was baked. */
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

static CcbRequest *make_import(const char *image, const char *object, GError **error)
{
    g_auto(CcbImageInfo) info = {0};
    if (!refuse_run_options(error) || !ccb_image_probe(image, &info, error))
        return NULL;
    g_autofree char *sha256 = ccb_digest_file_once(image, error);
    json_auto_t *manifest = NULL;
    if (sha256 == NULL || !find_manifest(image, sha256, &manifest, error))
        return NULL;
    const CcbImportWish wish = {
        .region = opts.region ? opts.region : CCB_ECS_DEFAULT_REGION,
        .object = object,
        .name = opts.name,
        .file = image,
        .format = info.format,
        .sha256 = sha256,
        .virtual_size = info.virtual_size,
        .disk_gib = opts.disk_size,
        .key = text_of(manifest, "key"),
        .recipe = ccb_manifest_recipe(manifest),
        .driver = text_of(manifest, "driver"),
        .gpus = gpus_of(manifest),
        .imds_v2 = passed(manifest, CCB_CHECK_IMDS_V2),
        .options = common_options(),
    };
    if (!ccb_ecs_region_known(wish.region))
        ccb_warn("an image starts where it is imported, and ccbake knows no confidential GPU "
                 "instance type in %s",
                 wish.region);
    return ccb_request_import(&wish, error);
}

static CcbRequest *make_run(const char *image_id, GError **error)
{
    json_auto_t *manifest = opts.manifest != NULL ? ccb_manifest_load(opts.manifest, error) : NULL;
    if (opts.manifest != NULL && manifest == NULL)
        return NULL;
    const json_t *image = json_object_get(manifest, "image");
    json_int_t size = json_integer_value(json_object_get(image, "virtual_size"));
    CcbRunWish wish = opts.run;
    wish.image_id = image_id;
    wish.region = opts.region;
    wish.name = opts.name;
    wish.disk_gib = opts.disk_size;
    wish.image_gib = size > 0 ? (unsigned)ccb_ecs_disk_gib((uint64_t)size) : 0; /* 0: not known */
    wish.key = text_of(manifest, "key");
    wish.options = common_options();
    wish.gpus = opts.gpus ? (unsigned)(opts.gpus[0] - '0') : gpus_of(manifest);
    return ccb_request_run(&wish, error);
}

static void print(const CcbRequest *request)
{
    if (strcmp(opts.format, "words") == 0) {
        g_autoptr(GPtrArray) words = ccb_request_to_words(request);
        for (guint i = 0; i < words->len; i++)
            fwrite(words->pdata[i], 1, strlen(words->pdata[i]) + 1, stdout);
        return;
    }
    if (strcmp(opts.format, "aliyun") != 0)
        ccb_print_json_in_order(ccb_request_to_json(request));
    if (strcmp(opts.format, "text") == 0)
        putchar('\n');
    if (strcmp(opts.format, "json") != 0) {
        g_autofree char *command = ccb_request_to_command(request);
        fputs(command, stdout);
    }
}

static bool run(int argc, char **argv, GError **error)
{
    g_autoptr(CcbRequest) request = NULL;
    if (strcmp(argv[0], "import") == 0 && argc == 3) {
        request = make_import(argv[1], argv[2], error);
    } else if (strcmp(argv[0], "run") == 0 && argc == 2) {
        request = make_run(argv[1], error);
    } else {
        ccb_fail(error, CCB_ERR_USAGE,
                 "request: expected import IMAGE oss://BUCKET/KEY, or run IMAGE-ID");
        return ccb_hint(error, "see `ccbake request --help`");
    }
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
