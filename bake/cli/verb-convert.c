/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `ccbake convert`: an image that exists, in other formats. */
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "cli/verbs.h"
#include "emit/origin.h"
#include "host/freespace.h"
#include "image/qemu-img.h"

static struct {
    const char *to, *output;
    bool chain, compress, force;
} opts;

static const CcbOption options[] = {
    {"to", 't', CCB_OPT_STRING, &opts.to, "FORMATS", "qcow2, vhd, raw, or several with commas"},
    {"output", 'o', CCB_OPT_STRING, &opts.output, "FILE",
     "the new image; default: beside IMAGE, with the format as its ending"},
    {"compress", 'c', CCB_OPT_FLAG, &opts.compress, NULL, "compress a qcow2"},
    {"chain", 0, CCB_OPT_FLAG, &opts.chain, NULL, "follow the backing files of a qcow2 image"},
    {"force", 'f', CCB_OPT_FLAG, &opts.force, NULL, "replace an output that exists"},
    CCB_PROGRESS_OPTIONS,
    {0},
};

typedef struct {
    const char *image;
    GPtrArray *formats;
    char **paths;
    CcbOutput *output;
} Conversion;

static void conversion_clear(Conversion *c)
{
    ccb_output_free(c->output);
    g_strfreev(c->paths);
    g_clear_pointer(&c->formats, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Conversion, conversion_clear)

static bool choose_outputs(Conversion *c, GError **error)
{
    g_auto(GStrv) names = g_strsplit(opts.to ? opts.to : "", ",", -1);
    if (names[0] == NULL)
        return ccb_fail(error, CCB_ERR_USAGE, "convert: say the format with --to");
    c->formats = ccb_emit_formats((const char *const *)names, error);
    if (c->formats == NULL)
        return false;
    bool compresses = false;
    for (guint i = 0; i < c->formats->len; i++)
        compresses = compresses || ((const CcbEmitFormat *)c->formats->pdata[i])->compresses;
    if (opts.compress && !compresses)
        return ccb_fail(error, CCB_ERR_USAGE, "--compress is for qcow2; --to=%s has none", opts.to);
    if (g_strcmp0(opts.output, "-") == 0) {
        ccb_fail(error, CCB_ERR_USAGE, "--output=-: an image can't be written to standard output");
        return ccb_hint(error, "name a file; one that is called \"-\" is ./-");
    }
    g_autofree char *beside = ccb_output_sibling(c->image, names[0]);
    c->paths = ccb_emit_paths(c->formats, opts.output ? opts.output : beside, error);
    if (c->paths == NULL)
        return false;
    for (char **path = c->paths; *path != NULL; path++) {
        if (!ccb_is_same_file(c->image, *path))
            continue;
        ccb_fail(error, CCB_ERR_USAGE, "%s would replace the image that it is made from", *path);
        return ccb_hint(error, "name another file with --output");
    }
    c->output = ccb_output_reserve((const char *const *)c->paths, opts.force, error);
    return c->output != NULL;
}

/* Compressed files are left out: their size is not known before. */
static bool check_space(const Conversion *c, const CcbEmitSource *source, GError **error)
{
    uint64_t data;
    g_autofree char *dir = g_path_get_dirname(c->paths[0]);
    CcbSpaceNeed need = {c->formats->len > 1 ? "all outputs" : "the output", dir, 0};
    if (!ccb_qcow2_chain_data(source->chain, &data, error))
        return false;
    for (guint i = 0; i < c->formats->len; i++) {
        const CcbEmitFormat *format = c->formats->pdata[i];
        need.bytes += opts.compress && format->compresses ? 0 : data;
    }
    return ccb_free_space_check(&need, 1, error);
}

static bool run(int argc, char **argv, GError **error)
{
    enum { BLOCK = 512 }; /* of st_blocks; stat(2) */
    g_auto(Conversion) c = {.image = argv[0]};
    if (!choose_outputs(&c, error))
        return false;
    g_autofree char *copy = g_strconcat(c.output->temporary, ".copy", NULL);
    g_autofree char *format = opts.chain ? g_strdup("qcow2") : ccb_image_format(c.image, error);
    g_autoptr(CcbEmitSource) source =
        format != NULL ? ccb_emit_source_open(c.image, format, copy, error) : NULL;
    if (source == NULL || !check_space(&c, source, error))
        return false;
    for (guint i = 0; i < c.formats->len; i++) {
        const CcbEmitFormat *to = c.formats->pdata[i];
        const CcbOutputFile *file = ccb_output_image(c.output, i);
        if (!ccb_emit_write(source, to, file, opts.compress, error) ||
            !ccb_emit_compare(source, to, file, error))
            return false;
    }
    if (!ccb_output_publish(c.output, NULL, NULL, error))
        return false;
    for (char **path = c.paths; *path != NULL; path++) {
        struct stat st = {0};
        g_autofree char *takes =
            stat(*path, &st) == 0 ? ccb_format_size((uint64_t)st.st_blocks * BLOCK) : g_strdup("?");
        ccb_progress_result("made", *path, ", which takes %s", takes);
    }
    return true;
}

const CcbVerb ccb_verb_convert = {
    .name = "convert",
    .arguments = "IMAGE",
    .summary = "write an image in other formats",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
