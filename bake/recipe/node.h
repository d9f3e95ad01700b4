/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A YAML value that remembers where it stands, so that an error found much later still says file:line:column.  Nodes
 * belong to the recipe and do not change once it is loaded.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

typedef enum { CCB_NODE_SCALAR, CCB_NODE_LIST, CCB_NODE_MAP } CcbNodeType;

typedef struct CcbNode {
    CcbNodeType type;
    char *text;       /* of a scalar; never NULL there */
    bool plain;       /* an unquoted scalar: true, 12 and null mean what they look like */
    GPtrArray *items; /* values of a list or map */
    GPtrArray *keys;  /* of a map: scalar nodes, as many as items */
    GHashTable *at;   /* of a map: the text of a key (which the key owns) to its number */
    const char *file; /* interned */
    int line, column; /* from 1; 0: `file` is an option of the command line, not a file */
    /* Of a scalar that was one variable, and no more: the place of the variable's value, "acme.yaml:5:11", which is what
     * has to be changed where the value is wrong.  Interned; NULL: none. */
    const char *set_at;
    /* The variables in a scalar that have their values elsewhere: "${driver} of acme.yaml:5".  Interned; NULL: none. */
    const char *variables;
} CcbNode;

CcbNode *ccb_node_new(CcbNodeType type, const char *file, int line, int column);
void ccb_node_free(CcbNode *node); /* with all below it; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbNode, ccb_node_free)

CcbNode *ccb_node_copy(const CcbNode *node);

/* The value of a key, or NULL; also where `map` is NULL. */
CcbNode *ccb_node_get(const CcbNode *map, const char *key);

/* The text of a key's scalar, or NULL. */
const char *ccb_node_get_text(const CcbNode *map, const char *key);

/* A number that a schema has checked already; `fallback` without the key. */
unsigned ccb_node_get_number(const CcbNode *map, const char *key, unsigned fallback);

/* The items of a list of scalars, or of a single scalar; an empty list where the key is absent.
 * NULL-terminated; caller frees. */
char **ccb_node_get_strings(const CcbNode *map, const char *key);

/* Sets or replaces a key; takes ownership of key and value. */
void ccb_node_set(CcbNode *map, CcbNode *key, CcbNode *value);

/* Takes a key out, if it is there. */
void ccb_node_remove(CcbNode *map, const char *key);

/* Lays copies of the keys of `above` over those of `below`: two maps are merged key by key, at every depth; any other value
 * takes the place of the old one.  Does nothing where `below` or `above` is no map. */
void ccb_node_merge(CcbNode *below, const CcbNode *above);

/* Whether it is a plain scalar that means no value: nothing, null or ~. */
bool ccb_node_is_null(const CcbNode *node);

/* "file:line:column"; where a variable gave the value, its place before that one: "--set a (used at r.yaml:1:2)".  For
 * messages; caller frees. */
char *ccb_node_place(const CcbNode *node);

/* Fails with "file:line:column: ..." and CCB_ERR_RECIPE.  Where the value is that of a variable, the place is that of the
 * variable's value, and the message also names the place that uses it. */
bool ccb_node_fail(const CcbNode *node, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* The same value as JSON, in which all scalars are strings; maps lose their order. */
json_t *ccb_node_to_json(const CcbNode *node);

/* The reverse: null, numbers and booleans become plain scalars.  `file` stands for it in errors. */
CcbNode *ccb_node_from_json(const json_t *json, const char *file);

/* The same with plain scalars that look like numbers or booleans as such. */
json_t *ccb_node_to_typed_json(const CcbNode *node);

/* A map with this one key: "- remove: [/a, /b]" is short for "- remove: {paths: [/a, /b]}".  Caller frees. */
CcbNode *ccb_node_wrap(const CcbNode *value, const char *key);
