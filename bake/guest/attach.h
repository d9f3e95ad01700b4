/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image file as a mounted directory of this host, without an nbd module and without partition nodes:
 *
 *     qcow2 ► qemu-storage-daemon, fuse export ► loop device at the partition's offset ► mount
 *
 * All of it hangs on this process: the mounts are in a mount namespace of its own, the loop device clears itself when
 * its mount goes, the daemon gets SIGKILL when we die.  Needs root, /dev/fuse and loop.
 *
 *     CcbAttach *a = ccb_attach_open(image, "qcow2", false, error);    exported, partition table read
 *     ccb_attach_mount(a, partition, false, error)                     ccb_attach_root(a) is its directory
 *     ccb_attach_close(a, true, error)                                 trim, unmount, flush
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "guest/disk.h"

typedef struct CcbAttach CcbAttach;

/* Exports the image and reads its partition table.  Errors: CCB_ERR_HOST, CCB_ERR_INPUT (no partition table). */
CcbAttach *ccb_attach_open(const char *image, const char *format, bool read_only, GError **error);

/* Extends the last partition and its file system to the end of the disk (grow.h), and reads the table again. */
bool ccb_attach_grow(CcbAttach *attach, GError **error);

/* The table, with what libblkid says of each partition; belongs to the attachment. */
CcbDisk *ccb_attach_disk(CcbAttach *attach);

/* Reads bytes of the disk.  Errors: CCB_ERR_IO, CCB_ERR_INPUT (also where it ends before). */
bool ccb_attach_pread(CcbAttach *attach, void *buffer, size_t size, uint64_t offset,
                      GError **error);

/* Mounts one partition, with nodev and nosuid, and read-only where the image is; one at a time.  Errors: CCB_ERR_HOST,
 * CCB_ERR_INPUT; CCB_ERR_IO for unmounting. */
bool ccb_attach_mount(CcbAttach *attach, const CcbPartition *partition, bool read_only,
                      GError **error);
bool ccb_attach_unmount(CcbAttach *attach, GError **error);

const char *ccb_attach_empty(const CcbAttach *attach); /* that of one with nothing in it */
const char *ccb_attach_root(const CcbAttach *attach);  /* host path of the mounted directory */

/* Unmounts, ends the daemon, and frees; with `trim` it discards all free blocks before, and not only
 * those that were freed since.  false: the image may not be complete. */
bool ccb_attach_close(CcbAttach *attach, bool trim, GError **error);
void ccb_attach_free(CcbAttach *attach); /* accepts NULL; no flush is waited for */
