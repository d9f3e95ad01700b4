/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's arguments, in every place from which they can come: for this boot, for the next
 * kernel's, and for the next grub2-mkconfig. */
#include <string.h>

#include "base/quantity.h"
#include "check/ds-identify.h"
#include "check/foresee.h"
#include "check/guest-cmdline.h"
#include "check/guest-grub.h"
#include "check/guest-units.h"
#include "guide/driver.h"
#include "guide/ecs.h"
#include "guide/gpu-units.h"
#include "text/cmdline.h"

#define DEFAULT_GRUB   "/etc/default/grub"
#define KERNEL_CMDLINE "/etc/kernel/cmdline"

/* --- the places */

typedef struct {
    char *name; /* for messages */
    char *text;
    bool repeats; /* the text of the place before is in it: checked only where that one is right */
} Place;

static void place_free(gpointer data)
{
    Place *place = data;
    g_free(place->name);
    g_free(place->text);
    g_free(place);
}

/* Takes ownership of `name` and `text`. */
static void add_place(GPtrArray *places, char *name, char *text, bool repeats)
{
    Place *place = g_new0(Place, 1);
    *place = (Place){name, text, repeats};
    g_ptr_array_add(places, place);
}

/* "FILE:LINE" of the first line that has `needle`; caller frees. */
static char *name_line(CcbCheckContext *ctx, const char *path, const char *needle, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    const char *at = file->text != NULL ? strstr(file->text, needle) : NULL;
    guint line = 1;
    if (at == NULL)
        return g_strdup(path);
    for (const char *c = file->text; c < at; c++)
        line += *c == '\n';
    return g_strdup_printf("%s:%u", path, line);
}

/* Adds each place of a kind that is there. */
typedef void (*AddPlaces)(CcbCheckContext *ctx, GPtrArray *places, GError **error);

static void add_entries(CcbCheckContext *ctx, GPtrArray *places, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    for (guint i = 0; facts != NULL && i < facts->entries->len; i++) {
        const CcbBootEntry *entry = facts->entries->pdata[i];
        bool is_bls = g_str_has_suffix(entry->path, ".conf");
        add_place(places,
                  is_bls ? name_line(ctx, entry->path, "options ", error)
                         : g_strdup_printf("%s: \"%s\"", entry->path, entry->title),
                  g_strdup(entry->cmdline), false);
    }
}

static void add_grubenv(CcbCheckContext *ctx, GPtrArray *places, GError **error)
{
    char *value = ccb_check_grubenv_get(ctx, "kernelopts", error);
    if (value != NULL)
        add_place(places, name_line(ctx, CCB_GRUBENV_PATH, "kernelopts=", error), value, false);
}

static void add_grubcfg(CcbCheckContext *ctx, GPtrArray *places, GError **error)
{
    for (const char *const *path = ccb_grub_configs; *path != NULL; path++) {
        char *value = ccb_check_grubcfg_kernelopts(ctx, *path, error);
        if (value != NULL)
            add_place(places, name_line(ctx, *path, "kernelopts=", error), value, false);
    }
}

/* mkconfig writes both variables one after the other, but the first alone for recovery: where it is
 * right, what the second adds must not undo it. */
static void add_default_grub(CcbCheckContext *ctx, GPtrArray *places, GError **error)
{
    g_autoptr(CcbShellvars) vars = ccb_check_shellvars(ctx, DEFAULT_GRUB, error);
    if (vars == NULL)
        return;
    char *always = ccb_shellvars_get(vars, "GRUB_CMDLINE_LINUX");
    g_autofree char *normal = ccb_shellvars_get(vars, "GRUB_CMDLINE_LINUX_DEFAULT");
    if (always == NULL)
        always = g_strdup("");
    add_place(places, name_line(ctx, DEFAULT_GRUB, "GRUB_CMDLINE_LINUX=", error), always, false);
    if (normal != NULL)
        add_place(places, g_strdup(DEFAULT_GRUB ": GRUB_CMDLINE_LINUX and _DEFAULT"),
                  g_strjoin(" ", always, normal, NULL), true);
}

static void add_kernel_cmdline(CcbCheckContext *ctx, GPtrArray *places, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, KERNEL_CMDLINE, error);
    if (file->text != NULL)
        add_place(places, g_strdup(KERNEL_CMDLINE), g_strdup(file->text), false);
}

/* Checks the arguments of one place. */
typedef void (*CheckLine)(CcbCheckContext *ctx, const CcbCmdline *line, const char *place,
                          CcbCheckResult *result, GError **error);

/* Returns how many places there are. */
static guint check_places(CcbCheckContext *ctx, AddPlaces add, CheckLine check,
                          CcbCheckResult *result, GError **error)
{
    g_autoptr(GPtrArray) places = g_ptr_array_new_with_free_func(place_free);
    add(ctx, places, error);
    for (guint i = 0; *error == NULL && i < places->len; i++) {
        const Place *place = places->pdata[i];
        if (place->repeats && result->status != CCB_PASS)
            continue;
        g_autoptr(CcbCmdline) line = ccb_cmdline_parse(place->text, error);
        if (line != NULL)
            check(ctx, line, place->name, result, error);
        else
            g_prefix_error(error, "%s: ", place->name);
    }
    return places->len;
}

static bool check_all_places(CcbCheckContext *ctx, CheckLine check, CcbCheckResult *result,
                             GError **error)
{
    static const AddPlaces kinds[] = {add_entries, add_grubenv, add_grubcfg, add_default_grub,
                                      add_kernel_cmdline};
    guint found = 0;
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        found += check_places(ctx, kinds[i], check, result, error);
    return ccb_result_pass(result, "none in %u %s", found, ccb_plural(found, "place", "places"));
}

/* --- arguments that have to be there */

static char **wanted_arguments(CcbCheckContext *ctx)
{
    /* 8 GiB of bounce buffers, allocated anywhere: the guide's argument. */
    static char *guide[] = {"swiotlb=4194304,any", NULL};
    return ctx->expect->kernel_args != NULL ? ctx->expect->kernel_args : guide;
}

static void check_wanted(CcbCheckContext *ctx, const CcbCmdline *line, const char *place,
                         CcbCheckResult *result, GError **error)
{
    char **argument = wanted_arguments(ctx);
    for (; *error == NULL && *argument != NULL; argument++)
        ccb_check_argument(line, *argument, place, result, error);
    for (argument = ctx->expect->removed_args; argument != NULL && *argument != NULL; argument++)
        if (ccb_cmdline_has(line, *argument))
            ccb_result_fail(result, "%s: %s is there, and the recipe removes it", place, *argument);
    ccb_result_pass(result, "%s", place);
}

static bool run_args_entries(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return check_places(ctx, add_entries, check_wanted, result, error) > 0 ||
           ccb_result_fail(result, "/boot/loader/entries has no boot entry");
}

static bool run_args_grubenv(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return check_places(ctx, add_grubenv, check_wanted, result, error) > 0 ||
           ccb_result_skip(result, "%s has no kernelopts", CCB_GRUBENV_PATH);
}

static bool run_args_grubcfg(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return check_places(ctx, add_grubcfg, check_wanted, result, error) > 0 ||
           ccb_result_skip(result, "grub.cfg has no fallback kernelopts");
}

static bool run_args_default_grub(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return check_places(ctx, add_default_grub, check_wanted, result, error) > 0 ||
           ccb_result_fail(result, "%s is missing", DEFAULT_GRUB);
}

static bool run_args_kernel_cmdline(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return check_places(ctx, add_kernel_cmdline, check_wanted, result, error) > 0 ||
           ccb_result_skip(result, "there is no %s", KERNEL_CMDLINE);
}

/* What the recipe takes away and is wanted all the same fails any image; what no step sets has to be in the entries of
 * the base. */
static bool foresee_args_entries(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbForesight *known = ctx->foresight;
    char **removed = ctx->expect->removed_args;
    for (char **argument = wanted_arguments(ctx); removed != NULL && *argument != NULL;
         argument++) {
        g_autofree char *key = g_strndup(*argument, strcspn(*argument, "="));
        if (!g_strv_contains((const char *const *)removed, key) &&
            !g_strv_contains((const char *const *)removed, *argument))
            continue;
        result->certain = true;
        g_free(result->subject);
        result->subject = g_strdup(key);
        return ccb_result_fail(result, "%s must be in every boot entry, and the recipe removes %s",
                               *argument, key);
    }
    /* Of a recipe without a driver, which may be for any machine, only the image's check says so. */
    bool is_known = ctx->gpus > 0 && known->has_base && known->facts->default_kver[0] != '\0';
    for (guint i = 0; is_known && i < known->facts->entries->len; i++) {
        const CcbBootEntry *entry = known->facts->entries->pdata[i];
        g_autoptr(CcbCmdline) line = ccb_cmdline_parse(entry->cmdline, error);
        if (line == NULL)
            return false;
        check_wanted(ctx, line, entry->path, result, error);
    }
    result->certain = ccb_foresee_is_closed(known);
    return true;
}

/* --- arguments that must not be there */

static void check_conflicts(CcbCheckContext *ctx, const CcbCmdline *line, const char *place,
                            CcbCheckResult *result, GError **error)
{
    g_autofree char *conflicts = ccb_cmdline_conflicts(line);
    if (conflicts != NULL)
        ccb_result_fail(result, "%s: %s", place, conflicts);
}

static bool run_args_conflict(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return check_all_places(ctx, check_conflicts, result, error);
}

/* The first of a list of modules that the image needs: the driver and what proves its GPUs, the disks, the network; NULL:
 * none.  Points into `modules`. */
static const char *find_needed(CcbCheckContext *ctx, char **modules)
{
    g_autofree char *text = g_strdelimit(g_strdup(CCB_ECS_DRIVERS " tdx-guest"), "_", '-');
    g_auto(GStrv) of_machine = g_strsplit(text, " ", -1);
    static const char *const of_driver[] = {"ecdsa-generic", "ecdh-generic", NULL};
    for (char **module = modules; *module != NULL; module++) {
        g_autofree char *dashed = g_strdelimit(g_strdup(*module), "_", '-');
        if (g_strv_contains((const char *const *)of_machine, dashed) ||
            (ctx->gpus > 0 &&
             (g_strv_contains(ccb_driver_modules, dashed) || g_strv_contains(of_driver, dashed))))
            return *module;
    }
    return NULL;
}

static void check_module_arguments(CcbCheckContext *ctx, const CcbCmdline *line, const char *place,
                                   CcbCheckResult *result)
{
    /* Those of modprobe, of the initramfs's udev, and of the kernel itself; each a list. */
    static const char *const blacklists[] = {"modprobe.blacklist", "rd.driver.blacklist",
                                             "module_blacklist"};
    for (guint i = 0; i < G_N_ELEMENTS(blacklists); i++) {
        g_auto(GStrv) values = ccb_cmdline_values(line, blacklists[i]);
        g_autofree char *list = g_strjoinv(",", values);
        g_auto(GStrv) modules = g_strsplit(list, ",", -1);
        const char *needed = find_needed(ctx, modules);
        if (needed != NULL)
            ccb_result_fail(result, "%s: %s=%s keeps %s from loading", place, blacklists[i], list,
                            needed);
    }
    /* The last value takes the place of what modprobe.d says. */
    static const char registry[] = "nvidia.NVreg_RegistryDwords";
    g_auto(GStrv) values = ccb_cmdline_values(line, registry);
    for (char **value = values; *value != NULL; value++)
        if (ctx->gpus == 1 && strstr(*value, CCB_PROTECTED_PCIE) != NULL)
            ccb_result_fail(result, "%s: %s=%s, and 1 GPU is unusable with " CCB_PROTECTED_PCIE,
                            place, registry, *value);
        else if (ctx->gpus == 8 && !ccb_registry_is_set(*value, CCB_PROTECTED_PCIE))
            ccb_result_fail(result, "%s: %s=%s, expected " CCB_PROTECTED_PCIE "=0x1 in it", place,
                            registry, *value);
}

/* By which the machine comes up with something else than what is installed. */
static void check_init_arguments(CcbCheckContext *ctx, const CcbCmdline *line, const char *place,
                                 CcbCheckResult *result, GError **error)
{
    static const struct {
        const char *key;
        const char *good; /* values that change nothing, with a space around each */
        const char *what;
    } others[] = {
        {"init", " /sbin/init /usr/sbin/init /usr/lib/systemd/systemd /lib/systemd/systemd ",
         "runs in the place of systemd"},
        {"rdinit", " /init ", "runs in the place of the initramfs's systemd"},
        {"rd.systemd.unit", " initrd.target ", "keeps the initramfs from going on"},
        {"rd.break", " ", "stops in a shell of the initramfs"},
        {"rdbreak", " ", "stops in a shell of the initramfs"},
        {"rd.rescue", " ", "stops in a shell of the initramfs"},
        {"rd.emergency", " ", "stops in the initramfs"},
        {"systemd.break", " 0 no off false ", "stops in a shell"},
        {"systemd.run", " ", "is run in the place of what is installed"},
        {"systemd.volatile", " 0 no off false ", "forgets what was written at each boot"},
        {"systemd.debug_shell", " 0 no off false ", "opens a shell of root to everybody at tty9"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autofree char *value = ccb_cmdline_get(line, others[i].key);
        g_autofree char *word = g_strdup_printf(" %s ", value != NULL ? value : "");
        if (value != NULL && (*value == '\0' || strstr(others[i].good, word) == NULL))
            ccb_result_fail(result, "%s: %s%s%s %s", place, others[i].key,
                            *value != '\0' ? "=" : "", value, others[i].what);
    }
    static const char multi_user[] = "multi-user.target";
    g_autofree char *target = ccb_cmdline_target(line);
    CcbUnitSet *set = target != NULL ? ccb_check_units(ctx, error) : NULL;
    if (set == NULL || (g_str_equal(target, multi_user) && ccb_unitgraph_has(set->graph, target)))
        return;
    g_autoptr(GPtrArray) why = ccb_unitgraph_why_started(set->graph, target, multi_user);
    if (why == NULL)
        ccb_result_fail(result, "%s: the boot ends in %s, which does not start %s", place, target,
                        multi_user);
}

/* Units that a boot needs, kept from starting by this line. */
static void check_masks(CcbCheckContext *ctx, const CcbCmdline *line, const char *place,
                        CcbCheckResult *result)
{
    g_auto(GStrv) masked = ccb_cmdline_units(line, "systemd.mask");
    const char *const *enabled = (const char *const *)ctx->expect->enabled;
    for (char **unit = masked; *unit != NULL; unit++)
        if ((ctx->gpus > 0 && g_str_equal(*unit, CCB_PERSISTENCED)) ||
            (ctx->gpus == 8 && g_str_equal(*unit, CCB_FABRICMANAGER)) ||
            g_strv_contains(ccb_cloud_init_units, *unit) ||
            (enabled != NULL && g_strv_contains(enabled, *unit)))
            ccb_result_fail(result, "%s: systemd.mask=%s keeps it from starting", place, *unit);
}

static void check_harm(CcbCheckContext *ctx, const CcbCmdline *line, const char *place,
                       CcbCheckResult *result, GError **error)
{
    check_module_arguments(ctx, line, place, result);
    check_init_arguments(ctx, line, place, result, error);
    check_masks(ctx, line, place, result);
    g_auto(CcbDsIdentify) told = {0};
    ccb_ds_identify_read_line(&told, line);
    g_autofree char *off = ccb_ds_identify_off(&told);
    g_autofree char *other = ccb_ds_identify_other(&told);
    if (ccb_cmdline_has(line, "cloud-init=disabled"))
        ccb_result_fail(result, "%s: cloud-init=disabled switches it off", place);
    if (off != NULL)
        ccb_result_fail(result, "%s: %s", place, off);
    if (other != NULL)
        ccb_result_fail(result, "%s: %s", place, other);
}

static bool run_args_harmful(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return check_all_places(ctx, check_harm, result, error);
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
     "What the command line says to init, to modules and to cloud-init takes precedence over the "
     "image's files.",
     "Take the argument out, in the place that is named (kernel-args step, \"remove\").",
     run_args_harmful},
    {0},
};

const CcbForesee ccb_foresees_arguments[] = {
    {"kernel.args-entries", foresee_args_entries},
    {0},
};
