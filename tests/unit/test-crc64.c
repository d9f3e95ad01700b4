/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cloud/crc64.h"

#include "tap.h"

int main(void)
{
    static const char check[] = "123456789";
    ok(ccb_crc64(0, check, 9) == UINT64_C(0x995dc9bbdf1939fa), "the check value of CRC-64/XZ");
    ok(ccb_crc64(0, "", 0) == 0, "nothing");
    ok(ccb_crc64(ccb_crc64(0, check, 4), check + 4, 5) == ccb_crc64(0, check, 9), "in two calls");

    enum { SIZE = 100003 };
    g_autofree unsigned char *data = g_malloc(SIZE);
    for (unsigned i = 0; i < SIZE; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 13);
    uint64_t whole = ccb_crc64(0, data, SIZE);
    bool same = true;
    static const unsigned cuts[] = {0, 1, 7, 8, 4096, 65537, SIZE - 1, SIZE};
    for (unsigned i = 0; i < G_N_ELEMENTS(cuts); i++) {
        uint64_t first = ccb_crc64(0, data, cuts[i]);
        uint64_t second = ccb_crc64(0, data + cuts[i], SIZE - cuts[i]);
        same = same && ccb_crc64_combine(first, second, SIZE - cuts[i]) == whole;
    }
    ok(same, "two pieces combined are the whole, wherever it is cut");
    return done();
}
