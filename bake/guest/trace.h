/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A backend around another one, for --debug: prints a line for each operation, with its arguments and its time.  Contents
 * of files, input and environment of commands are not shown: they may be secret. */
#pragma once

#include "guest/backend.h"

/* The operations, for what ccb_trace_new() returns; it takes ownership of `backend`. */
extern const CcbGuestOps ccb_trace_ops;
void *ccb_trace_new(const CcbGuestOps *ops, void *backend);
