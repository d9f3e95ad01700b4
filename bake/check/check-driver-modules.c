/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver's kernel modules: those of the kernel that boots, and in driver.every-kernel those of
 * the others. */
#include <string.h>

#include "base/error.h"
#include "base/quantity.h"
#include "check/guest-module.h"
#include "guide/driverbuild.h"
#include "text/kconfig.h"
#include "text/modload.h"

/* The kernel that is checked; NULL, with a result or an error, where there is nothing to check. */
static const char *find_kernel(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return NULL;
    return ctx->other_kver != NULL ? ctx->other_kver : ccb_check_kver(ctx, error);
}

/* A kmod package's module is built for one kernel, and linked into the others whose symbols fit. */
static bool is_weak(const char *path)
{
    return g_str_has_prefix(path, "weak-updates/");
}

/* Checks the one file that a module has. */
static void check_place(CcbCheckContext *ctx, const char *root, const char *file,
                        CcbCheckResult *result, GError **error)
{
    /* The driver's own installer, outside modules, DKMS. */
    static const char *const directories[] = {"kernel/drivers/video/", "extra/", "updates/"};
    g_autofree char *path = g_build_filename(root, file, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(directories); i++)
        if (g_str_has_prefix(file, directories[i]))
            return;
    if (!is_weak(file)) {
        ccb_result_fail(result, "%s: expected in kernel/drivers/video", path);
        return;
    }
    bool exists = ccb_check_exists(ctx, path, error);
    g_autofree char *target = ccb_check_readlink(ctx, path, error);
    if (target == NULL)
        return;
    g_autofree char *name = ccb_module_name(path);
    g_autofree char *target_name = ccb_module_name(target);
    if (!exists || g_strcmp0(name, target_name) != 0)
        ccb_result_fail(result, "%s leads to %s, which is not the module", path, target);
}

static bool run_modules(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *kver = find_kernel(ctx, result, error);
    if (kver == NULL)
        return true;
    g_autofree char *root = g_strconcat("/lib/modules/", kver, NULL);
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++) {
        g_autoptr(GPtrArray) paths = ccb_check_module_paths(ctx, kver, *name, error);
        if (paths->len == 0)
            ccb_result_fail(result, "%s: %s.ko is missing", root, *name);
        else if (paths->len == 1)
            check_place(ctx, root, paths->pdata[0], result, error);
        else
            ccb_result_fail(result, "%s: %s and %s: only one of them is loaded", root,
                            (char *)paths->pdata[0], (char *)paths->pdata[1]);
    }
    return ccb_result_pass(result, "all five for %s", kver);
}

/* --- what they say of themselves */

/* The modules of the driver that are there, name ► CcbModule; caller unrefs.  The result is skipped
 * where there are none. */
static GHashTable *find_modules(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                                GError **error)
{
    GHashTable *found = g_hash_table_new(g_str_hash, g_str_equal);
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++) {
        const CcbModule *module = ccb_check_module(ctx, kver, *name, error);
        if (module != NULL)
            g_hash_table_insert(found, (gpointer)*name, (gpointer)module);
    }
    if (g_hash_table_size(found) == 0)
        ccb_result_skip(result, "there is no module (driver.modules)");
    return found;
}

static const char *get_info(const CcbModule *module, const char *key)
{
    const char *value = ccb_module_get(module, key);
    return value != NULL ? value : "(none)";
}

static bool run_vermagic(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *kver = find_kernel(ctx, result, error);
    if (kver == NULL)
        return true;
    g_autofree char *expected = g_strconcat(kver, " ", NULL);
    g_autoptr(GHashTable) modules = find_modules(ctx, kver, result, error);
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++) {
        const CcbModule *module = g_hash_table_lookup(modules, *name);
        g_autoptr(GPtrArray) paths = ccb_check_module_paths(ctx, kver, *name, error);
        if (module == NULL || paths->len == 0 || is_weak(paths->pdata[0]))
            continue;
        const char *vermagic = get_info(module, "vermagic");
        if (!g_str_has_prefix(vermagic, expected))
            ccb_result_fail(result, "%s.ko: vermagic \"%s\", expected \"%s...\"", *name, vermagic,
                            expected);
    }
    return ccb_result_pass(result, "%s, %u %s", kver, g_hash_table_size(modules),
                           ccb_plural(g_hash_table_size(modules), "module", "modules"));
}

static bool run_version(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *kver = find_kernel(ctx, result, error);
    const char *expected = kver != NULL ? ccb_check_driver_version(ctx, error) : NULL;
    if (expected == NULL)
        return true;
    g_autoptr(GHashTable) modules = find_modules(ctx, kver, result, error);
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++) {
        const CcbModule *module = g_hash_table_lookup(modules, *name);
        const char *version = module != NULL ? get_info(module, "version") : expected;
        if (!g_str_equal(version, expected))
            ccb_result_fail(result, "%s.ko: version %s, expected %s", *name, version, expected);
    }
    return ccb_result_pass(result, "%s, %u %s", expected, g_hash_table_size(modules),
                           ccb_plural(g_hash_table_size(modules), "module", "modules"));
}

static bool run_license(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *kver = find_kernel(ctx, result, error);
    if (kver == NULL)
        return true;
    g_autoptr(GHashTable) modules = find_modules(ctx, kver, result, error);
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++) {
        const CcbModule *module = g_hash_table_lookup(modules, *name);
        if (module != NULL && !ccb_driver_license_is_open(*name, ccb_module_get(module, "license")))
            ccb_result_fail(result, "%s.ko: license \"%s\": not the open module", *name,
                            get_info(module, "license"));
    }
    return ccb_result_pass(result, "%s (nvidia-peermem: its own), %u %s", CCB_DRIVER_LICENSE,
                           g_hash_table_size(modules),
                           ccb_plural(g_hash_table_size(modules), "module", "modules"));
}

static bool run_softdep(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char expected[] = "pre: ecdh_generic,ecdsa_generic";
    const char *kver = find_kernel(ctx, result, error);
    const CcbModule *module = kver != NULL ? ccb_check_module(ctx, kver, "nvidia", error) : NULL;
    if (module == NULL)
        return ccb_result_skip(result, "there is no nvidia.ko (driver.modules)");
    const char *softdep = get_info(module, "softdep");
    if (!g_str_equal(softdep, expected))
        return ccb_result_fail(result, "nvidia.ko: softdep \"%s\", expected \"%s\"", softdep,
                               expected);
    return ccb_result_pass(result, "%s", softdep);
}

static bool run_platform(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *kver = find_kernel(ctx, result, error);
    const CcbModule *module = kver != NULL ? ccb_check_module(ctx, kver, "nvidia", error) : NULL;
    if (module == NULL)
        return ccb_result_skip(result, "there is no nvidia.ko (driver.modules)");
    return ccb_module_needs(module, CCB_DRIVER_PLATFORM_SYMBOL)
               ? ccb_result_pass(result, "nvidia.ko asks " CCB_DRIVER_PLATFORM_SYMBOL)
               : ccb_result_fail(result, "nvidia.ko does not call " CCB_DRIVER_PLATFORM_SYMBOL
                                         ": the headers had no " CCB_DRIVER_PLATFORM_HEADER);
}

/* --- what has to be loaded before it */

/* Whether a line of a file begins so. */
static bool has_line(CcbCheckContext *ctx, const char *path, const char *start, GError **error)
{
    g_auto(GStrv) lines = ccb_check_lines(ctx, path, error);
    for (char **line = lines; *line != NULL; line++)
        if (g_str_has_prefix(*line, start))
            return true;
    return false;
}

static bool is_loaded_at_boot(CcbCheckContext *ctx, const char *module, GError **error)
{
    static const char *const directories[] = {"/etc/modules-load.d", "/usr/lib/modules-load.d"};
    for (guint i = 0; i < G_N_ELEMENTS(directories); i++) {
        g_auto(GStrv) paths = ccb_check_paths(ctx, directories[i], ".conf", error);
        for (char **path = paths; *path != NULL; path++)
            if (has_line(ctx, *path, module, error))
                return true;
    }
    return false;
}

/*
 * kmod takes "ecdh_generic,ecdsa_generic" of the softdep for one name, so that it loads neither.
 * The driver asks the kernel for the algorithm CCB_DRIVER_ALGORITHM (GPUs prove themselves with it);
 * the kernel finds it built in, or has modprobe load the module with the alias "crypto-" + name
 * (crypto/api.c); or somebody has loaded the module before.
 */
static bool run_crypto_load(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char module[] = CCB_DRIVER_ALGORITHM_MODULE;
    static const char alias[] = "alias crypto-" CCB_DRIVER_ALGORITHM " ";
    const char *kver = find_kernel(ctx, result, error);
    if (kver == NULL)
        return true;
    g_autofree char *builtin = g_strconcat("/lib/modules/", kver, "/modules.builtin", NULL);
    g_autofree char *aliases = g_strconcat("/lib/modules/", kver, "/modules.alias", NULL);
    if (has_line(ctx, builtin, "kernel/crypto/" CCB_DRIVER_ALGORITHM_MODULE ".ko", error))
        return ccb_result_pass(result, "%s has it", builtin);
    if (has_line(ctx, aliases, alias, error))
        return ccb_result_pass(result, "%s: %s", aliases, alias);
    const CcbModprobe *config = ccb_check_modprobe(ctx, error);
    if (config == NULL)
        return false;
    const char *const before[] = {module, NULL};
    g_autofree char *problem = ccb_modload_problem(config, "nvidia", before);
    if (problem == NULL || is_loaded_at_boot(ctx, module, error))
        return ccb_result_pass(result, "modprobe's configuration or modules-load.d loads it");
    return ccb_result_fail(result,
                           "nothing loads %s when the driver asks for " CCB_DRIVER_ALGORITHM
                           ": it is not built in, %s has no \"%s\", and neither modprobe's "
                           "configuration nor modules-load.d loads it",
                           module, aliases, alias);
}

/* --- what they are made of and found by */

static bool run_depmod(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *kver = find_kernel(ctx, result, error);
    if (kver == NULL)
        return true;
    g_autofree char *path = g_strconcat("/lib/modules/", kver, "/modules.dep", NULL);
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file->text == NULL)
        return ccb_result_fail(result, "%s is missing", path);
    g_autofree char *text = g_strconcat("\n", file->text, NULL);
    guint found = 0;
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++) {
        g_autoptr(GPtrArray) paths = ccb_check_module_paths(ctx, kver, *name, error);
        for (guint i = 0; i < paths->len; i++, found++) {
            g_autofree char *line = g_strdup_printf("\n%s:", (char *)paths->pdata[i]);
            if (strstr(text, line) == NULL)
                ccb_result_fail(result, "%s does not know %s", path, (char *)paths->pdata[i]);
        }
    }
    if (found == 0)
        return ccb_result_skip(result, "there is no module (driver.modules)");
    return ccb_result_pass(result, "%s", path);
}

static bool run_kernel_config(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *kver = find_kernel(ctx, result, error);
    if (kver == NULL)
        return true;
    const CcbGuestText *file = NULL;
    g_autofree char *source = g_strdup_printf("/usr/src/kernels/%s/.config", kver);
    g_autofree char *module = g_strdup_printf("/lib/modules/%s/config", kver);
    g_autofree char *boot = g_strdup_printf("/boot/config-%s", kver);
    const char *const places[] = {source, module, boot};
    for (guint i = 0; i < G_N_ELEMENTS(places) && (file == NULL || file->text == NULL); i++)
        file = ccb_check_text(ctx, places[i], error);
    if (*error != NULL)
        return false;
    if (file->text == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "neither kernel-devel nor %s has the configuration",
                        boot);
    g_autoptr(CcbKconfig) config = ccb_kconfig_parse(file->text, file->size, error);
    if (config == NULL) {
        g_prefix_error(error, "%s: ", file->path);
        return false;
    }
    for (const char *const *name = ccb_driver_settings; *name != NULL; name++) {
        const char *value = ccb_kconfig_get(config, *name);
        if (!g_str_equal(value, "y") && !g_str_equal(value, "m"))
            ccb_result_fail(result, "%s: CONFIG_%s=%s, expected y or m", file->path, *name, value);
    }
    /* Where kernel-devel is still in the image, it has what the compile test includes. */
    g_autofree char *include = g_strdup_printf("/lib/modules/%s/build/include", kver);
    bool has_headers = ccb_check_exists(ctx, include, error);
    for (const char *const *name = ccb_driver_headers; has_headers && *name != NULL; name++) {
        g_autofree char *path = g_build_filename(include, *name, NULL);
        if (!ccb_check_exists(ctx, path, error))
            ccb_result_fail(result, "%s is missing", path);
    }
    return ccb_result_pass(result, "%s", file->path);
}

/* --- the other kernels */

/* All of it for one more kernel, in one result. */
static void check_kernel(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                         GError **error)
{
    static bool (*const runs[])(CcbCheckContext *, CcbCheckResult *, GError **) = {
        run_modules, run_vermagic, run_version, run_license,
        run_softdep, run_platform, run_depmod,  run_kernel_config};
    ctx->other_kver = kver;
    for (guint i = 0; *error == NULL && i < G_N_ELEMENTS(runs); i++) {
        g_autoptr(GString) detail = g_string_new(NULL);
        CcbCheckResult one = {.status = CCB_PASS, .detail = detail};
        runs[i](ctx, &one, &one.error);
        if (one.error != NULL)
            g_propagate_prefixed_error(error, one.error, "%s: ", kver);
        else if (one.status == CCB_FAIL)
            ccb_result_fail(result, "%s: %s", kver, detail->str);
    }
    ctx->other_kver = NULL;
    ccb_result_pass(result, "%s", kver);
}

static bool run_every_kernel(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const char *kver = ccb_check_kver(ctx, error);
    const GPtrArray *entries = ccb_check_boot_entries(ctx, error);
    g_autoptr(GHashTable) checked = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; *error == NULL && i < entries->len; i++) {
        const CcbBootEntry *entry = entries->pdata[i];
        if (!g_str_equal(entry->kver, kver) && g_hash_table_add(checked, entry->kver))
            check_kernel(ctx, entry->kver, result, error);
    }
    return g_hash_table_size(checked) > 0 ||
           ccb_result_skip(result, "only one kernel can be booted");
}

#define FIX_DRIVER "Bake the nvidia-driver step for this kernel again."

const CcbCheck ccb_checks_driver_modules[] = {
    {"driver.modules", CCB_SEVERITY_ERROR,
     "The installer exits with 0 also when it built modules for another kernel or not all.",
     FIX_DRIVER, run_modules},
    {"driver.every-kernel", CCB_SEVERITY_WARNING,
     "Another boot entry starts a kernel for which the driver is missing or another one.",
     "Remove the other kernel with its entry, or install the driver for it as well.",
     run_every_kernel},
    {"driver.vermagic", CCB_SEVERITY_ERROR,
     "The kernel refuses a module that was built for another one.", FIX_DRIVER, run_vermagic},
    {"driver.version", CCB_SEVERITY_ERROR, "Modules of different versions do not load together.",
     FIX_DRIVER, run_version},
    {"driver.license", CCB_SEVERITY_ERROR, "Only the open modules have a confidential mode.",
     "Build with --kernel-module-build-directory=kernel-open.", run_license},
    {"driver.softdep", CCB_SEVERITY_ERROR,
     "It is there only if the module was compiled with confidential mode.",
     "Build against a kernel-devel that has the crypto settings (driver.kernel-config).",
     run_softdep},
    {"driver.crypto-load", CCB_SEVERITY_ERROR,
     "Confidential mode compiled in is of no use where the kernel does not find the algorithm that "
     "the driver asks for; the driver's softdep does not load it.",
     "Add a modprobe step with \"softdep nvidia pre: ecdh_generic ecdsa_generic\", before the "
     "initramfs.",
     run_crypto_load},
    {"driver.cc-platform", CCB_SEVERITY_ERROR,
     "Without it the driver never thinks that it is in an encrypted guest, and starts the GPU "
     "without confidential mode.",
     "Build against a kernel-devel that has include/" CCB_DRIVER_PLATFORM_HEADER ".", run_platform},
    {"driver.depmod", CCB_SEVERITY_ERROR, "modprobe finds only what depmod has written down.",
     "Run depmod -a KVER after the driver was installed.", run_depmod},
    {"driver.kernel-config", CCB_SEVERITY_ERROR,
     "Without these settings and headers the driver compiles cleanly and has no confidential mode.",
     "Use a kernel and kernel-devel that have them.", run_kernel_config},
    {0},
};
