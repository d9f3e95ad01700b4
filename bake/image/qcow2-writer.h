/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes a qcow2 file (version 3, 64 KiB clusters, 16-bit refcounts, zlib) from its clusters, which
 * come in the order of the disk:
 *
 *     header │ clusters, and each L2 table behind those of its part of the disk │ L1 │ refcounts
 *
 * Compressed clusters are packed byte by byte; plain ones are gathered and written a mebibyte at a
 * time between them.  Nothing but the calls decides where things go.  The header comes last: until
 * then the file is no qcow2 file.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct CcbQcow2Writer CcbQcow2Writer;

/* Takes an empty file, open for writing; `name` is for messages. */
CcbQcow2Writer *ccb_qcow2_writer_new(int fd, const char *name, uint64_t disk_size);
void ccb_qcow2_writer_free(CcbQcow2Writer *writer); /* does not close the file; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbQcow2Writer, ccb_qcow2_writer_free)

/* The file will lie over another, whose name is relative to its directory. */
void ccb_qcow2_writer_set_backing(CcbQcow2Writer *writer, const char *name, const char *format);

/* `index` counts clusters of CCB_CLUSTER bytes and rises from call to call.  Errors: CCB_ERR_IO. */
bool ccb_qcow2_writer_plain(CcbQcow2Writer *writer, uint64_t index, const uint8_t *cluster,
                            GError **error);
bool ccb_qcow2_writer_compressed(CcbQcow2Writer *writer, uint64_t index, const uint8_t *data,
                                 uint32_t length, GError **error);
/* `count` clusters that read as zeros, whatever the backing file has. */
bool ccb_qcow2_writer_zeros(CcbQcow2Writer *writer, uint64_t index, uint64_t count, GError **error);
bool ccb_qcow2_writer_finish(CcbQcow2Writer *writer, GError **error);
