/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel that boots, its boot entry, and its arguments in every place from which they can
 * come. */
#include <string.h>

#include "base/error.h"
#include "check/context.h"
#include "format/bls.h"
#include "format/cmdline.h"
#include "format/fstab.h"
#include "format/grubcfg.h"
#include "format/grubenv.h"
#include "format/rpm.h"
#include "format/shellvars.h"

#define MINIMUM_KERNEL "5.10.134-18.al8"
#define GRUBENV        "/boot/grub2/grubenv"
#define DEFAULT_GRUB   "/etc/default/grub"
#define KERNEL_CMDLINE "/etc/kernel/cmdline"

/* The second is the real one on some images that boot through UEFI only; on the others it is a
 * stub. */
static const char *const grub_configs[] = {"/boot/grub2/grub.cfg", "/boot/efi/EFI/alinux/grub.cfg",
                                           NULL};

/* 8 GiB of bounce buffers, allocated anywhere: the guide's argument. */
static const char *const default_arguments[] = {"swiotlb=4194304,any", NULL};

static bool run_minimum(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *minimum = ctx->expect->min_kernel ? ctx->expect->min_kernel : MINIMUM_KERNEL;
    const char *kver = ccb_check_kver(ctx, error);
    if (kver == NULL)
        return false;
    if (ccb_kver_compare(kver, minimum) >= 0)
        return ccb_result_pass(result, "%s ≥ %s", kver, minimum);
    return ccb_result_fail(result, "the kernel that boots is %s, expected %s or later", kver,
                           minimum);
}

/* A variable of grubenv; NULL where the block or the variable is missing. */
static bool grubenv_get(CcbCheckContext *ctx, const char *name, char **ret_value, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, GRUBENV, error);
    if (file == NULL)
        return false;
    *ret_value = NULL;
    if (file->text == NULL)
        return true;
    g_autoptr(CcbGrubenv) env = ccb_grubenv_parse(file->text, file->size, error);
    if (env == NULL) {
        g_prefix_error(error, "%s: ", GRUBENV);
        return false;
    }
    *ret_value = ccb_grubenv_get(env, name);
    return true;
}

/* GRUB boots the newest entry where saved_entry names none: perhaps not the one that was meant. */
static bool check_saved_entry(CcbCheckContext *ctx, const CcbBootEntry *entry,
                              CcbCheckResult *result, GError **error)
{
    g_autofree char *saved = NULL;
    if (!grubenv_get(ctx, "saved_entry", &saved, error))
        return false;
    bool position = saved != NULL && strspn(saved, "0123456789") == strlen(saved);
    if (saved != NULL && !position && !g_str_equal(saved, entry->id))
        ccb_result_fail(result, "%s: saved_entry=%s, and there is no %s.conf; %s would boot",
                        GRUBENV, saved, saved, entry->id);
    return true;
}

/* Paths in an entry count from the file system that holds /boot, which may be /boot itself. */
static bool check_boot_file(CcbCheckContext *ctx, CcbCheckResult *result, const CcbBootEntry *entry,
                            const char *key, const char *path, GError **error)
{
    g_autofree char *below = g_strconcat("/boot/", path, NULL);
    bool here = false, there = false;
    if (path[0] == '/' && !ccb_check_present(ctx, path, &here, error))
        return false;
    if (!here && !ccb_check_present(ctx, below, &there, error))
        return false;
    if (!here && !there)
        ccb_result_fail(result, "%s: %s %s: there is no such file", entry->path, key, path);
    return true;
}

static bool check_boot_files(CcbCheckContext *ctx, CcbCheckResult *result,
                             const CcbBootEntry *entry, const char *key, const char *value,
                             GError **error)
{
    if (value == NULL)
        return ccb_result_fail(result, "%s: no line \"%s\"", entry->path, key);
    g_auto(GStrv) words = g_strsplit_set(value, " \t", -1);
    for (char **word = words; *word != NULL; word++) {
        if (**word == '\0' || **word == '$') /* $tuned_initrd: empty unless tuned sets it */
            continue;
        if (!check_boot_file(ctx, result, entry, key, *word, error))
            return false;
    }
    return true;
}

static bool run_default_entry(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return false;
    const CcbBootEntry *entry = ccb_facts_default_entry(facts);
    if (entry == NULL)
        return ccb_result_fail(result, "/boot/loader/entries has no boot entry");
    return check_saved_entry(ctx, entry, result, error) &&
           check_boot_files(ctx, result, entry, "linux", entry->kernel, error) &&
           check_boot_files(ctx, result, entry, "initrd", entry->initrd, error) &&
           ccb_result_pass(result, "%s", entry->path);
}

static bool grubcfg_kernelopts(CcbCheckContext *ctx, const char *path, char **ret_value,
                               GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    *ret_value = NULL;
    if (file->text == NULL)
        return true;
    if (ccb_grubcfg_get_kernelopts(file->text, file->size, ret_value, error))
        return true;
    g_prefix_error(error, "%s: ", path);
    return false;
}

/* What GRUB puts in place of $kernelopts; never NULL without an error. */
static char *effective_kernelopts(CcbCheckContext *ctx, GError **error)
{
    char *value = NULL;
    if (!grubenv_get(ctx, "kernelopts", &value, error))
        return NULL;
    for (guint i = 0; value == NULL && grub_configs[i] != NULL; i++)
        if (!grubcfg_kernelopts(ctx, grub_configs[i], &value, error))
            return NULL;
    return value != NULL ? value : g_strdup("");
}

static char *replace_word(const char *text, const char *word, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(text, word, -1);
    return g_strjoinv(value, parts);
}

static CcbBls *parse_entry(CcbCheckContext *ctx, const CcbBootEntry *entry, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, entry->path, error);
    if (file == NULL)
        return NULL;
    CcbBls *bls = file->text != NULL ? ccb_bls_parse(file->text, file->size, error) : NULL;
    if (file->text == NULL)
        ccb_fail(error, CCB_ERR_INPUT, "the file is missing");
    if (bls == NULL)
        g_prefix_error(error, "%s: ", entry->path);
    return bls;
}

/* The command line that GRUB makes of an entry. */
static char *effective_options(CcbCheckContext *ctx, const CcbBootEntry *entry, GError **error)
{
    g_autoptr(CcbBls) bls = parse_entry(ctx, entry, error);
    if (bls == NULL)
        return NULL;
    g_autofree char *options = ccb_bls_get_joined(bls, "options");
    if (options == NULL)
        return g_strdup("");
    if (!ccb_bls_uses_kernelopts(bls))
        return g_steal_pointer(&options);
    g_autofree char *kernelopts = effective_kernelopts(ctx, error);
    if (kernelopts == NULL)
        return NULL;
    g_autofree char *once = replace_word(options, "${kernelopts}", kernelopts);
    return replace_word(once, "$kernelopts", kernelopts);
}

/* The number of the first line that has `needle`, for messages; 0: none. */
static guint line_of(const char *text, const char *needle)
{
    const char *at = text != NULL ? strstr(text, needle) : NULL;
    guint line = 1;
    if (at == NULL)
        return 0;
    for (const char *p = text; p < at; p++)
        line += *p == '\n';
    return line;
}

static char *place_name(CcbCheckContext *ctx, const char *path, const char *needle)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, NULL);
    guint line = file != NULL ? line_of(file->text, needle) : 0;
    return line > 0 ? g_strdup_printf("%s:%u", path, line) : g_strdup(path);
}

static void explain_argument(const CcbCmdline *line, const char *argument, const char *place,
                             CcbCheckResult *result)
{
    g_autofree char *key = g_strndup(argument, strcspn(argument, "="));
    g_autofree char *value = ccb_cmdline_get(line, key);
    if (value == NULL)
        ccb_result_fail(result, "%s: %s is missing", place, argument);
    else if (!ccb_cmdline_has(line, argument))
        ccb_result_fail(result, "%s: %s=%s, expected %s", place, key, value, argument);
    else
        ccb_result_fail(result, "%s: %s is there %u times, last as %s=%s, expected once %s", place,
                        key, ccb_cmdline_count(line, key), key, value, argument);
}

/* An argument is right where setting it would change nothing: there, with this value, and once. */
static bool check_argument(const char *text, const char *argument, const char *place,
                           CcbCheckResult *result, GError **error)
{
    g_autoptr(CcbCmdline) line = ccb_cmdline_parse(text, error);
    g_autoptr(CcbCmdline) edited = line != NULL ? ccb_cmdline_parse(text, error) : NULL;
    if (edited == NULL || !ccb_cmdline_set(edited, argument, error)) {
        g_prefix_error(error, "%s: ", place);
        return false;
    }
    g_autofree char *before = ccb_cmdline_render(line);
    g_autofree char *after = ccb_cmdline_render(edited);
    if (!g_str_equal(before, after))
        explain_argument(line, argument, place, result);
    return true;
}

static const char *const *arguments(CcbCheckContext *ctx)
{
    return ctx->expect->kernel_args != NULL ? (const char *const *)ctx->expect->kernel_args
                                            : default_arguments;
}

static bool check_arguments(CcbCheckContext *ctx, const char *text, const char *place,
                            CcbCheckResult *result, GError **error)
{
    for (const char *const *argument = arguments(ctx); *argument != NULL; argument++)
        if (!check_argument(text, *argument, place, result, error))
            return false;
    return true;
}

static char *arguments_shown(CcbCheckContext *ctx)
{
    return g_strjoinv(" ", (char **)arguments(ctx));
}

static bool check_entry_arguments(CcbCheckContext *ctx, const CcbBootEntry *entry,
                                  CcbCheckResult *result, GError **error)
{
    g_autofree char *options = effective_options(ctx, entry, error);
    if (options == NULL)
        return false;
    g_autofree char *place = place_name(ctx, entry->path, "options ");
    return check_arguments(ctx, options, place, result, error);
}

static bool run_args_entries(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return false;
    if (facts->entries == NULL || facts->entries->len == 0)
        return ccb_result_fail(result, "/boot/loader/entries has no boot entry");
    for (guint i = 0; i < facts->entries->len; i++)
        if (!check_entry_arguments(ctx, g_ptr_array_index(facts->entries, i), result, error))
            return false;
    g_autofree char *shown = arguments_shown(ctx);
    return ccb_result_pass(result, "%s in %u boot entries", shown, facts->entries->len);
}

static bool run_args_grubenv(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autofree char *value = NULL;
    if (!grubenv_get(ctx, "kernelopts", &value, error))
        return false;
    if (value == NULL)
        return ccb_result_skip(result, "%s has no kernelopts", GRUBENV);
    g_autofree char *place = place_name(ctx, GRUBENV, "kernelopts=");
    return check_arguments(ctx, value, place, result, error) &&
           ccb_result_pass(result, "%s", place);
}

static bool check_grubcfg(CcbCheckContext *ctx, const char *path, CcbCheckResult *result, bool *any,
                          GError **error)
{
    g_autofree char *value = NULL;
    if (!grubcfg_kernelopts(ctx, path, &value, error))
        return false;
    if (value == NULL)
        return true;
    *any = true;
    g_autofree char *place = place_name(ctx, path, "kernelopts=");
    return check_arguments(ctx, value, place, result, error) &&
           ccb_result_pass(result, "%s", place);
}

static bool run_args_grubcfg(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    bool any = false;
    for (guint i = 0; grub_configs[i] != NULL; i++)
        if (!check_grubcfg(ctx, grub_configs[i], result, &any, error))
            return false;
    return any ? true : ccb_result_skip(result, "grub.cfg has no fallback kernelopts");
}

/* mkconfig writes both variables one after the other: what the second adds must not double the
 * first. */
static bool check_default_grub(CcbCheckContext *ctx, const CcbGuestText *file,
                               CcbCheckResult *result, GError **error)
{
    g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(file->text, file->size, error);
    if (vars == NULL) {
        g_prefix_error(error, "%s: ", DEFAULT_GRUB);
        return false;
    }
    g_autofree char *always = ccb_shellvars_get(vars, "GRUB_CMDLINE_LINUX");
    g_autofree char *normal = ccb_shellvars_get(vars, "GRUB_CMDLINE_LINUX_DEFAULT");
    g_autofree char *place = place_name(ctx, DEFAULT_GRUB, "GRUB_CMDLINE_LINUX=");
    if (!check_arguments(ctx, always ? always : "", place, result, error))
        return false;
    if (result->status != CCB_PASS || normal == NULL)
        return ccb_result_pass(result, "%s", place);
    g_autofree char *both = g_strjoin(" ", always, normal, NULL);
    return check_arguments(ctx, both, DEFAULT_GRUB ": GRUB_CMDLINE_LINUX and _DEFAULT", result,
                           error) &&
           ccb_result_pass(result, "%s", place);
}

static bool run_args_default_grub(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, DEFAULT_GRUB, error);
    if (file == NULL)
        return false;
    if (file->text == NULL)
        return ccb_result_fail(result, "%s is missing", DEFAULT_GRUB);
    return check_default_grub(ctx, file, result, error);
}

static bool run_args_kernel_cmdline(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, KERNEL_CMDLINE, error);
    if (file == NULL)
        return false;
    if (file->text == NULL)
        return ccb_result_skip(result, "there is no %s", KERNEL_CMDLINE);
    return check_arguments(ctx, file->text, KERNEL_CMDLINE, result, error) &&
           ccb_result_pass(result, "%s", KERNEL_CMDLINE);
}

static bool judge_conflicts(const char *text, const char *place, CcbCheckResult *result,
                            GError **error)
{
    g_autoptr(CcbCmdline) line = ccb_cmdline_parse(text, error);
    if (line == NULL) {
        g_prefix_error(error, "%s: ", place);
        return false;
    }
    g_autofree char *conflicts = ccb_cmdline_conflicts(line);
    if (conflicts != NULL)
        ccb_result_fail(result, "%s: %s", place, conflicts);
    return true;
}

static bool conflicts_in_entries(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return false;
    for (guint i = 0; i < facts->entries->len; i++) {
        const CcbBootEntry *entry = g_ptr_array_index(facts->entries, i);
        g_autofree char *options = effective_options(ctx, entry, error);
        if (options == NULL || !judge_conflicts(options, entry->path, result, error))
            return false;
    }
    return true;
}

/* Both variables: mkconfig puts them into one line. */
static bool conflicts_in_default_grub(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, DEFAULT_GRUB, error);
    if (file == NULL)
        return false;
    if (file->text == NULL)
        return true;
    g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(file->text, file->size, error);
    if (vars == NULL) {
        g_prefix_error(error, "%s: ", DEFAULT_GRUB);
        return false;
    }
    g_autofree char *always = ccb_shellvars_get(vars, "GRUB_CMDLINE_LINUX");
    g_autofree char *normal = ccb_shellvars_get(vars, "GRUB_CMDLINE_LINUX_DEFAULT");
    g_autofree char *both = g_strjoin(" ", always ? always : "", normal ? normal : "", NULL);
    return judge_conflicts(both, DEFAULT_GRUB, result, error);
}

static bool conflicts_in_kernel_cmdline(CcbCheckContext *ctx, CcbCheckResult *result,
                                        GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, KERNEL_CMDLINE, error);
    return file != NULL &&
           (file->text == NULL || judge_conflicts(file->text, KERNEL_CMDLINE, result, error));
}

static bool run_args_conflict(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return conflicts_in_entries(ctx, result, error) &&
           conflicts_in_default_grub(ctx, result, error) &&
           conflicts_in_kernel_cmdline(ctx, result, error) &&
           ccb_result_pass(result, "none in the boot entries, %s, %s", DEFAULT_GRUB,
                           KERNEL_CMDLINE);
}

/* The UUID after "UUID=", without quotes; NULL for any other way to name a device. */
static char *uuid_of(const char *spec)
{
    if (spec == NULL || !g_str_has_prefix(spec, "UUID="))
        return NULL;
    const char *uuid = spec + strlen("UUID=");
    return *uuid == '"' ? g_strndup(uuid + 1, strcspn(uuid + 1, "\"")) : g_strdup(uuid);
}

static const char *disk_uuid(CcbCheckContext *ctx)
{
    const CcbDisk *disk = ccb_guest_disk(ctx->guest);
    const CcbPartition *root = disk != NULL ? ccb_disk_partition(disk, disk->root) : NULL;
    if (ctx->expect->root_uuid != NULL)
        return ctx->expect->root_uuid;
    return root != NULL ? root->uuid : NULL;
}

static bool fstab_uuid(CcbCheckContext *ctx, char **ret_uuid, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, "/etc/fstab", error);
    if (file == NULL)
        return false;
    *ret_uuid = NULL;
    if (file->text == NULL)
        return true;
    g_autoptr(GPtrArray) entries = ccb_fstab_parse(file->text, file->size, error);
    if (entries == NULL) {
        g_prefix_error(error, "/etc/fstab: ");
        return false;
    }
    const CcbFstabEntry *root = ccb_fstab_find(entries, "/");
    *ret_uuid = root != NULL ? uuid_of(root->spec) : NULL;
    return true;
}

static void compare_uuid(CcbCheckResult *result, const char *place, const char *found,
                         const char *expected, const char *source)
{
    if (found != NULL && expected != NULL && g_ascii_strcasecmp(found, expected) != 0)
        ccb_result_fail(result, "%s: UUID %s, but %s has %s", place, found, source, expected);
}

static bool run_root_uuid(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    const CcbBootEntry *entry = facts != NULL ? ccb_facts_default_entry(facts) : NULL;
    if (entry == NULL)
        return facts != NULL && ccb_result_skip(result, "no default entry");
    g_autofree char *options = effective_options(ctx, entry, error);
    g_autoptr(CcbCmdline) line = options != NULL ? ccb_cmdline_parse(options, error) : NULL;
    g_autofree char *in_fstab = NULL;
    if (line == NULL || !fstab_uuid(ctx, &in_fstab, error))
        return false;
    g_autofree char *root = ccb_cmdline_get(line, "root");
    g_autofree char *uuid = uuid_of(root);
    if (uuid == NULL)
        return ccb_result_fail(result, "%s: root=%s, expected root=UUID=...", entry->path,
                               root ? root : "(none)");
    const char *on_disk = disk_uuid(ctx);
    if (on_disk == NULL && in_fstab == NULL)
        return ccb_result_skip(result, "no UUID to compare %s with", uuid);
    compare_uuid(result, entry->path, uuid, on_disk, "the root file system");
    compare_uuid(result, "/etc/fstab", in_fstab, on_disk ? on_disk : uuid,
                 on_disk ? "the root file system" : entry->path);
    return ccb_result_pass(result, "%s", uuid);
}

#define WHY_SWIOTLB                                                                                \
    "An encrypted guest moves all device data through swiotlb; its default size starves the "      \
    "GPUs, and each of these places feeds some later boot."
#define FIX_ARGUMENTS "Give the argument to the recipe's kernel-args step and bake again."

const CcbCheck ccb_checks_kernel[] = {
    {"kernel.minimum", CCB_SEVERITY_ERROR,
     "Older kernels lack the high-memory swiotlb and the fixes that TDX guests with GPUs need.",
     "Bake from a base image with a later kernel, or install one in the recipe.", run_minimum},
    {"kernel.default-entry", CCB_SEVERITY_ERROR,
     "GRUB boots another kernel, or none, when its default entry or a file of it is missing.",
     "Point saved_entry in grubenv to an entry whose kernel and initramfs are in /boot.",
     run_default_entry},
    {"kernel.root-uuid", CCB_SEVERITY_ERROR,
     "The initramfs waits for ever for a root file system that does not exist.",
     "Set root=UUID= and /etc/fstab to the UUID of the root file system.", run_root_uuid},
    {"kernel.args-entries", CCB_SEVERITY_ERROR, WHY_SWIOTLB, FIX_ARGUMENTS, run_args_entries},
    {"kernel.args-grubenv", CCB_SEVERITY_ERROR, WHY_SWIOTLB, FIX_ARGUMENTS, run_args_grubenv},
    {"kernel.args-grubcfg", CCB_SEVERITY_ERROR, WHY_SWIOTLB, FIX_ARGUMENTS, run_args_grubcfg},
    {"kernel.args-default-grub", CCB_SEVERITY_ERROR, WHY_SWIOTLB, FIX_ARGUMENTS,
     run_args_default_grub},
    {"kernel.args-kernel-cmdline", CCB_SEVERITY_ERROR, WHY_SWIOTLB, FIX_ARGUMENTS,
     run_args_kernel_cmdline},
    {"kernel.args-conflict", CCB_SEVERITY_WARNING,
     "The kernel takes the last of two values, and an edit may change which one that is.",
     "Take out the one that is not meant, in the place that is named.", run_args_conflict},
    {0},
};
