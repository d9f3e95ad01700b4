/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/unpack.h"

#include <archive.h>

#include "base/error.h"

#define CHUNK (64u << 10)

static void archive_cleanup(struct archive **archive)
{
    archive_read_free(*archive);
}

static bool fail(struct archive *archive, GError **error)
{
    const char *reason = archive_error_string(archive);
    return ccb_fail(error, CCB_ERR_INPUT, "can't decompress: %s",
                    reason != NULL ? reason : "not a known compression");
}

/* Not archive_read_support_filter_all(), which may start programs. */
static void support_filters(struct archive *archive)
{
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_lz4(archive);
    archive_read_support_filter_lzma(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_format_raw(archive);
    archive_read_support_format_empty(archive);
}

static bool read_all(struct archive *archive, GByteArray *out, size_t limit, GError **error)
{
    g_autofree guint8 *chunk = g_malloc(CHUNK);
    for (;;) {
        la_ssize_t got = archive_read_data(archive, chunk, CHUNK);
        if (got < 0)
            return fail(archive, error);
        if (got == 0)
            return true;
        if ((size_t)got > limit - out->len)
            return ccb_fail(error, CCB_ERR_INPUT, "can't decompress: more than %zu bytes", limit);
        g_byte_array_append(out, chunk, (guint)got);
    }
}

GByteArray *ccb_unpack(const void *data, size_t size, size_t limit, size_t *ret_used,
                       GError **error)
{
    __attribute__((cleanup(archive_cleanup))) struct archive *archive = archive_read_new();
    support_filters(archive);
    struct archive_entry *entry;
    g_autoptr(GByteArray) out = g_byte_array_new();
    int status = archive_read_open_memory(archive, data, size);
    if (status == ARCHIVE_OK)
        status = archive_read_next_header(archive, &entry);
    if (status == ARCHIVE_OK) {
        if (!read_all(archive, out, MIN(limit, G_MAXUINT / 2), error))
            return NULL;
    } else if (status != ARCHIVE_EOF) {
        fail(archive, error);
        return NULL;
    }
    if (ret_used != NULL)
        *ret_used = (size_t)archive_filter_bytes(archive, -1);
    return g_steal_pointer(&out);
}
