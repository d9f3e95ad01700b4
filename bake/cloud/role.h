/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RAM role of the ECS instance that this is, from its metadata service; private to this room. */
#pragma once

#include "cloud/credentials.h"

/* The name of the role (caller frees) that $ALIBABA_CLOUD_ECS_METADATA or the service names; *ret
 * stays NULL where this is no instance, or it has none.  Errors: CCB_ERR_CANCELLED. */
bool ccb_role_find(char **ret, GError **error);

/* The present keys of a role; NULL: of the one that the instance has.  Errors: CCB_ERR_FETCH,
 * CCB_ERR_HOST (it has none), CCB_ERR_CANCELLED. */
bool ccb_role_ask(const char *role, CcbCredentials *ret, GError **error);

/* The region that the instance is in (caller frees), or NULL. */
char *ccb_role_region(void);
