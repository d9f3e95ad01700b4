/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modprobe's configuration on the disk; that of an initramfs is in check/initrd.h. */
#pragma once

#include "check/context.h"
#include "text/modprobe.h"

/* All files of its directories, in modprobe's order.  Belongs to the context. */
const CcbModprobe *ccb_check_modprobe(CcbCheckContext *ctx, GError **error);
