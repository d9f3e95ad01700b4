/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/expectation.h"

#include <stddef.h>
#include <string.h>

typedef struct {
    const char *member;
    size_t offset;
    bool is_list;
} Field;

#define TEXT(name)                                                                                 \
    {                                                                                              \
#name, offsetof(CcbExpectation, name), false                                               \
    }
#define LIST(name)                                                                                 \
    {                                                                                              \
#name, offsetof(CcbExpectation, name), true                                                \
    }

static const Field fields[] = {
    TEXT(min_kernel),     TEXT(root_uuid),    TEXT(driver),
    TEXT(fabric_manager), TEXT(nscq),         TEXT(cuda),
    LIST(kernel_args),    LIST(removed_args), LIST(initramfs_drivers),
    LIST(consumers),      LIST(python),       LIST(enabled),
    LIST(disabled),       LIST(masked),       LIST(orders),
    LIST(tdx_guest),
};

static void *member(const CcbExpectation *expect, const Field *field)
{
    return (char *)expect + field->offset;
}

static void waiver_free(gpointer data)
{
    CcbWaiver *waiver = data;
    g_free(waiver->check);
    g_free(waiver->reason);
    g_free(waiver);
}

static void add_waiver(GPtrArray *waivers, const char *check, const char *reason)
{
    CcbWaiver *waiver = g_new0(CcbWaiver, 1);
    *waiver = (CcbWaiver){g_strdup(check), g_strdup(reason)};
    g_ptr_array_add(waivers, waiver);
}

void ccb_expectation_begin(const CcbRecipe *recipe, CcbExpectation *ret)
{
    *ret = (CcbExpectation){.gpus = recipe->gpus,
                            .no_driver = true,
                            .min_kernel = g_strdup(recipe->min_kernel),
                            .waivers = g_ptr_array_new_with_free_func(waiver_free),
                            .checks = g_ptr_array_ref(recipe->checks)};
    for (guint i = 0; i < recipe->waivers->len; i++) {
        const CcbRecipeWaiver *waiver = recipe->waivers->pdata[i];
        add_waiver(ret->waivers, waiver->check, waiver->reason);
    }
}

void ccb_expect(char **member, const char *value)
{
    g_free(*member);
    *member = g_strdup(value);
}

void ccb_expect_words(char ***member, char *const *words)
{
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    char **old = *member;
    if (words[0] == NULL)
        return;
    if (old != NULL)
        g_strv_builder_addv(list, (const char **)old);
    for (; *words != NULL; words++)
        if (old == NULL || !g_strv_contains((const char *const *)old, *words))
            g_strv_builder_add(list, *words);
    *member = g_strv_builder_end(list);
    g_strfreev(old);
}

void ccb_expect_not(char ***member, const char *word)
{
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    char **old = *member;
    if (old == NULL || !g_strv_contains((const char *const *)old, word))
        return;
    for (char **kept = old; *kept != NULL; kept++)
        if (strcmp(*kept, word) != 0)
            g_strv_builder_add(list, *kept);
    *member = old[1] != NULL ? g_strv_builder_end(list) : NULL;
    g_strfreev(old);
}

void ccb_expectation_clear(CcbExpectation *expect)
{
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (fields[i].is_list)
            g_strfreev(*(char ***)member(expect, &fields[i]));
        else
            g_free(*(char **)member(expect, &fields[i]));
    }
    g_clear_pointer(&expect->waivers, g_ptr_array_unref);
    g_clear_pointer(&expect->checks, g_ptr_array_unref);
    json_decref(expect->files);
    *expect = (CcbExpectation){0};
}

json_t *ccb_expectation_to_json(const CcbExpectation *expect)
{
    json_t *json =
        json_pack("{sisb}", "gpus", (int)expect->gpus, "no_driver", (int)expect->no_driver);
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (!fields[i].is_list) {
            const char *text = *(char **)member(expect, &fields[i]);
            if (text != NULL)
                json_object_set_new(json, fields[i].member, json_string(text));
            continue;
        }
        char **words = *(char ***)member(expect, &fields[i]);
        json_t *list = words != NULL ? json_array() : NULL;
        for (; words != NULL && *words != NULL; words++)
            json_array_append_new(list, json_string(*words));
        if (list != NULL)
            json_object_set_new(json, fields[i].member, list);
    }
    if (expect->files != NULL)
        json_object_set(json, "files", expect->files);
    json_t *checks = expect->checks != NULL && expect->checks->len > 0 ? json_array() : NULL;
    for (guint i = 0; checks != NULL && i < expect->checks->len; i++)
        json_array_append(checks, ((const CcbOwnCheck *)expect->checks->pdata[i])->definition);
    if (checks != NULL)
        json_object_set_new(json, "checks", checks);
    if (expect->waivers == NULL)
        return json;
    json_t *waivers = json_object();
    for (guint i = 0; i < expect->waivers->len; i++) {
        const CcbWaiver *waiver = expect->waivers->pdata[i];
        json_object_set_new(waivers, waiver->check, json_string(waiver->reason));
    }
    json_object_set_new(json, "waivers", waivers);
    return json;
}

void ccb_expectation_from_json(const json_t *json, CcbExpectation *ret)
{
    json_int_t gpus = json_integer_value(json_object_get(json, "gpus"));
    *ret = (CcbExpectation){
        .gpus = gpus == 1 || gpus == 8 ? (unsigned)gpus : 0,
        .no_driver = json_is_true(json_object_get(json, "no_driver")),
        .files = json_incref(json_object_get(json, "files")),
        .waivers = g_ptr_array_new_with_free_func(waiver_free),
        .checks = ccb_own_checks_from_json(json_object_get(json, "checks")),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        size_t j;
        const json_t *word, *value = json_object_get(json, fields[i].member);
        if (!fields[i].is_list) {
            *(char **)member(ret, &fields[i]) = g_strdup(json_string_value(value));
        } else if (json_is_array(value)) {
            g_autoptr(GStrvBuilder) list = g_strv_builder_new();
            json_array_foreach(value, j, word) if (json_is_string(word))
                g_strv_builder_add(list, json_string_value(word));
            *(char ***)member(ret, &fields[i]) = g_strv_builder_end(list);
        }
    }
    const char *check;
    const json_t *reason;
    json_object_foreach((json_t *)json_object_get(json, "waivers"), check, reason)
        add_waiver(ret->waivers, check, json_string_value(reason));
}
