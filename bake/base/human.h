/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quantities as people read them, and words as they meant them. */
#pragma once

#include <stdint.h>

/* "5.4 GB", "812 kB": decimal units, as vendors print sizes.  Caller frees. */
char *ccb_format_size(uint64_t bytes);
/* "4.2 s", "3 min 12 s".  Caller frees. */
char *ccb_format_seconds(double seconds);

/* The name in `names` (NULL-terminated) that `word` was probably meant to be, or NULL. */
const char *ccb_did_you_mean(const char *word, const char *const *names);
