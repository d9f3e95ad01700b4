/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 1. walk_archives() skips zero bytes and looks at what starts there.
 * 2. A plain archive goes to walk_cpio(); a compressed one is decompressed piece by piece and goes to walk_archives()
 *    once more, because there may be several archives in it, too.
 */
#include "image/initramfs.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "image/unpack.h"

/* Documentation/driver-api/early-userspace/buffer-format.rst: magic and 13 numbers of 8 hexadecimal digits. */
enum { HEADER = 110, MAGIC = 6, AT_MODE = 14, AT_FILESIZE = 54, AT_NAMESIZE = 94 };

enum { CHUNK = 64 << 10, PATH_BYTES = 4096, CONTENT_MAX = 16 << 20 };

/* The image itself, or what a compressed stream in it holds. */
typedef struct {
    const guint8 *data; /* what is at hand */
    size_t left;        /* bytes of it */
    guint64 at;         /* its place in the whole */
    CcbUnpacker *more;  /* NULL: there is no more */
    GByteArray *buffer; /* what `more` gave; `data` points into it */
} Stream;

typedef struct {
    CcbInitramfsWanted wanted;
    CcbInitramfsVisit visit;
    void *user;
} Visitor;

static void entry_clear(CcbInitramfsEntry *entry)
{
    g_free(entry->path);
    g_free(entry->target);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbInitramfsEntry, entry_clear)

/* Gets `wanted` bytes at hand, or what is left where that is less. */
static bool fill(Stream *s, size_t wanted, GError **error)
{
    if (s->left >= wanted || s->more == NULL)
        return true;
    g_byte_array_remove_range(s->buffer, 0, s->buffer->len - (guint)s->left);
    while (s->buffer->len < wanted) {
        guint had = s->buffer->len;
        g_byte_array_set_size(s->buffer, had + CHUNK);
        gssize got = ccb_unpacker_read(s->more, s->buffer->data + had, CHUNK, error);
        g_byte_array_set_size(s->buffer, had + (guint)MAX(got, 0));
        if (got < 0)
            return false;
        if (got == 0)
            break;
    }
    s->data = s->buffer->data;
    s->left = s->buffer->len;
    if (s->at + s->left > CCB_INITRAMFS_MAX)
        return ccb_fail(error, CCB_ERR_INPUT, "more than %u bytes, uncompressed",
                        CCB_INITRAMFS_MAX);
    return true;
}

/* Takes `size` bytes and the padding behind them, and appends them to `content` (may be NULL). */
static bool take(Stream *s, guint64 size, GByteArray *content, GError **error)
{
    guint64 padding = (4 - size % 4) % 4;
    while (size > 0 || padding > 0) {
        if (!fill(s, 1, error))
            return false;
        if (s->left == 0 && size > 0)
            return ccb_fail(error, CCB_ERR_INPUT, "archive is truncated or damaged");
        if (s->left == 0)
            return true;
        size_t n = (size_t)MIN(size > 0 ? size : padding, s->left);
        if (size > 0 && content != NULL)
            g_byte_array_append(content, s->data, (guint)n);
        *(size > 0 ? &size : &padding) -= n;
        s->data += n;
        s->left -= n;
        s->at += n;
    }
    return true;
}

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

static bool is_cpio(const guint8 *data, size_t size)
{
    return size >= MAGIC &&
           (memcmp(data, "070701", MAGIC) == 0 || memcmp(data, "070702", MAGIC) == 0);
}

/* Also makes "." the empty path. */
static char *clean_path(const char *path, size_t size)
{
    const char *end = path + strnlen(path, size);
    while (path < end && (*path == '/' || (*path == '.' && (path + 1 == end || path[1] == '/'))))
        path++;
    return g_strndup(path, (size_t)(end - path));
}

/* Up to the entry called TRAILER!!!. */
static bool walk_cpio(Stream *s, const Visitor *visitor, GError **error)
{
    for (;;) {
        guint32 mode, size, name_size;
        if (!fill(s, HEADER + PATH_BYTES, error))
            return false;
        if (s->left < HEADER || !is_cpio(s->data, s->left) || !take_hex(s->data + AT_MODE, &mode) ||
            !take_hex(s->data + AT_FILESIZE, &size) ||
            !take_hex(s->data + AT_NAMESIZE, &name_size) || name_size > PATH_BYTES ||
            name_size > s->left - HEADER)
            return ccb_fail(error, CCB_ERR_INPUT, "archive is truncated or damaged");
        const char *name = (const char *)s->data + HEADER;
        bool last = name_size == sizeof "TRAILER!!!" && memcmp(name, "TRAILER!!!", name_size) == 0;
        g_auto(CcbInitramfsEntry)
            entry = {.path = clean_path(name, name_size), .mode = mode, .size = size};
        bool link = S_ISLNK(mode) && size > 0;
        bool wanted =
            S_ISREG(mode) && visitor->wanted && visitor->wanted(entry.path, visitor->user);
        if (size > (link ? PATH_BYTES : CONTENT_MAX) && (link || wanted))
            return ccb_fail(error, CCB_ERR_INPUT, "%s: %u bytes are too many", entry.path, size);
        g_autoptr(GByteArray) content = link || wanted ? g_byte_array_new() : NULL;
        if (!take(s, HEADER + name_size, NULL, error) || !take(s, size, content, error))
            return false;
        if (last)
            return true;
        if (link)
            entry.target = g_strndup((const char *)content->data, content->len);
        if (wanted)
            g_byte_array_append(content, (const guint8 *)"", 1); /* never NULL */
        if (!visitor->visit(&entry, wanted ? content->data : NULL, visitor->user, error))
            return false;
    }
}

static bool is_compressed(const guint8 *data, size_t size)
{
    static const struct {
        const char *magic;
        size_t length;
    } kinds[] = {
        {"\x1f\x8b", 2},         /* gzip */
        {"\xfd\x37zXZ", 6},      /* xz, with its NUL */
        {"\x28\xb5\x2f\xfd", 4}, /* zstd */
        {"\x04\x22\x4d\x18", 4}, /* lz4 */
        {"\x02\x21\x4c\x18", 4}, /* lz4 -l, which the kernel reads */
        {"BZh", 3},
        {"\x5d\0\0", 3}, /* lzma */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (size >= kinds[i].length && memcmp(data, kinds[i].magic, kinds[i].length) == 0)
            return true;
    return false;
}

static bool walk_archives(Stream *s, const Visitor *visitor, GError **error);

/* Walks the compressed stream that starts at `data`; *ret_used is its size. */
static bool walk_compressed(const guint8 *data, size_t size, const Visitor *visitor,
                            size_t *ret_used, GError **error)
{
    g_autoptr(CcbUnpacker) unpacker = ccb_unpacker_new(data, size, error);
    g_autoptr(GByteArray) buffer = g_byte_array_new();
    Stream inner = {.more = unpacker, .buffer = buffer};
    if (unpacker == NULL || !walk_archives(&inner, visitor, error))
        return false;
    size_t used = ccb_unpacker_used(unpacker);
    /* libarchive's filter for lz4 reads the magic number of what follows. */
    if (used > 4 && memcmp(data, "\x04\x22\x4d\x18", 4) == 0 &&
        (is_cpio(data + used - 4, size - used + 4) ||
         is_compressed(data + used - 4, size - used + 4)))
        used -= 4;
    *ret_used = MAX(used, 1);
    return true;
}

static bool walk_archives(Stream *s, const Visitor *visitor, GError **error)
{
    for (;;) {
        if (!fill(s, MAGIC, error))
            return false;
        if (s->left == 0)
            return true;
        guint64 at = s->at;
        size_t used = 1;
        bool ok = true;
        if (is_cpio(s->data, s->left))
            ok = walk_cpio(s, visitor, error);
        else if (*s->data == 0 || (s->more == NULL && is_compressed(s->data, s->left))) {
            if (*s->data != 0)
                ok = walk_compressed(s->data, s->left, visitor, &used, error);
            s->data += used;
            s->left -= used;
            s->at += used;
        } else
            ok = ccb_fail(error, CCB_ERR_INPUT, "no archive starts here");
        if (!ok) {
            g_prefix_error(error, "offset %" G_GUINT64_FORMAT "%s: ", at,
                           s->more != NULL ? " of the uncompressed data" : "");
            return false;
        }
    }
}

bool ccb_initramfs_walk(const void *data, size_t size, CcbInitramfsWanted wanted,
                        CcbInitramfsVisit visit, void *user, GError **error)
{
    Stream image = {.data = data, .left = size};
    return walk_archives(&image, &(Visitor){wanted, visit, user}, error);
}
