/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sectors of the disk and nothing else, sparse. */
#include "emit/format.h"
#include "image/raw.h"

static bool write_raw(CcbQcow2Chain *source, const char *path, bool compress, GError **error)
{
    return ccb_raw_write(source, path, ccb_qcow2_chain_size(source), NULL, error);
}

const CcbEmitFormat ccb_emit_raw = {"raw", "raw", false, 1, write_raw};
