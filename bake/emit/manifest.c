/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/manifest.h"

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

static json_t *base_to_json(const CcbManifest *m)
{
    json_t *json = file_to_json(m->plan->base);
    json_object_set_new(json, "os", json_string(m->base->os_name ? m->base->os_name : ""));
    json_object_set_new(json, "kernel", json_string(m->base->default_kver));
    return json;
}

static json_t *payloads_to_json(const CcbManifest *m)
{
    json_t *list = json_array();
    g_autoptr(GPtrArray) payloads = ccb_payloads_of(m->plan->steps, 0, m->plan->steps->len);
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
        g_autofree char *what = step->kind->describe(m->plan->recipe, step);
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

static json_t *recipe_to_json(const CcbRecipe *recipe)
{
    const CcbNode *variables = ccb_recipe_variables(recipe);
    g_autofree char *digest = ccb_recipe_digest(recipe);
    return json_pack("{sssssosi}", "name", recipe->name, "digest", digest, "variables",
                     variables ? ccb_node_to_json(variables) : json_object(), "gpus",
                     (int)recipe->gpus);
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *now_to_json(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *text = g_date_time_format_iso8601(now);
    return json_string(text);
}

/* One image, digested beside the others. */
typedef struct {
    const CcbOutputFile *file;
    char *sha256;
    GError *error;
} Digestion;

static gpointer digest_image(gpointer data)
{
    Digestion *d = data;
    d->sha256 = ccb_digest_file(d->file->temporary, &d->error);
    return NULL;
}

static void digest_images(const CcbManifest *m, Digestion *digestions)
{
    g_autofree GThread **threads = g_new0(GThread *, m->formats->len);
    for (guint i = 0; i < m->formats->len; i++) {
        digestions[i].file = ccb_output_image(m->output, i);
        threads[i] = g_thread_new("digest", digest_image, &digestions[i]);
    }
    for (guint i = 0; i < m->formats->len; i++)
        g_thread_join(threads[i]);
}

static json_t *image_to_json(const CcbManifest *m, guint i, Digestion *digestion, GError **error)
{
    struct stat st;
    const CcbEmitFormat *format = m->formats->pdata[i];
    const CcbOutputFile *file = digestion->file;
    g_autofree char *base = g_path_get_basename(file->path);
    g_autofree char *name = g_utf8_make_valid(base, -1);
    g_autofree char *sha256 = g_steal_pointer(&digestion->sha256);
    if (sha256 == NULL) {
        g_propagate_error(error, g_steal_pointer(&digestion->error));
        return NULL;
    }
    if (stat(file->temporary, &st) != 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "%s", file->temporary);
        return NULL;
    }
    return json_pack("{sssssIsIsssb}", "file", name, "sha256", sha256, "size",
                     (json_int_t)st.st_size, "virtual_size",
                     (json_int_t)ccb_emit_size(format, m->base->disk->size), "format", format->name,
                     "compressed", m->compressed && format->compresses);
}

static json_t *images_to_json(const CcbManifest *m, GError **error)
{
    json_t *list = json_array();
    g_autofree Digestion *digestions = g_new0(Digestion, m->formats->len);
    digest_images(m, digestions);
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
    json_t *json = json_pack("{siss}", "manifest", MANIFEST_FORMAT, "ccbake", CCB_VERSION);
    json_object_set_new(json, "key", json_string(m->key));
    json_object_set_new(json, "recipe", recipe_to_json(m->plan->recipe));
    json_object_set_new(json, "base", base_to_json(m));
    json_object_set_new(json, "payloads", payloads_to_json(m));
    json_object_set_new(json, "steps", steps_to_json(m));
    json_object_set_new(json, "packages_added", added_packages(m));
    json_object_set_new(json, "kernel", json_string(m->result->default_kver));
    json_object_set_new(json, "driver", text_or_null(m->plan->expect.driver));
    json_object_set_new(json, "cuda", text_or_null(m->plan->expect.cuda));
    json_object_set_new(json, "baked", now_to_json());
    json_object_set_new(
        json, "seconds",
        json_pack("{sfsfsf}", "emit", m->emit_s, "verify", m->verify_s, "all", m->all_s));
    json_object_set_new(json, "backend", json_string(m->backend));
    json_object_set_new(json, "expected", ccb_expectation_to_json(&m->plan->expect));
    json_object_set(json, "image", json_array_get(images, 0));
    json_object_set_new(json, "images", images);
    if (m->checks)
        json_object_set(json, "checks", m->checks);
    return json;
}

/* Whether the recipe still waives all that the report has as waived. */
static bool waivers_hold(const json_t *json, const CcbRecipe *recipe)
{
    size_t i;
    const json_t *row;
    const json_t *rows = json_object_get(json_object_get(json, "checks"), "checks");
    json_array_foreach(rows, i, row)
    {
        const char *id = json_string_value(json_object_get(row, "id"));
        if (json_object_get(row, "waiver") != NULL &&
            (id == NULL || ccb_recipe_waiver(recipe, id) == NULL))
            return false;
    }
    return true;
}

static bool describes(const json_t *json, const char *key, const CcbRecipe *recipe, bool verified)
{
    return g_strcmp0(json_string_value(json_object_get(json, "key")), key) == 0 &&
           (!verified || (json_object_get(json, "checks") != NULL && waivers_hold(json, recipe)));
}

static bool is_image(const json_t *image, const char *path, const CcbEmitFormat *format,
                     bool compressed)
{
    const char *name = json_string_value(json_object_get(image, "format"));
    const char *wanted = json_string_value(json_object_get(image, "sha256"));
    if (g_strcmp0(name, format->name) != 0 ||
        json_is_true(json_object_get(image, "compressed")) != (compressed && format->compresses))
        return false;
    g_autofree char *found = ccb_digest_file_once(path, NULL);
    return found != NULL && g_strcmp0(found, wanted) == 0;
}

bool ccb_manifest_is_current(const char *const *paths, const GPtrArray *formats, const char *key,
                             const CcbRecipe *recipe, bool compressed, bool verified)
{
    g_autofree char *path = ccb_output_manifest_path(paths[0]);
    json_t *json = json_load_file(path, 0, NULL);
    const json_t *images = json_object_get(json, "images");
    bool current =
        describes(json, key, recipe, verified) && json_array_size(images) == formats->len;
    for (guint i = 0; current && i < formats->len; i++)
        current = is_image(json_array_get(images, i), paths[i], formats->pdata[i], compressed);
    json_decref(json);
    return current;
}

static bool has_image(const json_t *json, const char *image)
{
    size_t i;
    const json_t *row;
    g_autofree char *base = g_path_get_basename(image);
    g_autofree char *name = g_utf8_make_valid(base, -1);
    json_array_foreach(json_object_get(json, "images"), i, row)
    {
        if (g_strcmp0(json_string_value(json_object_get(row, "file")), name) == 0)
            return true;
    }
    return false;
}

bool ccb_manifest_check_place(const char *image, GError **error)
{
    g_autofree char *path = ccb_output_manifest_path(image);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return true;
    json_t *json = json_load_file(path, 0, NULL);
    bool good = has_image(json, image);
    json_decref(json);
    if (good)
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "%s is where the manifest of %s goes, and not a manifest of it",
             path, image);
    return ccb_hint(error, "give the image another name, or --force");
}
