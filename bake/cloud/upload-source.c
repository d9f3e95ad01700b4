/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/upload-source.h"

#include <fcntl.h>
#include <lzma.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/quantity.h"

G_STATIC_ASSERT(sizeof(((CcbPartDigest *)NULL)->md5) == CCB_MD5_SIZE);

CcbSource *ccb_source_open(const char *path, GError **error)
{
    g_autoptr(CcbSource) source = g_new0(CcbSource, 1);
    source->path = path;
    source->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0 || fstat(source->fd, &source->begin) != 0)
        ccb_fail_errno(error, CCB_ERR_INPUT, "%s", path);
    else if (!S_ISREG(source->begin.st_mode))
        ccb_fail(error, CCB_ERR_INPUT, "%s: not a regular file", path);
    else if (source->begin.st_size == 0)
        ccb_fail(error, CCB_ERR_INPUT, "%s: is empty", path);
    else
        source->size = (uint64_t)source->begin.st_size;
    return source->size > 0 ? g_steal_pointer(&source) : NULL;
}

bool ccb_source_identify(CcbSource *source, GError **error)
{
    g_autofree char *name = g_path_get_basename(source->path);
    ccb_progress_begin("digest", name, 0);
    source->sha256 = ccb_digest_file_once(source->path, error);
    if (source->sha256 == NULL) {
        ccb_progress_abort();
        return false;
    }
    g_autofree char *size = ccb_format_size(source->size);
    ccb_progress_end(size);
    return ccb_source_check_unchanged(source, error);
}

void ccb_source_free(CcbSource *source)
{
    if (source == NULL)
        return;
    ccb_close_fd(&source->fd);
    g_free(source->sha256);
    g_free(source);
}

/* The time of writing can be set back, that of the inode's change can't. */
static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool ccb_source_check_unchanged(const CcbSource *source, GError **error)
{
    struct stat now, named;
    if (fstat(source->fd, &now) == 0 && stat(source->path, &named) == 0 &&
        is_same(&now, &source->begin) && is_same(&named, &source->begin))
        return true;
    ccb_fail(error, CCB_ERR_INPUT, "%s has changed while it was uploaded", source->path);
    return ccb_hint(error, "see that nothing writes to it, and run the same command again");
}

bool ccb_source_digest(const CcbSource *source, uint64_t offset, uint64_t size, CcbPartDigest *ret,
                       GError **error)
{
    enum { CHUNK = 256 * 1024 };
    g_autofree char *buffer = g_malloc(CHUNK);
    g_autoptr(CcbDigest) sha256 = ccb_digest_new();
    g_autoptr(CcbDigest) md5 = ccb_digest_new_md5();
    ret->crc64 = 0;
    while (size > 0) {
        ssize_t n = pread(source->fd, buffer, MIN(size, CHUNK), (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "reading %s", source->path);
        if (n == 0)
            return ccb_fail(error, CCB_ERR_INPUT, "%s has become shorter", source->path);
        ccb_digest_update(sha256, buffer, (size_t)n);
        ccb_digest_update(md5, buffer, (size_t)n);
        ret->crc64 = lzma_crc64((const uint8_t *)buffer, (size_t)n, ret->crc64);
        offset += (uint64_t)n;
        size -= (uint64_t)n;
    }
    g_free(ret->sha256);
    ret->sha256 = ccb_digest_finish(g_steal_pointer(&sha256));
    ccb_digest_finish_raw(g_steal_pointer(&md5), ret->md5);
    return true;
}
