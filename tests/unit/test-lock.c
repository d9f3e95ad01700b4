/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `ccbake lock` says of the changes in a lock, and what it removes. */
#include "plan/lockdiff.h"

#include "base/file.h"
#include "tap.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char *directory;

/* `files` and `steps`: JSON. */
static CcbLock *lock_with(const char *files, const char *steps)
{
    g_autofree char *path = g_build_filename(directory, "lock.json", NULL);
    g_autofree char *text =
        g_strdup_printf("{\"lock\": 1, \"files\": {%s}, \"steps\": {%s}}", files, steps);
    GError *error = NULL;
    g_file_set_contents(path, text, -1, NULL);
    CcbLock *lock = ccb_lock_load(path, &error);
    g_assert_no_error(error);
    return lock;
}

/* A step with files: "LABEL DIGEST", apart by commas; caller frees. */
static char *step(const char *key, const char *id, const char *list)
{
    GString *text = g_string_new(NULL);
    g_auto(GStrv) files = g_strsplit(list, ",", -1);
    for (char **file = files; *file != NULL; file++) {
        g_auto(GStrv) words = g_strsplit(*file, " ", 2);
        g_string_append_printf(text, "%s{\"label\": \"%s\", \"sha256\": \"%s\"}",
                               file > files ? ", " : "", words[0], words[1]);
    }
    g_autofree char *all = g_string_free(text, FALSE);
    return g_strdup_printf("\"%s\": {\"step\": \"%s\", \"files\": [%s]}", key, id, all);
}

static GHashTable *used_keys(const char *const *keys_and_names)
{
    GHashTable *used = g_hash_table_new(g_str_hash, g_str_equal);
    for (; *keys_and_names != NULL; keys_and_names += 2)
        g_hash_table_insert(used, (char *)keys_and_names[0], (char *)keys_and_names[1]);
    return used;
}

static char *text_of(const CcbLock *before, const CcbLock *after, GHashTable *used)
{
    json_auto_t *comparison = ccb_lock_compare(before, after, used);
    g_autofree char *text = ccb_lock_changes_to_text(comparison);
    g_autoptr(GString) all = g_string_new(text);
    g_string_append_printf(all, "%d unchanged, %d unused",
                           (int)json_integer_value(json_object_get(comparison, "unchanged")),
                           (int)json_integer_value(json_object_get(comparison, "unused")));
    return g_strdup(all->str);
}

static void test_files(void)
{
    g_autoptr(CcbLock) before = lock_with("\"same\": {\"sha256\": \"" A "\", \"size\": 1},"
                                          "\"other\": {\"sha256\": \"" A "\", \"size\": 1},"
                                          "\"idle\": {\"sha256\": \"" A "\", \"size\": 1},"
                                          "\"gone\": {\"sha256\": \"" A "\", \"size\": 1}",
                                          "");
    g_autoptr(CcbLock) after = lock_with("\"same\": {\"sha256\": \"" A "\", \"size\": 1},"
                                         "\"other\": {\"sha256\": \"" B "\", \"size\": 2},"
                                         "\"idle\": {\"sha256\": \"" A "\", \"size\": 1},"
                                         "\"new\": {\"sha256\": \"" B "\", \"size\": 3}",
                                         "");
    g_autoptr(GHashTable) used =
        used_keys((const char *const[]){"same", "s", "other", "driver", "new", "base", NULL});
    is_taken(text_of(before, after, used),
             "changed  driver other: sha256 aaaaaaaaaaaa... -> bbbbbbbbbbbb..., 2 bytes\n"
             "added    base new: sha256 bbbbbbbbbbbb..., 3 bytes\n"
             "removed  gone: sha256 aaaaaaaaaaaa..., 1 byte\n"
             "1 unchanged, 1 unused",
             "files by key, called by name");
    ccb_lock_prune(after, used);
    json_t *files = json_object_get(ccb_lock_json(after), "files");
    ok(json_object_size(files) == 3 && json_object_get(files, "idle") == NULL,
       "only what nothing uses is removed");
}

static void test_versions(void)
{
    g_autofree char *old =
        step("k", "packages",
             "nginx-1:1.20-1.x86_64 " A ",lib-1-1.x86_64 " A ",kernel-5-1.x86_64 " A
             ",kernel-5-2.x86_64 " A ",gone-1-1.noarch " A ",idna-3.9-py3-none-any.whl " A
             ",same-1-1.noarch " A);
    g_autofree char *new =
        step("k", "packages",
             "nginx-1:1.22-2.x86_64 " A ",lib-1-1.x86_64 " B ",kernel-5-2.x86_64 " A
             ",kernel-5-3.x86_64 " A ",more-2-1.noarch " A ",idna-3.10-py3-none-any.whl " A
             ",same-1-1.noarch " A);
    g_autoptr(CcbLock) before = lock_with("", old), after = lock_with("", new);
    g_autoptr(GHashTable) used = used_keys((const char *const[]){"k", "packages", NULL});
    is_taken(text_of(before, after, used),
             "changed  step packages: 6 files\n"
             "         changed  nginx.x86_64 1:1.20-1 -> 1:1.22-2\n"
             "         changed  lib.x86_64 sha256 aaaaaaaaaaaa... -> sha256 bbbbbbbbbbbb...\n"
             "         changed  kernel.x86_64 5-1 -> 5-3\n"
             "         added    more.noarch 2-1\n"
             "         changed  idna 3.9 -> 3.10\n"
             "         removed  gone.noarch 1-1\n"
             "0 unchanged, 0 unused",
             "versions of a step's files");
}

/* With another base, or other settings, a step has another key. */
static void test_step_keys(void)
{
    g_autofree char *old = step("old", "packages", "nginx-1-1.x86_64 " A);
    g_autofree char *cell = step("cell", "packages", "nginx-1-1.x86_64 " A);
    g_autofree char *new = step("new", "packages", "nginx-2-1.x86_64 " A);
    g_autofree char *two = g_strconcat(cell, ",", old, NULL);
    g_autofree char *three = g_strconcat(two, ",", new, NULL);
    g_autoptr(CcbLock) before = lock_with("", two), after = lock_with("", three);
    g_autoptr(GHashTable) used =
        used_keys((const char *const[]){"new", "packages", "cell", "packages", NULL});
    static const char changes[] = "changed  step packages: 1 file\n"
                                  "         changed  nginx.x86_64 1-1 -> 2-1\n";
    g_autofree char *kept = g_strconcat(changes, "1 unchanged, 1 unused", NULL);
    is_taken(
        text_of(before, after, used), kept,
        "it is compared with the one that is used no more, and not with that of another image");
    ccb_lock_prune(after, used);
    g_autofree char *pruned = g_strconcat(changes, "1 unchanged, 0 unused", NULL);
    is_taken(text_of(before, after, used), pruned, "whose removal is not said beside");
    g_autoptr(CcbLock) none = ccb_lock_new();
    is_taken(
        text_of(none, after, used),
        "added    step packages: 1 file\nadded    step packages: 1 file\n0 unchanged, 0 unused",
        "the first time the files are counted");
}

int main(void)
{
    directory = g_dir_make_tmp("ccb-lock-XXXXXX", NULL);
    test_files();
    test_versions();
    test_step_keys();
    ccb_remove_tree(directory, NULL);
    g_free(directory);
    return done();
}
