/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The footer of a VHD, against what qemu-img writes. */
#include "image/vhd.h"

#include "base/file.h"
#include "image/qcow2-file.h"
#include "image/qemu-img.h"
#include "tap.h"

#define MIB ((uint64_t)1 << 20)

static const uint8_t id[CCB_VHD_UNIQUE_ID] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0x4d, 0xef,
                                              0x80, 1,    2,    3,    4,    5,    6,    7};
static char *dir;

/* The footer of a file that qemu-img makes with these options. */
static bool qemu_footer(const char *options, uint64_t size, uint8_t *ret)
{
    g_autofree char *path = g_build_filename(dir, "a.vhd", NULL);
    g_autofree char *bytes = g_strdup_printf("%" G_GUINT64_FORMAT, size);
    char *argv[] = {"qemu-img", "create",        "-q", "-f",  "vpc",
                    "-o",       (char *)options, path, bytes, NULL};
    int status = 1;
    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status,
                      NULL) ||
        status != 0)
        return false;
    FILE *file = fopen(path, "rb");
    bool good = file != NULL && fseek(file, -CCB_VHD_FOOTER, SEEK_END) == 0 &&
                fread(ret, CCB_VHD_FOOTER, 1, file) == 1;
    if (file != NULL)
        fclose(file);
    return good;
}

/* Ours is theirs, save time, identity and so the checksum. */
static void same_as_qemu(uint64_t size)
{
    uint8_t theirs[CCB_VHD_FOOTER], ours[CCB_VHD_FOOTER];
    CcbVhd vhd = {0};
    g_autofree char *what = g_strdup_printf("%" G_GUINT64_FORMAT " MiB", size / MIB);
    ok(qemu_footer("subformat=fixed,force_size=on", size, theirs), what);
    ok(ccb_vhd_parse(theirs, &vhd, NULL) && vhd.fixed && vhd.size == size && vhd.size_is_plain,
       "... is read");
    ccb_vhd_build(size, theirs + 68, ours);
    memset(theirs + 24, 0, 4);
    memcpy(theirs + 64, ours + 64, 4);
    ok(memcmp(theirs, ours, sizeof ours) == 0, "... and written alike");
    ok(ccb_vhd_parse(ours, &vhd, NULL) && vhd.fixed && vhd.size == size, "... and read again");
}

static void other_kinds(void)
{
    uint8_t footer[CCB_VHD_FOOTER];
    CcbVhd vhd = {0};
    ok(qemu_footer("subformat=dynamic", 20 * MIB, footer) && ccb_vhd_parse(footer, &vhd, NULL),
       "a dynamic disk");
    ok(!vhd.fixed, "... is not fixed");
    ok(qemu_footer("subformat=fixed", 20 * MIB, footer) && ccb_vhd_parse(footer, &vhd, NULL),
       "a size made to fit the geometry");
    ok(vhd.fixed && vhd.size_is_plain && vhd.size > 20 * MIB, "... is the size");
}

/* Sets the checksum right again after a change. */
static void seal(uint8_t *footer)
{
    uint32_t sum = 0;
    memset(footer + 64, 0, 4);
    for (int i = 0; i < CCB_VHD_FOOTER; i++)
        sum += footer[i];
    for (int i = 0; i < 4; i++)
        footer[64 + i] = (uint8_t)(~sum >> (24 - 8 * i));
}

static void refuses(size_t at, uint8_t value, bool sealed, const char *reason)
{
    uint8_t footer[CCB_VHD_FOOTER];
    CcbVhd vhd = {0};
    GError *error = NULL;
    ccb_vhd_build(20 * MIB, id, footer);
    footer[at] = value;
    if (sealed)
        seal(footer);
    ok(!ccb_vhd_parse(footer, &vhd, &error), "a bad footer");
    is_error(&error, reason, reason);
}

static void ambiguous_size(void)
{
    uint8_t footer[CCB_VHD_FOOTER];
    CcbVhd vhd = {0};
    ccb_vhd_build(20 * MIB, id, footer);
    memcpy(footer + 28, "qemu", 4);
    footer[57] = 1;
    seal(footer);
    ok(ccb_vhd_parse(footer, &vhd, NULL) && !vhd.size_is_plain,
       "a geometry that says something else");
    bool foreign = true;
    GError *error = NULL;
    g_autofree char *path = g_build_filename(dir, "vbox.vhd", NULL);
    FILE *file = fopen(path, "wb");
    fseek(file, 20 * MIB, SEEK_SET);
    fwrite(footer, sizeof footer, 1, file);
    fclose(file);
    g_autoptr(CcbQcow2File) disk = ccb_qcow2_file_open(path, "vpc", &foreign, NULL);
    ok(disk != NULL && !foreign && disk->size == 20 * MIB, "... and the footer's size counts");
    ok(!ccb_image_check_whole(path, "vpc", &error), "... but not for QEMU");
    is_error(&error, "ccbake convert --to=qcow2", "... and what to do");
}

static void fuzz_one(const char *data, gsize size)
{
    CcbVhd vhd;
    if (size == CCB_VHD_FOOTER)
        ccb_vhd_parse((const uint8_t *)data, &vhd, NULL);
}

int main(void)
{
    uint8_t seed[CCB_VHD_FOOTER];
    dir = g_dir_make_tmp("ccb-vhd-XXXXXX", NULL);
    same_as_qemu(1 * MIB);
    same_as_qemu(20 * MIB + 3 * MIB);
    same_as_qemu(20480 * MIB);
    same_as_qemu(500 * 1024 * MIB);
    other_kinds();
    refuses(0, 'C', true, "no VHD footer");
    refuses(13, 2, true, "version 0x20000");
    refuses(55, 1, true, "no whole sectors");
    refuses(300, 1, false, "checksum is wrong");
    ambiguous_size();
    ccb_vhd_build(20 * MIB, id, seed);
    fuzz(seed, sizeof seed, 5000, fuzz_one);
    ccb_remove_tree(dir, NULL);
    g_free(dir);
    return done();
}
