/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The footer of a VHD file (Microsoft, "Virtual Hard Disk Image Format Specification", "Hard Disk
 * Footer Format"): its last 512 bytes; in a fixed disk the sectors stand before it and nothing else.
 * All numbers are big endian.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { CCB_VHD_FOOTER = 512, CCB_VHD_UNIQUE_ID = 16 };

typedef struct {
    bool fixed;    /* otherwise dynamic or differencing */
    uint64_t size; /* "Current Size" of the disk in bytes */
    /* All who read it find that size.  Some take the product of the geometry instead, which can say
     * less than the true size, where the creator is one that means it so. */
    bool size_is_plain;
} CcbVhd;

/* Whether the bytes begin as a footer does. */
bool ccb_vhd_is_footer(const uint8_t footer[CCB_VHD_FOOTER]);

/* Errors: CCB_ERR_INPUT (no footer, another version, wrong checksum). */
bool ccb_vhd_parse(const uint8_t footer[CCB_VHD_FOOTER], CcbVhd *ret, GError **error);

/* The footer of a fixed disk, as `qemu-img -o subformat=fixed,force_size` writes it: with a geometry
 * that says that the size counts, and no time, so that the same disk gives the same bytes. */
void ccb_vhd_build(uint64_t size, const uint8_t unique_id[CCB_VHD_UNIQUE_ID],
                   uint8_t ret_footer[CCB_VHD_FOOTER]);
