/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/lockdiff.h"

#include <string.h>

#include "base/quantity.h"
#include "fetch/url.h"
#include "image/rpm.h"

static const char *get_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* --- the files of a step */

/* "nginx.x86_64" of a package "nginx-1.20-1.x86_64", "idna" of a wheel "idna-3.10-py3-none-any.whl"; the caller frees it
 * and the version. */
static char *split_label(const char *label, char **ret_version)
{
    if (!g_str_has_suffix(label, ".whl"))
        return ccb_rpm_split(label, ret_version);
    g_auto(GStrv) parts = g_strsplit(label, "-", 3);
    *ret_version = g_strdup(parts[1] != NULL ? parts[1] : "");
    return g_strdup(parts[0]);
}

static const json_t *find_label(const json_t *files, const char *label)
{
    size_t i;
    json_t *file;
    json_array_foreach((json_t *)files, i,
                       file) if (strcmp(get_text(file, "label"), label) == 0) return file;
    return NULL;
}

/* Another version of `file` among `others` that is not among `own`, the files of its own list. */
static const json_t *find_version(const json_t *file, const json_t *own, const json_t *others)
{
    size_t i;
    json_t *other;
    g_autofree char *version = NULL;
    g_autofree char *name = split_label(get_text(file, "label"), &version);
    json_array_foreach((json_t *)others, i, other)
    {
        g_autofree char *its_version = NULL;
        g_autofree char *its_name = split_label(get_text(other, "label"), &its_version);
        if (strcmp(name, its_name) == 0 && find_label(own, get_text(other, "label")) == NULL)
            return other;
    }
    return NULL;
}

/* Either may be NULL. */
static json_t *file_change(const json_t *old, const json_t *new)
{
    g_autofree char *was = NULL, *is = NULL, *name = NULL;
    if (old != NULL)
        name = split_label(get_text(old, "label"), &was);
    if (new != NULL) {
        g_free(name);
        name = split_label(get_text(new, "label"), &is);
    }
    const char *change = old == NULL ? "added" : new == NULL ? "removed" : "changed";
    if (was != NULL && is != NULL && strcmp(was, is) == 0) { /* rebuilt under the same name */
        g_free(was);
        g_free(is);
        was = g_strdup_printf("sha256 %.12s...", get_text(old, "sha256"));
        is = g_strdup_printf("sha256 %.12s...", get_text(new, "sha256"));
    }
    return json_pack("{s:s, s:s, s:s*, s:s*}", "change", change, "name", name, "old", was, "new",
                     is);
}

static json_t *compare_files(const json_t *old, const json_t *new)
{
    size_t i;
    json_t *file, *changes = json_array();
    json_array_foreach((json_t *)new, i, file)
    {
        const json_t *same = find_label(old, get_text(file, "label"));
        const json_t *before = same != NULL ? same : find_version(file, new, old);
        if (same == NULL || strcmp(get_text(same, "sha256"), get_text(file, "sha256")) != 0)
            json_array_append_new(changes, file_change(before, file));
    }
    json_array_foreach((json_t *)old, i, file)
    {
        if (find_label(new, get_text(file, "label")) == NULL &&
            find_version(file, old, new) == NULL)
            json_array_append_new(changes, file_change(file, NULL));
    }
    return changes;
}

/* --- entries */

typedef struct {
    const char *what; /* file, step */
    const json_t *before, *after;
    GHashTable *used;
    GHashTable *replaced; /* keys of `before` that another entry took the place of */
    json_t *changes;
    guint unchanged, unused;
} Comparison;

/* The entry of a step whose settings or base are others now: what nobody uses any more and has its id. */
static const json_t *replaced_by(Comparison *c, const json_t *entry)
{
    const char *key;
    json_t *old;
    json_object_foreach((json_t *)c->before, key, old)
    {
        if (strcmp(get_text(old, "step"), get_text(entry, "step")) == 0 &&
            !g_hash_table_contains(c->used, key) && g_hash_table_add(c->replaced, g_strdup(key)))
            return old;
    }
    return NULL;
}

/* Either may be NULL. */
static void add_change(Comparison *c, const char *key, const json_t *old, const json_t *new)
{
    bool is_step = strcmp(c->what, "step") == 0;
    const char *name =
        is_step ? get_text(new != NULL ? new : old, "step") : g_hash_table_lookup(c->used, key);
    const char *change = old == NULL ? "added" : new == NULL ? "removed" : "changed";
    json_t *json = json_pack("{s:s, s:s, s:s*, s:s}", "change", change, "what", c->what, "name",
                             name, "key", key);
    if (is_step)
        json_object_set_new(
            json, "files",
            compare_files(json_object_get(old, "files"), json_object_get(new, "files")));
    if (!is_step && old != NULL)
        json_object_set(json, "old", (json_t *)old);
    if (!is_step && new != NULL)
        json_object_set(json, "new", (json_t *)new);
    json_array_append_new(c->changes, json);
}

static void compare(Comparison *c)
{
    const char *key;
    json_t *entry;
    json_object_foreach((json_t *)c->after, key, entry)
    {
        bool used = g_hash_table_contains(c->used, key);
        const json_t *old = json_object_get(c->before, key);
        c->unused += used ? 0 : 1;
        if (old == NULL && strcmp(c->what, "step") == 0)
            old = replaced_by(c, entry);
        if (old == NULL || !json_equal((json_t *)old, entry))
            add_change(c, key, old, entry);
        else
            c->unchanged += used ? 1 : 0;
    }
    json_object_foreach((json_t *)c->before, key, entry)
    {
        if (json_object_get(c->after, key) == NULL && !g_hash_table_contains(c->replaced, key))
            add_change(c, key, entry, NULL);
    }
}

json_t *ccb_lock_compare(const CcbLock *before, const CcbLock *after, GHashTable *used)
{
    static const char *const kinds[][2] = {{"file", "files"}, {"step", "steps"}};
    g_autoptr(GHashTable) replaced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Comparison c = {.used = used, .replaced = replaced, .changes = json_array()};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        c.what = kinds[i][0];
        c.before = json_object_get(ccb_lock_json(before), kinds[i][1]);
        c.after = json_object_get(ccb_lock_json(after), kinds[i][1]);
        compare(&c);
    }
    return json_pack("{s:o, s:i, s:i}", "changes", c.changes, "unchanged", (int)c.unchanged,
                     "unused", (int)c.unused);
}

/* --- for people */

static void add_file_text(GString *text, const json_t *change)
{
    const json_t *old = json_object_get(change, "old"), *new = json_object_get(change, "new");
    const json_t *last = new != NULL ? new : old;
    const char *name = get_text(change, "name"), *key = get_text(change, "key");
    g_autofree char *size =
        ccb_format_size((uint64_t)json_integer_value(json_object_get(last, "size")));
    g_autofree char *shown = ccb_url_redact(key); /* the key of a file is its URL */
    g_string_append_printf(text, "%-8s %s%s%s: sha256 ", get_text(change, "change"), name,
                           name[0] != '\0' ? " " : "", shown);
    if (old != NULL && new != NULL)
        g_string_append_printf(text, "%.12s... -> ", get_text(old, "sha256"));
    g_string_append_printf(text, "%.12s..., %s\n", get_text(last, "sha256"), size);
}

static void add_step_text(GString *text, const json_t *change)
{
    size_t i;
    json_t *file;
    const json_t *files = json_object_get(change, "files");
    const char *word = get_text(change, "change");
    g_string_append_printf(text, "%-8s step %s: %zu %s\n", word, get_text(change, "name"),
                           json_array_size(files),
                           ccb_plural(json_array_size(files), "file", "files"));
    if (strcmp(word, "changed") != 0)
        return;
    json_array_foreach((json_t *)files, i, file)
    {
        const char *old = get_text(file, "old"), *new = get_text(file, "new");
        g_string_append_printf(text, "         %-8s %s %s%s%s\n", get_text(file, "change"),
                               get_text(file, "name"), old,
                               old[0] != '\0' && new[0] != '\0' ? " -> " : "", new);
    }
}

char *ccb_lock_changes_to_text(const json_t *comparison)
{
    size_t i;
    json_t *change;
    GString *text = g_string_new(NULL);
    json_array_foreach(json_object_get(comparison, "changes"), i, change)
    {
        if (strcmp(get_text(change, "what"), "step") == 0)
            add_step_text(text, change);
        else
            add_file_text(text, change);
    }
    return g_string_free(text, FALSE);
}
