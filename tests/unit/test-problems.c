/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan shows before the bake: steps that will fail, checks that the image will fail. */
#include "cli/problems.h"

#include <glib/gstdio.h>

#include "base/file.h"
#include "guide/gpu-units.h"
#include "step/kinds.h"

#include "tap.h"

static CcbFacts *base_facts(char **units, const char *package)
{
    CcbFacts *facts = ccb_facts_new();
    const char *packages[] = {package, NULL};
    CcbBootEntry *entry = g_new0(CcbBootEntry, 1);
    *entry = (CcbBootEntry){.id = g_strdup("e"),
                            .path = g_strdup("/boot/loader/entries/e.conf"),
                            .kver = g_strdup("5.10.134-18.al8.x86_64"),
                            .cmdline = g_strdup("ro root=/dev/vda3 quiet")};
    g_ptr_array_add(facts->entries, entry);
    facts->default_kver = g_strdup(entry->kver);
    facts->kernels = g_strdupv((char *[]){entry->kver, NULL});
    facts->units = g_strdupv(units);
    facts->packages = g_strdupv((char **)packages);
    return facts;
}

/* "problem|warning LINE CHECK" of each, or its text where no check fails; caller frees. */
static char *problems_of(unsigned gpus, const char *steps, const char *more, CcbFacts *base)
{
    GError *error = NULL;
    g_autofree char *text = g_strdup_printf(
        "format: 1\nname: r\ngpus: %u\nbase: {path: b, os: alinux, version: 3, min-kernel: "
        "5.10.134-18.al8}\n%s%s%s\n",
        gpus, strstr(steps, "nvidia-driver") ? "payloads: {d: {path: d.run}}\n" : "", more, steps);
    g_file_set_contents("r.yaml", text, -1, NULL);
    g_autoptr(CcbRecipe) recipe = ccb_recipe_load("r.yaml", NULL, &error);
    g_autoptr(CcbPlan) plan = recipe ? ccb_plan_new(recipe, NULL, ccb_step_kinds, &error) : NULL;
    if (plan == NULL || !ccb_plan_expect_changes(plan, &error))
        g_error("%s", error->message);
    const CcbPlannedOptions options = {.plan = plan, .base = base};
    g_autoptr(CcbPlanned) planned = ccb_planned_new(&options, &error);
    if (planned == NULL)
        g_error("%s", error->message);
    g_autoptr(GPtrArray) problems = ccb_problems_new();
    ccb_problems_add_planned(problems, plan, planned);
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < problems->len; i++) {
        const CcbProblem *p = problems->pdata[i];
        g_string_append_printf(out, "%s %d %s\n", p->certain ? "problem" : "warning", p->node->line,
                               p->check != NULL ? p->check : p->what);
    }
    ccb_facts_free(base);
    return g_string_free(out, FALSE);
}

#define DRIVER "  - nvidia-driver: {payload: d, version: 570.148.08}\n"
#define ARGS   "  - kernel-args: {set: ['swiotlb=4194304,any']}\n"
#define END    "  - initramfs\n  - selftest\n"
#define UNITS                                                                                      \
    "  - units: {install: one/nvidia-persistenced.service, enable: nvidia-persistenced.service}\n"
#define UNITS8                                                                                     \
    "  - units: {install: eight/nvidia-persistenced.service, enable: "                             \
    "[nvidia-persistenced.service, "                                                               \
    "nvidia-fabricmanager.service]}\n"
#define LKCA                                                                                       \
    "  - modprobe: {file: a.conf, content: \"install nvidia modprobe -a ecdsa_generic ecdh; "      \
    "modprobe "                                                                                    \
    "--ignore-install nvidia\\noptions nvidia "                                                    \
    "NVreg_RegistryDwords=\\\"RmEnableProtectedPcie=0x1\\\"\\n\"}\n"
#define FABRIC "nvidia-fabric-manager-570.148.08-1.x86_64"

static char *nothing[] = {NULL};
static char *has_daemon[] = {CCB_PERSISTENCED, NULL};

static const struct {
    const char *what;
    unsigned gpus;
    const char *steps, *expected;
    char **units; /* of the base */
    const char *package;
} cases[] = {
    {"all is there", 1, DRIVER ARGS UNITS END, "", nothing, NULL},
    {"no driver, and so nothing is asked for", 1, "  - kernel\n", "", nothing, NULL},
    {"no units", 1, DRIVER ARGS END, "problem 7 units.persistenced\n", nothing, NULL},
    {"the base has the unit", 1, DRIVER ARGS END, "", has_daemon, NULL},
    {"commands may bring the unit", 1, DRIVER ARGS "  - run: {commands: [[a]]}\n" END,
     "warning 7 units.persistenced\n", nothing, NULL},
    {"a unit that no step enables", 1,
     DRIVER ARGS "  - units: {install: one/nvidia-persistenced.service}\n" END,
     "problem 9 units.enabled\n", nothing, NULL},
    {"a unit that is enabled and disabled later", 1,
     DRIVER ARGS UNITS "  - units: {id: later, disable: nvidia-persistenced.service}\n" END,
     "problem 10 units.enabled\n", nothing, NULL},
    {"a masked unit", 1, DRIVER ARGS "  - units: {mask: nvidia-persistenced.service}\n" END,
     "problem 9 units.persistenced\n", has_daemon, NULL},
    {"no argument", 1, DRIVER UNITS END, "problem 7 kernel.args-entries\n", nothing, NULL},
    {"an argument that a later step removes", 1,
     DRIVER ARGS UNITS "  - kernel-args: {id: later, remove: [swiotlb]}\n" END,
     "problem 10 kernel.args-entries\n", nothing, NULL},
    {"the same beside commands", 1,
     DRIVER ARGS UNITS "  - kernel-args: {id: later, remove: [swiotlb]}\n"
                       "  - run: {commands: [[a]]}\n" END,
     "problem 10 kernel.args-entries\n", nothing, NULL},
    {"eight GPUs with the steps for one", 8, DRIVER ARGS UNITS END,
     "warning 7 modprobe.lkca\nproblem 7 fabric.version\nproblem 7 fabric.nscq\n"
     "problem 7 fabric.enabled\nproblem 9 units.persistenced\nproblem 9 units.fabric-order\n",
     nothing, NULL},
    {"eight GPUs, Fabric Manager of the base", 8, DRIVER ARGS UNITS8 LKCA END,
     "problem 7 fabric.nscq\n", nothing, FABRIC},
    {"Fabric Manager of another version in the base", 8, DRIVER ARGS UNITS8 LKCA END,
     "problem 7 fabric.version\nproblem 7 fabric.nscq\n", nothing,
     "nvidia-fabric-manager-550.1-1.x86_64"},
    {"a file below a file of an earlier step", 1,
     "  - overlay: {source: file, target: /opt}\n  - overlay: {id: b, source: below, target: "
     "/opt}\n",
     "problem 7 /opt/a in the guest is not a directory\n", nothing, NULL},
};

static void put(const char *path, const char *text)
{
    g_autofree char *dir = g_path_get_dirname(path);
    if (g_mkdir_with_parents(dir, 0755) != 0 || !g_file_set_contents(path, text, -1, NULL))
        g_error("can't write %s", path);
}

#define DAEMON                                                                                     \
    "[Service]\nType=forking\nExecStartPost=/usr/bin/nvidia-smi conf-compute -srs "                \
    "1\nExecStart=/usr/bin/nvidia-persistenced --user root"
#define BEFORE "\n[Unit]\nBefore=cloudmonitor.service\n[Install]\nWantedBy=multi-user.target\n"

int main(void)
{
    g_autofree char *dir = g_dir_make_tmp("ccb-problems-XXXXXX", NULL);
    if (g_chdir(dir) != 0)
        g_error("chdir");
    put("one/nvidia-persistenced.service", DAEMON BEFORE);
    put("eight/nvidia-persistenced.service",
        DAEMON " --uvm-persistence-mode" BEFORE "[Unit]\nAfter=nvidia-fabricmanager.service\n");
    put("file/a", "x\n");
    put("below/a/b", "x\n");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *steps = g_strconcat("steps:\n", cases[i].steps, NULL);
        is_taken(
            problems_of(cases[i].gpus, steps, "", base_facts(cases[i].units, cases[i].package)),
            cases[i].expected, cases[i].what);
    }
    is_taken(problems_of(1, "steps:\n" DRIVER ARGS END, "", NULL), "",
             "of a base that is not at hand nothing is missing for sure");
    is_taken(problems_of(1, "steps:\n" DRIVER ARGS END,
                         "waivers: [{check: units.persistenced, reason: later}]\n",
                         base_facts(nothing, NULL)),
             "", "what the recipe waives is no problem");
    ccb_remove_tree(dir, NULL);
    return done();
}
