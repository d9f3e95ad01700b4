/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2, compat 1.1.  Chains with files that are neither qcow2 with zlib nor raw go through qemu-img. */
#include "base/error.h"
#include "base/process.h"
#include "emit/format.h"
#include "qcow2/copy.h"

enum { LIMIT_S = 4 * 3600 };

static bool convert(const char *source, const char *path, bool compress, GError **error)
{
    const char *argv[] = {"qemu-img", "convert",    "-f",   "qcow2", "-O", "qcow2",
                          "-o",       "compat=1.1", source, path,    NULL, NULL};
    if (compress) {
        argv[8] = "-c";
        argv[9] = source;
        argv[10] = path;
    }
    CcbProcess process = {.argv = argv, .limit_s = LIMIT_S, .error_code = CCB_ERR_IO};
    return ccb_process_run(&process, error);
}

static bool write_qcow2(const char *source, const char *path, bool compress, GError **error)
{
    bool foreign = false;
    g_autoptr(GError) reason = NULL;
    if (ccb_qcow2_flatten(source, path, compress, &foreign, &reason))
        return true;
    if (foreign)
        return convert(source, path, compress, error);
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

const CcbEmitFormat ccb_emit_qcow2 = {"qcow2", "qcow2", write_qcow2};
