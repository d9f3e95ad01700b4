/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit/origin.h"

#include <unistd.h>

#include "base/error.h"
#include "base/process.h"
#include "base/progress.h"
#include "base/reaper.h"
#include "image/compare.h"
#include "image/qemu-img.h"

enum { LIMIT_S = 4 * 3600 };

/* Has qemu-img make a copy as qcow2, and opens that. */
static CcbQcow2Chain *open_copy(CcbEmitSource *source, const char *path, const char *format,
                                const char *copy, GError **error)
{
    bool foreign;
    /* "file:" keeps a name with a colon from being read as a protocol. */
    g_autofree char *from = g_strconcat("file:", path, NULL);
    g_autofree char *to = g_strconcat("file:", copy, NULL);
    /* The size of a VHD is the one that it says, not the product of its geometry.  A comma in a name is doubled. */
    g_auto(GStrv) parts = g_strsplit(path, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);
    g_autofree char *vpc = g_strconcat(
        "driver=vpc,force_size_calc=current_size,file.driver=file,file.filename=", escaped, NULL);
    const char *plain[] = {"qemu-img", "convert", "-f", format, "-O", "qcow2", from, to, NULL};
    const char *sized[] = {"qemu-img", "convert", "--image-opts", "-O", "qcow2", vpc, to, NULL};
    const char *const *argv = g_str_equal(format, "vpc") ? sized : plain;
    CcbProcess process = {.argv = argv, .limit_s = LIMIT_S, .error_code = CCB_ERR_IO};
    source->origin = ccb_qcow2_file_open(path, "raw", &foreign, error);
    if (source->origin == NULL || !ccb_qcow2_file_check_idle(source->origin, error))
        return NULL;
    source->copy = g_strdup(copy);
    ccb_reaper_watch(copy);
    ccb_progress_begin("copy", path, 0);
    if (!ccb_process_run(&process, error)) {
        ccb_progress_abort();
        return NULL;
    }
    ccb_progress_end("by qemu-img");
    return ccb_qcow2_chain_open(copy, "qcow2", &foreign, error);
}

CcbEmitSource *ccb_emit_source_open(const char *path, const char *format, const char *copy,
                                    GError **error)
{
    bool foreign = false;
    GError *reason = NULL;
    g_autoptr(CcbEmitSource) source = g_new0(CcbEmitSource, 1);
    source->chain = ccb_qcow2_chain_open(path, format, &foreign, &reason);
    if (source->chain == NULL && foreign) {
        g_clear_error(&reason);
        source->chain = open_copy(source, path, format, copy, &reason);
    }
    if (source->chain == NULL) {
        g_propagate_error(error, reason);
        return NULL;
    }
    return ccb_qcow2_chain_check_idle(source->chain, error) ? g_steal_pointer(&source) : NULL;
}

void ccb_emit_source_free(CcbEmitSource *source)
{
    if (source == NULL)
        return;
    ccb_qcow2_chain_free(source->chain);
    ccb_qcow2_file_free(source->origin);
    if (source->copy != NULL) {
        unlink(source->copy);
        ccb_reaper_release(source->copy);
    }
    g_free(source->copy);
    g_free(source);
}

static bool check_size(const char *reader, uint64_t found, uint64_t wanted, GError **error)
{
    return found == wanted ||
           ccb_fail(error, CCB_ERR_CHECK,
                    "%s finds %" G_GUINT64_FORMAT " bytes, expected %" G_GUINT64_FORMAT, reader,
                    found, wanted);
}

static bool compare(const CcbEmitSource *source, const CcbEmitFormat *format, const char *path,
                    GError **error)
{
    bool foreign;
    uint64_t by_qemu = 0, wanted = ccb_emit_size(format, ccb_qcow2_chain_size(source->chain));
    g_autoptr(CcbQcow2Chain) chain = ccb_qcow2_chain_open(path, format->format, &foreign, error);
    return chain != NULL && ccb_image_size(path, format->format, &by_qemu, error) &&
           check_size("ccbake", ccb_qcow2_chain_size(chain), wanted, error) &&
           check_size("qemu-img", by_qemu, wanted, error) &&
           ccb_qcow2_compare(source->chain, chain, error);
}

bool ccb_emit_write(const CcbEmitSource *source, const CcbEmitFormat *format,
                    const CcbOutputFile *file, bool compress, GError **error)
{
    ccb_progress_begin("emit", file->path, ccb_qcow2_chain_size(source->chain));
    if (!format->write(source->chain, file->temporary, compress, error)) {
        ccb_progress_abort();
        return false;
    }
    ccb_progress_end(compress && format->compresses ? "compressed" : NULL);
    return true;
}

bool ccb_emit_compare(const CcbEmitSource *source, const CcbEmitFormat *format,
                      const CcbOutputFile *file, GError **error)
{
    g_autoptr(GError) difference = NULL;
    ccb_progress_begin("compare", file->path, ccb_qcow2_chain_size(source->chain));
    bool same = compare(source, format, file->temporary, &difference);
    /* A source that was changed meanwhile explains a difference. */
    bool unchanged =
        ccb_qcow2_chain_check_unchanged(source->chain, error) &&
        (source->origin == NULL || ccb_qcow2_file_check_unchanged(source->origin, error));
    if (unchanged && same) {
        ccb_progress_end("sector by sector");
        return true;
    }
    ccb_progress_abort();
    if (unchanged)
        g_propagate_prefixed_error(error, g_steal_pointer(&difference),
                                   "%s differs from its source: ", file->path);
    return false;
}
