/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that is uploaded: opened once, and watched for changes. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct {
    int fd;
    const char *path;
    struct stat begin; /* when it was opened */
    uint64_t size;     /* bytes */
    char *sha256;      /* NULL: not known yet */
} CcbSource;

/* `path` must outlive it.  Errors: CCB_ERR_INPUT. */
CcbSource *ccb_source_open(const char *path, GError **error);
void ccb_source_free(CcbSource *source); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbSource, ccb_source_free)

/* Sets the digest, which needs all of the file to be read unless it is known (ccb_digest_file_once()).
 * Errors: CCB_ERR_INPUT (the file has changed), CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_source_identify(CcbSource *source, GError **error);

/* Errors: CCB_ERR_INPUT (the file was written or replaced since it was opened). */
bool ccb_source_check_unchanged(const CcbSource *source, GError **error);

/* The digests of a part: what the server is told, and what it must answer. */
typedef struct {
    char *sha256;
    unsigned char md5[16];
    uint64_t crc64; /* as lzma_crc64() */
} CcbPartDigest;

/* Errors: CCB_ERR_IO, CCB_ERR_INPUT (the file became shorter).  Any thread may call it. */
bool ccb_source_digest(const CcbSource *source, uint64_t offset, uint64_t size, CcbPartDigest *ret,
                       GError **error);
