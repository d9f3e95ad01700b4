/* SPDX-License-Identifier: GPL-2.0-or-later OR MIT */
/* STAND-IN: which flavour this directory builds. kernel/ has its own copy. */
#ifndef NV_FLAVOUR_H
#define NV_FLAVOUR_H
#define NV_FLAVOUR_OPEN 1
#define NV_MODULE_LICENSE "Dual MIT/GPL"
#define NV_FLAVOUR_NAME "NVIDIA UNIX Open Kernel Module (STAND-IN)"
#endif
