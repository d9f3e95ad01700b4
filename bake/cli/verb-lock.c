/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `ccbake lock`: pins what the recipe does not pin.  Files are downloaded once to learn their
 * digests; steps that take their files from repositories are resolved by the guest's own tools, in
 * a throw-away overlay with the network on.
 */
#include <stdio.h>
#include <string.h>

#include "base/progress.h"
#include "base/quantity.h"
#include "cli/load.h"
#include "cli/open-image.h"
#include "cli/verbs.h"
#include "image/qemu-img.h"
#include "layer/work.h"
#include "plan/acquire.h"

static struct {
    CcbLoadOptions load;
    const char *backend;
    bool update;
} opts = {.backend = "auto"};

static const CcbOption options[] = {
    CCB_LOAD_OPTIONS(opts.load),
    {"update", 'u', CCB_OPT_FLAG, &opts.update, NULL, "resolve again what the lock knows already"},
    CCB_BACKEND_OPTIONS(opts.backend),
    CCB_PROGRESS_OPTIONS,
    {0},
};

enum { SCRATCH_BYTES_LOG2 = 33 }; /* 8 GiB, sparse: package metadata and what packages unpack */

typedef struct {
    CcbLoaded *loaded;
    CcbStore *store;
    CcbBackend backend;
    CcbFacts *facts;
    CcbWork *work;
    GPtrArray *pending; /* CcbStep: resolved, and not installed in the overlay yet */
    GHashTable *locked; /* keys that this run has locked: --update does not resolve them again */
} Session;

/* Whether what the lock knows of this key must be resolved again. */
static bool is_stale(const Session *s, const char *key)
{
    return opts.update && !g_hash_table_contains(s->locked, key);
}

/* A file of the recipe: the recipe's digest is taken as it is; without one, the file is fetched. */
static bool lock_file(Session *s, const CcbRecipePayload *from, CcbPayload *payload, GError **error)
{
    g_autoptr(GPtrArray) one = g_ptr_array_new();
    if (from->sha256 != NULL)
        return true;
    if (is_stale(s, ccb_lock_file_key(from))) {
        g_clear_pointer(&payload->sha256, g_free);
        payload->size = from->size;
    }
    g_ptr_array_add(one, payload);
    if (!ccb_payloads_fetch(one, s->store, false, error))
        return ccb_hint(error, "where the file changed on purpose: `ccbake lock --update`");
    ccb_lock_set_file(s->loaded->lock, ccb_lock_file_key(from), payload->sha256, payload->size);
    g_hash_table_add(s->locked, g_strdup(ccb_lock_file_key(from)));
    return true;
}

/* Runs the step's own resolver in the guest, after the steps that were resolved before have been
 * installed there: pip itself may come from one of them. */
static bool resolve_in(Session *s, CcbGuest *guest, const CcbStep *step, GPtrArray *found,
                       GError **error)
{
    g_autoptr(CcbFacts) facts = ccb_facts_of_guest(guest, error);
    CcbBake bake = {
        .guest = guest,
        .recipe = s->loaded->recipe,
        .facts = facts,
        .jobs = g_get_num_processors(),
    };
    if (facts == NULL)
        return false;
    for (guint i = 0; i < s->pending->len; i++) {
        const CcbStep *pending = s->pending->pdata[i];
        if (!pending->kind->run(&bake, pending, error)) {
            g_prefix_error(error, "step %s: ", pending->id);
            return false;
        }
    }
    g_ptr_array_set_size(s->pending, 0);
    return step->kind->resolve(&bake, step, found, error);
}

/* The overlay over the base, made when the first step needs it. */
static bool prepare_overlay(Session *s, GError **error)
{
    CcbPayload *base = s->loaded->plan->base;
    g_autoptr(GPtrArray) one = g_ptr_array_new();
    if (s->work != NULL)
        return true;
    g_ptr_array_add(one, base);
    if (!ccb_payloads_fetch(one, s->store, false, error))
        return false;
    s->facts = ccb_facts_of_image(base->path, s->backend, error);
    s->work = s->facts ? ccb_work_open(error) : NULL;
    return s->work &&
           ccb_image_create_overlay(s->work->overlay, s->facts->path, s->facts->format, error);
}

static bool resolve_guest(Session *s, const CcbStep *step, GPtrArray *found, GError **error)
{
    g_autoptr(GPtrArray) payloads = ccb_attachments_of(s->pending, 0, s->pending->len);
    const CcbGuestOptions open = {
        .image = s->work->overlay,
        .format = "qcow2",
        .backend = s->backend,
        .network = true,
        .scratch_dir = s->work->scratch,
        .scratch_size = 1ull << SCRATCH_BYTES_LOG2,
        .payloads = payloads,
        .log_fd = -1,
    };
    CcbGuest *guest = ccb_guest_open(&open, error);
    if (guest == NULL)
        return false;
    if (resolve_in(s, guest, step, found, error))
        return ccb_guest_close(guest, error);
    ccb_guest_free(guest);
    return false;
}

/* The guest may name anything: a path of this host would be attached to it. */
static bool check_answer(const GPtrArray *found, GError **error)
{
    for (guint i = 0; i < found->len; i++) {
        const CcbPayload *p = found->pdata[i];
        const char *url = p->urls[0];
        bool named =
            p->name && g_utf8_validate(p->name, -1, NULL) && ccb_payload_name_is_safe(p->name);
        bool remote = g_str_has_prefix(url, "http://") || g_str_has_prefix(url, "https://");
        if (!named || !remote || !g_utf8_validate(url, -1, NULL))
            return ccb_fail(error, CCB_ERR_STEP, "the guest named a file without a usable URL: %s",
                            url);
    }
    return true;
}

/* The files that the step needs: CcbPayload, without digests; caller unrefs. */
static GPtrArray *resolve(Session *s, const CcbStep *step, GError **error)
{
    if (!prepare_overlay(s, error))
        return NULL;
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_payload_free);
    ccb_progress_begin("resolve", step->id, 0);
    if (!resolve_guest(s, step, found, error) || !check_answer(found, error)) {
        ccb_progress_abort();
        g_prefix_error(error, "step %s: ", step->id);
        return NULL;
    }
    g_autofree char *note =
        g_strdup_printf("%u %s", found->len, ccb_plural(found->len, "file", "files"));
    ccb_progress_end(note);
    return g_steal_pointer(&found);
}

static bool lock_step(Session *s, CcbStep *step, GError **error)
{
    if (step->kind->resolve == NULL)
        return true;
    g_autofree char *key = ccb_lock_step_key(s->loaded->plan->base->sha256, step);
    GPtrArray *found = is_stale(s, key) ? NULL : ccb_lock_resolved(s->loaded->lock, key);
    if (found == NULL) {
        found = resolve(s, step, error);
        if (found == NULL)
            return false;
    }
    g_ptr_array_unref(step->payloads);
    step->payloads = found;
    ccb_step_add_keys(step, found);
    g_ptr_array_add(s->pending, step);
    if (!ccb_payloads_fetch(found, s->store, false, error))
        return false;
    for (guint i = 0; i < found->len; i++)
        if (((const CcbPayload *)found->pdata[i])->sha256 == NULL)
            return ccb_fail(error, CCB_ERR_INTERNAL, "step %s: a file without a digest", step->id);
    ccb_lock_set_resolved(s->loaded->lock, key, step->id, found);
    g_hash_table_add(s->locked, g_steal_pointer(&key));
    return true;
}

/* The files that the recipe names, then the steps that resolve theirs. */
static bool lock_plan(Session *s, GError **error)
{
    const CcbRecipe *recipe = s->loaded->recipe;
    CcbPlan *plan = s->loaded->plan;
    g_autoptr(GPtrArray) payloads = ccb_payloads_of(plan->steps, 0, plan->steps->len);
    if (!lock_file(s, recipe->base, plan->base, error))
        return false;
    for (guint i = 0; i < payloads->len; i++) {
        CcbPayload *payload = payloads->pdata[i];
        const CcbRecipePayload *from = ccb_recipe_payload(recipe, payload->label);
        if (from != NULL && !lock_file(s, from, payload, error))
            return false;
    }
    for (guint i = 0; i < plan->steps->len; i++)
        if (!lock_step(s, plan->steps->pdata[i], error))
            return false;
    return ccb_lock_save(s->loaded->lock, s->loaded->lock_path, error);
}

/* One image of a matrix; it finds what those before it have locked. */
static bool lock_entry(Session *s, const char *path, char *const *entry, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    if (!ccb_load_entry(path, &opts.load, entry, &loaded, error))
        return false;
    s->loaded = &loaded;
    s->pending = g_ptr_array_new();
    bool ok = lock_plan(s, error);
    g_clear_pointer(&s->pending, g_ptr_array_unref);
    g_clear_pointer(&s->facts, ccb_facts_free);
    g_clear_pointer(&s->work, ccb_work_free);
    return ok;
}

static bool run(int argc, char **argv, GError **error)
{
    g_autoptr(GPtrArray) entries = ccb_load_matrix(argv[0], &opts.load, error);
    if (entries == NULL)
        return false;
    CcbBackend backend = ccb_choose_backend(opts.backend, NULL, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    g_autoptr(CcbStore) store = ccb_plan_store(error);
    if (store == NULL)
        return false;
    g_autoptr(GHashTable) locked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Session session = {.store = store, .backend = backend, .locked = locked};
    for (guint i = 0; i < entries->len; i++)
        if (!lock_entry(&session, argv[0], entries->pdata[i], error))
            return false;
    g_autofree char *path = opts.load.lock ? g_strdup(opts.load.lock) : ccb_lock_path(argv[0]);
    ccb_progress_line("locked   %s", path);
    return true;
}

const CcbVerb ccb_verb_lock = {
    .name = "lock",
    .arguments = "RECIPE",
    .summary = "pin what a recipe leaves open: digests, packages, wheels",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
