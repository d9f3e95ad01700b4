/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stddef.h>

#include "check/expect.h"

typedef struct {
    const char *member;
    size_t offset;
} Field;

#define FIELD(name)                                                                                \
    {                                                                                              \
#name, offsetof(CcbExpectation, name)                                                      \
    }

static const Field texts[] = {FIELD(min_kernel),     FIELD(root_uuid), FIELD(driver),
                              FIELD(fabric_manager), FIELD(nscq),      FIELD(cuda)};
static const Field lists[] = {FIELD(kernel_args), FIELD(initramfs_drivers), FIELD(consumers),
                              FIELD(python)};

static void *field_of(const CcbExpectation *expect, const Field *field)
{
    return (char *)expect + field->offset;
}

/* --- to JSON */

static json_t *list_to_json(char *const *words)
{
    json_t *list = json_array();
    for (; *words != NULL; words++)
        json_array_append_new(list, json_string(*words));
    return list;
}

static json_t *waivers_to_json(const GPtrArray *waivers)
{
    json_t *json = json_object();
    for (guint i = 0; i < waivers->len; i++) {
        const CcbWaiver *waiver = waivers->pdata[i];
        json_object_set_new(json, waiver->check, json_string(waiver->reason));
    }
    return json;
}

json_t *ccb_expectation_to_json(const CcbExpectation *expect)
{
    json_t *json =
        json_pack("{sisb}", "gpus", (int)expect->gpus, "no_driver", (int)expect->no_driver);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        char *const *text = field_of(expect, &texts[i]);
        if (*text != NULL)
            json_object_set_new(json, texts[i].member, json_string(*text));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        char **const *list = field_of(expect, &lists[i]);
        if (*list != NULL)
            json_object_set_new(json, lists[i].member, list_to_json(*list));
    }
    if (expect->waivers != NULL)
        json_object_set_new(json, "waivers", waivers_to_json(expect->waivers));
    return json;
}

/* --- and back */

static char **list_from_json(const json_t *json)
{
    size_t i;
    const json_t *word;
    if (!json_is_array(json))
        return NULL;
    GPtrArray *list = g_ptr_array_new();
    json_array_foreach(json, i, word)
    {
        if (json_is_string(word))
            g_ptr_array_add(list, g_strdup(json_string_value(word)));
    }
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(list, FALSE);
}

static GPtrArray *waivers_from_json(const json_t *json)
{
    const char *check;
    const json_t *reason;
    GPtrArray *waivers = ccb_waivers_new();
    json_object_foreach((json_t *)json, check, reason)
    {
        CcbWaiver *waiver = g_new0(CcbWaiver, 1);
        *waiver = (CcbWaiver){g_strdup(check), g_strdup(json_string_value(reason))};
        g_ptr_array_add(waivers, waiver);
    }
    return waivers;
}

void ccb_expectation_from_json(const json_t *json, CcbExpectation *ret)
{
    json_int_t gpus = json_integer_value(json_object_get(json, "gpus"));
    *ret = (CcbExpectation){
        .gpus = gpus == 1 || gpus == 8 ? (unsigned)gpus : 0,
        .no_driver = json_is_true(json_object_get(json, "no_driver")),
        .waivers = waivers_from_json(json_object_get(json, "waivers")),
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        *(char **)field_of(ret, &texts[i]) =
            g_strdup(json_string_value(json_object_get(json, texts[i].member)));
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        *(char ***)field_of(ret, &lists[i]) =
            list_from_json(json_object_get(json, lists[i].member));
}
