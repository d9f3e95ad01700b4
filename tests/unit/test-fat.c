/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FAT file systems that mkfs.vfat and mtools make, and the head of an EFI program. */
#include "base/error.h"
#include "base/file.h"
#include "image/fat.h"
#include "image/pe.h"
#include "tap.h"

typedef struct {
    const uint8_t *data;
    gsize size;
} Source;

static char *dir;

static bool read_bytes(void *data, uint64_t offset, void *buffer, size_t size, GError **error)
{
    const Source *source = data;
    if (offset > source->size || size > source->size - offset)
        return ccb_fail(error, CCB_ERR_INPUT, "behind the end");
    memcpy(buffer, source->data + offset, size);
    return true;
}

/* Runs a program in `dir`; the arguments are separated by spaces. */
static bool must(const char *line)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    int status = 1;
    return (g_spawn_sync(dir, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                         NULL, NULL, NULL, &status, NULL) &&
            status == 0) ||
           ok(false, line);
}

/* A file system with a loader of 100000 bytes that say where they are. */
static char *make(const char *mkfs, gsize *ret_size)
{
    g_autofree char *loader = g_build_filename(dir, "loader", NULL);
    g_autofree char *path = g_build_filename(dir, "fs", NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    char *data = NULL;
    for (int i = 0; text->len < 100000; i++)
        g_string_append_printf(text, "%d,", i);
    g_file_set_contents(loader, text->str, 100000, NULL);
    must("rm -f fs");
    must(mkfs);
    must("mmd -i fs ::/EFI ::/EFI/BOOT ::/EFI/alinux");
    for (int i = 0; i < 40; i++) { /* more than a cluster of entries before it */
        g_autofree char *line =
            g_strdup_printf("mcopy -i fs loader ::/EFI/BOOT/a-long-name-%d.txt", i);
        if (i < 3 || strstr(mkfs, "-F 12") == NULL)
            must(line);
    }
    must("mcopy -i fs loader ::/EFI/BOOT/BOOTX64.EFI");
    must("mcopy -i fs loader ::/EFI/alinux/grubx64.efi");
    g_file_get_contents(path, &data, ret_size, NULL);
    return data;
}

static bool find(CcbFat *fat, const char *path, CcbFatEntry *entry)
{
    bool found = false;
    return ccb_fat_find(fat, path, entry, &found, NULL) && found;
}

static void judge_bytes(const char *data, gsize data_size, const char *what)
{
    Source source = {(const uint8_t *)data, data_size};
    CcbFatEntry entry = {0};
    GError *error = NULL;
    g_autoptr(CcbFat) fat = ccb_fat_open(read_bytes, &source, &error);
    if (!ok(fat != NULL, what))
        return;
    ok(find(fat, "EFI", &entry) && entry.directory, "... a directory");
    ok(!find(fat, "EFI/BOOT/BOOTIA32.EFI", &entry), "... a file that is not there");
    ok(!find(fat, "EFI/BOOT/BOOTX64.EFI/x", &entry), "... a file is no directory");
    ok(!find(fat, "EFI/a-long-directory/x", &entry), "... a name that is too long");
    ok(find(fat, "efi/ALINUX/grubx64.efi", &entry) && !entry.directory, "... in any case");
    g_auto(GStrv) names = ccb_fat_list(fat, "EFI", NULL);
    g_autofree char *list = names != NULL ? g_strjoinv(" ", names) : NULL;
    is_str(list, "boot alinux", "... the names in a directory");
    g_auto(GStrv) none = ccb_fat_list(fat, "EFI/NONE", NULL);
    ok(none != NULL && none[0] == NULL, "... none in a missing one");
    g_auto(GStrv) within = ccb_fat_list(fat, "EFI/ALINUX", NULL);
    is_str(within != NULL ? within[0] : NULL, "grubx64.efi", "... with their endings");
    ok(find(fat, "EFI/BOOT/BOOTX64.EFI", &entry), "... the loader");
    is_int(entry.size, 100000, "... its size");
    g_autofree char *loader = g_malloc(200000), *wanted = NULL;
    g_autofree char *path = g_build_filename(dir, "loader", NULL);
    gsize wanted_size;
    size_t size = 200000;
    g_file_get_contents(path, &wanted, &wanted_size, NULL);
    ok(ccb_fat_read(fat, &entry, loader, &size, NULL) && size == wanted_size &&
           memcmp(loader, wanted, size) == 0,
       "... its content, over many clusters");
    size = 10;
    ok(ccb_fat_read(fat, &entry, loader, &size, NULL) && size == 10 &&
           memcmp(loader, wanted, 10) == 0,
       "... its beginning");
}

static void judge(const char *mkfs)
{
    gsize size;
    g_autofree char *data = make(mkfs, &size);
    judge_bytes(data, size, mkfs);
}

/* FAT32 with as many clusters as FAT16 has, as `mkfs.fat -F 32 -s 8` makes it of 200 MiB.  mtools
 * does not take such a one, so it is filled first and shrunk then. */
static void judge_few_clusters(void)
{
    gsize size;
    g_autofree char *data = make("mkfs.vfat --invariant -F 32 -s 1 -C fs 40000", &size);
    guint32 sectors = GUINT32_TO_LE(40000);
    memcpy(data + 32, &sectors, sizeof sectors);
    judge_bytes(data, size, "FAT32 with few clusters");
}

static void fuzz_one(const char *data, gsize size)
{
    Source source = {(const uint8_t *)data, size};
    CcbFatEntry entry;
    bool found;
    char buffer[4096];
    size_t room = sizeof buffer;
    g_autoptr(CcbFat) fat = ccb_fat_open(read_bytes, &source, NULL);
    if (fat != NULL && ccb_fat_find(fat, "EFI/BOOT/BOOTX64.EFI", &entry, &found, NULL) && found)
        ccb_fat_read(fat, &entry, buffer, &room, NULL);
}

/* Damages the boot sector, the table and the directories of a small file system. */
static void damage(void)
{
    gsize size;
    g_autofree char *data = make("mkfs.vfat --invariant -F 12 -C fs 800", &size);
    g_autoptr(GRand) random = g_rand_new_with_seed(20250117);
    for (int i = 0; i < 3000; i++) {
        g_autofree char *copy = g_memdup2(data, size);
        for (int n = g_rand_int_range(random, 1, 6); n > 0; n--)
            copy[g_rand_int_range(random, 0, 12000)] = (char)g_rand_int(random);
        fuzz_one(copy, size);
    }
    ok(true, "damage does no harm");
    g_autofree char *zeros = g_malloc0(4096);
    Source nothing = {(const uint8_t *)zeros, 4096};
    GError *error = NULL;
    ok(ccb_fat_open(read_bytes, &nothing, &error) == NULL, "zeros");
    is_error(&error, "no FAT file system", "... are none");
    /* A file whose clusters go in a circle ends with its size. */
    Source source = {(const uint8_t *)data, size};
    CcbFatEntry entry = {0};
    g_autoptr(CcbFat) fat = ccb_fat_open(read_bytes, &source, NULL);
    ok(find(fat, "EFI", &entry), "a directory");
    unsigned at = 512 + entry.cluster * 3 / 2; /* one reserved sector, 12 bits */
    unsigned old = (unsigned char)data[at] | (unsigned)(unsigned char)data[at + 1] << 8;
    unsigned new =
        entry.cluster % 2 ? (old & 0xf) | entry.cluster << 4 : (old & 0xf000) | entry.cluster;
    data[at] = (char)new;
    data[at + 1] = (char)(new >> 8);
    bool found = true;
    ok(ccb_fat_find(fat, "EFI/NOTHERE", &entry, &found, NULL) && !found,
       "a directory that goes in a circle ends");
}

static void programs(void)
{
    uint8_t head[512] = "MZ";
    head[0x3c] = 0x80;
    memcpy(head + 0x80, "PE\0\0\x64\x86", 6);
    memcpy(head + 0x80 + 24, "\x0b\x02", 2);
    head[0x80 + 24 + 68] = 10;
    ok(ccb_pe_is_efi_application(head, sizeof head), "an EFI application");
    ok(ccb_pe_is_efi_application(head, 0x80 + 24 + 70), "... as short as can be");
    ok(!ccb_pe_is_efi_application(head, 0x80 + 24 + 69), "... and shorter");
    static const struct {
        size_t at;
        const char *what;
    } changes[] = {
        {0, "no MZ"},          {0x3f, "a header far behind"}, {0x80, "no PE"},
        {0x85, "for 32 bits"}, {0x80 + 24, "not PE32+"},      {0x80 + 24 + 68, "a driver"}};
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        head[changes[i].at] ^= 1;
        ok(!ccb_pe_is_efi_application(head, sizeof head), changes[i].what);
        head[changes[i].at] ^= 1;
    }
    ok(!ccb_pe_is_efi_application((const uint8_t *)"MZ", 2), "two bytes");
}

int main(void)
{
    dir = g_dir_make_tmp("ccb-fat-XXXXXX", NULL);
    judge("mkfs.vfat --invariant -F 12 -C fs 800");
    judge("mkfs.vfat --invariant -F 16 -s 1 -C fs 20000");
    judge("mkfs.vfat --invariant -F 32 -s 1 -C fs 40000");
    judge("mkfs.vfat --invariant -F 32 -s 1 -S 4096 -C fs 300000");
    judge_few_clusters();
    damage();
    programs();
    ccb_remove_tree(dir, NULL);
    g_free(dir);
    return done();
}
