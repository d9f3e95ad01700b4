/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/context.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "guest/esp.h"

enum { TEXT_LIMIT = 16 << 20 }; /* bytes; modules.dep and .config are the largest, below 1 MiB */

/* --- what is kept */

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
    ctx->none = g_ptr_array_new();
    return ctx;
}

void ccb_check_context_free(CcbCheckContext *ctx)
{
    if (ctx == NULL)
        return;
    g_hash_table_unref(ctx->memos);
    g_ptr_array_unref(ctx->notes);
    g_ptr_array_unref(ctx->none);
    g_free(ctx);
}

void ccb_check_memo_set(CcbCheckContext *ctx, const char *kind, const char *name, gpointer value,
                        GDestroyNotify destroy)
{
    Memo *memo = g_new0(Memo, 1);
    *memo = (Memo){.value = value, .destroy = destroy};
    g_hash_table_insert(ctx->memos, g_strconcat(kind, ":", name, NULL), memo);
}

static bool has_failed(GError **error)
{
    return error != NULL && *error != NULL;
}

gpointer ccb_check_memo(CcbCheckContext *ctx, const char *kind, const char *name,
                        CcbProduce produce, GDestroyNotify destroy, GError **error)
{
    if (has_failed(error))
        return NULL;
    g_autofree char *key = g_strconcat(kind, ":", name, NULL);
    Memo *memo = g_hash_table_lookup(ctx->memos, key);
    if (memo == NULL) {
        memo = g_new0(Memo, 1);
        memo->destroy = destroy;
        memo->value = produce(ctx, name, &memo->error);
        g_hash_table_insert(ctx->memos, g_steal_pointer(&key), memo);
    }
    if (memo->error == NULL)
        return memo->value;
    g_propagate_error(error, g_error_copy(memo->error));
    return NULL;
}

/* --- boot */

static gpointer produce_facts(CcbCheckContext *ctx, const char *name, GError **error)
{
    return ccb_facts_without_packages(ctx->guest, error);
}

const CcbFacts *ccb_check_facts(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "facts", "", produce_facts, (GDestroyNotify)ccb_facts_free, error);
}

const char *ccb_check_kver(CcbCheckContext *ctx, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL)
        return NULL;
    if (facts->default_kver == NULL || strchr(facts->default_kver, '/') != NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "it is not known which kernel boots");
        return NULL;
    }
    return facts->default_kver;
}

static gboolean boots_the_same(gconstpointer a, gconstpointer b)
{
    const CcbBootEntry *entry = a, *other = b;
    return g_str_equal(entry->kver, other->kver) && g_strcmp0(entry->initrd, other->initrd) == 0;
}

/* An entry whose kernel was removed can't boot: there is nothing of it to check. */
static gpointer produce_entries(CcbCheckContext *ctx, const char *name, GError **error)
{
    const CcbFacts *facts = ccb_check_facts(ctx, error);
    if (facts == NULL || ccb_check_kver(ctx, error) == NULL)
        return NULL;
    GPtrArray *entries = g_ptr_array_new();
    g_ptr_array_add(entries, (gpointer)ccb_facts_default_entry(facts));
    for (guint i = 0; i < facts->entries->len; i++) {
        CcbBootEntry *entry = facts->entries->pdata[i];
        g_autofree char *modules = g_strconcat("/lib/modules/", entry->kver, NULL);
        if (strchr(entry->kver, '/') == NULL &&
            !g_ptr_array_find_with_equal_func(entries, entry, boots_the_same, NULL) &&
            ccb_check_exists(ctx, modules, error))
            g_ptr_array_add(entries, entry);
    }
    return entries;
}

const GPtrArray *ccb_check_boot_entries(CcbCheckContext *ctx, GError **error)
{
    const GPtrArray *entries = ccb_check_memo(ctx, "boot-entries", "", produce_entries,
                                              (GDestroyNotify)g_ptr_array_unref, error);
    return entries != NULL ? entries : ctx->none;
}

const CcbDisk *ccb_check_disk(CcbCheckContext *ctx, GError **error)
{
    const CcbDisk *disk = ccb_guest_disk(ctx->guest);
    if (disk == NULL && !has_failed(error))
        ccb_fail(error, CCB_ERR_INPUT, "the partition table is not known");
    return disk;
}

GPtrArray *ccb_check_fstab(CcbCheckContext *ctx, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, "/etc/fstab", error);
    if (file->text == NULL)
        return NULL;
    GPtrArray *entries = ccb_fstab_parse(file->text, file->size, error);
    if (entries == NULL)
        g_prefix_error(error, "/etc/fstab: ");
    return entries;
}

/* --- files */

static gpointer produce_stat(CcbCheckContext *ctx, const char *path, GError **error)
{
    CcbStat st;
    bool exists = false;
    return ccb_guest_stat(ctx->guest, path, &st, &exists, error) && exists
               ? g_memdup2(&st, sizeof st)
               : NULL;
}

const CcbStat *ccb_check_stat(CcbCheckContext *ctx, const char *path, GError **error)
{
    return ccb_check_memo(ctx, "stat", path, produce_stat, g_free, error);
}

static gpointer produce_lstat(CcbCheckContext *ctx, const char *path, GError **error)
{
    CcbStat st;
    bool exists = false;
    return ccb_guest_lstat(ctx->guest, path, &st, &exists, error) && exists
               ? g_memdup2(&st, sizeof st)
               : NULL;
}

const CcbStat *ccb_check_lstat(CcbCheckContext *ctx, const char *path, GError **error)
{
    return ccb_check_memo(ctx, "lstat", path, produce_lstat, g_free, error);
}

bool ccb_check_exists(CcbCheckContext *ctx, const char *path, GError **error)
{
    return ccb_check_stat(ctx, path, error) != NULL;
}

bool ccb_check_present(CcbCheckContext *ctx, const char *path, bool *ret_present, GError **error)
{
    g_autoptr(GError) problem = NULL;
    bool present = ccb_check_exists(ctx, path, &problem);
    if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    *ret_present = present;
    return true;
}

char *ccb_check_readlink(CcbCheckContext *ctx, const char *path, GError **error)
{
    return has_failed(error) ? NULL : ccb_guest_readlink(ctx->guest, path, error);
}

GBytes *ccb_check_download(CcbCheckContext *ctx, const char *path, guint64 limit, GError **error)
{
    const CcbStat *st = ccb_check_stat(ctx, path, error);
    if (has_failed(error))
        return NULL;
    if (st == NULL)
        ccb_fail(error, CCB_ERR_INPUT, "%s is missing in the guest", path);
    else if (!S_ISREG(st->mode))
        ccb_fail(error, CCB_ERR_INPUT, "%s in the guest is not a regular file", path);
    else if (st->size > limit)
        ccb_fail(error, CCB_ERR_INPUT, "%s is larger than %" G_GUINT64_FORMAT " MiB", path,
                 limit >> 20);
    if (st == NULL || !S_ISREG(st->mode) || st->size > limit)
        return NULL;
    ccb_autofd int fd = memfd_create("guest-file", MFD_CLOEXEC);
    if (fd < 0)
        ccb_fail_errno(error, CCB_ERR_HOST, "creating a memory file");
    if (fd < 0 || !ccb_guest_download(ctx->guest, path, fd, error))
        return NULL;
    g_autoptr(GMappedFile) file = g_mapped_file_new_from_fd(fd, FALSE, error);
    return file != NULL ? g_mapped_file_get_bytes(file) : NULL;
}

static void free_text(gpointer data)
{
    CcbGuestText *text = data;
    g_free(text->path);
    g_free(text->text);
    g_free(text);
}

static gpointer produce_text(CcbCheckContext *ctx, const char *path, GError **error)
{
    CcbGuestText *file = g_new0(CcbGuestText, 1);
    file->path = g_strdup(path);
    if (ccb_check_exists(ctx, path, error)) {
        g_autoptr(GBytes) bytes = ccb_check_download(ctx, path, TEXT_LIMIT, error);
        file->size = bytes != NULL ? g_bytes_get_size(bytes) : 0;
        file->text = g_malloc0(file->size + 1);
        if (file->size > 0)
            memcpy(file->text, g_bytes_get_data(bytes, NULL), file->size);
    } else if (g_str_has_prefix(path, "/boot/") && !has_failed(error)) {
        ccb_esp_read_mounted(ctx->guest, path, &file->text, &file->size, error);
    }
    return file;
}

const CcbGuestText *ccb_check_text(CcbCheckContext *ctx, const char *path, GError **error)
{
    static const CcbGuestText none = {NULL, NULL, 0};
    const CcbGuestText *file = ccb_check_memo(ctx, "text", path, produce_text, free_text, error);
    return file != NULL ? file : &none;
}

char **ccb_check_lines(CcbCheckContext *ctx, const char *path, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    char **lines = g_strsplit(file->text != NULL ? file->text : "", "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        g_strstrip(*line);
    return lines;
}

CcbShellvars *ccb_check_shellvars(CcbCheckContext *ctx, const char *path, GError **error)
{
    const CcbGuestText *file = ccb_check_text(ctx, path, error);
    if (file->text == NULL)
        return NULL;
    CcbShellvars *vars = ccb_shellvars_parse(file->text, file->size, error);
    if (vars == NULL)
        g_prefix_error(error, "%s: ", path);
    return vars;
}

static char *no_names[] = {NULL};

static gpointer produce_list(CcbCheckContext *ctx, const char *path, GError **error)
{
    return ccb_guest_list(ctx->guest, path, error);
}

char **ccb_check_list(CcbCheckContext *ctx, const char *path, GError **error)
{
    char **names =
        ccb_check_memo(ctx, "list", path, produce_list, (GDestroyNotify)g_strfreev, error);
    return names != NULL ? names : no_names;
}

char **ccb_check_paths(CcbCheckContext *ctx, const char *directory, const char *suffix,
                       GError **error)
{
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
    for (char **name = ccb_check_list(ctx, directory, error); *name != NULL; name++) {
        g_autofree char *path = g_build_filename(directory, *name, NULL);
        if (g_str_has_suffix(*name, suffix))
            g_strv_builder_add(paths, path);
    }
    return g_strv_builder_end(paths);
}

static gpointer produce_tree(CcbCheckContext *ctx, const char *path, GError **error)
{
    return ccb_guest_find(ctx->guest, path, error);
}

char **ccb_check_tree(CcbCheckContext *ctx, const char *path, GError **error)
{
    char **paths =
        ccb_check_memo(ctx, "tree", path, produce_tree, (GDestroyNotify)g_strfreev, error);
    return paths != NULL ? paths : no_names;
}

/* --- commands */

static gpointer produce_copy(CcbCheckContext *ctx, const char *name, GError **error)
{
    return ctx->sandbox->open(ctx->sandbox->data, error);
}

CcbGuest *ccb_check_copy(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "copy", "", produce_copy, (GDestroyNotify)ccb_guest_free, error);
}

/* --- packages */

static gpointer produce_packages(CcbCheckContext *ctx, const char *name, GError **error)
{
    char **packages = ccb_facts_packages(ctx->guest, error);
    if (packages != NULL && packages[0] == NULL)
        ccb_fail(error, CCB_ERR_INPUT,
                 "the RPM database in /var/lib/rpm has no package at all; restore it in the image, "
                 "or rebuild it there with rpm --rebuilddb");
    return packages;
}

char **ccb_check_packages(CcbCheckContext *ctx, GError **error)
{
    char **packages =
        ccb_check_memo(ctx, "packages", "", produce_packages, (GDestroyNotify)g_strfreev, error);
    return packages != NULL ? packages : no_names;
}

char **ccb_package_parts(const char *package)
{
    g_autofree char *name = g_strdup(package);
    char *release = strrchr(name, '-');
    if (release == NULL)
        return NULL;
    *release++ = '\0';
    char *version = strrchr(name, '-'); /* the two last dashes count, names have dashes too */
    if (version == NULL)
        return NULL;
    *version++ = '\0';
    char *colon = strchr(version, ':');
    char *arch = strrchr(release, '.');
    if (arch != NULL)
        *arch = '\0';
    return g_strdupv((char *[]){name, colon != NULL ? colon + 1 : version, release, NULL});
}
