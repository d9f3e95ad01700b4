/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/release.h"

#include "base/quantity.h"
#include "diff/diff.h"

/* Names with values, both text, of one side; NULL where a manifest does not have them. */
typedef json_t *(*Extract)(const json_t *manifest);

static const char *text_at(const json_t *json, const char *member)
{
    return json_string_value(json_object_get(json, member));
}

/* Takes ownership of `value`; NULL and null are no value. */
static void put(json_t *map, const char *name, json_t *value)
{
    json_t *old = json_object_get(map, name);
    if (json_is_string(value) && json_is_string(old)) { /* a file that two steps put there */
        g_autofree char *both =
            g_strconcat(json_string_value(old), "; ", json_string_value(value), NULL);
        json_object_set_new(map, name, json_string(both));
        json_decref(value);
    } else if (name != NULL && json_is_string(value)) {
        json_object_set_new(map, name, value);
    } else {
        json_decref(value);
    }
}

static json_t *facts_of(const json_t *manifest)
{
    json_t *map = json_object();
    const json_t *image = json_object_get(manifest, "image");
    const json_t *base = json_object_get(manifest, "base");
    const json_t *recipe = json_object_get(manifest, "recipe");
    const json_t *git = json_object_get(recipe, "git");
    const struct {
        const char *name;
        const json_t *object;
        const char *member;
    } texts[] = {{"kernel", manifest, "kernel"}, {"driver", manifest, "driver"},
                 {"CUDA", manifest, "cuda"},     {"format", image, "format"},
                 {"base", base, "os"},           {"base, SHA-256", base, "sha256"},
                 {"recipe", recipe, "name"},     {"recipe, digest", recipe, "digest"},
                 {"recipe, git", git, "commit"}, {"ccbake", manifest, "ccbake"}};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        put(map, texts[i].name, json_incref(json_object_get(texts[i].object, texts[i].member)));
    const char *const sizes[] = {"size", "virtual_size"};
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        json_int_t bytes = json_integer_value(json_object_get(image, sizes[i]));
        g_autofree char *size = ccb_format_size((guint64)bytes);
        put(map, i == 0 ? "size of the file" : "size of the disk",
            bytes > 0 ? json_string(size) : NULL);
    }
    return map;
}

/* "pass", "fail", "fail (waived)". */
static json_t *checks_of(const json_t *checks)
{
    size_t i;
    const json_t *row;
    const json_t *rows = json_object_get(checks, "checks");
    json_t *map = rows != NULL ? json_object() : NULL;
    json_array_foreach(rows, i, row)
    {
        bool waived = json_object_get(row, "waiver") != NULL;
        put(map, text_at(row, "id"),
            json_sprintf("%s%s", text_at(row, "status"), waived ? " (waived)" : ""));
    }
    return map;
}

/* What is in a list of objects: their `key`, and the text of one of their other members or of several. */
static json_t *map_of(const json_t *manifest, const char *member, const char *key,
                      const char *const *values)
{
    size_t i;
    const json_t *row;
    const json_t *list = json_object_get(manifest, member);
    json_t *map = list != NULL ? json_object() : NULL;
    json_array_foreach(list, i, row)
    {
        g_autoptr(GString) text = g_string_new(NULL);
        for (const char *const *value = values; *value != NULL; value++)
            if (text_at(row, *value) != NULL)
                g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "",
                                       text_at(row, *value));
        put(map, text_at(row, key), json_string(text->str));
    }
    return map;
}

static json_t *payloads_of(const json_t *manifest)
{
    static const char *const values[] = {"url", "sha256", NULL};
    return map_of(manifest, "payloads", "label", values);
}

static json_t *steps_of(const json_t *manifest)
{
    static const char *const values[] = {"kind", "what", NULL};
    return map_of(manifest, "steps", "id", values);
}

static json_t *files_of(const json_t *manifest)
{
    static const char *const values[] = {"mode", "owner", "sha256", NULL};
    return map_of(manifest, "files", "path", values);
}

static void add(json_t *items, const char *change, const char *name, json_t *a, json_t *b)
{
    json_array_append_new(items,
                          json_pack("{sssssOsO}", "change", change, "name", name, "a",
                                    a != NULL ? a : json_null(), "b", b != NULL ? b : json_null()));
}

/* Takes ownership of both; NULL if one of them is. */
static json_t *compare(json_t *old, json_t *now)
{
    const char *name;
    json_t *value;
    json_auto_t *a = old, *b = now;
    if (a == NULL || b == NULL)
        return NULL;
    json_t *items = json_array();
    json_object_foreach(a, name, value)
    {
        json_t *other = json_object_get(b, name);
        if (!json_equal(value, other))
            add(items, other != NULL ? "changed" : "removed", name, value, other);
    }
    json_object_foreach(b, name, value) if (json_object_get(a, name) == NULL)
        add(items, "added", name, NULL, value);
    return items;
}

/* Of an image without a manifest most is not known, and so not gone. */
static void keep_changed(json_t *items)
{
    for (size_t i = json_array_size(items); i > 0; i--)
        if (!g_str_equal(text_at(json_array_get(items, i - 1), "change"), "changed"))
            json_array_remove(items, i - 1);
}

/* A snapshot that has nothing but the packages of a manifest; NULL where it does not list them. */
static CcbSnapshot *packages_of(const json_t *manifest)
{
    size_t i;
    const json_t *name;
    const json_t *list = json_object_get(manifest, "packages");
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    if (list == NULL)
        return NULL;
    json_array_foreach(list, i, name) if (json_is_string(name))
        g_strv_builder_add(names, json_string_value(name));
    CcbFacts *facts = ccb_facts_new();
    facts->packages = g_strv_builder_end(names);
    return ccb_snapshot_new("", facts, NULL);
}

static json_t *compare_packages(const json_t *old, const json_t *now)
{
    g_autoptr(CcbSnapshot) a = packages_of(old);
    g_autoptr(CcbSnapshot) b = packages_of(now);
    if (a == NULL || b == NULL)
        return NULL;
    g_autoptr(CcbDiff) diff = ccb_diff_new(a, b);
    json_auto_t *json = ccb_diff_to_json(diff);
    return json_incref(json_object_get(json, "packages"));
}

json_t *ccb_release_compare(const char *name, const json_t *old, const json_t *now,
                            const json_t *checks)
{
    static const struct {
        const char *member;
        Extract extract;
    } lists[] = {
        {"facts", facts_of}, {"payloads", payloads_of}, {"steps", steps_of}, {"files", files_of}};
    json_t *json = json_pack("{sssO?}", "name", name, "baked", json_object_get(old, "baked"));
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        json_t *items = compare(lists[i].extract(old), lists[i].extract(now));
        if (items != NULL)
            json_object_set_new(json, lists[i].member, items);
    }
    if (json_object_get(old, "manifest") == NULL || json_object_get(now, "manifest") == NULL)
        keep_changed(json_object_get(json, "facts"));
    json_t *packages = compare_packages(old, now);
    if (packages != NULL)
        json_object_set_new(json, "packages", packages);
    json_t *results = compare(checks_of(json_object_get(old, "checks")), checks_of(checks));
    if (results != NULL)
        json_object_set_new(json, "checks", results);
    return json;
}
