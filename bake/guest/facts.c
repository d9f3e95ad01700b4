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
#include "guest/bootchain.h"
#include "guest/esp.h"
#include "image/qemu-img.h"
#include "image/rpm.h"
#include "text/grubenv.h"
#include "text/grubscript.h"
#include "text/shellvars.h"

#define ENTRIES_DIR "/boot/loader/entries"

/* os-release is read here: libguestfs's own guess of the distribution knows no Alibaba Cloud Linux. */
static bool read_system(CcbGuest *guest, CcbFacts *facts, GError **error)
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
    if (!ccb_guest_read_optional(guest, "/etc/machine-id", &facts->machine_id, error))
        return false;
    if (facts->machine_id != NULL)
        g_strstrip(facts->machine_id);
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

/* Files with a space between them; NULL where there are none. */
static char *join_paths(CcbGuest *guest, const GPtrArray *paths)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (guint i = 0; i < paths->len; i++) {
        g_autofree char *path = ccb_bootchain_path(guest, paths->pdata[i]);
        g_strv_builder_add(builder, path);
    }
    g_auto(GStrv) names = g_strv_builder_end(builder);
    return names[0] != NULL ? g_strjoinv(" ", names) : NULL;
}

/* From the entry, or from the name of its kernel's file. */
static char *kernel_version(const CcbGrubEntry *e)
{
    static const char prefix[] = "vmlinuz-";
    g_autofree char *base = e->kernel.path != NULL ? g_path_get_basename(e->kernel.path) : NULL;
    const char *dash = e->is_bls ? strchr(e->id, '-') : NULL;
    if (e->version != NULL)
        return g_strdup(e->version);
    if (dash != NULL) /* what follows the machine id in the file's name */
        return g_strdup(dash + 1);
    return g_strdup(base != NULL && g_str_has_prefix(base, prefix) ? base + strlen(prefix) : e->id);
}

/* Those that start a kernel, submenus gone into. */
static bool add_entries(CcbGuest *guest, CcbFacts *facts, const GPtrArray *entries, GError **error)
{
    for (guint i = 0; i < entries->len; i++) {
        const CcbGrubEntry *e = entries->pdata[i];
        if (e->submenu != NULL && !add_entries(guest, facts, e->submenu, error))
            return false;
        if (e->submenu != NULL || (e->kernel_options == NULL && !e->is_bls))
            continue;
        g_autofree char *path = ccb_bootchain_path(guest, &e->file);
        CcbBootEntry *entry = g_new0(CcbBootEntry, 1);
        g_ptr_array_add(facts->entries, entry);
        entry->id = g_strdup(e->id);
        entry->title = g_strdup(e->title);
        entry->kernel = e->kernel.path != NULL ? ccb_bootchain_path(guest, &e->kernel) : NULL;
        entry->initrd = join_paths(guest, e->initrds);
        entry->cmdline = g_strdup(e->kernel_options != NULL ? e->kernel_options : "");
        entry->kver = kernel_version(e);
        const char *const texts[] = {entry->id,     entry->title,   entry->kernel,
                                     entry->initrd, entry->cmdline, entry->kver};
        for (guint t = 0; t < G_N_ELEMENTS(texts); t++)
            if (texts[t] != NULL && !g_utf8_validate(texts[t], -1, NULL))
                return ccb_fail(error, CCB_ERR_INPUT, "boot entry %s is not UTF-8", path);
        entry->path = g_steal_pointer(&path);
    }
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    const CcbBootEntry *const *x = a, *const *y = b;
    int by_kernel = ccb_kver_compare((*x)->kver, (*y)->kver);
    return by_kernel != 0 ? by_kernel : strcmp((*x)->id, (*y)->id);
}

/* The entry with that id; else, or where `id` is NULL, the newest. */
static const CcbBootEntry *choose_entry(const CcbFacts *facts, const char *id)
{
    guint n = facts->entries->len;
    for (guint i = 0; id != NULL && i < n; i++) {
        const CcbBootEntry *entry = facts->entries->pdata[i];
        if (strcmp(entry->id, id) == 0)
            return entry;
    }
    return n > 0 ? facts->entries->pdata[n - 1] : NULL;
}

bool ccb_facts_is_rescue(const CcbBootEntry *entry)
{
    return g_str_has_prefix(entry->kver, "0-rescue");
}

static bool read_saved_entry(CcbGuest *guest, CcbFacts *facts, GError **error)
{
    size_t size = 0;
    g_autofree char *block = NULL;
    if (!ccb_guest_read_optional(guest, CCB_GRUBENV_PATH, &block, error) ||
        (block == NULL && !ccb_esp_read_mounted(guest, CCB_GRUBENV_PATH, &block, &size, error)))
        return false;
    if (block == NULL)
        return true;
    g_autoptr(CcbGrubenv) env = ccb_grubenv_parse(block, strlen(block), error);
    if (env == NULL) {
        g_prefix_error(error, "%s: ", CCB_GRUBENV_PATH);
        return false;
    }
    facts->saved_entry = ccb_grubenv_get(env, "saved_entry");
    return true;
}

static bool read_boot(CcbGuest *guest, CcbFacts *facts, GError **error)
{
    g_autoptr(CcbGrubMenu) menu =
        read_saved_entry(guest, facts, error) ? ccb_bootchain_of_guest(guest, error) : NULL;
    if (menu == NULL || !add_entries(guest, facts, menu->entries, error))
        return false;
    g_ptr_array_sort(facts->entries, compare_entries);
    facts->boot_problem = g_strdup(menu->problem);
    facts->unmatched_default = g_strdup(menu->unmatched);
    facts->kernelopts = g_strdup(g_hash_table_lookup(menu->variables, "kernelopts"));
    const CcbBootEntry *entry =
        choose_entry(facts, menu->chosen != NULL ? menu->chosen->id : facts->saved_entry);
    if (entry == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "the image has no boot entry in %s", ENTRIES_DIR);
    facts->default_entry = g_strdup(entry->id);
    facts->default_kver = g_strdup(entry->kver);
    return true;
}

const char *const ccb_unit_dirs[] = {CCB_UNIT_DIR, "/usr/local/lib/systemd/system",
                                     "/usr/lib/systemd/system", "/lib/systemd/system", NULL};

static char **read_units(CcbGuest *guest, GError **error)
{
    g_autoptr(GStrvBuilder) units = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (const char *const *dir = ccb_unit_dirs; *dir != NULL; dir++) {
        g_auto(GStrv) names = ccb_guest_list(guest, *dir, error);
        if (names == NULL)
            return NULL;
        for (char **name = names; *name != NULL; name++)
            if (g_hash_table_add(seen, g_strdup(*name)))
                g_strv_builder_add(units, *name);
    }
    return g_strv_builder_end(units);
}

/* Copies the database out, so that it is read without being written; not what only looks like one: a sparse file of an
 * image is as large as it likes. */
static bool copy_rpmdb(CcbGuest *guest, const char *from, const char *to, bool *ret_any,
                       GError **error)
{
    const uint64_t most = 2ull << 30; /* bytes; that of 500 packages has 30 MB */
    uint64_t sum = 0;
    g_auto(GStrv) names = ccb_guest_list(guest, from, error);
    if (names == NULL)
        return false;
    for (char **name = names; *name != NULL; name++) {
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
        ccb_autofd int fd = open(target, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0)
            return ccb_fail_errno(error, CCB_ERR_IO, "%s", target);
        if (!ccb_guest_download(guest, source, fd, error))
            return false;
        *ret_any = true;
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **list_packages(CcbGuest *guest, const char *from, const char *copy, GError **error)
{
    bool any = false;
    g_autoptr(GError) reason = NULL;
    if (!copy_rpmdb(guest, from, copy, &any, error))
        return NULL;
    if (!any)
        return g_new0(char *, 1);
    g_autoptr(GPtrArray) infos = ccb_rpmdb_list(copy, &reason);
    if (infos == NULL) {
        /* What librpm says of the copy is meant for the database in the image. */
        g_auto(GStrv) parts = g_strsplit(reason->message, copy, -1);
        g_autofree char *message = g_strjoinv(from, parts);
        ccb_fail(error, ccb_exit_code(reason),
                 "%s; restore %s in the image, or rebuild it there with rpm --rebuilddb", message,
                 from);
        return NULL;
    }
    char **names = g_new0(char *, infos->len + 1);
    for (guint i = 0; i < infos->len; i++)
        names[i] = g_strdup(((CcbRpmInfo *)infos->pdata[i])->nevra);
    qsort(names, infos->len, sizeof *names, compare_names);
    return names;
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
    if (!read_system(guest, facts, error) || !read_kernels(guest, facts, error))
        return NULL;
    if (!read_boot(guest, facts, error) || !ccb_guest_free_space(guest, &facts->free_bytes, error))
        return NULL;
    return g_steal_pointer(&facts);
}

CcbFacts *ccb_facts_of_guest(CcbGuest *guest, GError **error)
{
    /* A link that leads nowhere leads to the EFI system partition, on images that boot by UEFI only: what steps change
     * there would be lost. */
    CcbStat st;
    bool exists = false;
    if (!ccb_guest_lstat(guest, CCB_GRUBENV_PATH, &st, &exists, error))
        return NULL;
    if (exists && !ccb_guest_exists(guest, CCB_GRUBENV_PATH)) {
        ccb_fail(error, CCB_ERR_INPUT, "%s leads to a file that is not on the root file system",
                 CCB_GRUBENV_PATH);
        ccb_hint(error, "images that keep it on the EFI system partition are not supported");
        return NULL;
    }
    g_autoptr(CcbFacts) facts = ccb_facts_without_packages(guest, error);
    if (facts == NULL)
        return NULL;
    facts->units = read_units(guest, error);
    facts->packages = facts->units != NULL ? ccb_facts_packages(guest, error) : NULL;
    return facts->packages != NULL ? g_steal_pointer(&facts) : NULL;
}

const CcbBootEntry *ccb_facts_default_entry(const CcbFacts *facts)
{
    return choose_entry(facts, facts->default_entry);
}

/* --- facts of an image file, and their cache */

static char *cache_path(const char *sha256)
{
    g_autofree char *name = g_strconcat(sha256, ".json", NULL);
    return g_build_filename(ccb_cache_dir(), "facts", name, NULL);
}

/* An entry of the cache has the facts and their own digest, without which a damaged one would be taken for facts about
 * another image.  Caller frees; NULL where there are no facts. */
static char *digest_of(const json_t *facts)
{
    ccb_autofree char *text = json_dumps(facts, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    return text != NULL ? ccb_digest_string(text) : NULL;
}

/* A cache that can't be written only costs time. */
static void remember(const CcbFacts *facts)
{
    g_autofree char *path = cache_path(facts->sha256);
    g_autofree char *dir = ccb_cache_room("facts", NULL);
    json_t *json = ccb_facts_to_json(facts);
    g_autofree char *digest = digest_of(json);
    json_auto_t *entry = json_pack("{ssso}", "digest", digest, "facts", json);
    ccb_autofree char *text = json_dumps(entry, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (dir != NULL)
        ccb_write_file_atomic(path, text, strlen(text), NULL);
}

/* NULL: there is no entry, or a damaged one; caller frees. */
static CcbFacts *recall(const char *path)
{
    json_auto_t *entry = json_load_file(path, 0, NULL);
    const json_t *facts = json_object_get(entry, "facts");
    const char *noted = json_string_value(json_object_get(entry, "digest"));
    g_autofree char *digest = digest_of(facts);
    bool is_whole = noted != NULL && g_strcmp0(noted, digest) == 0;
    return is_whole ? ccb_facts_from_json(facts) : NULL;
}

CcbFacts *ccb_facts_cached(const char *path, GError **error)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        ccb_fail_errno(error, CCB_ERR_INPUT, "image %s", path);
        return NULL;
    }
    g_autofree char *sha256 = ccb_digest_file_once(path, error);
    if (sha256 == NULL)
        return NULL;
    g_autofree char *cached = cache_path(sha256);
    CcbFacts *facts = recall(cached);
    if (facts != NULL) {
        facts->sha256 = g_steal_pointer(&sha256);
        facts->path = g_strdup(path);
    }
    return facts;
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
    facts->path = g_strdup(path);
    facts->sha256 = ccb_digest_file_once(path, error);
    return facts->sha256 != NULL ? g_steal_pointer(&facts) : NULL;
}

CcbFacts *ccb_facts_of_image(const char *path, CcbBackend backend, GError **error)
{
    GError *reason = NULL;
    CcbFacts *facts = ccb_facts_cached(path, &reason);
    if (reason != NULL)
        g_propagate_error(error, reason);
    if (facts != NULL || reason != NULL)
        return facts;
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
    remember(facts);
    return facts;
}
