/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/qcow2-chain.h"

#include <string.h>

#include "base/error.h"

enum { DEPTH_MAX = 100 };

struct CcbQcow2Chain {
    GPtrArray *files; /* of CcbQcow2File, the image itself first */
    bool partial;     /* what it is based on was not opened */
};

/* Where `name`, as it stands in `file`, is: relative to the file's directory.  Names with a
 * protocol are refused, but for "file:". */
static char *backing_path(const CcbQcow2File *file, const char *name, GError **error)
{
    size_t prefix = strcspn(name, ":/");
    if (g_str_has_prefix(name, "file:")) {
        name += strlen("file:");
    } else if (name[prefix] == ':') {
        ccb_fail(error, CCB_ERR_INPUT, "%s: backing file %s: not a file", file->path, name);
        return NULL;
    }
    if (g_path_is_absolute(name))
        return g_strdup(name);
    g_autofree char *dir = g_path_get_dirname(file->path);
    return g_build_filename(dir, name, NULL);
}

static bool add_file(CcbQcow2Chain *chain, const char *path, const char *format, bool *ret_foreign,
                     GError **error)
{
    g_autoptr(CcbQcow2File) file = ccb_qcow2_file_open(path, format, ret_foreign, error);
    if (file == NULL)
        return false;
    for (guint i = 0; i < chain->files->len; i++) {
        const CcbQcow2File *above = chain->files->pdata[i];
        if (above->device == file->device && above->inode == file->inode)
            return ccb_fail(error, CCB_ERR_INPUT, "%s is based on itself", file->path);
    }
    if (chain->files->len >= DEPTH_MAX)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: more than %d backing files", file->path,
                        DEPTH_MAX);
    g_ptr_array_add(chain->files, g_steal_pointer(&file));
    return true;
}

static CcbQcow2Chain *open_first(const char *path, const char *format, bool *ret_foreign,
                                 GError **error)
{
    g_autoptr(CcbQcow2Chain) chain = g_new0(CcbQcow2Chain, 1);
    chain->files = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_qcow2_file_free);
    *ret_foreign = false;
    return add_file(chain, path, format, ret_foreign, error) ? g_steal_pointer(&chain) : NULL;
}

CcbQcow2Chain *ccb_qcow2_chain_open(const char *path, const char *format, bool *ret_foreign,
                                    GError **error)
{
    g_autoptr(CcbQcow2Chain) chain = open_first(path, format, ret_foreign, error);
    while (chain != NULL) {
        const CcbQcow2File *last = chain->files->pdata[chain->files->len - 1];
        const CcbQcow2Header *h = &last->header;
        if (h->backing == NULL)
            return g_steal_pointer(&chain);
        /* Without a name for the format one would have to guess from bytes that the guest has written. */
        if (h->backing_format == NULL) {
            ccb_fail(error, CCB_ERR_INPUT, "%s: doesn't say which format %s has", last->path,
                     h->backing);
            return NULL;
        }
        g_autofree char *next = backing_path(last, h->backing, error);
        if (next == NULL || !add_file(chain, next, h->backing_format, ret_foreign, error))
            return NULL;
    }
    return NULL;
}

CcbQcow2Chain *ccb_qcow2_chain_open_top(const char *path, GError **error)
{
    bool foreign;
    CcbQcow2Chain *chain = open_first(path, "qcow2", &foreign, error);
    if (chain != NULL)
        chain->partial = true;
    return chain;
}

void ccb_qcow2_chain_free(CcbQcow2Chain *chain)
{
    if (chain == NULL)
        return;
    g_ptr_array_unref(chain->files);
    g_free(chain);
}

uint64_t ccb_qcow2_chain_size(const CcbQcow2Chain *chain)
{
    return ((const CcbQcow2File *)chain->files->pdata[0])->size;
}

const CcbQcow2Header *ccb_qcow2_chain_header(const CcbQcow2Chain *chain)
{
    return &((const CcbQcow2File *)chain->files->pdata[0])->header;
}

/* "Cluster mapping": what is not allocated is read from the backing file, and is zero where that
 * ends. */
static bool map_from(CcbQcow2Chain *chain, guint first, uint64_t offset, uint64_t size,
                     CcbPiece *ret_piece, GError **error)
{
    CcbPiece piece = {.kind = CCB_QCOW2_UNALLOCATED, .size = size};
    for (guint i = first; i < chain->files->len && piece.kind == CCB_QCOW2_UNALLOCATED; i++) {
        CcbQcow2File *file = chain->files->pdata[i];
        if (offset >= file->size)
            break;
        if (!ccb_qcow2_file_map(file, offset, piece.size, &piece, error))
            return false;
    }
    if (piece.kind == CCB_QCOW2_UNALLOCATED)
        piece.kind = CCB_QCOW2_ZERO;
    *ret_piece = piece;
    return true;
}

bool ccb_qcow2_chain_map(CcbQcow2Chain *chain, uint64_t offset, uint64_t size, CcbPiece *ret_piece,
                         GError **error)
{
    return map_from(chain, 0, offset, size, ret_piece, error);
}

bool ccb_qcow2_chain_map_top(CcbQcow2Chain *chain, uint64_t offset, uint64_t size,
                             CcbPiece *ret_piece, GError **error)
{
    CcbPiece piece, below = {.kind = CCB_QCOW2_ZERO};
    if (!ccb_qcow2_file_map(chain->files->pdata[0], offset, size, &piece, error))
        return false;
    if (piece.kind == CCB_QCOW2_ZERO && !chain->partial) {
        /* Zeros over nothing but zeros need not be there. */
        for (uint64_t done = 0; done < piece.size && below.kind == CCB_QCOW2_ZERO;
             done += below.size)
            if (!map_from(chain, 1, offset + done, piece.size - done, &below, error))
                return false;
        if (below.kind == CCB_QCOW2_ZERO)
            piece.kind = CCB_QCOW2_UNALLOCATED;
    }
    *ret_piece = piece;
    return true;
}

bool ccb_qcow2_chain_data(CcbQcow2Chain *chain, uint64_t *ret_bytes, GError **error)
{
    uint64_t size = ccb_qcow2_chain_size(chain), bytes = 0;
    CcbPiece piece;
    for (uint64_t offset = 0; offset < size; offset += piece.size) {
        if (!map_from(chain, 0, offset, size - offset, &piece, error))
            return false;
        if (piece.kind != CCB_QCOW2_ZERO)
            bytes += piece.size;
    }
    *ret_bytes = bytes;
    return true;
}

bool ccb_qcow2_chain_check_idle(const CcbQcow2Chain *chain, GError **error)
{
    for (guint i = 0; i < chain->files->len; i++)
        if (!ccb_qcow2_file_check_idle(chain->files->pdata[i], error))
            return false;
    return true;
}

bool ccb_qcow2_chain_check_unchanged(const CcbQcow2Chain *chain, GError **error)
{
    for (guint i = 0; i < chain->files->len; i++)
        if (!ccb_qcow2_file_check_unchanged(chain->files->pdata[i], error))
            return false;
    return true;
}
