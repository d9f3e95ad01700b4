/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The appliance backend: everything happens in libguestfs's own VM.  Payloads are a read-only ISO disk; scratch is a
 * sparse disk of its own, mounted over /tmp, /var/tmp and /run of the guest while commands run.
 */
#include <fcntl.h>
#include <guestfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "guest/backend.h"
#include "guest/guestfs-tree.h"
#include "guest/iso.h"
#include "host/kvm.h"
#include "image/qemu-img.h"

enum { MEMORY_MIB = 2048, TAIL_LINES = 15, SECTOR = 512 };

/* Where the wrapper leaves what a command said; on the scratch disk. */
#define OUT    "/tmp/.ccbake-out"
#define ERR    "/tmp/.ccbake-err"
#define IN     "/tmp/.ccbake-in"
#define STATUS "/tmp/.ccbake-status"

typedef struct {
    guestfs_h *g;
    pid_t pid; /* of its QEMU while it runs */
    CcbDisk *disk;
    bool scratch; /* the scratch disk is attached */
    char *scratch_path, *iso_path;
} Appliance;

static bool fail(Appliance *a, GError **error, CcbErrorCode code, const char *what,
                 const char *path)
{
    return ccb_guestfs_fail(a->g, error, code, what, path);
}

static void appliance_free(void *backend)
{
    Appliance *a = backend;
    if (a->pid > 0)
        ccb_cancel_remove_victim(a->pid);
    if (a->g)
        guestfs_close(a->g);
    if (a->scratch_path)
        unlink(a->scratch_path);
    if (a->iso_path)
        unlink(a->iso_path);
    ccb_disk_free(a->disk);
    g_free(a->scratch_path);
    g_free(a->iso_path);
    g_free(a);
}

static bool add_image(Appliance *a, const CcbGuestOptions *o, GError **error)
{
    struct guestfs_add_drive_opts_argv argv = {
        .bitmask = GUESTFS_ADD_DRIVE_OPTS_READONLY_BITMASK | GUESTFS_ADD_DRIVE_OPTS_FORMAT_BITMASK |
                   GUESTFS_ADD_DRIVE_OPTS_CACHEMODE_BITMASK |
                   GUESTFS_ADD_DRIVE_OPTS_DISCARD_BITMASK,
        .readonly = o->read_only,
        .format = o->format,
        /* An overlay that a crash cut short is thrown away, never resumed. */
        .cachemode = o->read_only ? "writeback" : "unsafe",
        .discard = o->read_only ? "disable" : "besteffort",
    };
    return guestfs_add_drive_opts_argv(a->g, o->image, &argv) == 0 ||
           ccb_fail(error, CCB_ERR_HOST, "adding the image to the appliance: %s",
                    guestfs_last_error(a->g));
}

static bool add_raw(Appliance *a, const char *path, bool read_only, GError **error)
{
    int rc = guestfs_add_drive_opts(
        a->g, path, GUESTFS_ADD_DRIVE_OPTS_READONLY, (int)read_only, GUESTFS_ADD_DRIVE_OPTS_FORMAT,
        "raw", GUESTFS_ADD_DRIVE_OPTS_CACHEMODE, read_only ? "writeback" : "unsafe", -1);
    return rc == 0 || ccb_fail(error, CCB_ERR_HOST, "adding %s to the appliance: %s", path,
                               guestfs_last_error(a->g));
}

/* Only a guest that is written needs scratch space and payloads. */
static bool add_extra_disks(Appliance *a, const CcbGuestOptions *o, GError **error)
{
    if (o->read_only || o->scratch_dir == NULL)
        return true;
    a->scratch_path = g_build_filename(o->scratch_dir, "scratch.raw", NULL);
    ccb_autofd int fd = open(a->scratch_path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)o->scratch_size) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating the scratch disk %s", a->scratch_path);
    if (!add_raw(a, a->scratch_path, false, error))
        return false;
    a->scratch = true;
    if (o->payloads == NULL || o->payloads->len == 0)
        return true;
    a->iso_path = g_build_filename(o->scratch_dir, "payloads.iso", NULL);
    return ccb_iso_write(a->iso_path, o->payloads, error) && add_raw(a, a->iso_path, true, error);
}

static bool launch(Appliance *a, GError **error)
{
    if (guestfs_launch(a->g) != 0) {
        if (ccb_cancel_check(error))
            return false;
        ccb_fail(error, CCB_ERR_HOST, "starting the libguestfs appliance: %s",
                 guestfs_last_error(a->g));
        return ccb_hint(error, "`ccbake doctor` says what this host lacks");
    }
    a->pid = guestfs_get_pid(a->g);
    if (a->pid > 0)
        ccb_cancel_add_victim(a->pid);
    return true;
}

/* --- the partition table */

static char *take(char *from_guestfs)
{
    char *copy = from_guestfs && from_guestfs[0] ? g_strdup(from_guestfs) : NULL;
    free(from_guestfs);
    return copy;
}

/* As blkid(8) exports values: "EFI\ system", and "\xc3" for bytes that do not print. */
static char *plain_value(const char *value)
{
    GString *plain = g_string_new(NULL);
    for (; *value != '\0'; value++) {
        bool hex = value[0] == '\\' && value[1] == 'x' && g_ascii_isxdigit(value[2]) &&
                   g_ascii_isxdigit(value[3]);
        if (hex) {
            g_string_append_c(plain, (char)(g_ascii_xdigit_value(value[2]) * 16 +
                                            g_ascii_xdigit_value(value[3])));
            value += 3;
        } else {
            value += value[0] == '\\' && value[1] != '\0';
            g_string_append_c(plain, *value);
        }
    }
    return g_string_free(plain, FALSE);
}

static void add_partition(Appliance *a, const struct guestfs_partition *from)
{
    g_autofree char *device = g_strdup_printf("/dev/sda%d", from->part_num);
    CcbPartition *p = g_new0(CcbPartition, 1);
    p->number = (unsigned)from->part_num;
    p->start = from->part_start;
    p->size = from->part_size;
    if (strcmp(a->disk->table, "gpt") == 0) {
        g_autofree char *type = take(guestfs_part_get_gpt_type(a->g, "/dev/sda", from->part_num));
        p->type = g_ascii_strdown(type ? type : "unknown", -1);
        /* libguestfs's own call for the name ends it at a colon. */
        g_auto(GStrv) values = ccb_guestfs_take_list(guestfs_blkid(a->g, device));
        for (char **pair = values; pair != NULL && pair[0] != NULL; pair += 2)
            if (strcmp(pair[0], "PART_ENTRY_NAME") == 0)
                p->part_label = plain_value(pair[1]);
            else if (strcmp(pair[0], "PART_ENTRY_UUID") == 0)
                p->part_uuid = g_strdup(pair[1]);
    } else {
        p->type =
            g_strdup_printf("0x%x", guestfs_part_get_mbr_id(a->g, "/dev/sda", from->part_num));
    }
    p->fstype = take(guestfs_vfs_type(a->g, device));
    if (p->fstype) {
        p->label = take(guestfs_vfs_label(a->g, device));
        p->uuid = take(guestfs_vfs_uuid(a->g, device));
    }
    if (strcmp(p->type, CCB_GPT_TYPE_ESP) == 0)
        a->disk->esp = p->number;
    g_ptr_array_add(a->disk->partitions, p);
}

static bool read_table(Appliance *a, GError **error)
{
    a->disk = ccb_disk_new();
    char *table = guestfs_part_get_parttype(a->g, "/dev/sda");
    struct guestfs_partition_list *list = table ? guestfs_part_list(a->g, "/dev/sda") : NULL;
    if (list == NULL || list->len == 0) {
        free(table);
        if (list)
            guestfs_free_partition_list(list);
        return !ccb_cancel_check(error) &&
               ccb_fail(error, CCB_ERR_INPUT, "the image has no partition table");
    }
    /* libguestfs says "msdos", libblkid "dos" */
    a->disk->table = g_strdup(strcmp(table, "msdos") == 0 ? "dos" : table);
    free(table);
    a->disk->size = (uint64_t)guestfs_blockdev_getsize64(a->g, "/dev/sda");
    for (uint32_t i = 0; i < list->len; i++)
        add_partition(a, &list->val[i]);
    guestfs_free_partition_list(list);
    return true;
}

/* Extends the last partition to the end of the disk, and reads the table again. */
static bool grow_table(Appliance *a, GError **error)
{
    const CcbPartition *last = ccb_disk_last(a->disk);
    int64_t end = (int64_t)(ccb_disk_end(a->disk->size) / SECTOR) - 1;
    if ((strcmp(a->disk->table, "gpt") == 0 && guestfs_part_expand_gpt(a->g, "/dev/sda") != 0) ||
        guestfs_part_resize(a->g, "/dev/sda", (int)last->number, end) != 0)
        return fail(a, error, CCB_ERR_INPUT, "extending the last partition of", "the disk");
    ccb_disk_free(g_steal_pointer(&a->disk));
    return read_table(a, error);
}

/* --- mounting */

static bool check_clean(Appliance *a, const CcbPartition *p, const char *device, GError **error)
{
    size_t size = 0;
    char *superblock = guestfs_pread_device(a->g, device, 1024, 1024, &size);
    bool ok = superblock != NULL && size == 1024
                  ? ccb_disk_check_clean(p, (const unsigned char *)superblock, error)
                  : fail(a, error, CCB_ERR_INPUT, "reading", device);
    free(superblock);
    return ok;
}

/* Without the journal: the disk is a throw-away copy, into which mounting would replay it. */
static bool mount_read_only(Appliance *a, const CcbPartition *p, const char *device)
{
    const char *options = g_str_has_prefix(p->fstype, "ext") ? "ro,noload"
                          : g_str_equal(p->fstype, "xfs")    ? "ro,norecovery"
                                                             : "ro";
    return guestfs_mount_options(a->g, options, device, "/") == 0;
}

/* Mounts each candidate read-only in turn to see which holds an operating system. */
static bool find_root(Appliance *a, bool unclean, GError **error)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(unsigned));
    for (guint i = 0; i < a->disk->partitions->len; i++) {
        const CcbPartition *p = a->disk->partitions->pdata[i];
        if (!ccb_partition_may_be_root(p))
            continue;
        g_autofree char *device = g_strdup_printf("/dev/sda%u", p->number);
        if (!unclean && !check_clean(a, p, device, error))
            return false;
        if (!mount_read_only(a, p, device))
            return fail(a, error, CCB_ERR_INPUT, "mounting", device);
        if (guestfs_exists(a->g, "/etc/os-release") == 1 ||
            guestfs_exists(a->g, "/usr/lib/os-release") == 1)
            g_array_append_val(found, p->number);
        if (guestfs_umount(a->g, "/") != 0)
            return fail(a, error, CCB_ERR_INPUT, "unmounting", device);
    }
    return ccb_disk_set_root(a->disk, found, error);
}

static bool mount_scratch(Appliance *a, GError **error)
{
    static const char *const points[] = {"/tmp", "/var/tmp", "/run"};
    if (guestfs_mkfs(a->g, "ext4", "/dev/sdb") != 0)
        return fail(a, error, CCB_ERR_HOST, "formatting", "the scratch disk");
    for (size_t i = 0; i < G_N_ELEMENTS(points); i++)
        if (guestfs_mkdir_p(a->g, points[i]) != 0 ||
            guestfs_mount(a->g, "/dev/sdb", points[i]) != 0)
            return fail(a, error, CCB_ERR_HOST, "mounting the scratch disk on", points[i]);
    if (guestfs_chmod(a->g, 01777, "/tmp") != 0)
        return fail(a, error, CCB_ERR_HOST, "preparing", "/tmp");
    if (a->iso_path && (guestfs_mkdir_p(a->g, CCB_PAYLOAD_DIR) != 0 ||
                        guestfs_mount_ro(a->g, "/dev/sdc", CCB_PAYLOAD_DIR) != 0))
        return fail(a, error, CCB_ERR_HOST, "mounting the payloads on", CCB_PAYLOAD_DIR);
    return true;
}

static bool mount_root(Appliance *a, bool read_only, bool grow, GError **error)
{
    g_autofree char *device = g_strdup_printf("/dev/sda%u", a->disk->root);
    bool ok = read_only ? mount_read_only(a, ccb_disk_partition(a->disk, a->disk->root), device)
                        : guestfs_mount(a->g, device, "/") == 0;
    if (!ok)
        return fail(a, error, CCB_ERR_INPUT, "mounting", device);
    if (grow && guestfs_resize2fs(a->g, device) != 0)
        return fail(a, error, CCB_ERR_INPUT, "enlarging the file system of", device);
    return !a->scratch || mount_scratch(a, error);
}

static bool configure(Appliance *a, const CcbGuestOptions *o, GError **error)
{
    a->g = guestfs_create_flags(GUESTFS_CREATE_NO_ENVIRONMENT);
    if (a->g == NULL)
        return ccb_fail(error, CCB_ERR_HOST, "libguestfs can't be initialised");
    guestfs_set_error_handler(a->g, NULL, NULL);
    /* The backend is ours in any case (libvirt would run QEMU as another user, who can't read our files).  So its
     * variable is kept from libguestfs, which stops reading its variables at the first that it can't use. */
    g_auto(GStrv) environment = g_environ_unsetenv(g_get_environ(), "LIBGUESTFS_BACKEND");
    if (guestfs_parse_environment_list(a->g, environment) != 0)
        return ccb_fail(error, CCB_ERR_HOST, "a LIBGUESTFS_ variable can't be used: %s",
                        guestfs_last_error(a->g));
    /* Else it would build the appliance anew in every TMPDIR, and leave it there. */
    const char *cache = g_environ_getenv(environment, "LIBGUESTFS_CACHEDIR");
    bool ok = guestfs_set_backend(a->g, "direct") == 0 &&
              guestfs_set_cachedir(a->g, cache != NULL ? cache : "/var/tmp") == 0 &&
              guestfs_set_network(a->g, o->network) == 0;
    /* A guest under a KVM that does not work hangs.  Who sets force_kvm insists. */
    char *insists = guestfs_get_backend_setting(a->g, "force_kvm");
    if (insists == NULL && ccb_kvm_probe(NULL) != CCB_KVM_WORKS)
        ok = ok && guestfs_set_backend_setting(a->g, "force_tcg", "1") == 0;
    free(insists);
    if (!o->read_only)
        ok = ok && guestfs_set_memsize(a->g, MEMORY_MIB) == 0 &&
             guestfs_set_smp(a->g, MAX(1, get_nprocs())) == 0;
    return ok || fail(a, error, CCB_ERR_HOST, "configuring", "the appliance");
}

void *ccb_appliance_open(const CcbGuestOptions *options, GError **error)
{
    Appliance *a = g_new0(Appliance, 1);
    if (!ccb_cancel_check(error) && configure(a, options, error) && add_image(a, options, error) &&
        add_extra_disks(a, options, error) && launch(a, error) && read_table(a, error) &&
        (options->grow_to == 0 || grow_table(a, error)) && find_root(a, options->unclean, error) &&
        mount_root(a, options->read_only, options->grow_to > 0, error))
        return a;
    appliance_free(a);
    return NULL;
}

/* --- files */

static bool app_stat(void *backend, const char *path, bool follow, CcbStat *ret_stat,
                     bool *ret_exists, GError **error)
{
    Appliance *a = backend;
    struct guestfs_statns *st = follow ? guestfs_statns(a->g, path) : guestfs_lstatns(a->g, path);
    int number = st == NULL ? guestfs_last_errno(a->g) : 0;
    if (number == ENOENT || number == ENOTDIR) {
        *ret_exists = false;
        return true;
    }
    if (st == NULL)
        return fail(a, error, CCB_ERR_INPUT, "looking at", path);
    *ret_stat =
        (CcbStat){(mode_t)st->st_mode, (uid_t)st->st_uid, (gid_t)st->st_gid, (uint64_t)st->st_size};
    *ret_exists = true;
    guestfs_free_statns(st);
    return true;
}

/* Bytes of one message at a time; libguestfs's limit is 4 MiB. */
enum { PIECE = 1 << 20 };

static char *app_digest(void *backend, const char *path, GError **error)
{
    Appliance *a = backend;
    size_t size = 0;
    char *bytes = guestfs_pread(a->g, path, PIECE, 0, &size);
    char *sum = bytes && size == PIECE ? guestfs_checksum(a->g, "sha256", path) : NULL;
    char *hex = g_strdup(sum);
    if (bytes != NULL && size < PIECE) {
        CcbDigest *digest = ccb_digest_new();
        ccb_digest_update(digest, bytes, size);
        hex = ccb_digest_finish(digest);
    }
    if (hex == NULL)
        fail(a, error, CCB_ERR_INPUT, "reading", path);
    free(bytes);
    free(sum);
    return hex;
}

/* Not by guestfs_download(): that wants a name, opens /dev/fd/N anew, and so empties a file that is written piece by
 * piece.  For a small file it also takes a hundred times as long under emulation (0.28 s against 3 ms). */
static bool app_get(void *backend, const char *path, int fd, GError **error)
{
    Appliance *a = backend;
    for (int64_t offset = 0;; offset += PIECE) {
        size_t size = 0;
        char *bytes = guestfs_pread(a->g, path, PIECE, offset, &size);
        if (bytes == NULL)
            return fail(a, error, CCB_ERR_INPUT, "reading", path);
        bool ok = ccb_write_all(fd, bytes, size, path, error);
        free(bytes);
        if (!ok || size < PIECE)
            return ok;
    }
}

static char *app_readlink(void *backend, const char *path, GError **error)
{
    Appliance *a = backend;
    char *target = guestfs_readlink(a->g, path);
    if (target == NULL)
        fail(a, error, CCB_ERR_INPUT, "reading the link", path);
    char *copy = g_strdup(target);
    free(target);
    return copy;
}

static char **app_list(void *backend, const char *path, GError **error)
{
    return ccb_guestfs_list(((Appliance *)backend)->g, path, error);
}

static bool app_walk(void *backend, const char *path, GPtrArray *entries, GError **error)
{
    return ccb_guestfs_walk(((Appliance *)backend)->g, path, entries, error);
}

static bool app_put(void *backend, const char *path, int fd, const CcbFileAttr *attr,
                    GError **error)
{
    Appliance *a = backend;
    g_autofree char *self = g_strdup_printf("/dev/fd/%d", fd);
    if (guestfs_upload(a->g, self, path) != 0)
        return fail(a, error, CCB_ERR_INPUT, "writing", path);
    if (guestfs_chown(a->g, (int)attr->uid, (int)attr->gid, path) != 0 ||
        guestfs_chmod(a->g, (int)attr->mode, path) != 0 ||
        guestfs_utimens(a->g, path, CCB_GUEST_MTIME, 0, CCB_GUEST_MTIME, 0) != 0)
        return fail(a, error, CCB_ERR_INPUT, "setting mode, owner and time of", path);
    return true;
}

static bool app_mkdir(void *backend, const char *path, GError **error)
{
    Appliance *a = backend;
    return (guestfs_mkdir(a->g, path) == 0 && guestfs_chmod(a->g, 0755, path) == 0) ||
           fail(a, error, CCB_ERR_INPUT, "creating the directory", path);
}

static bool app_set_attr(void *backend, const char *path, const CcbFileAttr *attr, GError **error)
{
    Appliance *a = backend;
    return (guestfs_chown(a->g, (int)attr->uid, (int)attr->gid, path) == 0 &&
            guestfs_chmod(a->g, (int)attr->mode, path) == 0) ||
           fail(a, error, CCB_ERR_INPUT, "setting mode and owner of", path);
}

static bool app_symlink(void *backend, const char *target, const char *path,
                        const CcbFileAttr *attr, GError **error)
{
    Appliance *a = backend;
    return (guestfs_ln_s(a->g, target, path) == 0 &&
            guestfs_lchown(a->g, (int)attr->uid, (int)attr->gid, path) == 0) ||
           fail(a, error, CCB_ERR_INPUT, "creating the link", path);
}

static bool app_remove(void *backend, const char *path, GError **error)
{
    Appliance *a = backend;
    return guestfs_rm_rf(a->g, path) == 0 || fail(a, error, CCB_ERR_INPUT, "removing", path);
}

static bool app_free_space(void *backend, uint64_t *ret_bytes, GError **error)
{
    Appliance *a = backend;
    struct guestfs_statvfs *fs = guestfs_statvfs(a->g, "/");
    if (fs == NULL)
        return fail(a, error, CCB_ERR_INPUT, "looking at", "the free space");
    *ret_bytes = (uint64_t)fs->bavail * (uint64_t)fs->frsize;
    guestfs_free_statvfs(fs);
    return true;
}

/* --- commands */

/* The command's own words are arguments of this script, never part of it. */
static const char wrapper[] =
    "echo ccbake >/proc/sys/kernel/hostname; umask 022; rm -f " OUT " " ERR " " STATUS ";"
    "if [ \"$1\" = split ]; then shift; \"$@\" <" IN " >" OUT " 2>" ERR ";"
    "else shift; \"$@\" <" IN " >" ERR " 2>&1; fi;"
    "echo $? >" STATUS;

static GPtrArray *build_argv(const CcbCommand *command)
{
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *limit = g_strdup_printf("%u", command->limit_s);
    ccb_argv_add(argv, "/usr/bin/env", "-i", NULL);
    for (const char *const *e = ccb_guest_environment; *e != NULL; e++)
        ccb_argv_add(argv, *e, NULL);
    for (const char *const *e = command->env; e != NULL && *e != NULL; e++)
        ccb_argv_add(argv, *e, NULL);
    ccb_argv_add(argv, "/bin/sh", "-c", wrapper, "sh", command->ret_stdout ? "split" : "merge",
                 "timeout", "-k", "10", limit, NULL);
    for (const char *const *word = command->argv; *word != NULL; word++)
        ccb_argv_add(argv, *word, NULL);
    g_ptr_array_add(argv, NULL);
    return argv;
}

static char *read_text(Appliance *a, const char *path)
{
    size_t size = 0;
    char *text = guestfs_read_file(a->g, path, &size);
    char *copy = text ? g_strndup(text, size) : g_strdup("");
    free(text);
    return copy;
}

/* Passes the output on, and returns its last lines as they stand in an error message: "" where there are none. */
static char *pass_output(Appliance *a, CcbLineFunc on_line, void *data)
{
    g_autofree char *text = read_text(a, ERR);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    guint n = g_strv_length(lines);
    GString *tail = g_string_new(NULL);
    for (guint i = 0; i < n; i++) {
        on_line(lines[i], data);
        if (i + TAIL_LINES >= n && lines[i][0] != '\0')
            g_string_append_printf(tail, "%s\n  | %s",
                                   tail->len ? "" : "\nits last lines:", lines[i]);
    }
    return g_string_free(tail, FALSE);
}

static bool check_status(CcbCommand *command, const char *tail, GError **error)
{
    enum { TIMEOUT_STATUS = 124, EXEC_FAILED = 127, KILLED_STATUS = 137 }; /* of timeout(1) */
    const char *name = command->name;
    if (command->ret_status == KILLED_STATUS)
        return ccb_fail(error, CCB_ERR_STEP,
                        "%s was killed: it ignored the limit of %u s, or memory ran out%s", name,
                        command->limit_s, tail);
    command->ret_timed_out = command->ret_status == TIMEOUT_STATUS;
    if (command->ret_timed_out)
        return ccb_fail(error, CCB_ERR_STEP, "%s did not end within its limit of %u s%s", name,
                        command->limit_s, tail);
    /* One that could not start is an error in any case, as through the host backend (base/process.c). */
    if (command->ret_status == 0 || (command->allow_failure && command->ret_status != EXEC_FAILED))
        return true;
    return ccb_fail(error, CCB_ERR_STEP, "%s failed with exit code %d%s", name, command->ret_status,
                    tail);
}

/* Sets command->ret_status, whatever it is, and *ret_tail: the last lines of output, for a message. */
static bool run_command(Appliance *a, CcbCommand *command, CcbLineFunc on_line, void *data,
                        char **ret_tail, GError **error)
{
    g_autoptr(GPtrArray) argv = build_argv(command);
    const char *input = command->stdin_text ? command->stdin_text : "";
    if (guestfs_write(a->g, IN, input, strlen(input)) != 0)
        return fail(a, error, CCB_ERR_STEP, "preparing", command->name);
    char *said = guestfs_command(a->g, (char *const *)argv->pdata);
    if (said == NULL)
        return fail(a, error, CCB_ERR_STEP, "running", command->name);
    free(said);
    *ret_tail = pass_output(a, on_line, data);
    g_autofree char *status = read_text(a, STATUS);
    guint64 number;
    bool valid = g_ascii_string_to_unsigned(g_strstrip(status), 10, 0, 255, &number, NULL);
    command->ret_status = valid ? (int)number : 255; /* a missing or garbled status is a failure */
    if (command->ret_stdout) {
        g_autofree char *out = read_text(a, OUT);
        g_string_append(command->ret_stdout, out);
    }
    return true;
}

static bool app_run(void *backend, CcbCommand *command, CcbLineFunc on_line, void *data,
                    GError **error)
{
    g_autofree char *tail = NULL;
    return run_command(backend, command, on_line, data, &tail, error) &&
           check_status(command, tail, error);
}

static void print_error_line(const char *line, void *data)
{
    fprintf(stderr, "%s\n", line);
}

/* libguestfs has neither a terminal nor an input for a command. */
static bool app_shell(void *backend, CcbCommand *command, GError **error)
{
    g_autoptr(GString) said = g_string_new(NULL);
    CcbCommand inner = *command;
    inner.limit_s = G_MAXINT;
    inner.ret_stdout = said;
    /* However the command ended, that is the answer. */
    g_autofree char *tail = NULL;
    bool ok = run_command(backend, &inner, print_error_line, NULL, &tail, error) &&
              ccb_write_all(STDOUT_FILENO, said->str, said->len, "standard output", error);
    command->ret_status = inner.ret_status;
    return ok;
}

/* --- the disk, and the end */

static const CcbDisk *app_disk(void *backend)
{
    return ((Appliance *)backend)->disk;
}

static bool app_read_disk(void *backend, uint64_t offset, void *buffer, size_t size, GError **error)
{
    Appliance *a = backend;
    for (size_t done = 0, got = 0; done < size; done += got) {
        char *bytes = guestfs_pread_device(a->g, "/dev/sda", (int)MIN(size - done, PIECE),
                                           (int64_t)(offset + done), &got);
        if (bytes == NULL)
            return fail(a, error, CCB_ERR_INPUT, "reading", "the disk");
        memcpy((char *)buffer + done, bytes, got);
        free(bytes);
        if (got == 0)
            return ccb_fail(error, CCB_ERR_INPUT, "the disk ends within what is read of it");
    }
    return true;
}

static bool app_close(void *backend, GError **error)
{
    static const char *const points[] = {"/run", "/var/tmp", "/tmp"};
    Appliance *a = backend;
    if (a->iso_path && guestfs_umount(a->g, CCB_PAYLOAD_DIR) != 0)
        return fail(a, error, CCB_ERR_IO, "unmounting", CCB_PAYLOAD_DIR);
    for (size_t i = 0; a->scratch && i < G_N_ELEMENTS(points); i++)
        if (guestfs_umount(a->g, points[i]) != 0)
            return fail(a, error, CCB_ERR_IO, "unmounting", points[i]);
    if (a->scratch)
        guestfs_fstrim(a->g, "/", -1); /* only saves space */
    if (guestfs_umount_all(a->g) != 0 || guestfs_shutdown(a->g) != 0)
        return fail(a, error, CCB_ERR_IO, "closing", "the image");
    return true;
}

const CcbGuestOps ccb_appliance_ops = {
    .name = "appliance",
    .stat = app_stat,
    .get = app_get,
    .digest = app_digest,
    .readlink = app_readlink,
    .list = app_list,
    .walk = app_walk,
    .put = app_put,
    .mkdir = app_mkdir,
    .set_attr = app_set_attr,
    .symlink = app_symlink,
    .remove = app_remove,
    .free_space = app_free_space,
    .run = app_run,
    .shell = app_shell,
    .disk = app_disk,
    .read_disk = app_read_disk,
    .close = app_close,
    .free = appliance_free,
};
