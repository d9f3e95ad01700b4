/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/sniff.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "image/vhd.h"

enum {
    SECTOR = 512,
    HEAD = 4096 + SECTOR
}; /* the header of a GPT is in the second sector, of 512 or 4096 bytes */

typedef struct {
    guint8 bytes[HEAD];
    size_t length;
    guint8 footer[CCB_VHD_FOOTER];
    off_t size; /* of the file */
} Sample;

typedef struct {
    size_t offset, length;
    const char *bytes;
} Magic;

#define MAGIC(offset, text)                                                                        \
    {                                                                                              \
        offset, sizeof(text) - 1, text                                                             \
    }

static bool has_magic(const Sample *s, const Magic *magic)
{
    return s->length >= magic->offset + magic->length &&
           memcmp(s->bytes + magic->offset, magic->bytes, magic->length) == 0;
}

/* The files that people take for images, with the command that makes one of them. */
static const struct {
    Magic magic;
    const char *what, *command;
} foreign[] = {
    {MAGIC(0, "\x1f\x8b"), "compressed with gzip", "gunzip -k"},
    {MAGIC(0, "\xfd\x37zXZ"), "compressed with xz", "unxz -k"},
    {MAGIC(0, "\x28\xb5\x2f\xfd"), "compressed with zstd", "unzstd"},
    {MAGIC(0, "BZh"), "compressed with bzip2", "bunzip2 -k"},
    {MAGIC(0, "PK\x03\x04"), "a ZIP archive", "unzip"},
    {MAGIC(257, "ustar"), "a tar archive", "tar -xf"},
    {MAGIC(0, "KDMV"), "a VMDK image", "qemu-img convert -O qcow2"},
    {MAGIC(0, "# Disk DescriptorFile"), "a VMDK image", "qemu-img convert -O qcow2"},
    {MAGIC(64, "\x7f\x10\xda\xbe"), "a VDI image", "qemu-img convert -O qcow2"},
    {MAGIC(0, "vhdxfile"), "a VHDX image", "qemu-img convert -O qcow2"},
};

/* Code of a boot sector, and zeros, have control characters; so has every other format of binary files. */
static bool is_text(const Sample *s)
{
    size_t length = MIN(s->length, SECTOR);
    for (size_t i = 0; i < length; i++)
        if (s->bytes[i] < ' ' && memchr("\t\n\v\f\r\033", s->bytes[i], 6) == NULL)
            return false;
    return true;
}

static bool is_web_page(const Sample *s)
{
    g_autofree char *head = g_strndup((const char *)s->bytes, s->length);
    const char *start = ccb_skip_space(g_str_has_prefix(head, "\xef\xbb\xbf") ? head + 3 : head);
    return g_ascii_strncasecmp(start, "<!doctype html", 14) == 0 ||
           g_ascii_strncasecmp(start, "<html", 5) == 0;
}

static bool is_known(const Sample *s)
{
    static const Magic known[] = {MAGIC(0, "QFI\xfb"), MAGIC(510, "\x55\xaa"),
                                  MAGIC(SECTOR, "EFI PART"), MAGIC(4096, "EFI PART")};
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
        if (has_magic(s, &known[i]))
            return true;
    return ccb_vhd_is_footer(s->footer) ||
           (s->length >= CCB_VHD_FOOTER && ccb_vhd_is_footer(s->bytes));
}

static bool read_sample(const char *path, Sample *ret, GError **error)
{
    struct stat st;
    ccb_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_INPUT, "image %s", path);
    ssize_t got = pread(fd, ret->bytes, sizeof ret->bytes, 0);
    if (got < 0 || (st.st_size >= CCB_VHD_FOOTER &&
                    pread(fd, ret->footer, sizeof ret->footer, st.st_size - CCB_VHD_FOOTER) < 0))
        return ccb_fail_errno(error, CCB_ERR_IO, "reading %s", path);
    ret->length = (size_t)got;
    ret->size = st.st_size;
    return true;
}

/* Says of text what it may be. */
static bool refuse_text(const char *path, const Sample *s, GError **error)
{
    if (is_web_page(s)) {
        ccb_fail(error, CCB_ERR_INPUT, "%s is no disk image: it is a web page", path);
        return ccb_hint(error, "the server answered with a page: look at it, and download again");
    }
    ccb_fail(error, CCB_ERR_INPUT, "%s is no disk image: it is text", path);
    if (g_str_has_suffix(path, ".yaml") || g_str_has_suffix(path, ".yml"))
        ccb_hint(error,
                 "it looks like a recipe: name the image; `ccbake verify --recipe=%s IMAGE` checks "
                 "one against it",
                 path);
    return false;
}

bool ccb_sniff_image(const char *path, GError **error)
{
    Sample s = {0};
    if (!read_sample(path, &s, error))
        return false;
    if (s.length == 0)
        return ccb_fail(error, CCB_ERR_INPUT, "%s is no disk image: it is empty", path);
    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
        if (!has_magic(&s, &foreign[i].magic))
            continue;
        ccb_fail(error, CCB_ERR_INPUT, "%s is %s; ccbake reads qcow2, raw and VHD", path,
                 foreign[i].what);
        bool converts = g_str_has_prefix(foreign[i].command, "qemu-img");
        return ccb_hint(error, converts ? "convert it: %s %s %s.qcow2" : "unpack it: %s %s%.0s",
                        foreign[i].command, path, path);
    }
    if (is_text(&s))
        return refuse_text(path, &s, error);
    if (!is_known(&s) && s.size % SECTOR != 0)
        return ccb_fail(error, CCB_ERR_INPUT,
                        "%s is no disk image: no format that ccbake knows, and no whole number of "
                        "sectors",
                        path);
    return true;
}
