/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libarchive reads the archives and decompresses; it can't tell where a stream ends that others
 * follow, so the boundaries are found here:
 * 1. walk_image() skips zero bytes and asks find_end() for the end of what starts there.
 * 2. A plain archive goes to walk_archive(); a compressed one is decompressed and goes to
 * walk_image() once more, because there may be several archives in it too.
 */
#include "image/initramfs.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "base/error.h"
#include "image/unpack.h"

typedef struct {
    CcbInitramfsWanted wanted;
    CcbInitramfsVisit visit;
    void *user;
    bool inner; /* inside a compressed stream: plain archives only */
} Walk;

/* Where a stream of one kind ends: the size of what starts at `data`, 0 if it is damaged. */
typedef size_t (*FindEnd)(const guint8 *data, size_t size);

static guint32 little_endian(const guint8 *data, size_t bytes)
{
    guint32 number = 0;
    for (size_t i = bytes; i > 0; i--)
        number = number << 8 | data[i - 1];
    return number;
}

#define NEWC_HEADER   110 /* bytes: magic and 13 numbers of 8 hexadecimal digits */
#define NEWC_FILESIZE 54
#define NEWC_NAMESIZE 94

static bool take_hex(const guint8 *digits, guint32 *ret_number)
{
    guint32 number = 0;
    for (int i = 0; i < 8; i++) {
        int digit = g_ascii_xdigit_value((char)digits[i]);
        if (digit < 0)
            return false;
        number = number << 4 | (guint32)digit;
    }
    *ret_number = number;
    return true;
}

static size_t align4(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

/* Behind the entry called TRAILER!!!, or where the bytes end in front of another header. */
static size_t find_newc_end(const guint8 *data, size_t size)
{
    static const char trailer[] = "TRAILER!!!";
    for (size_t at = 0; size - at >= NEWC_HEADER;) {
        guint32 file_size, name_size;
        if (memcmp(data + at, "07070", 5) != 0 ||
            !take_hex(data + at + NEWC_FILESIZE, &file_size) ||
            !take_hex(data + at + NEWC_NAMESIZE, &name_size))
            return 0;
        size_t name = at + NEWC_HEADER;
        size_t content = at + align4(NEWC_HEADER + (size_t)name_size);
        if (content > size || file_size > size - content)
            return 0;
        if (name_size == sizeof(trailer) && memcmp(data + name, trailer, sizeof(trailer)) == 0)
            return content;
        at = MIN(content + align4(file_size), size);
    }
    return 0;
}

/* RFC 8878, 3.1.1: frame header, blocks, checksum. */
static size_t find_zstd_end(const guint8 *data, size_t size)
{
    static const size_t dictionary_bytes[] = {0, 1, 2, 4}, content_bytes[] = {0, 2, 4, 8};
    if (size < 5)
        return 0;
    guint8 flags = data[4];
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

/* lz4_Frame_format.md: frame descriptor, blocks, end mark, checksum. */
static size_t find_lz4_end(const guint8 *data, size_t size)
{
    if (size < 7)
        return 0;
    guint8 flags = data[4];
    size_t block_checksum = (flags & 0x10) != 0 ? 4 : 0;
    size_t at = 7 + ((flags & 0x08) != 0 ? 8 : 0) + ((flags & 0x01) != 0 ? 4 : 0);
    for (;;) {
        if (at > size || size - at < 4)
            return 0;
        guint32 block = little_endian(data + at, 4) & 0x7fffffff;
        at += 4;
        if (block == 0)
            break;
        at += block + block_checksum;
    }
    at += (flags & 0x04) != 0 ? 4 : 0;
    return at <= size ? at : 0;
}

/* The legacy frame (`lz4 -l`, what the kernel's lz4 decompressor takes) has no end mark: it ends at
 * a block size that no block of 8 MiB can have, such as zero padding or a magic number. */
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

/* CRC-32 as in gzip and xz, bit by bit: only ever over six bytes. */
static guint32 crc32_of(const guint8 *data, size_t size)
{
    guint32 crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

/* xz-file-format.txt, 2.1.2: the first stream footer, whose CRC and flags prove that it is one.
 * Streams and their footers are multiples of four bytes long. */
static size_t find_xz_end(const guint8 *data, size_t size)
{
    enum { FOOTER = 12, HEADER = 12 };
    for (size_t at = HEADER; size >= FOOTER && at <= size - FOOTER; at += 4) {
        const guint8 *footer = data + at;
        if (footer[10] == 'Y' && footer[11] == 'Z' && memcmp(footer + 8, data + 6, 2) == 0 &&
            little_endian(footer, 4) == crc32_of(footer + 4, 6))
            return at + FOOTER;
    }
    return 0;
}

/* Only the decompressor knows. */
static size_t find_no_end(const guint8 *data, size_t size)
{
    return size;
}

static const struct {
    const char *magic;
    size_t length;
    FindEnd find_end;
    bool plain;
} kinds[] = {
    {"070701", 6, find_newc_end, true},
    {"070702", 6, find_newc_end, true}, /* with checksums */
    {"\x1f\x8b", 2, find_no_end, false},
    {"\xfd"
     "7zXZ\0",
     6, find_xz_end, false},
    {"\x28\xb5\x2f\xfd", 4, find_zstd_end, false},
    {"\x04\x22\x4d\x18", 4, find_lz4_end, false},
    {"\x02\x21\x4c\x18", 4, find_lz4_legacy_end, false},
    {"BZh", 3, find_no_end, false},
    {"\x5d\0\0", 3, find_no_end, false}, /* lzma */
};

/* The index in kinds[] of what starts at `data`, or -1. */
static int find_kind(const guint8 *data, size_t size)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (size >= kinds[i].length && memcmp(data, kinds[i].magic, kinds[i].length) == 0)
            return (int)i;
    }
    return -1;
}

static void archive_cleanup(struct archive **archive)
{
    archive_read_free(*archive);
}

/* Also makes "." the empty path. */
static char *clean_path(const char *path)
{
    while (*path == '/' || (*path == '.' && (path[1] == '/' || path[1] == '\0')))
        path++;
    return g_strdup(path);
}

static bool fail_archive(struct archive *archive, GError **error)
{
    const char *reason = archive_error_string(archive);
    return ccb_fail(error, CCB_ERR_INPUT, "can't read cpio archive: %s",
                    reason != NULL ? reason : "damaged");
}

static void entry_clear(CcbInitramfsEntry *entry)
{
    g_free(entry->path);
    g_free(entry->target);
}

static bool visit_entry(const Walk *walk, struct archive *archive, struct archive_entry *from,
                        GError **error)
{
    const char *path = archive_entry_pathname(from);
    __attribute__((cleanup(entry_clear))) CcbInitramfsEntry entry = {
        .path = clean_path(path != NULL ? path : ""),
        .target = g_strdup(archive_entry_symlink(from)),
        .mode = archive_entry_mode(from),
        .size = (guint64)archive_entry_size(from),
    };
    bool regular = archive_entry_filetype(from) == AE_IFREG;
    if (!regular || walk->wanted == NULL || !walk->wanted(entry.path, walk->user))
        return walk->visit(&entry, NULL, walk->user, error);
    /* find_newc_end() has seen that the bytes are there, so the size is no lie. */
    g_autofree guint8 *content = g_malloc(entry.size + 1);
    if (archive_read_data(archive, content, entry.size) != (la_ssize_t)entry.size)
        return fail_archive(archive, error);
    return walk->visit(&entry, content, walk->user, error);
}

static bool walk_archive(const Walk *walk, const guint8 *data, size_t size, GError **error)
{
    __attribute__((cleanup(archive_cleanup))) struct archive *archive = archive_read_new();
    archive_read_support_format_cpio(archive);
    if (archive_read_open_memory(archive, data, size) != ARCHIVE_OK)
        return fail_archive(archive, error);
    for (;;) {
        struct archive_entry *entry;
        int status = archive_read_next_header(archive, &entry);
        if (status == ARCHIVE_EOF)
            return true;
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN) /* WARN: a name that is not UTF-8 */
            return fail_archive(archive, error);
        if (!visit_entry(walk, archive, entry, error))
            return false;
    }
}

static bool walk_image(const Walk *walk, const guint8 *data, size_t size, GError **error);

/* The size of the streams at `data`, all of the same kind and with nothing between: one archive may
 * be spread over them. */
static size_t find_streams_end(int kind, const guint8 *data, size_t size)
{
    size_t end = 0;
    do {
        size_t next = kinds[kind].find_end(data + end, size - end);
        if (next == 0)
            return 0;
        end += next;
    } while (end < size && find_kind(data + end, size - end) == kind);
    return end;
}

/* Walks the stream that starts at `data`; *ret_used is its size. */
static bool walk_stream(const Walk *walk, const guint8 *data, size_t size, size_t *ret_used,
                        GError **error)
{
    int kind = find_kind(data, size);
    if (kind < 0 || (walk->inner && !kinds[kind].plain))
        return ccb_fail(error, CCB_ERR_INPUT, "no archive starts here");
    size_t used =
        kinds[kind].plain ? kinds[kind].find_end(data, size) : find_streams_end(kind, data, size);
    if (used == 0)
        return ccb_fail(error, CCB_ERR_INPUT, "archive is truncated or damaged");
    if (kinds[kind].plain) {
        *ret_used = used;
        return walk_archive(walk, data, used, error);
    }
    g_autoptr(GByteArray) plain = ccb_unpack(data, used, CCB_INITRAMFS_MAX, ret_used, error);
    if (plain == NULL)
        return false;
    Walk inner = *walk;
    inner.inner = true;
    return walk_image(&inner, plain->data, plain->len, error);
}

static bool walk_image(const Walk *walk, const guint8 *data, size_t size, GError **error)
{
    for (size_t at = 0; at < size;) {
        if (data[at] == 0) {
            at++;
            continue;
        }
        size_t used = 0;
        if (!walk_stream(walk, data + at, size - at, &used, error)) {
            g_prefix_error(error, "offset %zu%s: ", at,
                           walk->inner ? " of the uncompressed data" : "");
            return false;
        }
        at += used;
    }
    return true;
}

bool ccb_initramfs_walk(const void *data, size_t size, CcbInitramfsWanted wanted,
                        CcbInitramfsVisit visit, void *user, GError **error)
{
    Walk walk = {wanted, visit, user, false};
    return walk_image(&walk, data, size, error);
}
