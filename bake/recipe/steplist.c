/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/steplist.h"

#include <string.h>

#include "base/text.h"

static const CcbField insert_fields[] = {
    CCB_FIELD("after", STRING, "id of the step that they follow"),
    CCB_FIELD("before", STRING, "id of the step that they precede"),
    CCB_FIELD("steps", STEPS, "what is inserted", .required = true),
    {0},
};

const CcbField ccb_steps_fields[] = {
    CCB_FIELD("remove", STRINGS, "ids of steps that are left out"),
    CCB_FIELD("replace", NAMED_STEPS, "ids with the step that takes the place"),
    CCB_FIELD("change", NAMED_SETTINGS, "ids with settings that are added or replaced"),
    CCB_FIELD("insert", MAPS, "new steps, with their place", .fields = insert_fields),
    {0},
};

bool ccb_step_split(const CcbNode *step, const CcbNode **ret_kind, const CcbNode **ret_settings,
                    GError **error)
{
    if (step->type == CCB_NODE_SCALAR && !ccb_node_is_null(step)) { /* "- initramfs" */
        *ret_kind = step;
        *ret_settings = NULL;
        return true;
    }
    if (step->type != CCB_NODE_MAP || step->keys->len != 1)
        return ccb_node_fail(step, error,
                             "a step is a map with one key, its kind "
                             "(\"- nvidia-driver: {...}\")");
    *ret_kind = step->keys->pdata[0];
    *ret_settings = step->items->pdata[0];
    return true;
}

const char *ccb_step_id(const CcbNode *kind, const CcbNode *settings)
{
    const char *id = ccb_node_get_text(settings, "id");
    return id ? id : kind->text;
}

/* The id of a step that may be none yet, which is found out when all are read: NULL then. */
static const char *id_of(const CcbNode *step)
{
    const CcbNode *kind = NULL, *settings = NULL;
    return ccb_step_split(step, &kind, &settings, NULL) ? ccb_step_id(kind, settings) : NULL;
}

/* A copy of a step for the new list.  A bare word is the other recipe's step of that id, if there is one: the copy stands
 * where the word does, its kind and settings where the other recipe has them. */
static CcbNode *take_step(const CcbNode *other, const CcbNode *step)
{
    const CcbNode *source = step;
    for (guint i = 0; step->type == CCB_NODE_SCALAR && i < other->items->len; i++)
        if (g_strcmp0(id_of(other->items->pdata[i]), step->text) == 0) {
            source = other->items->pdata[i];
            break;
        }
    CcbNode *item = ccb_node_copy(source);
    item->file = step->file;
    item->line = step->line;
    item->column = step->column;
    return item;
}

/* --- a map: the other recipe's list with changes */

/* A place in the other recipe's list. */
typedef struct {
    const char *id;            /* of the step there; NULL: it is none */
    CcbNode *step;             /* what stands there now; NULL: it was removed */
    const char *done;          /* the key that has done so; NULL: none */
    GPtrArray *ahead, *behind; /* CcbNode: what is inserted */
} Slot;

static void slot_free(gpointer data)
{
    Slot *slot = data;
    ccb_node_free(slot->step);
    g_ptr_array_unref(slot->ahead);
    g_ptr_array_unref(slot->behind);
    g_free(slot);
}

static GPtrArray *slots_of(const CcbNode *other)
{
    GPtrArray *slots = g_ptr_array_new_with_free_func(slot_free);
    GDestroyNotify free_node = (GDestroyNotify)ccb_node_free;
    for (guint i = 0; i < other->items->len; i++) {
        Slot *slot = g_new0(Slot, 1);
        *slot = (Slot){.id = id_of(other->items->pdata[i]),
                       .step = ccb_node_copy(other->items->pdata[i]),
                       .ahead = g_ptr_array_new_with_free_func(free_node),
                       .behind = g_ptr_array_new_with_free_func(free_node)};
        g_ptr_array_add(slots, slot);
    }
    return slots;
}

/* The slot of the step that `id` names; NULL on error. */
static Slot *find_slot(const GPtrArray *slots, const CcbNode *id, GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    for (guint i = 0; i < slots->len; i++) {
        Slot *slot = slots->pdata[i];
        if (g_strcmp0(slot->id, id->text) == 0)
            return slot;
        if (slot->id != NULL)
            g_ptr_array_add(ids, (char *)slot->id);
    }
    g_ptr_array_add(ids, NULL);
    ccb_node_fail(id, error, "the extended recipe has no step \"%s\"", id->text);
    g_autofree char *list = g_strjoinv(", ", (char **)ids->pdata);
    g_autofree char *all = g_strconcat("its steps: ", list, NULL);
    ccb_hint_name(error, id->text, (const char *const *)ids->pdata, all);
    return NULL;
}

/* As find_slot(), for the one key that says what becomes of the step. */
static Slot *claim_slot(const GPtrArray *slots, const CcbNode *id, const char *key, GError **error)
{
    Slot *slot = find_slot(slots, id, error);
    if (slot != NULL && slot->done != NULL) {
        ccb_node_fail(id, error, "step \"%s\" is under \"%s\" already", id->text, slot->done);
        return NULL;
    }
    if (slot != NULL)
        slot->done = key;
    return slot;
}

static bool remove_steps(const GPtrArray *slots, const CcbNode *ids, GError **error)
{
    guint n = ids == NULL ? 0 : ids->type == CCB_NODE_LIST ? ids->items->len : 1;
    for (guint i = 0; i < n; i++) {
        const CcbNode *id = ids->type == CCB_NODE_LIST ? ids->items->pdata[i] : ids;
        Slot *slot = claim_slot(slots, id, "remove", error);
        if (slot == NULL)
            return false;
        g_clear_pointer(&slot->step, ccb_node_free);
    }
    return true;
}

/* Stands in a map for the list that was in the place of all settings: which setting it is, only the kind knows. */
#define SHORT_LIST "(list)"

CcbNode *ccb_step_long_form(const CcbNode *settings, const char *setting)
{
    if (setting == NULL || settings == NULL || settings->type == CCB_NODE_SCALAR)
        return NULL;
    if (settings->type == CCB_NODE_LIST)
        return ccb_node_wrap(settings, setting);
    const CcbNode *list = ccb_node_get(settings, SHORT_LIST);
    if (list == NULL)
        return NULL;
    CcbNode *map = ccb_node_wrap(list, setting);
    ccb_node_merge(map, settings);
    ccb_node_remove(map, SHORT_LIST);
    return map;
}

/* The settings of a well-formed step, for additions: where it has none, it gets an empty map.  No map where the recipe has
 * a value there, which is found out when all is read. */
static CcbNode *open_settings(CcbNode **step)
{
    bool is_word = (*step)->type == CCB_NODE_SCALAR;
    if (!is_word && ((CcbNode *)(*step)->items->pdata[0])->type == CCB_NODE_LIST) {
        CcbNode *map = ccb_node_wrap((*step)->items->pdata[0], SHORT_LIST);
        ccb_node_set(*step, ccb_node_copy((*step)->keys->pdata[0]), map);
        return map;
    }
    if (!is_word && !ccb_node_is_null((*step)->items->pdata[0]))
        return (*step)->items->pdata[0];
    CcbNode *old = *step, *kind = ccb_node_copy(is_word ? old : old->keys->pdata[0]);
    CcbNode *settings = ccb_node_new(CCB_NODE_MAP, kind->file, kind->line, kind->column);
    *step = ccb_node_new(CCB_NODE_MAP, old->file, old->line, old->column);
    ccb_node_set(*step, kind, settings);
    ccb_node_free(old);
    return settings;
}

/* The new step keeps the id, so that recipes that extend this one find it, unless it has one of its own. */
static bool replace_steps(const GPtrArray *slots, const CcbNode *steps, GError **error)
{
    for (guint i = 0; steps != NULL && i < steps->keys->len; i++) {
        const CcbNode *id = steps->keys->pdata[i], *step = steps->items->pdata[i];
        const CcbNode *kind = NULL, *settings = NULL;
        Slot *slot = claim_slot(slots, id, "replace", error);
        if (slot == NULL || !ccb_step_split(step, &kind, &settings, error))
            return false;
        ccb_node_free(slot->step);
        slot->step = ccb_node_copy(step);
        if (strcmp(kind->text, id->text) == 0 || ccb_node_get(settings, "id") != NULL)
            continue;
        CcbNode *map = open_settings(&slot->step);
        CcbNode *key = ccb_node_new(CCB_NODE_SCALAR, id->file, id->line, id->column);
        g_free(key->text);
        key->text = g_strdup("id");
        ccb_node_set(map, key, ccb_node_copy(id));
    }
    return true;
}

static bool change_steps(const GPtrArray *slots, const CcbNode *changes, GError **error)
{
    for (guint i = 0; changes != NULL && i < changes->keys->len; i++) {
        Slot *slot = claim_slot(slots, changes->keys->pdata[i], "change", error);
        if (slot == NULL)
            return false;
        ccb_node_merge(open_settings(&slot->step), changes->items->pdata[i]);
    }
    return true;
}

/* Steps at one place keep the order in which they are written. */
static bool insert_steps(const GPtrArray *slots, const CcbNode *other, const CcbNode *entries,
                         GError **error)
{
    for (guint i = 0; entries != NULL && i < entries->items->len; i++) {
        const CcbNode *entry = entries->items->pdata[i];
        const CcbNode *after = ccb_node_get(entry, "after");
        const CcbNode *before = ccb_node_get(entry, "before");
        if ((after == NULL) == (before == NULL))
            return ccb_node_fail(entry, error,
                                 after ? "\"insert\": both \"after\" and \"before\" are given"
                                       : "\"insert\": \"after\" or \"before\" is missing");
        Slot *slot = find_slot(slots, after ? after : before, error);
        const CcbNode *steps = ccb_node_get(entry, "steps");
        for (guint j = 0; slot != NULL && j < steps->items->len; j++)
            g_ptr_array_add(after ? slot->behind : slot->ahead,
                            take_step(other, steps->items->pdata[j]));
        if (slot == NULL)
            return false;
    }
    return true;
}

static void move_all(CcbNode *list, GPtrArray *nodes)
{
    while (nodes->len > 0)
        g_ptr_array_add(list->items, g_ptr_array_steal_index(nodes, 0));
}

/* A step that is there twice is an error of the one that was inserted, wherever it stands. */
static bool check_inserted(const GPtrArray *slots, GError **error)
{
    g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < slots->len; i++) {
        const Slot *slot = slots->pdata[i];
        const char *id = slot->step != NULL ? id_of(slot->step) : NULL;
        if (id != NULL)
            g_hash_table_add(ids, (char *)id);
    }
    for (guint i = 0; i < 2 * slots->len; i++) {
        const Slot *slot = slots->pdata[i / 2];
        const GPtrArray *inserted = i % 2 == 0 ? slot->ahead : slot->behind;
        for (guint j = 0; j < inserted->len; j++) {
            const char *id = id_of(inserted->pdata[j]);
            if (id == NULL || g_hash_table_add(ids, (char *)id))
                continue;
            ccb_node_fail(inserted->pdata[j], error, "there is a step \"%s\" already", id);
            return ccb_hint(error, "give this one an \"id\" of its own; to give a step other "
                                   "settings use \"change\", to move it also \"remove\" it");
        }
    }
    return true;
}

static CcbNode *change_list(const CcbNode *other, const CcbNode *key, const CcbNode *own,
                            GError **error)
{
    if (!ccb_schema_check(own, ccb_steps_fields, "steps", error))
        return NULL;
    g_autoptr(GPtrArray) slots = slots_of(other);
    if (!remove_steps(slots, ccb_node_get(own, "remove"), error) ||
        !replace_steps(slots, ccb_node_get(own, "replace"), error) ||
        !change_steps(slots, ccb_node_get(own, "change"), error) ||
        !insert_steps(slots, other, ccb_node_get(own, "insert"), error) ||
        !check_inserted(slots, error))
        return NULL;
    CcbNode *list = ccb_node_new(CCB_NODE_LIST, key->file, key->line, key->column);
    for (guint i = 0; i < slots->len; i++) {
        Slot *slot = slots->pdata[i];
        move_all(list, slot->ahead);
        if (slot->step != NULL)
            g_ptr_array_add(list->items, g_steal_pointer(&slot->step));
        move_all(list, slot->behind);
    }
    return list;
}

CcbNode *ccb_steps_merge(const CcbNode *other, const CcbNode *key, const CcbNode *own,
                         GError **error)
{
    if (own->type == CCB_NODE_MAP)
        return change_list(other, key, own, error);
    if (own->items->len == 0) {
        ccb_node_fail(own, error, "\"steps\": the list is empty, and is the whole order");
        ccb_hint(error, "leave \"steps\" out to take those of the extended recipe, or use "
                        "{remove: [...]}");
        return NULL;
    }
    CcbNode *list = ccb_node_new(CCB_NODE_LIST, key->file, key->line, key->column);
    for (guint i = 0; i < own->items->len; i++)
        g_ptr_array_add(list->items, take_step(other, own->items->pdata[i]));
    return list;
}
