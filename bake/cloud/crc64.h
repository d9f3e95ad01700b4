/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CRC-64 as lzma_crc64() of liblzma computes it, and as OSS reports it (x-oss-hash-crc64ecma): the
 * polynomial of ECMA-182, reflected, all ones before and after.
 */
#pragma once

#include <stdint.h>

/* The CRC of two pieces together, from the CRC of each; `size`: bytes of the second piece. */
uint64_t ccb_crc64_combine(uint64_t first, uint64_t second, uint64_t size);
