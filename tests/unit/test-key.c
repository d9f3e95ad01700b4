/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changes a step's cache key and what does not: each a case, on one recipe of every way in. */
#include "layer/chain.h"

#include <glib/gstdio.h>

#include "base/file.h"
#include "recipe/recipe.h"
#include "step/kinds.h"

#include "tap.h"

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DIGEST_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

enum {
    KERNEL,
    ARGS,
    RUN,
    UNITS,
    OVERLAY,
    SCRIPT,
    FILES,
    CHMOD,
    MODPROBE,
    SELFTEST,
    INITRAMFS,
    STEPS,
    NONE = STEPS
};

static const char recipe_text[] =
    "format: 1\n"
    "name: keys\n"
    "gpus: 1\n"
    "variables: {word: hello, mode: \"0600\", spare: 10}\n"
    "base: {url: \"https://a.example/base.qcow2\", sha256: " DIGEST_A ",\n"
    "       os: alinux, version: 3, min-kernel: 5.10.134-18.al8}\n"
    "payloads:\n"
    "  tool: {url: \"https://a.example/tool.run\", sha256: " DIGEST_B "}\n"
    "steps:\n"
    "  - kernel\n"
    "  - kernel-args: {set: [quiet, swiotlb=1]}\n"
    "  - run: {id: r, limit: \"${spare}\", payloads: [tool], commands: [[sh, -c, \"echo "
    "${word} ${word}\"]]}\n"
    "  - units: {install: [files/a.service], enable: [a.service]}\n"
    "  - overlay: {source: tree, target: /opt, owner: \"1:2\", modes: {/opt/x: \"${mode}\"}}\n"
    "  - run: {id: s, script: files/s.sh, args: [one], env: {LEVEL: \"1\"}}\n"
    "  - files: [{path: /etc/c, content: text}, {path: /etc/t, source: files/t, template: true}]\n"
    "  - chmod: [{path: /srv, mode: \"0700\"}]\n"
    "  - modprobe: {file: x.conf, content: \"options x y=1\"}\n"
    "  - selftest\n"
    "  - initramfs\n";

static void put(const char *path, const char *text, int mode)
{
    g_autofree char *directory = g_path_get_dirname(path);
    if (g_mkdir_with_parents(directory, 0755) != 0 || !g_file_set_contents(path, text, -1, NULL) ||
        g_chmod(path, mode) != 0)
        g_error("can't write %s", path);
}

static void put_world(void)
{
    if (g_file_test("tree", G_FILE_TEST_EXISTS) && !ccb_remove_tree("tree", NULL))
        g_error("can't remove the tree");
    put("r.yaml", recipe_text, 0644);
    put("files/a.service", "[Service]\nExecStart=/bin/true\n", 0644);
    put("files/s.sh", "echo\n", 0644);
    put("files/t", "${word}\n", 0644);
    put("tree/x", "x\n", 0644);
    put("tree/tool", "#!/bin/sh\n", 0755);
}

/* Of the recipe as it lies there; caller frees. */
static char **keys_by(const CcbStepKind *const *kinds, const char *const *settings)
{
    GError *error = NULL;
    const CcbRecipeOptions options = {.settings = settings};
    g_autoptr(CcbRecipe) recipe = ccb_recipe_load("r.yaml", &options, &error);
    g_autoptr(CcbPlan) plan = recipe ? ccb_plan_new(recipe, NULL, kinds, &error) : NULL;
    char **keys = plan ? ccb_chain_keys(plan, &error) : NULL;
    if (keys == NULL)
        g_error("%s", error->message);
    return keys;
}

static char **keys_now(void)
{
    return keys_by(ccb_step_kinds, NULL);
}

/* The first step whose key is another; all that lie on it must have other keys too. */
static int first_changed(char **before, char **after)
{
    int first = 0;
    while (first < STEPS && strcmp(before[first], after[first]) == 0)
        first++;
    for (int i = first; i < STEPS; i++)
        if (strcmp(before[i], after[i]) == 0)
            return -1;
    return first;
}

/* Frees `after`. */
static void is_first(char **before, char **after, int expected, const char *what)
{
    is_int(first_changed(before, after), expected, what);
    g_strfreev(after);
}

static void edit(const char *from, const char *to)
{
    g_autoptr(GString) text = g_string_new(recipe_text);
    if (g_string_replace(text, from, to, 0) == 0)
        g_error("the recipe has no \"%s\"", from);
    put("r.yaml", text->str, 0644);
}

/* The public half of a key that nobody has. */
static const char public_key[] =
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
    "\n"
    "mDMEaw4GlBYJKwYBBAHaRw8BAQdAARNA+O2/2fOb9z+zyfP85HU/sFbRxZHiq6pN\n"
    "oUIs1+C0FlZlbmRvciA8d0BleGFtcGxlLmNvbT6IkAQTFggAOBYhBFaGgCQE42s5\n"
    "3E9ucpZSnFoQCxoxBQJrDgaUAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJ\n"
    "EJZSnFoQCxoxteMBAMd7sXkERWe3FsOvXcF7E0+xZ5yAFg14TekxF2ltyt0eAP47\n"
    "kVOvhqdrjIHvkViRB+aw1KAKpjntUH2KWQHwwC98CQ==\n"
    "=2QPM\n"
    "-----END PGP PUBLIC KEY BLOCK-----\n";

static void test_signing_keys(char **before)
{
    put("vendor.asc", public_key, 0644);
    put("copy.asc", public_key, 0644);
    edit("tool.run\"", "tool.run\", keys: [vendor.asc]");
    g_auto(GStrv) with = keys_now();
    is_int(first_changed(before, with), RUN, "keys that must have signed a payload");
    edit("tool.run\"", "tool.run\", keys: copy.asc");
    is_first(with, keys_now(), NONE, "not: where such a key is");
    g_autofree char *other = g_strconcat("another one\n", public_key, NULL);
    put("copy.asc", other, 0644);
    is_first(with, keys_now(), RUN, "the content of such a key");
    put("r.yaml", recipe_text, 0644);
}

static void test_recipe(char **before)
{
    static const struct {
        const char *what, *from, *to;
        int first;
    } cases[] = {
        {"the digest of the base", DIGEST_A, DIGEST_C, KERNEL},
        {"the digest of a payload", DIGEST_B, DIGEST_C, RUN},
        {"a payload's file name in the guest", "/tool.run", "/other.run", RUN},
        {"a setting", "swiotlb=1", "swiotlb=2", ARGS},
        {"the order of a list", "quiet, swiotlb=1", "swiotlb=1, quiet", ARGS},
        {"a variable that a step uses", "word: hello", "word: bye", RUN},
        {"a variable in a mode", "mode: \"0600\"", "mode: \"0640\"", OVERLAY},
        {"the owner of an overlay", "1:2", "1:3", OVERLAY},
        {"the target of an overlay", "target: /opt, owner: \"1:2\", modes: {/opt/x",
         "target: /usr, owner: \"1:2\", modes: {/usr/x", OVERLAY},
        {"a unit that is enabled", "enable: [a.service]", "enable: [b.service]", UNITS},
        {"an argument of a script", "args: [one]", "args: [two]", SCRIPT},
        {"a variable of its environment", "LEVEL: \"1", "LEVEL: \\\"2", SCRIPT},
        {"a text in the recipe", "content: text", "content: other", FILES},
        {"a mode of the image's", "0700", "0500", CHMOD},
        {"the same below a directory", "mode: \"0700\"}", "mode: \"0700\", recursive: true}",
         CHMOD},
        {"drivers of the initramfs", "- initramfs", "- initramfs: {drivers: [nvme]}", INITRAMFS},
        {"a file of modprobe", "options x y=1", "options x y=2", MODPROBE},
        {"the minimum of the kernel, where a step asks for it", "10.134-18", "10.134-17", KERNEL},
        {"what a step takes from the rest of the recipe", "gpus: 1", "gpus: 8", SELFTEST},

        {"not: a variable that only a limit uses", "spare: 10", "spare: 20", NONE},
        {"not: a comment", "format: 1\n", "# new\nformat: 1\n", NONE},
        {"not: the order of a step's keys", "file: x.conf, content: \"options x y=1\"",
         "content: \"options x y=1\", file: x.conf", NONE},
        {"not: the order of other keys", "name: keys\ngpus: 1\n", "gpus: 1\nname: keys\n", NONE},
        {"not: where the base comes from", "a.example/base", "b.example/base", NONE},
        {"not: where a payload comes from", "a.example/tool", "b.example/dir/tool", NONE},
        {"not: how a payload is fetched", "a.example/tool.run\"",
         "a.example/tool.run\", max-size: 5, header-file: token", NONE},
        {"not: a step's id", "id: r,", "id: other,", NONE},
        {"not: the recipe's name", "name: keys", "name: other", NONE},
        {"not: a word in place of its variable", "echo ${word} ", "echo hello ", NONE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        edit(cases[i].from, cases[i].to);
        is_first(before, keys_now(), cases[i].first, cases[i].what);
    }
}

static void test_files(char **before)
{
    static const struct {
        const char *what, *path, *text;
        int mode, first;
    } cases[] = {
        {"a unit file", "files/a.service", "[Service]\nExecStart=/bin/false\n", 0644, UNITS},
        {"a script", "files/s.sh", "echo 2\n", 0644, SCRIPT},
        {"not: a script that can be executed", "files/s.sh", "echo\n", 0755, NONE},
        {"a template", "files/t", "${word}!\n", 0644, FILES},
        {"not: a template with the same text", "files/t", "hello\n", 0644, NONE},
        {"a file of an overlay", "tree/x", "y\n", 0644, OVERLAY},
        {"a file more", "tree/new", "", 0644, OVERLAY},
        {"a directory more", "tree/dir/x", "x\n", 0644, OVERLAY},
        {"a file that can't be executed now", "tree/tool", "#!/bin/sh\n", 0644, OVERLAY},
        {"the same, of a file whose mode the recipe says", "tree/x", "x\n", 0755, NONE},
        {"not: other bits of its mode", "tree/x", "x\n", 0600, NONE},
        {"not: a file beside", "other", "x\n", 0644, NONE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        put_world();
        put(cases[i].path, cases[i].text, cases[i].mode);
        is_first(before, keys_now(), cases[i].first, cases[i].what);
    }
}

/* What the recipe does not say: a variable given by --set, a kind that was changed. */
static void test_rest(char **before)
{
    const char *const word[] = {"word=bye", NULL}, *const spare[] = {"spare=20", NULL};
    put_world();
    is_first(before, keys_by(ccb_step_kinds, word), RUN, "--set of a variable that a step uses");
    is_first(before, keys_by(ccb_step_kinds, spare), NONE, "not: --set of another");

    CcbStepKind newer = ccb_step_units;
    const CcbStepKind *kinds[64] = {NULL};
    newer.version++;
    for (gsize i = 0; ccb_step_kinds[i] != NULL; i++)
        kinds[i] = ccb_step_kinds[i] == &ccb_step_units ? &newer : ccb_step_kinds[i];
    is_first(before, keys_by(kinds, NULL), UNITS, "the version of a step's kind");
}

int main(void)
{
    g_autofree char *directory = g_dir_make_tmp("test-key-XXXXXX", NULL);
    g_autofree char *home = g_get_current_dir();
    if (directory == NULL || g_chdir(directory) != 0)
        g_error("no temporary directory");
    put_world();
    g_auto(GStrv) before = keys_now();
    is_int(g_strv_length(before), STEPS, "one key a step");
    test_recipe(before);
    test_signing_keys(before);
    test_files(before);
    test_rest(before);
    g_chdir(home);
    ok(ccb_remove_tree(directory, NULL), "cleaned up");
    return done();
}
