/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The EFI system partition, read as firmware reads it. */
#pragma once

#include "check/check.h"

/* Whether firmware finds something to start there. */
bool ccb_check_esp(CcbCheckContext *ctx, CcbCheckResult *result, GError **error);

/* Whether the vendor's programs there lead on to GRUB's configuration. */
bool ccb_check_boot_chain(CcbCheckContext *ctx, CcbCheckResult *result, GError **error);
