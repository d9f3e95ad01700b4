/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "emit/format.h"
#include "fetch/url.h"

enum { MANIFEST_FORMAT = 1 };

static json_t *file_to_json(const CcbPayload *p)
{
    g_autofree char *url = ccb_url_redact(p->urls[0]);
    return json_pack("{sssssssI}", "label", p->label, "url", url, "sha256", p->sha256, "size",
                     (json_int_t)p->size);
}

static json_t *payloads_to_json(const CcbPlan *plan)
{
    json_t *list = json_array();
    g_autoptr(GPtrArray) payloads = ccb_payloads_of(plan->steps, 0, plan->steps->len);
    for (guint i = 0; i < payloads->len; i++)
        json_array_append_new(list, file_to_json(payloads->pdata[i]));
    return list;
}

static json_t *steps_to_json(const CcbManifest *m)
{
    json_t *list = json_array();
    for (guint i = 0; i < m->plan->steps->len; i++) {
        const CcbStep *step = m->plan->steps->pdata[i];
        const CcbStepTime *took = &g_array_index(m->times, CcbStepTime, i);
        g_autofree char *what = ccb_step_describe(m->plan->recipe, step);
        json_t *json =
            json_pack("{sssssssssfsb}", "id", step->id, "kind", step->kind->name, "key", m->keys[i],
                      "what", what, "seconds", took->seconds, "cached", (int)took->cached);
        uint64_t size = ccb_layer_size(m->keys[i]);
        if (size > 0)
            json_object_set_new(json, "layer_size", json_integer((json_int_t)size));
        json_array_append_new(list, json);
    }
    return list;
}

/* Packages of the result that the base did not have. */
static json_t *added_packages(const CcbManifest *m)
{
    json_t *list = json_array();
    const char *const *before = (const char *const *)m->base->packages;
    for (char **name = m->result->packages; name != NULL && *name != NULL; name++)
        if (!g_strv_contains(before, *name))
            json_array_append_new(list, json_string(*name));
    return list;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *packages_to_json(const CcbManifest *m)
{
    json_t *list = json_array();
    g_auto(GStrv) names = g_strdupv(m->result->packages);
    if (names != NULL)
        qsort(names, g_strv_length(names), sizeof *names, compare_names);
    for (char **name = names; name != NULL && *name != NULL; name++)
        json_array_append_new(list, json_string(*name));
    return list;
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

/* One image, digested in a thread of its own. */
typedef struct {
    const CcbOutputFile *file;
    GThread *thread;
    char *sha256;
    GError *error;
} Digestion;

static gpointer digest_image(gpointer data)
{
    Digestion *d = data;
    d->sha256 = ccb_digest_file(d->file->temporary, &d->error);
    return NULL;
}

static json_t *image_to_json(const CcbManifest *m, guint i, Digestion *digestion, GError **error)
{
    struct stat st;
    uint64_t disk_size = MAX(m->base->disk->size, m->plan->recipe->grow);
    const CcbEmitFormat *format = m->formats->pdata[i];
    const CcbOutputFile *file = digestion->file;
    g_autofree char *base = g_path_get_basename(file->path);
    g_autofree char *name = g_utf8_make_valid(base, -1);
    if (digestion->sha256 == NULL) {
        g_propagate_error(error, g_steal_pointer(&digestion->error));
        return NULL;
    }
    if (stat(file->temporary, &st) != 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "%s", file->temporary);
        return NULL;
    }
    return json_pack("{sssssIsIsssb}", "file", name, "sha256", digestion->sha256, "size",
                     (json_int_t)st.st_size, "virtual_size",
                     (json_int_t)ccb_emit_size(format, disk_size), "format", format->name,
                     "compressed", m->compressed && format->compresses);
}

static json_t *images_to_json(const CcbManifest *m, GError **error)
{
    json_t *list = json_array();
    g_autofree Digestion *digestions = g_new0(Digestion, m->formats->len);
    for (guint i = 0; i < m->formats->len; i++) {
        digestions[i].file = ccb_output_image(m->output, i);
        digestions[i].thread = g_thread_new("digest", digest_image, &digestions[i]);
    }
    for (guint i = 0; i < m->formats->len; i++)
        g_thread_join(digestions[i].thread);
    for (guint i = 0; i < m->formats->len; i++) {
        json_t *image = list ? image_to_json(m, i, &digestions[i], error) : NULL;
        if (image == NULL)
            g_clear_pointer(&list, json_decref);
        else
            json_array_append_new(list, image);
        g_free(digestions[i].sha256);
        g_clear_error(&digestions[i].error);
    }
    return list;
}

json_t *ccb_manifest_build(const CcbManifest *m, GError **error)
{
    json_t *images = images_to_json(m, error);
    if (images == NULL)
        return NULL;
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *baked = g_date_time_format_iso8601(now);
    json_t *base = file_to_json(m->plan->base);
    json_object_set_new(base, "os", json_string(m->base->os_name ? m->base->os_name : ""));
    json_object_set_new(base, "kernel", json_string(m->base->default_kver));
    json_t *json = json_pack("{siss}", "manifest", MANIFEST_FORMAT, "ccbake", CCB_VERSION);
    json_object_set_new(json, "key", json_string(m->key));
    json_object_update(json, (json_t *)m->inputs);
    json_object_set_new(json, "base", base);
    json_object_set_new(json, "payloads", payloads_to_json(m->plan));
    json_object_set_new(json, "steps", steps_to_json(m));
    json_object_set_new(json, "packages", packages_to_json(m));
    json_object_set_new(json, "packages_added", added_packages(m));
    json_object_set_new(json, "kernel", json_string(m->result->default_kver));
    json_object_set_new(json, "driver", text_or_null(m->plan->expect.driver));
    json_object_set_new(json, "cuda", text_or_null(m->plan->expect.cuda));
    json_object_set_new(json, "baked", json_string(baked));
    json_object_set_new(
        json, "seconds",
        json_pack("{sfsfsf}", "emit", m->emit_s, "verify", m->verify_s, "all", m->all_s));
    json_object_set_new(json, "backend", json_string(m->backend));
    json_object_set_new(json, "expected", ccb_expectation_to_json(&m->plan->expect));
    json_object_set(json, "image", json_array_get(images, 0));
    json_object_set_new(json, "images", images);
    if (m->checks) {
        json_object_set(json, "checks", m->checks);
        json_object_set_new(json, "check_set", json_string(m->check_set));
    }
    return json;
}

/* Whether all checks of the set were made, and the recipe still waives each that was waived. */
static bool checks_hold(const json_t *manifest, const char *check_set, const CcbRecipe *recipe)
{
    size_t i;
    const json_t *row;
    const json_t *checks = json_object_get(manifest, "checks");
    const char *made = json_string_value(json_object_get(manifest, "check_set"));
    if (checks == NULL || g_strcmp0(made, check_set) != 0)
        return false;
    json_array_foreach(json_object_get(checks, "checks"), i, row)
    {
        const char *id = json_string_value(json_object_get(row, "id"));
        if (json_object_get(row, "waiver") != NULL &&
            (id == NULL || ccb_recipe_waiver(recipe, id) == NULL))
            return false;
    }
    return true;
}

/* Settings that change no step can change what the checks want: GPUs, the minimum kernel.  Waivers
 * are for checks_hold(). */
static bool expects_the_same(const json_t *manifest, const CcbPlan *plan)
{
    json_auto_t *then = json_deep_copy(json_object_get(manifest, "expected"));
    json_auto_t *now = ccb_expectation_to_json(&plan->expect);
    json_object_del(then, "waivers");
    json_object_del(now, "waivers");
    return json_equal(then, now);
}

bool ccb_manifest_is_current(const char *const *paths, const GPtrArray *formats, const char *key,
                             const CcbPlan *plan, bool compressed, const char *check_set)
{
    g_autofree char *manifest_path = ccb_output_manifest_path(paths[0]);
    json_auto_t *manifest = json_load_file(manifest_path, 0, NULL);
    const json_t *images = json_object_get(manifest, "images");
    if (g_strcmp0(json_string_value(json_object_get(manifest, "key")), key) != 0 ||
        json_array_size(images) != formats->len ||
        (check_set != NULL &&
         !(checks_hold(manifest, check_set, plan->recipe) && expects_the_same(manifest, plan))))
        return false;
    for (guint i = 0; i < formats->len; i++) {
        const json_t *image = json_array_get(images, i);
        const CcbEmitFormat *format = formats->pdata[i];
        const char *name = json_string_value(json_object_get(image, "format"));
        const char *sha256 = json_string_value(json_object_get(image, "sha256"));
        bool is_compressed = json_is_true(json_object_get(image, "compressed"));
        if (g_strcmp0(name, format->name) != 0 ||
            is_compressed != (compressed && format->compresses))
            return false;
        g_autofree char *found = ccb_digest_file_once(paths[i], NULL);
        if (found == NULL || g_strcmp0(found, sha256) != 0)
            return false;
    }
    return true;
}

json_t *ccb_manifest_load(const char *path, GError **error)
{
    json_error_t reason;
    json_auto_t *manifest = json_load_file(path, 0, &reason);
    if (manifest == NULL)
        ccb_fail(error, CCB_ERR_INPUT, "the manifest %s: %s", path, reason.text);
    else if (json_object_get(manifest, "manifest") == NULL)
        ccb_fail(error, CCB_ERR_INPUT, "%s is not the manifest of an image", path);
    else
        return g_steal_pointer(&manifest);
    return NULL;
}

static bool is_of(const json_t *image, const char *sha256)
{
    return g_strcmp0(json_string_value(json_object_get(image, "sha256")), sha256) == 0;
}

json_t *ccb_manifest_load_for(const char *path, const char *image, const char *sha256,
                              GError **error)
{
    size_t i;
    const json_t *one;
    json_auto_t *manifest = ccb_manifest_load(path, error);
    if (manifest == NULL)
        return NULL;
    bool found = is_of(json_object_get(manifest, "image"), sha256);
    /* A bake may have made several images. */
    json_array_foreach(json_object_get(manifest, "images"), i, one) found =
        found || is_of(one, sha256);
    if (found)
        return g_steal_pointer(&manifest);
    ccb_fail(error, CCB_ERR_INPUT, "%s is the manifest of another file than %s: the digests differ",
             path, image);
    return NULL;
}

json_t *ccb_manifest_beside(const char *image, const char *sha256, GError **error)
{
    g_autofree char *path = ccb_output_manifest_path(image);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return NULL;
    return ccb_manifest_load_for(path, image, sha256, error);
}

const char *ccb_manifest_recipe(const json_t *manifest)
{
    return json_string_value(json_object_get(json_object_get(manifest, "recipe"), "name"));
}

bool ccb_manifest_check_place(const char *image, GError **error)
{
    size_t i;
    const json_t *row;
    g_autofree char *path = ccb_output_manifest_path(image);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return true;
    g_autofree char *base = g_path_get_basename(image);
    g_autofree char *name = g_utf8_make_valid(base, -1);
    json_auto_t *manifest = json_load_file(path, 0, NULL);
    json_array_foreach(json_object_get(manifest, "images"), i, row)
    {
        if (g_strcmp0(json_string_value(json_object_get(row, "file")), name) == 0)
            return true;
    }
    ccb_fail(error, CCB_ERR_USAGE, "%s exists but is not the manifest of %s; it is not overwritten",
             path, image);
    return ccb_hint(error, "give the image another name, or use --force");
}
