/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/format.h"

#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "emit/output.h"
#include "image/copy.h"
#include "image/raw.h"
#include "image/vhd.h"

G_STATIC_ASSERT((int)CCB_FINGERPRINT == (int)CCB_VHD_UNIQUE_ID);

/* The sectors of the disk and nothing else, sparse. */
static bool write_raw(CcbQcow2Chain *source, const char *path, bool compress, GError **error)
{
    return ccb_raw_write(source, path, ccb_qcow2_chain_size(source), NULL, error);
}

/* A fixed VHD, sparse: the sectors, in whole MiB as clouds want it, and the footer. */
static bool write_vhd(CcbQcow2Chain *source, const char *path, bool compress, GError **error)
{
    uint8_t fingerprint[CCB_FINGERPRINT], footer[CCB_VHD_FOOTER];
    uint64_t size = ccb_emit_size(&ccb_emit_vhd, ccb_qcow2_chain_size(source));
    if (!ccb_raw_write(source, path, size, fingerprint, error))
        return false;
    ccb_vhd_build(size, fingerprint, footer);
    ccb_autofd int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", path);
    return ccb_write_all(fd, footer, CCB_VHD_FOOTER, path, error);
}

const CcbEmitFormat ccb_emit_qcow2 = {
    .name = "qcow2",
    .format = "qcow2", /* compat 1.1 */
    .compresses = true,
    .unit = 1,
    .write = ccb_qcow2_flatten,
};

const CcbEmitFormat ccb_emit_vhd = {
    .name = "vhd",
    .format = "vpc",
    .unit = 1 << 20,
    .write = write_vhd,
};

const CcbEmitFormat ccb_emit_raw = {
    .name = "raw",
    .format = "raw",
    .unit = 1,
    .write = write_raw,
};

static const CcbEmitFormat *const formats[] = {&ccb_emit_qcow2, &ccb_emit_vhd, &ccb_emit_raw};

const CcbEmitFormat *ccb_emit_format(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

GPtrArray *ccb_emit_formats(const char *const *names, GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    for (; *names != NULL; names++) {
        const CcbEmitFormat *format = ccb_emit_format(*names);
        if (format == NULL) {
            g_autoptr(GString) all = g_string_new(NULL);
            for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
                g_string_append_printf(all, "%s%s", i > 0 ? ", " : "", formats[i]->name);
            ccb_fail(error, CCB_ERR_USAGE, "there is no format \"%s\"; ccbake writes %s", *names,
                     all->str);
            return NULL;
        }
        if (g_ptr_array_find(found, format, NULL)) {
            ccb_fail(error, CCB_ERR_USAGE, "the format %s is asked for twice", format->name);
            return NULL;
        }
        g_ptr_array_add(found, (gpointer)format);
    }
    return g_steal_pointer(&found);
}

uint64_t ccb_emit_size(const CcbEmitFormat *format, uint64_t bytes)
{
    return (bytes + format->unit - 1) / format->unit * format->unit;
}

char *ccb_emit_file_name(const CcbRecipe *recipe)
{
    return g_strconcat(recipe->output_name, ".", ccb_emit_format(recipe->formats[0])->name, NULL);
}

const CcbEmitFormat *ccb_emit_format_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL ? ccb_emit_format(dot + 1) : NULL;
}

/* Endings by which other programs take a file for something that ccbake does not write; .img is raw. */
static bool check_ending(const GPtrArray *wanted, const char *path, GError **error)
{
    static const char *const others[] = {"qcow", "vmdk", "vdi", "vhdx", "vpc", "ova", "iso",
                                         "gz",   "xz",   "zst", "bz2",  "zip", "tar", NULL};
    const char *dot = strrchr(path, '.');
    const CcbEmitFormat *first = wanted->pdata[0];
    bool is_img = dot != NULL && strcmp(dot, ".img") == 0;
    if (dot == NULL || (is_img && first == &ccb_emit_raw) ||
        (!is_img && !g_strv_contains(others, dot + 1)))
        return true;
    ccb_fail(error, CCB_ERR_USAGE, "%s: the ending %s %s, and %s is written", path, dot,
             is_img ? "says raw" : "is of a format that ccbake does not write", first->name);
    return ccb_hint(error, "the endings are .qcow2, .vhd, and .raw or .img");
}

char **ccb_emit_paths(const GPtrArray *wanted, const char *path, GError **error)
{
    const CcbEmitFormat *said = ccb_emit_format_of(path);
    if (said != NULL && !g_ptr_array_find((GPtrArray *)wanted, said, NULL)) {
        const CcbEmitFormat *first = wanted->pdata[0];
        ccb_fail(error, CCB_ERR_USAGE, "%s: the name says %s, and %s is written", path, said->name,
                 first->name);
        ccb_hint(error, "end the name with .%s, or ask for the format %s", first->name, said->name);
        return NULL;
    }
    if (!check_ending(wanted, path, error))
        return NULL;
    char **paths = g_new0(char *, wanted->len + 1);
    for (guint i = 0; i < wanted->len; i++) {
        const CcbEmitFormat *format = wanted->pdata[i];
        paths[i] = wanted->len > 1 ? ccb_output_sibling(path, format->name) : g_strdup(path);
    }
    return paths;
}
