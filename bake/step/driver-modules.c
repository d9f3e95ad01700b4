/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "step/driver-modules.h"

#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "guide/driver.h"
#include "layer/built.h"

/* Raised when modules that were kept by an older ccbake are not to be used. */
#define FORMAT "driver modules 1\n"

char *ccb_driver_module_path(const char *kver, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".ko", NULL);
    return g_build_filename("/lib/modules", kver, CCB_DRIVER_MODULE_DIR, file, NULL);
}

/* --- The key */

static bool ask(CcbBake *bake, const char *const *argv, GString *answer)
{
    CcbCommand command = {.argv = argv, .ret_stdout = answer, .limit_s = 600};
    return ccb_guest_run(bake->guest, &command, NULL);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names, sizes and times of all of kernel-devel, which its package brings, and the content of what
 * may be made on the system.  Reading 15000 headers takes a third of the time that compiling does. */
static bool describe_headers(CcbBake *bake, GString *text)
{
    g_autofree char *dir = g_strdup_printf("/lib/modules/%s/build/", ccb_bake_kver(bake));
    g_autofree char *config = g_strconcat(dir, ".config", NULL);
    g_autofree char *symvers = g_strconcat(dir, "Module.symvers", NULL);
    const char *list[] = {"find", "-L", dir, "-type", "f", "-printf", "%P %s %T@\\n", NULL};
    const char *digest[] = {"sha256sum", config, symvers, NULL};
    g_autoptr(GString) answer = g_string_new(NULL);
    if (!ask(bake, list, answer) || answer->len == 0)
        return false;
    g_auto(GStrv) lines = g_strsplit(answer->str, "\n", -1);
    qsort(lines, g_strv_length(lines), sizeof *lines, compare_lines);
    g_autofree char *sorted = g_strjoinv("\n", lines);
    g_string_append(text, sorted);
    return ask(bake, digest, text);
}

/* cc1 is the compiler; a rebuilt package may have the same version. */
static bool describe_compiler(CcbBake *bake, GString *text)
{
    const char *which[] = {"cc", "-print-prog-name=cc1", NULL};
    g_autoptr(GString) cc1 = g_string_new(NULL);
    if (!ask(bake, which, cc1))
        return false;
    g_strchomp(cc1->str);
    const char *version[] = {"cc", "--version", NULL}, *linker[] = {"ld", "--version", NULL};
    const char *digest[] = {"sha256sum", cc1->str, NULL};
    return ask(bake, version, text) && ask(bake, linker, text) && ask(bake, digest, text);
}

char *ccb_driver_modules_key(CcbBake *bake, const CcbPayload *driver, const GPtrArray *flags)
{
    g_autoptr(GString) text = g_string_new(FORMAT);
    g_string_append_printf(text, "driver %s\n", driver->sha256);
    for (guint i = 0; i < flags->len; i++)
        g_string_append_printf(text, "flag %s\n", (const char *)flags->pdata[i]);
    return describe_headers(bake, text) && describe_compiler(bake, text)
               ? ccb_digest_string(text->str)
               : NULL;
}

/* --- The files */

static char *host_path(const char *dir, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".ko", NULL);
    return g_build_filename(dir, file, NULL);
}

bool ccb_driver_modules_install(CcbBake *bake, const char *key, bool *ret_found, GError **error)
{
    GError *reason = NULL;
    g_autoptr(CcbBuilt) built = ccb_built_find(key, &reason);
    if (reason != NULL) {
        g_propagate_error(error, reason);
        return false;
    }
    for (const char *const *name = ccb_driver_modules; built != NULL && *name != NULL; name++) {
        g_autofree char *from = host_path(built->dir, *name);
        g_autofree char *to = ccb_driver_module_path(ccb_bake_kver(bake), *name);
        if (!ccb_guest_upload(bake->guest, from, to, &ccb_file_attr, error))
            return false;
    }
    *ret_found = built != NULL;
    return true;
}

static bool download(CcbBake *bake, const char *dir, const char *name, GError **error)
{
    g_autofree char *from = ccb_driver_module_path(ccb_bake_kver(bake), name);
    g_autofree char *to = host_path(dir, name);
    ccb_autofd int fd = open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating %s", to);
    return ccb_guest_download(bake->guest, from, fd, error);
}

bool ccb_driver_modules_keep(CcbBake *bake, const char *key, GError **error)
{
    g_autofree char *dir = ccb_built_begin(key, error);
    bool ok = dir != NULL;
    for (const char *const *name = ccb_driver_modules; ok && *name != NULL; name++)
        ok = download(bake, dir, *name, error);
    if (ok)
        return ccb_built_publish(key, dir, error);
    if (dir != NULL)
        ccb_built_abandon(dir);
    return false;
}
