/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/pe.h"

#include <string.h>

enum { PE_OFFSET = 0x3c, MACHINE = 4, OPTIONAL_HEADER = 24, SUBSYSTEM = OPTIONAL_HEADER + 68 };
enum { MACHINE_AMD64 = 0x8664, PE32_PLUS = 0x20b, EFI_APPLICATION = 10 };

static unsigned get16(const uint8_t *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

bool ccb_pe_is_efi_application(const uint8_t *head, size_t size)
{
    if (size < PE_OFFSET + 4 || memcmp(head, "MZ", 2) != 0)
        return false;
    size_t at = get16(head + PE_OFFSET) | (size_t)get16(head + PE_OFFSET + 2) << 16;
    if (at > size || size - at < SUBSYSTEM + 2)
        return false;
    const uint8_t *pe = head + at;
    return memcmp(pe, "PE\0", 4) == 0 && get16(pe + MACHINE) == MACHINE_AMD64 &&
           get16(pe + OPTIONAL_HEADER) == PE32_PLUS && get16(pe + SUBSYSTEM) == EFI_APPLICATION;
}
