/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes and durations as messages print them.  Callers free the strings. */
#pragma once

#include <stdint.h>

/* "5.4 GB", "812 kB": decimal units, as vendors print sizes. */
char *ccb_format_size(uint64_t bytes);

/* "4.2 s", "3 min 12 s". */
char *ccb_format_seconds(double seconds);
