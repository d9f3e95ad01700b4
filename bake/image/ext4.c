/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/ext4.h"

#include <ext2fs/ext2fs.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/quantity.h"

enum {
    SUPERBLOCK = 1024,  /* where it is, and its size */
    LINKS_MAX = 40,     /* of a path, as Linux has it */
    TARGET_MAX = 4095,  /* bytes of a link's target, as Linux has it */
    NAMES_MAX = 200000, /* names of directories that are kept */
    PIECE = 1 << 20,    /* bytes that are read of a file at a time */
};

struct CcbExt4 {
    CcbReadFunc read;
    void *data;
    uint64_t size;
    ext2_filsys fs;
    GError *reason;          /* why the last read failed */
    GHashTable *directories; /* inode to a GHashTable: name to inode */
    guint names;             /* in all of them */
    uint8_t *piece;          /* PIECE bytes, for the content of files */
};

/* --- what libext2fs reads from */

static _Thread_local CcbExt4 *opening; /* for io_open(), which gets nothing but a name */

static errcode_t io_open(const char *name, int flags, io_channel *ret_channel);

static errcode_t io_close(io_channel channel)
{
    if (--channel->refcount > 0)
        return 0;
    free(channel->name);
    free(channel);
    return 0;
}

static errcode_t io_set_blksize(io_channel channel, int size)
{
    channel->block_size = size;
    return 0;
}

static errcode_t io_read64(io_channel channel, unsigned long long block, int count, void *data)
{
    CcbExt4 *fs = channel->private_data;
    uint64_t size = count < 0 ? (uint64_t)-count : (uint64_t)count * (uint64_t)channel->block_size;
    uint64_t offset = block * (uint64_t)channel->block_size;
    if (block > fs->size / (uint64_t)channel->block_size || size > fs->size - offset)
        return EXT2_ET_SHORT_READ;
    g_clear_error(&fs->reason);
    return fs->read(fs->data, offset, data, (size_t)size, &fs->reason) ? 0 : EXT2_ET_SHORT_READ;
}

static errcode_t io_read(io_channel channel, unsigned long block, int count, void *data)
{
    return io_read64(channel, block, count, data);
}

static errcode_t io_write(io_channel channel, unsigned long block, int count, const void *data)
{
    return EXT2_ET_RO_FILSYS;
}

static errcode_t io_flush(io_channel channel)
{
    return 0;
}

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "ccbake",
    .open = io_open,
    .close = io_close,
    .set_blksize = io_set_blksize,
    .read_blk = io_read,
    .read_blk64 = io_read64,
    .write_blk = io_write,
    .flush = io_flush,
};

static errcode_t io_open(const char *name, int flags, io_channel *ret_channel)
{
    io_channel channel = calloc(1, sizeof *channel); /* libext2fs frees with free(3) */
    if (channel == NULL)
        return EXT2_ET_NO_MEMORY;
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = &manager;
    channel->name = strdup(name);
    channel->block_size = SUPERBLOCK;
    channel->refcount = 1;
    channel->private_data = opening;
    *ret_channel = channel;
    return 0;
}

/* --- opening */

static bool fail(CcbExt4 *fs, errcode_t code, GError **error, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* The reason is that of the disk below, where it has one. */
static bool fail(CcbExt4 *fs, errcode_t code, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    if (code == EXT2_ET_SHORT_READ && fs->reason != NULL) {
        g_propagate_prefixed_error(error, g_steal_pointer(&fs->reason), "%s: ", what);
        return false;
    }
    return ccb_fail(error, code == EXT2_ET_NO_MEMORY ? CCB_ERR_HOST : CCB_ERR_INPUT, "%s: %s", what,
                    error_message(code));
}

static bool fail_corrupt(GError **error, uint32_t inode, const char *what)
{
    return ccb_fail(error, CCB_ERR_INPUT, "the file system is damaged: inode %u: %s", inode, what);
}

/* Before libext2fs reserves memory for as many groups as the superblock claims. */
static bool check_size(CcbExt4 *fs, GError **error)
{
    struct ext2_super_block super;
    G_STATIC_ASSERT(sizeof super == SUPERBLOCK);
    if (fs->size < 2 * SUPERBLOCK)
        return ccb_fail(error, CCB_ERR_INPUT, "no room for a file system");
    if (!fs->read(fs->data, SUPERBLOCK, &super, sizeof super, error))
        return false;
    uint64_t blocks = GUINT32_FROM_LE(super.s_blocks_count);
    if (GUINT32_FROM_LE(super.s_feature_incompat) & EXT4_FEATURE_INCOMPAT_64BIT)
        blocks |= (uint64_t)GUINT32_FROM_LE(super.s_blocks_count_hi) << 32;
    uint32_t shift = GUINT32_FROM_LE(super.s_log_block_size) + EXT2_MIN_BLOCK_LOG_SIZE;
    if (shift <= EXT2_MAX_BLOCK_LOG_SIZE && blocks > fs->size >> shift)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "the file system is larger than its partition: %" G_GUINT64_FORMAT
                        " blocks of %u bytes in %" G_GUINT64_FORMAT " bytes",
                        blocks, 1u << shift, fs->size);
    return true;
}

CcbExt4 *ccb_ext4_open(CcbReadFunc read, void *data, uint64_t size, GError **error)
{
    initialize_ext2_error_table();
    g_autoptr(CcbExt4) fs = g_new0(CcbExt4, 1);
    fs->read = read;
    fs->data = data;
    fs->size = size;
    fs->piece = g_malloc(PIECE);
    fs->directories = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_hash_table_unref);
    if (!check_size(fs, error))
        return NULL;
    opening = fs;
    errcode_t code = ext2fs_open2("", NULL, EXT2_FLAG_64BITS, 0, 0, &manager, &fs->fs);
    if (code == 0)
        return g_steal_pointer(&fs);
    fs->fs = NULL;
    fail(fs, code, error, "opening the file system");
    return NULL;
}

void ccb_ext4_free(CcbExt4 *fs)
{
    if (fs == NULL)
        return;
    if (fs->fs != NULL)
        ext2fs_free(fs->fs);
    g_clear_error(&fs->reason);
    g_hash_table_unref(fs->directories);
    g_free(fs->piece);
    g_free(fs);
}

/* fs/ext4/super.c: ext4_statfs(), and what ext4_calculate_resv_clusters() keeps back for late allocations. */
uint64_t ccb_ext4_free_bytes(const CcbExt4 *fs)
{
    enum { RESERVED_SHARE = 50, RESERVED_MAX = 4096 };
    struct ext2_super_block *super = fs->fs->super;
    uint64_t blocks = ext2fs_blocks_count(super), free = ext2fs_free_blocks_count(super);
    uint64_t kept = ext2fs_r_blocks_count(super);
    uint64_t per_cluster = (uint64_t)EXT2FS_CLUSTER_RATIO(fs->fs);
    if (ext2fs_has_feature_extents(super))
        kept += MIN(blocks / per_cluster / RESERVED_SHARE, RESERVED_MAX) * per_cluster;
    return free > kept ? (free - kept) * fs->fs->blocksize : 0;
}

/* --- inodes */

/* Documentation/filesystems/ext4/inodes.rst, "Inode Timestamps". */
static int64_t nanoseconds(uint32_t seconds, uint32_t extra)
{
    int64_t whole = (int32_t)seconds + ((int64_t)(extra & EXT4_EPOCH_MASK) << 32);
    return ccb_nanoseconds(whole, extra >> EXT4_EPOCH_BITS);
}

static bool read_inode(CcbExt4 *fs, uint32_t number, struct ext2_inode_large *ret, GError **error)
{
    memset(ret, 0, sizeof *ret);
    errcode_t code = ext2fs_read_inode_full(fs->fs, number, (struct ext2_inode *)ret, sizeof *ret);
    return code == 0 || fail(fs, code, error, "inode %u", number);
}

bool ccb_ext4_load(CcbExt4 *fs, uint32_t number, CcbExt4Node *ret_node, GError **error)
{
    struct ext2_inode_large inode;
    if (!read_inode(fs, number, &inode, error))
        return false;
    if (inode.i_mode == 0)
        return fail_corrupt(error, number, "it has a name, and is deleted");
    size_t has = EXT2_GOOD_OLD_INODE_SIZE;
    if (EXT2_INODE_SIZE(fs->fs->super) > has)
        has += inode.i_extra_isize;
    bool ctime = inode_includes(has, i_ctime_extra), mtime = inode_includes(has, i_mtime_extra);
    *ret_node = (CcbExt4Node){
        .inode = number,
        .mode = inode.i_mode,
        .uid = inode_uid(inode),
        .gid = inode_gid(inode),
        .size = EXT2_I_SIZE(&inode),
        .mtime_ns = nanoseconds(inode.i_mtime, mtime ? inode.i_mtime_extra : 0),
        .ctime_ns = nanoseconds(inode.i_ctime, ctime ? inode.i_ctime_extra : 0),
    };
    return true;
}

/* --- content */

typedef struct {
    CcbExt4 *fs;
    uint32_t inode;
    CcbExt4Sink sink;
    void *user;
    uint64_t size, done; /* bytes of the file; of these the sink has */
    uint64_t run,
        blocks; /* the blocks that follow each other, and are read next: the first one, how many */
    GError **error;
    bool failed;
} Stream;

static bool send_zeros(Stream *s, uint64_t end)
{
    end = MIN(end, s->size);
    if (end <= s->done)
        return true;
    uint64_t size = end - s->done;
    s->done = end;
    return s->sink(s->user, NULL, size, s->error);
}

/* Sends the blocks of the run, or what the file has of them. */
static bool send_run(Stream *s)
{
    uint64_t block_size = s->fs->fs->blocksize;
    while (s->blocks > 0 && s->done < s->size) {
        uint64_t blocks = MIN(s->blocks, PIECE / block_size);
        uint64_t size = MIN(blocks * block_size, s->size - s->done);
        errcode_t code = io_channel_read_blk64(s->fs->fs->io, s->run, (int)blocks, s->fs->piece);
        if (code != 0)
            return fail(s->fs, code, s->error, "blocks of inode %u", s->inode);
        if (ccb_cancel_check(s->error) || !s->sink(s->user, s->fs->piece, size, s->error))
            return false;
        s->done += size;
        s->run += blocks;
        s->blocks -= blocks;
    }
    s->blocks = 0;
    return true;
}

/* Adds `count` blocks at block `at` of the disk, which are those from `index` on of the file. */
static bool add_blocks(Stream *s, uint64_t index, uint64_t at, uint64_t count)
{
    uint64_t offset = index * s->fs->fs->blocksize;
    uint64_t expected = s->done + s->blocks * s->fs->fs->blocksize;
    if (offset < expected)
        return fail_corrupt(s->error, s->inode, "its blocks overlap");
    if (s->blocks > 0 && offset == expected && at == s->run + s->blocks) {
        s->blocks += count;
        return true;
    }
    if (!send_run(s) || !send_zeros(s, offset))
        return false;
    s->run = at;
    s->blocks = s->done < s->size ? count : 0;
    return true;
}

static bool read_extents(Stream *s, struct ext2_inode_large *inode)
{
    ext2_extent_handle_t handle;
    struct ext2fs_extent extent;
    bool ok = true;
    errcode_t code = ext2fs_extent_open2(s->fs->fs, s->inode, (struct ext2_inode *)inode, &handle);
    if (code != 0)
        return fail(s->fs, code, s->error, "extents of inode %u", s->inode);
    for (int where = EXT2_EXTENT_ROOT; ok; where = EXT2_EXTENT_NEXT) {
        code = ext2fs_extent_get(handle, where, &extent);
        if (code != 0)
            break;
        if ((extent.e_flags & EXT2_EXTENT_FLAGS_LEAF) &&
            !(extent.e_flags & (EXT2_EXTENT_FLAGS_UNINIT | EXT2_EXTENT_FLAGS_SECOND_VISIT)))
            ok = add_blocks(s, extent.e_lblk, extent.e_pblk, extent.e_len);
    }
    ext2fs_extent_free(handle);
    if (!ok)
        return false;
    return code == EXT2_ET_EXTENT_NO_NEXT ||
           fail(s->fs, code, s->error, "extents of inode %u", s->inode);
}

static int take_block(ext2_filsys fs, blk64_t *block, e2_blkcnt_t index, blk64_t ref, int offset,
                      void *data)
{
    Stream *s = data;
    s->failed = !add_blocks(s, (uint64_t)index, *block, 1);
    return s->failed ? BLOCK_ABORT : 0;
}

static bool read_blocks(Stream *s)
{
    errcode_t code = ext2fs_block_iterate3(
        s->fs->fs, s->inode, BLOCK_FLAG_READ_ONLY | BLOCK_FLAG_DATA_ONLY, NULL, take_block, s);
    return !s->failed && (code == 0 || fail(s->fs, code, s->error, "blocks of inode %u", s->inode));
}

static bool read_inline(Stream *s, struct ext2_inode_large *inode)
{
    size_t size = 0;
    errcode_t code = ext2fs_inline_data_size(s->fs->fs, s->inode, &size);
    g_autofree char *data = g_malloc0(size + 1);
    if (code == 0)
        code = ext2fs_inline_data_get(s->fs->fs, s->inode, (struct ext2_inode *)inode, data, &size);
    if (code != 0)
        return fail(s->fs, code, s->error, "data in inode %u", s->inode);
    s->done = MIN(size, s->size);
    return s->done == 0 || s->sink(s->user, data, s->done, s->error);
}

bool ccb_ext4_read(CcbExt4 *fs, const CcbExt4Node *node, CcbExt4Sink sink, void *user,
                   GError **error)
{
    struct ext2_inode_large inode;
    Stream s = {.fs = fs,
                .inode = node->inode,
                .sink = sink,
                .user = user,
                .size = node->size,
                .error = error};
    if (!read_inode(fs, node->inode, &inode, error))
        return false;
    if (inode.i_flags & EXT4_ENCRYPT_FL)
        return ccb_fail(error, CCB_ERR_INPUT, "it is encrypted");
    bool ok = inode.i_flags & EXT4_INLINE_DATA_FL ? read_inline(&s, &inode)
              : inode.i_flags & EXT4_EXTENTS_FL   ? read_extents(&s, &inode)
                                                  : read_blocks(&s);
    return ok && send_run(&s) && send_zeros(&s, s.size);
}

static bool append(void *user, const void *data, uint64_t size, GError **error)
{
    GString *text = user;
    if (data == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "a link's target has a hole");
    g_string_append_len(text, data, (gssize)size);
    return true;
}

char *ccb_ext4_target(CcbExt4 *fs, const CcbExt4Node *node, GError **error)
{
    struct ext2_inode_large inode;
    g_autoptr(GString) text = g_string_new(NULL);
    if (node->size > TARGET_MAX) {
        fail_corrupt(error, node->inode, "a link's target is too long");
        return NULL;
    }
    if (!read_inode(fs, node->inode, &inode, error))
        return NULL;
    if (ext2fs_is_fast_symlink((struct ext2_inode *)&inode))
        g_string_append_len(text, (const char *)inode.i_block,
                            (gssize)MIN(node->size, sizeof inode.i_block));
    else if (!ccb_ext4_read(fs, node, append, text, error))
        return NULL;
    return g_strndup(text->str, text->len);
}

/* --- directories */

typedef struct {
    GHashTable *names;
    bool is_damaged;
} Listing;

static int take_name(ext2_ino_t directory, int entry, struct ext2_dir_entry *found, int offset,
                     int block_size, char *block, void *data)
{
    Listing *listing = data;
    size_t length = (size_t)ext2fs_dirent_name_len(found);
    const char *name = found->name;
    if (entry == DIRENT_DOT_FILE || entry == DIRENT_DOT_DOT_FILE ||
        (length == 1 && name[0] == '.') || (length == 2 && memcmp(name, "..", 2) == 0))
        return 0;
    if (length == 0 || memchr(name, '/', length) != NULL || memchr(name, '\0', length) != NULL) {
        listing->is_damaged = true;
        return DIRENT_ABORT;
    }
    g_hash_table_insert(listing->names, g_strndup(name, length), GUINT_TO_POINTER(found->inode));
    return 0;
}

GHashTable *ccb_ext4_list(CcbExt4 *fs, const CcbExt4Node *node, GError **error)
{
    GHashTable *kept = g_hash_table_lookup(fs->directories, GUINT_TO_POINTER(node->inode));
    if (kept != NULL)
        return kept;
    Listing listing = {.names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    errcode_t code = ext2fs_dir_iterate2(fs->fs, node->inode, 0, NULL, take_name, &listing);
    if (code != 0 || listing.is_damaged) {
        g_hash_table_unref(listing.names);
        if (code != 0)
            fail(fs, code, error, "directory, inode %u", node->inode);
        else
            fail_corrupt(error, node->inode, "a name in the directory is no name");
        return NULL;
    }
    if (fs->names > NAMES_MAX) {
        g_hash_table_remove_all(fs->directories);
        fs->names = 0;
    }
    fs->names += g_hash_table_size(listing.names);
    g_hash_table_insert(fs->directories, GUINT_TO_POINTER(node->inode), listing.names);
    return listing.names;
}

/* Puts the names of `path` before those that are still to be walked. */
static void push_names(GQueue *names, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (guint i = g_strv_length(parts); i > 0; i--)
        if (parts[i - 1][0] != '\0' && strcmp(parts[i - 1], ".") != 0)
            g_queue_push_head(names, g_strdup(parts[i - 1]));
}

/* Goes from the last directory of `way` along the names; what is there at the end is added to the way, whose root stays.
 * *ret_exists: whether something is. */
static bool walk_names(CcbExt4 *fs, GQueue *names, GArray *way, bool follow, bool *ret_exists,
                       GError **error)
{
    int links = 0;
    for (*ret_exists = true; !g_queue_is_empty(names);) {
        g_autofree char *name = g_queue_pop_head(names);
        const CcbExt4Node at = g_array_index(way, CcbExt4Node, way->len - 1);
        CcbExt4Node next;
        *ret_exists = S_ISDIR(at.mode);
        if (!*ret_exists)
            return true;
        if (strcmp(name, "..") == 0) {
            g_array_set_size(way, MAX(way->len - 1, 1));
            continue;
        }
        GHashTable *directory = ccb_ext4_list(fs, &at, error);
        if (directory == NULL)
            return false;
        gpointer inode = g_hash_table_lookup(directory, name);
        *ret_exists = inode != NULL;
        if (inode == NULL)
            return true;
        if (!ccb_ext4_load(fs, GPOINTER_TO_UINT(inode), &next, error))
            return false;
        if (!S_ISLNK(next.mode) || (g_queue_is_empty(names) && !follow)) {
            g_array_append_val(way, next);
            continue;
        }
        if (++links > LINKS_MAX)
            return ccb_fail(error, CCB_ERR_INPUT, "too many levels of symbolic links");
        g_autofree char *target = ccb_ext4_target(fs, &next, error);
        if (target == NULL)
            return false;
        if (target[0] == '/')
            g_array_set_size(way, 1);
        push_names(names, target);
    }
    return true;
}

bool ccb_ext4_find(CcbExt4 *fs, const char *path, bool follow, CcbExt4Node *ret_node,
                   bool *ret_exists, GError **error)
{
    CcbExt4Node root;
    GQueue names = G_QUEUE_INIT;
    if (!ccb_ext4_load(fs, EXT2_ROOT_INO, &root, error))
        return false;
    g_autoptr(GArray) way = g_array_new(FALSE, FALSE, sizeof root);
    g_array_append_val(way, root);
    push_names(&names, path);
    bool ok = walk_names(fs, &names, way, follow, ret_exists, error);
    g_queue_clear_full(&names, g_free);
    if (ok && *ret_exists)
        *ret_node = g_array_index(way, CcbExt4Node, way->len - 1);
    return ok;
}
