/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The units that Alibaba Cloud's guide for gn8v-tee orders. */
#pragma once

/* Once it is up others may use the GPU, so that they are to come after it. */
#define CCB_PERSISTENCED "nvidia-persistenced.service"
/* Of eight GPUs; nvidia-persistenced comes after it. */
#define CCB_FABRICMANAGER "nvidia-fabricmanager.service"

/* Both; ends with NULL. */
extern const char *const ccb_gpu_units[];

/* Users of the GPU that the guide starts after nvidia-persistenced; ends with NULL. */
extern const char *const ccb_gpu_consumers[];
