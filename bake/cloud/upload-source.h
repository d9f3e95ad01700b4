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
    uint64_t size;
    char *sha256; /* NULL: not known yet */
} CcbSource;

/* Errors: CCB_ERR_INPUT. */
CcbSource *ccb_source_open(const char *path, GError **error);
void ccb_source_free(CcbSource *source); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbSource, ccb_source_free)

/* Fills in the digest; reads all of it, unless that is known (ccb_digest_file_once()).  Errors:
 * CCB_ERR_INPUT (it changed meanwhile), CCB_ERR_IO, CCB_ERR_CANCELLED. */
bool ccb_source_identify(CcbSource *source, GError **error);

/* False with CCB_ERR_INPUT where it was written, or another took its place, since it was opened. */
bool ccb_source_check_unchanged(const CcbSource *source, GError **error);

/* What a part of it is: what the server is told, and what it must answer. */
typedef struct {
    char *sha256;
    unsigned char md5[16];
    uint64_t crc64;
} CcbPartDigest;

/* Errors: CCB_ERR_IO, CCB_ERR_INPUT (the file became shorter).  May run in any thread. */
bool ccb_source_digest(const CcbSource *source, uint64_t offset, uint64_t size, CcbPartDigest *ret,
                       GError **error);
