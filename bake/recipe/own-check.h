/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checks that a recipe brings itself, under `checks`: what each wants of the image.  check/check-own.c carries them
 * out.  They are read from a recipe, and from the manifest of an image that was baked by one.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "recipe/node.h"
#include "recipe/schema.h"

/* Of the regular expressions: they match bytes, and ^ and $ at lines. */
#define CCB_OWN_REGEX (G_REGEX_RAW | G_REGEX_MULTILINE)

/* Texts are NULL where the recipe says nothing. */
typedef struct {
    char *path;
    bool exists;        /* false: nothing stands there, and the rest is not set */
    char *type;         /* "file", "directory", "link" */
    char *mode, *owner; /* recipe/attributes.h */
    char *sha256, *contains, *matches;
} CcbOwnFile;

typedef struct {
    char *name;
    char *enabled; /* "true", "false", "masked" */
    char **after, **before;
} CcbOwnUnit;

typedef struct {
    char *name;
    char *version; /* as ccb_rpm_version_meets() takes it */
    bool absent;
} CcbOwnPackage;

typedef struct {
    char *name, *value;
    bool absent;
} CcbOwnArgument;

typedef struct {
    char **run;      /* its words */
    unsigned status; /* that it has to end with */
    char *contains, *matches;
    unsigned limit; /* seconds */
} CcbOwnCommand;

typedef struct {
    char *id; /* "own.NAME" */
    char *name, *why, *remedy;
    char *severity; /* "error", "warn" */
    /* One of them; the others are NULL. */
    CcbOwnFile *file;
    CcbOwnUnit *unit;
    CcbOwnPackage *package;
    CcbOwnArgument *argument;
    CcbOwnCommand *command;
    json_t *definition; /* as it was written: what a manifest keeps */
    char *
        problem; /* why a manifest's definition can't be used, and none of them is set; else NULL */
} CcbOwnCheck;

extern const CcbField ccb_own_check_fields[];

/* The list of a recipe that its schema fits (NULL: none) as CcbOwnCheck; caller unrefs.  Errors: CCB_ERR_RECIPE with a
 * position. */
GPtrArray *ccb_own_checks_read(const CcbNode *list, GError **error);

/* The same of the list of definitions of a manifest, which may be any JSON: a definition that can't be used becomes a
 * check with a problem. */
GPtrArray *ccb_own_checks_from_json(const json_t *list);
