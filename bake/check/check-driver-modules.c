/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver's kernel modules, for every kernel that can be booted. */
#include <string.h>

#include "base/error.h"
#include "check/guest-module.h"
#include "guide/driver.h"
#include "guide/driverbuild.h"
#include "text/kconfig.h"

/* The driver's own installer, outside modules, DKMS. */
static const char *const module_directories[] = {"kernel/drivers/video/", "extra/", "updates/",
                                                 NULL};

static bool is_in_place(const char *path)
{
    for (const char *const *dir = module_directories; *dir != NULL; dir++)
        if (g_str_has_prefix(path, *dir))
            return true;
    return false;
}

/* --- what is asked of each kernel */

typedef bool (*JudgeKernel)(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                            GError **error);

/* A kmod package's module is built for one kernel, and linked into the others whose symbols fit. */
static bool is_weak(const char *path)
{
    return g_str_has_prefix(path, "weak-updates/");
}

static bool check_weak(CcbCheckContext *ctx, const char *link, CcbCheckResult *result,
                       GError **error)
{
    bool present = false;
    if (!ccb_check_present(ctx, link, &present, error))
        return false;
    g_autofree char *target = ccb_guest_readlink(ctx->guest, link, error);
    if (target == NULL)
        return false;
    g_autofree char *name = ccb_module_name(link);
    g_autofree char *target_name = ccb_module_name(target);
    if (!present || g_strcmp0(name, target_name) != 0)
        ccb_result_fail(result, "%s leads to %s, which is not the module", link, target);
    return true;
}

static bool check_place(CcbCheckContext *ctx, const char *kver, const char *name,
                        CcbCheckResult *result, GError **error)
{
    g_autoptr(GPtrArray) paths = NULL;
    g_autofree char *root = g_strconcat("/lib/modules/", kver, NULL);
    if (!ccb_check_module_paths(ctx, kver, name, &paths, error))
        return false;
    if (paths->len == 0)
        return ccb_result_fail(result, "%s: %s.ko is missing", root, name);
    const char *first = g_ptr_array_index(paths, 0);
    if (paths->len > 1)
        return ccb_result_fail(result, "%s: %s and %s: only one of them is loaded", root, first,
                               (char *)g_ptr_array_index(paths, 1));
    g_autofree char *full = g_build_filename(root, first, NULL);
    if (is_weak(first))
        return check_weak(ctx, full, result, error);
    return is_in_place(first) ||
           ccb_result_fail(result, "%s: expected in kernel/drivers/video", full);
}

static bool judge_modules(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                          GError **error)
{
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++)
        if (!check_place(ctx, kver, *name, result, error))
            return false;
    return ccb_result_pass(result, "all five for %s", kver);
}

/* A module that is there. */
typedef struct {
    const char *name;
    const char *path; /* relative to /lib/modules/KVER */
    const CcbModule *info;
} Found;

/* Judges one of them; `user` is what all are measured by. */
typedef void (*JudgeModule)(const Found *module, const char *user, CcbCheckResult *result);

static bool judge_each(CcbCheckContext *ctx, const char *kver, JudgeModule judge, const char *user,
                       CcbCheckResult *result, GError **error)
{
    guint found = 0;
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++) {
        g_autoptr(GPtrArray) paths = NULL;
        Found module = {.name = *name};
        if (!ccb_check_module_paths(ctx, kver, *name, &paths, error) ||
            !ccb_check_module(ctx, kver, *name, &module.info, error))
            return false;
        if (module.info == NULL)
            continue;
        module.path = paths->pdata[0];
        judge(&module, user, result);
        found += 1;
    }
    if (found == 0)
        return ccb_result_skip(result, "there is no module (driver.modules)");
    return ccb_result_pass(result, "%s, %u modules", user, found);
}

static const char *or_none(const char *text)
{
    return text != NULL ? text : "(none)";
}

static void compare_vermagic(const Found *module, const char *kver, CcbCheckResult *result)
{
    const char *vermagic = or_none(ccb_module_get(module->info, "vermagic"));
    size_t length = strlen(kver);
    if (is_weak(module->path))
        return;
    if (strncmp(vermagic, kver, length) != 0 || vermagic[length] != ' ')
        ccb_result_fail(result, "%s.ko: vermagic \"%s\", expected \"%s ...\"", module->name,
                        vermagic, kver);
}

static bool judge_vermagic(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                           GError **error)
{
    return judge_each(ctx, kver, compare_vermagic, kver, result, error);
}

static void compare_version(const Found *module, const char *expected, CcbCheckResult *result)
{
    const char *version = or_none(ccb_module_get(module->info, "version"));
    if (!g_str_equal(version, expected))
        ccb_result_fail(result, "%s.ko: version %s, expected %s", module->name, version, expected);
}

static bool judge_version(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                          GError **error)
{
    const char *version = ccb_check_driver_version(ctx, error);
    return version != NULL && judge_each(ctx, kver, compare_version, version, result, error);
}

static void compare_license(const Found *module, const char *expected, CcbCheckResult *result)
{
    const char *license = ccb_module_get(module->info, "license");
    if (!ccb_driver_license_is_open(module->name, license))
        ccb_result_fail(result, "%s.ko: license \"%s\": not the open module", module->name,
                        or_none(license));
}

static bool judge_license(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                          GError **error)
{
    return judge_each(ctx, kver, compare_license, CCB_DRIVER_LICENSE " (nvidia-peermem: its own)",
                      result, error);
}

static bool judge_softdep(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                          GError **error)
{
    static const char expected[] = "pre: ecdh_generic,ecdsa_generic";
    const CcbModule *module = NULL;
    if (!ccb_check_module(ctx, kver, "nvidia", &module, error))
        return false;
    if (module == NULL)
        return ccb_result_skip(result, "there is no nvidia.ko (driver.modules)");
    const char *softdep = or_none(ccb_module_get(module, "softdep"));
    if (!g_str_equal(softdep, expected))
        return ccb_result_fail(result, "nvidia.ko: softdep \"%s\", expected \"%s\"", softdep,
                               expected);
    return ccb_result_pass(result, "%s", softdep);
}

/* --- what has to be loaded before it
 *
 * kmod takes "ecdh_generic,ecdsa_generic" of the softdep for one name, so that it loads neither.
 * The driver asks the kernel for the algorithm CCB_DRIVER_ALGORITHM (GPUs prove themselves with it);
 * the kernel finds it built in, or has modprobe load the module with the alias "crypto-" + name
 * (crypto/api.c); or somebody has loaded the module before. */

/* Whether a line of a file is this one, or begins so. */
static bool has_line(CcbCheckContext *ctx, const char *path, const char *start, bool *ret_has,
                     GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file == NULL)
        return false;
    g_auto(GStrv) lines = g_strsplit(file->text != NULL ? file->text : "", "\n", -1);
    for (char **line = lines; !*ret_has && *line != NULL; line++)
        *ret_has = g_str_has_prefix(g_strstrip(*line), start);
    return true;
}

static bool is_ordered(const CcbModprobe *config)
{
    const char *command = ccb_modprobe_install(config, "nvidia");
    g_autoptr(GPtrArray) before = ccb_modprobe_softdeps(config, "nvidia", false);
    return (command != NULL && strstr(command, CCB_DRIVER_ALGORITHM_MODULE) != NULL) ||
           g_ptr_array_find_with_equal_func(before, CCB_DRIVER_ALGORITHM_MODULE, g_str_equal, NULL);
}

static bool is_loaded_at_boot(CcbCheckContext *ctx, bool *ret_is, GError **error)
{
    static const char *const directories[] = {"/etc/modules-load.d", "/usr/lib/modules-load.d",
                                              NULL};
    for (const char *const *dir = directories; *dir != NULL; dir++) {
        char **names = ccb_check_list(ctx, *dir, error);
        for (char **name = names; name != NULL && *name != NULL; name++) {
            g_autofree char *path = g_build_filename(*dir, *name, NULL);
            if (g_str_has_suffix(*name, ".conf") &&
                !has_line(ctx, path, CCB_DRIVER_ALGORITHM_MODULE, ret_is, error))
                return false;
        }
        if (names == NULL)
            return false;
    }
    return true;
}

static bool judge_crypto_load(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                              GError **error)
{
    static const char builtin[] = "kernel/crypto/" CCB_DRIVER_ALGORITHM_MODULE ".ko";
    static const char alias[] = "alias crypto-" CCB_DRIVER_ALGORITHM " ";
    g_autofree char *builtins = g_strconcat("/lib/modules/", kver, "/modules.builtin", NULL);
    g_autofree char *aliases = g_strconcat("/lib/modules/", kver, "/modules.alias", NULL);
    bool is_builtin = false, has_alias = false, at_boot = false;
    const CcbModprobe *config = ccb_check_modprobe(ctx, error);
    if (config == NULL || !has_line(ctx, builtins, builtin, &is_builtin, error) ||
        !has_line(ctx, aliases, alias, &has_alias, error) ||
        !is_loaded_at_boot(ctx, &at_boot, error))
        return false;
    if (is_builtin)
        return ccb_result_pass(result, "%s has it", builtins);
    if (has_alias)
        return ccb_result_pass(result, "%s: %s", aliases, alias);
    if (is_ordered(config) || at_boot)
        return ccb_result_pass(result, "modprobe's configuration or modules-load.d names it");
    return ccb_result_fail(result,
                           "nothing loads " CCB_DRIVER_ALGORITHM_MODULE
                           " when the driver asks for " CCB_DRIVER_ALGORITHM
                           ": it is not built in, %s has no \"%s\", and no order names it",
                           aliases, alias);
}

static bool judge_platform(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                           GError **error)
{
    const CcbModule *module = NULL;
    if (!ccb_check_module(ctx, kver, "nvidia", &module, error))
        return false;
    if (module == NULL)
        return ccb_result_skip(result, "there is no nvidia.ko (driver.modules)");
    return ccb_module_needs(module, CCB_DRIVER_PLATFORM_SYMBOL)
               ? ccb_result_pass(result, "nvidia.ko asks " CCB_DRIVER_PLATFORM_SYMBOL)
               : ccb_result_fail(result, "nvidia.ko does not call " CCB_DRIVER_PLATFORM_SYMBOL
                                         ": the headers had no " CCB_DRIVER_PLATFORM_HEADER);
}

/* Whether a line of modules.dep starts with this file. */
static bool depmod_knows(const char *text, const char *path)
{
    g_autofree char *start = g_strconcat(path, ":", NULL);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (g_str_has_prefix(line, start))
            return true;
    }
    return false;
}

static bool check_depmod(CcbCheckContext *ctx, const char *kver, const CcbGuestText *dep,
                         const char *name, guint *found, CcbCheckResult *result, GError **error)
{
    g_autoptr(GPtrArray) paths = NULL;
    if (!ccb_check_module_paths(ctx, kver, name, &paths, error))
        return false;
    *found += paths->len;
    for (guint i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index(paths, i);
        if (!depmod_knows(dep->text, path))
            ccb_result_fail(result, "%s does not know %s", dep->path, path);
    }
    return true;
}

static bool judge_depmod(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                         GError **error)
{
    g_autofree char *path = g_strconcat("/lib/modules/", kver, "/modules.dep", NULL);
    const CcbGuestText *dep = ccb_check_text(ctx, path, error);
    guint found = 0;
    if (dep == NULL)
        return false;
    if (dep->text == NULL)
        return ccb_result_fail(result, "%s is missing", path);
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++)
        if (!check_depmod(ctx, kver, dep, *name, &found, result, error))
            return false;
    if (found == 0)
        return ccb_result_skip(result, "there is no module (driver.modules)");
    return ccb_result_pass(result, "%s", path);
}

/* The first of the places that has the kernel's configuration; text NULL where none has. */
static const CcbGuestText *kernel_config(CcbCheckContext *ctx, const char *kver, GError **error)
{
    static const char *const places[] = {"/usr/src/kernels/%s/.config", "/lib/modules/%s/config",
                                         "/boot/config-%s", NULL};
    const CcbGuestText *file = NULL;
    for (guint i = 0; places[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(places[i], "%s", 2);
        g_autofree char *path = g_strjoinv(kver, parts);
        file = ccb_check_text(ctx, path, error);
        if (file == NULL || file->text != NULL)
            return file;
    }
    return file;
}

/* Where kernel-devel is still in the image, it has what the compile test includes. */
static bool judge_headers(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                          GError **error)
{
    g_autofree char *include = g_strdup_printf("/lib/modules/%s/build/include", kver);
    bool present = false;
    if (!ccb_check_present(ctx, include, &present, error))
        return false;
    for (const char *const *name = ccb_driver_headers; present && *name != NULL; name++) {
        g_autofree char *path = g_build_filename(include, *name, NULL);
        bool has = false;
        if (!ccb_check_present(ctx, path, &has, error))
            return false;
        if (!has)
            ccb_result_fail(result, "%s is missing", path);
    }
    return true;
}

static bool judge_config(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                         GError **error)
{
    const CcbGuestText *file = kernel_config(ctx, kver, error);
    if (file == NULL)
        return false;
    if (file->text == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "neither kernel-devel nor %s has the configuration",
                        file->path);
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
    return judge_headers(ctx, kver, result, error) && ccb_result_pass(result, "%s", file->path);
}

/* --- the kernel that boots, and the others */

static bool judge_default(CcbCheckContext *ctx, JudgeKernel judge, CcbCheckResult *result,
                          GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    const char *kver = ccb_check_kver(ctx, error);
    return kver != NULL && judge(ctx, kver, result, error);
}

static bool run_modules(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_default(ctx, judge_modules, result, error);
}

static bool run_vermagic(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_default(ctx, judge_vermagic, result, error);
}

static bool run_version(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_default(ctx, judge_version, result, error);
}

static bool run_license(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_default(ctx, judge_license, result, error);
}

static bool run_softdep(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_default(ctx, judge_softdep, result, error);
}

static bool run_crypto_load(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_default(ctx, judge_crypto_load, result, error);
}

static bool run_platform(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_default(ctx, judge_platform, result, error);
}

static bool run_depmod(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_default(ctx, judge_depmod, result, error);
}

static bool run_kernel_config(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return judge_default(ctx, judge_config, result, error);
}

/* All of it, in one result. */
static bool judge_all(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                      GError **error)
{
    static const JudgeKernel judges[] = {judge_modules, judge_vermagic, judge_version,
                                         judge_license, judge_softdep,  judge_platform,
                                         judge_depmod,  judge_config};
    for (guint i = 0; i < G_N_ELEMENTS(judges); i++) {
        g_autoptr(GString) detail = g_string_new(NULL);
        CcbCheckResult one = {.status = CCB_PASS, .detail = detail};
        if (!judges[i](ctx, kver, &one, error)) {
            g_prefix_error(error, "%s: ", kver);
            return false;
        }
        if (one.status == CCB_FAIL)
            ccb_result_fail(result, "%s: %s", kver, detail->str);
    }
    return ccb_result_pass(result, "%s", kver);
}

/* The installed kernels of boot entries, but not the default one; each once. */
static GPtrArray *other_kernels(CcbCheckContext *ctx, GError **error)
{
    const GPtrArray *entries = ccb_check_boot_entries(ctx, error);
    const char *kver = entries != NULL ? ccb_check_kver(ctx, error) : NULL;
    if (kver == NULL)
        return NULL;
    GPtrArray *kernels = g_ptr_array_new();
    for (guint i = 0; i < entries->len; i++) {
        char *other = ((CcbBootEntry *)entries->pdata[i])->kver;
        if (!g_str_equal(other, kver) &&
            !g_ptr_array_find_with_equal_func(kernels, other, g_str_equal, NULL))
            g_ptr_array_add(kernels, other);
    }
    return kernels;
}

static bool run_every_kernel(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    g_autoptr(GPtrArray) kernels = other_kernels(ctx, error);
    if (kernels == NULL)
        return false;
    for (guint i = 0; i < kernels->len; i++)
        if (!judge_all(ctx, kernels->pdata[i], result, error))
            return false;
    return kernels->len > 0 || ccb_result_skip(result, "only one kernel can be booted");
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
