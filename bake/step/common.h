/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several step kinds do. */
#pragma once

#include "plan/kind.h"

/* Where a payload stands in the guest; caller frees. */
char *ccb_step_payload_path(const CcbPayload *payload);

/* Seconds a command of the step may take. */
unsigned ccb_step_limit(const CcbStep *step);

/* Runs words in the guest within the step's limit. */
bool ccb_step_command(CcbBake *bake, const CcbStep *step, GPtrArray *words, GError **error);

/* Installs or updates the packages that are the step's payloads, in one transaction. */
bool ccb_step_install_rpms(CcbBake *bake, const CcbStep *step, GError **error);

/* Declares them, by the lock or by the names of their files. */
bool ccb_step_declare_rpms(const CcbRecipe *recipe, const CcbStep *step, const CcbFacts *facts,
                           GPtrArray *effect, GError **error);

/* As ccb_step_install_rpms(), but beside the versions that are installed: for kernels, of which
 * several may be. */
bool ccb_step_add_rpms(CcbBake *bake, const CcbStep *step, GError **error);

/* Refuses a step whose `version` is not the driver's: Fabric Manager, NSCQ and driver
 * work only with equal versions. */
bool ccb_step_check_driver_version(const CcbRecipe *recipe, const CcbRecipeStep *step,
                                   const char *what, GError **error);

/* The settings shared by fabric-manager and nscq, and the version of what was installed: the
 * payload's package must be `name` and of the version that the recipe says. */
bool ccb_step_install_versioned(CcbBake *bake, const CcbStep *step, GError **error);
