/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/key.h"

#include <string.h>

#include "base/digest.h"

/* The SHA-256 of the file that a setting names; caller frees. */
static char *digest_of(const CcbNode *setting, GError **error)
{
    g_autofree char *path = ccb_schema_host_path(setting, setting->text);
    char *known = ccb_digest_file_once(path, NULL);
    return known != NULL ? known : ccb_digest_file(path, error);
}

/* Settings that say what the result is: not a name, not how long it may take, not where a file or a
 * payload comes from. */
static bool counts(const CcbField *field)
{
    return field->type != CCB_FIELD_PAYLOAD && field->type != CCB_FIELD_PAYLOADS &&
           field->type != CCB_FIELD_FILES && field->type != CCB_FIELD_TREE &&
           field->type != CCB_FIELD_FILE && strcmp(field->name, "id") != 0 &&
           strcmp(field->name, "limit") != 0;
}

/* Layers of before the keys were asked for hold packages that nobody compared with them. */
static bool add_keys(const CcbPayload *payload, json_t *keys, GError **error)
{
    json_t *digests = json_array();
    for (char **file = payload->keys; file != NULL && *file != NULL; file++) {
        g_autofree char *digest = ccb_digest_file(*file, error);
        if (digest == NULL) {
            json_decref(digests);
            return false;
        }
        json_array_append_new(digests, json_string(digest));
    }
    if (json_array_size(digests) > 0)
        json_object_set(keys, payload->name, digests);
    json_decref(digests);
    return true;
}

json_t *ccb_step_ingredients(const CcbPlan *plan, const CcbStep *step, GError **error)
{
    const CcbStepKind *kind = step->kind;
    json_auto_t *json = json_pack("{sssi}", "(kind)", kind->name, "(version)", (int)kind->version);
    json_t *payloads = json_array();
    json_object_set_new(json, "(payloads)", payloads);
    json_auto_t *keys = json_object();
    for (guint i = 0; i < step->payloads->len; i++) {
        const CcbPayload *payload = step->payloads->pdata[i];
        if (!add_keys(payload, keys, error))
            return NULL;
        if (json_array_append_new(payloads, json_pack("{ssss?}", "name", payload->name, "sha256",
                                                      payload->sha256)) != 0) {
            ccb_fail(error, CCB_ERR_INPUT, "payload %s: its file name is not UTF-8",
                     payload->label);
            return NULL;
        }
    }
    if (json_object_size(keys) > 0)
        json_object_set(json, "(signed by)", keys);
    if (kind->uses_min_kernel)
        json_object_set_new(json, "(min-kernel)", json_string(plan->recipe->min_kernel));
    for (const CcbField *field = kind->fields; field->name != NULL; field++) {
        const CcbNode *node = ccb_node_get(step->origin->node, field->name);
        if (node != NULL && counts(field))
            json_object_set_new(json, field->name, ccb_node_to_json(node));
        if (node == NULL || field->type != CCB_FIELD_FILE)
            continue;
        g_autofree char *digest = digest_of(node, error); /* of a script */
        if (digest == NULL)
            return NULL;
        json_object_set_new(json, field->name, json_string(digest));
    }
    if (kind->run != NULL || kind->changes == NULL)
        return g_steal_pointer(&json);
    g_autoptr(GPtrArray) changes = ccb_changes_new();
    const CcbStepContext context = {.recipe = plan->recipe, .expect = &plan->expect};
    if (!kind->changes(&context, step, changes, error))
        return NULL;
    json_t *lines = ccb_changes_to_json(changes, error);
    if (lines == NULL)
        return NULL;
    json_object_set_new(json, CCB_INGREDIENT_CHANGES, lines);
    return g_steal_pointer(&json);
}

char *ccb_step_key(const char *parent_key, const json_t *ingredients)
{
    char *text = json_dumps(ingredients, JSON_SORT_KEYS | JSON_COMPACT);
    g_autofree char *whole = g_strconcat(parent_key, "\n", text, NULL);
    free(text);
    return ccb_digest_string(whole);
}

char *ccb_base_key(const char *base_sha256, uint64_t grow)
{
    if (grow > 0)
        return g_strdup_printf("base %s of %" G_GUINT64_FORMAT " bytes", base_sha256, grow);
    return g_strconcat("base ", base_sha256, NULL);
}
