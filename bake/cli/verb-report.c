/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ccbake report IMAGE: what a bake writes as OUT.html, for any image that is there.  The manifest
 * beside it counts where it is of this very file; it has what the bake expected of the image.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "cli/load.h"
#include "cli/open-image.h"
#include "cli/report-data.h"
#include "cli/verbs.h"
#include "diff/diff.h"
#include "emit/output.h"
#include "fetch/url.h"
#include "image/qemu-img.h"
#include "plan/acquire.h"

static const char *output_path, *base_path, *recipe_path, *backend_name = "auto";
static GPtrArray *settings;

static const CcbOption options[] = {
    {"output", 'o', CCB_OPT_STRING, &output_path, "FILE",
     "the report; default: IMAGE with .html as its ending"},
    {"base", 'b', CCB_OPT_STRING, &base_path, "FILE", "the image to compare with"},
    {"recipe", 0, CCB_OPT_STRING, &recipe_path, "FILE",
     "expect what this recipe bakes (otherwise what the manifest says)"},
    {"set", 's', CCB_OPT_LIST, &settings, "NAME=VALUE",
     "give a variable of the recipe another value"},
    {"backend", 0, CCB_OPT_STRING, &backend_name, "auto|appliance|host",
     "how the images are opened"},
    CCB_PROGRESS_OPTIONS,
    {0},
};

typedef struct {
    const char *path;
    CcbBackend backend;
    json_t *manifest; /* the one beside the image, or what is known without it */
    GPtrArray *notes; /* char * */
    char *base;       /* what it is compared with, or NULL */
    CcbExpectation expect;
    CcbFindings findings;
    CcbSnapshot *a, *b; /* of base and image */
} Session;

static void session_clear(Session *s)
{
    json_decref(s->manifest);
    g_ptr_array_unref(s->notes);
    g_free(s->base);
    ccb_expectation_clear(&s->expect);
    ccb_findings_clear(&s->findings);
    ccb_snapshot_free(s->a);
    ccb_snapshot_free(s->b);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

static void note(Session *s, char *text)
{
    ccb_warn("%s", text);
    g_ptr_array_add(s->notes, text);
}

/* --- what is known before the image is opened */

/* What a manifest would say of the file alone. */
static json_t *describe_file(const char *path, const char *sha256, GError **error)
{
    struct stat st;
    g_auto(CcbImageInfo) info = {0};
    if (!ccb_image_probe(path, &info, error))
        return NULL;
    if (stat(path, &st) != 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
        return NULL;
    }
    return json_pack("{s{sssIsIss}}", "image", "sha256", sha256, "size", (json_int_t)st.st_size,
                     "virtual_size", (json_int_t)info.virtual_size, "format", info.format);
}

/* The manifest beside the image; NULL without an error where there is none of it. */
static json_t *load_manifest(Session *s, const char *sha256)
{
    g_autofree char *path = ccb_output_manifest_path(s->path);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return NULL;
    json_t *json = json_load_file(path, 0, NULL);
    const char *own = json_string_value(json_object_get(json_object_get(json, "image"), "sha256"));
    if (g_strcmp0(own, sha256) == 0)
        return json;
    note(s, g_strdup_printf("%s is not the manifest of this image: left out", path));
    json_decref(json);
    return NULL;
}

static bool read_manifest(Session *s, GError **error)
{
    g_autofree char *format = ccb_image_format(s->path, error);
    ccb_progress_begin("digest", s->path, 0);
    g_autofree char *sha256 = format ? ccb_digest_file_once(s->path, error) : NULL;
    if (sha256 == NULL) {
        ccb_progress_abort();
        return false;
    }
    ccb_progress_end(NULL);
    s->manifest = load_manifest(s, sha256);
    if (s->manifest == NULL)
        s->manifest = describe_file(s->path, sha256, error);
    return s->manifest != NULL;
}

static bool set_expectation(Session *s, GError **error)
{
    if (recipe_path != NULL)
        return ccb_load_expectation(recipe_path, settings, &s->expect, error);
    ccb_expectation_from_json(json_object_get(s->manifest, "expected"), &s->expect);
    return true;
}

/* --- the base */

/* Where the base that the manifest names is at hand; caller frees. */
static char *find_base(const json_t *base)
{
    const char *sha256 = json_string_value(json_object_get(base, "sha256"));
    const char *url = json_string_value(json_object_get(base, "url"));
    if (sha256 == NULL || !ccb_digest_is_valid(sha256))
        return NULL;
    g_autofree char *local = url != NULL ? ccb_url_local_path(url) : NULL;
    g_autofree char *found = local != NULL ? ccb_digest_file_once(local, NULL) : NULL;
    if (g_strcmp0(found, sha256) == 0)
        return g_steal_pointer(&local);
    g_autoptr(CcbStore) store = ccb_plan_store(NULL);
    return store != NULL ? ccb_store_find(store, sha256, NULL) : NULL;
}

static bool choose_base(Session *s, GError **error)
{
    const json_t *base = json_object_get(s->manifest, "base");
    const char *wanted = json_string_value(json_object_get(base, "sha256"));
    if (base_path == NULL) {
        s->base = find_base(base);
        return true;
    }
    g_autofree char *format = ccb_image_format(base_path, error);
    g_autofree char *found = format != NULL ? ccb_digest_file_once(base_path, error) : NULL;
    if (found == NULL)
        return false;
    s->base = g_strdup(base_path);
    if (wanted != NULL && strcmp(wanted, found) != 0)
        note(s, g_strdup_printf("%s, with which the image is compared, is not the base that it was "
                                "baked from",
                                base_path));
    return true;
}

/* --- reading */

static void add_kernel(const Session *s, const CcbSnapshot *image)
{
    const char *kver = image->facts != NULL ? image->facts->default_kver : NULL;
    if (kver != NULL && json_object_get(s->manifest, "kernel") == NULL)
        json_object_set_new(s->manifest, "kernel", json_string(kver));
}

static bool judge(const CcbSnapshot *image, CcbGuest *guest, void *data, GError **error)
{
    Session *s = data;
    add_kernel(s, image);
    return ccb_findings_read(guest, &s->expect, &s->findings, error);
}

static bool read_images(Session *s, GError **error)
{
    const CcbReading base = {.path = s->base, .snapshot = &s->a};
    const CcbReading image = {.path = s->path, .snapshot = &s->b, .then = judge, .data = s};
    return s->base != NULL ? ccb_read_images(s->backend, &base, &image, error)
                           : ccb_read_image(s->backend, &image, error);
}

/* --- writing */

static json_t *compare(const Session *s)
{
    g_autoptr(CcbDiff) diff = s->base != NULL ? ccb_diff_new(s->a, s->b) : NULL;
    return diff != NULL ? ccb_diff_to_json(diff) : NULL;
}

static bool write_page(Session *s, const char *path, GError **error)
{
    json_t *checks = ccb_report_to_json(s->findings.checks), *diff = compare(s);
    g_autofree char *name = g_path_get_basename(s->path);
    g_autofree char *now = ccb_page_now();
    g_ptr_array_add(s->notes, NULL);
    CcbPage page = {.image = name,
                    .manifest = s->manifest,
                    .checks = checks,
                    .diff = diff,
                    .no_diff =
                        "The base is not at hand; `ccbake report --base=FILE` compares with it.",
                    .plot = s->findings.plot,
                    .no_plot = s->findings.no_plot,
                    .notes = (const char *const *)s->notes->pdata,
                    .made = now};
    g_autofree char *html = ccb_page_to_html(&page);
    json_decref(checks);
    json_decref(diff);
    return ccb_write_file_atomic(path, html, strlen(html), error);
}

static bool run(int argc, char **argv, GError **error)
{
    g_auto(Session) s = {.path = argv[0], .notes = g_ptr_array_new_with_free_func(g_free)};
    g_autofree char *path = output_path ? g_strdup(output_path) : ccb_output_report_path(argv[0]);
    if (ccb_is_same_file(path, argv[0]) || (base_path != NULL && ccb_is_same_file(path, base_path)))
        return ccb_fail(error, CCB_ERR_USAGE, "the report would replace the image %s", path);
    if (!read_manifest(&s, error) || !choose_base(&s, error) || !set_expectation(&s, error))
        return false;
    s.backend = ccb_open_backend(backend_name, error);
    if (s.backend == CCB_BACKEND_AUTO)
        return false;
    if (!read_images(&s, error) || !write_page(&s, path, error))
        return false;
    ccb_progress_result("report", path, " of %s", argv[0]);
    return ccb_report_verdict(s.findings.checks, error);
}

const CcbVerb ccb_verb_report = {
    .name = "report",
    .arguments = "IMAGE",
    .summary = "write what is known of an image as HTML",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
