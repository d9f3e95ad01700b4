/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader against the kernel: file systems with each set of features, filled by mke2fs from a tree, and by the kernel
 * where it mounts them; every path, mode, owner, size, time, link and digest is compared.  Then damaged file systems: an
 * error with the path, no crash, no hang.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "guest/backend.h"
#include "guest/rooted.h"
#include "image/ext4.h"

#include "tap.h"

enum { PARTITION = 1 << 20 }; /* where the partition begins */

/* What is hard to read: sizes around those of blocks, inline data, holes, many extents, names and links of all lengths, a
 * directory with an index. */
static const char fill[] =
    "set -e; mkdir -p etc usr/lib/deep/er srv empty; echo ID=test >usr/lib/os-release;"
    "ln -s ../usr/lib/os-release etc/os-release; ln -s usr/lib lib; ln -s /usr/lib/../lib/deep abs;"
    "for n in 0 1 59 60 61 100 156 160 161 1023 1024 1025 4095 4096 4097 65535 65536 70000 "
    "3000000; do"
    "  head -c $n /dev/urandom >srv/size-$n; done;"
    "dd if=/dev/urandom of=srv/sparse bs=1k count=3 seek=5000 status=none;"
    "truncate -s 5m srv/hole; [ $type != ext4 ] || truncate -s 3t srv/large;"
    "cp --sparse=always ../pieces srv/pieces;"
    "for n in 1 58 59 60 61 200 1000; do"
    "  ln -s $(head -c $n /dev/zero | tr '\\0' x) srv/link-$n; done;"
    "echo long >srv/$(head -c 255 /dev/zero | tr '\\0' n); echo \"n l\" >\"srv/new\nline "
    "\xc3\xa9\";"
    "mkdir srv/many; cd srv/many; seq -f %.0f-name-that-takes-some-room 1 1200 | xargs touch; cd "
    "../..;"
    "ln srv/size-4096 srv/hard; mkfifo srv/fifo; chmod 4711 srv/size-1; chmod 1777 empty;"
    "touch -d '1931-02-03 04:05:06' srv/size-59; touch -d '2110-02-03 04:05:06' srv/size-60";

/* What only a kernel does to a file system. */
static const char fill_as_root[] =
    "fallocate -l 1m srv/preallocated || [ $type != ext4 ]; echo begin | dd of=srv/preallocated "
    "conv=notrunc "
    "status=none;"
    "truncate -s 9m srv/sparse; mknod srv/null c 1 3; chown 70000:80000 srv/size-100; setfattr -n "
    "user.a -v b srv/size-100;"
    "for i in $(seq 1 3 1000); do rm srv/many/$i-name-that-takes-some-room; done";

static bool sh(const char *format, ...) G_GNUC_PRINTF(1, 2);

static bool sh(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *command = g_strdup_vprintf(format, args);
    va_end(args);
    int status = 0;
    const char *argv[] = {"sh", "-c", command, NULL};
    g_autofree char *said = NULL;
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                 NULL, NULL, &said, &status, NULL);
    if (status != 0)
        printf("# %.200s...: %s\n", command, said);
    return status == 0;
}

static CcbGuest *open_image(const char *path, GError **error)
{
    const CcbGuestOptions options = {.image = path,
                                     .format = "raw",
                                     .backend = CCB_BACKEND_READER,
                                     .read_only = true,
                                     .unclean = true,
                                     .log_fd = -1};
    return ccb_guest_open(&options, error);
}

/* All that is known of an entry, as one line; caller frees.  mke2fs -d keeps 32 bits of the time. */
static char *describe(const CcbGuestEntry *e, const char *digest, bool with_times)
{
    bool sized = S_ISREG(e->st.mode) || S_ISLNK(e->st.mode);
    return g_strdup_printf("%s %o %u:%u %lu %ld %ld %s %s", e->path, e->st.mode, e->st.uid,
                           e->st.gid, sized ? (unsigned long)e->st.size : 0,
                           with_times ? (long)e->mtime_ns
                                      : (long)(uint32_t)(e->mtime_ns / 1000000000),
                           with_times ? (long)e->ctime_ns : 0, e->target ? e->target : "-", digest);
}

enum { DIGEST_MAX = 64 << 20 };

/* Compares what the reader sees with what is below the directory `root`; with_times: also to the nanosecond. */
static void compare(const char *image, const char *root, bool with_times, const char *what)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CcbGuest) guest = open_image(image, &error);
    ccb_autofd int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(GPtrArray) expected = ccb_guest_entries_new();
    g_autoptr(GPtrArray) got = guest ? ccb_guest_walk(guest, "/", &error) : NULL;
    int different = 0, compared = 0;
    if (!ok(got != NULL && ccb_rooted_walk(&fd, "/", expected, &error), what)) {
        printf("# %s\n", error ? error->message : "?");
        return;
    }
    g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < got->len; i++)
        g_hash_table_insert(paths, ((CcbGuestEntry *)got->pdata[i])->path, got->pdata[i]);
    for (guint i = 0; i < expected->len; i++) {
        const CcbGuestEntry *e = expected->pdata[i], *g = g_hash_table_lookup(paths, e->path);
        g_autofree char *path = g_strconcat("/", e->path, NULL), *a = NULL, *b = NULL;
        g_autofree char *digest_a = NULL, *digest_b = NULL;
        bool has_digest = S_ISREG(e->st.mode) && e->st.size <= DIGEST_MAX;
        if (has_digest && g != NULL) {
            digest_a = ccb_guest_digest(guest, path, NULL);
            digest_b = ccb_rooted_digest(&fd, path, NULL);
        }
        a = g != NULL ? describe(g, digest_a, with_times) : g_strdup("missing");
        b = describe(e, digest_b, with_times);
        compared++;
        if (strcmp(a, b) != 0 && different++ < 5)
            printf("# reader: %s\n# kernel: %s\n", a, b);
    }
    is_int(different, 0, "... all that is there is the same");
    g_hash_table_remove(paths, "lost+found");
    is_int((int)g_hash_table_size(paths), compared - (access("mnt/lost+found", F_OK) == 0),
           "... and nothing else is there");
}

static bool make_disk(const char *options, int mib, const char *from)
{
    return sh("rm -f disk.img; truncate -s %dm disk.img;"
              "echo 'label: gpt\nstart=1MiB,type=linux' | sfdisk -q disk.img;"
              "mke2fs -q -F %s %s%s -E offset=%d%s disk.img %dm",
              mib + 2, options, from ? "-d " : "", from ? from : "", PARTITION,
              strstr(options, "casefold") ? ",encoding=utf8" : "", mib);
}

static void compare_space(const char *image)
{
    g_autoptr(CcbGuest) guest = open_image(image, NULL);
    struct statvfs fs;
    uint64_t bytes = 0;
    ok(guest != NULL && ccb_guest_free_space(guest, &bytes, NULL) && statvfs("mnt", &fs) == 0,
       "... its free space");
    is_int((long long)bytes, (long long)(fs.f_bavail * fs.f_frsize), "... is what the kernel says");
}

static void test_trees(void)
{
    enum { MIB = 190 };
    static const char *const sets[] = {
        "-t ext2 -b 1024",
        "-t ext2 -b 4096 -I 128",
        "-t ext3 -b 2048",
        "-t ext4 -b 1024",
        "-t ext4 -b 2048 -O metadata_csum_seed",
        "-t ext4 -b 4096",
        "-t ext4 -b 4096 -O ^metadata_csum,^64bit,^flex_bg",
        "-t ext4 -b 4096 -O inline_data -I 256",
        "-t ext4 -b 1024 -O inline_data,ea_inode,large_dir -I 512",
        "-t ext4 -b 4096 -O casefold",
        "-t ext4 -b 4096 -O bigalloc -C 16384",
        "-t ext4 -b 4096 -O orphan_file,sparse_super2,^resize_inode",
        "-t ext4 -b 1024 -O meta_bg,^resize_inode,quota,project",
        "-t ext4 -b 4096 -O mmp,verity,stable_inodes",
    };
    char last[sizeof "ext4"] = "";
    ok(sh("mkdir mnt; (for i in $(seq 150); do head -c 1k /dev/urandom; head -c 7k /dev/zero; "
          "done; "
          "echo end) >pieces"),
       "many pieces");
    for (size_t i = 0; i < G_N_ELEMENTS(sets); i++) {
        char type[sizeof last];
        g_strlcpy(type, sets[i] + strlen("-t "), sizeof type);
        g_autofree char *made = g_strconcat("mke2fs -d, ", sets[i], NULL);
        g_autofree char *written = g_strconcat("the kernel, ", sets[i], NULL);
        if (strcmp(type, last) != 0)
            ok(sh("rm -rf tree; mkdir tree; cd tree; type=%s; %s", type, fill), "a tree");
        g_strlcpy(last, type, sizeof last);
        if (ok(make_disk(sets[i], MIB, "tree"), made))
            compare("disk.img", "tree", false, "... is read");
        if (strstr(sets[i], "casefold") || strstr(sets[i], "quota"))
            continue; /* not every kernel mounts them */
        if (!ok(make_disk(sets[i], MIB, NULL) &&
                    sh("mount -o loop,offset=%d disk.img mnt", PARTITION),
                "the kernel mounts it"))
            continue;
        ok(sh("cd mnt; type=%s; %s; %s", type, fill, fill_as_root), written);
        ok(sh("umount mnt; mount -o loop,offset=%d,ro disk.img mnt", PARTITION), "... again");
        compare("disk.img", "mnt", true, "... is read");
        compare_space("disk.img");
        sh("umount mnt");
    }
}

/* --- damage */

typedef struct {
    const char *data;
    gsize size;
} Image;

static bool read_image(void *data, uint64_t offset, void *buffer, size_t size, GError **error)
{
    const Image *image = data;
    if (PARTITION + offset + size > image->size)
        return ccb_fail(error, CCB_ERR_INPUT, "the end");
    memcpy(buffer, image->data + PARTITION + offset, size);
    return true;
}

static bool ignore(void *user, const void *data, uint64_t size, GError **error)
{
    *(guint64 *)user += data != NULL ? *(const guint8 *)data : size;
    return true;
}

/* Reads all that is below the directory. */
static bool read_below(CcbExt4 *fs, const CcbExt4Node *directory, GHashTable *seen, GError **error)
{
    guint64 sum = 0;
    GHashTable *names = ccb_ext4_list(fs, directory, error);
    g_autoptr(GList) inodes = names != NULL ? g_hash_table_get_values(names) : NULL;
    if (names == NULL)
        return false;
    for (GList *at = inodes; at != NULL; at = at->next) {
        CcbExt4Node node;
        if (!g_hash_table_add(seen, at->data))
            continue;
        if (!ccb_ext4_load(fs, GPOINTER_TO_UINT(at->data), &node, error))
            return false;
        g_autofree char *target = NULL;
        if (S_ISLNK(node.mode) && (target = ccb_ext4_target(fs, &node, error)) == NULL)
            return false;
        if ((S_ISREG(node.mode) && !ccb_ext4_read(fs, &node, ignore, &sum, error)) ||
            (S_ISDIR(node.mode) && !read_below(fs, &node, seen, error)))
            return false;
    }
    return true;
}

static bool read_all(Image *image, GError **error)
{
    CcbExt4Node root;
    bool exists = false;
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(CcbExt4) fs = ccb_ext4_open(read_image, image, image->size - PARTITION, error);
    return fs != NULL && ccb_ext4_find(fs, "/", true, &root, &exists, error) &&
           S_ISDIR(root.mode) && read_below(fs, &root, seen, error);
}

/* Whether the process that reads it answers, and does not die of it. */
static bool is_answered(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CcbGuest) guest = open_image(path, &error);
    g_autoptr(GPtrArray) entries = guest ? ccb_guest_walk(guest, "/", &error) : NULL;
    if (entries == NULL && error != NULL && strstr(error->message, "the process that reads"))
        printf("# %s\n", error->message);
    return entries != NULL ||
           (error != NULL && strstr(error->message, "the process that reads") == NULL);
}

enum { LIMIT_S = 20, MOST = 24 };

static void test_damage(const char *options, int rounds)
{
    static const char small[] =
        "set -e; mkdir -p small/etc small/a/b/c; echo ID=t >small/etc/os-release; cd small/a;"
        "for i in $(seq 1 60); do echo $i >b/name-$i; ln -s $(head -c $i /dev/zero | tr '\\0' y) "
        "b/c/l$i; done; for i in $(seq 0 30); do dd if=/dev/urandom of=p bs=1k count=1 "
        "seek=$((i * 8)) conv=notrunc status=none; done; head -c 200000 /dev/urandom >r";
    if (!ok(sh("rm -rf small; %s", small) && make_disk(options, 3, "small"), options))
        return;
    enum { SHOWN_TO_PROCESS = 20 };
    g_autofree char *data = NULL;
    Image image = {0};
    g_file_get_contents("disk.img", &data, &image.size, NULL);
    image.data = data;
    g_autofree char *right = g_memdup2(data, image.size);
    ok(read_all(&image, NULL), "... is read whole");
    g_autoptr(GRand) random = g_rand_new_with_seed(19);
    int refused = 0, unanswered = 0, silent = 0;
    for (int round = 0; round < rounds; round++) {
        GError *error = NULL;
        for (int i = g_rand_int_range(random, 1, MOST); i > 0; i--) {
            /* Most of it where all the rest depends on. */
            gint32 end = i % 4 ? PARTITION + (100 << 10) : (gint32)image.size;
            data[g_rand_int_range(random, PARTITION + 1024, end)] =
                (char)g_rand_int_range(random, 0, 256);
        }
        alarm(LIMIT_S); /* a hang ends the test */
        if (!read_all(&image, &error))
            refused++;
        silent += error != NULL && error->message[0] == '\0';
        g_clear_error(&error);
        if (round % (rounds / SHOWN_TO_PROCESS) == 0) {
            g_file_set_contents("damaged.img", data, (gssize)image.size, NULL);
            unanswered += !is_answered("damaged.img");
        }
        alarm(0);
        memcpy(data, right, image.size);
    }
    printf("# %d of %d refused\n", refused, rounds);
    ok(refused > 0, "... damaged: refused, or read, and nothing worse");
    is_int(silent, 0, "... with a reason");
    is_int(unanswered, 0, "... by the process, too");
}

int main(void)
{
    g_autofree char *dir = g_dir_make_tmp("ccbake-reader-XXXXXX", NULL);
    if (dir == NULL || chdir(dir) != 0)
        return 99;
    if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0)
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    test_trees();
    test_damage("-t ext4 -b 1024 -O ^metadata_csum,^has_journal,inline_data -N 300", 500);
    test_damage("-t ext4 -b 1024 -O metadata_csum,^has_journal -N 300", 500);
    test_damage("-t ext2 -b 1024 -N 300", 500);
    test_damage("-t ext4 -b 4096 -O ^metadata_csum,^has_journal,ea_inode -N 300", 500);
    if (chdir("/") != 0 || !ccb_remove_tree(dir, NULL))
        return 99;
    return done();
}
