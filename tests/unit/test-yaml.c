/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lenient reader; recipe.bats has the strict one. */
#include "recipe/yaml.h"

#include "recipe/variables.h"
#include "tap.h"

static const char sample[] = "#cloud-config\n"
                             "datasource_list: [ AliYun, 'Ec2' ] # both\n"
                             "users:\n"
                             "  - &default\n"
                             "    name: x\n"
                             "modules:\n"
                             " - growpart\n"
                             "\n"
                             "   # a comment\n"
                             " - [resizefs, always]\n"
                             "long: [ a,\n"
                             "[b, c],\n"
                             "  d ]\n"
                             "map: {mode: off, \"other\": 1}\n"
                             "alias: *default\n"
                             "tagged: !!str yes\n"
                             "none:\n"
                             "'none': null\n"
                             "twice: 1\n"
                             "twice: 2\n";

static CcbNode *parse(const char *text, GError **error)
{
    return ccb_yaml_parse_lenient(text, strlen(text), "f", error);
}

static void has_json(const char *text, const char *expected, const char *what)
{
    GError *error = NULL;
    g_autoptr(CcbNode) node = parse(text, &error);
    json_t *json = node != NULL ? ccb_node_to_json(node) : NULL;
    char *dump = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    is_str(dump != NULL ? dump : error->message, expected, what);
    free(dump);
    json_decref(json);
    g_clear_error(&error);
}

static void test_sample(void)
{
    g_autoptr(CcbNode) node = parse(sample, NULL);
    if (!ok(node != NULL, "what cloud-init reads"))
        return;
    const CcbNode *alias = ccb_node_get(node, "alias");
    is_str(ccb_node_get_text(alias, "name"), "x", "an alias");
    is_int(alias->line, 15, "... where it stands");
    is_str(ccb_node_get_text(node, "tagged"), "yes", "a tag says nothing");
    is_str(ccb_node_get_text(node, "twice"), "2", "the last of equal keys counts");
    ok(ccb_node_is_null(ccb_node_get(node, "none")), "null");
    is_int(ccb_node_get(node, "datasource_list")->line, 2, "the line of a list");
    ok(ccb_yaml_parse(sample, strlen(sample), "f", NULL) == NULL, "no recipe");
}

/* Each line doubles the one before. */
static void test_bomb(void)
{
    g_autoptr(GString) text = g_string_new("a0: &a0 [x, x]\n");
    for (int i = 1; i < 30; i++)
        g_string_append_printf(text, "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
    GError *error = NULL;
    ok(parse(text->str, &error) == NULL, "aliases of aliases");
    is_error(&error, "f:13:13: too many values", "... are bounded");
    g_string_truncate(text, 0);
    for (int i = 0; i < 20000; i++)
        g_string_append_printf(text, "k%d:\n", i);
    ok(parse(text->str, &error) == NULL, "20,000 keys");
    is_error(&error, "too many values", "... are too many");
}

/* Seconds that a map of so many keys, each looked for once, takes to read. */
static double seconds_for(int keys)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < keys; i++)
        g_string_append_printf(text, "k%06d: v\n", i);
    gint64 started = g_get_monotonic_time();
    g_autoptr(CcbNode) node = ccb_yaml_parse(text->str, text->len, "f", NULL);
    int found = 0;
    for (int i = 0; node != NULL && i < keys; i++) {
        char key[16];
        g_snprintf(key, sizeof key, "k%06d", i);
        found += ccb_node_get(node, key) == node->items->pdata[i];
    }
    is_int(found, keys, "every key is found");
    return (double)(g_get_monotonic_time() - started) / G_USEC_PER_SEC;
}

/* A search through the keys for each key would take 64 times as long. */
static void test_many_keys(void)
{
    double few = seconds_for(8000), many = seconds_for(64000);
    if (!ok(many < 24 * few, "the time grows with the keys, and not with their square"))
        printf("# 8,000 keys: %.3f s, 64,000: %.3f s\n", few, many);
    const char *text = "a: 1\nb: 2\nc: 3\n";
    g_autoptr(CcbNode) node = ccb_yaml_parse(text, strlen(text), "f", NULL);
    ccb_node_remove(node, "a");
    is_str(ccb_node_get_text(node, "c"), "3", "a key is found after one before it is removed");
    ok(ccb_node_get(node, "a") == NULL, "... which is not found");
    g_autoptr(CcbNode) copy = ccb_node_copy(node);
    ccb_node_set(copy, ccb_node_copy(copy->keys->pdata[0]), ccb_node_copy(copy->items->pdata[1]));
    is_str(ccb_node_get_text(copy, "b"), "3", "a key is found after it is set again");
    is_str(ccb_node_get_text(node, "b"), "2", "... and a copy is one of its own");
}

static void test_expansion(void)
{
    g_autoptr(GString) text = g_string_new("variables:\n  a: \"");
    for (int i = 0; i < 1024; i++)
        g_string_append_c(text, 'x');
    g_string_append(text, "\"\nsummary: \"");
    for (int i = 0; i < 1024; i++)
        g_string_append(text, "${a}");
    g_autofree char *most = g_strconcat(text->str, "\"\n", NULL);
    g_autofree char *more = g_strconcat(text->str, "${a}\"\n", NULL);
    g_autoptr(CcbNode) right = ccb_yaml_parse(most, strlen(most), "f", NULL);
    g_autoptr(CcbNode) wrong = ccb_yaml_parse(more, strlen(more), "f", NULL);
    GError *error = NULL;
    ok(ccb_variables_expand(right, NULL, NULL, &error), "variables expand to 1 MiB");
    is_int((long long)strlen(ccb_node_get_text(right, "summary")), 1 << 20, "... all of it");
    ok(!ccb_variables_expand(wrong, NULL, NULL, &error), "... and to no more");
    is_error(&error, "f:3:11: the values of variables add up to more than 1048576 bytes",
             "... why");
}

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbNode) node = ccb_yaml_parse_lenient(data, size, "f", NULL);
}

int main(void)
{
    test_sample();
    test_bomb();
    test_many_keys();
    test_expansion();
    has_json("{\"a\": [1, {\"b\": null}]}", "{\"a\":[\"1\",{\"b\":\"null\"}]}", "JSON");
    has_json("a: &x [1]\nb: *x\n", "{\"a\":[\"1\"],\"b\":[\"1\"]}", "a list twice");
    has_json("# nothing\n", "{}", "comments alone");
    has_json("", "{}", "an empty file");
    has_json("a: *b\n", "f:1:5: an alias (*name) without its anchor", "an alias of nothing");
    has_json("a: &b [*b]\n", "f:1:9: an alias (*name) without its anchor", "... of itself");
    has_json("[a]: 1\n", "f:1:1: a key must be a word", "a list as a key");
    has_json("a: 1\n---\nb: 1\n", "f:2:1: the file has more than one document", "two documents");
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}
