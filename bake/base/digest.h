/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-256, and what protocols ask for beside it, through OpenSSL's EVP (the only user of libcrypto).
 *
 *     CcbDigest *d = ccb_digest_new();
 *     ccb_digest_update(d, data, n);                 as often as wanted
 *     g_autofree char *hex = ccb_digest_finish(d);   frees d
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define CCB_SHA256_HEX 64 /* characters of a digest written in hexadecimal */

typedef struct CcbDigest CcbDigest;

/* Never NULL: a libcrypto without SHA-256 aborts. */
CcbDigest *ccb_digest_new(void);
void ccb_digest_update(CcbDigest *digest, const void *data, size_t size);

/* Returns 64 lower-case hexadecimal characters (caller frees) and frees `digest`. */
char *ccb_digest_finish(CcbDigest *digest);
void ccb_digest_free(CcbDigest *digest); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbDigest, ccb_digest_free)

/* MD5, for protocols that know nothing better: it finds accidents, not intent. */
CcbDigest *ccb_digest_new_md5(void);

enum { CCB_MD5_SIZE = 16, CCB_SHA1_SIZE = 20, CCB_SHA256_SIZE = 32 };

/* As ccb_digest_finish(), with the bytes themselves: CCB_MD5_SIZE or CCB_SHA256_SIZE of them. */
void ccb_digest_finish_raw(CcbDigest *digest, unsigned char *ret);

/* RFC 2104, with SHA-256; and with SHA-1, for protocols that know nothing better. */
void ccb_hmac_sha256(const void *key, size_t key_size, const char *text,
                     unsigned char ret[CCB_SHA256_SIZE]);
void ccb_hmac_sha1(const void *key, size_t key_size, const char *text,
                   unsigned char ret[CCB_SHA1_SIZE]);

/* Lower-case hexadecimal; caller frees. */
char *ccb_hex(const unsigned char *data, size_t size);

/* The digest of a string; caller frees. */
char *ccb_digest_string(const char *text);

/* The digest of all that can be read from `fd` from offset 0 (pread); errors: CCB_ERR_IO,
 * CCB_ERR_CANCELLED. */
char *ccb_digest_fd(int fd, const char *name, GError **error);
char *ccb_digest_file(const char *path, GError **error);

/* Whether `text` is 64 lower-case hexadecimal characters. */
bool ccb_digest_is_valid(const char *text);

/* As ccb_digest_file(), but the file is read at most once per boot of this host as long as it does
 * not change (device, inode, size, mtime and ctime); the answers are kept under ccb_cache_dir(). */
char *ccb_digest_file_once(const char *path, GError **error);

/* Of --paranoid: nothing that another process has read is trusted, and each file is read again. */
extern bool ccb_digest_paranoid;

/* A row for a verb's option table. */
#define CCB_PARANOID_OPTION                                                                        \
    {                                                                                              \
        "paranoid", 0, CCB_OPT_FLAG, &ccb_digest_paranoid, NULL,                                   \
            "read every file again, whatever is known of it"                                       \
    }

/* Notes the digest of a file that the caller has just written and put in its place, for
 * ccb_digest_file_once(). */
void ccb_digest_remember(const char *path, const char *digest);
