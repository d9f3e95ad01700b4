/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/qemu-img.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/process.h"
#include "image/qcow2-file.h"
#include "image/sniff.h"
#include "image/vhd.h"

/* qemu-img looks at bytes which somebody else made: it gets a minute, not an hour. */
enum { INFO_LIMIT_S = 60, CHECK_LIMIT_S = 1800 };

void ccb_image_info_clear(CcbImageInfo *info)
{
    g_free(info->format);
    *info = (CcbImageInfo){0};
}

/* Says which image qemu-img was about, and whose fault it is: not the image's where qemu-img was stopped or had no memory. */
static void explain(const CcbProcess *process, GError **error, const char *path, const char *fault)
{
    if (ccb_cancelled() || error == NULL || !g_error_matches(*error, CCB_ERROR, CCB_ERR_INPUT))
        return;
    bool is_hosts = process->ret_status > 128 || strstr((*error)->message, "annot allocate memory");
    if (is_hosts)
        (*error)->code = CCB_ERR_HOST;
    g_prefix_error(error, "image %s%s: ", path, is_hosts ? "" : fault);
}

/* `format` NULL: as QEMU guesses. */
static json_t *query(const char *path, const char *format, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    /* "file:" keeps a name with a colon from being read as a protocol. */
    g_autofree char *name = g_strconcat("file:", path, NULL);
    const char *argv[] = {"qemu-img", "info", "--output=json",
                          "-U",       name,   format != NULL ? "-f" : NULL,
                          format,     NULL};
    CcbProcess process = {.argv = argv,
                          .limit_s = INFO_LIMIT_S,
                          .separate_stdout = true,
                          .ret_stdout = text,
                          .error_code = CCB_ERR_INPUT};
    if (!ccb_process_run(&process, error)) {
        explain(&process, error, path, ": it can't be read as a disk image");
        return NULL;
    }
    json_t *info = json_loads(text->str, 0, NULL);
    if (info == NULL)
        ccb_fail(error, CCB_ERR_INPUT, "image %s: qemu-img info printed no JSON", path);
    return info;
}

/* QEMU looks for a VHD's footer at the start of the file, where a fixed one has no copy of it. */
static bool is_fixed_vhd(const char *path)
{
    uint8_t footer[CCB_VHD_FOOTER];
    CcbVhd vhd;
    struct stat st;
    ccb_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && fstat(fd, &st) == 0 &&
           pread(fd, footer, sizeof footer, st.st_size - CCB_VHD_FOOTER) == sizeof footer &&
           ccb_vhd_parse(footer, &vhd, NULL) && vhd.fixed &&
           vhd.size == (uint64_t)st.st_size - CCB_VHD_FOOTER;
}

/* Refuses at once what its header says can't be read as it is. */
static bool check_header(const char *path, GError **error)
{
    bool foreign = false;
    GError *reason = NULL;
    g_autoptr(CcbQcow2File) file = ccb_qcow2_file_open(path, "qcow2", &foreign, &reason);
    if (file != NULL || foreign) {
        g_clear_error(&reason);
        return true;
    }
    g_propagate_error(error, reason);
    return false;
}

bool ccb_image_probe(const char *path, CcbImageInfo *ret_info, GError **error)
{
    static const char *const formats[] = {"qcow2", "raw", "vpc", NULL};
    struct stat st;
    if (stat(path, &st) != 0)
        return ccb_fail_errno(error, CCB_ERR_INPUT, "image %s", path);
    if (!S_ISREG(st.st_mode))
        return ccb_fail(error, CCB_ERR_INPUT, "image %s: not a regular file", path);
    if (!ccb_sniff_image(path, error))
        return false;
    json_auto_t *guess = query(path, NULL, error);
    if (guess == NULL)
        return false;
    bool raw = g_strcmp0(json_string_value(json_object_get(guess, "format")), "raw") == 0;
    json_auto_t *info = raw && is_fixed_vhd(path) ? query(path, "vpc", error) : json_incref(guess);
    if (info == NULL)
        return false;
    const char *format = json_string_value(json_object_get(info, "format"));
    const char *backing = json_string_value(json_object_get(info, "backing-filename"));
    const json_t *specific = json_object_get(json_object_get(info, "format-specific"), "data");
    if (format == NULL || !g_strv_contains(formats, format))
        return ccb_fail(error, CCB_ERR_INPUT,
                        "image %s: format %s; ccbake reads qcow2, raw and vhd", path,
                        format ? format : "unknown");
    if (backing != NULL || json_object_get(specific, "data-file") != NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "image %s: it refers to another file (%s)", path,
                 backing ? backing : "a data file");
        return ccb_hint(
            error,
            "an image from elsewhere may name any file of this host, and converting it would "
            "copy that file into the result; if the file is the image's own, and both are from "
            "a source you trust: qemu-img convert -O qcow2 IMAGE flat.qcow2");
    }
    if (strcmp(format, "qcow2") == 0 && !check_header(path, error))
        return false;
    *ret_info = (CcbImageInfo){
        .format = g_strdup(format),
        .virtual_size = (uint64_t)json_integer_value(json_object_get(info, "virtual-size"))};
    return true;
}

bool ccb_image_size(const char *path, const char *format, uint64_t *ret_size, GError **error)
{
    json_auto_t *info = query(path, format, error);
    if (info != NULL)
        *ret_size = (uint64_t)json_integer_value(json_object_get(info, "virtual-size"));
    return info != NULL;
}

char *ccb_image_format(const char *path, GError **error)
{
    g_auto(CcbImageInfo) info = {0};
    return ccb_image_probe(path, &info, error) ? g_steal_pointer(&info.format) : NULL;
}

bool ccb_image_check_whole(const char *path, const char *format, GError **error)
{
    uint8_t footer[CCB_VHD_FOOTER];
    CcbVhd vhd;
    struct stat st;
    if (strcmp(format, "vpc") != 0)
        return true;
    ccb_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 ||
        pread(fd, footer, sizeof footer, st.st_size - CCB_VHD_FOOTER) != sizeof footer ||
        !ccb_vhd_parse(footer, &vhd, NULL) || vhd.size_is_plain)
        return true; /* what can't be read at all QEMU refuses itself */
    ccb_fail(error, CCB_ERR_INPUT,
             "image %s: a VHD whose geometry is smaller than its size; QEMU would cut its end off",
             path);
    return ccb_hint(error, "convert it, all of it: ccbake convert --to=qcow2 %s", path);
}

bool ccb_image_create_overlay(const char *path, const char *backing, const char *backing_format,
                              GError **error)
{
    const char *argv[] = {"qemu-img", "create", "-q",           "-f", "qcow2", "-b",
                          backing,    "-F",     backing_format, path, NULL};
    CcbProcess process = {.argv = argv, .limit_s = INFO_LIMIT_S};
    if (!ccb_image_check_whole(backing, backing_format, error))
        return false;
    if (ccb_process_run(&process, error))
        return true;
    g_prefix_error(error, "the overlay %s over %s can't be created: ", path, backing);
    return false;
}

bool ccb_image_resize(const char *path, uint64_t size, GError **error)
{
    g_autofree char *bytes = g_strdup_printf("%" G_GUINT64_FORMAT, size);
    const char *argv[] = {"qemu-img", "resize", "-q", "-f", "qcow2", path, bytes, NULL};
    CcbProcess process = {.argv = argv, .limit_s = INFO_LIMIT_S};
    return ccb_process_run(&process, error);
}

bool ccb_image_check(const char *path, const char *format, GError **error)
{
    if (strcmp(format, "qcow2") != 0)
        return true; /* the others carry no structure that can be checked */
    g_autofree char *file = g_strconcat("file:", path, NULL); /* "a:b.qcow2" is no protocol */
    const char *argv[] = {"qemu-img", "check", "-q", "-f", format, file, NULL};
    CcbProcess process = {.argv = argv, .limit_s = CHECK_LIMIT_S, .error_code = CCB_ERR_INPUT};
    if (ccb_process_run(&process, error))
        return true;
    explain(&process, error, path, " is corrupt");
    return false;
}
