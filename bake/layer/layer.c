/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/layer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/reaper.h"
#include "image/copy.h"
#include "image/qemu-img.h"

enum { LAYER_FORMAT = 1, LOCK_POLL_US = 200 * 1000, MAX_DEPTH = 256 };

static char *layer_path(const char *key, const char *ending)
{
    g_autofree char *name = g_strconcat(key, ending, NULL);
    return g_build_filename(ccb_cache_dir(), "layers", name, NULL);
}

void ccb_layer_free(CcbLayer *layer)
{
    if (layer == NULL)
        return;
    g_free(layer->key);
    g_free(layer->path);
    g_free(layer->sha256);
    g_free(layer->parent);
    g_free(layer->parent_sha256);
    g_free(layer->base);
    g_free(layer->step);
    g_free(layer->recipe);
    g_free(layer->image);
    json_decref(layer->facts);
    json_decref(layer->ingredients);
    g_free(layer);
}

static const char *get_text(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

/* `json` may be NULL: a description that can't be read. */
static CcbLayer *layer_of(const char *key, const json_t *json)
{
    CcbLayer *layer = g_new0(CcbLayer, 1);
    layer->key = g_strdup(key);
    layer->path = layer_path(key, ".qcow2");
    layer->sha256 = g_strdup(get_text(json, "sha256"));
    layer->parent = g_strdup(get_text(json, "parent"));
    layer->parent_sha256 = g_strdup(get_text(json, "parent_sha256"));
    layer->base = g_strdup(get_text(json, "base"));
    layer->step = g_strdup(get_text(json, "step"));
    layer->recipe = g_strdup(get_text(json, "recipe"));
    layer->image = g_strdup(get_text(json, "image"));
    layer->size = (uint64_t)json_integer_value(json_object_get(json, "size"));
    layer->facts = json_incref(json_object_get(json, "facts"));
    layer->ingredients = json_incref(json_object_get(json, "ingredients"));
    return layer;
}

/*
 * The lock of a layer, as a descriptor; -1 with errno, EWOULDBLOCK where another process holds it.  `how`: LOCK_EX or
 * LOCK_SH.  The lock file is removed together with its layer, perhaps between our open() and flock(): a lock on a file
 * that no longer has the name excludes nobody.
 */
static int take_lock(const char *key, int how)
{
    g_autofree char *path = layer_path(key, ".lock");
    for (;;) {
        struct stat held, named;
        ccb_autofd int fd =
            open(path, O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        if (fd < 0 || flock(fd, how | LOCK_NB) != 0 || fstat(fd, &held) != 0)
            return -1;
        if (stat(path, &named) == 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino)
            return ccb_steal_fd(&fd);
    }
}

bool ccb_layer_remove(const char *key)
{
    static const char *const endings[] = {".json", ".qcow2", ".lock"};
    ccb_autofd int lock = take_lock(key, LOCK_EX);
    for (size_t i = 0; lock >= 0 && i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = layer_path(key, endings[i]);
        unlink(path);
    }
    return lock >= 0;
}

bool ccb_layer_is_used(const char *key)
{
    ccb_autofd int lock = take_lock(key, LOCK_EX);
    return lock < 0;
}

void ccb_layer_sweep(void)
{
    const char *name;
    g_autofree char *dir = g_build_filename(ccb_cache_dir(), "layers", NULL);
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    while (list != NULL && (name = g_dir_read_name(list)) != NULL) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        if (g_str_has_prefix(name, "base-") && access(path, F_OK) != 0 && errno == ENOENT)
            unlink(path);
        if (!g_str_has_suffix(name, ".lock"))
            continue;
        g_autofree char *key = g_strndup(name, strlen(name) - strlen(".lock"));
        ccb_autofd int lock = ccb_layer_exists(key) ? -1 : take_lock(key, LOCK_EX);
        if (lock >= 0 && !ccb_layer_exists(key)) /* it may have been made in between */
            unlink(path);
    }
}

/*
 * A layer that is what its description says.  NULL without an error where there is none; a damaged one is removed with
 * a warning, unless another process makes or uses it.  `digest`: ccb_digest_file() or ccb_digest_file_once().
 */
static CcbLayer *load(const char *key, char *(*digest)(const char *path, GError **error),
                      GError **error)
{
    struct stat st;
    const char *wrong = NULL;
    g_autofree char *description = layer_path(key, ".json");
    if (access(description, F_OK) != 0)
        return NULL;
    json_auto_t *json = json_load_file(description, 0, NULL);
    g_autoptr(CcbLayer) layer = layer_of(key, json);
    if (json == NULL)
        wrong = "described by a damaged file";
    else if (json_integer_value(json_object_get(json, "layer")) != LAYER_FORMAT)
        wrong = "of another version of ccbake";
    else if (stat(layer->path, &st) != 0)
        wrong = "incomplete";
    else if ((uint64_t)st.st_size != layer->size)
        wrong = "truncated";
    if (wrong == NULL) {
        g_autofree char *found = digest(layer->path, error);
        if (found == NULL)
            return NULL;
        if (g_strcmp0(found, layer->sha256) == 0)
            return g_steal_pointer(&layer);
        wrong = "altered";
    }
    if (ccb_layer_remove(key))
        ccb_warn("layer %.12s is %s: dropped, and made again where it is needed", key, wrong);
    return NULL;
}

/* The image that the first layer is on may have moved, changed or gone.  `base`: the name of the link to it. */
static bool is_base_unchanged(const char *base, GError **error)
{
    g_autofree char *path = base ? g_build_filename(ccb_cache_dir(), "layers", base, NULL) : NULL;
    if (path == NULL || access(path, F_OK) != 0)
        return false;
    g_autofree char *digest = ccb_digest_file_once(path, error);
    return digest != NULL && strncmp(digest, base + strlen("base-"), CCB_SHA256_HEX) == 0;
}

static void close_fd(void *element)
{
    ccb_close_fd(element);
}

GArray *ccb_layer_use_new(void)
{
    GArray *use = g_array_new(FALSE, FALSE, sizeof(int));
    g_array_set_clear_func(use, close_fd);
    return use;
}

void ccb_layer_use(GArray *use, int lock)
{
    flock(lock, LOCK_SH);
    g_array_append_val(use, lock);
}

CcbLayer *ccb_layer_find(const char *key, GArray *use, GError **error)
{
    const CcbLayer *above = NULL;
    g_autoptr(GPtrArray) chain =
        g_ptr_array_new_with_free_func((GDestroyNotify)ccb_layer_free); /* from the top */
    if (ccb_cancel_check(error))
        return NULL;
    do {
        const char *next = above ? above->parent : key;
        if (chain->len == MAX_DEPTH || !ccb_layer_exists(next))
            return NULL;
        if (use != NULL) { /* locked before it is read, so that it can't be removed in between */
            int lock = take_lock(next, LOCK_SH);
            if (lock < 0)
                return NULL;
            g_array_append_val(use, lock);
        }
        CcbLayer *layer = load(next, ccb_digest_file_once, error);
        if (layer == NULL)
            return NULL;
        g_ptr_array_add(chain, layer);
        /* A layer that was made anew is not the one that the layer above was made on. */
        if (above && above->parent_sha256 && strcmp(above->parent_sha256, layer->sha256) != 0)
            return NULL;
        above = layer;
    } while (above->parent != NULL);
    if (!is_base_unchanged(above->base, error))
        return NULL;
    for (guint i = chain->len; i-- > 0;) {
        /* The description's time is that of the last use; the overlay's own times tell of changes. */
        g_autofree char *path = layer_path(((CcbLayer *)chain->pdata[i])->key, ".json");
        utimensat(AT_FDCWD, path, NULL, 0);
    }
    return g_ptr_array_steal_index(chain, 0);
}

uint64_t ccb_layer_size(const char *key)
{
    struct stat st;
    g_autofree char *path = layer_path(key, ".qcow2");
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

bool ccb_layer_exists(const char *key)
{
    g_autofree char *description = layer_path(key, ".json");
    g_autofree char *file = layer_path(key, ".qcow2");
    return access(description, R_OK) == 0 && access(file, R_OK) == 0;
}

int ccb_layer_lock(const char *key, bool or_use, bool *ret_shared, GError **error)
{
    g_autofree char *dir = ccb_cache_room("layers", error);
    if (dir == NULL)
        return -1;
    for (bool told = false;; told = true) {
        ccb_autofd int lock = take_lock(key, LOCK_EX);
        *ret_shared = lock < 0 && errno == EWOULDBLOCK && or_use;
        if (*ret_shared)
            lock = take_lock(key, LOCK_SH);
        if (lock < 0 && errno != EWOULDBLOCK) {
            ccb_fail_errno(error, CCB_ERR_IO, "locking a layer in %s", dir);
            return -1;
        }
        if (lock >= 0 && (!*ret_shared || ccb_layer_exists(key)))
            return ccb_steal_fd(&lock);
        ccb_close_fd(&lock);
        if (!told)
            ccb_progress_line("%-8s another ccbake makes layer %.12s", "wait", key);
        g_usleep(LOCK_POLL_US);
        if (ccb_cancel_check(error))
            return -1;
    }
}

static char *base_name(const CcbLayerBase *base)
{
    return g_strconcat("base-", base->sha256, ".img", NULL);
}

bool ccb_layer_link_base(const CcbLayerBase *base, GError **error)
{
    g_autofree char *dir = ccb_cache_room("layers", error);
    if (dir == NULL)
        return false;
    g_autofree char *name = base_name(base);
    g_autofree char *link = g_build_filename(dir, name, NULL);
    g_autofree char *temporary =
        g_strdup_printf("%s.%d-%08x.part", link, (int)getpid(), g_random_int());
    g_autofree char *target = g_canonicalize_filename(base->path, NULL);
    g_autofree char *now = g_file_read_link(link, NULL);
    if (g_strcmp0(now, target) == 0)
        return true;
    if (symlink(target, temporary) == 0 && rename(temporary, link) == 0)
        return true;
    return ccb_fail_errno(error, CCB_ERR_IO, "linking the base image to %s", link);
}

char *ccb_layer_begin(const char *key, const char *below, bool is_being_committed,
                      const CcbLayerBase *base, GError **error)
{
    g_autofree char *path = layer_path(key, ".part");
    g_autofree char *backing =
        below ? g_strconcat(below, is_being_committed ? ".part" : ".qcow2", NULL) : base_name(base);
    ccb_reaper_watch(path);
    if (ccb_image_create_overlay(path, backing, below ? "qcow2" : base->format, error))
        return g_steal_pointer(&path);
    ccb_layer_abandon(key);
    return NULL;
}

void ccb_layer_abandon(const char *key)
{
    g_autofree char *path = layer_path(key, ".part");
    unlink(path);
    ccb_reaper_release(path);
}

/* Compressed, with a backing file of the cache, and on disk; fills size and sha256. */
static bool pack(const char *part, const char *packed, CcbLayer *layer, GError **error)
{
    struct stat st;
    g_autofree char *parent = layer->parent ? g_strconcat(layer->parent, ".qcow2", NULL) : NULL;
    if (!ccb_qcow2_pack(part, packed, parent ? parent : layer->base, error))
        return false;
    ccb_autofd int fd = open(packed, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0 || fstat(fd, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", packed);
    layer->size = (uint64_t)st.st_size;
    layer->sha256 = ccb_digest_file(packed, error);
    return layer->sha256 != NULL;
}

static bool write_description(const CcbLayer *layer, GError **error)
{
    g_autofree char *path = layer_path(layer->key, ".json");
    json_auto_t *json = json_pack(
        "{s:i, s:s, s:I, s:s*, s:O*, s:O*, s:s*, s:s*, s:s*, s:s*, s:s*}", "layer", LAYER_FORMAT,
        "sha256", layer->sha256, "size", (json_int_t)layer->size, "step", layer->step, "facts",
        layer->facts, "ingredients", layer->ingredients, "parent", layer->parent, "parent_sha256",
        layer->parent_sha256, "base", layer->base, "recipe", layer->recipe, "image", layer->image);
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    bool ok = ccb_write_file_atomic(path, text, strlen(text), error);
    free(text);
    return ok;
}

bool ccb_layer_publish(CcbLayer *layer, const CcbLayerBase *base, GError **error)
{
    g_autofree char *part = layer_path(layer->key, ".part");
    g_autofree char *packed = layer_path(layer->key, ".packed.part");
    layer->path = layer_path(layer->key, ".qcow2");
    layer->base = layer->parent ? NULL : base_name(base);
    ccb_reaper_watch(packed);
    bool ok = pack(part, packed, layer, error) && ccb_publish_file(packed, layer->path, error);
    if (!ok)
        unlink(packed);
    ccb_reaper_release(packed);
    if (!ok)
        return false;
    if (!write_description(layer, error)) { /* the last: what has a description is complete */
        unlink(layer->path);
        return false;
    }
    ccb_digest_remember(layer->path, layer->sha256);
    return true;
}

GPtrArray *ccb_layer_list(void)
{
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_layer_free);
    g_autofree char *dir = g_build_filename(ccb_cache_dir(), "layers", NULL);
    g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
    const char *name;
    while (list != NULL && (name = g_dir_read_name(list)) != NULL) {
        struct stat st;
        g_autofree char *path = g_build_filename(dir, name, NULL);
        if (!g_str_has_suffix(name, ".json") || stat(path, &st) != 0)
            continue;
        g_autofree char *key = g_strndup(name, strlen(name) - strlen(".json"));
        json_auto_t *json = json_load_file(path, 0, NULL);
        CcbLayer *layer = layer_of(key, json);
        layer->used = st.st_mtime;
        g_ptr_array_add(layers, layer);
    }
    return layers;
}

bool ccb_layer_verify(const char *key, bool *ret_whole, GError **error)
{
    GError *reason = NULL;
    g_autoptr(CcbLayer) layer = load(key, ccb_digest_file, &reason);
    *ret_whole = layer != NULL;
    if (reason != NULL)
        g_propagate_error(error, reason);
    return reason == NULL;
}

CcbLayer *ccb_layer_latest(const char *recipe, const char *step)
{
    g_autoptr(GPtrArray) layers = ccb_layer_list();
    CcbLayer *latest = NULL;
    guint at = 0;
    for (guint i = 0; i < layers->len; i++) {
        CcbLayer *layer = layers->pdata[i];
        if (g_strcmp0(layer->step, step) != 0 || g_strcmp0(layer->recipe, recipe) != 0 ||
            (latest != NULL && layer->used <= latest->used))
            continue;
        latest = layer;
        at = i;
    }
    return latest != NULL ? g_ptr_array_steal_index(layers, at) : NULL;
}
