/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several step kinds do. */
#pragma once

#include "plan/kind.h"

/* The mode that a file or directory of the host has in an image where the recipe gives none: it is the checkout's but for
 * its umask, so that 0755 and 0644 are meant, and rights that group and others were denied stay denied. */
mode_t ccb_step_host_mode(bool is_directory, mode_t mode);

/* Where a payload stands in the guest; caller frees. */
char *ccb_step_payload_path(const CcbPayload *payload);

/* Runs a command in the guest within the step's limit, which is filled in. */
bool ccb_step_limited(CcbBake *bake, const CcbStep *step, CcbCommand *command, GError **error);

/* The same with words alone; ends them with NULL. */
bool ccb_step_command(CcbBake *bake, const CcbStep *step, GPtrArray *words, GError **error);

/* Refuses a path that is not absolute and plain.  `map` has it under `key`. */
bool ccb_step_check_path(const CcbNode *map, const char *key, const char *path, GError **error);

/* Installs or updates the packages that are the step's payloads, in one transaction. */
bool ccb_step_install_rpms(CcbBake *bake, const CcbStep *step, GError **error);

/* As above, but beside the versions that are installed: for kernels, of which several may be. */
bool ccb_step_add_rpms(CcbBake *bake, const CcbStep *step, GError **error);

/* A .changes: the packages, by the lock or by the names of their files. */
bool ccb_step_package_changes(const CcbStepContext *context, const CcbStep *step,
                              GPtrArray *changes, GError **error);

/* For a .resolve: adds what `read` makes of each item of the JSON list.  `read` returns NULL on error. */
bool ccb_step_add_resolved(const json_t *list,
                           CcbPayload *(*read)(const json_t *item, GError **error),
                           GPtrArray *ret_payloads, GError **error);

/* A payload with one URL; label, name and sha256 (or NULL) are copied. */
CcbPayload *ccb_step_payload_new(const char *label, const char *name, const char *url,
                                 const char *sha256);

/* --- kinds with a `payload` and its `version` */

typedef struct {
    CcbStepSettings common;
    char *payload, *version;
} CcbVersionedSettings;

/* The whole table of such a kind. */
#define CCB_VERSIONED_FIELDS(payload_help, version_help)                                           \
    {                                                                                              \
        CCB_STEP_FIELDS,                                                                           \
            CCB_SETTING(CcbVersionedSettings, payload, "payload", PAYLOAD, payload_help,           \
                        .required = true),                                                         \
            CCB_SETTING(CcbVersionedSettings, version, "version", STRING, version_help,            \
                        .required = true),                                                         \
            {0},                                                                                   \
    }

const char *ccb_step_version(const CcbStep *step);

/* Refuses a version that is not the driver's: Fabric Manager, NSCQ and driver work only with equal
 * versions.  `what`: "Fabric Manager". */
bool ccb_step_check_driver_version(const CcbStepContext *context, const CcbStep *step,
                                   const char *what, GError **error);

/* Installs the payload, and makes sure that the package then has the version that the recipe says. */
bool ccb_step_install_versioned(CcbBake *bake, const CcbStep *step, GError **error);
