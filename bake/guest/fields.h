/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The strings of a struct as a table, so that each is named once: freed, copied, written to JSON and read from it.
 *
 *     static const CcbField fields[] = {CCB_FIELD(CcbBootEntry, title), {"linux", offsetof(CcbBootEntry, kernel)}, {0}};
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

typedef struct {
    const char *key; /* in JSON; NULL ends a table */
    size_t offset;   /* of a char *, which may be NULL */
} CcbField;

#define CCB_FIELD(type, member)                                                                    \
    {                                                                                              \
        .key = #member, .offset = offsetof(type, member)                                           \
    }

void ccb_fields_free(void *object, const CcbField *fields);

/* The strings of `to` are not freed before. */
void ccb_fields_copy(void *to, const void *from, const CcbField *fields);
void ccb_fields_from_json(void *to, const json_t *json, const CcbField *fields);

/* Bytes that are no UTF-8 are replaced; what is NULL is left out. */
void ccb_fields_to_json(const void *from, json_t *json, const CcbField *fields);
