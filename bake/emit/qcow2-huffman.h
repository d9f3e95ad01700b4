/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Length-limited canonical Huffman codes, as deflate wants them (RFC 1951, 3.2.2). */
#pragma once

#include <stdint.h>

enum { CCB_HUFFMAN_SYMBOLS = 288, CCB_HUFFMAN_BITS = 15 };

typedef struct {
    uint16_t code[CCB_HUFFMAN_SYMBOLS]; /* bits in the order in which they are written */
    uint8_t length[CCB_HUFFMAN_SYMBOLS];
} CcbHuffman;

/* The code for `n` symbols of these frequencies, none longer than `limit` bits.  At least two
 * symbols get a code, so that it is complete. */
void ccb_huffman_build(CcbHuffman *huffman, const uint32_t *frequency, unsigned n, unsigned limit);
