/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <archive.h>
#include <archive_entry.h>
#include <glib/gstdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/initramfs.h"
#include "tap.h"

typedef int (*Filter)(struct archive *);

static void write_entry(struct archive *archive, const char *path, mode_t mode, const char *content)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_mode(entry, mode);
    archive_entry_set_nlink(entry, 1);
    archive_entry_set_size(entry, S_ISREG(mode) ? (la_int64_t)strlen(content) : 0);
    if (S_ISLNK(mode))
        archive_entry_set_symlink(entry, content);
    archive_write_header(archive, entry);
    if (S_ISREG(mode))
        archive_write_data(archive, content, strlen(content));
    archive_entry_free(entry);
}

/* A cpio archive of a directory, a file and a symlink whose names end in `tag`. */
static GByteArray *make_cpio(const char *tag, Filter filter)
{
    gsize capacity = 1 << 20, used = 0;
    GByteArray *bytes = g_byte_array_new();
    g_byte_array_set_size(bytes, (guint)capacity);
    struct archive *archive = archive_write_new();
    archive_write_set_format_cpio_newc(archive);
    filter(archive);
    archive_write_set_bytes_in_last_block(archive, 1);
    archive_write_open_memory(archive, bytes->data, capacity, &used);
    g_autofree char *directory = g_strconcat("./usr/", tag, NULL);
    g_autofree char *file = g_strconcat("usr/", tag, "/f.ko", NULL);
    g_autofree char *link = g_strconcat("lib-", tag, NULL);
    g_autofree char *content = g_strconcat("content of ", tag, NULL);
    write_entry(archive, ".", S_IFDIR | 0755, "");
    write_entry(archive, directory, S_IFDIR | 0755, "");
    write_entry(archive, file, S_IFREG | 0640, content);
    write_entry(archive, link, S_IFLNK | 0777, "usr/lib");
    archive_write_close(archive);
    archive_write_free(archive);
    g_byte_array_set_size(bytes, (guint)used);
    return bytes;
}

static int lz4_legacy(struct archive *archive)
{
    return archive_write_add_filter_none(archive);
}

/* An incompressible-looking legacy lz4 stream: one block of literals only. */
static GByteArray *wrap_lz4_legacy(const GByteArray *plain)
{
    GByteArray *block = g_byte_array_new();
    guint literals = plain->len;
    guint8 token = 0xf0;
    g_byte_array_append(block, &token, 1);
    for (guint rest = literals - 15;; rest -= 255) {
        guint8 byte = (guint8)MIN(rest, 255u);
        g_byte_array_append(block, &byte, 1);
        if (rest < 255)
            break;
    }
    g_byte_array_append(block, plain->data, literals);
    GByteArray *bytes = g_byte_array_new();
    guint32 size = GUINT32_TO_LE(block->len);
    g_byte_array_append(bytes, (const guint8 *)"\x02\x21\x4c\x18", 4);
    g_byte_array_append(bytes, (const guint8 *)&size, 4);
    g_byte_array_append(bytes, block->data, block->len);
    g_byte_array_unref(block);
    return bytes;
}

static GByteArray *make(const char *tag, Filter filter)
{
    GByteArray *cpio = make_cpio(tag, filter);
    if (filter != lz4_legacy)
        return cpio;
    GByteArray *wrapped = wrap_lz4_legacy(cpio);
    g_byte_array_unref(cpio);
    return wrapped;
}

static void append(GByteArray *image, GByteArray *part, guint padding)
{
    static const guint8 zeros[1024];
    g_byte_array_append(image, part->data, part->len);
    g_byte_array_append(image, zeros, padding);
    g_byte_array_unref(part);
}

static bool want(const char *path, void *user)
{
    return g_str_has_suffix(path, ".ko");
}

static bool note(const CcbInitramfsEntry *entry, const void *data, void *user, GError **error)
{
    g_string_append_printf(user, "%s %o", entry->path, entry->mode);
    if (data != NULL)
        g_string_append_printf(user, " [%.*s]", (int)entry->size, (const char *)data);
    if (entry->target != NULL)
        g_string_append_printf(user, " -> %s", entry->target);
    g_string_append_c(user, '\n');
    return true;
}

static char *listing(const char *tag)
{
    return g_strdup_printf(" 40755\nusr/%s 40755\nusr/%s/f.ko 100640 [content of %s]\n"
                           "lib-%s 120777 -> usr/lib\n",
                           tag, tag, tag, tag);
}

static void is_listing(const GByteArray *image, const char *expected, const char *what)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    GError *error = NULL;
    if (!ccb_initramfs_walk(image->data, image->len, want, note, seen, &error)) {
        printf("# %s\n", error->message);
        g_error_free(error);
    }
    is_str(seen->str, expected, what);
}

static const struct {
    const char *name;
    Filter filter;
} filters[] = {
    {"plain", archive_write_add_filter_none}, {"gzip", archive_write_add_filter_gzip},
    {"xz", archive_write_add_filter_xz},      {"zstd", archive_write_add_filter_zstd},
    {"lz4", archive_write_add_filter_lz4},    {"lz4-legacy", lz4_legacy},
};

static void test_all_filters(void)
{
    g_autofree char *early = listing("early");
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
        const char *name = filters[i].name;
        g_autofree char *main_listing = listing(name);
        g_autofree char *both = g_strconcat(early, main_listing, NULL);
        g_autofree char *twice = g_strconcat(both, early, NULL);
        g_autoptr(GByteArray) image = g_byte_array_new();
        append(image, make(name, filters[i].filter), 0);
        is_listing(image, main_listing, name);
        g_byte_array_set_size(image, 0);
        append(image, make("early", archive_write_add_filter_none), 512);
        append(image, make(name, filters[i].filter), 0);
        is_listing(image, both, "... behind an early archive");
        append(image, g_byte_array_new(), 4 * 64);
        is_listing(image, both, "... padded");
        append(image, make("early", archive_write_add_filter_xz), 8);
        is_listing(image, twice, "... and another one behind it");
    }
}

/* `plain` through the tool that dracut would run; NULL where it is missing. */
static GByteArray *pipe_through(const char *command, const GByteArray *plain)
{
    g_autofree char *path = NULL;
    gint fd = g_file_open_tmp("ccbake-initramfs-XXXXXX", &path, NULL);
    if (fd < 0)
        return NULL;
    close(fd);
    g_file_set_contents(path, (const char *)plain->data, plain->len, NULL);
    g_autofree char *line = g_strconcat(command, " ", path, NULL);
    g_autofree char *program = g_strndup(command, strcspn(command, " "));
    g_autofree char *found = g_find_program_in_path(program);
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    gint out = -1;
    GByteArray *bytes = NULL;
    if (found != NULL && g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                                                  NULL, NULL, &out, NULL, NULL)) {
        guint8 chunk[4096];
        bytes = g_byte_array_new();
        for (ssize_t got; (got = read(out, chunk, sizeof(chunk))) > 0;)
            g_byte_array_append(bytes, chunk, (guint)got);
        close(out);
    }
    g_unlink(path);
    return bytes;
}

/* The tools write checksums and block sizes that libarchive's writers do not. */
static void test_tools(void)
{
    static const char *const commands[] = {"zstd -q -c", "xz --check=crc32 -c", "lz4 -l -q -c",
                                           "lz4 -q -c --content-size", "gzip -n -c"};
    g_autofree char *tool = listing("tool"), *end = listing("end");
    g_autofree char *both = g_strconcat(tool, end, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autoptr(GByteArray) plain = make("tool", archive_write_add_filter_none);
        g_autoptr(GByteArray) image = pipe_through(commands[i], plain);
        if (image == NULL) {
            ok(true, "initramfs by a tool # SKIP it is not installed");
            continue;
        }
        append(image, make("end", archive_write_add_filter_none), 0);
        is_listing(image, both, commands[i]);
    }
}

/* A stream of several of libarchive's blocks, with something else behind it. */
static void test_large(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
        g_autoptr(GByteArray) plain = g_byte_array_new();
        g_autoptr(GString) expected = g_string_new(NULL);
        g_autofree char *a = listing("a"), *end = listing("end");
        for (int n = 0; n < 800; n++) {
            append(plain, make("a", archive_write_add_filter_none), 0);
            g_string_append(expected, a);
        }
        g_string_append(expected, end);
        static const char *const commands[] = {"cat",        "gzip -n -c", "xz -c",
                                               "zstd -q -c", "lz4 -q -c",  "lz4 -l -q -c"};
        g_autoptr(GByteArray) image = pipe_through(commands[i], plain);
        if (image == NULL) {
            ok(true, "a large initramfs # SKIP a tool is not installed");
            continue;
        }
        append(image, g_byte_array_new(), 8);
        append(image, make("end", archive_write_add_filter_gzip), 0);
        is_listing(image, expected->str, commands[i]);
    }
}

static void test_nested(void)
{
    /* One compressed stream with two archives in it, in two parts that split an archive. */
    g_autoptr(GByteArray) plain = g_byte_array_new();
    append(plain, make("a", archive_write_add_filter_none), 256);
    append(plain, make("b", archive_write_add_filter_none), 0);
    g_autoptr(GByteArray) image = wrap_lz4_legacy(plain);
    g_autofree char *a = listing("a"), *b = listing("b");
    g_autofree char *both = g_strconcat(a, b, NULL);
    is_listing(image, both, "two archives in one stream");
}

static bool stop(const CcbInitramfsEntry *entry, const void *data, void *user, GError **error)
{
    g_set_error_literal(error, G_FILE_ERROR, 0, "stopped");
    return false;
}

static bool ignore(const CcbInitramfsEntry *entry, const void *data, void *user, GError **error)
{
    return true;
}

static void test_malformed(void)
{
    g_autoptr(GByteArray) image = make("early", archive_write_add_filter_none);
    GError *error = NULL;
    ok(!ccb_initramfs_walk(image->data, image->len, NULL, stop, NULL, &error),
       "visitor ends the walk");
    is_error(&error, "stopped", "... with its error");
    ok(!ccb_initramfs_walk(image->data, image->len / 2, NULL, ignore, NULL, &error),
       "truncated cpio");
    is_error(&error, "offset 0: archive is truncated", "... where");
    guint at = image->len;
    g_byte_array_append(image, (const guint8 *)"garbage", 7);
    g_autofree char *where = g_strdup_printf("offset %u: no archive", at);
    ok(!ccb_initramfs_walk(image->data, image->len, NULL, ignore, NULL, &error),
       "garbage behind an archive");
    is_error(&error, where, "... where");
    for (size_t i = 1; i < G_N_ELEMENTS(filters); i++) {
        g_autoptr(GByteArray) packed = make("x", filters[i].filter);
        ok(!ccb_initramfs_walk(packed->data, packed->len - 20, NULL, ignore, NULL, &error),
           filters[i].name);
        is_error(&error, "offset 0", "... truncated");
    }
}

/* Twenty files of 30 MB of zeros, as `zstd` or `xz` make a hundred kilobytes of them. */
static void test_bomb(void)
{
    g_autoptr(GByteArray) image = g_byte_array_new();
    gsize used = 0;
    g_autofree char *zeros = g_malloc0(30 << 20);
    g_byte_array_set_size(image, 1 << 20);
    struct archive *archive = archive_write_new();
    archive_write_set_format_cpio_newc(archive);
    archive_write_add_filter_zstd(archive);
    archive_write_open_memory(archive, image->data, image->len, &used);
    for (int i = 0; i < 20; i++) {
        struct archive_entry *entry = archive_entry_new();
        g_autofree char *path = g_strdup_printf("%d.bin", i);
        archive_entry_set_pathname(entry, i == 19 ? "last.ko" : path);
        archive_entry_set_mode(entry, S_IFREG | 0644);
        archive_entry_set_size(entry, 30 << 20);
        archive_write_header(archive, entry);
        archive_write_data(archive, zeros, 30 << 20);
        archive_entry_free(entry);
    }
    archive_write_close(archive);
    archive_write_free(archive);
    g_clear_pointer(&zeros, g_free);
    struct rusage before, after;
    GError *error = NULL;
    getrusage(RUSAGE_SELF, &before);
    ok(ccb_initramfs_walk(image->data, used, NULL, ignore, NULL, NULL), "600 MB of zeros");
    ok(!ccb_initramfs_walk(image->data, used, want, ignore, NULL, &error), "... and one wanted");
    is_error(&error, "last.ko: 31457280 bytes are too many", "... which is too large");
    getrusage(RUSAGE_SELF, &after);
    ok(after.ru_maxrss - before.ru_maxrss < 64 << 10, "... in less than 64 MiB of memory");
}

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    ccb_initramfs_walk(data, size, want, note, seen, NULL);
}

int main(void)
{
    test_all_filters();
    test_tools();
    test_large();
    test_nested();
    test_malformed();
    test_bomb();
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++) {
        g_autoptr(GByteArray) seed = make("seed", filters[i].filter);
        fuzz(seed->data, seed->len, 400, fuzz_one);
    }
    return done();
}
