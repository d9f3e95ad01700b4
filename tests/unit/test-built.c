/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/built.h"

#include <sys/stat.h>
#include <utime.h>

#include "base/file.h"
#include "layer/collect.h"
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
    ok(ccb_built_find(KEY_A) == NULL, "nothing is found before it is built");
    g_autofree char *dir = ccb_built_begin(KEY_A, NULL);
    put(dir, "nvidia.ko", "half");
    ok(ccb_built_find(KEY_A) == NULL, "nor while it is gathered");
    is_int(count(), 0, "nor listed");
    ccb_built_abandon(dir);
    ok(!g_file_test(dir, G_FILE_TEST_EXISTS), "what was abandoned is gone");

    ok(build(KEY_A, "first"), "files are published");
    g_autoptr(CcbBuilt) built = ccb_built_find(KEY_A);
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
    ok(ccb_built_find(KEY_A) == NULL, "a changed file is noticed");
    ok(!g_file_test(dir, G_FILE_TEST_EXISTS), "and all of it dropped");
    build(KEY_A, "first");
    put(dir, "more.ko", "");
    ok(ccb_built_find(KEY_A) == NULL, "so is a file that was added");
    build(KEY_A, "first");
    g_autofree char *list = g_build_filename(dir, "files.json", NULL);
    g_file_set_contents(list, "{", -1, NULL);
    ok(ccb_built_find(KEY_A) == NULL, "and a damaged list");
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
    g_autoptr(CcbBuilt) held = ccb_built_find(KEY_B);
    result = ccb_cache_collect(&size);
    ok(result.removed == 0 && result.in_use == 1, "but not what is in use");
    g_clear_pointer(&held, ccb_built_free);
    result = ccb_cache_collect(&size);
    ok(result.removed == 1 && result.freed > 0 && count() == 0, "and what is too much");
}

int main(void)
{
    g_autofree char *dir = g_dir_make_tmp("ccbake-built-XXXXXX", NULL);
    g_setenv("CCBAKE_CACHE_DIR", dir, TRUE);
    test_publish();
    test_damage();
    test_collect();
    ccb_remove_tree(dir, NULL);
    return done();
}
