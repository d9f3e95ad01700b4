/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2, compat 1.1. */
#include "emit/format.h"
#include "image/copy.h"

const CcbEmitFormat ccb_emit_qcow2 = {"qcow2", "qcow2", true, 1, ccb_qcow2_flatten};
