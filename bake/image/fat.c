/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/fat.h"

#include <string.h>

#include "base/error.h"

enum { BOOT_SECTOR = 512, ENTRY = 32, NAME = 11, CLUSTER_MAX = 512 << 10, DIRECTORY_MAX = 2 << 20 };
enum { FAT12_CLUSTERS = 4085 }; /* fewer than that */
enum { ATTRIBUTE_LABEL = 0x08, ATTRIBUTE_DIRECTORY = 0x10, DELETED = 0xe5 };

struct CcbFat {
    CcbFatRead read;
    void *source;
    unsigned bits;         /* of an entry of the table: 12, 16, 32 */
    uint32_t cluster_size; /* bytes */
    uint32_t clusters;
    uint64_t table, data;           /* where they begin; bytes */
    uint64_t root;                  /* the same, of the root of FAT12 and FAT16 */
    uint32_t root_size, root_start; /* its bytes; the cluster of FAT32's */
};

static uint32_t get(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

static bool corrupt(const char *what, GError **error)
{
    return ccb_fail(error, CCB_ERR_INPUT, "the FAT file system is corrupt: %s", what);
}

static bool is_power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

CcbFat *ccb_fat_open(CcbFatRead read, void *source, GError **error)
{
    uint8_t boot[BOOT_SECTOR];
    if (!read(source, 0, boot, sizeof boot, error))
        return NULL;
    /* "BPB": sizes are in sectors there. */
    uint32_t sector = get(boot + 11, 2), per_cluster = boot[13], reserved = get(boot + 14, 2);
    uint32_t tables = boot[16], root_size = get(boot + 17, 2) * ENTRY, narrow = get(boot + 22, 2);
    uint64_t total = get(boot + 19, 2) ? get(boot + 19, 2) : get(boot + 32, 4);
    uint64_t table = narrow ? narrow : get(boot + 36, 4);
    if (get(boot + 510, 2) != 0xaa55 || !is_power_of_two(sector) || sector < 512 || sector > 4096 ||
        !is_power_of_two(per_cluster) || reserved == 0 || tables == 0 || table == 0) {
        ccb_fail(error, CCB_ERR_INPUT, "no FAT file system");
        return NULL;
    }
    g_autoptr(CcbFat) fat = g_new0(CcbFat, 1);
    *fat = (CcbFat){.read = read, .source = source, .root_size = root_size};
    fat->cluster_size = sector * per_cluster;
    fat->table = (uint64_t)reserved * sector;
    fat->root = fat->table + tables * table * sector;
    fat->data = fat->root + (uint64_t)(root_size + sector - 1) / sector * sector;
    if (fat->cluster_size > CLUSTER_MAX || fat->data >= total * sector) {
        corrupt("bad sizes in the boot sector", error);
        return NULL;
    }
    uint64_t clusters = (total * sector - fat->data) / fat->cluster_size;
    fat->clusters = (uint32_t)MIN(clusters, G_MAXUINT32 / 2);
    /* Linux and EDK II take a file system for FAT32 where the size of the tables is in the wide field only, however few
     * clusters it has; the specification goes by their number. */
    fat->bits = narrow == 0 ? 32 : fat->clusters < FAT12_CLUSTERS ? 12 : 16;
    fat->root_start = fat->bits == 32 ? get(boot + 44, 4) : 0;
    return g_steal_pointer(&fat);
}

void ccb_fat_free(CcbFat *fat)
{
    g_free(fat);
}

static bool is_cluster(const CcbFat *fat, uint32_t cluster)
{
    return cluster >= 2 && cluster - 2 < fat->clusters;
}

/* Reads what begins at a cluster: `size` bytes or, where `*ret_got` says so, less. */
static bool read_clusters(const CcbFat *fat, uint32_t cluster, uint8_t *buffer, size_t size,
                          size_t *ret_got, GError **error)
{
    unsigned entry_size = fat->bits == 32 ? 4 : 2;
    uint32_t end =
        fat->bits == 32 ? 0x0ffffff8 : (1u << fat->bits) - 8; /* and above: the last one */
    size_t got = 0;
    if (cluster != 0 && !is_cluster(fat, cluster))
        return corrupt("a file begins nowhere", error);
    while (cluster != 0 && got < size) {
        size_t n = MIN(size - got, fat->cluster_size);
        uint64_t offset = fat->data + (uint64_t)(cluster - 2) * fat->cluster_size;
        if (!fat->read(fat->source, offset, buffer + got, n, error))
            return false;
        got += n;
        if (got == size)
            break;
        uint8_t entry[4];
        offset = fat->table + (uint64_t)cluster * fat->bits / 8;
        if (!fat->read(fat->source, offset, entry, entry_size, error))
            return false;
        uint32_t next = get(entry, entry_size);
        if (fat->bits == 12)
            next = cluster % 2 == 0 ? next & 0xfff : next >> 4;
        next &= 0x0fffffff; /* 28 bits count */
        if (next < end && !is_cluster(fat, next))
            return corrupt("a file leads nowhere", error);
        cluster = next < end ? next : 0;
    }
    *ret_got = got;
    return true;
}

/* "boot" and "bootx64.efi" as directories have them: "BOOT       " and "BOOTX64 EFI". */
static bool short_name(const char *name, size_t length, char ret[NAME])
{
    const char *dot = memchr(name, '.', length);
    size_t stem = dot ? (size_t)(dot - name) : length, ending = dot ? length - stem - 1 : 0;
    if (stem == 0 || stem > 8 || ending > 3)
        return false;
    memset(ret, ' ', NAME);
    for (size_t i = 0; i < stem; i++)
        ret[i] = g_ascii_toupper(name[i]);
    for (size_t i = 0; i < ending; i++)
        ret[8 + i] = g_ascii_toupper(dot[1 + i]);
    return true;
}

/* Parts of long names have the bit of labels as well. */
static bool is_file(const uint8_t *entry)
{
    return entry[0] != DELETED && !(entry[11] & ATTRIBUTE_LABEL);
}

static bool find_name(const uint8_t *entries, size_t size, const char name[NAME],
                      CcbFatEntry *ret_entry)
{
    for (const uint8_t *e = entries; e + ENTRY <= entries + size && e[0] != 0; e += ENTRY) {
        if (!is_file(e) || memcmp(e, name, NAME) != 0)
            continue;
        *ret_entry = (CcbFatEntry){.directory = e[11] & ATTRIBUTE_DIRECTORY,
                                   .cluster = get(e + 20, 2) << 16 | get(e + 26, 2),
                                   .size = get(e + 28, 4)};
        return true;
    }
    return false;
}

/* The entries of a directory, or of the root where that is NULL; caller frees. */
static uint8_t *read_directory(const CcbFat *fat, const CcbFatEntry *directory, size_t *ret_size,
                               GError **error)
{
    bool fixed = directory == NULL && fat->bits != 32;
    size_t room = fixed ? MAX(fat->root_size, 1) : DIRECTORY_MAX;
    g_autofree uint8_t *entries = g_malloc(room);
    uint32_t cluster = directory ? directory->cluster : fat->root_start;
    *ret_size = fat->root_size;
    if (fixed ? !fat->read(fat->source, fat->root, entries, fat->root_size, error)
              : !read_clusters(fat, cluster, entries, room, ret_size, error))
        return NULL;
    return g_steal_pointer(&entries);
}

bool ccb_fat_find(CcbFat *fat, const char *path, CcbFatEntry *ret_entry, bool *ret_found,
                  GError **error)
{
    CcbFatEntry entry;
    const CcbFatEntry *directory = NULL;
    *ret_found = false;
    for (const char *name = path; *name != '\0';) {
        size_t size, length = strcspn(name, "/");
        char wanted[NAME];
        if (directory != NULL && !directory->directory)
            return true;
        g_autofree uint8_t *entries = read_directory(fat, directory, &size, error);
        if (entries == NULL)
            return false;
        if (!short_name(name, length, wanted) || !find_name(entries, size, wanted, &entry))
            return true;
        directory = &entry;
        name += length + (name[length] == '/');
    }
    *ret_found = directory != NULL;
    if (*ret_found)
        *ret_entry = entry;
    return true;
}

/* "BOOTX64 EFI" ► "bootx64.efi". */
static char *name_of(const uint8_t *entry)
{
    g_autofree char *stem = g_ascii_strdown((const char *)entry, 8);
    g_autofree char *ending = g_ascii_strdown((const char *)entry + 8, 3);
    g_strchomp(stem);
    g_strchomp(ending);
    return *ending != '\0' ? g_strconcat(stem, ".", ending, NULL) : g_steal_pointer(&stem);
}

char **ccb_fat_list(CcbFat *fat, const char *path, GError **error)
{
    CcbFatEntry directory;
    bool found;
    size_t size;
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    if (!ccb_fat_find(fat, path, &directory, &found, error))
        return NULL;
    if (!found || !directory.directory)
        return g_strv_builder_end(names);
    g_autofree uint8_t *entries = read_directory(fat, &directory, &size, error);
    if (entries == NULL)
        return NULL;
    for (const uint8_t *e = entries; e + ENTRY <= entries + size && e[0] != 0; e += ENTRY) {
        g_autofree char *name = name_of(e);
        if (is_file(e) && e[0] != '.')
            g_strv_builder_add(names, name);
    }
    return g_strv_builder_end(names);
}

bool ccb_fat_read(CcbFat *fat, const CcbFatEntry *file, void *buffer, size_t *size, GError **error)
{
    size_t got, wanted = MIN(*size, file->size);
    if (!read_clusters(fat, file->cluster, buffer, wanted, &got, error))
        return false;
    if (got < wanted)
        return corrupt("a file ends before its end", error);
    *size = got;
    return true;
}
