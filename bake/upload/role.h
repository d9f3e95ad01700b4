/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RAM role of the ECS instance that this is, from its metadata service; private to this room. */
#pragma once

#include "upload/credentials.h"

/* Whether there is a role, and which; *ret stays NULL where this is no instance, or it has none. */
bool ccb_role_find(CcbCredentials **ret, GError **error);

/* Its present keys; `credentials->role` "": the one that the instance has. */
bool ccb_role_ask(CcbCredentials *credentials, GError **error);
