/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Python packages, for the attestation tools.  `lock` asks the guest's own pip what it would
 * download, and notes URL and sha256 of each wheel; the bake installs exactly those files, without
 * a network.
 */
#include <string.h>

#include "base/process.h"
#include "base/quantity.h"
#include "step/common.h"
#include "step/kinds.h"

typedef struct {
    CcbStepSettings common;
    char *python, *index;
    char **install, **find_links;
    bool no_index, make_default;
} Settings;

static const CcbField fields[] = {
    CCB_STEP_FIELDS,
    CCB_SETTING(Settings, install, "install", STRINGS, "requirements: name==version",
                .required = true),
    CCB_SETTING(Settings, python, "python", STRING, "interpreter in the guest",
                .preset = "python3.11"),
    CCB_SETTING(Settings, find_links, "find-links", STRINGS, "pages with links to wheels"),
    CCB_SETTING(Settings, index, "index", STRING,
                "package index; default: the one that the guest's pip uses"),
    CCB_SETTING(Settings, no_index, "no-index", BOOL, "only the find-links pages; default: false"),
    CCB_SETTING(Settings, make_default, "make-default", BOOL,
                "make it what python3 runs; default: false"),
    {0},
};

static void expect(const CcbStep *step, CcbExpectation *expect)
{
    const Settings *s = step->settings;
    ccb_expect_words(&expect->python, s->install);
}

static char *describe(const CcbRecipe *recipe, const CcbStep *step)
{
    const Settings *s = step->settings;
    g_autofree char *list = g_strjoinv(", ", s->install);
    return g_strdup_printf("install %s for %s: %u %s by the lock", list, s->python,
                           step->payloads->len, ccb_plural(step->payloads->len, "wheel", "wheels"));
}

static bool changes(const CcbStepContext *context, const CcbStep *step, GPtrArray *changes,
                    GError **error)
{
    const Settings *s = step->settings;
    for (guint i = 0; i < step->payloads->len; i++)
        ccb_change_unknown(changes, NULL, "wheel %s, for %s",
                           ((CcbPayload *)step->payloads->pdata[i])->name, s->python);
    if (s->make_default)
        ccb_change_unknown(changes, "/usr/bin/python3", "%s, by alternatives", s->python);
    return true;
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
    g_autofree char *plain = g_strndup(url, strcspn(url, "?#"));
    g_autofree char *encoded = g_path_get_basename(plain);
    g_autofree char *name = g_uri_unescape_string(encoded, "/");
    if (name == NULL || !g_utf8_validate(name, -1, NULL)) {
        ccb_fail(error, CCB_ERR_STEP, "the guest's pip named a package whose URL is malformed: %s",
                 plain);
        return NULL;
    }
    return ccb_step_payload_new(name, name, plain, sha256);
}

static bool resolve(CcbBake *bake, const CcbStep *step, GPtrArray *ret_payloads, GError **error)
{
    const Settings *s = step->settings;
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) answer = g_string_new(NULL);
    ccb_argv_add(argv, s->python, "-m", "pip", "install", "--dry-run", "--ignore-installed",
                 "--quiet", "--only-binary", ":all:", "--no-cache-dir",
                 "--disable-pip-version-check", "--report", "-", NULL);
    if (s->index != NULL)
        ccb_argv_add(argv, "--index-url", s->index, NULL);
    if (s->no_index)
        ccb_argv_add(argv, "--no-index", NULL);
    for (char **page = s->find_links; *page != NULL; page++)
        ccb_argv_add(argv, "--find-links", *page, NULL);
    for (char **name = s->install; *name != NULL; name++)
        ccb_argv_add(argv, *name, NULL);
    g_ptr_array_add(argv, NULL);
    CcbCommand command = {.argv = (const char *const *)argv->pdata, .ret_stdout = answer};
    if (!ccb_step_limited(bake, step, &command, error))
        return false;
    json_auto_t *report = json_loads(answer->str, 0, NULL);
    const json_t *list = json_object_get(report, "install");
    if (!json_is_array(list))
        return ccb_fail(error, CCB_ERR_STEP,
                        "the guest's pip printed no report; it needs pip 22.2");
    return ccb_step_add_resolved(list, payload_of, ret_payloads, error);
}

static bool run(CcbBake *bake, const CcbStep *step, GError **error)
{
    const Settings *s = step->settings;
    g_autofree char *path = g_build_filename("/usr/bin", s->python, NULL);
    /* As the guide does: python3 is this interpreter. */
    if (s->make_default &&
        (!ccb_guest_command(bake->guest, error, "alternatives", "--install", "/usr/bin/python3",
                            "python3", path, "60", NULL) ||
         !ccb_guest_command(bake->guest, error, "alternatives", "--set", "python3", path, NULL)))
        return false;
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    /* Byte code carries time stamps: it is left to be made by the first use. */
    ccb_argv_add(argv, s->python, "-m", "pip", "install", "--no-index", "--find-links",
                 CCB_PAYLOAD_DIR, "--no-cache-dir", "--no-compile", "--disable-pip-version-check",
                 "--root-user-action", "ignore", NULL);
    for (char **name = s->install; *name != NULL; name++)
        ccb_argv_add(argv, *name, NULL);
    return ccb_step_command(bake, step, argv, error);
}

const CcbStepKind ccb_step_python_packages = {
    .name = "python-packages",
    .summary = "install Python wheels, resolved by the lock",
    .version = 1,
    .fields = fields,
    .settings_size = sizeof(Settings),
    .image_percent = 500,
    .expect = expect,
    .describe = describe,
    .changes = changes,
    .resolve = resolve,
    .run = run,
};
