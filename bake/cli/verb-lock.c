/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `ccbake lock`: pins what the recipe does not pin.  Files are downloaded once to learn their
 * digests; steps that take their files from repositories are resolved by the guest's own tools, in
 * a throw-away overlay with the network on.  What changed in the lock is printed.
 */
#include <stdio.h>
#include <string.h>

#include "base/progress.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/load.h"
#include "cli/open-image.h"
#include "cli/print-json.h"
#include "cli/verbs.h"
#include "fetch/url.h"
#include "image/qemu-img.h"
#include "layer/work.h"
#include "plan/acquire.h"
#include "plan/lockdiff.h"

static struct {
    CcbLoadOptions load;
    const char *backend, *format;
    GPtrArray *update; /* names; "" for all that the lock has */
    bool dry_run;
} opts = {.backend = "auto", .format = "text"};

static const CcbOption options[] = {
    CCB_LOAD_OPTIONS(opts.load),
    {"update", 'u', CCB_OPT_OPTIONAL_LIST, &opts.update, "NAME",
     "renew what the lock knows: all of it, or a payload, \"base\" or a step"},
    {"dry-run", 0, CCB_OPT_FLAG, &opts.dry_run, NULL, "say what would change, and do not write"},
    CCB_FORMAT_OPTIONS(opts.format, "text|json", "how the changes are printed (text)"),
    CCB_BACKEND_OPTIONS(opts.backend),
    CCB_PROGRESS_OPTIONS,
    {0},
};

enum { SCRATCH_BYTES_LOG2 = 33 }; /* 8 GiB, sparse: package metadata and what packages unpack */

typedef struct {
    CcbLoaded *loaded; /* the image that is being locked */
    CcbStore *store;
    CcbBackend backend;
    CcbFacts *facts;    /* of its base; NULL: not known yet */
    CcbWork *work;      /* NULL: the overlay is not made yet */
    GPtrArray *pending; /* CcbStep: resolved, and not installed in the overlay yet */
    GHashTable *used; /* key ► name of what this run has locked: --update does not renew it again */
} Session;

static bool updates(const char *name)
{
    for (guint i = 0; opts.update != NULL && i < opts.update->len; i++)
        if (strcmp(opts.update->pdata[i], name) == 0)
            return true;
    return false;
}

/* Whether what the lock knows of this key must be renewed. */
static bool is_stale(const Session *s, const char *key, const char *name)
{
    return (updates("") || updates(name)) && !g_hash_table_contains(s->used, key);
}

static void note_used(const Session *s, const char *key, const char *name)
{
    g_hash_table_replace(s->used, g_strdup(key), g_strdup(name));
}

/* A base that the recipe does not want is refused as soon as it is known. */
static bool check_base(const Session *s, GError **error)
{
    return s->facts == NULL || ccb_plan_check_base(s->loaded->plan, s->facts, error);
}

/* A file of the recipe: the recipe's digest is taken as it is; without one, the file is fetched. */
static bool lock_file(Session *s, const CcbRecipePayload *from, CcbPayload *payload, GError **error)
{
    g_autofree char *key = ccb_lock_file_key(from);
    g_autoptr(GPtrArray) one = g_ptr_array_new();
    if (from->sha256 != NULL)
        return true;
    if (is_stale(s, key, from->name)) {
        g_clear_pointer(&payload->sha256, g_free);
        g_clear_pointer(&payload->relock, g_free);
        payload->size = from->size;
    }
    g_ptr_array_add(one, payload);
    if (!ccb_payloads_fetch(one, s->store, false, error))
        return false;
    ccb_lock_set_file(s->loaded->lock, key, payload->sha256, payload->size);
    note_used(s, key, from->name);
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
    ccb_facts_free(s->facts);
    s->facts = ccb_facts_of_image(base->path, CCB_BACKEND_READER, error);
    s->work = s->facts != NULL && check_base(s, error) ? ccb_work_open(error) : NULL;
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
        g_autofree char *shown = ccb_url_redact(url);
        if (!named || !remote || !g_utf8_validate(url, -1, NULL))
            return ccb_fail(error, CCB_ERR_STEP, "the guest named a file without a usable URL: %s",
                            shown);
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
    GPtrArray *found = is_stale(s, key, step->id)
                           ? NULL
                           : ccb_plan_locked_payloads(s->loaded->plan, step, s->loaded->lock);
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
    note_used(s, key, step->id);
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
    s->facts = ccb_plan_known_base(plan, s->store);
    if (!check_base(s, error))
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
    return true;
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

/* The names that --update takes for one image; and those of payloads that the recipe itself pins. */
static void add_names(const CcbLoaded *loaded, GPtrArray *names, GHashTable *pinned)
{
    const CcbRecipe *recipe = loaded->recipe;
    const CcbPlan *plan = loaded->plan;
    if (recipe->base->sha256 == NULL)
        g_ptr_array_add(names, g_strdup("base"));
    for (guint i = 0; i < recipe->payloads->len; i++) {
        const CcbRecipePayload *payload = recipe->payloads->pdata[i];
        if (payload->sha256 == NULL)
            g_ptr_array_add(names, g_strdup(payload->name));
        else
            g_hash_table_add(pinned, g_strdup(payload->name));
    }
    for (guint i = 0; i < plan->steps->len; i++) {
        const CcbStep *step = plan->steps->pdata[i];
        if (step->kind->resolve != NULL)
            g_ptr_array_add(names, g_strdup(step->id));
    }
}

static bool check_name(const char *name, const GPtrArray *names, GHashTable *pinned, GError **error)
{
    const char *const *all = (const char *const *)names->pdata;
    if (name[0] == '\0' || g_strv_contains(all, name))
        return true;
    if (g_hash_table_contains(pinned, name) || strcmp(name, "base") == 0)
        return ccb_fail(error, CCB_ERR_USAGE,
                        "--update=%s: the recipe has its sha256, and the lock nothing", name);
    ccb_fail(error, CCB_ERR_USAGE, "--update=%s: the lock has nothing of this name", name);
    g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
    g_autofree char *may_have = g_strconcat("the lock may have: ", list, NULL);
    return ccb_hint_name(error, name, all, may_have);
}

/* Refuses --update=NAME with a name that no image of the recipe has. */
static bool check_update(const char *path, const GPtrArray *entries, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) pinned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < entries->len; i++) {
        g_auto(CcbLoaded) loaded = {0};
        if (!ccb_load_entry(path, &opts.load, entries->pdata[i], &loaded, error))
            return false;
        add_names(&loaded, names, pinned);
    }
    g_ptr_array_add(names, NULL);
    for (guint i = 0; opts.update != NULL && i < opts.update->len; i++)
        if (!check_name(opts.update->pdata[i], names, pinned, error))
            return false;
    return true;
}

static bool save(const CcbLock *before, const CcbLock *after, const char *path, GError **error)
{
    bool same = json_equal((json_t *)ccb_lock_json(before), (json_t *)ccb_lock_json(after));
    if (opts.dry_run || (same && g_file_test(path, G_FILE_TEST_EXISTS)))
        return true;
    return ccb_lock_save(after, path, error);
}

static guint count(const json_t *comparison, const char *change)
{
    size_t i;
    json_t *row;
    guint n = 0;
    json_array_foreach(json_object_get(comparison, "changes"), i, row)
    {
        n += strcmp(json_string_value(json_object_get(row, "change")), change) == 0;
    }
    return n;
}

static void print_text(const json_t *comparison, const char *path, const char *recipe_path)
{
    int unchanged = (int)json_integer_value(json_object_get(comparison, "unchanged"));
    int unused = (int)json_integer_value(json_object_get(comparison, "unused"));
    g_autofree char *lines = ccb_lock_changes_to_text(comparison);
    printf("%s%s: %u added, %u changed, %u removed, %d unchanged%s\n", lines, path,
           count(comparison, "added"), count(comparison, "changed"), count(comparison, "removed"),
           unchanged, opts.dry_run ? "; not written" : "");
    if (unused > 0)
        printf("%s: %d more that %s does not use; `ccbake lock --update %s` drops them\n", path,
               unused, recipe_path, recipe_path);
}

static void report(const CcbLock *before, const CcbLock *after, GHashTable *used, const char *path,
                   const char *recipe_path)
{
    json_auto_t *comparison = ccb_lock_compare(before, after, used);
    if (strcmp(opts.format, "text") == 0) {
        print_text(comparison, path, recipe_path);
        return;
    }
    json_object_set_new(comparison, "lock", json_string(path));
    json_object_set_new(comparison, "dry_run", json_boolean(opts.dry_run));
    ccb_print_json(json_incref(comparison));
}

static bool run(int argc, char **argv, GError **error)
{
    g_autofree char *path = opts.load.lock ? g_strdup(opts.load.lock) : ccb_lock_path(argv[0]);
    g_autoptr(GPtrArray) entries = ccb_load_matrix(argv[0], &opts.load, error);
    if (entries == NULL || !check_update(argv[0], entries, error))
        return false;
    g_autoptr(CcbLock) before = ccb_lock_load(path, error);
    g_autoptr(CcbLock) lock = before != NULL ? ccb_lock_load(path, error) : NULL;
    if (lock == NULL)
        return false;
    CcbBackend backend = ccb_choose_backend(opts.backend, NULL, error);
    g_autoptr(CcbStore) store = backend != CCB_BACKEND_AUTO ? ccb_plan_store(error) : NULL;
    if (store == NULL)
        return false;
    g_autoptr(GHashTable) used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Session session = {.store = store, .backend = backend, .used = used};
    opts.load.with_lock = lock;
    for (guint i = 0; i < entries->len; i++)
        if (!lock_entry(&session, argv[0], entries->pdata[i], error) ||
            !save(before, lock, path, error))
            return false;
    /* What another value of a variable, or another base, needs is not known here. */
    if (updates("") && opts.load.settings == NULL && opts.load.base == NULL)
        ccb_lock_prune(lock, used);
    if (!save(before, lock, path, error))
        return false;
    report(before, lock, used, path, argv[0]);
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
