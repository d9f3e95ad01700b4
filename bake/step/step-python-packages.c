/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Python packages, for the attestation tools.  `lock` asks the guest's own pip what it would
 * download, and notes URL and sha256 of each wheel; the bake installs exactly those files, without
 * a network.
 */
#include <string.h>

#include "base/process.h"
#include "step/common.h"
#include "step/kinds.h"

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    {"install", CCB_FIELD_STRINGS, true, "requirements: name==version", NULL, NULL},
    {"python", CCB_FIELD_STRING, false, "interpreter in the guest; default: python3.11", NULL,
     NULL},
    {"find-links", CCB_FIELD_STRINGS, false, "pages with links to wheels", NULL, NULL},
    {"index", CCB_FIELD_STRING, false, "package index; default: the one that the guest's pip uses",
     NULL, NULL},
    {"no-index", CCB_FIELD_BOOL, false, "only the find-links pages; default: false", NULL, NULL},
    {"make-default", CCB_FIELD_BOOL, false, "make it what python3 runs; default: false", NULL,
     NULL},
    {0},
};

static const char *interpreter(const CcbStep *step)
{
    const char *python = ccb_node_get_text(step->settings, "python");
    return python ? python : "python3.11";
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    g_auto(GStrv) names = ccb_node_get_strings(step->settings, "install");
    g_autofree char *list = g_strjoinv(", ", names);
    return g_strdup_printf("install %s for %s: %u wheels by the lock", list, interpreter(step),
                           step->payloads->len);
}

static bool declare(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                    GPtrArray *effect, GError **error)
{
    for (guint i = 0; i < step->payloads->len; i++)
        ccb_effect_unknown(effect, NULL, "wheel %s, for %s",
                           ((CcbPayload *)step->payloads->pdata[i])->name, interpreter(step));
    if (ccb_node_get_bool(step->settings, "make-default", false))
        ccb_effect_unknown(effect, "/usr/bin/python3", "%s, by alternatives", interpreter(step));
    return true;
}

static void add_requirements(GPtrArray *argv, const CcbStep *step)
{
    g_auto(GStrv) names = ccb_node_get_strings(step->settings, "install");
    for (char **name = names; *name != NULL; name++)
        g_ptr_array_add(argv, g_strdup(*name));
}

static GPtrArray *resolver_argv(const CcbStep *step)
{
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    const char *index = ccb_node_get_text(step->settings, "index");
    g_auto(GStrv) pages = ccb_node_get_strings(step->settings, "find-links");
    ccb_argv_add(argv, interpreter(step), "-m", "pip", "install", "--dry-run", "--ignore-installed",
                 "--quiet", "--only-binary", ":all:", "--no-cache-dir",
                 "--disable-pip-version-check", "--report", "-", NULL);
    if (index)
        ccb_argv_add(argv, "--index-url", index, NULL);
    if (ccb_node_get_bool(step->settings, "no-index", false))
        ccb_argv_add(argv, "--no-index", NULL);
    for (char **page = pages; *page != NULL; page++)
        ccb_argv_add(argv, "--find-links", *page, NULL);
    add_requirements(argv, step);
    g_ptr_array_add(argv, NULL);
    return argv;
}

/* pip's installation report, version 1: install[].download_info. */
static CcbPayload *payload_of(const json_t *item, GError **error)
{
    const json_t *info = json_object_get(item, "download_info");
    const json_t *archive = json_object_get(info, "archive_info");
    const char *url = json_string_value(json_object_get(info, "url"));
    const char *sha256 =
        json_string_value(json_object_get(json_object_get(archive, "hashes"), "sha256"));
    const char *hash = json_string_value(json_object_get(archive, "hash")); /* pip before 22.3 */
    if (url == NULL) {
        ccb_fail(error, CCB_ERR_STEP, "the guest's pip named a package without URL");
        return NULL;
    }
    if (sha256 == NULL && hash != NULL && g_str_has_prefix(hash, "sha256="))
        sha256 = hash + strlen("sha256=");
    CcbPayload *payload = g_new0(CcbPayload, 1);
    g_autofree char *plain = g_strndup(url, strcspn(url, "?#"));
    g_autofree char *encoded = g_path_get_basename(plain);
    payload->name = g_uri_unescape_string(encoded, "/");
    payload->label = g_strdup(payload->name);
    payload->urls = g_new0(char *, 2);
    payload->urls[0] = g_strdup(plain);
    payload->sha256 = g_strdup(sha256);
    return payload;
}

static bool take_report(const char *text, GPtrArray *ret_payloads, GError **error)
{
    json_t *report = json_loads(text, 0, NULL);
    const json_t *list = json_object_get(report, "install");
    bool ok = json_is_array(list) ||
              ccb_fail(error, CCB_ERR_STEP, "the guest's pip printed no report; it needs pip 22.2");
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        CcbPayload *payload = payload_of(json_array_get(list, i), error);
        ok = payload != NULL;
        if (ok)
            g_ptr_array_add(ret_payloads, payload);
    }
    json_decref(report);
    return ok;
}

static bool resolve(CcbBake *bake, const CcbStep *step, GPtrArray *ret_payloads, GError **error)
{
    g_autoptr(GPtrArray) argv = resolver_argv(step);
    g_autoptr(GString) report = g_string_new(NULL);
    CcbCommand command = {.argv = (const char *const *)argv->pdata,
                          .ret_stdout = report,
                          .limit_s = ccb_step_limit(step)};
    return ccb_guest_run(bake->guest, &command, error) &&
           take_report(report->str, ret_payloads, error);
}

/* As the guide does: python3 is this interpreter. */
static bool make_default(CcbBake *bake, const CcbStep *step, GError **error)
{
    if (!ccb_node_get_bool(step->settings, "make-default", false))
        return true;
    g_autofree char *path = g_build_filename("/usr/bin", interpreter(step), NULL);
    return ccb_guest_command(bake->guest, error, "alternatives", "--install", "/usr/bin/python3",
                             "python3", path, "60", NULL) &&
           ccb_guest_command(bake->guest, error, "alternatives", "--set", "python3", path, NULL);
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    /* Byte code carries time stamps: it is left to be made by the first use. */
    ccb_argv_add(argv, interpreter(step), "-m", "pip", "install", "--no-index", "--find-links",
                 CCB_PAYLOAD_DIR, "--no-cache-dir", "--no-compile", "--disable-pip-version-check",
                 "--root-user-action", "ignore", NULL);
    add_requirements(argv, step);
    return make_default(bake, step, error) && ccb_step_command(bake, step, argv, error);
}

const CcbStepKind ccb_step_python_packages = {
    .name = "python-packages",
    .summary = "install Python wheels, resolved by the lock",
    .version = 1,
    .fields = fields,
    .image_percent = 500,
    .describe = describe,
    .declare = declare,
    .resolve = resolve,
    .run = run,
};
