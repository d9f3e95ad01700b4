/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/copy.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/progress.h"
#include "image/qcow2-reader.h"
#include "image/qcow2-writer.h"

typedef struct {
    CcbQcow2Chain *chain;
    CcbReaderOptions options;
    const char *backing; /* of what is written, or NULL */
} Copy;

static bool write_file(const Copy *copy, const char *path, GError **error)
{
    ccb_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "creating %s", path);
    g_autoptr(CcbQcow2Writer) writer =
        ccb_qcow2_writer_new(fd, path, ccb_qcow2_chain_size(copy->chain));
    const CcbQcow2Header *header = ccb_qcow2_chain_header(copy->chain);
    if (copy->backing != NULL)
        ccb_qcow2_writer_set_backing(writer, copy->backing, header->backing_format);
    g_autoptr(CcbReader) reader = ccb_reader_new(copy->chain, &copy->options, error);
    const CcbCluster *c;
    while (reader != NULL && ccb_reader_next(reader, &c, error)) {
        bool ok = true;
        if (!copy->options.top) /* that runs beside other work, which has the progress */
            ccb_progress_update(ccb_reader_position(reader));
        if (c == NULL)
            return ccb_qcow2_writer_finish(writer, error);
        if (c->result == CCB_RESULT_PLAIN)
            ok = ccb_qcow2_writer_plain(writer, c->index, c->data, error);
        else if (c->result == CCB_RESULT_COMPRESSED)
            ok = ccb_qcow2_writer_compressed(writer, c->index, c->packed, c->packed_length, error);
        else if (copy->options.top)
            ok = ccb_qcow2_writer_zeros(writer, c->index, c->count, error);
        if (!ok)
            return false;
    }
    return false;
}

bool ccb_qcow2_flatten(CcbQcow2Chain *chain, const char *path, bool compress, GError **error)
{
    Copy copy = {.chain = chain, .options.compress = compress};
    return write_file(&copy, path, error);
}

bool ccb_qcow2_pack(const char *source, const char *path, const char *backing, GError **error)
{
    bool foreign;
    GError *reason = NULL;
    g_autoptr(CcbQcow2Chain) chain = ccb_qcow2_chain_open(source, "qcow2", &foreign, &reason);
    if (chain == NULL && foreign) { /* what lies below can't be looked at: all zeros are kept */
        g_clear_error(&reason);
        chain = ccb_qcow2_chain_open_top(source, &reason);
    }
    if (chain == NULL) {
        g_propagate_error(error, reason);
        return false;
    }
    if (ccb_qcow2_chain_header(chain)->cluster_bits != CCB_CLUSTER_BITS)
        return ccb_fail(error, CCB_ERR_INTERNAL, "%s: not of 64 KiB clusters", source);
    if (ccb_qcow2_chain_header(chain)->backing_format == NULL)
        return ccb_fail(error, CCB_ERR_INPUT, "%s: names no format of a backing file", source);
    Copy copy = {.chain = chain, .options = {.top = true, .compress = true}, .backing = backing};
    return write_file(&copy, path, error);
}
