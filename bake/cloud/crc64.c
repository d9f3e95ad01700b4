/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/crc64.h"

#include <glib.h>
#include <string.h>

enum { SLICES = 8 }; /* bytes taken at a time */

/* Bit 63 is the coefficient of x^0, as the CRC is reflected. */
static const uint64_t polynomial = UINT64_C(0xc96c5795d7870f42);
static const uint64_t x_to_0 = UINT64_C(1) << 63, x_to_8 = UINT64_C(1) << 55;

static uint64_t times_x(uint64_t a)
{
    return (a >> 1) ^ (a & 1 ? polynomial : 0);
}

/* table[n][byte]: what `byte` contributes when n more bytes follow it. */
static const uint64_t (*tables(void))[256]
{
    static uint64_t table[SLICES][256];
    static gsize ready;
    if (!g_once_init_enter(&ready))
        return (const uint64_t(*)[256])table;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = times_x(crc);
        table[0][byte] = crc;
    }
    for (int n = 1; n < SLICES; n++)
        for (unsigned byte = 0; byte < 256; byte++) {
            uint64_t before = table[n - 1][byte];
            table[n][byte] = (before >> 8) ^ table[0][before & 0xff];
        }
    g_once_init_leave(&ready, 1);
    return (const uint64_t(*)[256])table;
}

uint64_t ccb_crc64(uint64_t crc, const void *data, size_t size)
{
    const uint64_t(*table)[256] = tables();
    const unsigned char *p = data;
    crc = ~crc;
    for (; size >= SLICES; size -= SLICES, p += SLICES) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        crc ^= GUINT64_FROM_LE(word);
        uint64_t next = 0;
        for (int n = 0; n < SLICES; n++)
            next ^= table[SLICES - 1 - n][(crc >> (8 * n)) & 0xff];
        crc = next;
    }
    for (; size > 0; size--)
        crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 0xff];
    return ~crc;
}

/* Modulo the polynomial. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (uint64_t bit = x_to_0; bit != 0; bit >>= 1, b = times_x(b))
        product ^= a & bit ? b : 0;
    return product;
}

uint64_t ccb_crc64_combine(uint64_t first, uint64_t second, uint64_t size)
{
    uint64_t shift = x_to_0; /* x to the number of bits in the second */
    for (uint64_t power = x_to_8; size > 0; size >>= 1, power = multiply(power, power))
        if (size & 1)
            shift = multiply(shift, power);
    return multiply(first, shift) ^ second;
}
