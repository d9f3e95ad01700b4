/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* Once it is up others may use the GPU, so that they are to come after it. */
#define CCB_BOOT_PERSISTENCE "nvidia-persistenced.service"

/* Whether a unit talks to GPU or NVSwitch itself, and fails on a machine that has none. */
bool ccb_boot_needs_gpu(const char *unit);
