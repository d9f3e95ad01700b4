/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/raw.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/progress.h"
#include "image/pwrite.h"
#include "image/qcow2-reader.h"

/* File systems allocate blocks of this size or larger. */
enum { BLOCK = 4096 };

static bool is_zero(const uint8_t *block)
{
    return block[0] == 0 && memcmp(block, block + 1, BLOCK - 1) == 0;
}

/* Writes the runs of blocks that are not zeros; the disk may end within the last one. */
static bool write_cluster(int fd, const char *path, uint64_t size, const CcbCluster *cluster,
                          GError **error)
{
    uint64_t at = cluster->index * CCB_CLUSTER;
    size_t end = (size_t)MIN(CCB_CLUSTER, size - at);
    for (size_t begin = 0, stop; begin < end; begin = stop) {
        const uint8_t *data = cluster->data + begin;
        bool zero = is_zero(data);
        for (stop = begin + BLOCK; stop < end && is_zero(cluster->data + stop) == zero;)
            stop += BLOCK;
        if (!zero && !ccb_pwrite_all(fd, path, at + begin, data, MIN(stop, end) - begin, error))
            return false;
    }
    return true;
}

bool ccb_raw_write(CcbQcow2Chain *chain, const char *path, uint64_t size,
                   uint8_t ret_fingerprint[CCB_FINGERPRINT], GError **error)
{
    ccb_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating %s", path);
    if (ftruncate(fd, (off_t)size) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "making %s %" G_GUINT64_FORMAT " bytes long", path,
                              size);
    CcbDigest *digest = ccb_digest_new(); /* of where data is, and of its checksums */
    const CcbCluster *cluster;
    bool ok = false;
    g_autoptr(CcbReader) reader = ccb_reader_new(chain, &(CcbReaderOptions){0}, error);
    while (reader != NULL && ccb_reader_next(reader, &cluster, error)) {
        ccb_progress_update(ccb_reader_position(reader));
        ok = cluster == NULL;
        if (cluster == NULL)
            break;
        if (cluster->result == CCB_RESULT_ZERO)
            continue;
        uint64_t what[] = {GUINT64_TO_LE(cluster->index),
                           GUINT64_TO_LE(libdeflate_crc32(0, cluster->data, CCB_CLUSTER))};
        ccb_digest_update(digest, what, sizeof what);
        if (!write_cluster(fd, path, size, cluster, error))
            break;
    }
    g_autofree char *hex = ccb_digest_finish(digest);
    for (unsigned i = 0; ok && ret_fingerprint != NULL && i < CCB_FINGERPRINT; i++)
        ret_fingerprint[i] =
            (uint8_t)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
    return ok;
}
