/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/plan.h"

#include <string.h>

#include "base/leak.h"
#include "base/quantity.h"
#include "base/text.h"
#include "fetch/url.h"
#include "image/rpm.h"
#include "plan/space.h"
#include "recipe/steplist.h"

bool ccb_payload_name_is_safe(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

char *ccb_step_describe(const CcbRecipe *recipe, const CcbStep *step)
{
    g_autofree char *text = step->kind->describe(recipe, step);
    return ccb_leaks_mask(text);
}

static void step_free(CcbStep *step)
{
    ccb_schema_free(step->settings, step->kind->fields);
    g_ptr_array_unref(step->payloads);
    ccb_node_free(step->wrapped);
    g_free(step->origin);
    g_free(step);
}

void ccb_plan_free(CcbPlan *plan)
{
    if (plan == NULL)
        return;
    ccb_payload_free(plan->base);
    g_ptr_array_unref(plan->steps);
    ccb_expectation_clear(&plan->expect);
    g_free(plan);
}

/* The last component of an URL or path, without a query. */
static char *file_name(const char *url)
{
    g_autofree char *plain = g_strndup(url, strcspn(url, "?#"));
    return g_path_get_basename(plain);
}

/* "ccbake lock --update=NAME RECIPE"; caller frees. */
static char *relock(const CcbRecipe *recipe, const char *name)
{
    return g_strdup_printf("ccbake lock --update=%s %s", name, recipe->path);
}

/* What messages call it, and where its digest comes from. */
static void set_texts(CcbPayload *payload, const CcbRecipe *recipe, const CcbRecipePayload *from)
{
    if (from->node == NULL) {
        payload->title = g_strdup("--base");
    } else {
        g_autofree char *place = ccb_node_place(from->node);
        payload->title = from == recipe->base
                             ? g_strdup_printf("%s: base", place)
                             : g_strdup_printf("%s: payload \"%s\"", place, from->name);
    }
    if (from->sha256 != NULL) {
        payload->pinned_at = ccb_node_place(ccb_node_get(from->node, "sha256"));
    } else if (payload->sha256 != NULL) {
        g_autofree char *with_base =
            from->node == NULL ? g_strdup_printf("base --base=%s", from->urls[0]) : NULL;
        payload->relock = relock(recipe, with_base != NULL ? with_base : from->name);
    }
}

static CcbPayload *payload_of(const CcbRecipePayload *from, const CcbRecipe *recipe,
                              const CcbLock *lock)
{
    CcbPayload *payload = g_new0(CcbPayload, 1);
    payload->label = g_strdup(from->name);
    payload->name = file_name(from->urls[0]);
    payload->urls = g_strdupv(from->urls);
    payload->keys = g_strdupv(from->keys);
    payload->referer = g_strdup(from->referer);
    payload->header_file = g_strdup(from->header_file);
    payload->sha256 = g_strdup(from->sha256);
    payload->size = from->size;
    payload->max_size = from->max_size != 0 ? from->max_size : MAX(from->size, CCB_FETCH_MAX_SIZE);
    g_autofree char *key = ccb_lock_file_key(from);
    if (lock) {
        ccb_lock_pin(lock, key, &payload->sha256, &payload->size);
        /* Locks had the whole URL as the key once. */
        ccb_lock_pin(lock, from->urls[0], &payload->sha256, &payload->size);
    }
    set_texts(payload, recipe, from);
    return payload;
}

static const CcbStepKind *find_kind(const CcbStepKind *const *kinds, const CcbRecipeStep *step,
                                    GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const CcbStepKind *const *kind = kinds; *kind != NULL; kind++) {
        if (strcmp((*kind)->name, step->kind) == 0)
            return *kind;
        g_ptr_array_add(names, (char *)(*kind)->name);
    }
    g_ptr_array_add(names, NULL);
    ccb_node_fail(step->position, error, "there is no step kind \"%s\"", step->kind);
    g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
    g_autofree char *all = g_strconcat("step kinds: ", list, NULL);
    ccb_hint_name(error, step->kind, (const char *const *)names->pdata, all);
    return NULL;
}

static bool add_payload(CcbStep *step, const CcbRecipe *recipe, const CcbLock *lock,
                        const char *name, const CcbNode *position, GError **error)
{
    const CcbRecipePayload *payload = ccb_recipe_payload(recipe, name);
    if (payload != NULL) {
        g_ptr_array_add(step->payloads, payload_of(payload, recipe, lock));
        return true;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < recipe->payloads->len; i++)
        g_ptr_array_add(names, ((CcbRecipePayload *)recipe->payloads->pdata[i])->name);
    g_ptr_array_add(names, NULL);
    ccb_node_fail(position, error, "there is no payload \"%s\"", name);
    return ccb_hint_name(error, name, (const char *const *)names->pdata,
                         "describe it under \"payloads\"");
}

static bool add_payloads(CcbStep *step, const CcbRecipe *recipe, const CcbLock *lock,
                         GError **error)
{
    for (const CcbField *f = step->kind->fields; f->name != NULL; f++) {
        const CcbNode *node = ccb_node_get(step->origin->node, f->name);
        if (node == NULL || (f->type != CCB_FIELD_PAYLOAD && f->type != CCB_FIELD_PAYLOADS))
            continue;
        g_auto(GStrv) names = ccb_node_get_strings(step->origin->node, f->name);
        for (char **name = names; *name != NULL; name++)
            if (!add_payload(step, recipe, lock, *name, node, error))
                return false;
    }
    return true;
}

static void move_all(GPtrArray *to, GPtrArray *from)
{
    g_ptr_array_set_free_func(from, NULL);
    for (guint i = 0; i < from->len; i++)
        g_ptr_array_add(to, from->pdata[i]);
    g_ptr_array_unref(from);
}

void ccb_step_add_keys(const CcbStep *step, const GPtrArray *payloads)
{
    for (guint i = 0; ccb_node_get(step->origin->node, "keys") != NULL && i < payloads->len; i++) {
        CcbPayload *payload = payloads->pdata[i];
        if (payload->keys != NULL && payload->keys[0] != NULL)
            continue;
        g_strfreev(payload->keys);
        payload->keys = ccb_schema_host_paths(step->origin->node, "keys");
    }
}

GPtrArray *ccb_plan_locked_payloads(const CcbPlan *plan, const CcbStep *step, const CcbLock *lock)
{
    g_autofree char *key = ccb_lock_step_key(plan->base->sha256, step);
    g_autofree char *place = ccb_node_place(step->origin->position);
    GPtrArray *resolved = ccb_lock_resolved(lock, key);
    for (guint i = 0; resolved != NULL && i < resolved->len; i++) {
        CcbPayload *payload = resolved->pdata[i];
        payload->title = g_strdup_printf("%s: step %s: %s", place, step->id, payload->label);
        payload->relock = relock(plan->recipe, step->id);
        payload->is_resolved = true;
    }
    return resolved;
}

/* What the lock resolved; without a pinned base it can't be found, and the base is named as missing
 * then. */
static void add_resolved(const CcbPlan *plan, CcbStep *step, const CcbLock *lock)
{
    if (step->kind->resolve == NULL)
        return;
    bool can_tell = lock != NULL && plan->base->sha256 != NULL;
    GPtrArray *resolved = can_tell ? ccb_plan_locked_payloads(plan, step, lock) : NULL;
    step->unresolved = resolved == NULL;
    if (resolved != NULL)
        move_all(step->payloads, resolved);
}

static bool check_settings(const CcbStepKind *kind, const CcbRecipeStep *origin, GError **error)
{
    if (origin->node != NULL)
        return ccb_schema_check(origin->node, kind->fields, kind->name, error);
    for (const CcbField *f = kind->fields; f->name != NULL; f++) /* "- initramfs" */
        if (f->required)
            return ccb_node_fail(origin->position, error, "%s needs \"%s\" (%s)", kind->name,
                                 f->name, f->help);
    return true;
}

static bool add_step(CcbPlan *plan, const CcbRecipeStep *origin, const CcbLock *lock,
                     const CcbStepKind *const *kinds, GError **error)
{
    const CcbStepKind *kind = find_kind(kinds, origin, error);
    if (kind == NULL)
        return false;
    CcbStep *step = g_new0(CcbStep, 1);
    *step = (CcbStep){.kind = kind, .id = origin->id};
    step->origin = g_memdup2(origin, sizeof *origin);
    step->payloads = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_payload_free);
    g_ptr_array_add(plan->steps, step);
    step->wrapped = ccb_step_long_form(origin->node, kind->list);
    if (step->wrapped != NULL)
        step->origin->node = step->wrapped;
    if (!check_settings(kind, step->origin, error))
        return false;
    step->settings = ccb_schema_read(step->origin->node, kind->fields, kind->settings_size);
    if (!add_payloads(step, plan->recipe, lock, error))
        return false;
    add_resolved(plan, step, lock);
    ccb_step_add_keys(step, step->payloads);
    if (kind->expect != NULL)
        kind->expect(step, &plan->expect);
    return true;
}

/* When what all steps bring is known: versions of several have to agree. */
static bool check_steps(const CcbPlan *plan, GError **error)
{
    const CcbStepContext context = {.recipe = plan->recipe, .expect = &plan->expect};
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        if (step->kind->check != NULL && !step->kind->check(&context, step, error))
            return false;
    }
    return true;
}

/* Where the order of steps can be mended: in the file that last said what follows the step. */
static const CcbNode *place_to_mend(const CcbPlan *plan, const CcbStep *step)
{
    const CcbNode *list = ccb_node_get(plan->recipe->root, "steps");
    return strcmp(list->file, step->origin->place->file) == 0 ? step->origin->place : list;
}

/* The initramfs is made from what stands in the image then: a later change would not be in it. */
static bool check_order(const CcbPlan *plan, GError **error)
{
    const CcbStep *open = NULL;
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        if (step->kind->makes_initramfs)
            open = NULL;
        else if (step->kind->feeds_initramfs)
            open = step;
    }
    if (open == NULL)
        return true;
    ccb_node_fail(place_to_mend(plan, open), error,
                  "no initramfs step follows step \"%s\", whose result must be in the initramfs",
                  open->id);
    return ccb_hint(error, "end the steps with \"- initramfs: {}\"");
}

static bool check_selftest(const CcbPlan *plan, GError **error)
{
    const CcbStep *tested = NULL;
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        if (step->kind->is_selftest)
            return true;
        if (step->kind->needs_selftest)
            tested = step;
    }
    if (tested == NULL)
        return true;
    ccb_node_fail(
        place_to_mend(plan, tested), error,
        "there is no selftest step, and what step \"%s\" brings is tested on the instance "
        "by the self-test of the image",
        tested->id);
    return ccb_hint(error, "end the steps with \"- selftest\"");
}

static bool check_names(const CcbPlan *plan, GError **error)
{
    g_autoptr(GHashTable) digests = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        for (guint j = 0; j < step->payloads->len; j++) {
            const CcbPayload *p = step->payloads->pdata[j];
            if (!ccb_payload_name_is_safe(p->name))
                return ccb_node_fail(step->origin->position, error,
                                     "payload %s: its URL or path ends in no file name", p->label);
            const char *known = g_hash_table_lookup(digests, p->name);
            if (known && g_strcmp0(known, p->sha256) != 0)
                return ccb_node_fail(step->origin->position, error,
                                     "two different payloads have the file name %s", p->name);
            g_hash_table_insert(digests, p->name, p->sha256);
        }
    }
    return true;
}

static bool uses_payload(const CcbPlan *plan, const char *label)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        const GPtrArray *payloads = ((const CcbStep *)plan->steps->pdata[i])->payloads;
        for (guint j = 0; j < payloads->len; j++)
            if (strcmp(((const CcbPayload *)payloads->pdata[j])->label, label) == 0)
                return true;
    }
    return false;
}

/* Of the recipe file itself: one that it extends may have payloads for steps that are left out here. */
static bool check_payloads_used(const CcbPlan *plan, GError **error)
{
    for (guint i = 0; i < plan->recipe->payloads->len; i++) {
        const CcbRecipePayload *payload = plan->recipe->payloads->pdata[i];
        if (strcmp(payload->node->file, plan->recipe->root->file) != 0 ||
            uses_payload(plan, payload->name))
            continue;
        ccb_node_fail(payload->node, error, "no step uses the payload \"%s\"", payload->name);
        return ccb_hint(error, "name it in a step, or take it out");
    }
    return true;
}

static bool check_keys_in(const CcbNode *map, GError **error)
{
    g_autoptr(GError) reason = NULL;
    const CcbNode *node = ccb_node_get(map, "keys");
    g_auto(GStrv) files = ccb_schema_host_paths(map, "keys");
    return node == NULL || ccb_rpm_check_keys((const char *const *)files, &reason) ||
           ccb_node_fail(node, error, "\"keys\": %s", reason->message);
}

static bool check_keys(const CcbRecipe *recipe, GError **error)
{
    for (guint i = 0; i < recipe->payloads->len; i++)
        if (!check_keys_in(((const CcbRecipePayload *)recipe->payloads->pdata[i])->node, error))
            return false;
    for (guint i = 0; i < recipe->steps->len; i++)
        if (!check_keys_in(((const CcbRecipeStep *)recipe->steps->pdata[i])->node, error))
            return false;
    return true;
}

CcbPlan *ccb_plan_new(const CcbRecipe *recipe, const CcbLock *lock, const CcbStepKind *const *kinds,
                      GError **error)
{
    g_autoptr(CcbPlan) plan = g_new0(CcbPlan, 1);
    plan->recipe = recipe;
    plan->base = payload_of(recipe->base, recipe, lock);
    ccb_expectation_begin(recipe, &plan->expect);
    plan->steps = g_ptr_array_new_with_free_func((GDestroyNotify)step_free);
    for (guint i = 0; i < recipe->steps->len; i++)
        if (!add_step(plan, recipe->steps->pdata[i], lock, kinds, error))
            return NULL;
    if (!check_steps(plan, error) || !check_order(plan, error) || !check_selftest(plan, error) ||
        !check_names(plan, error) || !check_payloads_used(plan, error) ||
        !check_keys(recipe, error) || !ccb_recipe_check_variables(recipe, error))
        return NULL;
    return g_steal_pointer(&plan);
}

bool ccb_plan_require_pins(const CcbPlan *plan, GError **error)
{
    g_autoptr(GString) missing = g_string_new(NULL);
    g_autofree char *base = ccb_url_redact(plan->base->urls[0]);
    if (plan->base->sha256 == NULL)
        g_string_append_printf(missing, "\n  base: %s", base);
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        for (guint j = 0; j < step->payloads->len; j++) {
            const CcbPayload *p = step->payloads->pdata[j];
            g_autofree char *url = ccb_url_redact(p->urls[0]);
            if (p->sha256 == NULL)
                g_string_append_printf(missing, "\n  payload %s: %s", p->label, url);
        }
        if (step->unresolved)
            g_string_append_printf(missing, "\n  step %s: the files it installs", step->id);
    }
    if (missing->len == 0)
        return true;
    ccb_fail(error, CCB_ERR_RECIPE, "%s: neither recipe nor lock has a sha256 for:%s",
             plan->recipe->path, missing->str);
    return ccb_hint(error, "run `ccbake lock %s` where there is a network", plan->recipe->path);
}

static bool replaces_kernel(const CcbPlan *plan)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        if (step->kind->replaces_kernel && step->payloads->len > 0)
            return true;
    }
    return false;
}

bool ccb_plan_check_base(const CcbPlan *plan, const CcbFacts *facts, GError **error)
{
    const CcbRecipe *recipe = plan->recipe;
    if (g_strcmp0(facts->os_id, recipe->base_os) != 0 ||
        g_strcmp0(facts->os_version, recipe->base_version) != 0) {
        ccb_fail(
            error, CCB_ERR_INPUT, "the base %s is %s %s (%s); the recipe wants %s %s", facts->path,
            facts->os_id ? facts->os_id : "?", facts->os_version ? facts->os_version : "?",
            facts->os_name ? facts->os_name : "no name", recipe->base_os, recipe->base_version);
        return ccb_hint(error, "take a base image of that system, or change \"os\" and \"version\" "
                               "of the recipe's \"base\"");
    }
    if (ccb_kver_compare(facts->default_kver, recipe->min_kernel) < 0 && !replaces_kernel(plan)) {
        ccb_fail(error, CCB_ERR_INPUT, "the base's kernel %s is older than %s", facts->default_kver,
                 recipe->min_kernel);
        return ccb_hint(error,
                        "take a newer base image, or add a \"kernel\" step with newer packages");
    }
    if (recipe->grow > 0 && !ccb_disk_check_grow(facts->disk, recipe->grow, error)) {
        const CcbNode *grow = ccb_node_get(ccb_node_get(recipe->root, "base"), "grow");
        g_autofree char *place = ccb_node_place(grow);
        g_prefix_error(error, "%s: \"grow\": ", place);
        return false;
    }
    uint64_t wanted = ccb_plan_space(plan, 0).image;
    uint64_t free = facts->free_bytes + MAX(recipe->grow, facts->disk->size) - facts->disk->size;
    if (free >= wanted)
        return true;
    g_autofree char *need = ccb_format_size(wanted);
    g_autofree char *have = ccb_format_size(free);
    ccb_fail(error, CCB_ERR_INPUT, "the image needs about %s more and has %s free", need, have);
    return ccb_hint(error, "the key \"grow\" of \"base\" makes the disk larger: grow: %luG",
                    (unsigned long)((facts->disk->size + wanted - free) >> 30) + 1);
}

GPtrArray *ccb_payloads_of(const GPtrArray *steps, guint begin, guint end)
{
    GPtrArray *all = g_ptr_array_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = begin; i < end; i++) {
        const CcbStep *step = steps->pdata[i];
        for (guint j = 0; j < step->payloads->len; j++) {
            CcbPayload *p = step->payloads->pdata[j];
            if (g_hash_table_add(seen, p->name))
                g_ptr_array_add(all, p);
        }
    }
    return all;
}

GPtrArray *ccb_attachments_of(const GPtrArray *steps, guint begin, guint end)
{
    g_autoptr(GPtrArray) payloads = ccb_payloads_of(steps, begin, end);
    GPtrArray *attachments = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < payloads->len; i++) {
        const CcbPayload *p = payloads->pdata[i];
        CcbAttachment *a = g_new0(CcbAttachment, 1);
        *a = (CcbAttachment){p->name, p->path};
        g_ptr_array_add(attachments, a);
    }
    return attachments;
}

json_t *ccb_plan_schema(const CcbStepKind *const *kinds)
{
    json_t *variants = json_array();
    for (; *kinds != NULL; kinds++) {
        json_t *settings = ccb_schema_to_json((*kinds)->fields, NULL);
        json_object_set_new(settings, "description", json_string((*kinds)->summary));
        if ((*kinds)->list != NULL) {
            const json_t *of =
                json_object_get(json_object_get(settings, "properties"), (*kinds)->list);
            json_object_set_new(settings, "type", json_pack("[ss]", "object", "array"));
            json_object_set(settings, "items", json_object_get(of, "items"));
        }
        json_t *step = json_pack("{sss{so}s[s]sb}", "type", "object", "properties", (*kinds)->name,
                                 settings, "required", (*kinds)->name, "additionalProperties", 0);
        json_array_append_new(variants, step);
    }
    /* A bare word: a kind without settings, or the step of that id of the recipe that this one
     * extends. */
    json_array_append_new(variants, json_pack("{ss}", "type", "string"));
    json_t *steps = json_pack("{so}", "oneOf", variants);
    json_t *schema = ccb_schema_to_json(ccb_recipe_fields, steps);
    json_object_set_new(schema, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
    json_object_set_new(schema, "title", json_string("ccbake recipe"));
    /* What is required may come from the recipe that this one extends. */
    json_t *required = json_incref(json_object_get(schema, "required"));
    json_object_del(schema, "required");
    json_object_set_new(schema, "if", json_pack("{s{s[s]}}", "not", "required", "extends"));
    json_object_set_new(
        schema, "then",
        json_pack("{sos{s{ss}}}", "required", required, "properties", "steps", "type", "array"));
    json_decref(steps);
    return schema;
}

bool ccb_plan_find_step(const CcbPlan *plan, const char *id, guint *ret_index, GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        if (strcmp(step->id, id) == 0) {
            *ret_index = i;
            return true;
        }
        g_ptr_array_add(ids, (char *)step->id);
    }
    g_ptr_array_add(ids, NULL);
    g_autofree char *list = g_strjoinv(", ", (char **)ids->pdata);
    g_autofree char *all = g_strconcat("its steps: ", list, NULL);
    ccb_fail(error, CCB_ERR_USAGE, "the recipe has no step \"%s\"", id);
    return ccb_hint_name(error, id, (const char *const *)ids->pdata, all);
}
