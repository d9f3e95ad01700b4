/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/crc64.h"

#include <lzma.h>

#include "tap.h"

int main(void)
{
    ok(lzma_crc64((const uint8_t *)"123456789", 9, 0) == UINT64_C(0x995dc9bbdf1939fa),
       "the check value of CRC-64/XZ");

    enum { SIZE = 100003 };
    g_autofree unsigned char *data = g_malloc(SIZE);
    for (unsigned i = 0; i < SIZE; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 13);
    uint64_t whole = lzma_crc64(data, SIZE, 0);
    bool same = true;
    static const unsigned cuts[] = {0, 1, 7, 8, 4096, 65537, SIZE - 1, SIZE};
    for (unsigned i = 0; i < G_N_ELEMENTS(cuts); i++) {
        uint64_t first = lzma_crc64(data, cuts[i], 0);
        uint64_t second = lzma_crc64(data + cuts[i], SIZE - cuts[i], 0);
        same = same && ccb_crc64_combine(first, second, SIZE - cuts[i]) == whole;
    }
    ok(same, "two pieces combined are the whole, wherever it is cut");
    return done();
}
