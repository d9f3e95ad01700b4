/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/rules.h"

#include <string.h>
#include <sys/stat.h>

/* A directory ends with a slash.  The first that fits counts. */
static const struct {
    const char *path;
    CcbPathKind kind;
} rules[] = {
    {"etc/ld.so.cache", CCB_PATH_VOLATILE},
    {"etc/.updated", CCB_PATH_VOLATILE},
    {"lost+found", CCB_PATH_VOLATILE},
    {"run/", CCB_PATH_VOLATILE},
    {"tmp/", CCB_PATH_VOLATILE},
    {"usr/lib/sysimage/rpm/", CCB_PATH_VOLATILE},
    {"var/.updated", CCB_PATH_VOLATILE},
    {"var/cache/", CCB_PATH_VOLATILE},
    {"var/lib/dnf/", CCB_PATH_VOLATILE},
    {"var/lib/rpm/", CCB_PATH_VOLATILE},
    {"var/log/", CCB_PATH_VOLATILE},
    {"var/tmp/", CCB_PATH_VOLATILE},
    {"boot/grub2/grubenv", CCB_PATH_CONFIGURATION},
    {"boot/loader/", CCB_PATH_CONFIGURATION},
    {"etc/", CCB_PATH_CONFIGURATION},
    {"lib/modprobe.d/", CCB_PATH_CONFIGURATION},
    {"lib/systemd/", CCB_PATH_CONFIGURATION},
    {"usr/lib/modprobe.d/", CCB_PATH_CONFIGURATION},
    {"usr/lib/systemd/", CCB_PATH_CONFIGURATION},
};

static bool fits(const char *rule, const char *path)
{
    size_t length = strlen(rule);
    return rule[length - 1] == '/' ? strncmp(path, rule, length) == 0 : strcmp(path, rule) == 0;
}

static bool in_bytecode_cache(const char *path)
{
    static const char name[] = "__pycache__";
    for (const char *at = path; (at = strstr(at, name)) != NULL; at += strlen(name)) {
        const char *end = at + strlen(name);
        if ((at == path || at[-1] == '/') && (*end == '/' || *end == '\0'))
            return true;
    }
    return false;
}

CcbPathKind ccb_path_kind(const char *path)
{
    if (in_bytecode_cache(path))
        return CCB_PATH_VOLATILE;
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
        if (fits(rules[i].path, path))
            return rules[i].kind;
    return CCB_PATH_OTHER;
}

bool ccb_path_may_show(const CcbGuestEntry *entry)
{
    return (entry->st.mode & S_IROTH) != 0 || g_str_has_prefix(entry->path, "boot/");
}

static bool is_module_name(const char *name)
{
    static const char *const suffixes[] = {".ko", ".ko.xz", ".ko.gz", ".ko.zst"};
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++)
        if (g_str_has_suffix(name, suffixes[i]))
            return true;
    return false;
}

const char *ccb_path_module(const char *path)
{
    static const char *const places[] = {"kernel/drivers/video/", "extra/", "updates/"};
    path += g_str_has_prefix(path, "usr/") ? strlen("usr/") : 0;
    if (!g_str_has_prefix(path, "lib/modules/") || !is_module_name(path))
        return NULL;
    const char *kver = path + strlen("lib/modules/");
    const char *slash = strchr(kver, '/');
    for (size_t i = 0; slash != NULL && i < G_N_ELEMENTS(places); i++)
        if (g_str_has_prefix(slash + 1, places[i]))
            return kver;
    return NULL;
}

/* What is behind the unit directory that `path` is in, or NULL. */
static const char *below_units(const char *path)
{
    static const char *const places[] = {"etc/systemd/system/", "usr/local/lib/systemd/system/",
                                         "usr/lib/systemd/system/", "lib/systemd/system/"};
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
        if (g_str_has_prefix(path, places[i]))
            return path + strlen(places[i]);
    return NULL;
}

static const char *link_kind(const CcbGuestEntry *entry, const char *name)
{
    g_autofree char *base = g_path_get_basename(entry->target);
    if (strcmp(entry->target, "/dev/null") == 0)
        return "masked";
    return strcmp(base, name) == 0 ? "unit" : "alias";
}

const char *ccb_path_unit(const CcbGuestEntry *entry, char **ret_unit)
{
    static const char *const wants[] = {".wants", ".requires", ".upholds"};
    const char *name = below_units(entry->path);
    if (name == NULL || S_ISDIR(entry->st.mode))
        return NULL;
    const char *slash = strchr(name, '/');
    if (slash == NULL) {
        *ret_unit = g_strdup(name);
        return S_ISLNK(entry->st.mode) ? link_kind(entry, name) : "unit";
    }
    g_autofree char *directory = g_strndup(name, (gsize)(slash - name));
    for (size_t i = 0; i < G_N_ELEMENTS(wants); i++) {
        if (g_str_has_suffix(directory, wants[i])) {
            *ret_unit = g_strdup(slash + 1);
            return "enabled";
        }
    }
    if (!g_str_has_suffix(directory, ".d") || !g_str_has_suffix(slash, ".conf"))
        return NULL;
    *ret_unit = g_strndup(directory, strlen(directory) - strlen(".d"));
    return "drop-in";
}

char *ccb_path_directory(const char *path)
{
    enum { NAMES = 3 };
    g_autofree char *parent = g_path_get_dirname(path);
    if (strcmp(parent, ".") == 0)
        return g_strdup("/");
    char *end = parent;
    for (int names = 0; *end != '\0'; end++)
        if (*end == '/' && ++names == NAMES)
            break;
    return g_strdup_printf("/%.*s", (int)(end - parent), parent);
}
