/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image and its backing files.
 *
 *     g_autoptr(CcbQcow2Chain) chain = ccb_qcow2_chain_open(path, "qcow2", &foreign, error);
 *     for (offset = 0; offset < ccb_qcow2_chain_size(chain); offset += piece.size)
 *         ccb_qcow2_chain_map(chain, offset, as many as wanted, &piece, error);
 */
#pragma once

#include "image/qcow2-file.h"

typedef struct CcbQcow2Chain CcbQcow2Chain;

/* Opens the file `path`, whose format is `format`, and what it is based on.  Errors: CCB_ERR_INPUT,
 * with *ret_foreign as in ccb_qcow2_file_open(). */
CcbQcow2Chain *ccb_qcow2_chain_open(const char *path, const char *format, bool *ret_foreign,
                                    GError **error);
/* Opens a qcow2 file alone, which may be based on anything. */
CcbQcow2Chain *ccb_qcow2_chain_open_top(const char *path, GError **error);
void ccb_qcow2_chain_free(CcbQcow2Chain *chain); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbQcow2Chain, ccb_qcow2_chain_free)

/* The header of the file itself; belongs to the chain. */
const CcbQcow2Header *ccb_qcow2_chain_header(const CcbQcow2Chain *chain);

uint64_t ccb_qcow2_chain_size(const CcbQcow2Chain *chain);

/* Bytes of the disk that are not known to be zeros: what a sparse copy takes, at most. */
bool ccb_qcow2_chain_data(CcbQcow2Chain *chain, uint64_t *ret_bytes, GError **error);

/* Refuses files that QEMU has open for writing.  Errors: CCB_ERR_BUSY. */
bool ccb_qcow2_chain_check_idle(const CcbQcow2Chain *chain, GError **error);

/* Whether the files are as they were when they were opened.  Errors: CCB_ERR_INPUT. */
bool ccb_qcow2_chain_check_unchanged(const CcbQcow2Chain *chain, GError **error);

/* The part of the disk at `offset`, of at most `size` bytes: ZERO, DATA or COMPRESSED.  The piece's
 * file belongs to the chain. */
bool ccb_qcow2_chain_map(CcbQcow2Chain *chain, uint64_t offset, uint64_t size, CcbPiece *ret_piece,
                         GError **error);

/* As above, of what the first file itself holds: UNALLOCATED, too, also for zeros where what the
 * file is based on has zeros. */
bool ccb_qcow2_chain_map_top(CcbQcow2Chain *chain, uint64_t offset, uint64_t size,
                             CcbPiece *ret_piece, GError **error);
