/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image should be.  From the recipe it was baked by (expect.c), or found out from the
 * image itself (infer.c), which is weaker, and which the report says.
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
 * owned. */
typedef struct {
    unsigned gpus;        /* 1 or 8; 0: find out */
    char *min_kernel;     /* "5.10.134-18.al8"; NULL: the guide's minimum */
    char **kernel_args;   /* "swiotlb=4194304,any"; NULL: the guide's */
    char *root_uuid;      /* of the root file system itself; NULL: only compared with /etc/fstab */
    bool no_driver;       /* the recipe installs no NVIDIA driver: nothing of it is asked for */
    char *driver;         /* "550.144.03"; NULL: whatever version the modules have */
    char *fabric_manager; /* NULL: the driver's version */
    char *nscq;           /* likewise */
    char *cuda;           /* "12.4.1" or "12.4"; NULL: judged only where it is there */
    char **initramfs_drivers; /* NULL: nvme, virtio_*, ext4 */
    char **consumers;         /* units that use the GPU; NULL: the three of the guide */
    char **python;            /* "nv_attestation_sdk==2.5.0.post6914366"; NULL: only reported */
    GPtrArray *waivers;       /* CcbWaiver: checks that may fail; NULL: none */
} CcbExpectation;

/* Frees what it holds and zeroes it. */
void ccb_expectation_clear(CcbExpectation *expect);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbExpectation, ccb_expectation_clear)

/* Whether each check that the recipe waives is one.  Errors: CCB_ERR_RECIPE, with what may have been
 * meant. */
bool ccb_check_waivers(const CcbRecipe *recipe, GError **error);

/* What the image of this recipe should be. */
void ccb_expectation_of(const CcbRecipe *recipe, CcbExpectation *ret);

/* As above for a recipe file, with the "name=value" of --set (may be NULL).  Errors:
 * CCB_ERR_RECIPE, CCB_ERR_USAGE. */
bool ccb_expectation_from_recipe(const char *recipe_path, const GPtrArray *settings,
                                 CcbExpectation *ret, GError **error);

/* For the manifest (expect-json.c), so that an image can be judged again without its recipe: new reference; and back, of
 * anything: what is not there is to be found out. */
json_t *ccb_expectation_to_json(const CcbExpectation *expect);
void ccb_expectation_from_json(const json_t *json, CcbExpectation *ret);

GPtrArray *ccb_waivers_new(void); /* of CcbWaiver; empty */
