/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* Whether a unit talks to GPU or NVSwitch itself, and fails on a machine that has none. */
bool ccb_boot_needs_gpu(const char *unit);
