/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Secrets by their content (base/leak.h) and by their name, in the directories where people put files of their own, and in
 * the files that the recipe's steps put, wherever these are; what packages install elsewhere is not looked at.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/leak.h"
#include "check/context.h"

/* Bytes of a file; files of an image; findings that are listed, of a file and of all.  A file costs 3 ms under
 * emulation. */
enum { LARGEST = 1 << 20, MOST_FILES = 5000, MOST_OF_FILE = 3, MOST_LISTED = 30 };

static const char *const places[] = {"/root",          "/home",
                                     "/etc",           "/srv",
                                     "/usr/local/bin", "/usr/local/sbin",
                                     "/usr/local/etc", "/usr/local/libexec",
                                     "/var/lib/cloud", "/opt"};

typedef struct {
    GPtrArray *sure, *possible; /* char *: "path:line: what" */
    GHashTable *seen;           /* set of the paths that were looked at */
    guint put, large; /* of the recipe, of those; that were not looked at, for their size */
    bool is_cut;      /* there are more files than MOST_FILES */
} Search;

static void search_free(gpointer data)
{
    Search *search = data;
    g_ptr_array_unref(search->sure);
    g_ptr_array_unref(search->possible);
    g_hash_table_unref(search->seen);
    g_free(search);
}

/* Where programs keep what lets them in somewhere, in a home directory.  Those with a `mark` hold other settings too. */
static const struct {
    const char *name;
    const char *mark; /* is in the text where there is a secret; NULL: there always is one */
} credentials[] = {
    {".aliyun/config.json", NULL},
    {".ossutilconfig", NULL},
    {".aws/credentials", NULL},
    {".s3cfg", NULL},
    {".config/rclone/rclone.conf", NULL},
    {".kube/config", NULL},
    {".docker/config.json", "\"auth\""},
    {".docker/config.json", "\"identitytoken\""},
    {".config/containers/auth.json", "\"auth\""},
    {".ngc/config", NULL},
    {".cache/huggingface/token", NULL},
    {".cache/huggingface/stored_tokens", NULL},
    {".huggingface/token", NULL},
    {".modelscope/credentials/session", NULL},
    {".modelscope/credentials/git_token", NULL},
    {".git-credentials", NULL},
    {".config/gh/hosts.yml", NULL},
    {".netrc", NULL},
    {".pgpass", NULL},
    {".my.cnf", "password"},
    {".pypirc", NULL},
    {".npmrc", "_auth"},
    {".npmrc", "_password"},
};

static bool has_credentials(const char *path, const char *text)
{
    const char *name = g_str_has_prefix(path, "/root/") ? path + strlen("/root/") : NULL;
    if (g_str_has_prefix(path, "/home/") && strchr(path + strlen("/home/"), '/') != NULL)
        name = strchr(path + strlen("/home/"), '/') + 1;
    for (guint i = 0; name != NULL && i < G_N_ELEMENTS(credentials); i++)
        if (g_str_equal(name, credentials[i].name) &&
            (credentials[i].mark == NULL || strstr(text, credentials[i].mark) != NULL))
            return true;
    return false;
}

/* Host keys have a check of their own, and so has shadow; the two directories hold certificates of authorities. */
static bool is_looked_at_elsewhere(const char *path)
{
    return g_str_has_prefix(path, "/etc/ssh/ssh_host_") || g_str_equal(path, "/etc/shadow") ||
           g_str_has_prefix(path, "/etc/pki/ca-trust/") ||
           g_str_has_prefix(path, "/etc/ssl/certs/");
}

static guint line_of(const char *text, size_t at)
{
    guint line = 1;
    for (const char *c = text; c < text + at; c++)
        line += *c == '\n';
    return line;
}

static void search_text(Search *search, const char *path, mode_t mode, const char *text, gsize size)
{
    bool is_open = (mode & S_IROTH) != 0;
    guint sure = 0, possible = 0;
    g_autofree char *open =
        is_open ? g_strdup_printf(", and everybody may read the file (mode %04o)", mode & 07777)
                : g_strdup("");
    g_autoptr(GArray) leaks = ccb_leaks_find(text, size);
    for (guint i = 0; i < leaks->len; i++) {
        const CcbLeak *leak = &g_array_index(leaks, CcbLeak, i);
        bool is_sure = leak->level == CCB_LEAK_SURE;
        GPtrArray *list = is_sure ? search->sure : search->possible;
        if (leak->level == CCB_LEAK_HASH && !is_open)
            continue;
        guint listed = is_sure ? sure++ : possible++;
        if (listed == MOST_OF_FILE)
            g_ptr_array_add(list, g_strdup_printf("%s: more of them", path));
        if (listed < MOST_OF_FILE)
            g_ptr_array_add(list, g_strdup_printf("%s:%u: %s%s", path, line_of(text, leak->begin),
                                                  leak->what, open));
    }
    if (sure == 0 && has_credentials(path, text))
        g_ptr_array_add(search->sure, g_strdup_printf("%s: credentials%s", path, open));
}

/* By one call into the guest, where reading a text takes two. */
static bool read_file(CcbCheckContext *ctx, Search *search, const char *path, const CcbStat *st,
                      GError **error)
{
    ccb_autofd int fd = memfd_create("guest-file", MFD_CLOEXEC);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "creating a memory file");
    if (!ccb_guest_download(ctx->guest, path, fd, error))
        return false;
    g_autoptr(GMappedFile) file = g_mapped_file_new_from_fd(fd, FALSE, error);
    if (file == NULL)
        return false;
    gsize size = g_mapped_file_get_length(file);
    g_autofree char *text = g_malloc0(size + 1);
    if (size > 0)
        memcpy(text, g_mapped_file_get_contents(file), size);
    search_text(search, path, st->mode, text, size);
    return true;
}

/* A file that was looked at, is none, or is looked at elsewhere, costs nothing. */
static bool search_file(CcbCheckContext *ctx, Search *search, const char *path, const CcbStat *st,
                        GError **error)
{
    if (!S_ISREG(st->mode) || st->size == 0 || is_looked_at_elsewhere(path) ||
        g_hash_table_contains(search->seen, path))
        return true;
    bool is_full = g_hash_table_size(search->seen) == MOST_FILES;
    search->large += st->size > LARGEST;
    search->is_cut |= is_full;
    if (st->size > LARGEST || is_full)
        return true;
    g_hash_table_add(search->seen, g_strdup(path));
    return read_file(ctx, search, path, st, error);
}

/* What the steps of the recipe put, by the expectation: a path that is a directory or a link there is none here. */
static bool search_put(CcbCheckContext *ctx, Search *search, GError **error)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(ctx->expect->files, i, entry)
    {
        const char *path = json_string_value(json_object_get(entry, "path"));
        const CcbStat *st = path != NULL ? ccb_check_lstat(ctx, path, error) : NULL;
        if (*error != NULL || (st != NULL && !search_file(ctx, search, path, st, error)))
            return false;
    }
    search->put = g_hash_table_size(search->seen);
    return true;
}

/* Where a link leads is looked at there, if at all. */
static bool search_place(CcbCheckContext *ctx, Search *search, const char *place, GError **error)
{
    const CcbStat *st = ccb_check_lstat(ctx, place, error);
    if (st == NULL || !S_ISDIR(st->mode))
        return *error == NULL;
    g_autoptr(GPtrArray) entries = ccb_guest_walk(ctx->guest, place, error);
    for (guint i = 0; entries != NULL && i < entries->len; i++) {
        const CcbGuestEntry *entry = entries->pdata[i];
        g_autofree char *path = g_build_filename(place, entry->path, NULL);
        if (!search_file(ctx, search, path, &entry->st, error))
            return false;
    }
    return entries != NULL;
}

static gpointer search_image(CcbCheckContext *ctx, const char *name, GError **error)
{
    Search *search = g_new0(Search, 1);
    search->sure = g_ptr_array_new_with_free_func(g_free);
    search->possible = g_ptr_array_new_with_free_func(g_free);
    search->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool searched = search_put(ctx, search, error);
    for (guint i = 0; searched && i < G_N_ELEMENTS(places); i++)
        searched = search_place(ctx, search, places[i], error);
    if (!searched)
        g_clear_pointer((gpointer *)&search, search_free);
    return search;
}

/* Both checks look at the same search. */
static const Search *search_once(CcbCheckContext *ctx, GError **error)
{
    return ccb_check_memo(ctx, "secrets", "", search_image, search_free, error);
}

/* Says what was looked at, and what was not. */
static bool report(CcbCheckResult *result, const Search *search, const GPtrArray *found)
{
    for (guint i = 0; i < MIN(found->len, MOST_LISTED); i++)
        ccb_result_fail(result, "%s", (const char *)found->pdata[i]);
    if (found->len > MOST_LISTED)
        ccb_result_fail(result, "%u more", found->len - MOST_LISTED);
    g_autoptr(GString) where = g_string_new(places[0]);
    for (guint i = 1; i < G_N_ELEMENTS(places); i++)
        g_string_append_printf(where, ", %s", places[i]);
    g_autofree char *large =
        search->large > 0 ? g_strdup_printf("; not in %u larger than 1 MiB", search->large) : NULL;
    if (search->put > 0)
        g_string_append_printf(where, ", and %u that the recipe puts", search->put);
    return ccb_result_pass(result, "none of a known form in %s%u files of %s%s",
                           search->is_cut ? "the first " : "", g_hash_table_size(search->seen),
                           where->str, large != NULL ? large : "");
}

static bool run_secrets(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const Search *search = search_once(ctx, error);
    return search != NULL && report(result, search, search->sure);
}

static bool run_possible(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const Search *search = search_once(ctx, error);
    return search != NULL && report(result, search, search->possible);
}

const CcbCheck ccb_checks_secrets[] = {
    {"hygiene.secrets", CCB_SEVERITY_ERROR,
     "Everybody with an instance, or with the image, can read them.",
     "Take them out with a remove step, and give each instance its own when it starts.",
     run_secrets},
    {"hygiene.possible-secrets", CCB_SEVERITY_WARNING,
     "A value that is called a password is one to whoever has the image; a passphrase and a hash "
     "can be guessed there.",
     "Take them out; waive the check if they are none.", run_possible},
    {0},
};
