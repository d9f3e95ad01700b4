/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/chain.h"

#include <string.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/eta.h"
#include "base/file.h"
#include "base/progress.h"
#include "guest/backend.h"
#include "host/freespace.h"
#include "plan/key.h"
#include "plan/space.h"

/* What the scratch disk holds beside the payloads' needs: package metadata, temporary files. */
#define SPARE_SCRATCH (2ull << 30)

/* Waits until all that was baked is committed; the last layer becomes the top. */
static bool settle(CcbChain *chain, GError **error)
{
    CcbLayer *top = NULL;
    if (chain->committer == NULL)
        return true;
    bool ok = ccb_committer_finish(g_steal_pointer(&chain->committer), chain->use, &top, error);
    if (top != NULL) {
        ccb_layer_free(chain->top);
        chain->top = top;
    }
    return ok;
}

/* What is still being committed becomes a layer all the same: the next bake begins there. */
void ccb_chain_clear(CcbChain *chain)
{
    settle(chain, NULL);
    ccb_layer_free(chain->top);
    ccb_facts_free(chain->facts);
    if (chain->times)
        g_array_unref(chain->times);
    if (chain->use)
        g_array_unref(chain->use);
    *chain = (CcbChain){0};
}

static const CcbStep *step_at(const CcbPlan *plan, guint index)
{
    return plan->steps->pdata[index];
}

char **ccb_chain_keys(const CcbPlan *plan, GError **error)
{
    g_auto(GStrv) keys = g_new0(char *, plan->steps->len + 1);
    g_autofree char *base = ccb_base_key(plan->base->sha256, plan->recipe->grow);
    for (guint i = 0; i < plan->steps->len; i++) {
        json_auto_t *ingredients = ccb_step_ingredients(plan, step_at(plan, i), error);
        if (ingredients == NULL)
            return NULL;
        keys[i] = ccb_step_key(i > 0 ? keys[i - 1] : base, ingredients);
    }
    return g_steal_pointer(&keys);
}

/* Begins with the layer of that key and all below it, if they are in the cache and whole; false without an error if
 * not, and for a layer whose facts are those of another version of ccbake. */
static bool take_cached(CcbChain *chain, const char *key, GError **error)
{
    GError *reason = NULL;
    /* Read before it is locked, and again then: a damaged layer can't be removed while it is locked. */
    g_autoptr(CcbLayer) unlocked = ccb_layer_find(key, NULL, &reason);
    g_autoptr(CcbLayer) layer = unlocked ? ccb_layer_find(key, chain->use, &reason) : NULL;
    if (reason != NULL) {
        g_propagate_error(error, reason);
        return false;
    }
    chain->facts = layer ? ccb_facts_from_json(layer->facts) : NULL;
    if (chain->facts == NULL) {
        g_array_set_size(chain->use, 0);
        return false;
    }
    chain->top = g_steal_pointer(&layer);
    return true;
}

bool ccb_chain_begin(const CcbPlan *plan, const char *const *keys, guint first, CcbChain *ret,
                     GError **error)
{
    GError *reason = NULL;
    g_auto(CcbChain) chain = {.first = first,
                              .times = g_array_new(FALSE, FALSE, sizeof(CcbStepTime)),
                              .use = ccb_layer_use_new()};
    while (chain.first > 0 && !take_cached(&chain, keys[chain.first - 1], &reason)) {
        if (reason != NULL) {
            g_propagate_error(error, reason);
            return false;
        }
        chain.first--;
    }
    *ret = chain;
    chain = (CcbChain){0};
    return true;
}

guint ccb_chain_cached(const char *const *keys)
{
    guint cached = g_strv_length((char **)keys);
    while (cached > 0 && !ccb_layer_exists(keys[cached - 1]))
        cached--;
    return cached;
}

char *ccb_chain_eta_name(const CcbStep *step, CcbBackend backend)
{
    return g_strdup_printf("%s %s %s", ccb_backend_name(backend), step->kind->name, step->id);
}

static void begin_eta(const CcbChainOptions *o, guint index)
{
    g_autofree char *name = ccb_chain_eta_name(step_at(o->plan, index), o->backend);
    ccb_eta_begin(name);
}

static char *title_of(const CcbChainOptions *o, guint index, char **ret_tag)
{
    const CcbStep *step = step_at(o->plan, index);
    g_autofree char *what = ccb_step_describe(o->plan->recipe, step);
    *ret_tag = g_strdup_printf("%u/%u", index + 1, o->plan->steps->len);
    return g_strdup_printf("%s: %s", step->id, what);
}

static void add_time(CcbChain *chain, const CcbStep *step, double seconds, bool cached)
{
    CcbStepTime took = {step->id, seconds, cached};
    g_array_append_val(chain->times, took);
}

static bool run_step(const CcbChainOptions *o, CcbChain *chain, CcbBake *bake, guint index,
                     GError **error)
{
    const CcbStep *step = step_at(o->plan, index);
    g_autofree char *tag = NULL;
    g_autofree char *title = title_of(o, index, &tag);
    g_autofree char *heading = g_strdup_printf("\n=== step %s %s\n", tag, title);
    if (!ccb_write_all(o->log, heading, strlen(heading), o->log_path, error))
        return false;
    begin_eta(o, index);
    ccb_progress_begin(tag, title, 0);
    ccb_progress_announce(step->id);
    gint64 started = g_get_monotonic_time();
    if (!ccb_bake_step(bake, step, &o->plan->expect, o->keys[index], error)) {
        ccb_progress_abort();
        g_prefix_error(error, "step %s (%s): ", tag, step->id);
        if (ccb_cancelled())
            return false;
        chain->failed = step;
        if (o->on_failure != NULL)
            o->on_failure(bake->guest, step, *error);
        return false;
    }
    ccb_progress_end(NULL);
    add_time(chain, step, (double)(g_get_monotonic_time() - started) / G_USEC_PER_SEC, false);
    return true;
}

/* The key of what the next overlay is on: a layer, or one that is being committed; NULL: the base. */
static const char *below(const CcbChain *chain)
{
    if (chain->committer != NULL)
        return ccb_committer_last(chain->committer);
    return chain->top ? chain->top->key : NULL;
}

/* Runs steps [begin, end) in the overlay.  Every step begins with the facts that the one before left, whether or not a
 * layer lies between them. */
static bool bake_overlay(const CcbChainOptions *o, CcbChain *chain, const char *overlay,
                         guint begin, guint end, GError **error)
{
    g_autoptr(GPtrArray) payloads = ccb_attachments_of(o->plan->steps, begin, end);
    const CcbGuestOptions open = {.image = overlay,
                                  .format = "qcow2",
                                  .backend = o->backend,
                                  .scratch_dir = o->work->scratch,
                                  .scratch_size =
                                      ccb_plan_space(o->plan, chain->first).scratch + SPARE_SCRATCH,
                                  .grow_to = below(chain) == NULL ? o->plan->recipe->grow : 0,
                                  .trim = below(chain) == NULL,
                                  .payloads = payloads,
                                  .log_fd = o->log};
    CcbGuest *guest = ccb_guest_open(&open, error);
    if (guest == NULL)
        return false;
    CcbBake bake = {.guest = guest,
                    .recipe = o->plan->recipe,
                    .facts = g_steal_pointer(&chain->facts),
                    .jobs = g_get_num_processors(),
                    .no_cache = o->no_cache};
    bool ok = open.grow_to == 0 || ccb_bake_refresh(&bake, error);
    for (guint i = begin; ok && i < end; i++)
        ok = run_step(o, chain, &bake, i, error);
    chain->facts = bake.facts;
    if (!ok) {
        ccb_free_space_blame(o->work->dir, error);
        ccb_guest_free(guest);
        return false;
    }
    if (ccb_guest_close(guest, error) && ccb_work_clear_scratch(o->work, error))
        return true;
    g_prefix_error(error, "after step %s: ", step_at(o->plan, end - 1)->id);
    ccb_free_space_blame(o->work->dir, error);
    return false;
}

/* Says of steps [begin, end) that they are not run. */
static void note_cached(const CcbChainOptions *o, CcbChain *chain, guint begin, guint end)
{
    for (guint i = begin; i < end; i++) {
        g_autofree char *tag = NULL;
        g_autofree char *title = title_of(o, i, &tag);
        begin_eta(o, i);
        ccb_eta_skip();
        ccb_progress_cached(tag, title);
        add_time(chain, step_at(o->plan, i), 0, true);
    }
}

static bool is_unchanged(const char *path, const char *sha256, GError **error)
{
    g_autofree char *now = ccb_digest_file_once(path, error);
    return now != NULL &&
           (g_strcmp0(now, sha256) == 0 ||
            ccb_fail(error, CCB_ERR_INPUT, "%s changed during the bake; bake again", path));
}

/* Base, payloads and the recipe's files are read where the user has them.  What was edited while steps [begin, end)
 * ran would be kept under the key of what it was before. */
static bool check_sources(const CcbChainOptions *o, guint begin, guint end, GError **error)
{
    g_auto(GStrv) now = ccb_chain_keys(o->plan, error);
    if (now == NULL)
        return false;
    for (guint i = begin; i < end; i++) {
        const GPtrArray *payloads = step_at(o->plan, i)->payloads;
        for (guint j = 0; j < payloads->len; j++) {
            const CcbPayload *payload = payloads->pdata[j];
            if (!is_unchanged(payload->path, payload->sha256, error))
                return false;
        }
    }
    if (!is_unchanged(o->base->path, o->base->sha256, error))
        return false;
    return g_strv_equal((const char *const *)now, o->keys) ||
           ccb_fail(error, CCB_ERR_INPUT,
                    "files of the recipe changed during the bake; bake again");
}

/* Goes on from the layer of steps [begin, end) if another process has made it meanwhile.  *lock: of the layer; `chain`
 * takes ownership of it then. */
static bool take_made(const CcbChainOptions *o, CcbChain *chain, guint begin, guint end, int *lock,
                      bool *ret_taken, GError **error)
{
    const char *key = o->keys[end - 1];
    *ret_taken = false;
    if (o->fresh || !ccb_layer_exists(key))
        return true;
    if (!settle(chain, error))
        return false;
    GError *reason = NULL;
    CcbLayer *made = ccb_layer_find(key, NULL, &reason);
    if (reason != NULL) {
        g_propagate_error(error, reason);
        return false;
    }
    CcbFacts *facts = made ? ccb_facts_from_json(made->facts) : NULL;
    if (facts == NULL) { /* damaged, or written by another version */
        ccb_layer_free(made);
        return true;
    }
    note_cached(o, chain, begin, end);
    ccb_layer_free(chain->top);
    ccb_facts_free(chain->facts);
    chain->top = made;
    chain->facts = facts;
    ccb_layer_use(chain->use, ccb_steal_fd(lock));
    *ret_taken = true;
    return true;
}

/* *lock: of the layer that is made; the committer takes ownership of it. */
static bool bake_layer(const CcbChainOptions *o, CcbChain *chain, guint begin, guint end, int *lock,
                       GError **error)
{
    const char *key = o->keys[end - 1];
    const CcbStep *last = step_at(o->plan, end - 1);
    const CcbLayerBase base = {o->base->path, o->base->format, o->base->sha256};
    g_autofree char *overlay =
        ccb_layer_begin(key, below(chain), chain->committer != NULL, &base, error);
    if (overlay == NULL)
        return false;
    json_t *ingredients = NULL;
    if (bake_overlay(o, chain, overlay, begin, end, error) && check_sources(o, begin, end, error))
        ingredients = ccb_step_ingredients(o->plan, last, error);
    if (ingredients == NULL) {
        ccb_layer_abandon(key);
        return false;
    }
    CcbLayer *layer = g_new0(CcbLayer, 1);
    layer->key = g_strdup(key);
    layer->parent = g_strdup(below(chain));
    layer->parent_sha256 = chain->top ? g_strdup(chain->top->sha256) : NULL;
    layer->step = g_strdup(last->id);
    layer->recipe = g_strdup(o->plan->recipe->name);
    layer->image = g_strdup(o->plan->recipe->output_name);
    layer->facts = ccb_facts_to_json(chain->facts);
    layer->ingredients = ingredients;
    if (chain->committer == NULL)
        chain->committer = ccb_committer_new();
    ccb_committer_add(chain->committer, layer, &base, ccb_steal_fd(lock));
    return true;
}

/* Makes the layer of steps [begin, end), or takes it from another process that made it meanwhile. */
static bool make_layer(const CcbChainOptions *o, CcbChain *chain, guint begin, guint end,
                       GError **error)
{
    bool shared = true, taken = false;
    ccb_autofd int lock = -1;
    if (chain->committer != NULL && ccb_committer_has_failed(chain->committer))
        return settle(chain, error);
    begin_eta(o, begin);
    /* The lock of a layer that is there is shared; if the layer is not usable, it is made under an exclusive one. */
    for (bool or_use = !o->fresh; shared && !taken; or_use = false) {
        ccb_close_fd(&lock);
        lock = ccb_layer_lock(o->keys[end - 1], or_use, &shared, error);
        if (lock < 0 || !take_made(o, chain, begin, end, &lock, &taken, error))
            return false;
    }
    return taken || bake_layer(o, chain, begin, end, &lock, error);
}

bool ccb_chain_build(const CcbChainOptions *o, CcbChain *chain, GError **error)
{
    if (ccb_cancel_check(error))
        return false;
    note_cached(o, chain, 0, chain->first);
    if (chain->facts == NULL)
        chain->facts = ccb_facts_copy(o->base);
    for (guint i = chain->first, end; i < o->plan->steps->len; i = end) {
        end = i + 1;
        if (o->backend != CCB_BACKEND_HOST) /* a layer for each step with payloads: see chain.h */
            while (end < o->plan->steps->len && step_at(o->plan, end)->payloads->len == 0)
                end++;
        if (!make_layer(o, chain, i, end, error))
            return false;
    }
    return settle(chain, error);
}
