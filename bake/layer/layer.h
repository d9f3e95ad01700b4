/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of layers: committed qcow2 overlays, each over the layer before it, found by the key of the step that made
 * them.  Below ccb_cache_dir()/layers:
 *
 *     KEY.qcow2        the overlay; its backing file is a neighbour, named without a directory
 *     KEY.json         parent, sha256 and size of the overlay, facts of the guest, what the key was made of, and for whom
 *     KEY.part         an overlay that is being written
 *     KEY.packed.part  the same, being compressed
 *     KEY.lock         flock(2): exclusive while the layer is made or removed, shared while it is used; removed with it
 *     base-SHA256.img  a symlink to the base image
 *
 * Layers are compressed when they are committed, once for all images that hold them.  A layer appears by rename, after
 * fsync.  Before it is used its digest is checked, at most once per boot and changed file; a damaged one is removed
 * with a warning and made again.  One that can't be read to its end is an error and stays: CCB_ERR_IO,
 * CCB_ERR_CANCELLED.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char *key;
    char *path;          /* the qcow2 file */
    char *sha256;        /* of the file */
    char *parent;        /* key of the layer below, or NULL on a base */
    char *parent_sha256; /* of its file, when this one was made on it */
    char *base;          /* name of the link to the base image; NULL over a layer */
    char *step;          /* id of the step that made it, for people; so are */
    char *recipe;        /* the name of the recipe that it was made for first, */
    char *image;         /* and that of the image; NULL in layers of earlier versions */
    uint64_t size;       /* bytes of the file */
    int64_t used;        /* last use, in seconds since the epoch; filled by ccb_layer_list() */
    json_t *facts;       /* of the guest after the step; owned */
    json_t *ingredients; /* what the key was made of; owned */
} CcbLayer;

/* The image that the first layer is on. */
typedef struct {
    const char *path, *format, *sha256;
} CcbLayerBase;

void ccb_layer_free(CcbLayer *layer); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbLayer, ccb_layer_free)

/* Descriptors whose locks keep layers from being removed while they are in use. */
GArray *ccb_layer_use_new(void); /* of int, which close themselves; unref as usual */

/* The layer of that key, if it and every layer below it are whole; NULL without an error if not.  They count as used
 * now.  With `use` (may be NULL) all are locked, shared, and the locks are added to it. */
CcbLayer *ccb_layer_find(const char *key, GArray *use, GError **error);

/* Whether its files are there, unchecked: for plans. */
bool ccb_layer_exists(const char *key);

/* Adds the lock of a layer that is there to `use`, shared from now on; takes ownership of it. */
void ccb_layer_use(GArray *use, int lock);

/* Waits until nobody else makes or uses the layer, and excludes others until the descriptor is closed.  With `or_use`
 * the wait ends as well once the layer is there, and the lock is shared then (*ret_shared).  -1 with CCB_ERR_CANCELLED
 * or CCB_ERR_IO. */
int ccb_layer_lock(const char *key, bool or_use, bool *ret_shared, GError **error);

/* Links the base image into the cache, so that layers name it without a directory; needed before the cache is asked
 * for layers on it.  Errors: CCB_ERR_IO. */
bool ccb_layer_link_base(const CcbLayerBase *base, GError **error);

/* Creates the overlay that is to become the layer `key`, over the layer `below` or, where that is NULL, over the base
 * image.  `is_being_committed`: over the overlay of `below`, as this process still commits it; another process may have
 * an overlay of that key, too, which goes away with that process.  Returns the path (caller frees).  The overlay goes
 * away with this process unless it is published. */
char *ccb_layer_begin(const char *key, const char *below, bool is_being_committed,
                      const CcbLayerBase *base, GError **error);

/* Commits the overlay of `layer->key`.  The caller fills parent (with its digest), step, facts and ingredients; path,
 * size, sha256 and base are filled here.  The overlay is left. */
bool ccb_layer_publish(CcbLayer *layer, const CcbLayerBase *base, GError **error);

/* Removes the overlay. */
void ccb_layer_abandon(const char *key);

/* Bytes of the layer's file, unchecked; 0 where there is none: for reports. */
uint64_t ccb_layer_size(const char *key);

/* The newest layer that a step of that id of a recipe of that name made, whatever its key: to say what has changed.  NULL:
 * none. */
CcbLayer *ccb_layer_latest(const char *recipe, const char *step);

/* Every layer by its description, unchecked, as CcbLayer with .used filled; caller unrefs. */
GPtrArray *ccb_layer_list(void);

/* Reads one layer completely, and removes it if it is damaged (*ret_whole is false then). */
bool ccb_layer_verify(const char *key, bool *ret_whole, GError **error);

/* Whether a process makes or uses it at this moment. */
bool ccb_layer_is_used(const char *key);

/* Removes a layer unless it is in use; whether it is gone. */
bool ccb_layer_remove(const char *key);

/* Removes the locks of layers that are not there, and links to base images that are not there any more. */
void ccb_layer_sweep(void);
