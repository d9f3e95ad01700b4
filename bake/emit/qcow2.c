/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2, compat 1.1, through qemu-img. */
#include "base/error.h"
#include "base/process.h"
#include "emit/format.h"

enum { LIMIT_S = 4 * 3600 };

static bool write_qcow2(const char *source, const char *path, bool compress, GError **error)
{
    const char *argv[] = {"qemu-img", "convert", "-f", "qcow2",  "-O",  "qcow2",
                          "-o",       "compat=1.1", source, path, NULL, NULL};
    if (compress) {
        argv[8] = "-c";
        argv[9] = source;
        argv[10] = path;
    }
    CcbProcess process = {.argv = argv, .limit_s = LIMIT_S, .error_code = CCB_ERR_IO};
    return ccb_process_run(&process, error);
}

const CcbEmitFormat ccb_emit_qcow2 = {"qcow2", "qcow2", write_qcow2};
