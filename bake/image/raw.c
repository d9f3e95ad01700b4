/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/raw.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/progress.h"
#include "image/qcow2-reader.h"

/* File systems allocate blocks of this size or larger. */
enum { BLOCK = 4096 };

typedef struct {
    const char *path;
    int fd;
    uint64_t size;
    CcbDigest *digest; /* of where data is, and of its checksums */
} Raw;

static bool is_zero(const uint8_t *block)
{
    return block[0] == 0 && memcmp(block, block + 1, BLOCK - 1) == 0;
}

static bool write_at(const Raw *raw, const uint8_t *data, size_t size, uint64_t offset,
                     GError **error)
{
    while (size > 0) {
        ssize_t n = pwrite(raw->fd, data, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", raw->path);
        data += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return true;
}

/* Runs of blocks that are not zeros; the disk may end within the last one. */
static bool write_blocks(const Raw *raw, const CcbCluster *cluster, GError **error)
{
    uint64_t at = cluster->index * CCB_CLUSTER;
    size_t end = (size_t)MIN(CCB_CLUSTER, raw->size - at);
    for (size_t begin = 0, stop; begin < end; begin = stop) {
        bool zero = is_zero(cluster->data + begin);
        for (stop = begin + BLOCK; stop < end && is_zero(cluster->data + stop) == zero;)
            stop += BLOCK;
        if (!zero &&
            !write_at(raw, cluster->data + begin, MIN(stop, end) - begin, at + begin, error))
            return false;
    }
    return true;
}

static void add_to_digest(const Raw *raw, const CcbCluster *cluster)
{
    uint64_t what[] = {GUINT64_TO_LE(cluster->index),
                       GUINT64_TO_LE(libdeflate_crc32(0, cluster->data, CCB_CLUSTER))};
    ccb_digest_update(raw->digest, what, sizeof what);
}

static bool write_disk(const Raw *raw, CcbQcow2Chain *chain, GError **error)
{
    const CcbCluster *cluster;
    g_autoptr(CcbReader) reader = ccb_reader_new(chain, &(CcbReaderOptions){0}, error);
    while (reader != NULL && ccb_reader_next(reader, &cluster, error)) {
        ccb_progress_update(ccb_reader_position(reader));
        if (cluster == NULL)
            return true;
        if (cluster->result == CCB_RESULT_ZERO)
            continue;
        add_to_digest(raw, cluster);
        if (!write_blocks(raw, cluster, error))
            return false;
    }
    return false;
}

static void finish_fingerprint(CcbDigest *digest, uint8_t *ret)
{
    g_autofree char *hex = ccb_digest_finish(digest);
    for (unsigned i = 0; ret != NULL && i < CCB_FINGERPRINT; i++)
        ret[i] =
            (uint8_t)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
}

bool ccb_raw_write(CcbQcow2Chain *chain, const char *path, uint64_t size,
                   uint8_t ret_fingerprint[CCB_FINGERPRINT], GError **error)
{
    ccb_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating %s", path);
    if (ftruncate(fd, (off_t)size) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "making %s %" G_GUINT64_FORMAT " bytes long", path,
                              size);
    Raw raw = {.path = path, .fd = fd, .size = size, .digest = ccb_digest_new()};
    bool ok = write_disk(&raw, chain, error);
    finish_fingerprint(raw.digest, ok ? ret_fingerprint : NULL);
    return ok;
}
