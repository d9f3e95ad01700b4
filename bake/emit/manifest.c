/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/manifest.h"

#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
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
    g_autoptr(GPtrArray) payloads = ccb_plan_payloads(m->plan, 0);
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
        json_t *json = json_pack("{sssssssfsb}", "id", step->id, "kind", step->kind->name, "what",
                                 what, "seconds", took->seconds, "cached", (int)took->cached);
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

/* The version that a step of this kind installs, or null where the recipe has none. */
static json_t *version_to_json(const CcbRecipe *recipe, const char *kind)
{
    const CcbRecipeStep *step = ccb_recipe_step_of_kind(recipe, kind);
    const char *version = step ? ccb_node_get_text(step->node, "version") : NULL;
    return version ? json_string(version) : json_null();
}

static json_t *now_to_json(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *text = g_date_time_format_iso8601(now);
    return json_string(text);
}

static json_t *image_to_json(const CcbManifest *m, GError **error)
{
    struct stat st;
    g_autofree char *sha256 = ccb_digest_file(m->image, error);
    if (sha256 == NULL)
        return NULL;
    if (stat(m->image, &st) != 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "%s", m->image);
        return NULL;
    }
    return json_pack("{sssIsIsssb}", "sha256", sha256, "size", (json_int_t)st.st_size,
                     "virtual_size", (json_int_t)m->base->disk->size, "format", m->format,
                     "compressed", (int)m->compressed);
}

json_t *ccb_manifest_build(const CcbManifest *m, GError **error)
{
    json_t *image = image_to_json(m, error);
    if (image == NULL)
        return NULL;
    json_t *json = json_pack("{siss}", "manifest", MANIFEST_FORMAT, "ccbake", CCB_VERSION);
    json_object_set_new(json, "key", json_string(m->key));
    json_object_set_new(json, "recipe", recipe_to_json(m->plan->recipe));
    json_object_set_new(json, "base", base_to_json(m));
    json_object_set_new(json, "payloads", payloads_to_json(m));
    json_object_set_new(json, "steps", steps_to_json(m));
    json_object_set_new(json, "packages_added", added_packages(m));
    json_object_set_new(json, "kernel", json_string(m->result->default_kver));
    json_object_set_new(json, "driver", version_to_json(m->plan->recipe, "nvidia-driver"));
    json_object_set_new(json, "cuda", version_to_json(m->plan->recipe, "cuda-toolkit"));
    json_object_set_new(json, "baked", now_to_json());
    json_object_set_new(
        json, "seconds",
        json_pack("{sfsfsf}", "emit", m->emit_s, "verify", m->verify_s, "all", m->all_s));
    json_object_set_new(json, "door", json_string(m->door));
    json_object_set_new(json, "image", image);
    json_object_set(json, "expected", m->expected);
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

static bool describes(const json_t *json, const char *key, const char *format, bool compressed,
                      bool verified)
{
    const json_t *image = json_object_get(json, "image");
    const char *own_key = json_string_value(json_object_get(json, "key"));
    const char *own_format = json_string_value(json_object_get(image, "format"));
    return g_strcmp0(own_key, key) == 0 && g_strcmp0(own_format, format) == 0 &&
           json_is_true(json_object_get(image, "compressed")) == compressed &&
           (!verified || json_object_get(json, "checks") != NULL);
}

bool ccb_manifest_is_current(const char *path, const char *manifest, const char *key,
                             const CcbRecipe *recipe, const char *format, bool compressed,
                             bool verified)
{
    json_t *json = json_load_file(manifest, 0, NULL);
    const char *wanted =
        json_string_value(json_object_get(json_object_get(json, "image"), "sha256"));
    bool same = json && describes(json, key, format, compressed, verified) &&
                (!verified || waivers_hold(json, recipe));
    g_autofree char *found = same ? ccb_digest_file_once(path, NULL) : NULL;
    bool current = found != NULL && g_strcmp0(found, wanted) == 0;
    json_decref(json);
    return current;
}
