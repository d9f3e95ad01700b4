/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cache has: files that were built, and layers as far as no image is needed. */
#include "layer/built.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/stat.h>
#include <utime.h>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/file.h"
#include "layer/collect.h"
#include "layer/layer.h"
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

static void test_collect(void)
{
    g_autofree char *old = g_build_filename(ccb_cache_dir(), "built", KEY_A, NULL);
    const struct utimbuf ages_ago = {1000, 1000};
    build(KEY_A, "first");
    build(KEY_B, "first");
    utime(old, &ages_ago);
    CcbCollectBounds age = {.max_bytes = UINT64_MAX, .max_age_s = 3600},
                     size = {.max_bytes = 1, .max_age_s = INT64_MAX};
    CcbCollected result = ccb_cache_collect(&age);
    ok(result.removed == 1 && result.kept == 1, "gc removes what is too old");
    g_autoptr(CcbBuilt) held = ccb_built_find(KEY_B, NULL);
    result = ccb_cache_collect(&size);
    ok(result.removed == 0 && result.in_use == 1, "but not what is in use");
    g_clear_pointer(&held, ccb_built_free);
    result = ccb_cache_collect(&size);
    ok(result.removed == 1 && result.freed > 0 && count() == 0, "and what is too much");
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
    g_autofree char *layers = g_build_filename(ccb_cache_dir(), "layers", NULL);
    g_autofree char *file = g_build_filename(layers, KEY_B ".qcow2", NULL);
    g_autofree char *digest = ccb_digest_string("layer");
    g_autofree char *json = g_strdup_printf("{\"layer\":1,\"size\":5,\"sha256\":\"%s\"}", digest);
    ccb_mkdirs(layers, NULL);
    put(layers, KEY_B ".qcow2", "layer");
    put(layers, KEY_B ".json", json);
    ok(ccb_layer_verify(KEY_B, &whole, &error) && whole, "a layer is whole");
    ccb_cancel_install();
    raise(SIGTERM);
    ok(!ccb_layer_verify(KEY_B, &whole, &error), "whoever is stopped does not know that");
    is_error(&error, "stopped by", "and says so");
    ok(g_file_test(file, G_FILE_TEST_EXISTS), "nor drops it");
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
    test_once(dir);
    test_cancelled();
    ccb_remove_tree(dir, NULL);
    return done();
}
