/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several step kinds do. */
#pragma once

#include "plan/kind.h"

/* Where a payload stands in the guest; caller frees. */
char *ccb_step_payload_path(const CcbPayload *payload);

/* Runs words in the guest within the step's limit; ends `words` with NULL. */
bool ccb_step_command(CcbBake *bake, const CcbStep *step, GPtrArray *words, GError **error);

/* Installs or updates the packages that are the step's payloads, in one transaction. */
bool ccb_step_install_rpms(CcbBake *bake, const CcbStep *step, GError **error);

/* As above, but beside the versions that are installed: for kernels, of which several may be. */
bool ccb_step_add_rpms(CcbBake *bake, const CcbStep *step, GError **error);

/* A .changes: the packages, by the lock or by the names of their files. */
bool ccb_step_package_changes(const CcbStepContext *context, const CcbStep *step,
                              GPtrArray *changes, GError **error);

/* --- kinds with a `payload` and its `version` */

typedef struct {
    CcbStepSettings common;
    char *payload, *version;
} CcbVersionedSettings;

const char *ccb_step_version(const CcbStep *step);

/* Refuses a version that is not the driver's: Fabric Manager, NSCQ and driver work only with equal
 * versions.  `what`: "Fabric Manager". */
bool ccb_step_check_driver_version(const CcbStepContext *context, const CcbStep *step,
                                   const char *what, GError **error);

/* Installs the payload, and makes sure that the package then has the version that the recipe says. */
bool ccb_step_install_versioned(CcbBake *bake, const CcbStep *step, GError **error);
