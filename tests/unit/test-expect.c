/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the changes of all steps leave in the image: later steps count. */
#include "plan/plan.h"

#include <glib/gstdio.h>

#include "base/file.h"
#include "step/kinds.h"

#include "tap.h"

/* "PATH TYPE [=] [MODE OWNER]" of each path, with = where the content is expected and mode and owner where they are not
 * 0644 0:0, and the units; caller frees. */
static char *expected_of(const char *steps)
{
    GError *error = NULL;
    g_autofree char *text = g_strdup_printf("format: 1\nname: r\ngpus: 1\n"
                                            "base: {path: b, os: alinux, version: 3, "
                                            "min-kernel: 5.10.134-18.al8}\nsteps: [%s]\n",
                                            steps);
    g_file_set_contents("r.yaml", text, -1, NULL);
    g_autoptr(CcbRecipe) recipe = ccb_recipe_load("r.yaml", NULL, &error);
    g_autoptr(CcbPlan) plan = recipe ? ccb_plan_new(recipe, NULL, ccb_step_kinds, &error) : NULL;
    if (plan == NULL || !ccb_plan_expect_changes(plan, &error))
        g_error("%s", error->message);
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < json_array_size(plan->expect.files); i++) {
        const json_t *entry = json_array_get(plan->expect.files, i);
        const char *path = json_string_value(json_object_get(entry, "path"));
        const char *mode = json_string_value(json_object_get(entry, "mode"));
        const char *owner = json_string_value(json_object_get(entry, "owner"));
        bool is_usual = g_strcmp0(mode, "0644") == 0 && g_strcmp0(owner, "0:0") == 0;
        if (g_str_has_prefix(path, "/usr/lib/systemd") || g_str_has_prefix(path, "/usr/libexec"))
            continue;
        g_string_append_printf(out, "%s %s%s", path,
                               json_string_value(json_object_get(entry, "type")),
                               json_object_get(entry, "sha256") ? " =" : "");
        if ((mode != NULL || owner != NULL) && !is_usual)
            g_string_append_printf(out, " %s %s", mode ? mode : "-", owner ? owner : "-");
        g_string_append_c(out, '\n');
    }
    char **const lists[] = {plan->expect.enabled, plan->expect.disabled, plan->expect.masked};
    static const char *const names[] = {"enabled", "disabled", "masked"};
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
        for (char **unit = lists[i]; unit != NULL && *unit != NULL; unit++)
            g_string_append_printf(out, "%s %s\n", *unit, names[i]);
    return g_string_free(out, FALSE);
}

#define LINK "/etc/systemd/system/multi-user.target.wants/a.service"

static const struct {
    const char *what, *steps, *expected;
} cases[] = {
    {"a file", "{overlay: {source: conf}}",
     "/etc directory\n/etc/dnf directory\n/etc/dnf/dnf.conf file =\n"},
    {"a file that is edited later", "{overlay: {source: conf}}, {kernel: {exclude-updates: true}}",
     "/etc directory\n/etc/dnf directory\n/etc/dnf/dnf.conf file\n"},
    {"files that arguments are edited in", "{overlay: {source: grub}}, {kernel-args: {set: a=1}}",
     "/etc directory\n/etc/default directory\n/etc/default/grub file\n"},
    {"files of the recipe",
     "{files: [{path: /a, content: x}, {path: /b, source: lib/x, mode: 0600, owner: \"7:root\"}]}",
     "/a file =\n/b file = 0600 7:0\n"},
    {"a mode that is set later",
     "{files: [{path: /a, content: x}]}, {chmod: [{path: /a, mode: 0600}]}", "/a file = 0600 -\n"},
    {"an owner that is set later",
     "{files: [{path: /a, content: x}]}, {chmod: [{path: /a, owner: \"7:8\"}]}",
     "/a file = - 7:8\n"},
    {"a file that keeps the mode that a step gave it",
     "{files: {id: one, files: [{path: /a, content: x, mode: 0600}]}}, "
     "{files: {id: two, files: [{path: /a, content: x}]}}",
     "/a file = 0600 -\n"},
    {"the mode of what the image has", "{chmod: [{path: /lib/x, mode: 0600}]}",
     "/lib/x any 0600 -\n"},
    {"a tree with a mode",
     "{files: [{path: /o, content: x}]}, {overlay: {source: conf}}, {chmod: [{path: /etc, mode: "
     "0640, recursive: true}]}",
     "/o file =\n/etc directory 0750 -\n/etc/dnf directory 0750 -\n/etc/dnf/dnf.conf file = 0640 "
     "0:0\n"},
    {"a tree of the image with an owner",
     "{chmod: [{path: /x, mode: 0640, owner: \"7:8\", recursive: true}]}", "/x any - 7:8\n"},
    {"a mode that is set before commands",
     "{files: [{path: /a, content: x}]}, {chmod: [{path: /a, mode: 0600}]}, {run: {commands: "
     "[[a]]}}",
     "/a any\n"},
    {"files before commands",
     "{overlay: {source: conf}}, {remove: {paths: [/opt/a]}}, {run: {commands: [[a]]}}",
     "/etc any\n/etc/dnf any\n/etc/dnf/dnf.conf any\n"},
    {"a removed directory with what was put there",
     "{overlay: {source: conf}}, {remove: {paths: [/etc/dnf]}}", "/etc directory\n/etc/dnf none\n"},
    {"a removed path below which something is put",
     "{remove: {paths: [/etc/dnf]}}, {overlay: {source: conf}}",
     "/etc/dnf directory\n/etc directory\n/etc/dnf/dnf.conf file =\n"},
    {"one path by two names",
     "{remove: {paths: [/usr/lib/x]}}, {overlay: {source: lib, target: /lib}}", "/lib/x file =\n"},
    {"a removed link of a unit that is enabled then",
     "{remove: {paths: [" LINK "]}}, {units: {enable: [a.service]}}", "a.service enabled\n"},
    {"a unit whose link is removed then",
     "{units: {enable: [a.service]}}, {remove: {paths: [" LINK "]}}", LINK " none\n"},
    {"the last word about a unit",
     "{units: {enable: [a.service]}}, {units: {id: u, disable: [a.service], mask: [b.service]}}",
     "a.service disabled\nb.service masked\n"},
    {"the self-test, and its unit", "selftest, {units: {enable: [ccbake-selftest.service]}}",
     "/etc/ccbake/selftest.conf file\nccbake-selftest.service enabled\n"},
};

static void put(const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);
    if (g_mkdir_with_parents(dir, 0755) != 0 || !g_file_set_contents(path, "x\n", -1, NULL))
        g_error("can't write %s", path);
}

int main(void)
{
    g_autofree char *dir = g_dir_make_tmp("ccb-expect-XXXXXX", NULL);
    if (g_chdir(dir) != 0)
        g_error("chdir");
    put("conf/etc/dnf/dnf.conf");
    put("grub/etc/default/grub");
    put("lib/x");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        is_taken(expected_of(cases[i].steps), cases[i].expected, cases[i].what);
    ccb_remove_tree(dir, NULL);
    return done();
}
