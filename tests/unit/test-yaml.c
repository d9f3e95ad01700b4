/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lenient reader; recipe.bats has the strict one. */
#include "recipe/yaml.h"
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

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbNode) node = ccb_yaml_parse_lenient(data, size, "f", NULL);
}

int main(void)
{
    test_sample();
    test_bomb();
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
