/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/store.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "host/freespace.h"

struct CcbStore {
    char *dir;
};

CcbStore *ccb_store_open(const char *dir, GError **error)
{
    g_autoptr(CcbStore) store = g_new0(CcbStore, 1);
    store->dir = g_canonicalize_filename(dir, NULL);
    g_autofree char *partial = g_build_filename(store->dir, "partial", NULL);
    if (!ccb_mkdirs(partial, error))
        return NULL;
    return g_steal_pointer(&store);
}

void ccb_store_free(CcbStore *store)
{
    if (store == NULL)
        return;
    g_free(store->dir);
    g_free(store);
}

const char *ccb_store_dir(const CcbStore *store)
{
    return store->dir;
}

char *ccb_store_object_path(const CcbStore *store, const char *sha256)
{
    return g_strdup_printf("%s/%.2s/%s", store->dir, sha256, sha256);
}

char *ccb_store_find(CcbStore *store, const char *sha256, GError **error)
{
    if (!ccb_digest_is_valid(sha256)) {
        ccb_fail(error, CCB_ERR_RECIPE,
                 "\"%s\" is not a SHA-256 digest (64 lower-case hexadecimal characters)", sha256);
        return NULL;
    }
    g_autofree char *path = ccb_store_object_path(store, sha256);
    if (access(path, F_OK) != 0) {
        if (errno != ENOENT)
            ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
        return NULL;
    }
    g_autofree char *got = ccb_digest_file_once(path, error);
    if (got == NULL)
        return NULL;
    if (strcmp(got, sha256) == 0)
        return g_steal_pointer(&path);
    ccb_warn("%s is damaged (its content hashes to %s): removed", path, got);
    if (unlink(path) != 0)
        ccb_fail_errno(error, CCB_ERR_IO, "removing the damaged %s", path);
    return NULL;
}

bool ccb_store_has(const CcbStore *store, const char *sha256, uint64_t size)
{
    if (!ccb_digest_is_valid(sha256))
        return false;
    g_autofree char *path = ccb_store_object_path(store, sha256);
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           (size == 0 || (uint64_t)st.st_size == size);
}

bool ccb_store_check_space(const CcbStore *store, uint64_t bytes, GError **error)
{
    uint64_t available = 0;
    if (!ccb_free_bytes(store->dir, &available, error))
        return false;
    if (bytes <= available)
        return true;
    g_autofree char *need = ccb_format_size(bytes);
    g_autofree char *have = ccb_format_size(available);
    return ccb_fail(error, CCB_ERR_HOST, "%s: the download needs %s, only %s are free", store->dir,
                    need, have);
}
