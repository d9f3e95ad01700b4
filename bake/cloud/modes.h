/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modes of profiles, as the aliyun command line tool has them ("AuthenticateMode" in its
 * config/profile.go): how ccbake gets the keys of a profile.  Private to this room.
 *
 * A new mode is a row of the table and a function in modes.c.
 */
#pragma once

#include "cloud/profile.h"

/* Gets the present keys of a profile.  On failure `ret` may hold the keys of another profile, by which
 * the role was to be assumed.  Errors: CCB_ERR_USAGE (the mode is unknown or missing, or a field is
 * missing or wrong), CCB_ERR_HOST (a process fails, a session is over), CCB_ERR_FETCH (a service can't
 * be asked, or refuses), CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_mode_ask(const CcbProfile *profile, CcbCredentials *ret, GError **error);

typedef struct {
    bool renewable;    /* asking again may give other keys */
    bool of_instance;  /* works on an ECS instance only, whose region is then a good default */
    bool runs_program; /* a program gives the keys, and may fail for a while */
} CcbModeTraits;

/* Of the profile's mode; all false if that is unknown. */
CcbModeTraits ccb_mode_traits(const CcbProfile *profile);
