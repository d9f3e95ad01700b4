/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guide/gpu-units.h"

#include <stddef.h>

const char *const ccb_gpu_units[] = {CCB_PERSISTENCED, CCB_FABRICMANAGER, NULL};

const char *const ccb_gpu_consumers[] = {"cloudmonitor.service", "nvidia-cdi-refresh.service",
                                         "ollama.service", NULL};
