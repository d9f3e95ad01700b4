/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of a guest may not ask of the host's kernel, which they share with it under the host backend: what no
 * namespace holds (keys, tracing of the kernel, modules, clocks), and what made kernels fail before (new user namespaces,
 * mounts, io_uring).  Installers, rpm, dnf, dracut and pip need none of it.
 */
#pragma once

#include <glib.h>

/* A seccomp filter in the form that bubblewrap's --seccomp takes; the caller closes the descriptor.  -1 on error: CCB_ERR_HOST. */
int ccb_syscall_filter(GError **error);
