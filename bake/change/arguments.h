/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel arguments in every place from which one can reach a boot, as `grubby --update-kernel=ALL`
 * does and more: the options of boot entries, kernelopts and default_kernelopts in grubenv and
 * grub.cfg, menu entries in grub.cfg itself, GRUB_CMDLINE_LINUX and GRUB_CMDLINE_LINUX_DEFAULT for the next
 * grub2-mkconfig, /etc/kernel/cmdline for the next kernel.  grub2-mkconfig itself is never run: it can clobber boot entries.
 */
#pragma once

#include "change/change.h"
#include "guest/facts.h"

/* One CCB_CHANGE_EDIT for each of these files; `change` is a CCB_CHANGE_ARGUMENTS, and the result
 * borrows it.  `facts` name the boot entries; NULL: none is known.  Caller unrefs. */
GPtrArray *ccb_arguments_edits(const CcbChange *change, const CcbFacts *facts);

/* The arguments `line` after the change; caller frees; NULL on error. */
char *ccb_arguments_edit(const CcbChange *change, const char *line, GError **error);
