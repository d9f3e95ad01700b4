/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recipes that extend others: what is merged, and what is refused; where values of variables come from. */
#include <glib/gstdio.h>

#include "base/file.h"
#include "recipe/extends.h"
#include "recipe/recipe.h"

#include "tap.h"

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char other_text[] =
    "format: 1\n"
    "name: other\n"
    "gpus: 1\n"
    "variables: {digest: " DIGEST_B "}\n"
    "base: {url: \"http://h/b\", mirrors: [\"http://m/b\"], referer: r, sha256: " DIGEST_A ",\n"
    "       size: 5, os: o, version: 3, min-kernel: 5}\n"
    "payloads:\n"
    "  x: {url: \"http://h/x\", referer: r, size: 7, sha256: \"${digest}\"}\n"
    "  y: {path: y, sha256: " DIGEST_A "}\n"
    "  z: {url: \"http://h/z\"}\n"
    "steps:\n"
    "  - one: {a: 1, b: {c: 2, d: 3}, list: [p, q]}\n"
    "  - two\n"
    "  - three: {id: drei}\n"
    "  - four:\n"
    "output: {name: o, compress: true}\n";

static void put(const char *name, const char *text)
{
    if (!g_file_set_contents(name, text, -1, NULL))
        g_error("can't write %s", name);
}

/* The value of a key of the merged recipe, or the error, as one line; caller frees. */
static char *merged(const char *own, const char *key)
{
    g_autofree char *text = g_strconcat("extends: other.yaml\n", own, NULL);
    GError *error = NULL;
    put("own.yaml", text);
    g_autoptr(CcbNode) root = ccb_extends_load("own.yaml", &error);
    if (root == NULL) {
        char *message = g_strdup(error->message);
        g_error_free(error);
        return message;
    }
    json_auto_t *json = ccb_node_to_json(ccb_node_get(root, key));
    char *dump = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    char *copy = g_strdelimit(g_strdup(dump), "\"", '\'');
    free(dump);
    return copy;
}

static void steps_are(const char *own, const char *expected, const char *what)
{
    is_taken(merged(own, "steps"), expected, what);
}

#define ONE   "{'one':{'a':'1','b':{'c':'2','d':'3'},'list':['p','q']}}"
#define THREE "{'three':{'id':'drei'}}"
#define FOUR  "{'four':''}"

static void test_insert(void)
{
    steps_are("steps: {insert: [{after: two, steps: [five, {six: {k: v}}]}]}",
              "[" ONE ",'two','five',{'six':{'k':'v'}}," THREE "," FOUR "]", "after a step");
    steps_are("steps: {insert: [{before: one, steps: [five]}, {after: four, steps: [six]}]}",
              "['five'," ONE ",'two'," THREE "," FOUR ",'six']", "at both ends");
    steps_are("steps: {insert: [{after: drei, steps: [five]}, {after: drei, steps: [six]}]}",
              "[" ONE ",'two'," THREE ",'five','six'," FOUR "]",
              "at one place, in the order written; by an id");
    steps_are("steps: {insert: [{before: two, steps: [five]}, {after: one, steps: [six]}]}",
              "[" ONE ",'six','five','two'," THREE "," FOUR "]", "between two steps, from both");
    steps_are("steps: {insert: []}", "[" ONE ",'two'," THREE "," FOUR "]", "nothing");
}

static void test_remove(void)
{
    steps_are("steps: {remove: [two, drei]}", "[" ONE "," FOUR "]", "several");
    steps_are("steps: {remove: two}", "[" ONE "," THREE "," FOUR "]", "one word");
    steps_are("steps: {remove: [two], insert: [{after: two, steps: [five, six]}]}",
              "[" ONE ",'five','six'," THREE "," FOUR "]", "the place of a removed step is known");
    steps_are("steps: {remove: [one], insert: [{after: four, steps: [one]}]}",
              "['two'," THREE "," FOUR "," ONE "]", "a bare word moves a removed step");
}

static void test_replace(void)
{
    steps_are("steps: {replace: {one: {one: {a: 2}}}}",
              "[{'one':{'a':'2'}},'two'," THREE "," FOUR "]", "as a whole, by the same kind");
    steps_are("steps: {replace: {drei: {five: {k: v}}, two: six}}",
              "[" ONE ",{'six':{'id':'two'}},{'five':{'id':'drei','k':'v'}}," FOUR "]",
              "by another kind, which keeps the id");
    steps_are("steps: {replace: {two: {five: {id: x}}}}",
              "[" ONE ",{'five':{'id':'x'}}," THREE "," FOUR "]", "with an id of its own");
}

static void test_change(void)
{
    steps_are("steps: {change: {one: {a: 2, b: {d: 4, e: 5}, list: [r]}}}",
              "[{'one':{'a':'2','b':{'c':'2','d':'4','e':'5'},'list':['r']}},'two'," THREE "," FOUR
              "]",
              "maps are merged, lists replaced");
    steps_are("steps: {change: {two: {a: 1}, four: {b: 2}, drei: {c: 3}}}",
              "[" ONE ",{'two':{'a':'1'}},{'three':{'c':'3','id':'drei'}},{'four':{'b':'2'}}]",
              "steps without settings, and by an id");
}

static void test_refused(void)
{
    static const struct {
        const char *own, *expected;
    } cases[] = {
        {"steps: {remove: [tow]}",
         "own.yaml:2:18: the extended recipe has no step \"tow\"\nhint: did you mean \"two\"?"},
        {"steps: {remove: [three]}", "own.yaml:2:18: the extended recipe has no step \"three\"\n"
                                     "hint: its steps: one, two, drei, four"},
        {"steps: {replace: {fours: x}}", "own.yaml:2:19: the extended recipe has no step "
                                         "\"fours\"\nhint: did you mean \"four\"?"},
        {"steps: {change: {fiver: {}}}", "own.yaml:2:18: the extended recipe has no step "
                                         "\"fiver\"\nhint: its steps: one, two, drei, four"},
        {"steps: {insert: [{after: zz, steps: []}]}",
         "own.yaml:2:26: the extended recipe has no step \"zz\"\n"
         "hint: its steps: one, two, drei, four"},
        {"steps: {insert: [{before: inserted, steps: []}, {after: two, steps: [inserted]}]}",
         "own.yaml:2:27: the extended recipe has no step \"inserted\"\n"
         "hint: its steps: one, two, drei, four"},
        {"steps: {remove: [two, two]}", "own.yaml:2:23: step \"two\" is under \"remove\" already"},
        {"steps: {change: {two: {}}, replace: {two: x}}",
         "own.yaml:2:18: step \"two\" is under \"replace\" already"},
        {"steps: {remove: two, change: {two: {}}}",
         "own.yaml:2:31: step \"two\" is under \"remove\" already"},
        {"steps: {insert: [{after: one, steps: [five, two]}]}",
         "own.yaml:2:45: there is a step \"two\" already\nhint: give this one an \"id\" of its "
         "own; to give a step other settings use \"change\", to move it also \"remove\" it"},
        {"steps: {insert: [{after: one, steps: [{x: {id: n}}]}, {after: two, steps: [n]}]}",
         "own.yaml:2:76: there is a step \"n\" already\nhint: give this one an \"id\" of its "
         "own; to give a step other settings use \"change\", to move it also \"remove\" it"},
        {"steps: {insert: [{steps: []}]}",
         "own.yaml:2:18: \"insert\": \"after\" or \"before\" is missing"},
        {"steps: {insert: [{after: one, before: two, steps: []}]}",
         "own.yaml:2:18: \"insert\": both \"after\" and \"before\" are given"},
        {"steps: {insert: [{after: one}]}",
         "own.yaml:2:18: insert needs \"steps\" (what is inserted)"},
        {"steps: {insert: {after: one}}",
         "own.yaml:2:17: \"insert\": expected a list, found a map"},
        {"steps: {insert: [{after: one, steps: {}}]}",
         "own.yaml:2:38: \"steps\": expected a list of steps, found a map"},
        {"steps: {insert: [{afer: one, steps: []}]}",
         "own.yaml:2:19: insert has no key \"afer\"\nhint: did you mean \"after\"?"},
        {"steps: {remove: {two: x}}", "own.yaml:2:17: \"remove\": expected a list, found a map"},
        {"steps: {replace: [two]}", "own.yaml:2:18: \"replace\": expected a map, found a list"},
        {"steps: {replace: {two: {a: 1, b: 2}}}",
         "own.yaml:2:24: a step is a map with one key, its kind (\"- nvidia-driver: {...}\")"},
        {"steps: {change: {two: [a]}}",
         "own.yaml:2:23: \"two\": expected a map of settings, found a list"},
        {"steps: []", "own.yaml:2:8: \"steps\": the list is empty, and is the whole order\n"
                      "hint: leave \"steps\" out to take those of the extended recipe, or use "
                      "{remove: [...]}"},
        {"steps: {kernel: {}}",
         "own.yaml:2:9: steps has no key \"kernel\"\nhint: keys of steps: remove, replace, "
         "change, insert"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        is_taken(merged(cases[i].own, "steps"), cases[i].expected, cases[i].own);
    put("alone.yaml", "steps: {remove: [two]}\n");
    GError *error = NULL;
    ok(ccb_extends_load("alone.yaml", &error) == NULL,
       "a map of steps in a recipe that extends none");
    is_error(&error,
             "alone.yaml:1:8: \"steps\": \"remove\" is for a recipe that extends another one, and "
             "this one extends none\nhint: write the steps as a list, or add \"extends\"",
             "... says so");
    put("middle.yaml", "name: none\n");
    put("child.yaml", "extends: middle.yaml\nsteps: {remove: [two]}\n");
    ok(ccb_extends_load("child.yaml", &error) == NULL, "a map over a recipe without steps");
    is_error(&error, "child.yaml:2:1: \"steps\": the extended recipe has none to change",
             "... says so");
}

static void test_chain(void)
{
    put("middle.yaml", "extends: other.yaml\n"
                       "steps:\n"
                       "  remove: [drei]\n"
                       "  insert: [{after: two, steps: [{five: {id: new, k: 1}}]}]\n"
                       "base: {min-kernel: 6}\n");
    put("top.yaml", "extends: middle.yaml\n"
                    "steps:\n"
                    "  change: {new: {k: 2}}\n"
                    "  insert: [{before: new, steps: [six]}]\n"
                    "base: {os: p}\n");
    g_autoptr(CcbNode) root = ccb_extends_load("top.yaml", NULL);
    json_auto_t *json = root ? ccb_node_to_json(ccb_node_get(root, "steps")) : NULL;
    char *dump = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    is_str(dump,
           "[{\"one\":{\"a\":\"1\",\"b\":{\"c\":\"2\",\"d\":\"3\"},\"list\":[\"p\",\"q\"]}},"
           "\"two\",\"six\",{\"five\":{\"id\":\"new\",\"k\":\"2\"}},{\"four\":\"\"}]",
           "a chain: the third changes what the second inserted");
    free(dump);
    const CcbNode *base = ccb_node_get(root, "base");
    is_str(ccb_node_get_text(base, "os"), "p", "... the third's key");
    is_str(ccb_node_get_text(base, "min-kernel"), "6", "... the second's");
    is_str(ccb_node_get_text(base, "version"), "3", "... the first's");
    is_str(root->file, "top.yaml", "the whole is of the recipe itself");
    is_str(ccb_node_get(root, "steps")->file, "top.yaml",
           "the list is of the last that changed it");
    is_int(ccb_node_get(root, "steps")->line, 2, "... where it says so");
}

static void payloads_are(const char *own, const char *expected, const char *what)
{
    g_autofree char *text = g_strconcat("payloads: ", own, "\n", NULL);
    is_taken(merged(text, "payloads"), expected, what);
}

#define X "'x':{'referer':'r','sha256':'${digest}','size':'7','url':'http://h/x'}"
#define Y "'y':{'path':'y','sha256':'" DIGEST_A "'}"
#define Z "'z':{'url':'http://h/z'}"

static void test_files(void)
{
    payloads_are("{x: {referer: s}}",
                 "{'x':{'referer':'s','sha256':'${digest}','size':'7','url':'http://h/x'}," Y "," Z
                 "}",
                 "one key of a payload");
    payloads_are("{x: {sha256: " DIGEST_A "}}",
                 "{'x':{'referer':'r','sha256':'" DIGEST_A "','url':'http://h/x'}," Y "," Z "}",
                 "another digest takes the size away");
    payloads_are("{x: {url: n}}", "{'x':{'sha256':'${digest}','url':'n'}," Y "," Z "}",
                 "another place takes referer and size away; the digest of a variable stays");
    payloads_are("{x: {path: n}}", "{'x':{'path':'n','sha256':'${digest}'}," Y "," Z "}",
                 "a path in place of an url");
    payloads_are("{z: {path: n}}", "{" X "," Y ",'z':{'path':'n'}}",
                 "without a digest on either side");
    payloads_are("{y: {url: n, sha256: \"\"}}", "{" X ",'y':{'sha256':'','url':'n'}," Z "}",
                 "an url in place of a path, with the digest left to the lock");
    payloads_are("{y: {path: y}}", "{" X "," Y "," Z "}", "the same place is none");
    payloads_are("{w: {url: n}}", "{'w':{'url':'n'}," X "," Y "," Z "}", "a new one");
    static const char hint[] =
        "\nhint: add \"sha256\": the digest of the new file, the old one if it is the same file, "
        "or \"\" to let `ccbake lock` compute it";
    g_autofree char *payload =
        g_strconcat("own.yaml:2:21: \"y\" has a new url, and the sha256 at other.yaml:9:24 is that "
                    "of the file at the old place",
                    hint, NULL);
    payloads_are("{y: {url: n}}", payload, "a new place with the old digest is refused");
    g_autofree char *base =
        g_strconcat("own.yaml:2:14: \"base\" has a new path, and the sha256 at other.yaml:5:72 is "
                    "that of the file at the old place",
                    hint, NULL);
    is_taken(merged("base: {path: n}", "base"), base, "... of the base, too");
    is_taken(merged("base: {path: n, sha256: " DIGEST_B "}", "base"),
             "{'min-kernel':'5','os':'o','path':'n','sha256':'" DIGEST_B "','version':'3'}",
             "another base keeps what is said of the system");
    is_taken(merged("base: {mirrors: [m], min-kernel: 6}", "base"),
             "{'min-kernel':'6','mirrors':['m'],'os':'o','referer':'r','sha256':'" DIGEST_A
             "','size':'5','url':'http://h/b','version':'3'}",
             "mirrors are of the same file");
    is_taken(merged("output: {name: p}", "output"), "{'compress':'true','name':'p'}",
             "output is merged, too");
}

/* Loads r.yaml and says the error, or "" if there is none; caller frees. */
static char *refusal(const char *text, const char *setting, const char *entry)
{
    const char *const settings[] = {setting, NULL}, *const entries[] = {entry, NULL};
    const CcbRecipeOptions options = {.settings = setting ? settings : NULL,
                                      .entry = entry ? entries : NULL};
    GError *error = NULL;
    put("r.yaml", text);
    g_autoptr(CcbRecipe) recipe = ccb_recipe_load("r.yaml", &options, &error);
    char *message = g_strdup(error ? error->message : "");
    g_clear_error(&error);
    return message;
}

static void test_places(void)
{
    put("vendor.yaml", "format: 1\n"
                       "name: v\n"
                       "gpus: \"${gpus}\"\n"
                       "variables: {gpus: 1, n: \"${gpus}\", file: x, deep: \"${nope}\"}\n"
                       "base: {path: b, os: o, version: 3, min-kernel: 5}\n"
                       "output: {compress: \"${n}\", name: \"a/${file}\"}\n"
                       "steps: []\n");
    is_taken(refusal("extends: vendor.yaml\nvariables: {gpus: 3, deep: x}\n", NULL, NULL),
             "r.yaml:2:19: \"gpus\": \"3\" is not one of 1|8 (used at vendor.yaml:3:8)",
             "a value of the recipe, used in the other one");
    is_taken(refusal("extends: vendor.yaml\nvariables: {deep: x}\n", "gpus=5", NULL),
             "--set gpus: \"gpus\": \"5\" is not one of 1|8 (used at vendor.yaml:3:8)",
             "a value of --set");
    is_taken(refusal("extends: vendor.yaml\nvariables: {deep: x}\nmatrix: {gpus: [1, 9]}\n", NULL,
                     "gpus=9"),
             "r.yaml:3:20: \"gpus\": \"9\" is not one of 1|8 (used at vendor.yaml:3:8)",
             "a value of the matrix");
    is_taken(refusal("extends: vendor.yaml\nvariables: {deep: x}\n", NULL, NULL),
             "vendor.yaml:4:19: \"compress\": expected true or false, found \"1\" (used at "
             "vendor.yaml:6:21)",
             "a variable that is another one is set where that one is");
    is_taken(
        refusal("extends: vendor.yaml\nvariables: {deep: x, file: y, n: \"true\"}\n", NULL, NULL),
        "vendor.yaml:6:35: the output's name \"a/y\" must not hold a slash (with ${file} of "
        "r.yaml:2)",
        "a part of a value");
    is_taken(refusal("extends: vendor.yaml\nvariables: {n: \"true\"}\n", NULL, NULL),
             "vendor.yaml:4:52: undefined variable \"nope\"\nhint: give it a default under "
             "`variables`",
             "an undefined variable");
    put("vendor.yaml", "format: 1\nname: v\ngpus: 1\nvariables: {v: 1, w: 2}\n"
                       "base: {path: b, os: o, version: 3, min-kernel: 5, size: \"x${v}${w}\"}\n"
                       "steps: []\n");
    is_taken(refusal("extends: vendor.yaml\nvariables: {v: 3}\n", NULL, NULL),
             "vendor.yaml:5:58: \"size\": expected a whole number, found \"x32\" (with ${v} of "
             "r.yaml:2)",
             "a part of a value: the variables that are set elsewhere");
    is_taken(refusal("extends: vendor.yaml\nvariables: {v: 3}\n", "w=4", NULL),
             "vendor.yaml:5:58: \"size\": expected a whole number, found \"x34\" (with ${v} of "
             "r.yaml:2, ${w} of --set)",
             "... several, and --set");
}

int main(void)
{
    g_autofree char *directory = g_dir_make_tmp("ccbake-extends-XXXXXX", NULL);
    if (directory == NULL || g_chdir(directory) != 0)
        g_error("no directory to work in");
    put("other.yaml", other_text);
    test_insert();
    test_remove();
    test_replace();
    test_change();
    test_refused();
    test_chain();
    test_files();
    test_places();
    if (!ccb_remove_tree(directory, NULL))
        g_error("can't remove %s", directory);
    return done();
}
