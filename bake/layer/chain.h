/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps of a plan as a chain of layers: layers in the cache are taken from it, the other steps are baked and
 * committed.  So a bake after one that failed begins at the step that failed, and one after a successful bake of the
 * same recipe has nothing to do.
 *
 * Through the host backend every step is a layer.  Opening the appliance takes much longer than a small step, so there
 * a layer holds all steps up to the next one with payloads; keys are the same.
 */
#pragma once

#include "layer/commit.h"
#include "layer/work.h"
#include "plan/plan.h"

typedef struct {
    const CcbPlan *plan;
    const char *const *keys; /* from ccb_chain_keys() */
    const CcbFacts *base;
    CcbBackend backend;
    CcbWork *work;
    bool fresh; /* bake all that is missing, also where another process makes the layer meanwhile */
    bool no_cache;        /* use nothing else that another bake made, as compiled modules, either */
    int log;              /* descriptor */
    const char *log_path; /* for messages */
    /* NULL, or called when a step has failed: the guest is as the step left it, and thrown away afterwards. */
    void (*on_failure)(CcbGuest *guest, const CcbStep *step, const GError *reason);
} CcbChainOptions;

typedef struct {
    const char *id;
    double seconds; /* 0 where it was cached */
    bool cached;
} CcbStepTime;

typedef struct {
    guint first;             /* the first step that has to run */
    const CcbStep *failed;   /* the step that failed; NULL: none */
    CcbLayer *top;           /* the last layer; NULL: the base */
    CcbFacts *facts;         /* of the guest after the last step; NULL: those of the base */
    GArray *times;           /* CcbStepTime, one a step */
    GArray *use;             /* locks of the layers, as ccb_layer_use_new() makes it */
    CcbCommitter *committer; /* of the layers above `top` while the chain is built, or NULL */
} CcbChain;

void ccb_chain_clear(CcbChain *chain);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbChain, ccb_chain_clear)

/* The key of each step, NULL-terminated; caller frees.  The base must be pinned.  Errors:
 * CCB_ERR_IO. */
char **ccb_chain_keys(const CcbPlan *plan, GError **error);

/* Begins with the longest chain of layers that the cache has, and locks it.  The step `first` and all
 * after it will run whatever the cache has; the number of steps: none.  The base must be linked.  Errors: CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_chain_begin(const CcbPlan *plan, const char *const *keys, guint first, CcbChain *ret,
                     GError **error);

/* How many steps the cache has, by the names of layers, unchecked: for plans. */
guint ccb_chain_cached(const char *const *keys);

/* The name of a step for base/eta.h; caller frees. */
char *ccb_chain_eta_name(const CcbStep *step, CcbBackend backend);

/* Bakes the steps from chain->first on.  Errors: of the steps, with "step N/M (ID): ". */
bool ccb_chain_build(const CcbChainOptions *options, CcbChain *chain, GError **error);
