/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/qcow2-chain.h"

#include <string.h>

#include "base/error.h"

enum { DEPTH_MAX = 100 };

struct CcbQcow2Chain {
    GPtrArray *layers; /* of CcbQcow2Layer, the image itself first */
};

/* Where `name`, as it stands in `layer`, is: relative to the file's directory.  Names with a
 * protocol are refused, but for "file:". */
static char *backing_path(const CcbQcow2Layer *layer, const char *name, GError **error)
{
    size_t prefix = strcspn(name, ":/");
    if (g_str_has_prefix(name, "file:")) {
        name += strlen("file:");
    } else if (name[prefix] == ':') {
        ccb_fail(error, CCB_ERR_INPUT, "%s: backing file %s: not a file", layer->path, name);
        return NULL;
    }
    if (g_path_is_absolute(name))
        return g_strdup(name);
    g_autofree char *dir = g_path_get_dirname(layer->path);
    return g_build_filename(dir, name, NULL);
}

static bool check_loop(const CcbQcow2Chain *chain, const CcbQcow2Layer *layer, GError **error)
{
    for (guint i = 0; i < chain->layers->len; i++) {
        const CcbQcow2Layer *above = chain->layers->pdata[i];
        if (above->device == layer->device && above->inode == layer->inode)
            return ccb_fail(error, CCB_ERR_INPUT, "%s is based on itself", layer->path);
    }
    if (chain->layers->len >= DEPTH_MAX)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: more than %d backing files", layer->path,
                        DEPTH_MAX);
    return true;
}

static bool add_layer(CcbQcow2Chain *chain, const char *path, const char *format, bool *ret_foreign,
                      GError **error)
{
    g_autoptr(CcbQcow2Layer) layer = ccb_qcow2_layer_open(path, format, ret_foreign, error);
    if (layer == NULL || !check_loop(chain, layer, error))
        return false;
    g_ptr_array_add(chain->layers, g_steal_pointer(&layer));
    return true;
}

/* Without a name for the format one would have to guess from bytes that the guest has written. */
static bool add_backing(CcbQcow2Chain *chain, const CcbQcow2Layer *layer, bool *ret_foreign,
                        GError **error)
{
    const CcbQcow2Header *h = &layer->header;
    if (h->backing_format == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: doesn't say which format %s has", layer->path,
                        h->backing);
    g_autofree char *path = backing_path(layer, h->backing, error);
    return path != NULL && add_layer(chain, path, h->backing_format, ret_foreign, error);
}

CcbQcow2Chain *ccb_qcow2_chain_open(const char *path, bool *ret_foreign, GError **error)
{
    g_autoptr(CcbQcow2Chain) chain = g_new0(CcbQcow2Chain, 1);
    chain->layers = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_qcow2_layer_free);
    *ret_foreign = false;
    if (!add_layer(chain, path, "qcow2", ret_foreign, error))
        return NULL;
    for (;;) {
        const CcbQcow2Layer *last = chain->layers->pdata[chain->layers->len - 1];
        if (last->header.backing == NULL)
            return g_steal_pointer(&chain);
        if (!add_backing(chain, last, ret_foreign, error))
            return NULL;
    }
}

void ccb_qcow2_chain_free(CcbQcow2Chain *chain)
{
    if (chain == NULL)
        return;
    g_ptr_array_unref(chain->layers);
    g_free(chain);
}

uint64_t ccb_qcow2_chain_size(const CcbQcow2Chain *chain)
{
    return ((const CcbQcow2Layer *)chain->layers->pdata[0])->size;
}

/* "Cluster mapping": what is not allocated is read from the backing file, and is zero where that
 * ends. */
bool ccb_qcow2_chain_map(CcbQcow2Chain *chain, uint64_t offset, uint64_t size, CcbPiece *ret_piece,
                         GError **error)
{
    CcbPiece piece = {.kind = CCB_QCOW2_UNALLOCATED, .size = size};
    for (guint i = 0; i < chain->layers->len && piece.kind == CCB_QCOW2_UNALLOCATED; i++) {
        CcbQcow2Layer *layer = chain->layers->pdata[i];
        if (offset >= layer->size)
            break;
        if (!ccb_qcow2_layer_map(layer, offset, piece.size, &piece, error))
            return false;
    }
    if (piece.kind == CCB_QCOW2_UNALLOCATED)
        piece.kind = CCB_QCOW2_ZERO;
    *ret_piece = piece;
    return true;
}
