/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's command line of the boot says to those who read it later: systemd and cloud-init. */
#pragma once

#include "check/context.h"
#include "text/cmdline.h"

/* The command line of the entry that boots.  NULL where it is not known yet (before a bake) or can't be split, which
 * kernel.default-entry and kernel.args-entries report; and on error. */
const CcbCmdline *ccb_check_cmdline(CcbCheckContext *ctx, GError **error);

/* The unit that systemd starts in place of default.target, because of systemd.unit= or of the number or word of a
 * runlevel ("3", "single"); the last one counts.  NULL: none; caller frees. */
char *ccb_cmdline_target(const CcbCmdline *line);

/* The units of all KEY=UNIT, with ".service" where they have no type; caller frees. */
char **ccb_cmdline_units(const CcbCmdline *line, const char *key);
