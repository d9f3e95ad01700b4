/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CRC-64 as OSS reports it (x-oss-hash-crc64ecma): the polynomial of ECMA-182, reflected, all ones
 * before and after; the check value of "123456789" is 995dc9bbdf1939fa.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc`, the CRC of all before; 0 to begin with. */
uint64_t ccb_crc64(uint64_t crc, const void *data, size_t size);

/* The CRC of two pieces one behind the other, from those of each; `size` bytes are in the second.
 */
uint64_t ccb_crc64_combine(uint64_t first, uint64_t second, uint64_t size);
