/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's arguments, in every place from which they can come: for this boot, for the next
 * kernel's, and for the next grub2-mkconfig. */
#include <string.h>

#include "base/error.h"
#include "check/guest-grub.h"
#include "check/guest-module.h"
#include "guide/driver.h"
#include "text/cmdline.h"
#include "text/shellvars.h"

#define DEFAULT_GRUB   "/etc/default/grub"
#define KERNEL_CMDLINE "/etc/kernel/cmdline"

/* 8 GiB of bounce buffers, allocated anywhere: the guide's argument. */
static const char *const default_arguments[] = {"swiotlb=4194304,any", NULL};

static CcbCmdline *parse_line(const char *text, const char *place, GError **error)
{
    CcbCmdline *line = ccb_cmdline_parse(text, error);
    if (line == NULL)
        g_prefix_error(error, "%s: ", place);
    return line;
}

/* Judges the arguments of one place; `place` is what messages call it. */
typedef bool (*JudgeLine)(CcbCheckContext *ctx, const char *text, const char *place,
                          CcbCheckResult *result, GError **error);

/* A kind of places: gives each of them that is there to `judge`, and says how many that were. */
typedef bool (*ForPlaces)(CcbCheckContext *ctx, JudgeLine judge, CcbCheckResult *result,
                          guint *ret_found, GError **error);

/* --- the places */

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

static char *place_name(CcbCheckContext *ctx, const char *path, const char *needle, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return NULL;
    guint line = line_of(file->text, needle);
    return line > 0 ? g_strdup_printf("%s:%u", path, line) : g_strdup(path);
}

static bool in_entries(CcbCheckContext *ctx, JudgeLine judge, CcbCheckResult *result,
                       guint *ret_found, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return false;
    for (guint i = 0; i < facts->entries->len; i++) {
        const CcbBootEntry *entry = g_ptr_array_index(facts->entries, i);
        g_autofree char *place = place_name(ctx, entry->path, "options ", error);
        g_autofree char *options = place != NULL ? ccb_check_boot_options(ctx, entry, error) : NULL;
        if (options == NULL || !judge(ctx, options, place, result, error))
            return false;
    }
    *ret_found = facts->entries->len;
    return true;
}

static bool in_grubenv(CcbCheckContext *ctx, JudgeLine judge, CcbCheckResult *result,
                       guint *ret_found, GError **error)
{
    g_autofree char *value = NULL;
    if (!ccb_check_grubenv_get(ctx, "kernelopts", &value, error))
        return false;
    *ret_found = value != NULL;
    if (value == NULL)
        return true;
    g_autofree char *place = place_name(ctx, CCB_GRUBENV_PATH, "kernelopts=", error);
    return place != NULL && judge(ctx, value, place, result, error);
}

static bool in_grubcfg(CcbCheckContext *ctx, JudgeLine judge, CcbCheckResult *result,
                       guint *ret_found, GError **error)
{
    *ret_found = 0;
    for (const char *const *path = ccb_grub_configs; *path != NULL; path++) {
        g_autofree char *value = NULL;
        if (!ccb_check_grubcfg_kernelopts(ctx, *path, &value, error))
            return false;
        if (value == NULL)
            continue;
        *ret_found += 1;
        g_autofree char *place = place_name(ctx, *path, "kernelopts=", error);
        if (place == NULL || !judge(ctx, value, place, result, error))
            return false;
    }
    return true;
}

/* mkconfig writes both variables one after the other, but the first alone for recovery: where it is
 * right, what the second adds must not undo it. */
static bool in_variables(CcbCheckContext *ctx, const CcbShellvars *vars, JudgeLine judge,
                         CcbCheckResult *result, GError **error)
{
    g_autofree char *always = ccb_shellvars_get(vars, "GRUB_CMDLINE_LINUX");
    g_autofree char *normal = ccb_shellvars_get(vars, "GRUB_CMDLINE_LINUX_DEFAULT");
    g_autofree char *place = place_name(ctx, DEFAULT_GRUB, "GRUB_CMDLINE_LINUX=", error);
    if (place == NULL || !judge(ctx, always ? always : "", place, result, error))
        return false;
    if (result->status != CCB_PASS || normal == NULL)
        return true;
    g_autofree char *both = g_strjoin(" ", always ? always : "", normal, NULL);
    return judge(ctx, both, DEFAULT_GRUB ": GRUB_CMDLINE_LINUX and _DEFAULT", result, error);
}

static bool in_default_grub(CcbCheckContext *ctx, JudgeLine judge, CcbCheckResult *result,
                            guint *ret_found, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, DEFAULT_GRUB, error);
    if (file == NULL)
        return false;
    *ret_found = file->text != NULL;
    if (file->text == NULL)
        return true;
    g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(file->text, file->size, error);
    if (vars != NULL)
        return in_variables(ctx, vars, judge, result, error);
    g_prefix_error(error, "%s: ", DEFAULT_GRUB);
    return false;
}

static bool in_kernel_cmdline(CcbCheckContext *ctx, JudgeLine judge, CcbCheckResult *result,
                              guint *ret_found, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, KERNEL_CMDLINE, error);
    if (file == NULL)
        return false;
    *ret_found = file->text != NULL;
    return file->text == NULL || judge(ctx, file->text, KERNEL_CMDLINE, result, error);
}

static bool everywhere(CcbCheckContext *ctx, JudgeLine judge, CcbCheckResult *result,
                       GError **error)
{
    static const ForPlaces kinds[] = {in_entries, in_grubenv, in_grubcfg, in_default_grub,
                                      in_kernel_cmdline};
    guint found, all = 0;
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (!kinds[i](ctx, judge, result, &found, error))
            return false;
        all += found;
    }
    return ccb_result_pass(result, "none in %u places", all);
}

/* --- an argument that has to be there */

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

/* The kernel takes the last value; one that stands twice kernel.args-conflict warns of. */
static bool is_last(const CcbCmdline *line, const char *argument)
{
    const char *equals = strchr(argument, '=');
    g_autofree char *key = g_strndup(argument, strcspn(argument, "="));
    g_autofree char *last = ccb_cmdline_get(line, key);
    return equals != NULL && g_strcmp0(last, equals + 1) == 0;
}

/* An argument is right where it is in effect, or where setting it would change nothing. */
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
    if (!is_last(line, argument) && !g_str_equal(before, after))
        explain_argument(line, argument, place, result);
    return true;
}

static const char *const *arguments(CcbCheckContext *ctx)
{
    return ctx->expect->kernel_args != NULL ? (const char *const *)ctx->expect->kernel_args
                                            : default_arguments;
}

static bool judge_wanted(CcbCheckContext *ctx, const char *text, const char *place,
                         CcbCheckResult *result, GError **error)
{
    for (const char *const *argument = arguments(ctx); *argument != NULL; argument++)
        if (!check_argument(text, *argument, place, result, error))
            return false;
    return ccb_result_pass(result, "%s", place);
}

static bool run_args_entries(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint found;
    if (!in_entries(ctx, judge_wanted, result, &found, error))
        return false;
    return found > 0 || ccb_result_fail(result, "/boot/loader/entries has no boot entry");
}

static bool run_args_grubenv(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint found;
    if (!in_grubenv(ctx, judge_wanted, result, &found, error))
        return false;
    return found > 0 || ccb_result_skip(result, "%s has no kernelopts", CCB_GRUBENV_PATH);
}

static bool run_args_grubcfg(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint found;
    if (!in_grubcfg(ctx, judge_wanted, result, &found, error))
        return false;
    return found > 0 || ccb_result_skip(result, "grub.cfg has no fallback kernelopts");
}

static bool run_args_default_grub(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint found;
    if (!in_default_grub(ctx, judge_wanted, result, &found, error))
        return false;
    return found > 0 || ccb_result_fail(result, "%s is missing", DEFAULT_GRUB);
}

static bool run_args_kernel_cmdline(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint found;
    if (!in_kernel_cmdline(ctx, judge_wanted, result, &found, error))
        return false;
    return found > 0 || ccb_result_skip(result, "there is no %s", KERNEL_CMDLINE);
}

/* --- arguments that undo others */

static bool judge_conflicts(CcbCheckContext *ctx, const char *text, const char *place,
                            CcbCheckResult *result, GError **error)
{
    g_autoptr(CcbCmdline) line = parse_line(text, place, error);
    if (line == NULL)
        return false;
    g_autofree char *conflicts = ccb_cmdline_conflicts(line);
    if (conflicts != NULL)
        ccb_result_fail(result, "%s: %s", place, conflicts);
    return true;
}

static bool run_args_conflict(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return everywhere(ctx, judge_conflicts, result, error);
}

/* --- arguments that undo the image */

/* Those of modprobe, of the initramfs's udev, and of the kernel itself; each a list. */
static const char *const blacklists[] = {"modprobe.blacklist", "rd.driver.blacklist",
                                         "module_blacklist", NULL};

static bool is_of_driver(const char *module)
{
    g_autofree char *name = g_strdelimit(g_strdup(module), "_", '-');
    return g_strv_contains(ccb_driver_modules, name);
}

static void judge_blacklist(const CcbCmdline *line, const char *key, const char *place,
                            CcbCheckResult *result)
{
    g_auto(GStrv) values = ccb_cmdline_values(line, key);
    for (char **value = values; *value != NULL; value++) {
        g_auto(GStrv) modules = g_strsplit(*value, ",", -1);
        for (char **module = modules; *module != NULL; module++)
            if (is_of_driver(*module))
                ccb_result_fail(result, "%s: %s=%s keeps the driver from loading", place, key,
                                *value);
    }
}

/* The last value takes the place of what modprobe.d says. */
static void judge_registry(const CcbCmdline *line, unsigned gpus, const char *place,
                           CcbCheckResult *result)
{
    static const char key[] = "nvidia.NVreg_RegistryDwords";
    g_auto(GStrv) values = ccb_cmdline_values(line, key);
    for (char **value = values; *value != NULL; value++)
        if (gpus == 1 && strstr(*value, CCB_PROTECTED_PCIE) != NULL)
            ccb_result_fail(result, "%s: %s=%s, and 1 GPU is unusable with " CCB_PROTECTED_PCIE,
                            place, key, *value);
        else if (gpus == 8 && !ccb_registry_is_set(*value, CCB_PROTECTED_PCIE))
            ccb_result_fail(result, "%s: %s=%s, expected " CCB_PROTECTED_PCIE "=0x1 in it", place,
                            key, *value);
}

static bool judge_harm(CcbCheckContext *ctx, const char *text, const char *place,
                       CcbCheckResult *result, GError **error)
{
    g_autoptr(CcbCmdline) line = parse_line(text, place, error);
    if (line == NULL)
        return false;
    for (const char *const *key = blacklists; ctx->gpus > 0 && *key != NULL; key++)
        judge_blacklist(line, *key, place, result);
    judge_registry(line, ctx->gpus, place, result);
    if (ccb_cmdline_has(line, "cloud-init=disabled"))
        ccb_result_fail(result, "%s: cloud-init=disabled switches it off", place);
    return true;
}

static bool run_args_harmful(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return everywhere(ctx, judge_harm, result, error);
}

#define WHY_SWIOTLB                                                                                \
    "An encrypted guest moves all device data through swiotlb; its default size starves the "      \
    "GPUs, and each of these places feeds some later boot."
#define FIX_ARGUMENTS "Give the argument to the recipe's kernel-args step and bake again."

const CcbCheck ccb_checks_arguments[] = {
    {"kernel.args-entries", CCB_SEVERITY_ERROR, WHY_SWIOTLB, FIX_ARGUMENTS, run_args_entries},
    {"kernel.args-grubenv", CCB_SEVERITY_ERROR, WHY_SWIOTLB, FIX_ARGUMENTS, run_args_grubenv},
    {"kernel.args-grubcfg", CCB_SEVERITY_WARNING,
     "Entries use this fallback once grubenv has lost its kernelopts, and grubby does not edit it.",
     FIX_ARGUMENTS, run_args_grubcfg},
    {"kernel.args-default-grub", CCB_SEVERITY_ERROR, WHY_SWIOTLB, FIX_ARGUMENTS,
     run_args_default_grub},
    {"kernel.args-kernel-cmdline", CCB_SEVERITY_ERROR, WHY_SWIOTLB, FIX_ARGUMENTS,
     run_args_kernel_cmdline},
    {"kernel.args-conflict", CCB_SEVERITY_WARNING,
     "The kernel takes the last of two values, and an edit may change which one that is; or may "
     "change "
     "one alone of two that are alike.",
     "Take out the one that is not meant, in the place that is named.", run_args_conflict},
    {"kernel.args-harmful", CCB_SEVERITY_ERROR,
     "What the command line says to modules and to cloud-init goes before the files of the image.",
     "Take the argument out, in the place that is named (kernel-args step, \"remove\").",
     run_args_harmful},
    {0},
};
