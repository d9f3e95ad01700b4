/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ccbake-selftest (overlays/selftest): says on the running instance whether it is what was baked.
 * The step brings the script, a unit that runs it once a boot where the recipe wants that, and what
 * to expect, which the other steps of the recipe tell.  Script and unit are linked into ccbake
 * (selftest.gresource.xml).
 */
#include <gio/gio.h>
#include <string.h>

#include "base/digest.h"
#include "step/common.h"
#include "step/kinds.h"

#define SCRIPT      "ccbake-selftest"
#define UNIT        "ccbake-selftest.service"
#define SCRIPT_PATH "/usr/libexec/ccbake/" SCRIPT
#define UNIT_PATH   "/usr/lib/systemd/system/" UNIT
#define LINK_PATH   "/etc/systemd/system/multi-user.target.wants/" UNIT
#define CONF_PATH   "/etc/ccbake/selftest.conf"

static const CcbField attest_fields[] = {
    {"command", CCB_FIELD_STRINGS, true, "words of the command, without spaces in them", NULL,
     NULL},
    {"success", CCB_FIELD_STRING, true, "what its output holds when all is well", NULL, NULL},
    {"failure", CCB_FIELD_STRINGS, false, "texts of which it must hold none; default: none", NULL,
     NULL},
    {0},
};

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"enable", CCB_FIELD_BOOL, false, "run it at every boot; default: false", NULL, NULL},
    {"attest", CCB_FIELD_MAP, false, "local attestation; default: none", NULL, attest_fields},
    {0},
};

GResource *ccb_selftest_get_resource(void); /* made by glib-compile-resources */

/* A file of overlays/selftest: a text of the program, which GIO ends with a zero byte. */
static const char *linked_in(const char *name)
{
    g_autofree char *path = g_strconcat("/", name, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) file = g_resource_lookup_data(ccb_selftest_get_resource(), path,
                                                    G_RESOURCE_LOOKUP_FLAGS_NONE, &error);
    if (file == NULL)
        g_error("%s", error->message); /* a mistake in the build */
    return g_bytes_get_data(file, NULL);
}

/* The script splits the command at spaces and reads its settings by lines. */
static bool check_command(const CcbNode *attest, GError **error)
{
    g_auto(GStrv) words = ccb_node_get_strings(attest, "command");
    for (char **word = words; *word != NULL; word++)
        if ((*word)[0] == '\0' || strpbrk(*word, " \t\n") != NULL)
            return ccb_node_fail(ccb_node_get(attest, "command"), error,
                                 "\"command\": \"%s\" is empty or has spaces in it", *word);
    return true;
}

static bool check_text(const CcbNode *attest, const char *field, const char *text, GError **error)
{
    return (text[0] != '\0' && strchr(text, '\n') == NULL) ||
           ccb_node_fail(ccb_node_get(attest, field), error, "\"%s\": expected one line of text",
                         field);
}

static bool check_attest(const CcbNode *attest, GError **error)
{
    if (attest == NULL)
        return true;
    g_auto(GStrv) failures = ccb_node_get_strings(attest, "failure");
    for (char **text = failures; *text != NULL; text++)
        if (!check_text(attest, "failure", *text, error))
            return false;
    return check_command(attest, error) &&
           check_text(attest, "success", ccb_node_get_text(attest, "success"), error);
}

static bool check(const CcbRecipe *recipe, const CcbRecipeStep *step, GError **error)
{
    return check_attest(ccb_node_get(step->node, "attest"), error);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    return g_strdup_printf("install %s, %s", SCRIPT_PATH,
                           ccb_node_get_bool(step->settings, "enable", false)
                               ? "run at every boot"
                               : "run when it is asked for");
}

static void add(GString *text, const char *name, const char *value)
{
    g_autofree char *line = g_strdelimit(g_strdup(value ? value : ""), "\n", ' ');
    g_string_append_printf(text, "%s=%s\n", name, line);
}

/* The slabs of swiotlb=SLABS[,...]; caller frees; NULL where the recipe sets none. */
static char *slabs_of(const CcbRecipe *recipe)
{
    static const char name[] = "swiotlb=";
    const CcbRecipeStep *step = ccb_recipe_step_of_kind(recipe, "kernel-args");
    g_auto(GStrv) args = step ? ccb_node_get_strings(step->node, "set") : g_new0(char *, 1);
    for (char **arg = args; *arg != NULL; arg++) {
        size_t digits = strspn(*arg + MIN(strlen(*arg), strlen(name)), "0123456789");
        if (g_str_has_prefix(*arg, name) && digits > 0)
            return g_strndup(*arg + strlen(name), digits);
    }
    return NULL;
}

static char *consumers_of(const CcbRecipe *recipe)
{
    const CcbRecipeStep *step = ccb_recipe_step_of_kind(recipe, "units");
    const CcbNode *rows = step ? ccb_node_get(step->node, "wait-for") : NULL;
    g_auto(GStrv) names = ccb_node_collect_strings(rows, "consumers");
    return g_strjoinv(" ", names);
}

/* What a running instance should show, as far as the rest of the recipe tells it. */
static char *expectations(const CcbRecipe *recipe)
{
    GString *text = g_string_new(NULL);
    g_autofree char *slabs = slabs_of(recipe);
    g_autofree char *consumers = consumers_of(recipe);
    g_string_append_printf(text, "gpus=%u\n", recipe->gpus);
    add(text, "driver", ccb_recipe_setting(recipe, "nvidia-driver", "version"));
    add(text, "fabric_manager", ccb_recipe_setting(recipe, "fabric-manager", "version"));
    add(text, "nscq", ccb_recipe_setting(recipe, "nscq", "version"));
    add(text, "swiotlb", slabs);
    add(text, "consumers", consumers);
    return g_string_free(text, FALSE);
}

static void add_digest(GString *text, const char *name)
{
    g_autofree char *digest = ccb_digest_string(linked_in(name));
    add(text, name, digest);
}

static char *derive(const CcbRecipe *recipe)
{
    g_autofree char *expected = expectations(recipe);
    GString *text = g_string_new(expected);
    add_digest(text, SCRIPT);
    add_digest(text, UNIT);
    return g_string_free(text, FALSE);
}

static void declare_file(GPtrArray *effect, const char *name, const char *path, mode_t mode)
{
    const char *text = linked_in(name);
    ccb_effect_file(effect, path, text, strlen(text))->mode = mode;
}

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    declare_file(effect, SCRIPT, SCRIPT_PATH, 0755);
    declare_file(effect, UNIT, UNIT_PATH, 0644);
    ccb_effect_unknown(effect, CONF_PATH, "what the instance is expected to show");
    if (ccb_node_get_bool(step->settings, "enable", false))
        ccb_effect_add(effect, CCB_EFFECT_LINK, LINK_PATH, UNIT_PATH);
    else
        ccb_effect_add(effect, CCB_EFFECT_DISABLE, NULL, UNIT);
    return true;
}

/* The kernel is the one that the steps before this one left, which its key covers by theirs. */
static bool write_conf(CcbBake *bake, const CcbStep *step, GError **error)
{
    const CcbNode *attest = ccb_node_get(step->settings, "attest");
    g_auto(GStrv) words = ccb_node_get_strings(attest, "command");
    g_auto(GStrv) failures = ccb_node_get_strings(attest, "failure");
    g_autofree char *command = g_strjoinv(" ", words);
    g_autofree char *expected = expectations(bake->recipe);
    g_autoptr(GString) text = g_string_new("# Written by ccbake: what ccbake-selftest expects.\n");
    g_string_append(text, expected);
    add(text, "kernel", ccb_bake_kver(bake));
    add(text, "attest", command);
    add(text, "attest_success", ccb_node_get_text(attest, "success"));
    for (char **failure = failures; *failure != NULL; failure++)
        add(text, "attest_failure", *failure);
    add(text, "baked", bake->key);
    return ccb_guest_write(bake->guest, CONF_PATH, text->str, text->len, 0644, 0, 0, error);
}

static bool write_file(CcbBake *bake, const char *name, const char *path, mode_t mode,
                       GError **error)
{
    const char *text = linked_in(name);
    return ccb_guest_write(bake->guest, path, text, strlen(text), mode, 0, 0, error);
}

static bool set_enabled(CcbBake *bake, bool enabled, GError **error)
{
    return enabled ? ccb_guest_symlink(bake->guest, UNIT_PATH, LINK_PATH, error)
                   : ccb_guest_remove(bake->guest, LINK_PATH, error);
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    return write_file(bake, SCRIPT, SCRIPT_PATH, 0755, error) &&
           write_file(bake, UNIT, UNIT_PATH, 0644, error) && write_conf(bake, step, error) &&
           set_enabled(bake, ccb_node_get_bool(step->settings, "enable", false), error);
}

const CcbStepKind ccb_step_selftest = {
    .name = "selftest",
    .summary = "bring the self-test that runs on the instance",
    .version = 2,
    .is_selftest = true,
    .fields = fields,
    .check = check,
    .derive = derive,
    .describe = describe,
    .declare = declare,
    .run = run,
};
