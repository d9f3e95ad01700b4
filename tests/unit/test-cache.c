/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cache has: files that were built, and layers as far as no image is needed. */
#include "layer/built.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/file.h"
#include "layer/collect.h"
#include "layer/layer.h"
#include "plan/acquire.h"
#include "tap.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void put(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_file_set_contents(path, text, -1, NULL);
}

static char *get(const char *dir, const char *name)
{
    char *text = NULL;
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

static bool build(const char *key, const char *content)
{
    g_autofree char *dir = ccb_built_begin(key, NULL);
    put(dir, "nvidia.ko", content);
    put(dir, "nvidia-uvm.ko", "second");
    return ccb_built_publish(key, dir, NULL);
}

static guint count(void)
{
    g_autoptr(GPtrArray) all = ccb_built_list();
    return all->len;
}

static void test_publish(void)
{
    ok(ccb_built_find(KEY_A, NULL) == NULL, "nothing is found before it is built");
    g_autofree char *dir = ccb_built_begin(KEY_A, NULL);
    put(dir, "nvidia.ko", "half");
    ok(ccb_built_find(KEY_A, NULL) == NULL, "nor while it is gathered");
    is_int(count(), 0, "nor listed");
    ccb_built_abandon(dir);
    ok(!g_file_test(dir, G_FILE_TEST_EXISTS), "what was abandoned is gone");

    ok(build(KEY_A, "first"), "files are published");
    g_autoptr(CcbBuilt) built = ccb_built_find(KEY_A, NULL);
    ok(built != NULL, "and found");
    is_taken(get(built->dir, "nvidia.ko"), "first", "with their content");
    ok(build(KEY_A, "other"), "who comes second publishes nothing, and that is no error");
    is_taken(get(built->dir, "nvidia.ko"), "first", "the first stays");
    is_int(count(), 1, "nothing else is left");
    ok(!ccb_built_remove(KEY_A), "what is in use is not removed");
}

static void test_damage(void)
{
    g_autofree char *dir = g_build_filename(ccb_cache_dir(), "built", KEY_A, NULL);
    put(dir, "nvidia.ko", "fjrst");
    ok(ccb_built_find(KEY_A, NULL) == NULL, "a changed file is noticed");
    ok(!g_file_test(dir, G_FILE_TEST_EXISTS), "and all of it dropped");
    build(KEY_A, "first");
    put(dir, "more.ko", "");
    ok(ccb_built_find(KEY_A, NULL) == NULL, "so is a file that was added");
    build(KEY_A, "first");
    g_autofree char *list = g_build_filename(dir, "files.json", NULL);
    g_file_set_contents(list, "{", -1, NULL);
    ok(ccb_built_find(KEY_A, NULL) == NULL, "and a damaged list");
}

static CcbCollected collect(const CcbCollectBounds *bounds)
{
    CcbCollected result = {0};
    g_autoptr(CcbInventory) inventory = ccb_inventory_new(NULL);
    ccb_cache_collect(inventory, bounds, &result);
    return result;
}

static void test_collect(void)
{
    g_autofree char *old = g_build_filename(ccb_cache_dir(), "built", KEY_A, NULL);
    const struct utimbuf ages_ago = {1000, 1000};
    build(KEY_A, "first");
    build(KEY_B, "first");
    utime(old, &ages_ago);
    CcbCollectBounds age = {.max_bytes = UINT64_MAX, .max_age_s = 3600},
                     size = {.max_bytes = 1, .max_age_s = INT64_MAX};
    CcbCollected result = collect(&age);
    ok(result.removed == 1 && result.kept == 1, "gc removes what is too old");
    g_autoptr(CcbBuilt) held = ccb_built_find(KEY_B, NULL);
    result = collect(&size);
    ok(result.removed == 0 && result.in_use == 1, "but not what is in use");
    g_clear_pointer(&held, ccb_built_free);
    result = collect(&size);
    ok(result.removed == 1 && result.freed > 0 && count() == 0, "and what is too much");
}

/* A file that is not empty, last used so many days ago. */
static void put_layer(const char *key, const char *parent, int days)
{
    g_autofree char *layers = g_build_filename(ccb_cache_dir(), "layers", NULL);
    g_autofree char *file = g_strconcat(key, ".qcow2", NULL);
    g_autofree char *name = g_strconcat(key, ".json", NULL);
    g_autofree char *path = g_build_filename(layers, name, NULL);
    g_autofree char *digest = ccb_digest_string("layer");
    g_autofree char *of_parent = parent ? g_strdup_printf(",\"parent\":\"%s\"", parent) : NULL;
    g_autofree char *json = g_strdup_printf("{\"layer\":1,\"size\":5,\"sha256\":\"%s\"%s}", digest,
                                            of_parent ? of_parent : "");
    time_t used = time(NULL) - days * 24 * 3600;
    const struct utimbuf times = {used, used};
    ccb_mkdirs(layers, NULL);
    put(layers, file, "layer");
    put(layers, name, json);
    utime(path, &times);
}

static bool has_file(const char *name)
{
    g_autofree char *path = g_build_filename(ccb_cache_dir(), "layers", name, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK);
}

static CcbCollected collect_beyond(uint64_t bytes)
{
    const CcbCollectBounds bounds = {.max_bytes = bytes, .max_age_s = INT64_MAX};
    return collect(&bounds);
}

static void test_collect_layers(void)
{
    bool shared;
    put_layer("base", NULL, 9); /* used through the layers above it, whatever its own time says */
    put_layer("middle", "base", 8);
    put_layer("top", "middle", 1);
    put_layer("other", "base", 5);
    put_layer("alone", NULL, 3);
    CcbCollected result = collect_beyond(4 * 5);
    ok(result.removed == 1 && !ccb_layer_exists("other"), "the least recently used is the first");
    collect_beyond(3 * 5);
    ok(!ccb_layer_exists("alone"), "then the next, for layers below others are used with them");
    collect_beyond(2 * 5);
    ok(!ccb_layer_exists("top") && ccb_layer_exists("middle"), "a chain goes from its top");
    int lock = ccb_layer_lock("middle", false, &shared, NULL);
    result = collect_beyond(0);
    ok(result.removed == 0 && result.in_use == 2 && result.kept == 2,
       "what is in use stays, with all below it");
    close(lock);
    result = collect_beyond(0);
    ok(result.removed == 2 && result.in_use == 0 && result.kept == 0, "until it is not");
}

/* A download with that content, last used so many days ago; its digest, which the caller frees. */
static char *put_download(const char *content, const char *name, int days)
{
    g_autoptr(CcbStore) store = ccb_plan_store(NULL);
    char *sha256 = ccb_digest_string(content);
    g_autofree char *path = ccb_store_object_path(store, sha256);
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *note = g_build_filename(ccb_store_dir(store), "names", sha256, NULL);
    time_t used = time(NULL) - days * 24 * 3600;
    const struct utimbuf times = {used, used};
    ccb_mkdirs(dir, NULL);
    g_file_set_contents(path, content, -1, NULL);
    ccb_store_note(store, sha256, name);
    utime(path, &times);
    utime(note, &times);
    return sha256;
}

static bool has_download(const char *sha256)
{
    g_autoptr(CcbStore) store = ccb_plan_store(NULL);
    return ccb_store_has(store, sha256, 0);
}

static GString *told; /* names of what ccb_cache_collect() says */

static void note_item(const CcbItem *item)
{
    g_string_append_printf(told, " %s", item->object ? item->object->name : item->key);
}

static void test_collect_downloads(void)
{
    g_autofree char *old = put_download("old", "old.rpm", 9);
    g_autofree char *recent = put_download("new", "new.rpm", 1);
    g_autofree char *base = put_download("the base", "base.qcow2", 20);
    g_autofree char *link =
        g_strdup_printf("{\"layer\":1,\"size\":5,\"recipe\":\"r\",\"base\":\"base-%s.img\"}", base);
    g_autofree char *layers = g_build_filename(ccb_cache_dir(), "layers", NULL);
    put_layer("onbase", NULL, 2);
    put(layers, "onbase.json", link);
    g_autofree char *description = g_build_filename(layers, "onbase.json", NULL);
    time_t used = time(NULL) - 2 * 24 * 3600;
    const struct utimbuf times = {used, used};
    utime(description, &times);
    put_layer("above", "onbase", 2);
    CcbCollectBounds bounds = {
        .max_bytes = UINT64_MAX, .max_age_s = 5 * 24 * 3600, .dry_run = true, .each = note_item};
    told = g_string_new(NULL);
    CcbCollected result = collect(&bounds);
    ok(result.removed == 1 && result.freed == 3 && has_download(old), "a dry run removes nothing");
    is_str(told->str, " old.rpm", "and says what would go: a base is used with its layers");

    g_autoptr(CcbStore) store = ccb_plan_store(NULL);
    g_autofree char *found = ccb_store_find(store, old, NULL);
    g_autofree char *note = g_build_filename(ccb_store_dir(store), "names", old, NULL);
    ok(found != NULL && collect(&bounds).removed == 0,
       "a download that is used is not old any more");
    const struct utimbuf ages_ago = {1000, 1000};
    utime(note, &ages_ago);
    bounds.dry_run = false;
    result = collect(&bounds);
    ok(result.removed == 0 && result.in_use == 1 && has_download(old),
       "nor removed while it is in use");
    g_clear_pointer(&store, ccb_store_free);
    result = collect(&bounds);
    ok(result.removed == 1 && !has_download(old) && has_download(recent), "but afterwards");

    g_string_truncate(told, 0);
    bounds = (CcbCollectBounds){.dry_run = true, .max_age_s = INT64_MAX, .each = note_item};
    collect(&bounds);
    ok(strstr(told->str, " above onbase base.qcow2") != NULL, "a base goes after what is on it");

    g_string_truncate(told, 0);
    bounds.dry_run = false;
    bounds.what = base;
    collect(&bounds);
    is_str(told->str, " above onbase base.qcow2", "who removes a base removes the layers on it");
    ok(!has_download(base) && has_download(recent), "and nothing else");
    bounds.what = "nothing";
    CcbCollected none;
    g_autoptr(CcbInventory) inventory = ccb_inventory_new(NULL);
    ok(!ccb_cache_collect(inventory, &bounds, &none), "what is not there can't be named");
    collect_beyond(0);
    ok(!has_download(recent), "nothing stays without room");
    g_string_free(told, TRUE);
}

static void test_remove_recipe(void)
{
    put_layer("shared", NULL, 3);
    put_layer("mine", "shared", 3);
    put_layer("theirs", "shared", 3);
    g_autofree char *layers = g_build_filename(ccb_cache_dir(), "layers", NULL);
    put(layers, "shared.json", "{\"layer\":1,\"size\":5,\"recipe\":\"r\"}");
    put(layers, "mine.json", "{\"layer\":1,\"size\":5,\"recipe\":\"r\",\"parent\":\"shared\"}");
    const CcbCollectBounds bounds = {.what = "r"};
    CcbCollected result = collect(&bounds);
    ok(result.removed == 1 && !ccb_layer_exists("mine"), "the layers of a recipe are removed");
    ok(ccb_layer_exists("shared") && ccb_layer_exists("theirs"),
       "but for those that others lie on");
    collect_beyond(0);
}

/* flock() in the place of libc's: another process may remove the file between our open() and this. */
static const char *removed_before_lock;

/* A set of built files that is removed at that moment, and then built anew; NULL: none. */
static const char *rebuilt_before_lock;

int flock(int fd, int operation)
{
    if (removed_before_lock != NULL)
        unlink(removed_before_lock);
    removed_before_lock = NULL;
    if (rebuilt_before_lock != NULL) {
        g_autofree char *dir =
            g_build_filename(ccb_cache_dir(), "built", rebuilt_before_lock, NULL);
        const char *key = g_steal_pointer(&rebuilt_before_lock);
        ccb_remove_tree(dir, NULL);
        build(key, "anew");
    }
    return (int)syscall(SYS_flock, fd, operation);
}

static void test_built_locks(void)
{
    build(KEY_A, "first");
    rebuilt_before_lock = KEY_A;
    g_autoptr(CcbBuilt) built = ccb_built_find(KEY_A, NULL);
    is_taken(built ? get(built->dir, "nvidia.ko") : NULL, "anew",
             "what takes the place of built files before they are locked is found");
    ok(!ccb_built_remove(KEY_A), "and it is that which is locked");
    g_clear_pointer(&built, ccb_built_free);
    rebuilt_before_lock = KEY_A;
    ok(ccb_built_remove(KEY_A), "nor is it removed without its own lock");
    is_int(count(), 0, "of built files nothing is left");
}

static void test_locks(void)
{
    bool shared;
    struct stat held, named;
    g_autofree char *layers = g_build_filename(ccb_cache_dir(), "layers", NULL);
    g_autofree char *path = g_build_filename(layers, "a.lock", NULL);
    put_layer("a", NULL, 0);
    int lock = ccb_layer_lock("a", false, &shared, NULL);
    ok(lock >= 0 && !shared && !ccb_layer_remove("a"), "a locked layer is not removed");
    close(lock);
    lock = ccb_layer_lock("a", true, &shared, NULL);
    flock(lock, LOCK_SH);
    int second = ccb_layer_lock("a", true, &shared, NULL);
    ok(second >= 0 && shared, "a layer that is there is used together");
    close(lock);
    close(second);
    ok(ccb_layer_remove("a") && !has_file("a.json") && !has_file("a.qcow2") && !has_file("a.lock"),
       "a layer is removed with its lock");

    removed_before_lock = path;
    lock = ccb_layer_lock("a", false, &shared, NULL);
    ok(fstat(lock, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino,
       "a lock whose file was removed meanwhile is taken anew");

    int unused = ccb_layer_lock("b", false, &shared, NULL);
    close(unused);
    g_autofree char *there = g_build_filename(layers, "base-there.img", NULL);
    g_autofree char *gone = g_build_filename(layers, "base-gone.img", NULL);
    ok(symlink(layers, there) == 0 && symlink("/nonexistent/base", gone) == 0, "links");
    put_layer("c", NULL, 0);
    close(ccb_layer_lock("c", false, &shared, NULL));
    collect_beyond(UINT64_MAX);
    ok(has_file("a.lock"), "gc keeps a lock that somebody holds");
    ok(!has_file("b.lock"), "removes one without a layer");
    ok(has_file("c.lock"), "keeps the one of a layer");
    ok(has_file("base-there.img") && !has_file("base-gone.img"),
       "and removes links to base images that are gone");
    close(lock);
    collect_beyond(0);
    ok(!has_file("a.lock") && !has_file("c.lock"), "nothing is left of locks in the end");
    unlink(there);
}

/* A digest that can't be right shows whether the file was read. */
static void test_once(const char *dir)
{
    g_autofree char *path = g_build_filename(dir, "file", NULL);
    g_autofree char *right = ccb_digest_string("text");
    put(dir, "file", "text");
    is_taken(ccb_digest_file_once(path, NULL), right, "a file is read the first time");
    ccb_digest_remember(path, KEY_A);
    is_taken(ccb_digest_file_once(path, NULL), KEY_A, "and not again as long as it is the same");
    is_taken(ccb_digest_file(path, NULL), right, "unless somebody insists");
    g_chmod(path, 0600);
    is_taken(ccb_digest_file_once(path, NULL), right, "a touched one is read again");
    ccb_digest_remember(path, KEY_A);
    g_usleep(20 * 1000); /* a tick of the file system's clock */
    put(dir, "file", "TEXT");
    g_autofree char *other = ccb_digest_string("TEXT");
    is_taken(ccb_digest_file_once(path, NULL), other, "and so is a changed one");
}

/* The last: it can't be taken back. */
static void test_cancelled(void)
{
    GError *error = NULL;
    bool whole = true;
    build(KEY_A, "first");
    put_layer(KEY_B, NULL, 0);
    ok(ccb_layer_verify(KEY_B, &whole, &error) && whole, "a layer is whole");
    ccb_cancel_install();
    raise(SIGTERM);
    ok(!ccb_layer_verify(KEY_B, &whole, &error), "whoever is stopped does not know that");
    is_error(&error, "stopped by", "and says so");
    ok(has_file(KEY_B ".qcow2"), "nor drops it");
    ok(ccb_built_find(KEY_A, &error) == NULL, "what was built is not found then");
    is_error(&error, "stopped by", "because of that");
    is_int(count(), 1, "and stays");
}

int main(void)
{
    g_autofree char *dir = g_dir_make_tmp("ccbake-built-XXXXXX", NULL);
    g_setenv("CCBAKE_CACHE_DIR", dir, TRUE);
    test_publish();
    test_damage();
    test_collect();
    test_collect_layers();
    test_collect_downloads();
    test_remove_recipe();
    test_locks();
    test_built_locks();
    test_once(dir);
    test_cancelled();
    ccb_remove_tree(dir, NULL);
    return done();
}
