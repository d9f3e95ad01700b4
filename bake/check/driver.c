/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver's kernel modules, for the kernel that boots. */
#include "check/driver.h"

#include <string.h>

#include "base/error.h"
#include "format/kconfig.h"
#include "format/version.h"

#define MINIMUM_ONE_GPU    "550.144.03"
#define MINIMUM_EIGHT_GPUS "570.148.08"

/* The driver's own installer, outside modules, DKMS. */
static const char *const module_directories[] = {"kernel/drivers/video/", "extra/", "updates/",
                                                 NULL};

/* Without one of them the driver compiles, and has no confidential mode. */
static const char *const crypto_settings[] = {
    "CRYPTO_AEAD", "CRYPTO_AKCIPHER", "CRYPTO_SKCIPHER",         "CRYPTO_HASH", "CRYPTO_HMAC",
    "CRYPTO_ECDH", "CRYPTO_ECDSA",    "X509_CERTIFICATE_PARSER", NULL,
};

char *ccb_module_name(const char *path)
{
    static const char *const suffixes[] = {".ko", ".ko.xz", ".ko.gz", ".ko.zst"};
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
        if (g_str_has_suffix(base, suffixes[i]))
            return g_strdelimit(g_strndup(base, strlen(base) - strlen(suffixes[i])), "-", '_');
    return NULL;
}

static char *module_root(CcbCheckContext *ctx, GError **error)
{
    const char *kver = ccb_check_kver(ctx, error);
    return kver != NULL ? g_strconcat("/lib/modules/", kver, NULL) : NULL;
}

static bool is_module(const char *path, const char *name)
{
    g_autofree char *module = ccb_module_name(path);
    g_autofree char *wanted = g_strdelimit(g_strdup(name), "-", '_');
    return module != NULL && g_str_equal(module, wanted);
}

bool ccb_check_module_paths(CcbCheckContext *ctx, const char *name, GPtrArray **ret_paths,
                            GError **error)
{
    g_autofree char *root = module_root(ctx, error);
    char **paths = root != NULL ? ccb_check_tree(ctx, root, error) : NULL;
    if (paths == NULL)
        return false;
    GPtrArray *found = g_ptr_array_new();
    for (; *paths != NULL; paths++)
        if (is_module(*paths, name))
            g_ptr_array_add(found, *paths);
    *ret_paths = found;
    return true;
}

static void free_module(gpointer module)
{
    ccb_module_free(module);
}

static gpointer produce_module(CcbCheckContext *ctx, const char *path, GError **error)
{
    g_autoptr(GBytes) file = ccb_check_download(ctx, path, CCB_MODULE_MAX, error);
    if (file == NULL)
        return NULL;
    gsize size;
    const void *data = g_bytes_get_data(file, &size);
    CcbModule *module = ccb_module_parse(data, size, error);
    if (module == NULL)
        g_prefix_error(error, "%s: ", path);
    return module;
}

bool ccb_check_module(CcbCheckContext *ctx, const char *name, const CcbModule **ret, GError **error)
{
    g_autoptr(GPtrArray) paths = NULL;
    if (!ccb_check_module_paths(ctx, name, &paths, error))
        return false;
    if (paths->len == 0) {
        *ret = NULL;
        return true;
    }
    g_autofree char *root = module_root(ctx, error);
    g_autofree char *path = g_strconcat(root, "/", g_ptr_array_index(paths, 0), NULL);
    const CcbModule *module =
        ccb_check_memo(ctx, "module", path, produce_module, free_module, error);
    if (module == NULL)
        return false;
    *ret = module;
    return true;
}

const char *ccb_check_driver_version(CcbCheckContext *ctx, GError **error)
{
    const CcbModule *module = NULL;
    if (ctx->expect->driver != NULL)
        return ctx->expect->driver;
    if (!ccb_check_module(ctx, "nvidia", &module, error))
        return NULL;
    const char *version = module != NULL ? ccb_module_get(module, "version") : NULL;
    if (version == NULL)
        ccb_fail(error, CCB_ERR_INPUT, "%s, so the driver's version is not known",
                 module != NULL ? "nvidia.ko has no version"
                                : "there is no nvidia.ko for the kernel that boots");
    return version;
}

static bool is_in_place(const char *path)
{
    for (const char *const *dir = module_directories; *dir != NULL; dir++)
        if (g_str_has_prefix(path, *dir))
            return true;
    return false;
}

static bool check_place(CcbCheckContext *ctx, const char *name, CcbCheckResult *result,
                        GError **error)
{
    g_autoptr(GPtrArray) paths = NULL;
    g_autofree char *root = module_root(ctx, error);
    if (root == NULL || !ccb_check_module_paths(ctx, name, &paths, error))
        return false;
    if (paths->len == 0)
        return ccb_result_fail(result, "%s: %s.ko is missing", root, name);
    const char *first = g_ptr_array_index(paths, 0);
    if (paths->len > 1)
        return ccb_result_fail(result, "%s: %s and %s: only one of them is loaded", root, first,
                               (char *)g_ptr_array_index(paths, 1));
    if (!is_in_place(first))
        return ccb_result_fail(result, "%s/%s: expected in kernel/drivers/video", root, first);
    return true;
}

static bool skip_without_driver(CcbCheckContext *ctx, CcbCheckResult *result)
{
    return ctx->gpus == 0 && ccb_result_skip(result, "no driver is asked for");
}

static bool run_modules(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (skip_without_driver(ctx, result))
        return true;
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++)
        if (!check_place(ctx, *name, result, error))
            return false;
    const char *kver = ccb_check_kver(ctx, error);
    return kver != NULL && ccb_result_pass(result, "all five for %s", kver);
}

/* Judges one module that is there; `user` is what all are measured by. */
typedef void (*JudgeModule)(const char *name, const CcbModule *module, const char *user,
                            CcbCheckResult *result);

static bool judge_each(CcbCheckContext *ctx, JudgeModule judge, const char *user,
                       CcbCheckResult *result, GError **error)
{
    guint found = 0;
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++) {
        const CcbModule *module = NULL;
        if (!ccb_check_module(ctx, *name, &module, error))
            return false;
        if (module != NULL)
            judge(*name, module, user, result);
        found += module != NULL;
    }
    if (found == 0)
        return ccb_result_skip(result, "there is no module (driver.modules)");
    return ccb_result_pass(result, "%s, %u modules", user, found);
}

/* ---- every kernel that can be booted, and nothing beside the driver ---- */

/* The kernels of boot entries that are installed, but not the default one; each once. */
static GPtrArray *other_kernels(const CcbFacts *facts)
{
    GPtrArray *kernels = g_ptr_array_new();
    for (guint i = 0; i < facts->entries->len; i++) {
        const CcbBootEntry *entry = facts->entries->pdata[i];
        if (g_strcmp0(entry->kver, facts->default_kver) != 0 &&
            g_strv_contains((const char *const *)facts->kernels, entry->kver) &&
            !g_ptr_array_find_with_equal_func(kernels, entry->kver, g_str_equal, NULL))
            g_ptr_array_add(kernels, entry->kver);
    }
    return kernels;
}

static bool check_kernel(CcbCheckContext *ctx, const char *kver, CcbCheckResult *result,
                         GError **error)
{
    g_autofree char *root = g_strconcat("/lib/modules/", kver, NULL);
    char **paths = ccb_check_tree(ctx, root, error);
    if (paths == NULL)
        return false;
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++) {
        bool found = false;
        for (char **path = paths; *path != NULL && !found; path++)
            found = is_module(*path, *name);
        if (!found)
            ccb_result_fail(result, "%s: %s.ko is missing", root, *name);
    }
    return true;
}

static bool run_every_kernel(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (skip_without_driver(ctx, result))
        return true;
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return false;
    g_autoptr(GPtrArray) kernels = other_kernels(facts);
    if (kernels->len == 0)
        return ccb_result_skip(result, "only one kernel can be booted (driver.modules)");
    for (guint i = 0; i < kernels->len; i++)
        if (!check_kernel(ctx, kernels->pdata[i], result, error))
            return false;
    return ccb_result_pass(result, "all five for %u further kernels", kernels->len);
}

/* Of NVIDIA's, ELRepo's, RPM Fusion's and CUDA's repositories. */
static bool is_driver_package(const char *package)
{
    static const char *const prefixes[] = {"kmod-nvidia",  "akmod-nvidia",  "dkms-nvidia",
                                           "nvidia-kmod",  "nvidia-driver", "xorg-x11-drv-nvidia",
                                           "nvidia-open-", "cuda-drivers"};
    for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++)
        if (g_str_has_prefix(package, prefixes[i]))
            return true;
    return false;
}

static bool judge_packages(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return false;
    /* A system without any package is one whose database is gone. */
    if (facts->packages == NULL || facts->packages[0] == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "the list of installed packages could not be read");
    for (char **package = facts->packages; *package != NULL; package++)
        if (is_driver_package(*package))
            ccb_result_fail(result, "package %s", *package);
    return true;
}

/* What is registered there, DKMS builds again for each new kernel. */
static bool judge_dkms(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    char **names = ccb_check_list(ctx, "/var/lib/dkms", error);
    for (; names != NULL && *names != NULL; names++)
        if (g_str_has_prefix(*names, "nvidia"))
            ccb_result_fail(result, "/var/lib/dkms/%s", *names);
    return names != NULL;
}

static bool run_single(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char installer[] = "/usr/bin/nvidia-uninstall";
    bool by_installer = false;
    if (skip_without_driver(ctx, result))
        return true;
    if (!ccb_check_present(ctx, installer, &by_installer, error))
        return false;
    if (!by_installer)
        return ccb_result_skip(result, "the driver was not installed by its own installer");
    return judge_packages(ctx, result, error) && judge_dkms(ctx, result, error) &&
           ccb_result_pass(result, "the installer's, no package and no DKMS module");
}

static const char *or_none(const char *text)
{
    return text != NULL ? text : "(none)";
}

static void judge_vermagic(const char *name, const CcbModule *module, const char *kver,
                           CcbCheckResult *result)
{
    const char *vermagic = or_none(ccb_module_get(module, "vermagic"));
    size_t length = strlen(kver);
    if (strncmp(vermagic, kver, length) != 0 || vermagic[length] != ' ')
        ccb_result_fail(result, "%s.ko: vermagic \"%s\", expected \"%s ...\"", name, vermagic,
                        kver);
}

static bool run_vermagic(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (skip_without_driver(ctx, result))
        return true;
    const char *kver = ccb_check_kver(ctx, error);
    return kver != NULL && judge_each(ctx, judge_vermagic, kver, result, error);
}

static void judge_version(const char *name, const CcbModule *module, const char *expected,
                          CcbCheckResult *result)
{
    const char *version = or_none(ccb_module_get(module, "version"));
    if (!g_str_equal(version, expected))
        ccb_result_fail(result, "%s.ko: version %s, expected %s", name, version, expected);
}

static bool run_version(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (skip_without_driver(ctx, result))
        return true;
    const char *version = ccb_check_driver_version(ctx, error);
    return version != NULL && judge_each(ctx, judge_version, version, result, error);
}

/* The proprietary modules say "NVIDIA"; of the open ones peermem has a licence of its own, also
 * with GPL. */
static void judge_license(const char *name, const CcbModule *module, const char *expected,
                          CcbCheckResult *result)
{
    const char *license = or_none(ccb_module_get(module, "license"));
    bool peermem = g_str_equal(name, "nvidia-peermem");
    if (!g_str_equal(license, expected) && !(peermem && strstr(license, "GPL") != NULL))
        ccb_result_fail(result, "%s.ko: license \"%s\", expected \"%s\": not the open module", name,
                        license, expected);
}

static bool run_license(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return skip_without_driver(ctx, result) ||
           judge_each(ctx, judge_license, "Dual MIT/GPL", result, error);
}

static bool run_softdep(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    static const char expected[] = "pre: ecdh_generic,ecdsa_generic";
    const CcbModule *module = NULL;
    if (skip_without_driver(ctx, result))
        return true;
    if (!ccb_check_module(ctx, "nvidia", &module, error))
        return false;
    if (module == NULL)
        return ccb_result_skip(result, "there is no nvidia.ko (driver.modules)");
    const char *softdep = or_none(ccb_module_get(module, "softdep"));
    if (!g_str_equal(softdep, expected))
        return ccb_result_fail(result, "nvidia.ko: softdep \"%s\", expected \"%s\"", softdep,
                               expected);
    return ccb_result_pass(result, "%s", softdep);
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

static bool check_depmod(CcbCheckContext *ctx, const CcbGuestText *dep, const char *name,
                         guint *found, CcbCheckResult *result, GError **error)
{
    g_autoptr(GPtrArray) paths = NULL;
    if (!ccb_check_module_paths(ctx, name, &paths, error))
        return false;
    *found += paths->len;
    for (guint i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index(paths, i);
        if (!depmod_knows(dep->text, path))
            ccb_result_fail(result, "%s does not know %s", dep->path, path);
    }
    return true;
}

static bool run_depmod(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (skip_without_driver(ctx, result))
        return true;
    g_autofree char *root = module_root(ctx, error);
    if (root == NULL)
        return false;
    g_autofree char *path = g_strconcat(root, "/modules.dep", NULL);
    const CcbGuestText *dep = ccb_check_text(ctx, path, error);
    guint found = 0;
    if (dep == NULL)
        return false;
    if (dep->text == NULL)
        return ccb_result_fail(result, "%s is missing", path);
    for (const char *const *name = ccb_driver_modules; *name != NULL; name++)
        if (!check_depmod(ctx, dep, *name, &found, result, error))
            return false;
    if (found == 0)
        return ccb_result_skip(result, "there is no module (driver.modules)");
    return ccb_result_pass(result, "%s", path);
}

/* The first of the places that has the kernel's configuration; text NULL where none has. */
static const CcbGuestText *kernel_config(CcbCheckContext *ctx, GError **error)
{
    static const char *const places[] = {"/usr/src/kernels/%s/.config", "/lib/modules/%s/config",
                                         "/boot/config-%s", NULL};
    const char *kver = ccb_check_kver(ctx, error);
    const CcbGuestText *file = NULL;
    for (guint i = 0; kver != NULL && places[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(places[i], "%s", 2);
        g_autofree char *path = g_strjoinv(kver, parts);
        file = ccb_check_text(ctx, path, error);
        if (file == NULL || file->text != NULL)
            return file;
    }
    return file;
}

static bool run_kernel_config(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (skip_without_driver(ctx, result))
        return true;
    const CcbGuestText *file = kernel_config(ctx, error);
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
    for (const char *const *name = crypto_settings; *name != NULL; name++) {
        const char *value = ccb_kconfig_get(config, *name);
        if (!g_str_equal(value, "y") && !g_str_equal(value, "m"))
            ccb_result_fail(result, "%s: CONFIG_%s=%s, expected y or m", file->path, *name, value);
    }
    return ccb_result_pass(result, "%s", file->path);
}

static bool parse_version(CcbCheckContext *ctx, const char **ret_text, CcbDriverVersion *ret,
                          GError **error)
{
    const char *text = ccb_check_driver_version(ctx, error);
    if (text == NULL || !ccb_driver_parse(text, ret, error))
        return false;
    *ret_text = text;
    return true;
}

static bool run_minimum(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbDriverVersion version, minimum;
    const char *text = NULL;
    if (skip_without_driver(ctx, result))
        return true;
    const char *least = ctx->gpus == 8 ? MINIMUM_EIGHT_GPUS : MINIMUM_ONE_GPU;
    if (!parse_version(ctx, &text, &version, error) || !ccb_driver_parse(least, &minimum, error))
        return false;
    if (ccb_driver_compare(version, minimum) >= 0)
        return ccb_result_pass(result, "%s ≥ %s for %u GPU%s", text, least, ctx->gpus,
                               ctx->gpus > 1 ? "s" : "");
    return ccb_result_fail(result, "driver %s, expected %s or later for %u GPU%s", text, least,
                           ctx->gpus, ctx->gpus > 1 ? "s" : "");
}

static bool run_branch(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbDriverVersion version;
    const char *text = NULL;
    if (skip_without_driver(ctx, result))
        return true;
    if (!parse_version(ctx, &text, &version, error))
        return false;
    const char *bad = ccb_driver_known_bad(version);
    if (bad != NULL)
        ccb_result_fail(result, "driver %s is known bad: %s", text, bad);
    else if (!ccb_driver_supports_cc(version))
        ccb_result_fail(result, "driver %s: branch %u is not known to support confidential GPUs",
                        text, version.branch);
    return ccb_result_pass(result, "%s, branch %u", text, version.branch);
}

#define FIX_DRIVER "Bake the nvidia-driver step for this kernel again."

const CcbCheck ccb_checks_driver[] = {
    {"driver.modules", CCB_SEVERITY_ERROR,
     "The installer exits with 0 also when it built modules for another kernel or not all.",
     FIX_DRIVER, run_modules},
    {"driver.every-kernel", CCB_SEVERITY_WARNING,
     "Another boot entry starts a kernel for which there is no driver.",
     "Remove the other kernel with its entry, or install the driver for it as well.",
     run_every_kernel},
    {"driver.single", CCB_SEVERITY_ERROR,
     "A second driver replaces libraries or modules of the first, at once or at the next update.",
     "Remove the package or the DKMS module, or install the driver by it alone.", run_single},
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
    {"driver.depmod", CCB_SEVERITY_ERROR, "modprobe finds only what depmod has written down.",
     "Run depmod -a KVER after the driver was installed.", run_depmod},
    {"driver.kernel-config", CCB_SEVERITY_ERROR,
     "Without these settings the driver compiles cleanly and has no confidential mode.",
     "Use a kernel and kernel-devel that have them.", run_kernel_config},
    {"driver.minimum", CCB_SEVERITY_ERROR,
     "Older drivers do not support this instance type's GPUs in confidential mode.",
     "Name a later driver in the recipe.", run_minimum},
    {"driver.branch", CCB_SEVERITY_ERROR,
     "Some branches have no confidential mode, and some versions fail attestation.",
     "Name a driver of a branch that supports it in the recipe.", run_branch},
    {0},
};
