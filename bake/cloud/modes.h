/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modes of profiles, as the aliyun command line tool has them ("AuthenticateMode" in its
 * config/profile.go): how the keys of a profile are had.  Private to this room.
 *
 * A new mode is a row of the table and a function in modes.c.
 */
#pragma once

#include "cloud/profile.h"

/* The present keys of a profile, into `ret`.  Errors: CCB_ERR_USAGE (the mode is not known or
 * missing, or a field is missing or wrong), CCB_ERR_HOST (a process fails, a session is over),
 * CCB_ERR_FETCH (a service can't be asked, or refuses), CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_mode_ask(const CcbProfile *profile, CcbCredentials *ret, GError **error);

/* Whether asking again may give other keys. */
bool ccb_mode_is_renewable(const CcbProfile *profile);

/* Whether the mode is only for an ECS instance, whose region is then a good guess. */
bool ccb_mode_is_of_instance(const CcbProfile *profile);

/* Whether a program gives the keys, which may fail for a while. */
bool ccb_mode_runs_program(const CcbProfile *profile);
