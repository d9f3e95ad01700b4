/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image and its backing files.
 *
 *     g_autoptr(CcbChain) chain = ccb_chain_open(path, &foreign, error);
 *     for (offset = 0; offset < ccb_chain_size(chain); offset += piece.size)
 *         ccb_chain_map(chain, offset, as many as wanted, &piece, error);
 */
#pragma once

#include "emit/qcow2-layer.h"

typedef struct CcbChain CcbChain;

/* Opens the qcow2 file `path` and what it is based on, qcow2 or raw.  Errors: CCB_ERR_INPUT, with
 * *ret_foreign as in ccb_layer_open(). */
CcbChain *ccb_chain_open(const char *path, bool *ret_foreign, GError **error);
void ccb_chain_free(CcbChain *chain); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbChain, ccb_chain_free)

uint64_t ccb_chain_size(const CcbChain *chain);

/* The part of the disk at `offset`, of at most `size` bytes: ZERO, DATA or COMPRESSED.  The piece's
 * layer belongs to the chain. */
bool ccb_chain_map(CcbChain *chain, uint64_t offset, uint64_t size, CcbPiece *ret_piece,
                   GError **error);
