/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may stand in a map: tables of fields.  They check recipes (unknown keys with a suggestion,
 * types, missing values) and are printed as JSON Schema for editors; the recipe, its parts and
 * every step kind have one.  A kind's table also says where each value goes in the kind's own struct:
 *
 *     typedef struct {
 *         CcbStepSettings common;
 *         char *file;
 *     } Settings;
 *
 *     static const CcbField fields[] = {
 *         CCB_STEP_FIELDS,
 *         CCB_SETTING(Settings, file, "file", STRING, "file name", .required = true),
 *         {0},
 *     };
 */
#pragma once

#include <stddef.h>

#include "recipe/node.h"

/* With the type of the member that CCB_SETTING() names. */
typedef enum {
    CCB_FIELD_STRING,      /* char *; NULL where it is missing and has no preset */
    CCB_FIELD_NUMBER,      /* unsigned */
    CCB_FIELD_BOOL,        /* bool */
    CCB_FIELD_STRINGS,     /* char **, never NULL: list of strings, or a single one */
    CCB_FIELD_MAP,         /* pointer to a struct with fields of its own, or NULL */
    CCB_FIELD_MAPS,        /* GPtrArray * of such structs, never NULL */
    CCB_FIELD_NAMED,       /* const CcbNode *, or NULL: map of any names to strings */
    CCB_FIELD_NAMED_MAPS,  /* likewise, to maps with these fields */
    CCB_FIELD_NAMED_LISTS, /* likewise, to lists of strings */
    CCB_FIELD_COMMANDS,    /* GPtrArray * of char **, never NULL: list of lists of strings */
    CCB_FIELD_PAYLOAD,     /* char *: the name of a payload of the recipe */
    CCB_FIELD_PAYLOADS,    /* char **: list of such names */
    CCB_FIELD_FILES,       /* char **: files of the host; absolute, from relative to the recipe */
    CCB_FIELD_TREE,        /* char *: a directory of the host, likewise */
    CCB_FIELD_FILE,        /* char *: a file of the host, likewise */
    /* Without a member: */
    CCB_FIELD_STEPS, /* list of maps with one key, a step kind; with fields, a map of these before `extends` is merged */
    CCB_FIELD_NAMED_STEPS,    /* map of any names to steps */
    CCB_FIELD_NAMED_SETTINGS, /* map of any names to maps of any keys */
} CcbFieldType;

typedef struct CcbField {
    const char *name; /* NULL ends a table */
    CcbFieldType type;
    const char *help;
    bool required;
    const char *choices; /* "a|b|c", or NULL */
    const char *preset;  /* what a STRING, NUMBER, BOOL or STRINGS (words) is without a value */
    const struct CcbField *fields; /* of MAP, MAPS, NAMED_MAPS, STEPS */
    size_t size;                   /* of the struct of MAP and MAPS */
    size_t offset;                 /* of the member */
} CcbField;

#define CCB_FIELD(name_, type_, help_, ...)                                                        \
    {                                                                                              \
        .name = (name_), .type = CCB_FIELD_##type_, .help = (help_), ##__VA_ARGS__                 \
    }
#define CCB_SETTING(Struct, member, name_, type_, help_, ...)                                      \
    CCB_FIELD(name_, type_, help_, .offset = offsetof(Struct, member), ##__VA_ARGS__)

/* The host path that is named at `setting`: relative to the recipe file that it stands in.  Caller
 * frees. */
char *ccb_schema_host_path(const CcbNode *setting, const char *path);

/* The same for a list of files; empty where the map has no such key, or is NULL. */
char **ccb_schema_host_paths(const CcbNode *map, const char *key);

/* Errors: CCB_ERR_RECIPE with file:line:column. */
bool ccb_schema_check(const CcbNode *map, const CcbField *fields, const char *what, GError **error);

/* The values of a map that was checked, in a struct of `size` bytes as the fields say; `map` may be
 * NULL or no map: all are missing.  Nodes in it belong to the recipe. */
void *ccb_schema_read(const CcbNode *map, const CcbField *fields, size_t size);
void ccb_schema_free(void *settings, const CcbField *fields); /* accepts NULL */

/* The help with the preset; caller frees. */
char *ccb_field_help(const CcbField *field);

/* JSON Schema (draft 7) of a table; `steps` is the schema of one step, for CCB_FIELD_STEPS.  New
 * reference. */
json_t *ccb_schema_to_json(const CcbField *fields, json_t *steps);
