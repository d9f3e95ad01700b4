/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake boot IMAGE: start the image in a throw-away machine and see whether it comes up. */
#include "boot/boot.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/guardian.h"
#include "base/options.h"
#include "base/progress.h"

static struct {
    unsigned memory, limit;
    const char *log, *gpus, *disk;
    bool json;
} opts;

static const CcbOption options[] = {
    {"memory", 'm', CCB_OPT_NUMBER, &opts.memory, "MB", "memory of the machine (2048)"},
    {"limit", 0, CCB_OPT_NUMBER, &opts.limit, "SECONDS",
     "give up after this time (300; 1200 under emulation)"},
    {"log", 0, CCB_OPT_STRING, &opts.log, "FILE", "where the console goes (IMAGE.boot.log)"},
    {"gpus", 0, CCB_OPT_STRING, &opts.gpus, "1|8",
     "the units of such an instance must have been started"},
    {"disk", 0, CCB_OPT_STRING, &opts.disk, "virtio|nvme", "the kind of disk (virtio)"},
    {"json", 0, CCB_OPT_FLAG, &opts.json, NULL, "print the result as JSON"},
    {0},
};

static void print_failures(const CcbBootResult *result)
{
    for (guint i = 0; i < result->failed->len; i++) {
        const CcbBootFailure *f = result->failed->pdata[i];
        printf("%-8s %s%s%s%s%s\n", f->expected ? "note" : "FAILED", f->unit, f->reason ? " (" : "",
               f->reason ? f->reason : "", f->reason ? ")" : "",
               f->expected ? " failed: expected here, there is no GPU" : "");
    }
    for (guint i = 0; i < result->skipped->len; i++)
        printf("%-8s %s was skipped: expected here, there is no GPU\n", "note",
               (const char *)result->skipped->pdata[i]);
    for (guint i = 0; i < result->missing->len; i++)
        printf("%-8s %s was never started; it is not enabled or not installed\n", "MISSING",
               (const char *)result->missing->pdata[i]);
}

static void print_orders(const CcbBootResult *result)
{
    for (guint i = 0; i < result->orders->len; i++) {
        const CcbBootOrder *o = result->orders->pdata[i];
        if (o->kept)
            printf("%-8s %s, then %s\n", "order", o->before, o->after);
        else
            printf("%-8s %s was begun before %s was done\n", "ORDER", o->after, o->before);
    }
}

static void print_text(const CcbBootSource *source, const CcbBootResult *result, const char *log)
{
    g_autofree char *took = ccb_format_seconds(result->seconds);
    printf("%-8s %s\n", "entry", source->entry);
    if (result->emulated)
        printf("%-8s under emulation: %s; times say nothing about real hardware\n", "machine",
               result->kvm);
    if (result->up)
        printf("%-8s %s after %s\n", "up", result->up, took);
    if (result->trouble)
        printf("%-8s %s\n", "TROUBLE", result->trouble);
    print_failures(result);
    print_orders(result);
    for (guint i = 0; i < result->notes->len; i++)
        printf("%-8s %s\n", "note", (const char *)result->notes->pdata[i]);
    printf("%-8s %s\n", "log", log);
}

static void print_json(const CcbBootSource *source, const CcbBootResult *result, const char *log)
{
    json_t *json = ccb_boot_to_json(result);
    json_object_set_new(json, "image", json_string(source->image));
    json_object_set_new(json, "entry", json_string(source->entry));
    json_object_set_new(json, "cmdline", json_string(source->cmdline));
    json_object_set_new(json, "log", json_string(log));
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(json);
}

static const char *first_unexpected(const CcbBootResult *result)
{
    for (guint i = 0; i < result->failed->len; i++) {
        const CcbBootFailure *f = result->failed->pdata[i];
        if (!f->expected)
            return f->unit;
    }
    return NULL;
}

/* The one sentence of the verdict; the details have been printed. */
static bool judge(const char *image, const CcbBootResult *result, const char *log, GError **error)
{
    const char *failed = first_unexpected(result);
    if (ccb_boot_is_good(result))
        return true;
    if (result->trouble)
        ccb_fail(error, CCB_ERR_CHECK, "%s does not boot: %s", image, result->trouble);
    else if (failed)
        ccb_fail(error, CCB_ERR_CHECK, "%s boots, but %s failed", image, failed);
    else if (result->missing->len > 0)
        ccb_fail(error, CCB_ERR_CHECK, "%s boots, but %s was never started", image,
                 (const char *)result->missing->pdata[0]);
    else
        ccb_fail(error, CCB_ERR_CHECK, "%s boots, but its units do not keep the order demanded",
                 image);
    return ccb_hint(error, "the console of this boot is in %s", log);
}

static bool boot(const char *image, const char *dir, GError **error)
{
    g_autofree char *log = opts.log ? g_strdup(opts.log) : g_strconcat(image, ".boot.log", NULL);
    g_autoptr(CcbBootSource) source = ccb_boot_source_read(image, dir, error);
    if (source == NULL)
        return false;
    const CcbBootOptions wanted = {
        .source = source,
        .dir = dir,
        .log = log,
        .memory_mb = opts.memory,
        .limit_s = opts.limit,
        .gpus = opts.gpus ? (unsigned)g_ascii_strtoull(opts.gpus, NULL, 10) : 0,
        .nvme = opts.disk && g_str_equal(opts.disk, "nvme")};
    g_auto(CcbBootResult) result = {0};
    if (!ccb_boot_run(&wanted, &result, error))
        return false;
    if (opts.json)
        print_json(source, &result, log);
    else
        print_text(source, &result, log);
    return judge(image, &result, log, error);
}

/* The overlay may grow by gigabytes: not in a /tmp that is memory. */
static char *make_dir(GError **error)
{
    const char *base = g_getenv("TMPDIR") ? g_getenv("TMPDIR") : "/var/tmp";
    char *dir = g_build_filename(base, "ccbake-boot-XXXXXX", NULL);
    if (g_mkdtemp_full(dir, 0700))
        return dir;
    ccb_fail_errno(error, CCB_ERR_IO, "creating a directory in %s", base);
    g_free(dir);
    return NULL;
}

static bool run(int argc, char **argv, GError **error)
{
    (void)argc;
    if (!ccb_guardian_start(error))
        return false;
    g_autofree char *dir = make_dir(error);
    if (dir == NULL)
        return false;
    ccb_guardian_watch(dir);
    bool ok = boot(argv[0], dir, error);
    ccb_remove_tree(dir, NULL);
    ccb_guardian_release(dir);
    return ok;
}

const CcbVerb ccb_verb_boot = {
    .name = "boot",
    .arguments = "IMAGE",
    .summary = "boot an image in a throw-away machine",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
