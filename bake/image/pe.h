/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The headers of EFI programs (Microsoft, "PE Format"; UEFI specification 2.10, section 2.1.1). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a file that begins with these bytes is an EFI application for x86-64. */
bool ccb_pe_is_efi_application(const uint8_t *head, size_t size);
