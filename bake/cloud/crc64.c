/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/crc64.h"

/* Polynomials are bit-reflected: bit 63 is the coefficient of x^0. */
static const uint64_t x_to_0 = UINT64_C(1) << 63, x_to_8 = UINT64_C(1) << 55;

/* The product modulo the polynomial of ECMA-182. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
    static const uint64_t polynomial = UINT64_C(0xc96c5795d7870f42);
    uint64_t product = 0;
    for (uint64_t bit = x_to_0; bit != 0; bit >>= 1) {
        product ^= a & bit ? b : 0;
        b = (b >> 1) ^ (b & 1 ? polynomial : 0);
    }
    return product;
}

/* The first CRC is multiplied by x to the number of bits of the second piece, by repeated squaring. */
uint64_t ccb_crc64_combine(uint64_t first, uint64_t second, uint64_t size)
{
    uint64_t shift = x_to_0;
    for (uint64_t power = x_to_8; size > 0; size >>= 1, power = multiply(power, power))
        if (size & 1)
            shift = multiply(shift, power);
    return multiply(first, shift) ^ second;
}
