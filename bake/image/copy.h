/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes qcow2 files (compat 1.1, 64 KiB clusters, zlib) from qcow2 files, in one pass over the
 * disk.  What the source holds compressed is not compressed again; the rest is compressed by as many
 * threads as there are cores.  The bytes that come out depend on what is read alone.
 */
#pragma once

#include "image/qcow2-chain.h"

/* What the chain shows, without a backing file.  Errors: CCB_ERR_INPUT (corrupt), CCB_ERR_IO. */
bool ccb_qcow2_flatten(CcbQcow2Chain *chain, const char *path, bool compress, GError **error);

/* What the file itself holds, compressed, over `backing`, which shows the same as the file's own
 * backing file and has its format.  Clusters must be of 64 KiB.  Errors: CCB_ERR_INPUT. */
bool ccb_qcow2_pack(const char *source, const char *path, const char *backing, GError **error);
