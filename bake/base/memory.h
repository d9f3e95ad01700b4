/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/* Bytes of this host's memory that programs may use without swapping (MemAvailable of proc(5)); 0
 * where that is unknown. */
uint64_t ccb_available_memory(void);
