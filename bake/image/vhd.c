/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/vhd.h"

#include <string.h>

#include "base/error.h"

/* Where the fields are. */
enum {
    COOKIE = 0,
    FEATURES = 8,
    VERSION = 12,
    DATA_OFFSET = 16,
    CREATOR = 28,
    CREATOR_VERSION = 32,
    CREATOR_HOST = 36,
    ORIGINAL_SIZE = 40,
    CURRENT_SIZE = 48,
    CYLINDERS = 56,
    HEADS = 58,
    SECTORS = 59,
    TYPE = 60,
    CHECKSUM = 64,
    UNIQUE_ID = 68,
};

enum { FEATURE_RESERVED = 2, VERSION_1 = 0x00010000, TYPE_FIXED = 2, SECTOR = 512 };
enum { MAX_CYLINDERS = 65535, MAX_HEADS = 16, MAX_SECTORS = 255 };

static const char cookie[] = "conectix";
static const char creator[] = "qem2"; /* QEMU's name for files whose size counts */

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* The one's complement of the sum of all bytes but the checksum's own. */
static uint32_t checksum(const uint8_t *footer)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < CCB_VHD_FOOTER; i++)
        if (i < CHECKSUM || i >= UNIQUE_ID)
            sum += footer[i];
    return ~sum;
}

/* As QEMU has it (block/vpc.c): a full geometry, and some creators, say that the size counts. */
static bool is_size_plain(const uint8_t *footer, uint64_t size)
{
    static const char creators[][5] = {"qem2", "win ", "d2v ", "CTXS", "tap"};
    uint64_t cylinders = get(footer + CYLINDERS, 2), heads = footer[HEADS];
    uint64_t product = cylinders * heads * footer[SECTORS] * SECTOR;
    bool full = cylinders == MAX_CYLINDERS && heads == MAX_HEADS && footer[SECTORS] == MAX_SECTORS;
    for (unsigned i = 0; i < G_N_ELEMENTS(creators); i++)
        if (memcmp(footer + CREATOR, creators[i], 4) == 0)
            return true;
    return full || product == size;
}

bool ccb_vhd_is_footer(const uint8_t footer[CCB_VHD_FOOTER])
{
    return memcmp(footer + COOKIE, cookie, strlen(cookie)) == 0;
}

bool ccb_vhd_parse(const uint8_t footer[CCB_VHD_FOOTER], CcbVhd *ret, GError **error)
{
    if (!ccb_vhd_is_footer(footer))
        return ccb_fail(error, CCB_ERR_INPUT, "no VHD footer");
    if (get(footer + VERSION, 4) >> 16 != VERSION_1 >> 16)
        return ccb_fail(error, CCB_ERR_INPUT, "VHD footer: version 0x%x is not known",
                        (unsigned)get(footer + VERSION, 4));
    if (get(footer + CHECKSUM, 4) != checksum(footer))
        return ccb_fail(error, CCB_ERR_INPUT, "VHD footer: the checksum is wrong");
    uint64_t size = get(footer + CURRENT_SIZE, 8);
    if (size % SECTOR != 0)
        return ccb_fail(error, CCB_ERR_INPUT, "VHD footer: a size of no whole sectors");
    *ret = (CcbVhd){.fixed = get(footer + TYPE, 4) == TYPE_FIXED,
                    .size = size,
                    .size_is_plain = is_size_plain(footer, size)};
    return true;
}

void ccb_vhd_build(uint64_t size, const uint8_t unique_id[CCB_VHD_UNIQUE_ID],
                   uint8_t ret_footer[CCB_VHD_FOOTER])
{
    uint8_t *f = ret_footer;
    memset(f, 0, CCB_VHD_FOOTER);
    memcpy(f + COOKIE, cookie, strlen(cookie));
    put(f + FEATURES, FEATURE_RESERVED, 4); /* a bit that is always set */
    put(f + VERSION, VERSION_1, 4);
    put(f + DATA_OFFSET, UINT64_MAX, 8); /* a fixed disk has no header */
    memcpy(f + CREATOR, creator, strlen(creator));
    put(f + CREATOR_VERSION, 0x00050003, 4);
    memcpy(f + CREATOR_HOST, "Wi2k", 4);
    put(f + ORIGINAL_SIZE, size, 8);
    put(f + CURRENT_SIZE, size, 8);
    put(f + CYLINDERS, MAX_CYLINDERS, 2);
    put(f + HEADS, MAX_HEADS, 1);
    put(f + SECTORS, MAX_SECTORS, 1);
    put(f + TYPE, TYPE_FIXED, 4);
    memcpy(f + UNIQUE_ID, unique_id, CCB_VHD_UNIQUE_ID);
    put(f + CHECKSUM, checksum(f), 4);
}
