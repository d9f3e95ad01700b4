/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/fields.h"

#include <glib.h>

static char **text_of(const void *object, const CcbField *field)
{
    return (char **)((char *)object + field->offset);
}

void ccb_fields_free(void *object, const CcbField *fields)
{
    for (; fields->key != NULL; fields++)
        g_clear_pointer(text_of(object, fields), g_free);
}

void ccb_fields_copy(void *to, const void *from, const CcbField *fields)
{
    for (; fields->key != NULL; fields++)
        *text_of(to, fields) = g_strdup(*text_of(from, fields));
}

void ccb_fields_from_json(void *to, const json_t *json, const CcbField *fields)
{
    for (; fields->key != NULL; fields++)
        *text_of(to, fields) = g_strdup(json_string_value(json_object_get(json, fields->key)));
}

void ccb_fields_to_json(const void *from, json_t *json, const CcbField *fields)
{
    for (; fields->key != NULL; fields++) {
        const char *text = *text_of(from, fields);
        g_autofree char *valid = text != NULL ? g_utf8_make_valid(text, -1) : NULL;
        if (valid != NULL)
            json_object_set_new(json, fields->key, json_string(valid));
    }
}
