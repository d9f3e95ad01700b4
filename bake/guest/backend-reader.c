/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader: an image is read in this process, by libext2fs over our own readers of disk images.  It needs no root, no
 * virtual machine and no mount, and writes nothing; operations that change an image are not there.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "guest/remote.h"
#include "guest/table.h"
#include "image/ext4.h"

/* What is at both ends of the disk and of each partition: tables, and the marks of file systems. */
enum { EDGE = 256 << 10 };

typedef struct {
    CcbDiskReader *file;
    bool unclean;
    uint64_t start; /* of the root file system */
    CcbExt4 *fs;
    CcbDisk *disk;
} Reader;

/* --- opening */

static bool copy_edge(Reader *r, int fd, uint64_t offset, uint64_t size, GError **error)
{
    g_autofree char *data = g_malloc(EDGE);
    size = MIN(size, EDGE);
    if (!ccb_disk_reader_pread(r->file, offset, data, size, error))
        return false;
    return pwrite(fd, data, size, (off_t)offset) == (ssize_t)size ||
           ccb_fail_errno(error, CCB_ERR_HOST, "copying the disk's tables");
}

static bool copy_edges(Reader *r, int fd, uint64_t start, uint64_t size, GError **error)
{
    uint64_t disk = r->disk->size;
    if (start > disk || size > disk - start)
        return true; /* a partition that is not on the disk is looked at by nobody */
    return copy_edge(r, fd, start, size, error) &&
           copy_edge(r, fd, start + size - MIN(size, EDGE), size, error);
}

/* libblkid wants a file: it gets one of the disk's size in memory, with holes where it does not look.  What is in the
 * partitions can be seen only when it is known where they are. */
static bool read_table(Reader *r, GError **error)
{
    ccb_autofd int fd = memfd_create("disk-tables", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)r->disk->size) != 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "creating a memory file");
    g_autoptr(CcbDisk) places = ccb_disk_new();
    if (!copy_edges(r, fd, 0, r->disk->size, error) || !ccb_disk_read_table(places, fd, error))
        return false;
    for (guint i = 0; i < places->partitions->len; i++) {
        const CcbPartition *p = places->partitions->pdata[i];
        if (!copy_edges(r, fd, p->start, p->size, error))
            return false;
    }
    return ccb_disk_read_table(r->disk, fd, error);
}

static bool read_root(void *data, uint64_t offset, void *buffer, size_t size, GError **error)
{
    const Reader *r = data;
    return ccb_disk_reader_pread(r->file, r->start + offset, buffer, size, error);
}

static bool open_partition(Reader *r, const CcbPartition *p, GError **error)
{
    r->start = p->start;
    ccb_ext4_free(r->fs);
    r->fs = ccb_ext4_open(read_root, r, p->size, error);
    if (r->fs == NULL)
        g_prefix_error(error, "partition %u: ", p->number);
    return r->fs != NULL;
}

static bool has_os_release(Reader *r, bool *ret_has, GError **error)
{
    static const char *const names[] = {"/etc/os-release", "/usr/lib/os-release"};
    *ret_has = false;
    for (size_t i = 0; i < G_N_ELEMENTS(names) && !*ret_has; i++) {
        CcbExt4Node node;
        if (!ccb_ext4_find(r->fs, names[i], true, &node, ret_has, error))
            return false;
    }
    return true;
}

static bool find_root(Reader *r, char **ret_foreign, GError **error)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(unsigned));
    for (guint i = 0; i < r->disk->partitions->len; i++) {
        const CcbPartition *p = r->disk->partitions->pdata[i];
        unsigned char superblock[1024];
        bool has = false;
        if (!ccb_partition_may_be_root(p))
            continue;
        if (!g_str_has_prefix(p->fstype, "ext")) {
            *ret_foreign = g_strdup_printf("partition %u is %s", p->number, p->fstype);
            return ccb_fail(error, CCB_ERR_INPUT, "%s", *ret_foreign);
        }
        if (!r->unclean && (!ccb_disk_reader_pread(r->file, p->start + 1024, superblock,
                                                   sizeof superblock, error) ||
                            !ccb_disk_check_clean(p, superblock, error)))
            return false;
        if (!open_partition(r, p, error) || !has_os_release(r, &has, error))
            return false;
        if (has)
            g_array_append_val(found, p->number);
    }
    return ccb_disk_set_root(r->disk, found, error) &&
           open_partition(r, ccb_disk_partition(r->disk, r->disk->root), error);
}

/* The files are opened here; nothing that a guest has written is looked at yet. */
static void *prepare(const CcbGuestOptions *o, char **ret_foreign, GError **error)
{
    bool foreign = false;
    CcbDiskReader *file = ccb_disk_reader_open(o->image, o->format, &foreign, error);
    if (file == NULL) {
        if (foreign)
            *ret_foreign = g_strdup_printf("a %s image of a kind that only QEMU reads", o->format);
        return NULL;
    }
    Reader *r = g_new0(Reader, 1);
    r->file = file;
    r->unclean = o->unclean;
    r->disk = ccb_disk_new();
    r->disk->size = ccb_disk_reader_size(file);
    return r;
}

static bool open_image(void *backend, char **ret_foreign, GError **error)
{
    return read_table(backend, error) && find_root(backend, ret_foreign, error);
}

/* --- operations */

/* Adds the path to what went wrong. */
static bool fail(GError **error, const char *what, const char *path)
{
    g_prefix_error(error, "%s %s in the guest: ", what, path);
    return false;
}

static bool reader_stat(void *backend, const char *path, bool follow, CcbStat *ret_stat,
                        bool *ret_exists, GError **error)
{
    Reader *r = backend;
    CcbExt4Node node;
    if (!ccb_ext4_find(r->fs, path, follow, &node, ret_exists, error))
        return fail(error, "looking at", path);
    if (*ret_exists)
        *ret_stat = (CcbStat){node.mode, node.uid, node.gid, node.size};
    return true;
}

/* What has to be there; `type`: of st_mode. */
static bool need(Reader *r, const char *path, bool follow, mode_t type, CcbExt4Node *ret_node,
                 GError **error)
{
    bool exists = false;
    if (!ccb_ext4_find(r->fs, path, follow, ret_node, &exists, error))
        return fail(error, "reading", path);
    if (!exists)
        return ccb_fail(error, CCB_ERR_INPUT, "reading %s in the guest: %s", path,
                        g_strerror(ENOENT));
    if ((ret_node->mode & S_IFMT) == type)
        return true;
    return ccb_fail(error, CCB_ERR_INPUT, "%s in the guest is not a %s", path,
                    type == S_IFREG   ? "regular file"
                    : type == S_IFDIR ? "directory"
                                      : "symbolic link");
}

static bool write_piece(void *user, const void *data, uint64_t size, GError **error)
{
    int fd = *(int *)user;
    if (data != NULL)
        return ccb_write_all(fd, data, size, "a copy of a file of the guest", error);
    off_t end = lseek(fd, (off_t)size, SEEK_CUR);
    return (end >= 0 && ftruncate(fd, end) == 0) ||
           ccb_fail_errno(error, CCB_ERR_IO, "making a hole");
}

static bool reader_get(void *backend, const char *path, int fd, GError **error)
{
    Reader *r = backend;
    CcbExt4Node node;
    return need(r, path, true, S_IFREG, &node, error) &&
           (ccb_ext4_read(r->fs, &node, write_piece, &fd, error) || fail(error, "reading", path));
}

static bool digest_piece(void *user, const void *data, uint64_t size, GError **error)
{
    static const char zeros[EDGE];
    if (data != NULL) {
        ccb_digest_update(user, data, size);
        return true;
    }
    for (uint64_t part; size > 0; size -= part) {
        part = MIN(size, sizeof zeros);
        if (ccb_cancel_check(error))
            return false;
        ccb_digest_update(user, zeros, part);
    }
    return true;
}

static char *reader_digest(void *backend, const char *path, GError **error)
{
    Reader *r = backend;
    CcbExt4Node node;
    g_autoptr(CcbDigest) digest = ccb_digest_new();
    if (!need(r, path, true, S_IFREG, &node, error))
        return NULL;
    if (ccb_ext4_read(r->fs, &node, digest_piece, digest, error))
        return ccb_digest_finish(g_steal_pointer(&digest));
    fail(error, "reading", path);
    return NULL;
}

static char *reader_readlink(void *backend, const char *path, GError **error)
{
    Reader *r = backend;
    CcbExt4Node node;
    if (!need(r, path, false, S_IFLNK, &node, error))
        return NULL;
    char *target = ccb_ext4_target(r->fs, &node, error);
    if (target == NULL)
        fail(error, "reading the link", path);
    return target;
}

static char **reader_list(void *backend, const char *path, GError **error)
{
    Reader *r = backend;
    CcbExt4Node node;
    if (!need(r, path, true, S_IFDIR, &node, error))
        return NULL;
    GHashTable *names = ccb_ext4_list(r->fs, &node, error);
    if (names == NULL) {
        fail(error, "listing", path);
        return NULL;
    }
    GHashTableIter iter;
    gpointer name;
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    g_hash_table_iter_init(&iter, names);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_strv_builder_add(list, name);
    return g_strv_builder_end(list);
}

/* Adds what is below a directory; `seen`: inodes of the directories so far, of which a sound file system has each once. */
static bool walk(Reader *r, const CcbExt4Node *directory, const char *prefix, int depth,
                 GHashTable *seen, GPtrArray *entries, GError **error)
{
    if (!g_hash_table_add(seen, GUINT_TO_POINTER(directory->inode)))
        return ccb_fail(error, CCB_ERR_INPUT, "the file system is damaged: %s is there twice",
                        prefix);
    GHashTable *names = ccb_ext4_list(r->fs, directory, error);
    if (names == NULL)
        return false;
    GHashTableIter iter;
    gpointer name, inode;
    g_autoptr(GPtrArray) directories = g_ptr_array_new();
    g_autoptr(GArray) nodes = g_array_new(FALSE, FALSE, sizeof(CcbExt4Node));
    g_hash_table_iter_init(&iter, names);
    while (g_hash_table_iter_next(&iter, &name, &inode)) {
        CcbExt4Node node;
        CcbGuestEntry *entry = g_new0(CcbGuestEntry, 1);
        g_ptr_array_add(entries, entry);
        entry->path = g_strconcat(prefix, name, NULL);
        if (!ccb_ext4_load(r->fs, GPOINTER_TO_UINT(inode), &node, error))
            return false;
        entry->st = (CcbStat){node.mode, node.uid, node.gid, node.size};
        entry->mtime_ns = node.mtime_ns;
        entry->ctime_ns = node.ctime_ns;
        if (S_ISLNK(node.mode) && (entry->target = ccb_ext4_target(r->fs, &node, error)) == NULL)
            return false;
        if (S_ISDIR(node.mode)) {
            g_ptr_array_add(directories, entry);
            g_array_append_val(nodes, node);
        }
    }
    for (guint i = 0; depth > 0 && i < nodes->len; i++) {
        g_autofree char *deeper =
            g_strconcat(((CcbGuestEntry *)directories->pdata[i])->path, "/", NULL);
        if (!walk(r, &g_array_index(nodes, CcbExt4Node, i), deeper, depth - 1, seen, entries,
                  error))
            return false;
    }
    return true;
}

static bool reader_walk(void *backend, const char *path, GPtrArray *entries, GError **error)
{
    Reader *r = backend;
    CcbExt4Node node;
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    return need(r, path, true, S_IFDIR, &node, error) &&
           (walk(r, &node, "", CCB_WALK_DEPTH + 1, seen, entries, error) ||
            fail(error, "listing", path));
}

static bool reader_free_space(void *backend, uint64_t *ret_bytes, GError **error)
{
    *ret_bytes = ccb_ext4_free_bytes(((Reader *)backend)->fs);
    return true;
}

static const CcbDisk *reader_disk(void *backend)
{
    return ((Reader *)backend)->disk;
}

static bool reader_read_disk(void *backend, uint64_t offset, void *buffer, size_t size,
                             GError **error)
{
    return ccb_disk_reader_pread(((Reader *)backend)->file, offset, buffer, size, error);
}

static const CcbGuestOps ops = {
    .name = "reader",
    .stat = reader_stat,
    .get = reader_get,
    .digest = reader_digest,
    .readlink = reader_readlink,
    .list = reader_list,
    .walk = reader_walk,
    .free_space = reader_free_space,
    .disk = reader_disk,
    .read_disk = reader_read_disk,
};

const CcbRemoteBackend ccb_reader = {&ops, prepare, open_image};
