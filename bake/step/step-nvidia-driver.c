/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NVIDIA driver from its .run installer, on a system that is not running: for the image's
 * kernel (-k; the default would be the builder's), with the open modules (-m; without a GPU the
 * installer would pick the proprietary ones, which have no confidential mode), without an initramfs
 * (the initramfs step makes it once, at the end).
 *
 * Where the same modules were compiled for another image, the installer leaves them out and they
 * are put in from the cache; its own record (/var/lib/nvidia) does not list them then.
 *
 * The installer's exit code 0 proves nothing, so what it was to install is looked at.
 */
#include <string.h>

#include "base/eta.h"
#include "base/leak.h"
#include "base/process.h"
#include "base/quantity.h"
#include "guide/driver.h"
#include "guide/driverbuild.h"
#include "image/module.h"
#include "step/common.h"
#include "step/driver-modules.h"
#include "step/kinds.h"
#include "text/kconfig.h"

#define INSTALLER_LOG "/tmp/nvidia-installer.log"

static const CcbField fields[] = CCB_VERSIONED_FIELDS("the driver's .run file", "its version");

static void expect(const CcbStep *step, CcbExpectation *expect)
{
    expect->no_driver = false;
    ccb_expect(&expect->driver, ccb_step_version(step));
}

static bool check(const CcbStepContext *context, const CcbStep *step, GError **error)
{
    const CcbNode *node = ccb_node_get(step->origin->node, "version");
    unsigned gpus = context->recipe->gpus;
    const char *least = ccb_driver_minimum(gpus);
    const CcbNode *count = ccb_node_get(context->recipe->root, "gpus");
    g_autofree char *set_at = ccb_node_place(count != NULL ? count : context->recipe->root);
    CcbDriverVersion version, minimum;
    g_autoptr(GError) reason = NULL;
    if (!ccb_driver_parse(node->text, &version, &reason))
        return ccb_node_fail(node, error, "\"version\": %s", reason->message);
    if (!ccb_driver_parse(least, &minimum, error))
        return false;
    const char *bad = ccb_driver_known_bad(version);
    if (bad != NULL)
        ccb_node_fail(node, error, "driver %s is known bad: %s", node->text, bad);
    else if (ccb_driver_compare(version, minimum) < 0)
        ccb_node_fail(node, error, "driver %s is older than %s, the minimum for %u %s (gpus at %s)",
                      node->text, least, gpus, ccb_plural(gpus, "GPU", "GPUs"), set_at);
    else if (!ccb_driver_supports_cc(version))
        ccb_node_fail(node, error, "driver %s is of a branch without confidential computing",
                      node->text);
    else
        return true;
    g_autofree char *branches = ccb_driver_cc_branches(minimum);
    return ccb_hint(error, "versions that will do: %s or newer, of the branches %s", least,
                    branches);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    CcbDriverVersion version;
    bool is_new = ccb_driver_parse(ccb_step_version(step), &version, NULL) &&
                  ccb_driver_is_newer_than_known(version);
    return g_strdup_printf("install driver %s with open kernel modules%s", ccb_step_version(step),
                           is_new ? " (notice: of a branch that this ccbake does not know yet)"
                                  : "");
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const char *version = ccb_step_version(step);
    const char *kver = context->facts != NULL ? context->facts->default_kver : "";
    for (const char *const *name = ccb_driver_modules; kver[0] != '\0' && *name != NULL; name++) {
        g_autofree char *path = ccb_driver_module_path(kver, *name);
        ccb_change_add(changes, CCB_CHANGE_MODULE, path, version);
    }
    if (kver[0] == '\0')
        ccb_change_unknown(changes, NULL, "modules of driver %s, for a kernel not known yet",
                           version);
    ccb_change_unknown(changes, NULL,
                       "libraries, programs and firmware of driver %s; the lists of depmod",
                       version);
    return true;
}

/* What decides about the modules; how many jobs compile them, and where, depends on the builder. */
static GPtrArray *installer_flags(const CcbBake *bake)
{
    GPtrArray *flags = g_ptr_array_new_with_free_func(g_free);
    ccb_argv_add(flags, "-m", "kernel-open", "-k", ccb_bake_kver(bake), "--ui=none",
                 "--no-questions", "--skip-module-load", "--no-rebuild-initramfs", "--no-systemd",
                 "--skip-depmod", "--no-dkms", "--no-nouveau-check", "--no-x-check",
                 "--install-libglvnd", NULL);
    return flags;
}

/* The installer's own log has the answers of conftest and the compiler's messages; all of it goes
 * into ours. */
static void show_log(CcbBake *bake)
{
    const char *argv[] = {"cat", INSTALLER_LOG, NULL};
    CcbCommand command = {.argv = argv, .allow_failure = true, .limit_s = 60};
    ccb_guest_run(bake->guest, &command, NULL);
}

/* The last lines of a failed build are make's, which say in what, not why.  What says why stands
 * further up, and with several jobs far from the end: compiler, linker, modpost and ld.so write
 * "error:", the installer itself "ERROR:". */
static void add_reasons(CcbBake *bake, GError **error)
{
    const char *argv[] = {"grep",
                          "-m",
                          "6",
                          "-E",
                          "(^|[^a-z])(fatal )?error( while loading shared libraries)?: |^ *ERROR: ",
                          INSTALLER_LOG,
                          NULL};
    g_autoptr(GString) lines = g_string_new(NULL);
    CcbCommand command = {.argv = argv, .allow_failure = true, .ret_stdout = lines, .limit_s = 60};
    if (error == NULL || !ccb_guest_run(bake->guest, &command, NULL) || lines->len == 0)
        return;
    g_autoptr(GString) message = g_string_new((*error)->message);
    g_auto(GStrv) list = g_strsplit(g_strchomp(lines->str), "\n", -1);
    g_string_append(message, "\nthe first errors of the installer's log:");
    bool in_key = false;
    for (char **line = list; *line != NULL; line++) {
        g_autofree char *shown = ccb_leaks_mask_line(*line, &in_key);
        g_string_append_printf(message, "\n  | %.300s", shown);
    }
    g_free((*error)->message);
    (*error)->message = g_strdup(message->str);
}

/* --- what can be known before minutes of compiling */

static bool need_file(CcbBake *bake, const char *path, const char *what, GError **error)
{
    if (ccb_guest_exists(bake->guest, path))
        return true;
    ccb_fail(error, CCB_ERR_INPUT, "the driver would have no confidential mode: %s is missing%s",
             path, what);
    return ccb_hint(error, "take a kernel and kernel-devel that have it");
}

/* include/config/kernel.release is the release that the headers were made for; kernel-devel of
 * every distribution has it. */
static bool check_release(CcbBake *bake, const char *build, GError **error)
{
    g_autofree char *path = g_build_filename(build, "include/config/kernel.release", NULL);
    g_autofree char *release = NULL;
    if (!ccb_guest_read_optional(bake->guest, path, &release, error))
        return false;
    if (release == NULL || strcmp(g_strchomp(release), ccb_bake_kver(bake)) == 0)
        return true;
    ccb_fail(error, CCB_ERR_INPUT,
             "the headers in %s are those of %s, and the image's kernel is %s", build, release,
             ccb_bake_kver(bake));
    return ccb_hint(error, "install kernel-devel-%s in a step before this one",
                    ccb_bake_kver(bake));
}

static bool check_settings(CcbBake *bake, const char *build, GError **error)
{
    size_t size = 0;
    g_autofree char *path = g_build_filename(build, ".config", NULL);
    g_autofree char *text = ccb_guest_read(bake->guest, path, &size, error);
    g_autoptr(CcbKconfig) config = text != NULL ? ccb_kconfig_parse(text, size, error) : NULL;
    for (const char *const *name = ccb_driver_settings; config != NULL && *name != NULL; name++) {
        const char *value = ccb_kconfig_get(config, *name);
        if (strcmp(value, "y") == 0 || strcmp(value, "m") == 0)
            continue;
        ccb_fail(error, CCB_ERR_INPUT,
                 "the driver would have no confidential mode: %s has CONFIG_%s=%s, not y or m",
                 path, *name, value);
        return ccb_hint(error, "take a kernel and kernel-devel that have it");
    }
    return config != NULL;
}

/* Reads what the installer's conftest decides by.  Each missing part of it would be seen only in the
 * modules that come out. */
static bool check_headers(CcbBake *bake, GError **error)
{
    g_autofree char *build = g_build_filename("/lib/modules", ccb_bake_kver(bake), "build", NULL);
    g_autofree char *makefile = g_build_filename(build, "Makefile", NULL);
    if (!ccb_guest_exists(bake->guest, makefile)) {
        ccb_fail(error, CCB_ERR_INPUT, "the image has no kernel-devel for %s (%s is missing)",
                 ccb_bake_kver(bake), makefile);
        return ccb_hint(error, "install kernel-devel-%s in a step before this one",
                        ccb_bake_kver(bake));
    }
    if (!check_release(bake, build, error) || !check_settings(bake, build, error))
        return false;
    for (const char *const *name = ccb_driver_headers; *name != NULL; name++) {
        g_autofree char *path = g_build_filename(build, "include", *name, NULL);
        if (!need_file(bake, path, ", which its compile test includes", error))
            return false;
    }
    g_autofree char *platform =
        g_build_filename(build, "include", CCB_DRIVER_PLATFORM_HEADER, NULL);
    return need_file(bake, platform, ", by which it knows an encrypted guest", error);
}

/* Runs each of them: a compiler may be there and unable to start. */
static bool check_tools(CcbBake *bake, GError **error)
{
    g_autofree char *objtool =
        g_strdup_printf("/lib/modules/%s/build/tools/objtool/objtool", ccb_bake_kver(bake));
    GError *reason = NULL;
    for (const char *const *tool = ccb_driver_tools; reason == NULL && *tool != NULL; tool++)
        ccb_guest_command(bake->guest, &reason, *tool, "--version", NULL);
    /* Asked for help it exits with 129; that it can't start is an error in any case. */
    const char *argv[] = {objtool, "--help", NULL};
    CcbCommand command = {.argv = argv, .allow_failure = true, .limit_s = 60};
    if (reason == NULL && ccb_guest_exists(bake->guest, objtool))
        ccb_guest_run(bake->guest, &command, &reason);
    if (reason == NULL)
        return true;
    g_propagate_prefixed_error(error, reason, "the driver can't be compiled in the image: ");
    return ccb_hint(error, "install " CCB_DRIVER_TOOL_PACKAGES " in a step before this one");
}

/* Whether an installed module is the open one, of that version, for the image's kernel. */
static bool check_module(CcbBake *bake, const char *version, const char *name, GError **error)
{
    static const char all_well[] = "the installer said that all went well, but";
    size_t size = 0;
    g_autofree char *path = ccb_driver_module_path(ccb_bake_kver(bake), name);
    if (!ccb_guest_exists(bake->guest, path))
        return ccb_fail(error, CCB_ERR_STEP, "%s %s is missing", all_well, path);
    g_autofree char *bytes = ccb_guest_read(bake->guest, path, &size, error);
    g_autoptr(CcbModule) module = bytes ? ccb_module_parse(bytes, size, error) : NULL;
    if (module == NULL)
        return false;
    const char *found = ccb_module_get(module, "version");
    if (g_strcmp0(found, version) != 0)
        return ccb_fail(error, CCB_ERR_STEP, "%s %s.ko has version \"%s\" instead of \"%s\"",
                        all_well, name, found ? found : "", version);
    found = ccb_module_get(module, "vermagic");
    if (found == NULL || !g_str_has_prefix(found, ccb_bake_kver(bake)))
        return ccb_fail(error, CCB_ERR_STEP, "%s %s.ko has vermagic \"%s\" instead of \"%s\"",
                        all_well, name, found ? found : "", ccb_bake_kver(bake));
    found = ccb_module_get(module, "license");
    return ccb_driver_license_is_open(name, found) ||
           ccb_fail(error, CCB_ERR_STEP, "%s %s.ko has license \"%s\": it is not the open module",
                    all_well, name, found ? found : "");
}

static bool check_result(CcbBake *bake, const CcbStep *step, GError **error)
{
    static const char *const programs[] = {"/usr/bin/nvidia-smi", "/usr/bin/nvidia-persistenced"};
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++)
        if (!check_module(bake, ccb_step_version(step), *name, error))
            return false;
    for (size_t i = 0; i < G_N_ELEMENTS(programs); i++)
        if (!ccb_guest_exists(bake->guest, programs[i]))
            return ccb_fail(error, CCB_ERR_STEP,
                            "the installer said that all went well, but %s is missing",
                            programs[i]);
    return true;
}

static bool run_installer(CcbBake *bake, const CcbStep *step, const GPtrArray *flags, bool compile,
                          GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *installer = ccb_step_payload_path(step->payloads->pdata[0]);
    g_autofree char *jobs = g_strdup_printf("%u", bake->jobs);
    ccb_argv_add(argv, "sh", installer, NULL);
    for (guint i = 0; i < flags->len; i++)
        ccb_argv_add(argv, flags->pdata[i], NULL);
    ccb_argv_add(argv, "-j", jobs, "--tmpdir=/tmp", "--log-file-name=" INSTALLER_LOG,
                 compile ? NULL : "--no-kernel-module", NULL);
    bool ok = ccb_step_command(bake, step, argv, error);
    if (!ok)
        add_reasons(bake, error);
    show_log(bake);
    return ok;
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    bool cached = false;
    if (!check_headers(bake, error))
        return false;
    g_autoptr(GPtrArray) flags = installer_flags(bake);
    g_autofree char *key = ccb_driver_modules_key(bake, step->payloads->pdata[0], flags);
    if (key != NULL && !bake->no_cache && !ccb_driver_modules_install(bake, key, &cached, error))
        return false;
    if (cached)
        ccb_eta_reuse();
    else if (!check_tools(bake, error))
        return false;
    return run_installer(bake, step, flags, !cached, error) && check_result(bake, step, error) &&
           (key == NULL || cached || ccb_driver_modules_keep(bake, key, error)) &&
           ccb_guest_command(bake->guest, error, "depmod", "-a", ccb_bake_kver(bake), NULL);
}

const CcbStepKind ccb_step_nvidia_driver = {
    .name = "nvidia-driver",
    .summary = "compile and install the NVIDIA driver for the image's kernel",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(CcbVersionedSettings),
    .feeds_initramfs = true,
    .needs_selftest = true,
    .image_percent = 350,
    .scratch_percent = 400,
    .scratch_bytes = 500ull << 20,
    .expect = expect,
    .check = check,
    .describe = describe,
    .changes = changes,
    .run = run,
};
