/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/unpack.h"

#include <archive.h>
#include <libdeflate.h>
#include <string.h>

#include "base/error.h"

enum { CHUNK = 64 << 10 };

struct CcbUnpacker {
    struct archive *archive;
    bool empty; /* the stream holds nothing */
};

static bool fail(struct archive *archive, GError **error)
{
    const char *reason = archive_error_string(archive);
    return ccb_fail(error, CCB_ERR_INPUT, "can't decompress: %s",
                    reason != NULL ? reason : "not a known compression");
}

static guint32 little_endian(const guint8 *data, size_t bytes)
{
    guint32 number = 0;
    for (size_t i = bytes; i > 0; i--)
        number = number << 8 | data[i - 1];
    return number;
}

/* xz-file-format.txt, 2.1.2: the first stream footer, whose CRC and flags prove that it is one.  Streams are multiples
 * of four bytes long. */
static size_t find_xz_end(const guint8 *data, size_t size)
{
    enum { FOOTER = 12, HEADER = 12 };
    for (size_t at = HEADER; size >= FOOTER && at <= size - FOOTER; at += 4) {
        const guint8 *footer = data + at;
        if (memcmp(footer + 10, "YZ", 2) == 0 && memcmp(footer + 8, data + 6, 2) == 0 &&
            little_endian(footer, 4) == libdeflate_crc32(0, footer + 4, 6))
            return at + FOOTER;
    }
    return 0;
}

/* RFC 8878, 3.1.1: frame header, blocks, checksum. */
static size_t find_zstd_end(const guint8 *data, size_t size)
{
    static const size_t dictionary_bytes[] = {0, 1, 2, 4}, content_bytes[] = {0, 2, 4, 8};
    guint8 flags = size > 4 ? data[4] : 0;
    bool single = (flags & 0x20) != 0;
    size_t content = flags >> 6 == 0 && single ? 1 : content_bytes[flags >> 6];
    size_t at = 5 + (single ? 0 : 1) + dictionary_bytes[flags & 3] + content;
    for (bool last = false; !last;) {
        if (at > size || size - at < 3)
            return 0;
        guint32 block = little_endian(data + at, 3);
        bool repeated = (block >> 1 & 3) == 1;
        last = (block & 1) != 0;
        at += 3 + (repeated ? 1 : block >> 3);
    }
    at += (flags & 4) != 0 ? 4 : 0;
    return at <= size ? at : 0;
}

/* The legacy frame (`lz4 -l`, what the kernel reads) has no end mark: it ends at a block size that no block of 8 MiB
 * can have, such as zero padding or a magic number. */
static size_t find_lz4_legacy_end(const guint8 *data, size_t size)
{
    const guint32 largest = (8u << 20) + (8u << 20) / 255 + 16; /* LZ4_compressBound(8 MiB) */
    size_t at = 4;
    while (size - at >= 4) {
        guint32 block = little_endian(data + at, 4);
        if (block == 0 || block > largest)
            break;
        if (block > size - at - 4)
            return 0;
        at += 4 + block;
    }
    return at;
}

/* libarchive's filters for these kinds fail where something else follows the streams: gives the bytes up to there.
 * All of `size` for other kinds, and for streams that are damaged, so that libarchive says what is wrong. */
static size_t find_end(const guint8 *data, size_t size)
{
    static const struct {
        const char *magic;
        size_t length;
        size_t (*find)(const guint8 *data, size_t size);
    } kinds[] = {{"\xfd\x37zXZ", 6, find_xz_end},
                 {"\x28\xb5\x2f\xfd", 4, find_zstd_end},
                 {"\x02\x21\x4c\x18", 4, find_lz4_legacy_end}};
    size_t end = 0;
    for (guint i = 0; end == 0 && i < G_N_ELEMENTS(kinds); i++)
        while (size - end > kinds[i].length &&
               memcmp(data + end, kinds[i].magic, kinds[i].length) == 0) {
            size_t more = kinds[i].find(data + end, size - end);
            if (more == 0)
                return size;
            end += more;
        }
    return end > 0 ? end : size;
}

CcbUnpacker *ccb_unpacker_new(const void *data, size_t size, GError **error)
{
    g_autoptr(CcbUnpacker) unpacker = g_new0(CcbUnpacker, 1);
    struct archive *archive = unpacker->archive = archive_read_new();
    /* Not archive_read_support_filter_all(), which may start programs. */
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_lz4(archive);
    archive_read_support_filter_lzma(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_format_raw(archive);
    archive_read_support_format_empty(archive);
    struct archive_entry *entry;
    int status = archive_read_open_memory(archive, data, find_end(data, size));
    if (status == ARCHIVE_OK)
        status = archive_read_next_header(archive, &entry);
    unpacker->empty = status == ARCHIVE_EOF;
    if (status == ARCHIVE_OK || unpacker->empty)
        return g_steal_pointer(&unpacker);
    fail(archive, error);
    return NULL;
}

void ccb_unpacker_free(CcbUnpacker *unpacker)
{
    if (unpacker == NULL)
        return;
    archive_read_free(unpacker->archive);
    g_free(unpacker);
}

gssize ccb_unpacker_read(CcbUnpacker *unpacker, void *buffer, size_t size, GError **error)
{
    if (unpacker->empty)
        return 0;
    la_ssize_t got = archive_read_data(unpacker->archive, buffer, size);
    if (got >= 0)
        return got;
    fail(unpacker->archive, error);
    return -1;
}

size_t ccb_unpacker_used(const CcbUnpacker *unpacker)
{
    return (size_t)MAX(archive_filter_bytes(unpacker->archive, -1), 0);
}

GByteArray *ccb_unpack(const void *data, size_t size, size_t limit, GError **error)
{
    g_autoptr(CcbUnpacker) unpacker = ccb_unpacker_new(data, size, error);
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autofree guint8 *chunk = g_malloc(CHUNK);
    gssize got = -1;
    while (unpacker != NULL && (got = ccb_unpacker_read(unpacker, chunk, CHUNK, error)) > 0) {
        if ((size_t)got > limit - out->len) {
            ccb_fail(error, CCB_ERR_INPUT, "can't decompress: more than %zu bytes", limit);
            return NULL;
        }
        g_byte_array_append(out, chunk, (guint)got);
    }
    return got == 0 ? g_steal_pointer(&out) : NULL;
}
