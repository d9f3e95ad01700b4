/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `ccbake lock`: pins what the recipe does not pin.  Files are downloaded once to learn their
 * digests; steps that take their files from repositories are resolved by the guest's own tools, in
 * a throw-away overlay with the network on.
 */
#include <stdio.h>
#include <string.h>

#include "base/progress.h"
#include "cli/load.h"
#include "cli/verbs.h"
#include "guest/backend.h"
#include "image/qemu-img.h"
#include "layer/work.h"
#include "plan/acquire.h"

static CcbLoadOptions load;
static bool update;
static const char *backend_name = "auto";

static const CcbOption options[] = {
    CCB_LOAD_OPTIONS(load),
    {"update", 'u', CCB_OPT_FLAG, &update, NULL, "resolve again what the lock knows already"},
    {"backend", 0, CCB_OPT_STRING, &backend_name, "auto|appliance|host", "how the image is opened"},
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
    GHashTable *locked; /* keys of what this run has locked: --update does not do it again */
} Session;

/* Whether what the lock knows of this key is to be found out again. */
static bool is_stale(const Session *s, const char *key)
{
    return update && !g_hash_table_contains(s->locked, key);
}

/* Files of the recipe: what it pins is taken at its word, the rest is fetched. */
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

static bool lock_files(Session *s, GError **error)
{
    const CcbRecipe *recipe = s->loaded->recipe;
    g_autoptr(GPtrArray) payloads =
        ccb_payloads_of(s->loaded->plan->steps, 0, s->loaded->plan->steps->len);
    if (!lock_file(s, recipe->base, s->loaded->plan->base, error))
        return false;
    for (guint i = 0; i < payloads->len; i++) {
        CcbPayload *payload = payloads->pdata[i];
        const CcbRecipePayload *from = ccb_recipe_payload(recipe, payload->label);
        if (from != NULL && !lock_file(s, from, payload, error))
            return false;
    }
    return true;
}

/* Steps that were resolved before are installed first: pip itself may come from one of them. */
static bool install_pending(Session *s, CcbBake *bake, GError **error)
{
    for (guint i = 0; i < s->pending->len; i++) {
        const CcbStep *step = s->pending->pdata[i];
        if (!step->kind->run(bake, step, error)) {
            g_prefix_error(error, "step %s: ", step->id);
            return false;
        }
    }
    g_ptr_array_set_size(s->pending, 0);
    return true;
}

static bool resolve_in(Session *s, CcbGuest *guest, const CcbStep *step, GPtrArray *found,
                       GError **error)
{
    CcbBake bake = {.guest = guest, .recipe = s->loaded->recipe, .jobs = g_get_num_processors()};
    bake.facts = ccb_facts_of_guest(guest, error);
    bool ok = bake.facts != NULL && install_pending(s, &bake, error) &&
              step->kind->resolve(&bake, step, found, error);
    ccb_facts_free(bake.facts);
    return ok;
}

static bool resolve_guest(Session *s, const CcbStep *step, GPtrArray *found, GError **error)
{
    g_autoptr(GPtrArray) payloads = ccb_attachments_of(s->pending, 0, s->pending->len);
    CcbGuestOptions open = {.image = s->work->overlay,
                            .format = "qcow2",
                            .backend = s->backend,
                            .network = true,
                            .scratch_dir = s->work->scratch,
                            .scratch_size = 1ull << SCRATCH_BYTES_LOG2,
                            .payloads = payloads,
                            .log_fd = -1};
    CcbGuest *guest = ccb_guest_open(&open, error);
    if (guest == NULL)
        return false;
    if (resolve_in(s, guest, step, found, error))
        return ccb_guest_close(guest, error);
    ccb_guest_free(guest);
    return false;
}

static bool has_all_digests(const GPtrArray *payloads)
{
    for (guint i = 0; i < payloads->len; i++)
        if (((CcbPayload *)payloads->pdata[i])->sha256 == NULL)
            return false;
    return true;
}

/* Needs the overlay, and so the base, from here on. */
static bool prepare(Session *s, GError **error)
{
    g_autoptr(GPtrArray) base = g_ptr_array_new();
    if (s->work != NULL)
        return true;
    g_ptr_array_add(base, s->loaded->plan->base);
    if (!ccb_payloads_fetch(base, s->store, false, error))
        return false;
    s->facts = ccb_facts_of_image(s->loaded->plan->base->path, s->backend, error);
    s->work = s->facts ? ccb_work_open(error) : NULL;
    return s->work &&
           ccb_image_create_overlay(s->work->overlay, s->facts->path, s->facts->format, error);
}

/* The guest may name what it likes: a path of this host would be attached to it. */
static bool check_answer(const GPtrArray *found, GError **error)
{
    for (guint i = 0; i < found->len; i++) {
        const CcbPayload *p = found->pdata[i];
        bool named = p->name && g_utf8_validate(p->name, -1, NULL) &&
                     ccb_payload_name_is_safe(p->name) && g_utf8_validate(p->urls[0], -1, NULL);
        if (!named ||
            !(g_str_has_prefix(p->urls[0], "http://") || g_str_has_prefix(p->urls[0], "https://")))
            return ccb_fail(error, CCB_ERR_STEP, "the guest named a file without a usable URL: %s",
                            p->urls[0]);
    }
    return true;
}

static GPtrArray *resolve(Session *s, const CcbStep *step, GError **error)
{
    if (!prepare(s, error))
        return NULL;
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)ccb_payload_free);
    ccb_progress_begin("resolve", step->id, 0);
    if (!resolve_guest(s, step, found, error) || !check_answer(found, error)) {
        ccb_progress_abort();
        g_prefix_error(error, "step %s: ", step->id);
        return NULL;
    }
    g_autofree char *note = g_strdup_printf("%u files", found->len);
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
    g_ptr_array_add(s->pending, step);
    if (!ccb_payloads_fetch(found, s->store, false, error))
        return false;
    if (!has_all_digests(found))
        return ccb_fail(error, CCB_ERR_INTERNAL, "step %s: a file without a digest", step->id);
    ccb_lock_set_resolved(s->loaded->lock, key, step->id, found);
    g_hash_table_add(s->locked, g_steal_pointer(&key));
    return true;
}

static bool lock_all(Session *s, GError **error)
{
    if (!lock_files(s, error))
        return false;
    for (guint i = 0; i < s->loaded->plan->steps->len; i++)
        if (!lock_step(s, s->loaded->plan->steps->pdata[i], error))
            return false;
    return ccb_lock_save(s->loaded->lock, s->loaded->lock_path, error);
}

static bool choose_backend(CcbBackend *ret_backend, GError **error)
{
    CcbBackend wanted;
    if (!ccb_backend_from_name(backend_name, &wanted, error))
        return false;
    *ret_backend = ccb_backend_choose(wanted, NULL, error);
    return *ret_backend != CCB_BACKEND_AUTO;
}

/* Each image of a matrix finds what those before it have locked. */
static bool lock_cell(const char *path, char *const *cell, Session *s, GError **error)
{
    g_auto(CcbLoaded) loaded = {0};
    if (!ccb_load_cell(path, &load, cell, &loaded, error))
        return false;
    s->loaded = &loaded;
    s->pending = g_ptr_array_new();
    bool ok = lock_all(s, error);
    g_clear_pointer(&s->pending, g_ptr_array_unref);
    g_clear_pointer(&s->facts, ccb_facts_free);
    g_clear_pointer(&s->work, ccb_work_free);
    return ok;
}

static bool run(int argc, char **argv, GError **error)
{
    Session session = {0};
    g_autoptr(GPtrArray) cells = ccb_load_cells(argv[0], &load, error);
    if (cells == NULL || !choose_backend(&session.backend, error))
        return false;
    g_autoptr(CcbStore) store = ccb_plan_store(error);
    g_autoptr(GHashTable) locked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    session.store = store;
    session.locked = locked;
    bool ok = store != NULL;
    for (guint i = 0; ok && i < cells->len; i++)
        ok = lock_cell(argv[0], cells->pdata[i], &session, error);
    g_autofree char *lock_path = load.lock ? g_strdup(load.lock) : ccb_lock_path(argv[0]);
    if (ok)
        ccb_progress_line("locked   %s", lock_path);
    return ok;
}

const CcbVerb ccb_verb_lock = {
    "lock", "RECIPE", "pin what a recipe leaves open: digests, packages, wheels", options, 1,
    1,      run,
};
