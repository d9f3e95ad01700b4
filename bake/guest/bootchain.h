/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What GRUB starts from an image: the grub.cfg beside it on the EFI system partition, or that of /boot/grub2 where the
 * partition has none, as firmware and GRUB go through them (text/grubscript.h).  Verdicts, edits, plan and boot all go by
 * it.
 */
#pragma once

#include "guest/esp.h"
#include "guest/guest.h"
#include "text/grubscript.h"

#define CCB_GRUBCFG_PATH "/boot/grub2/grub.cfg"

/* What follows from EFI/DIRECTORY/grub.cfg; its problem is NULL where that leads to a kernel.  NULL with an error for a
 * disk that can't be read; NULL without one where there is no such file. */
CcbGrubMenu *ccb_bootchain_of_directory(CcbGuest *guest, CcbEsp *esp, const char *directory,
                                        GError **error);

/* What the image starts.  Where that can't be told, the menu's problem says why, and its entries are those that are
 * probably meant.  NULL on error. */
CcbGrubMenu *ccb_bootchain_of_guest(CcbGuest *guest, GError **error);

/* Where a running guest has a file of GRUB's: "(hd0,gpt3)/x" is "/x" if that partition is the root.  What is on another
 * one keeps the spelling of GRUB.  Caller frees. */
char *ccb_bootchain_path(CcbGuest *guest, const CcbGrubPath *path);
