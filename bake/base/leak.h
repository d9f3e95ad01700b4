/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Secrets in a text, found by what they look like: private keys, tokens, passwords.  They should not be in an image, and
 * are never shown: by a diff, a report, a manifest or a log.
 *
 * Only forms that are hard to mistake are found.  Examples of documentation, "AKIAIOSFODNN7EXAMPLE", are none.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    CCB_LEAK_SURE,     /* whoever reads it can use it */
    CCB_LEAK_POSSIBLE, /* a key under a passphrase; the value of a setting that is called a password */
    CCB_LEAK_HASH,     /* a password hash: in its place unless everybody may read it */
} CcbLeakLevel;

typedef struct {
    const char *what; /* "a private key" */
    CcbLeakLevel level;
    bool is_key;       /* a private key, of several lines */
    size_t begin, end; /* bytes of the text */
} CcbLeak;

/* CcbLeak, in the order of the text, none in another; caller unrefs. */
GArray *ccb_leaks_find(const char *text, size_t size);

/* The text with "[a private key, not shown]" in place of each; caller frees. */
char *ccb_leaks_mask(const char *text);

/* The same for one line after the other of a log, where a key comes in pieces: *in_key is false at first.  Caller
 * frees. */
char *ccb_leaks_mask_line(const char *line, bool *in_key);

/* ccb_leaks_mask() for every string in an object or array. */
void ccb_leaks_mask_json(json_t *json);
