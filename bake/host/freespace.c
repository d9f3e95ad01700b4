/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/freespace.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "base/quantity.h"

static bool same_file_system(const char *a, const char *b)
{
    struct stat st_a, st_b;
    return stat(a, &st_a) == 0 && stat(b, &st_b) == 0 && st_a.st_dev == st_b.st_dev;
}

bool ccb_free_bytes(const char *path, uint64_t *ret, GError **error)
{
    g_autofree char *at = g_canonicalize_filename(path, NULL);
    struct statvfs fs;
    while (statvfs(at, &fs) != 0) {
        if (errno != ENOENT || g_str_equal(at, "/"))
            return ccb_fail_errno(error, CCB_ERR_HOST, "looking at the free space of %s", path);
        char *parent = g_path_get_dirname(at);
        g_free(at);
        at = parent;
    }
    *ret = (uint64_t)fs.f_bavail * fs.f_frsize;
    return true;
}

bool ccb_free_space_check(const CcbSpaceNeed *needs, guint n, GError **error)
{
    for (guint i = 0; i < n; i++) {
        uint64_t available = 0, sum = 0;
        g_autoptr(GString) words = g_string_new(NULL);
        if (!ccb_free_bytes(needs[i].directory, &available, error))
            return false;
        for (guint j = 0; j < n; j++) { /* all that is needed on this file system */
            if (needs[j].bytes == 0 || !same_file_system(needs[i].directory, needs[j].directory))
                continue;
            g_autofree char *size = ccb_format_size(needs[j].bytes);
            g_string_append_printf(words, "%sabout %s for %s in %s", sum > 0 ? " and " : "", size,
                                   needs[j].what, needs[j].directory);
            sum += needs[j].bytes;
        }
        if (available >= sum)
            continue;
        g_autofree char *have = ccb_format_size(available);
        return ccb_fail(error, CCB_ERR_HOST, "too little space: it takes %s, and %s is free there",
                        words->str, have);
    }
    return true;
}

bool ccb_free_space_blame(const char *directory, GError **error)
{
    enum { LEAST = 1 << 20 };
    uint64_t available = 0;
    if (!ccb_free_bytes(directory, &available, NULL) || available >= LEAST)
        return false;
    if (error != NULL && *error != NULL)
        (*error)->code = CCB_ERR_IO;
    ccb_hint(error, "there is no space left in %s", directory);
    return true;
}
