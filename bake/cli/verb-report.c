/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ccbake report IMAGE: writes the report that a bake writes as OUT.html, for any image.  The manifest
 * beside it is used if it is of this very file; it has what the bake expected of the image.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "cli/load.h"
#include "cli/open-image.h"
#include "cli/release.h"
#include "cli/report-data.h"
#include "cli/verbs.h"
#include "diff/diff.h"
#include "emit/manifest.h"
#include "fetch/url.h"
#include "image/qemu-img.h"
#include "plan/acquire.h"

static struct {
    const char *output, *base, *against, *recipe, *backend;
    GPtrArray *settings;
} opts = {.backend = "auto"};

static const CcbOption options[] = {
    {"output", 'o', CCB_OPT_STRING, &opts.output, "FILE",
     "the report; default: IMAGE with .html as its ending"},
    {"base", 'b', CCB_OPT_STRING, &opts.base, "FILE", "the image to compare with"},
    {"against", 0, CCB_OPT_STRING, &opts.against, "FILE",
     "the previous release to compare with: its manifest, or its image"},
    {"recipe", 0, CCB_OPT_STRING, &opts.recipe, "FILE",
     "expect what this recipe bakes (otherwise what the manifest says)"},
    {"set", 's', CCB_OPT_LIST, &opts.settings, "NAME=VALUE",
     "give a variable of the recipe another value"},
    {"backend", 0, CCB_OPT_STRING, &opts.backend, "auto|reader|appliance|host",
     "how the images are opened"},
    CCB_DEBUG_OPTION,
    CCB_PROGRESS_OPTIONS,
    {0},
};

/* Whether the previous release is given as an image, and not as a manifest. */
static bool is_image_against(void)
{
    return opts.against != NULL && !g_str_has_suffix(opts.against, ".json");
}

typedef struct {
    const char *path;
    json_t *manifest; /* the one beside the image, or what is known without it */
    json_t *previous; /* the manifest of --against, or NULL */
    GPtrArray *notes; /* char *, for the reader */
    CcbExpectation expect;
    CcbFindings findings;
    CcbSnapshot *base, *image;
} Session;

static void session_clear(Session *s)
{
    json_decref(s->manifest);
    json_decref(s->previous);
    g_ptr_array_unref(s->notes);
    ccb_expectation_clear(&s->expect);
    ccb_findings_clear(&s->findings);
    ccb_snapshot_free(s->base);
    ccb_snapshot_free(s->image);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

/* Takes ownership of the text. */
static void note(Session *s, char *text)
{
    ccb_warn("%s", text);
    g_ptr_array_add(s->notes, text);
}

/* --- what is known before the image is opened */

/* A manifest with what the file alone tells. */
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

/* The manifest beside an image; without one that is of this image, a description of the file. */
static json_t *read_manifest(Session *s, const char *image, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autofree char *sha256 = ccb_digest_image(image, error);
    if (sha256 == NULL)
        return NULL;
    json_t *manifest = ccb_manifest_beside(image, sha256, &reason);
    if (reason != NULL)
        note(s, g_strdup_printf("%s; it is ignored", reason->message));
    return manifest != NULL ? manifest : describe_file(image, sha256, error);
}

/* The manifest of --against: the file itself, or the one beside it. */
static bool read_previous(Session *s, GError **error)
{
    if (opts.against == NULL)
        return true;
    if (is_image_against()) {
        s->previous = read_manifest(s, opts.against, error);
        return s->previous != NULL;
    }
    s->previous = ccb_manifest_load(opts.against, error);
    if (s->previous != NULL)
        return true;
    return ccb_hint(error, "ccbake bake writes one beside each image: IMAGE.json");
}

/* The image to compare with: that of --against or --base, or the base that the manifest names, if this host has it.
 * *ret_path (caller frees) is NULL where there is none. */
static bool choose_base(Session *s, char **ret_path, GError **error)
{
    const json_t *base = json_object_get(s->manifest, "base");
    const char *sha256 = json_string_value(json_object_get(base, "sha256"));
    const char *url = json_string_value(json_object_get(base, "url"));
    if (is_image_against()) {
        *ret_path = g_strdup(opts.against);
        return true;
    }
    if (opts.base != NULL) {
        g_autofree char *format = ccb_image_format(opts.base, error);
        g_autofree char *found = format != NULL ? ccb_digest_file_once(opts.base, error) : NULL;
        if (found == NULL)
            return false;
        if (sha256 != NULL && strcmp(sha256, found) != 0)
            note(s, g_strdup_printf("%s, with which the image is compared, is not the base that it "
                                    "was baked from",
                                    opts.base));
        *ret_path = g_strdup(opts.base);
        return true;
    }
    if (sha256 == NULL || !ccb_digest_is_valid(sha256))
        return true;
    g_autofree char *local = url != NULL ? ccb_url_local_path(url) : NULL;
    g_autofree char *found = local != NULL ? ccb_digest_file_once(local, NULL) : NULL;
    g_autoptr(CcbStore) store = ccb_plan_store(NULL);
    if (g_strcmp0(found, sha256) == 0)
        *ret_path = g_steal_pointer(&local);
    else if (store != NULL)
        *ret_path = ccb_store_find(store, sha256, NULL);
    return true;
}

/* --- reading and writing */

/* As a bake notes them. */
static void list_packages(json_t *manifest, char *const *packages)
{
    json_t *list = json_array();
    for (; packages != NULL && *packages != NULL; packages++)
        json_array_append_new(list, json_string(*packages));
    json_object_set_new(manifest, "packages", list);
}

static bool check(const CcbSnapshot *image, CcbGuest *guest, void *data, GError **error)
{
    Session *s = data;
    const char *kver = image->facts != NULL ? image->facts->default_kver : NULL;
    if (kver != NULL && json_object_get(s->manifest, "kernel") == NULL)
        json_object_set_new(s->manifest, "kernel", json_string(kver));
    if (image->facts != NULL && json_object_get(s->manifest, "packages") == NULL)
        list_packages(s->manifest, image->facts->packages);
    /* Of a manifest that came with the image no command is run. */
    return ccb_findings_read(guest, &s->expect, NULL, &s->findings, error);
}

static bool read_images(Session *s, const char *base_path, GError **error)
{
    const CcbReading base = {.path = base_path, .snapshot = &s->base};
    const CcbReading image = {.path = s->path, .snapshot = &s->image, .then = check, .data = s};
    CcbBackend backend = ccb_open_backend(opts.backend, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    return base_path != NULL ? ccb_read_images(backend, &base, &image, error)
                             : ccb_read_image(backend, &image, error);
}

/* The name of a file beside the image that is there, for a page in the same directory; caller frees. */
static char *name_beside(const Session *s, const char *page, const char *ending)
{
    g_autofree char *path = ccb_output_sibling(s->path, ending);
    g_autofree char *a = g_path_get_dirname(path);
    g_autofree char *b = g_path_get_dirname(page);
    bool is_there = ccb_is_same_file(a, b) && g_file_test(path, G_FILE_TEST_EXISTS);
    return is_there ? g_path_get_basename(path) : NULL;
}

static bool write_page(Session *s, const char *path, GError **error)
{
    g_autoptr(CcbDiff) diff = s->base != NULL ? ccb_diff_new(s->base, s->image) : NULL;
    json_auto_t *diff_json = diff != NULL ? ccb_diff_to_json(diff) : NULL;
    json_auto_t *checks = ccb_results_to_json(s->findings.checks);
    g_autofree char *name = g_path_get_basename(s->path);
    json_auto_t *previous =
        s->previous != NULL ? ccb_release_compare(opts.against, s->previous, s->manifest, checks)
                            : NULL;
    bool has_manifest = json_object_get(s->manifest, "manifest") != NULL;
    g_autofree char *manifest = has_manifest ? name_beside(s, path, "json") : NULL;
    g_autofree char *log = has_manifest ? name_beside(s, path, "log") : NULL;
    g_ptr_array_add(s->notes, NULL);
    const CcbPage page = {
        .image = name,
        .manifest = s->manifest,
        .checks = checks,
        .diff = diff_json,
        .no_diff = "The base is not at hand; `ccbake report --base=FILE` compares with it.",
        .before = is_image_against() ? "the previous release" : NULL,
        .previous = previous,
        .manifest_file = manifest,
        .log_file = log,
        .plot = s->findings.plot,
        .no_plot = s->findings.no_plot,
        .notes = (const char *const *)s->notes->pdata,
    };
    g_autofree char *html = ccb_page_to_html(&page);
    return ccb_write_file_atomic(path, html, strlen(html), error);
}

static bool run(int argc, char **argv, GError **error)
{
    g_auto(Session) s = {.path = argv[0], .notes = g_ptr_array_new_with_free_func(g_free)};
    g_autofree char *path = opts.output ? g_strdup(opts.output) : ccb_output_report_path(argv[0]);
    g_autofree char *base = NULL;
    if (ccb_is_same_file(path, argv[0]) ||
        (opts.base != NULL && ccb_is_same_file(path, opts.base)) ||
        (opts.against != NULL && ccb_is_same_file(path, opts.against)))
        return ccb_fail(error, CCB_ERR_USAGE, "the report would replace %s, which it reads", path);
    if (opts.base != NULL && is_image_against())
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--base and an image for --against: the report compares with one image");
    if (!ccb_check_directory_of(path, error))
        return false;
    s.manifest = read_manifest(&s, argv[0], error);
    if (s.manifest == NULL || !read_previous(&s, error) || !choose_base(&s, &base, error))
        return false;
    if (opts.recipe == NULL)
        ccb_expectation_from_json(json_object_get(s.manifest, "expected"), &s.expect);
    else if (!ccb_load_expectation(opts.recipe, opts.settings, &s.expect, error))
        return false;
    if (!read_images(&s, base, error) || !write_page(&s, path, error))
        return false;
    ccb_progress_result("report", path, " of %s", argv[0]);
    return ccb_results_verdict(s.findings.checks, error);
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
