/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/context.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "guest/esp.h"

enum { TEXT_LIMIT = 16 << 20 }; /* modules.dep and .config are the largest, below 1 MiB */

typedef struct {
    gpointer value;
    GDestroyNotify destroy;
    GError *error;
} Memo;

static void memo_free(gpointer data)
{
    Memo *memo = data;
    if (memo->value != NULL && memo->destroy != NULL)
        memo->destroy(memo->value);
    g_clear_error(&memo->error);
    g_free(memo);
}

CcbCheckContext *ccb_check_context_new(CcbGuest *guest, const CcbExpectation *expect)
{
    CcbCheckContext *ctx = g_new0(CcbCheckContext, 1);
    ctx->guest = guest;
    ctx->expect = expect;
    ctx->gpus = expect->gpus;
    ctx->notes = g_ptr_array_new_with_free_func(g_free);
    ctx->memos = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, memo_free);
    return ctx;
}

void ccb_check_context_free(CcbCheckContext *ctx)
{
    if (ctx == NULL)
        return;
    g_hash_table_unref(ctx->memos);
    g_ptr_array_unref(ctx->notes);
    g_free(ctx);
}

void ccb_check_memo_set(CcbCheckContext *ctx, const char *kind, const char *name, gpointer value,
                        GDestroyNotify destroy)
{
    Memo *memo = g_new0(Memo, 1);
    *memo = (Memo){.value = value, .destroy = destroy};
    g_hash_table_insert(ctx->memos, g_strconcat(kind, ":", name, NULL), memo);
}

static Memo *memo_make(CcbCheckContext *ctx, const char *name, CcbProduce produce,
                       GDestroyNotify destroy)
{
    Memo *memo = g_new0(Memo, 1);
    memo->destroy = destroy;
    memo->value = produce(ctx, name, &memo->error);
    return memo;
}

gpointer ccb_check_memo(CcbCheckContext *ctx, const char *kind, const char *name,
                        CcbProduce produce, GDestroyNotify destroy, GError **error)
{
    g_autofree char *key = g_strconcat(kind, ":", name, NULL);
    Memo *memo = g_hash_table_lookup(ctx->memos, key);
    if (memo == NULL) {
        memo = memo_make(ctx, name, produce, destroy);
        g_hash_table_insert(ctx->memos, g_steal_pointer(&key), memo);
    }
    if (memo->error != NULL)
        g_propagate_error(error, g_error_copy(memo->error));
    return memo->value;
}

static gpointer produce_facts(CcbCheckContext *ctx, const char *name, GError **error)
{
    return ccb_facts_without_packages(ctx->guest, error);
}

static void free_facts(gpointer facts)
{
    ccb_facts_free(facts);
}

const CcbFacts *ccb_check_facts(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "facts", "", produce_facts, free_facts, error);
}

const char *ccb_check_kver(CcbCheckContext *ctx, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return NULL;
    if (facts->default_kver == NULL || strchr(facts->default_kver, '/') != NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "no kernel can be told to be the one that boots");
        return NULL;
    }
    return facts->default_kver;
}

static bool is_among(const GPtrArray *entries, const CcbBootEntry *entry)
{
    for (guint i = 0; i < entries->len; i++) {
        const CcbBootEntry *other = entries->pdata[i];
        if (g_str_equal(other->kver, entry->kver) && g_strcmp0(other->initrd, entry->initrd) == 0)
            return true;
    }
    return false;
}

/* An entry whose kernel was removed can't boot, and nothing of it is left to be judged. */
static bool add_installed(CcbCheckContext *ctx, GPtrArray *entries, CcbBootEntry *entry,
                          GError **error)
{
    g_autofree char *modules = g_strconcat("/lib/modules/", entry->kver, NULL);
    bool installed = false;
    if (is_among(entries, entry) || strchr(entry->kver, '/') != NULL)
        return true;
    if (!ccb_check_present(ctx, modules, &installed, error))
        return false;
    if (installed)
        g_ptr_array_add(entries, entry);
    return true;
}

static gpointer produce_entries(CcbCheckContext *ctx, const char *name, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL || ccb_check_kver(ctx, error) == NULL)
        return NULL;
    g_autoptr(GPtrArray) entries = g_ptr_array_new();
    g_ptr_array_add(entries, (gpointer)ccb_facts_default_entry(facts));
    for (guint i = 0; i < facts->entries->len; i++)
        if (!add_installed(ctx, entries, facts->entries->pdata[i], error))
            return NULL;
    return g_steal_pointer(&entries);
}

static void free_array(gpointer array)
{
    g_ptr_array_unref(array);
}

const GPtrArray *ccb_check_boot_entries(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "boot-entries", "", produce_entries, free_array, error);
}

static void free_text(gpointer data)
{
    CcbGuestText *text = data;
    g_free(text->path);
    g_free(text->text);
    g_free(text);
}

typedef struct {
    CcbStat st;
    bool exists;
} Stat;

typedef bool (*StatGuest)(CcbGuest *guest, const char *path, CcbStat *ret_stat, bool *ret_exists,
                          GError **error);

static gpointer make_stat(CcbCheckContext *ctx, const char *path, StatGuest look, GError **error)
{
    Stat stat = {.exists = false};
    if (!look(ctx->guest, path, &stat.st, &stat.exists, error))
        return NULL;
    return g_memdup2(&stat, sizeof stat);
}

static gpointer produce_stat(CcbCheckContext *ctx, const char *path, GError **error)
{
    return make_stat(ctx, path, ccb_guest_stat, error);
}

static gpointer produce_lstat(CcbCheckContext *ctx, const char *path, GError **error)
{
    return make_stat(ctx, path, ccb_guest_lstat, error);
}

static bool give_stat(const Stat *stat, CcbStat *ret_stat, bool *ret_exists)
{
    if (stat == NULL)
        return false;
    *ret_stat = stat->st;
    *ret_exists = stat->exists;
    return true;
}

bool ccb_check_stat(CcbCheckContext *ctx, const char *path, CcbStat *ret_stat, bool *ret_exists,
                    GError **error)
{
    const Stat *stat = ccb_check_memo(ctx, "stat", path, produce_stat, g_free, error);
    return give_stat(stat, ret_stat, ret_exists);
}

bool ccb_check_lstat(CcbCheckContext *ctx, const char *path, CcbStat *ret_stat, bool *ret_exists,
                     GError **error)
{
    const Stat *stat = ccb_check_memo(ctx, "lstat", path, produce_lstat, g_free, error);
    return give_stat(stat, ret_stat, ret_exists);
}

static GBytes *download_regular(CcbCheckContext *ctx, const char *path, GError **error)
{
    ccb_autofd int fd = memfd_create("guest-file", MFD_CLOEXEC);
    if (fd < 0) {
        ccb_fail_errno(error, CCB_ERR_HOST, "creating a memory file");
        return NULL;
    }
    if (!ccb_guest_download(ctx->guest, path, fd, error))
        return NULL;
    GMappedFile *file = g_mapped_file_new_from_fd(fd, FALSE, error);
    if (file == NULL)
        return NULL;
    GBytes *bytes = g_mapped_file_get_bytes(file);
    g_mapped_file_unref(file);
    return bytes;
}

GBytes *ccb_check_download(CcbCheckContext *ctx, const char *path, guint64 limit, GError **error)
{
    CcbStat st;
    bool exists = false;
    if (!ccb_check_stat(ctx, path, &st, &exists, error))
        return NULL;
    if (!exists)
        ccb_fail(error, CCB_ERR_INPUT, "%s is missing in the guest", path);
    else if (!S_ISREG(st.mode))
        ccb_fail(error, CCB_ERR_INPUT, "%s in the guest is not a regular file", path);
    else if (st.size > limit)
        ccb_fail(error, CCB_ERR_INPUT, "%s is larger than %" G_GUINT64_FORMAT " MiB", path,
                 limit >> 20);
    else
        return download_regular(ctx, path, error);
    return NULL;
}

/* The bytes, with a NUL behind them, that is not counted. */
static char *terminated(GBytes *bytes, size_t *ret_size)
{
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    char *text = g_malloc(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    *ret_size = size;
    return text;
}

static gpointer produce_text(CcbCheckContext *ctx, const char *path, GError **error)
{
    bool present = false;
    size_t size = 0;
    g_autofree char *content = NULL;
    g_autoptr(GBytes) bytes = NULL;
    if (!ccb_check_present(ctx, path, &present, error))
        return NULL;
    if (present && (bytes = ccb_check_download(ctx, path, TEXT_LIMIT, error)) == NULL)
        return NULL;
    if (present)
        content = terminated(bytes, &size);
    else if (g_str_has_prefix(path, "/boot/") &&
             !ccb_esp_read_mounted(ctx->guest, path, &content, &size, error))
        return NULL;
    CcbGuestText *text = g_new0(CcbGuestText, 1);
    *text = (CcbGuestText){g_strdup(path), g_steal_pointer(&content), size};
    return text;
}

const CcbGuestText *ccb_check_text(CcbCheckContext *ctx, const char *path, GError **error)
{
    return ccb_check_memo(ctx, "text", path, produce_text, free_text, error);
}

static void free_strv(gpointer strv)
{
    g_strfreev(strv);
}

static gpointer produce_list(CcbCheckContext *ctx, const char *path, GError **error)
{
    return ccb_guest_list(ctx->guest, path, error);
}

char **ccb_check_list(CcbCheckContext *ctx, const char *path, GError **error)
{
    return ccb_check_memo(ctx, "list", path, produce_list, free_strv, error);
}

bool ccb_check_list_has(CcbCheckContext *ctx, const char *directory, const char *name,
                        bool *ret_has, GError **error)
{
    char **names = ccb_check_list(ctx, directory, error);
    if (names == NULL)
        return false;
    *ret_has = g_strv_contains((const char *const *)names, name);
    return true;
}

static gpointer produce_tree(CcbCheckContext *ctx, const char *path, GError **error)
{
    return ccb_guest_find(ctx->guest, path, error);
}

char **ccb_check_tree(CcbCheckContext *ctx, const char *path, GError **error)
{
    return ccb_check_memo(ctx, "tree", path, produce_tree, free_strv, error);
}

bool ccb_check_present(CcbCheckContext *ctx, const char *path, bool *ret_present, GError **error)
{
    CcbStat st;
    return ccb_check_stat(ctx, path, &st, ret_present, error);
}

/* name-[epoch:]version-release.arch: the two last dashes count, names have dashes too. */
static char *evr_of_package(const char *package, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(package, name, length) != 0 || package[length] != '-')
        return NULL;
    const char *evr = package + length + 1;
    const char *dash = strchr(evr, '-');
    if (dash == NULL || strchr(dash + 1, '-') != NULL)
        return NULL; /* a longer name: nvidia-fabric-manager-devel */
    const char *colon = memchr(evr, ':', (size_t)(dash - evr));
    if (colon != NULL)
        evr = colon + 1;
    const char *dot = strrchr(dash, '.');
    return dot != NULL ? g_strndup(evr, (size_t)(dot - evr)) : g_strdup(evr);
}

static gpointer produce_packages(CcbCheckContext *ctx, const char *name, GError **error)
{
    g_auto(GStrv) packages = ccb_facts_packages(ctx->guest, error);
    if (packages == NULL || packages[0] != NULL)
        return g_steal_pointer(&packages);
    ccb_fail(error, CCB_ERR_INPUT,
             "the RPM database in /var/lib/rpm has no package at all; restore it in the image, or "
             "rebuild it there with rpm --rebuilddb");
    return NULL;
}

char **ccb_check_packages(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "packages", "", produce_packages, free_strv, error);
}

bool ccb_check_package_versions(CcbCheckContext *ctx, const char *name, GPtrArray **ret_evrs,
                                GError **error)
{
    char **packages = ccb_check_packages(ctx, error);
    if (packages == NULL)
        return false;
    GPtrArray *evrs = g_ptr_array_new_with_free_func(g_free);
    for (char **p = packages; *p != NULL; p++) {
        char *evr = evr_of_package(*p, name);
        if (evr != NULL)
            g_ptr_array_add(evrs, evr);
    }
    *ret_evrs = evrs;
    return true;
}
