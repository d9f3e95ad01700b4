/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes as YAML text: what is written is read again as the same. */
#include "recipe/yaml-text.h"
#include "recipe/yaml.h"
#include "tap.h"

static const char sample[] =
    "number: 12\n"
    "texts: [\"12\", 'true', \"null\", '', 0x1f, 1e5, 2025-01-17, '- a', \"a: b\", 'a #b',\n"
    "        \"tab\\t\", \"a\\nb\\n\", '\"', \"it's\", '{}', '*a', '&a', '-', '--- a', 'é']\n"
    "'on': no\n"
    "\"a: b\": {empty: {}, none: [], deep: {er: {still: [[a, [b]], {c: d}]}}}\n"
    "list:\n"
    "  - {first: 1, second: [x, y]}\n"
    "  - [p, q]\n"
    "  - - r\n"
    "    - s: t\n"
    "  - plain\n";

/* The text of what `text` is read as; caller frees. */
static char *written(const char *text, const char *file)
{
    g_autoptr(CcbNode) node = ccb_yaml_parse(text, strlen(text), "f", NULL);
    return node != NULL ? ccb_yaml_text(node, file) : NULL;
}

static char *dump(const CcbNode *node)
{
    json_auto_t *json = ccb_node_to_json(node);
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

/* Whether a map, once written, is read as itself; `ret_text` is what was written. */
static bool comes_back(const CcbNode *node, char **ret_text)
{
    g_autofree char *text = ccb_yaml_text(node, "other");
    g_autoptr(CcbNode) again = ccb_yaml_parse(text, strlen(text), "g", NULL);
    g_autofree char *before = dump(node), *after = again != NULL ? dump(again) : NULL;
    *ret_text = g_steal_pointer(&text);
    return g_strcmp0(before, after) == 0;
}

static void test_shape(void)
{
    is_taken(
        written("a: 1\nb: [c, 'd e', \"f: g\"]\nh: [{i: j, k: {l: m}}, [n, o]]\np: {}\nq: []\n",
                "f"),
        "a: 1\nb: [c, d e, \"f: g\"]\nh:\n  - i: j\n    k:\n      l: m\n  - [n, o]\np: {}\nq: []\n",
        "blocks, and short lists in brackets");
    is_taken(written("a: [b,\n    c]\n", "f"), "a:\n  - b\n  - c\n",
             "a list of several lines stays one");
    is_taken(
        written("a: ['1', 1, 'true', true, '~', '1.5', '1.5.0', '0o7', '2025-01-17', 'off']\n",
                "f"),
        "a: [\"1\", 1, \"true\", true, \"~\", \"1.5\", 1.5.0, \"0o7\", \"2025-01-17\", \"off\"]\n",
        "texts that look like something else are quoted");
}

static void test_origins(void)
{
    is_taken(written("a: 1\nb:\n  - c: x\n", "other"),
             "a: 1                                                    # f:1\n"
             "b:                                                      # f:2\n"
             "  - c: x                                                # f:3\n",
             "where a line comes from");
    g_autofree char *wide = g_strnfill(70, 'x');
    g_autofree char *text = g_strconcat("a: ", wide, "\n", NULL);
    g_autofree char *expected = g_strconcat("a: ", wide, "  # f:1\n", NULL);
    is_taken(written(text, "other"), expected, "behind a long line");
    CcbNode *node = ccb_yaml_parse("a: b\n", 5, "f", NULL);
    ((CcbNode *)node->items->pdata[0])->variables = "${v} of\ng:2";
    is_taken(ccb_yaml_text(node, "f"),
             "a: b                                                    # ${v} of\\x0ag:2\n",
             "variables, in one line whatever their file is called");
    ccb_node_free(node);
}

static guint n_maps, n_lost;

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbNode) node = ccb_yaml_parse_lenient(data, size, "f", NULL);
    g_autofree char *text = NULL;
    if (node == NULL || node->type != CCB_NODE_MAP || node->keys->len == 0)
        return;
    n_maps++;
    if (!comes_back(node, &text)) {
        n_lost++;
        g_autofree char *shown = g_strescape(text, NULL);
        printf("# not read as it was: %s\n", shown);
    }
}

int main(void)
{
    test_shape();
    test_origins();
    g_autofree char *text = NULL;
    g_autoptr(CcbNode) node = ccb_yaml_parse(sample, strlen(sample), "f", NULL);
    ok(node != NULL && comes_back(node, &text), "hostile texts come back");
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    ok(n_maps > 500, "many of the mutated texts are maps");
    is_int(n_lost, 0, "... and all of these come back");
    return done();
}
