/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/tree.h"

#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool visit_entry(const FTSENT *entry, size_t prefix, CcbTreeFunc visit, void *data,
                        GError **error)
{
    int info = entry->fts_info;
    if (info == FTS_DNR || info == FTS_ERR || info == FTS_NS)
        return ccb_fail(error, CCB_ERR_IO, "reading %s: %s", entry->fts_path,
                        g_strerror(entry->fts_errno));
    char type = info == FTS_D ? 'd' : info == FTS_F ? 'f' : 'l';
    if (type == 'l' && info != FTS_SL && info != FTS_SLNONE)
        return ccb_fail(error, CCB_ERR_IO, "%s: neither file, directory nor link", entry->fts_path);
    g_autofree char *target = type == 'l' ? g_file_read_link(entry->fts_accpath, NULL) : NULL;
    const char *below = entry->fts_path + prefix;
    const CcbTreeEntry found = {
        .path = below[0] == '/' ? below + 1 : below,
        .absolute = entry->fts_accpath,
        .type = type,

        .mode = entry->fts_statp->st_mode & 07777,
        .target = target,
    };
    return visit(&found, data, error);
}

bool ccb_tree_walk(const char *directory, CcbTreeFunc visit, void *data, GError **error)
{
    char *const roots[] = {(char *)directory, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    bool ok = fts != NULL || ccb_fail_errno(error, CCB_ERR_IO, "%s", directory);
    FTSENT *entry;
    while (ok && (entry = fts_read(fts)) != NULL)
        ok = entry->fts_info == FTS_DP || visit_entry(entry, strlen(directory), visit, data, error);
    if (fts)
        fts_close(fts);
    return ok;
}
