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
    g_free(layer->step);
    json_decref(layer->facts);
    json_decref(layer->ingredients);
    g_free(layer);
}

static const char *get_text(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static CcbLayer *layer_of(const char *key, const json_t *json)
{
    CcbLayer *layer = g_new0(CcbLayer, 1);
    layer->key = g_strdup(key);
    layer->path = layer_path(key, ".qcow2");
    layer->sha256 = g_strdup(get_text(json, "sha256"));
    layer->parent = g_strdup(get_text(json, "parent"));
    layer->parent_sha256 = g_strdup(get_text(json, "parent_sha256"));
    layer->step = g_strdup(get_text(json, "step"));
    layer->size = (uint64_t)json_integer_value(json_object_get(json, "size"));
    layer->facts = json_incref(json_object_get(json, "facts"));
    layer->ingredients = json_incref(json_object_get(json, "ingredients"));
    return layer;
}

static int open_lock(const char *key)
{
    g_autofree char *path = layer_path(key, ".lock");
    return open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
}

bool ccb_layer_remove(const char *key)
{
    static const char *const endings[] = {".json", ".qcow2"};
    ccb_autofd int lock = open_lock(key);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = layer_path(key, endings[i]);
        unlink(path);
    }
    return true;
}

/* One that is just being made or used is left: whoever holds it sees to it. */
static void drop(const char *key, const char *why)
{
    if (ccb_layer_remove(key))
        ccb_warn("layer %.12s is %s: dropped, and made again where it is needed", key, why);
}

/* *ret_wrong stays NULL where the file is what its description says.  false with an error where that can't be told. */
static bool judge(const char *key, const json_t *json, const char **ret_wrong, GError **error)
{
    struct stat st;
    g_autofree char *path = layer_path(key, ".qcow2");
    if (json_integer_value(json_object_get(json, "layer")) != LAYER_FORMAT)
        *ret_wrong = "of another version of ccbake";
    else if (stat(path, &st) != 0)
        *ret_wrong = "incomplete";
    else if (st.st_size != json_integer_value(json_object_get(json, "size")))
        *ret_wrong = "truncated";
    if (*ret_wrong != NULL)
        return true;
    g_autofree char *digest = ccb_digest_file_once(path, error);
    if (g_strcmp0(digest, get_text(json, "sha256")) != 0)
        *ret_wrong = "altered";
    return digest != NULL;
}

/* What describes a layer that is whole; NULL without an error where there is none, or is no longer. */
static json_t *load(const char *key, GError **error)
{
    const char *wrong = NULL;
    g_autofree char *path = layer_path(key, ".json");
    if (access(path, F_OK) != 0)
        return NULL;
    json_t *json = json_load_file(path, 0, NULL);
    bool told = true;
    if (json == NULL)
        wrong = "described by a damaged file";
    else
        told = judge(key, json, &wrong, error);
    if (told && wrong == NULL)
        return json;
    if (told)
        drop(key, wrong);
    json_decref(json);
    return NULL;
}

/* The image that the first layer lies on may have moved, changed or gone. */
static bool base_is_there(const json_t *json, GError **error)
{
    const char *base = get_text(json, "base");
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

/* Used layers are young to the collector, whatever their age. */
static void touch(const char *key)
{
    g_autofree char *path = layer_path(key, ".json"); /* the overlay's own times tell of changes */
    utimensat(AT_FDCWD, path, NULL, 0);
}

/* Held first and looked at then, so that it can't go in between.  A layer that is just being made
 * is not there. */
static bool hold(const char *key, GArray *use)
{
    int fd = use ? open_lock(key) : -1;
    if (fd < 0)
        return use == NULL;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        close(fd);
        return false;
    }
    g_array_append_val(use, fd);
    return true;
}

/* `expected`: the digest that the layer above was made on, or NULL.  A layer that was made anew is
 * another one. */
static bool chain_is_whole(const char *key, const char *expected, GArray *use, int depth,
                           GError **error)
{
    json_t *json =
        depth < MAX_DEPTH && ccb_layer_exists(key) && hold(key, use) ? load(key, error) : NULL;
    const char *parent = get_text(json, "parent");
    bool whole =
        json != NULL && (expected == NULL || g_strcmp0(get_text(json, "sha256"), expected) == 0);
    if (whole)
        whole = parent
                    ? chain_is_whole(parent, get_text(json, "parent_sha256"), use, depth + 1, error)
                    : base_is_there(json, error);
    if (whole)
        touch(key);
    json_decref(json);
    return whole;
}

static json_t *read_description(const char *key)
{
    g_autofree char *path = layer_path(key, ".json");
    return json_load_file(path, 0, NULL);
}

CcbLayer *ccb_layer_find(const char *key, GArray *use, GError **error)
{
    if (ccb_cancel_check(error) || !chain_is_whole(key, NULL, use, 0, error))
        return NULL;
    json_t *json = read_description(key);
    CcbLayer *layer = json ? layer_of(key, json) : NULL;
    json_decref(json);
    return layer;
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

/* Whether the lock could be taken; false also where it could and was of no use. */
static bool try_lock(int fd, const char *key, bool or_use, bool *ret_shared)
{
    *ret_shared = false;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    *ret_shared = or_use && flock(fd, LOCK_SH | LOCK_NB) == 0;
    if (*ret_shared && !ccb_layer_exists(key)) {
        flock(fd, LOCK_UN);
        return false;
    }
    return *ret_shared;
}

int ccb_layer_lock(const char *key, bool or_use, bool *ret_shared, GError **error)
{
    g_autofree char *dir = g_build_filename(ccb_cache_dir(), "layers", NULL);
    bool told = false;
    if (!ccb_mkdirs(dir, error))
        return -1;
    ccb_autofd int fd = open_lock(key);
    if (fd < 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "locking a layer in %s", dir);
        return -1;
    }
    while (!try_lock(fd, key, or_use, ret_shared)) {
        if (!told)
            ccb_progress_line("%-8s another ccbake makes layer %.12s", "wait", key);
        told = true;
        g_usleep(LOCK_POLL_US);
        if (ccb_cancel_check(error))
            return -1;
    }
    return ccb_steal_fd(&fd);
}

static char *base_name(const CcbLayerBase *base)
{
    return g_strconcat("base-", base->sha256, ".img", NULL);
}

/* A neighbour that stands for the image, so that layers name what they lie on without a directory.
 */
bool ccb_layer_link_base(const CcbLayerBase *base, GError **error)
{
    g_autofree char *dir = g_build_filename(ccb_cache_dir(), "layers", NULL);
    if (!ccb_mkdirs(dir, error))
        return false;
    g_autofree char *name = base_name(base);
    g_autofree char *link = g_build_filename(ccb_cache_dir(), "layers", name, NULL);
    g_autofree char *temporary = g_strdup_printf("%s.%d", link, (int)getpid());
    g_autofree char *target = g_canonicalize_filename(base->path, NULL);
    g_autofree char *now = g_file_read_link(link, NULL);
    if (g_strcmp0(now, target) == 0)
        return true;
    unlink(temporary);
    if (symlink(target, temporary) == 0 && rename(temporary, link) == 0)
        return true;
    return ccb_fail_errno(error, CCB_ERR_IO, "linking the base image to %s", link);
}

/* Another bake may have an overlay of the same key, which goes when that bake ends. */
static char *name_below(const char *below, bool is_being_committed, const CcbLayerBase *base)
{
    if (below == NULL)
        return base_name(base);
    return g_strconcat(below, is_being_committed ? ".part" : ".qcow2", NULL);
}

char *ccb_layer_begin(const char *key, const char *below, bool is_being_committed,
                      const CcbLayerBase *base, GError **error)
{
    char *path = layer_path(key, ".part");
    g_autofree char *backing = name_below(below, is_being_committed, base);
    ccb_reaper_watch(path);
    if (ccb_image_create_overlay(path, backing, below ? "qcow2" : base->format, error))
        return path;
    g_free(path);
    ccb_layer_abandon(key);
    return NULL;
}

void ccb_layer_abandon(const char *key)
{
    g_autofree char *path = layer_path(key, ".part");
    unlink(path);
    ccb_reaper_release(path);
}

static bool sync_file(const char *path, uint64_t *ret_size, GError **error)
{
    struct stat st;
    ccb_autofd int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0 || fstat(fd, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", path);
    *ret_size = (uint64_t)st.st_size;
    return true;
}

static bool write_description(const CcbLayer *layer, const CcbLayerBase *base, GError **error)
{
    g_autofree char *path = layer_path(layer->key, ".json");
    g_autofree char *image = base_name(base);
    json_t *json = json_pack("{sisssI}", "layer", LAYER_FORMAT, "sha256", layer->sha256, "size",
                             (json_int_t)layer->size);
    json_object_set_new(json, "step", json_string(layer->step));
    json_object_set(json, "facts", layer->facts);
    json_object_set(json, "ingredients", layer->ingredients);
    if (layer->parent) {
        json_object_set_new(json, "parent", json_string(layer->parent));
        json_object_set_new(json, "parent_sha256", json_string(layer->parent_sha256));
    } else {
        json_object_set_new(json, "base", json_string(image));
    }
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    bool ok = ccb_write_file_atomic(path, text, strlen(text), error);
    free(text);
    json_decref(json);
    return ok;
}

/* What is written to disk, hashed and emitted is the compressed file; the overlay itself need not
 * even leave the page cache. */
static bool pack(const char *part, const char *packed, const CcbLayerBase *base, CcbLayer *layer,
                 GError **error)
{
    g_autofree char *below =
        layer->parent ? g_strconcat(layer->parent, ".qcow2", NULL) : base_name(base);
    if (!ccb_qcow2_pack(part, packed, below, error) || !sync_file(packed, &layer->size, error))
        return false;
    layer->sha256 = ccb_digest_file(packed, error);
    return layer->sha256 != NULL;
}

/* The description comes last: where it stands, the layer does. */
static bool appear(const CcbLayer *layer, const char *packed, const CcbLayerBase *base,
                   GError **error)
{
    if (!ccb_publish_file(packed, layer->path, error))
        return false;
    if (!write_description(layer, base, error)) {
        unlink(layer->path);
        return false;
    }
    ccb_digest_remember(layer->path, layer->sha256);
    return true;
}

bool ccb_layer_publish(CcbLayer *layer, const CcbLayerBase *base, GError **error)
{
    g_autofree char *part = layer_path(layer->key, ".part");
    g_autofree char *packed = layer_path(layer->key, ".packed.part");
    layer->path = layer_path(layer->key, ".qcow2");
    ccb_reaper_watch(packed);
    bool ok = pack(part, packed, base, layer, error) && appear(layer, packed, base, error);
    if (!ok)
        unlink(packed);
    ccb_reaper_release(packed);
    return ok;
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
        json_t *json = read_description(key);
        CcbLayer *layer = layer_of(key, json);
        layer->used = st.st_mtime;
        g_ptr_array_add(layers, layer);
        json_decref(json);
    }
    return layers;
}

bool ccb_layer_verify(const char *key, bool *ret_whole, GError **error)
{
    GError *reason = NULL;
    json_t *json = load(key, &reason);
    g_autofree char *path = layer_path(key, ".qcow2");
    g_autofree char *digest = json ? ccb_digest_file(path, &reason) : NULL;
    *ret_whole = digest != NULL && g_strcmp0(digest, get_text(json, "sha256")) == 0;
    if (digest != NULL && !*ret_whole)
        drop(key, "altered");
    json_decref(json);
    if (reason != NULL)
        g_propagate_error(error, reason);
    return reason == NULL;
}

CcbLayer *ccb_layer_latest(const char *step)
{
    g_autoptr(GPtrArray) layers = ccb_layer_list();
    guint best = layers->len;
    for (guint i = 0; i < layers->len; i++) {
        const CcbLayer *layer = layers->pdata[i];
        if (g_strcmp0(layer->step, step) == 0 &&
            (best == layers->len || layer->used > ((CcbLayer *)layers->pdata[best])->used))
            best = i;
    }
    return best < layers->len ? g_ptr_array_steal_index(layers, best) : NULL;
}
