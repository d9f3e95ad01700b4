/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/attach.h"

#include <fcntl.h>
#include <jansson.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "guest/grow.h"
#include "guest/table.h"
#include "guest/writeback.h"

enum { EXPORT_LIMIT_MS = 30000, EXPORT_POLL_MS = 5, LOOP_TRIES = 64, END_GRACE_MS = 60000 };
enum { RELEASE_LIMIT_MS = 30000, RELEASE_POLL_MS = 2 };

enum { MOST_OPEN = 2 }; /* a comparison has two images open */

static bool open_slots[MOST_OPEN];

struct CcbAttach {
    guint slot;      /* of open_slots; MOST_OPEN: none */
    char *dir;       /* holds the mount points */
    char *disk_path; /* the exported image, seen as a raw file */
    char *root_path, *empty_path;
    char *log_path;
    char *loop; /* "/dev/loop3" while a partition is or was mounted */
    pid_t daemon;
    bool read_only, mounted, tmpfs; /* tmpfs: `dir` is mounted */
    CcbWriteback *writeback;        /* while a partition is mounted to be written */
    CcbDisk *disk;
};

/*
 * From here on, what we mount is seen by us and our children only, and goes when we go.  What the host unmounts meanwhile
 * goes from here, too (MS_SLAVE): else we would hold its file systems as long as we run.
 *
 * Done twice, around the start of the daemon: the daemon must not be in the namespace that holds
 * the guest's mount.  If it were, and were the last one there when it is killed, the kernel would
 * unmount the guest on the daemon's way out, and wait for ever for the daemon to answer.
 */
static bool enter_private_namespace(GError **error)
{
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0)
        return true;
    return ccb_fail_errno(error, CCB_ERR_HOST, "creating a private mount namespace");
}

/* Mount points on a tmpfs of our own: nothing of them is left on the host's disk, even after SIGKILL. */
static bool make_mount_points(CcbAttach *a, GError **error)
{
    guint slot = 0;
    while (slot < MOST_OPEN && open_slots[slot])
        slot++;
    if (slot == MOST_OPEN)
        return ccb_fail(error, CCB_ERR_HOST, "%d images are open already", MOST_OPEN);
    open_slots[slot] = true;
    a->slot = slot;
    a->dir = g_strdup_printf("%s/mnt%u", ccb_cache_dir(), a->slot);
    a->disk_path = g_strdup_printf("%s/disk-%d", a->dir, (int)getpid());
    a->root_path = g_build_filename(a->dir, "root", NULL);
    a->empty_path = g_build_filename(a->dir, "empty", NULL);
    a->log_path = g_build_filename(a->dir, "qemu-storage-daemon.log", NULL);
    if (!ccb_mkdirs(a->dir, error))
        return false;
    if (mount("ccbake", a->dir, "tmpfs", MS_NODEV | MS_NOSUID, "mode=0700,size=1m") != 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "mounting a tmpfs on %s", a->dir);
    a->tmpfs = true;
    ccb_autofd int fd = open(a->disk_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 || mkdir(a->root_path, 0700) != 0 || mkdir(a->empty_path, 0755) != 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "creating mount points in %s", a->dir);
    return true;
}

/* The mount point turns from an empty file into the disk. */
static bool wait_for_export(CcbAttach *a, GError **error)
{
    for (unsigned waited = 0; waited < EXPORT_LIMIT_MS; waited += EXPORT_POLL_MS) {
        struct stat st;
        if (stat(a->disk_path, &st) == 0 && st.st_size > 0) {
            a->disk->size = (uint64_t)st.st_size;
            return true;
        }
        if (waitpid(a->daemon, NULL, WNOHANG) != 0) {
            g_autofree char *log = NULL;
            a->daemon = 0;
            g_file_get_contents(a->log_path, &log, NULL, NULL);
            return ccb_fail(error, CCB_ERR_HOST,
                            "the image can't be opened (qemu-storage-daemon: %s)",
                            log && log[0] ? g_strstrip(log) : "it gave no reason");
        }
        if (ccb_cancel_check(error))
            return false;
        g_usleep(EXPORT_POLL_MS * 1000);
    }
    return ccb_fail(error, CCB_ERR_HOST,
                    "the image can't be opened (qemu-storage-daemon did not export it in %d s)",
                    EXPORT_LIMIT_MS / 1000);
}

static bool export_image(CcbAttach *a, const char *image, const char *format, GError **error)
{
    /* As JSON, a comma in a file name is only a comma.  Nothing is flushed while we work: an overlay that a crash cut
     * short is thrown away, never resumed. */
    json_auto_t *disk =
        json_pack("{s:s, s:s, s:b, s:s, s:{s:s, s:s, s:{s:b}}}", "driver", format, "node-name",
                  "disk", "read-only", a->read_only, "discard", "unmap", "file", "driver", "file",
                  "filename", image, "cache", "no-flush", !a->read_only);
    json_auto_t *fuse =
        json_pack("{s:s, s:s, s:s, s:s, s:b}", "type", "fuse", "id", "disk", "node-name", "disk",
                  "mountpoint", a->disk_path, "writable", !a->read_only);
    char *disk_text = json_dumps(disk, JSON_COMPACT), *fuse_text = json_dumps(fuse, JSON_COMPACT);
    const char *argv[] = {
        "qemu-storage-daemon", "--blockdev", disk_text, "--export", fuse_text, NULL};
    ccb_autofd int log = open(a->log_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    a->daemon = ccb_process_spawn(argv, log, error);
    free(disk_text);
    free(fuse_text);
    return a->daemon > 0 && wait_for_export(a, error);
}

static bool read_table(CcbAttach *a, GError **error)
{
    ccb_autofd int fd = open(a->disk_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "opening the exported image %s", a->disk_path);
    return ccb_disk_read_table(a->disk, fd, error);
}

CcbAttach *ccb_attach_open(const char *image, const char *format, bool read_only, GError **error)
{
    CcbAttach *a = g_new0(CcbAttach, 1);
    a->slot = MOST_OPEN;
    a->read_only = read_only;
    a->disk = ccb_disk_new();
    if (enter_private_namespace(error) && make_mount_points(a, error) &&
        export_image(a, image, format, error) && enter_private_namespace(error) &&
        read_table(a, error))
        return a;
    ccb_attach_free(a);
    return NULL;
}

CcbDisk *ccb_attach_disk(CcbAttach *a)
{
    return a->disk;
}

const char *ccb_attach_empty(const CcbAttach *a)
{
    return a->empty_path;
}

const char *ccb_attach_root(const CcbAttach *a)
{
    return a->root_path;
}

bool ccb_attach_pread(CcbAttach *a, void *buffer, size_t size, uint64_t offset, GError **error)
{
    ccb_autofd int fd = open(a->disk_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "opening the exported image %s", a->disk_path);
    ssize_t n = pread(fd, buffer, size, (off_t)offset);
    if (n < 0)
        return ccb_fail_errno(error, CCB_ERR_INPUT, "reading the image at %" G_GUINT64_FORMAT,
                              offset);
    return (size_t)n == size ||
           ccb_fail(error, CCB_ERR_INPUT, "the disk ends within what is read of it");
}

/* --- mounting */

static int configure_loop(int control, int backing, const struct loop_config *config,
                          char **ret_path)
{
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0)
        return -1;
    g_autofree char *path = g_strdup_printf("/dev/loop%d", number);
    ccb_autofd int fd = open(path, O_RDWR | O_CLOEXEC);
    struct loop_config own = *config;
    own.fd = (uint32_t)backing;
    if (fd < 0 || ioctl(fd, LOOP_CONFIGURE, &own) != 0)
        return -1;
    *ret_path = g_steal_pointer(&path);
    return ccb_steal_fd(&fd);
}

/* The device lives as long as the returned descriptor or a mount of it. */
static int attach_loop(CcbAttach *a, const CcbPartition *p, char **ret_path, GError **error)
{
    struct loop_config config = {
        .info = {.lo_offset = p->start,
                 .lo_sizelimit = p->size,
                 .lo_flags = LO_FLAGS_AUTOCLEAR | (a->read_only ? LO_FLAGS_READ_ONLY : 0)}};
    ccb_autofd int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    ccb_autofd int backing = open(a->disk_path, (a->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (control < 0 || backing < 0) {
        ccb_fail_errno(error, CCB_ERR_HOST, "opening %s",
                       control < 0 ? "/dev/loop-control" : a->disk_path);
        return -1;
    }
    /* Between "this one is free" and taking it, somebody else may have taken it. */
    int fd = -1;
    for (int i = 0; fd < 0 && i < LOOP_TRIES; i++) {
        fd = configure_loop(control, backing, &config, ret_path);
        if (fd < 0 && errno != EBUSY)
            break;
    }
    if (fd < 0)
        ccb_fail_errno(error, CCB_ERR_HOST, "attaching a loop device");
    return fd;
}

bool ccb_attach_grow(CcbAttach *a, GError **error)
{
    g_autoptr(CcbDisk) before = a->disk;
    a->disk = ccb_disk_new();
    a->disk->size = before->size;
    if (!ccb_grow_last_partition(a->disk_path, before, error) || !read_table(a, error))
        return false;
    g_autofree char *device = NULL;
    ccb_autofd int loop = attach_loop(a, ccb_disk_last(a->disk), &device, error);
    return loop >= 0 && ccb_grow_file_system(device, error);
}

static const char *mount_options(const char *fstype, bool read_only)
{
    if (g_str_has_prefix(fstype, "ext"))
        return read_only ? "noload" : "errors=remount-ro,barrier=0,discard";
    if (strcmp(fstype, "xfs") == 0)
        return read_only ? "norecovery,nouuid" : "nouuid,discard";
    return NULL;
}

bool ccb_attach_mount(CcbAttach *a, const CcbPartition *p, bool read_only, GError **error)
{
    read_only |= a->read_only;
    g_autofree char *device = NULL;
    ccb_autofd int loop = attach_loop(a, p, &device, error);
    if (loop < 0)
        return false;
    unsigned long flags = MS_NODEV | MS_NOSUID | MS_NOATIME | (read_only ? MS_RDONLY : 0);
    if (mount(device, a->root_path, p->fstype, flags, mount_options(p->fstype, read_only)) != 0)
        return ccb_fail_errno(error, CCB_ERR_INPUT, "mounting partition %u (%s)", p->number,
                              p->fstype);
    a->mounted = true;
    g_free(a->loop);
    a->loop = g_steal_pointer(&device);
    if (!read_only)
        a->writeback = ccb_writeback_start(a->root_path, error);
    return read_only || a->writeback != NULL;
}

/*
 * umount() takes the mount from us; the file system itself is unmounted, and its clean flag written, when the last copy
 * of the mount goes: the kernel takes a moment to tear down the namespace of a guest command that just ended.  The loop
 * device clears itself then: its file in sysfs no longer names our export.
 */
static bool wait_for_release(const CcbAttach *a, GError **error)
{
    g_autofree char *name = g_path_get_basename(a->loop);
    g_autofree char *path = g_strdup_printf("/sys/block/%s/loop/backing_file", name);
    for (unsigned waited = 0; waited < RELEASE_LIMIT_MS; waited += RELEASE_POLL_MS) {
        g_autofree char *backing = ccb_read_file(path, 0, NULL, NULL);
        if (backing == NULL || strcmp(g_strchomp(backing), a->disk_path) != 0)
            return true;
        g_usleep(RELEASE_POLL_MS * 1000);
    }
    return ccb_fail(error, CCB_ERR_IO,
                    "the guest's root is still in use %d s after its last command",
                    RELEASE_LIMIT_MS / 1000);
}

bool ccb_attach_unmount(CcbAttach *a, GError **error)
{
    if (!a->mounted)
        return true;
    if (!ccb_writeback_finish(g_steal_pointer(&a->writeback), error))
        return false;
    if (umount2(a->root_path, UMOUNT_NOFOLLOW) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "unmounting the guest's root");
    a->mounted = false;
    return wait_for_release(a, error);
}

bool ccb_attach_close(CcbAttach *a, bool trim, GError **error)
{
    bool ok = true;
    if (a->mounted && !a->read_only) {
        ok = ccb_writeback_finish(g_steal_pointer(&a->writeback), error);
        /* Blocks that were free before go back to the overlay, so that what they held does not reach the output.  Those
         * that are freed while it is mounted go back by "discard".  A file system that can't do it is as good: it only
         * saves space. */
        struct fstrim_range range = {.len = UINT64_MAX};
        ccb_autofd int fd = trim ? open(a->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (fd >= 0)
            ioctl(fd, FITRIM, &range);
    }
    ok = ok && ccb_attach_unmount(a, error);
    if (ok) { /* the daemon writes the image's metadata when it ends */
        int status = ccb_process_end(&a->daemon, END_GRACE_MS);
        ok = status == 0 ||
             ccb_fail(error, CCB_ERR_IO,
                      "the image was not written to its end (qemu-storage-daemon ended with exit "
                      "code %d)",
                      status);
    }
    ccb_attach_free(a);
    return ok;
}

void ccb_attach_free(CcbAttach *a)
{
    if (a == NULL)
        return;
    ccb_writeback_finish(a->writeback, NULL); /* it is thrown away */
    if (a->mounted)
        umount2(a->root_path, MNT_DETACH);
    ccb_process_end(&a->daemon, END_GRACE_MS);
    if (a->tmpfs)
        umount2(a->dir, MNT_DETACH);
    if (a->slot < MOST_OPEN)
        open_slots[a->slot] = false;
    ccb_disk_free(a->disk);
    g_free(a->dir);
    g_free(a->disk_path);
    g_free(a->root_path);
    g_free(a->empty_path);
    g_free(a->log_path);
    g_free(a->loop);
    g_free(a);
}
