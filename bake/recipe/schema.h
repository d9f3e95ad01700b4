/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may stand in a map: tables of fields.  They check recipes (unknown keys with a suggestion,
 * types, missing values) and are printed as JSON Schema for editors; the recipe, its parts and
 * every step kind have one.
 */
#pragma once

#include "recipe/node.h"

typedef enum {
    CCB_FIELD_STRING,
    CCB_FIELD_NUMBER,      /* unsigned */
    CCB_FIELD_BOOL,        /* true or false */
    CCB_FIELD_STRINGS,     /* list of strings; one string will do */
    CCB_FIELD_MAP,         /* with fields of its own */
    CCB_FIELD_MAPS,        /* list of such maps */
    CCB_FIELD_NAMED,       /* map of any names to strings */
    CCB_FIELD_NAMED_MAPS,  /* map of any names to maps with these fields */
    CCB_FIELD_NAMED_LISTS, /* map of any names to lists of strings */
    CCB_FIELD_COMMANDS,    /* list of lists of strings */
    CCB_FIELD_PAYLOAD,     /* the name of a payload of the recipe */
    CCB_FIELD_PAYLOADS,    /* list of such names */
    CCB_FIELD_FILES,       /* list of files of the host, relative to the recipe file */
    CCB_FIELD_TREE,        /* a directory of the host, likewise */
    CCB_FIELD_STEPS,       /* list of maps with one key, a step kind */
} CcbFieldType;

typedef struct CcbField {
    const char *name; /* NULL ends a table */
    CcbFieldType type;
    bool required;
    const char *help;
    const char *choices;           /* "a|b|c", or NULL */
    const struct CcbField *fields; /* of MAP, MAPS, NAMED_MAPS */
} CcbField;

/* The host path that a FILES or TREE setting names: relative to the recipe file that it stands in.
 * Caller frees. */
char *ccb_schema_host_path(const CcbNode *setting, const char *path);

/* Errors: CCB_ERR_RECIPE with file:line:column. */
bool ccb_schema_check(const CcbNode *map, const CcbField *fields, const char *what, GError **error);

/* JSON Schema (draft 7) of a table; `steps` is the schema of one step, for CCB_FIELD_STEPS.  New
 * reference. */
json_t *ccb_schema_to_json(const CcbField *fields, json_t *steps);
