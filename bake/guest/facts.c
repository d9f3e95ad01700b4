/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/facts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/reaper.h"
#include "guest/esp.h"
#include "image/qemu-img.h"
#include "image/rpm.h"
#include "text/bls.h"
#include "text/grubenv.h"
#include "text/shellvars.h"

#define ENTRIES_DIR "/boot/loader/entries"

static void entry_free(CcbBootEntry *entry)
{
    g_free(entry->id);
    g_free(entry->path);
    g_free(entry->title);
    g_free(entry->kernel);
    g_free(entry->initrd);
    g_free(entry->options);
    g_free(entry->kver);
    g_free(entry);
}

CcbFacts *ccb_facts_new(void)
{
    CcbFacts *facts = g_new0(CcbFacts, 1);
    facts->entries = g_ptr_array_new_with_free_func((GDestroyNotify)entry_free);
    return facts;
}

void ccb_facts_free(CcbFacts *facts)
{
    if (facts == NULL)
        return;
    g_free(facts->sha256);
    g_free(facts->path);
    g_free(facts->format);
    ccb_disk_free(facts->disk);
    g_free(facts->os_id);
    g_free(facts->os_version);
    g_free(facts->os_name);
    g_free(facts->machine_id);
    g_strfreev(facts->kernels);
    g_ptr_array_unref(facts->entries);
    g_free(facts->default_entry);
    g_free(facts->default_kver);
    g_free(facts->saved_entry);
    g_free(facts->kernelopts);
    ccb_grubenv_free(facts->grubenv);
    g_strfreev(facts->packages);
    g_free(facts);
}

/* os-release is read, not libguestfs's idea of the distribution: that one knows no Alibaba Cloud
 * Linux. */
static bool read_os_release(CcbGuest *guest, CcbFacts *facts, GError **error)
{
    const char *path =
        ccb_guest_exists(guest, "/etc/os-release") ? "/etc/os-release" : "/usr/lib/os-release";
    size_t size = 0;
    g_autofree char *text = ccb_guest_read(guest, path, &size, error);
    g_autoptr(CcbShellvars) vars = text ? ccb_shellvars_parse(text, size, error) : NULL;
    if (vars == NULL) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    facts->os_id = ccb_shellvars_get(vars, "ID");
    facts->os_version = ccb_shellvars_get(vars, "VERSION_ID");
    facts->os_name = ccb_shellvars_get(vars, "PRETTY_NAME");
    return true;
}

static bool read_machine_id(CcbGuest *guest, CcbFacts *facts, GError **error)
{
    char *text = NULL;
    if (!ccb_guest_read_optional(guest, "/etc/machine-id", &text, error))
        return false;
    facts->machine_id = text ? g_strstrip(text) : NULL;
    return true;
}

static int compare_kernels(const void *a, const void *b)
{
    return ccb_kver_compare(*(char *const *)a, *(char *const *)b);
}

static bool read_kernels(CcbGuest *guest, CcbFacts *facts, GError **error)
{
    g_auto(GStrv) names = ccb_guest_list(guest, "/lib/modules", error);
    if (names == NULL)
        return false;
    g_autoptr(GStrvBuilder) kernels = g_strv_builder_new();
    for (char **name = names; *name != NULL; name++) {
        g_autofree char *dep = g_build_filename("/lib/modules", *name, "modules.dep", NULL);
        CcbStat st;
        bool exists = false;
        if (!ccb_guest_stat(guest, dep, &st, &exists, error))
            return false;
        if (exists)
            g_strv_builder_add(kernels, *name);
    }
    facts->kernels = g_strv_builder_end(kernels);
    qsort(facts->kernels, g_strv_length(facts->kernels), sizeof *facts->kernels, compare_kernels);
    return true;
}

/* The version key, or what follows the machine id in the file name. */
static char *entry_kver(const CcbBls *bls, const char *id)
{
    char *version = ccb_bls_get(bls, "version");
    if (version != NULL)
        return version;
    const char *dash = strchr(id, '-');
    return g_strdup(dash ? dash + 1 : id);
}

static bool read_entry(CcbGuest *guest, CcbFacts *facts, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(ENTRIES_DIR, name, NULL);
    g_autofree char *id = ccb_bls_id(path);
    if (id == NULL)
        return true; /* not a .conf file: GRUB does not look at it either */
    size_t size = 0;
    g_autofree char *text = ccb_guest_read(guest, path, &size, error);
    g_autoptr(CcbBls) bls = text ? ccb_bls_parse(text, size, error) : NULL;
    if (bls == NULL) {
        g_prefix_error(error, "boot entry %s: ", path);
        return false;
    }
    if (!g_utf8_validate(text, (gssize)size, NULL) || !g_utf8_validate(name, -1, NULL))
        return ccb_fail(error, CCB_ERR_INPUT, "boot entry %s is not UTF-8", path);
    CcbBootEntry *entry = g_new0(CcbBootEntry, 1);
    entry->title = ccb_bls_get(bls, "title");
    entry->kernel = ccb_bls_get(bls, "linux");
    entry->initrd = ccb_bls_get_joined(bls, "initrd");
    entry->options = ccb_bls_get_joined(bls, "options");
    entry->kver = entry_kver(bls, id);
    entry->id = g_steal_pointer(&id);
    entry->path = g_steal_pointer(&path);
    g_ptr_array_add(facts->entries, entry);
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    const CcbBootEntry *const *x = a, *const *y = b;
    int by_kernel = ccb_kver_compare((*x)->kver, (*y)->kver);
    return by_kernel != 0 ? by_kernel : strcmp((*x)->id, (*y)->id);
}

static bool read_entries(CcbGuest *guest, CcbFacts *facts, GError **error)
{
    g_auto(GStrv) names = ccb_guest_list(guest, ENTRIES_DIR, error);
    if (names == NULL)
        return false;
    for (char **name = names; *name != NULL; name++)
        if (!read_entry(guest, facts, *name, error))
            return false;
    g_ptr_array_sort(facts->entries, compare_entries);
    return true;
}

/* A link that leads nowhere leads to the EFI system partition, on images that boot by UEFI only:
 * what steps change there would be lost. */
static bool check_grubenv(CcbGuest *guest, GError **error)
{
    CcbStat st;
    bool exists = false;
    if (!ccb_guest_lstat(guest, CCB_GRUBENV_PATH, &st, &exists, error))
        return false;
    if (!exists || ccb_guest_exists(guest, CCB_GRUBENV_PATH))
        return true;
    ccb_fail(error, CCB_ERR_INPUT, "%s leads to a file that is not on the root file system",
             CCB_GRUBENV_PATH);
    return ccb_hint(error, "images that keep it on the EFI system partition are not supported");
}

const CcbBootEntry *ccb_facts_named_entry(const CcbFacts *facts, const char *name)
{
    guint n = facts->entries->len;
    guint64 position;
    for (guint i = 0; i < n; i++) {
        const CcbBootEntry *entry = facts->entries->pdata[i];
        if (strcmp(entry->id, name) == 0 || g_strcmp0(entry->title, name) == 0)
            return entry;
    }
    if (g_ascii_string_to_unsigned(name, 10, 0, G_MAXUINT, &position, NULL) && position < n)
        return facts->entries->pdata[n - 1 - position];
    return NULL;
}

static const CcbBootEntry *choose_entry(const CcbFacts *facts, const char *saved)
{
    guint n = facts->entries->len;
    const CcbBootEntry *named = saved != NULL ? ccb_facts_named_entry(facts, saved) : NULL;
    if (named != NULL)
        return named;
    return n > 0 ? facts->entries->pdata[n - 1] : NULL;
}

bool ccb_facts_is_rescue(const CcbBootEntry *entry)
{
    return g_str_has_prefix(entry->kver, "0-rescue");
}

static bool read_default(CcbGuest *guest, CcbFacts *facts, GError **error)
{
    size_t size;
    g_autofree char *block = NULL;
    if (!ccb_guest_read_optional(guest, CCB_GRUBENV_PATH, &block, error) ||
        (block == NULL && !ccb_esp_read_mounted(guest, CCB_GRUBENV_PATH, &block, &size, error)))
        return false;
    if (block != NULL) {
        facts->grubenv = ccb_grubenv_parse(block, strlen(block), error);
        if (facts->grubenv == NULL) {
            g_prefix_error(error, "%s: ", CCB_GRUBENV_PATH);
            return false;
        }
        facts->saved_entry = ccb_grubenv_get(facts->grubenv, "saved_entry");
        facts->kernelopts = ccb_grubenv_get(facts->grubenv, "kernelopts");
    }
    const CcbBootEntry *entry = choose_entry(facts, facts->saved_entry);
    if (entry == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "the image has no boot entry in %s", ENTRIES_DIR);
    facts->default_entry = g_strdup(entry->id);
    facts->default_kver = g_strdup(entry->kver);
    return true;
}

static bool copy_file(CcbGuest *guest, const char *from, const char *to, GError **error)
{
    ccb_autofd int fd = open(to, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "%s", to);
    return ccb_guest_download(guest, from, fd, error);
}

/* Copies the database out, so that it is read without being written; not what only looks like one: a
 * sparse file of an image is as large as it likes. */
static bool copy_rpmdb(CcbGuest *guest, const char *from, const char *to, bool *ret_any,
                       GError **error)
{
    const uint64_t most = 2ull << 30; /* of 500 packages it has 30 MB */
    uint64_t sum = 0;
    g_auto(GStrv) names = ccb_guest_list(guest, from, error);
    for (char **name = names; name != NULL && *name != NULL; name++) {
        g_autofree char *source = g_build_filename(from, *name, NULL);
        g_autofree char *target = g_build_filename(to, *name, NULL);
        CcbStat st;
        bool exists = false;
        if (!ccb_guest_lstat(guest, source, &st, &exists, error))
            return false;
        if (!exists || !S_ISREG(st.mode))
            continue;
        if (st.size > most - sum)
            return ccb_fail(error, CCB_ERR_INPUT, "%s in the image is larger than any RPM database",
                            from);
        sum += st.size;
        if (!copy_file(guest, source, target, error))
            return false;
        *ret_any = true;
    }
    return names != NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **package_names(const GPtrArray *infos)
{
    char **names = g_new0(char *, infos->len + 1);
    for (guint i = 0; i < infos->len; i++)
        names[i] = g_strdup(((CcbRpmInfo *)infos->pdata[i])->nevra);
    qsort(names, infos->len, sizeof *names, compare_names);
    return names;
}

/* What librpm says of the copy is meant for the database in the image. */
static void explain_rpmdb(const char *from, const char *copy, GError *reason, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(reason->message, copy, -1);
    g_autofree char *message = g_strjoinv(from, parts);
    ccb_fail(error, ccb_exit_code(reason),
             "%s; restore %s in the image, or rebuild it there with rpm --rebuilddb", message,
             from);
    g_error_free(reason);
}

static char **list_packages(CcbGuest *guest, const char *from, const char *copy, GError **error)
{
    bool any = false;
    GError *reason = NULL;
    if (!copy_rpmdb(guest, from, copy, &any, error))
        return NULL;
    g_autoptr(GPtrArray) infos = any ? ccb_rpmdb_list(copy, &reason) : g_ptr_array_new();
    if (infos != NULL)
        return package_names(infos);
    explain_rpmdb(from, copy, reason, error);
    return NULL;
}

char **ccb_facts_packages(CcbGuest *guest, GError **error)
{
    static const char *const places[] = {"/var/lib/rpm", "/usr/lib/sysimage/rpm"};
    const char *from = ccb_guest_exists(guest, places[0]) ? places[0] : places[1];
    g_autofree char *pattern = g_build_filename(g_get_tmp_dir(), "ccbake-rpmdb-*", NULL);
    g_autofree char *dir = ccb_reaper_mkdir(pattern, 0700, error);
    if (dir == NULL)
        return NULL;
    g_auto(GStrv) packages = list_packages(guest, from, dir, error);
    bool removed = ccb_remove_tree(dir, packages != NULL ? error : NULL);
    ccb_reaper_release(dir);
    return removed ? g_steal_pointer(&packages) : NULL;
}

CcbFacts *ccb_facts_without_packages(CcbGuest *guest, GError **error)
{
    g_autoptr(CcbFacts) facts = ccb_facts_new();
    if (read_os_release(guest, facts, error) && read_machine_id(guest, facts, error) &&
        read_kernels(guest, facts, error) && read_entries(guest, facts, error) &&
        read_default(guest, facts, error) && ccb_guest_free_space(guest, &facts->free_bytes, error))
        return g_steal_pointer(&facts);
    return NULL;
}

CcbFacts *ccb_facts_of_guest(CcbGuest *guest, GError **error)
{
    g_autoptr(CcbFacts) facts =
        check_grubenv(guest, error) ? ccb_facts_without_packages(guest, error) : NULL;
    if (facts != NULL)
        facts->packages = ccb_facts_packages(guest, error);
    return facts != NULL && facts->packages != NULL ? g_steal_pointer(&facts) : NULL;
}

const CcbBootEntry *ccb_facts_default_entry(const CcbFacts *facts)
{
    return choose_entry(facts, facts->default_entry);
}

/* Opens the image itself, read-only: nothing can change it. */
static CcbFacts *inspect(const char *path, const CcbImageInfo *info, CcbBackend backend,
                         GError **error)
{
    CcbGuestOptions options = {
        .image = path, .format = info->format, .backend = backend, .read_only = true, .log_fd = -1};
    g_autoptr(CcbGuest) guest = ccb_guest_open(&options, error);
    g_autoptr(CcbFacts) facts = guest ? ccb_facts_of_guest(guest, error) : NULL;
    if (facts == NULL) {
        g_prefix_error(error, "image %s: ", path);
        return NULL;
    }
    facts->disk = ccb_disk_copy(ccb_guest_disk(guest));
    facts->format = g_strdup(info->format);
    return g_steal_pointer(&facts);
}

static char *cache_path(const char *sha256)
{
    g_autofree char *name = g_strconcat(sha256, ".json", NULL);
    return g_build_filename(ccb_cache_dir(), "facts", name, NULL);
}

/* A cache that can't be written only costs time. */
static void remember(const CcbFacts *facts)
{
    g_autofree char *path = cache_path(facts->sha256);
    g_autofree char *dir = g_path_get_dirname(path);
    json_t *json = ccb_facts_to_json(facts);
    char *text = json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (ccb_mkdirs(dir, NULL))
        ccb_write_file_atomic(path, text, strlen(text), NULL);
    free(text);
    json_decref(json);
}

static char *digest_of_image(const char *path, GError **error)
{
    struct stat st;
    if (stat(path, &st) == 0)
        return ccb_digest_file_once(path, error);
    ccb_fail_errno(error, CCB_ERR_INPUT, "image %s", path);
    return NULL;
}

CcbFacts *ccb_facts_cached(const char *path, GError **error)
{
    g_autofree char *sha256 = digest_of_image(path, error);
    if (sha256 == NULL)
        return NULL;
    g_autofree char *cached = cache_path(sha256);
    json_t *json = json_load_file(cached, 0, NULL);
    CcbFacts *facts = json ? ccb_facts_from_json(json) : NULL;
    json_decref(json);
    if (facts != NULL) {
        facts->sha256 = g_steal_pointer(&sha256);
        facts->path = g_strdup(path);
    }
    return facts;
}

CcbFacts *ccb_facts_of_image(const char *path, CcbBackend backend, GError **error)
{
    GError *reason = NULL;
    CcbFacts *facts = ccb_facts_cached(path, &reason);
    if (facts != NULL || reason != NULL) {
        if (reason)
            g_propagate_error(error, reason);
        return facts;
    }
    g_auto(CcbImageInfo) info = {0};
    if (!ccb_image_probe(path, &info, error) || !ccb_image_check(path, info.format, error))
        return NULL;
    ccb_progress_begin("inspect", path, 0);
    facts = inspect(path, &info, backend, error);
    if (facts == NULL) {
        ccb_progress_abort();
        return NULL;
    }
    ccb_progress_end(facts->os_name);
    facts->path = g_strdup(path);
    facts->sha256 = ccb_digest_file_once(path, error);
    if (facts->sha256 == NULL)
        g_clear_pointer(&facts, ccb_facts_free);
    else
        remember(facts);
    return facts;
}
