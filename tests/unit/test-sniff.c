/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are disk images, and files that people take for them. */
#include <glib/gstdio.h>
#include <unistd.h>

#include "image/sniff.h"
#include "image/vhd.h"
#include "tap.h"

enum { ROOM = 8192 };

static char *path;

/* `text` at `offset` of a file of `size` bytes. */
static bool sniff(size_t size, size_t offset, const char *text, size_t length, GError **error)
{
    g_autofree char *data = g_malloc0(ROOM);
    memcpy(data + offset, text, length);
    g_file_set_contents(path, data, (gssize)size, NULL);
    return ccb_sniff_image(path, error);
}

#define SNIFF(size, offset, text, error) sniff(size, offset, text, sizeof(text) - 1, error)

static void test_images(void)
{
    uint8_t footer[CCB_VHD_FOOTER];
    const uint8_t id[CCB_VHD_UNIQUE_ID] = {0};
    ccb_vhd_build(1024, id, footer);
    ok(SNIFF(100, 0, "QFI\xfb", NULL), "qcow2");
    ok(SNIFF(1000, 510, "\x55\xaa", NULL), "an MBR, whatever the size");
    ok(SNIFF(1000, 512, "EFI PART", NULL), "a GPT");
    ok(SNIFF(5000, 4096, "EFI PART", NULL), "a GPT with sectors of 4096 bytes");
    ok(SNIFF(4096, 600, "x", NULL), "whole sectors");
    ok(sniff(1000, 1000 - sizeof footer, (const char *)footer, sizeof footer, NULL),
       "the footer of a fixed VHD");
    ok(sniff(1000, 0, (const char *)footer, sizeof footer, NULL), "the head of a dynamic VHD");
}

static void test_foreign(void)
{
    static const struct {
        size_t offset;
        const char *magic, *what, *hint;
    } rows[] = {
        {0, "\x1f\x8b", "is compressed with gzip", "gunzip -k "},
        {0, "\xfd\x37zXZ", "is compressed with xz", "unxz -k "},
        {0, "\x28\xb5\x2f\xfd", "is compressed with zstd", "unzstd "},
        {0, "BZh9", "is compressed with bzip2", "bunzip2 -k "},
        {0, "PK\x03\x04", "is a ZIP archive", "unzip "},
        {257, "ustar", "is a tar archive", "tar -xf "},
        {0, "KDMV", "is a VMDK image", "qemu-img convert -O qcow2 "},
        {0, "# Disk DescriptorFile\n", "is a VMDK image", "qemu-img convert -O qcow2 "},
        {64, "\x7f\x10\xda\xbe", "is a VDI image", "qemu-img convert -O qcow2 "},
        {0, "vhdxfile", "is a VHDX image", "qemu-img convert -O qcow2 "},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL, again = NULL;
        size_t length = strlen(rows[i].magic);
        sniff(4096, rows[i].offset, rows[i].magic, length, &error);
        again = error != NULL ? g_error_copy(error) : NULL;
        is_error(&error, rows[i].what, rows[i].what);
        is_error(&again, rows[i].hint, "and what to do");
    }
}

static void test_text(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *lines = g_strnfill(ROOM, '\n');
    SNIFF(4, 0, "a: 1", &error);
    is_error(&error, "r.yaml IMAGE", "a recipe");
    sniff(1024, 0, lines, 1024, &error);
    is_error(&error, "is no disk image: it is text", "text of whole sectors");
    SNIFF(32, 0, "\xef\xbb\xbf \n<!DOCTYPE HTML><title>404</html>", &error);
    is_error(&error, "it is a web page", "a web page");
    SNIFF(0, 0, "", &error);
    is_error(&error, "is no disk image: it is empty", "nothing");
    SNIFF(1000, 0, "\x01", &error);
    is_error(&error, "no whole number of sectors", "other bytes");
}

int main(void)
{
    g_autofree char *dir = g_dir_make_tmp("sniff-XXXXXX", NULL);
    path = g_build_filename(dir, "r.yaml", NULL);
    test_images();
    test_foreign();
    test_text();
    g_unlink(path);
    rmdir(dir);
    g_free(path);
    return done();
}
