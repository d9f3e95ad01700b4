/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "image/qcow2-chain.h"

/* Compares what two chains show, sector by sector; where one ends the other must show zeros.
 * Errors: CCB_ERR_CHECK with the first sector that differs, CCB_ERR_INPUT (corrupt), CCB_ERR_IO. */
bool ccb_qcow2_compare(CcbQcow2Chain *a, CcbQcow2Chain *b, GError **error);
