/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/rules.h"

#include <string.h>
#include <sys/stat.h>

#include "systemd/unit.h"

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

CcbPathKind ccb_path_kind(const char *path)
{
    g_autofree char *slashed = g_strconcat("/", path, "/", NULL);
    if (strstr(slashed, "/__pycache__/") != NULL)
        return CCB_PATH_VOLATILE;
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        const char *rule = rules[i].path;
        if (g_str_has_suffix(rule, "/") ? g_str_has_prefix(path, rule) : strcmp(path, rule) == 0)
            return rules[i].kind;
    }
    return CCB_PATH_OTHER;
}

bool ccb_path_may_show(const CcbGuestEntry *entry)
{
    return (entry->st.mode & S_IROTH) != 0 || g_str_has_prefix(entry->path, "boot/");
}

const char *ccb_path_module(const char *path)
{
    static const char *const places[] = {"kernel/drivers/video/", "extra/", "updates/"};
    static const char *const suffixes[] = {".ko", ".ko.xz", ".ko.gz", ".ko.zst"};
    path += g_str_has_prefix(path, "usr/") ? strlen("usr/") : 0;
    if (!g_str_has_prefix(path, "lib/modules/"))
        return NULL;
    const char *kver = path + strlen("lib/modules/"), *slash = strchr(kver, '/');
    bool is_module = false, is_in_place = false;
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++)
        is_module |= g_str_has_suffix(path, suffixes[i]);
    for (size_t i = 0; slash != NULL && i < G_N_ELEMENTS(places); i++)
        is_in_place |= g_str_has_prefix(slash + 1, places[i]);
    return is_module && is_in_place ? kver : NULL;
}

const char *ccb_path_unit(const CcbGuestEntry *entry, char **ret_unit)
{
    static const char *const places[] = {"etc/systemd/system/", "usr/local/lib/systemd/system/",
                                         "usr/lib/systemd/system/", "lib/systemd/system/"};

    const char *name = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
        if (g_str_has_prefix(entry->path, places[i]))
            name = entry->path + strlen(places[i]);
    if (name == NULL || S_ISDIR(entry->st.mode))
        return NULL;
    const char *slash = strchr(name, '/');
    if (slash == NULL) {
        *ret_unit = g_strdup(name);
        if (!S_ISLNK(entry->st.mode))
            return "unit";
        if (strcmp(entry->target, "/dev/null") == 0)
            return "masked";
        g_autofree char *base = g_path_get_basename(entry->target);
        return strcmp(base, name) == 0 ? "unit" : "alias";
    }
    g_autofree char *directory = g_strndup(name, (gsize)(slash - name));
    if (ccb_unit_wants_suffix(directory) != NULL) {
        *ret_unit = g_strdup(slash + 1);
        return "enabled";
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
