/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake boot IMAGE: boots the image in a virtual machine on a copy-on-write overlay. */
#include "boot/boot.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/pty.h"
#include "base/quantity.h"
#include "base/reaper.h"
#include "base/text.h"
#include "cli/open-image.h"
#include "cli/print-json.h"

static struct {
    unsigned memory, limit;
    const char *log, *gpus, *disk, *firmware, *backend, *format;
    bool interactive;
} opts = {.backend = "auto", .format = "text"};

static const CcbOption options[] = {
    {"memory", 'm', CCB_OPT_NUMBER, &opts.memory, "MB", "memory of the machine (2048)"},
    {"limit", 0, CCB_OPT_NUMBER, &opts.limit, "SECONDS",
     "give up after this time (300; 1200 under emulation)"},
    {"log", 0, CCB_OPT_STRING, &opts.log, "FILE", "where the console goes (IMAGE.boot.log)"},
    {"gpus", 0, CCB_OPT_STRING, &opts.gpus, "1|8",
     "the units of such an instance must have been started"},
    {"firmware", 0, CCB_OPT_STRING, &opts.firmware, "none|uefi",
     "none: the kernel is started directly; uefi: the image's own boot loader (none)"},
    {"interactive", 'i', CCB_OPT_FLAG, &opts.interactive, NULL,
     "a console on this terminal, as root; no verdict"},
    {"disk", 0, CCB_OPT_STRING, &opts.disk, "virtio|nvme", "the kind of disk (virtio)"},
    CCB_BACKEND_OPTIONS(opts.backend),
    CCB_FORMAT_OPTIONS(opts.format, "text|json", "how the result is printed (text)"),
    {0},
};

static void print_failures(const CcbBootResult *result)
{
    for (guint i = 0; i < result->failed->len; i++) {
        const CcbBootFailure *f = result->failed->pdata[i];
        printf("%-8s %s%s%s%s", f->why ? "note" : "FAILED", f->unit, f->reason ? " (" : "",
               f->reason ? f->reason : "", f->reason ? ")" : "");
        if (f->why) {
            printf(" failed: expected here, there is no GPU: %s\n", f->why);
            continue;
        }
        putchar('\n');
        for (guint k = 0; k < f->lines->len; k++)
            printf("%-8s   | %s\n", "", (const char *)f->lines->pdata[k]);
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
        const char *first = o->kept ? o->before : o->after;
        const char *second = o->kept ? o->after : o->before;
        double first_at = o->kept ? o->done : o->began, second_at = o->kept ? o->began : o->done;
        printf(o->kept ? "%-8s %s, then %s" : "%-8s %s was begun before %s was done",
               o->kept ? "order" : "ORDER", first, second);
        if (first_at > 0 && second_at > 0)
            printf(" (%.3f s, %.3f s)", first_at, second_at);
        putchar('\n');
    }
    for (guint i = 0; i < result->unjudged->len; i++) {
        const CcbBootOrder *o = result->unjudged->pdata[i];
        printf("%-8s %s, then %s: their order is not checked, they were not both seen to start\n",
               "note", o->before, o->after);
    }
}

static void print_text(const CcbBootOptions *wanted, const CcbBootResult *result)
{
    g_autofree char *took = ccb_format_seconds(result->seconds);
    printf("%-8s %s\n", "entry", wanted->source->entry);
    if (wanted->firmware)
        printf("%-8s %s\n", "firmware", wanted->firmware->code);
    if (result->emulated)
        printf("%-8s under emulation: %s; times say nothing about real hardware\n", "machine",
               result->kvm);
    if (result->up)
        printf("%-8s %s after %s\n", "up", result->up, took);
    if (result->trouble)
        printf("%-8s %s\n", "TROUBLE", result->trouble);
    if (result->has_journal)
        printf("%-8s %u %s: units and their order are the guest's own\n", "journal",
               result->entries, ccb_plural(result->entries, "entry", "entries"));
    print_failures(result);
    print_orders(result);
    for (guint i = 0; i < result->notes->len; i++)
        printf("%-8s %s\n", "note", (const char *)result->notes->pdata[i]);
    printf("%-8s %s\n", "log", wanted->log);
}

static void print_json(const CcbBootOptions *wanted, const CcbBootResult *result)
{
    g_autofree char *cmdline = ccb_name_printable(wanted->source->cmdline);
    json_t *json = ccb_boot_to_json(result);
    json_object_set_new(json, "image", json_string(wanted->source->image));
    json_object_set_new(json, "entry", json_string(wanted->source->entry));
    json_object_set_new(json, "cmdline", json_string(cmdline));
    json_object_set_new(json, "firmware",
                        wanted->firmware ? json_string(wanted->firmware->code) : json_null());
    json_object_set_new(json, "log", json_string(wanted->log));
    ccb_print_json(json);
}

static bool is_uefi(void)
{
    return opts.firmware && g_str_equal(opts.firmware, "uefi");
}

/* Boots, prints what was seen, and fails with the verdict in one sentence. */
static bool test(const CcbBootOptions *wanted, const char *image, GError **error)
{
    g_auto(CcbBootResult) result = {0};
    if (!ccb_boot_run(wanted, &result, error))
        return false;
    if (g_str_equal(opts.format, "json"))
        print_json(wanted, &result);
    else
        print_text(wanted, &result);
    if (ccb_boot_is_good(&result))
        return true;
    const char *failed = NULL; /* the first unit that failed without an excuse */
    for (guint i = 0; failed == NULL && i < result.failed->len; i++) {
        const CcbBootFailure *f = result.failed->pdata[i];
        failed = f->why == NULL ? f->unit : NULL;
    }
    if (result.trouble)
        ccb_fail(error, CCB_ERR_CHECK, "%s does not boot: %s", image, result.trouble);
    else if (failed)
        ccb_fail(error, CCB_ERR_CHECK, "%s boots, but %s failed", image, failed);
    else if (result.missing->len > 0)
        ccb_fail(error, CCB_ERR_CHECK, "%s boots, but %s was never started", image,
                 (const char *)result.missing->pdata[0]);
    else
        ccb_fail(error, CCB_ERR_CHECK, "%s boots, but its units do not start in the required order",
                 image);
    return ccb_hint(error, "the console of this boot is in %s", wanted->log);
}

static bool interact(const CcbBootOptions *wanted, GError **error)
{
    if (wanted->source->not_injected)
        ccb_warn("you have to log in yourself: %s", wanted->source->not_injected);
    printf("This console is of a temporary copy: no change that you make is kept.\n"
           "Ctrl-A x ends it, Ctrl-A Ctrl-A is one Ctrl-A for the guest.\n");
    fflush(stdout);
    bool ok = ccb_boot_interactive(wanted, error);
    printf("\nThe machine has ended; the image is unchanged.  Log: %s\n", wanted->log);
    return ok;
}

static bool boot(const char *image, const char *log, const char *dir, GError **error)
{
    g_auto(CcbFirmware) firmware = {0};
    if (is_uefi() && !ccb_firmware_find(&firmware, error))
        return false;
    CcbBackend backend = ccb_choose_backend(opts.backend, NULL, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    CcbSourceFlags flags = opts.interactive ? CCB_SOURCE_LOGIN : CCB_SOURCE_JOURNAL;
    if (!is_uefi())
        flags |= CCB_SOURCE_KERNEL;
    g_autoptr(CcbBootSource) source = ccb_boot_source_read(image, dir, backend, flags, error);
    if (source == NULL)
        return false;
    const CcbBootOptions wanted = {
        .source = source,
        .firmware = is_uefi() ? &firmware : NULL,
        .dir = dir,
        .log = log,
        .memory_mb = opts.memory,
        .limit_s = opts.limit,
        .gpus = opts.gpus ? (unsigned)g_ascii_strtoull(opts.gpus, NULL, 10) : 0,
        .nvme = opts.disk && g_str_equal(opts.disk, "nvme"),
    };
    return opts.interactive ? interact(&wanted, error) : test(&wanted, image, error);
}

static bool run(int argc, char **argv, GError **error)
{
    const char *image = argv[0];
    g_autofree char *log = opts.log ? g_strdup(opts.log) : g_strconcat(image, ".boot.log", NULL);
    if (ccb_is_same_file(log, image))
        return ccb_fail(error, CCB_ERR_USAGE, "the log would replace the image %s", log);
    if (opts.interactive && (!g_str_equal(opts.format, "text") || opts.gpus))
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--interactive gives no verdict: not with --json or --gpus");
    if (opts.interactive && !ccb_terminal_is_there())
        return ccb_fail(error, CCB_ERR_USAGE, "--interactive needs a terminal");
    if (!ccb_check_directory_of(log, error) || !ccb_reaper_start(error))
        return false;
    /* Not in a /tmp that is memory: the overlay may grow by gigabytes. */
    const char *base = g_getenv("TMPDIR") ? g_getenv("TMPDIR") : "/var/tmp";
    g_autofree char *pattern = g_build_filename(base, "ccbake-boot-*", NULL);
    g_autofree char *dir = ccb_reaper_mkdir(pattern, 0700, error);
    if (dir == NULL)
        return false;
    bool ok = boot(image, log, dir, error);
    ccb_remove_tree(dir, NULL);
    ccb_reaper_release(dir);
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
