/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fixed VHD, sparse: the sectors, in whole MiB as clouds want it, and the footer. */
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "emit/format.h"
#include "image/raw.h"
#include "image/vhd.h"

G_STATIC_ASSERT((int)CCB_FINGERPRINT == (int)CCB_VHD_UNIQUE_ID);

static bool append(const char *path, const uint8_t *footer, GError **error)
{
    ccb_autofd int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", path);
    return ccb_write_all(fd, footer, CCB_VHD_FOOTER, path, error);
}

static bool write_vhd(CcbQcow2Chain *source, const char *path, bool compress, GError **error)
{
    uint8_t fingerprint[CCB_FINGERPRINT], footer[CCB_VHD_FOOTER];
    uint64_t size = ccb_emit_size(&ccb_emit_vhd, ccb_qcow2_chain_size(source));
    if (!ccb_raw_write(source, path, size, fingerprint, error))
        return false;
    ccb_vhd_build(size, fingerprint, footer);
    return append(path, footer, error);
}

const CcbEmitFormat ccb_emit_vhd = {"vhd", "vpc", false, 1 << 20, write_vhd};
