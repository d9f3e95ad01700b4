/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs: one file each in cli/, named as the verb. */
#pragma once

#include "base/options.h"

extern const CcbVerb ccb_verb_bake, ccb_verb_boot, ccb_verb_cache, ccb_verb_convert, ccb_verb_diff,
    ccb_verb_doctor, ccb_verb_fetch, ccb_verb_graph, ccb_verb_init, ccb_verb_lock, ccb_verb_plan,
    ccb_verb_preflight, ccb_verb_recipe, ccb_verb_report, ccb_verb_request, ccb_verb_shell,
    ccb_verb_upload, ccb_verb_verify;

extern const CcbVerb *const ccb_verbs[]; /* NULL-terminated, in the order of the help */
