/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"

struct CcbDigest {
    EVP_MD_CTX *ctx;
};

static CcbDigest *digest_new(const EVP_MD *kind)
{
    CcbDigest *digest = g_new0(CcbDigest, 1);
    digest->ctx = EVP_MD_CTX_new();
    if (digest->ctx == NULL || EVP_DigestInit_ex(digest->ctx, kind, NULL) != 1)
        g_error("libcrypto can't compute digests");
    return digest;
}

CcbDigest *ccb_digest_new(void)
{
    return digest_new(EVP_sha256());
}

CcbDigest *ccb_digest_new_md5(void)
{
    return digest_new(EVP_md5());
}

void ccb_digest_update(CcbDigest *digest, const void *data, size_t size)
{
    if (EVP_DigestUpdate(digest->ctx, data, size) != 1)
        g_error("libcrypto failed while computing a digest");
}

void ccb_digest_finish_raw(CcbDigest *digest, unsigned char *ret)
{
    if (EVP_DigestFinal_ex(digest->ctx, ret, NULL) != 1)
        g_error("libcrypto failed while computing a digest");
    ccb_digest_free(digest);
}

char *ccb_hex(const unsigned char *data, size_t size)
{
    GString *hex = g_string_sized_new(2 * size + 1);
    for (size_t i = 0; i < size; i++)
        g_string_append_printf(hex, "%02x", data[i]);
    return g_string_free(hex, FALSE);
}

char *ccb_digest_finish(CcbDigest *digest)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    size_t size = (size_t)EVP_MD_CTX_get_size(digest->ctx);
    ccb_digest_finish_raw(digest, raw);
    return ccb_hex(raw, size);
}

static void hmac(const EVP_MD *kind, const void *key, size_t key_size, const char *text,
                 unsigned char *ret)
{
    const unsigned char *data = (const unsigned char *)text;
    if (HMAC(kind, key, (int)key_size, data, strlen(text), ret, NULL) == NULL)
        g_error("libcrypto failed while computing an HMAC");
}

void ccb_hmac_sha256(const void *key, size_t key_size, const char *text,
                     unsigned char ret[CCB_SHA256_SIZE])
{
    hmac(EVP_sha256(), key, key_size, text, ret);
}

void ccb_hmac_sha1(const void *key, size_t key_size, const char *text,
                   unsigned char ret[CCB_SHA1_SIZE])
{
    hmac(EVP_sha1(), key, key_size, text, ret);
}

void ccb_digest_free(CcbDigest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->ctx);
    g_free(digest);
}

char *ccb_digest_string(const char *text)
{
    CcbDigest *digest = ccb_digest_new();
    ccb_digest_update(digest, text, strlen(text));
    return ccb_digest_finish(digest);
}

/* Holes are not read: that takes longer than hashing their zeros. */
char *ccb_digest_fd(int fd, const char *name, GError **error)
{
    enum { CHUNK = 1 << 20 };
    static const char zeros[CHUNK];
    g_autoptr(CcbDigest) digest = ccb_digest_new();
    g_autofree char *buffer = g_malloc(CHUNK);
    off_t offset = 0;
    while (!ccb_cancel_check(error)) {
        off_t data = lseek(fd, offset, SEEK_DATA);
        if (data < 0) /* nothing but a hole is left; or that can't be told, as of a pipe */
            data = errno == ENXIO ? lseek(fd, 0, SEEK_END) : offset;
        bool hole = data > offset;
        ssize_t n = hole ? MIN(data - offset, CHUNK) : pread(fd, buffer, CHUNK, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            ccb_fail_errno(error, CCB_ERR_IO, "reading %s", name);
            return NULL;
        }
        if (n == 0)
            return ccb_digest_finish(g_steal_pointer(&digest));
        ccb_digest_update(digest, hole ? zeros : buffer, (size_t)n);
        offset += n;
        ccb_progress_tick();
    }
    return NULL;
}

char *ccb_digest_file(const char *path, GError **error)
{
    ccb_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
        return NULL;
    }
    return ccb_digest_fd(fd, path, error);
}

bool ccb_digest_is_valid(const char *text)
{
    return strlen(text) == CCB_SHA256_HEX && strspn(text, "0123456789abcdef") == CCB_SHA256_HEX;
}

bool ccb_digest_paranoid;

/* What makes a file the same as before, as long as this host is up: devices get other numbers later. */
static char *state_of(const struct stat *st, GError **error)
{
    g_autofree char *boot_id = ccb_read_file("/proc/sys/kernel/random/boot_id", 0, NULL, error);
    if (boot_id == NULL)
        return NULL;
    return g_strdup_printf("%s %lu %lu %ld %ld.%09ld %ld.%09ld", boot_id, st->st_dev, st->st_ino,
                           st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec, st->st_ctim.tv_sec,
                           st->st_ctim.tv_nsec);
}

/* The entry in the cache directory: the digest, and with it one of state and digest, so that a damaged entry is not
 * taken for the digest of another content. */
static char *entry_path(const char *state)
{
    g_autofree char *id = ccb_digest_string(state);
    return g_build_filename(ccb_cache_dir(), "digests", id, NULL);
}

static char *entry_text(const char *state, const char *digest)
{
    g_autofree char *both = g_strconcat(state, " ", digest, NULL);
    g_autofree char *check = ccb_digest_string(both);
    return g_strconcat(digest, " ", check, "\n", NULL);
}

static GHashTable *of_this_process; /* state ► digest */
G_LOCK_DEFINE_STATIC(of_this_process);

/* NULL: it is not known; caller frees. */
static char *recall(const char *state)
{
    G_LOCK(of_this_process);
    char *digest =
        of_this_process != NULL ? g_strdup(g_hash_table_lookup(of_this_process, state)) : NULL;
    G_UNLOCK(of_this_process);
    if (digest != NULL || ccb_digest_paranoid)
        return digest;
    g_autofree char *path = entry_path(state);
    g_autofree char *text = ccb_read_file(path, 0, NULL, NULL);
    if (text == NULL || strlen(text) < CCB_SHA256_HEX)
        return NULL;
    digest = g_strndup(text, CCB_SHA256_HEX);
    g_autofree char *right = entry_text(state, digest);
    if (strcmp(text, right) != 0)
        g_clear_pointer(&digest, g_free);
    return digest;
}

/* The answer is a convenience: where it can't be kept, the next process reads the file again. */
static void remember(const char *state, const char *digest)
{
    G_LOCK(of_this_process);
    if (of_this_process == NULL)
        of_this_process = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_replace(of_this_process, g_strdup(state), g_strdup(digest));
    G_UNLOCK(of_this_process);
    g_autofree char *path = entry_path(state);
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *text = entry_text(state, digest);
    if (ccb_mkdirs(dir, NULL))
        ccb_write_file_atomic(path, text, strlen(text), NULL);
}

char *ccb_digest_file_once(const char *path, GError **error)
{
    enum { TICK_S = 1 };
    struct stat st;
    ccb_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
        return NULL;
    }
    time_t began = time(NULL);
    g_autofree char *state = state_of(&st, error);
    if (state == NULL)
        return NULL;
    g_autofree char *known = recall(state);
    if (known != NULL)
        return g_steal_pointer(&known);
    char *digest = ccb_digest_fd(fd, path, error);
    /* A file that was written just before it was read may have been written again since, within the same tick of its
     * time stamps. */
    if (digest != NULL && began - st.st_ctim.tv_sec > TICK_S)
        remember(state, digest);
    return digest;
}

void ccb_digest_remember(const char *path, const char *digest)
{
    struct stat st;
    /* A file system that counts whole seconds would not show a change right after this. */
    if (stat(path, &st) != 0 || st.st_ctim.tv_nsec == 0)
        return;
    g_autofree char *state = state_of(&st, NULL);
    if (state != NULL)
        remember(state, digest);
}
