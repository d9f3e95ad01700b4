/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image should be: from the recipe that it was baked by (ccb_plan_new() asks each step's
 * kind), from the manifest, or left open, and then found out from the image itself
 * (check/infer.c), which is weaker, and which the report says.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "recipe/recipe.h"

typedef struct {
    char *check; /* its id */
    char *reason;
} CcbWaiver;

/* A zeroed struct expects what the guide says and finds out the rest.  Strings and lists are
 * owned.  A member more has a row in expectation.c. */
typedef struct {
    unsigned gpus;            /* 1 or 8; 0: find out */
    char *min_kernel;         /* "5.10.134-18.al8"; NULL: the guide's minimum */
    char **kernel_args;       /* "swiotlb=4194304,any"; NULL: the guide's */
    char **removed_args;      /* arguments that no entry has; NULL: none */
    char *root_uuid;          /* of the root file system; NULL: only compared with /etc/fstab */
    bool no_driver;           /* the recipe installs no NVIDIA driver: nothing of it is asked for */
    char *driver;             /* "550.144.03"; NULL: whatever version the modules have */
    char *fabric_manager;     /* NULL: the driver's version */
    char *nscq;               /* likewise */
    char *cuda;               /* "12.4.1" or "12.4"; NULL: checked only where it is there */
    char **initramfs_drivers; /* NULL: nvme, virtio_*, ext4 */
    char **tdx_guest;         /* "tsm_api=0": parameters of that module; NULL: none is asked for */
    char **consumers;         /* units that use the GPU; NULL: the three of the guide */
    char **python;            /* "nv_attestation_sdk==2.5.0.post6914366"; NULL: only reported */
    char **enabled, **disabled, **masked; /* units; NULL: none */
    char **orders;                        /* "CONSUMER after UNIT"; NULL: none */
    json_t *files;      /* list of what stands at paths (ccb_plan_expect_changes()); NULL: none */
    GPtrArray *waivers; /* CcbWaiver: checks that may fail; NULL: none */
    GPtrArray *checks;  /* CcbOwnCheck: of the recipe's own; NULL: none */
} CcbExpectation;

/* Of a recipe without steps. */
void ccb_expectation_begin(const CcbRecipe *recipe, CcbExpectation *ret);

/* Replaces a text by a copy. */
void ccb_expect(char **member, const char *value);

/* Adds copies to a list, which may be NULL; what is in it already is not added again. */
void ccb_expect_words(char ***member, char *const *words);

/* Takes a word from a list, which may be NULL. */
void ccb_expect_not(char ***member, const char *word);

/* Frees what it holds and zeroes it. */
void ccb_expectation_clear(CcbExpectation *expect);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbExpectation, ccb_expectation_clear)

/* For the manifest, so that an image can be checked again without its recipe: new reference; and
 * back, of any JSON: what is missing is to be found out. */
json_t *ccb_expectation_to_json(const CcbExpectation *expect);
void ccb_expectation_from_json(const json_t *json, CcbExpectation *ret);
