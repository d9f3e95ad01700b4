// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN for nvidia-drm.ko. */
#include <linux/module.h>
#include "nv-standin.h"

int nv_drm_probe_devices(void);

static bool nv_drm_modeset;
module_param_named(modeset, nv_drm_modeset, bool, 0400);
static bool nv_drm_fbdev;
module_param_named(fbdev, nv_drm_fbdev, bool, 0400);

static int __init nv_linux_drm_init(void)
{
	return nv_drm_modeset ? nv_drm_probe_devices() : 0;
}

static void __exit nv_linux_drm_exit(void)
{
}

module_init(nv_linux_drm_init);
module_exit(nv_linux_drm_exit);
MODULE_LICENSE(NV_MODULE_LICENSE);
MODULE_VERSION(NV_VERSION_STRING);
MODULE_DESCRIPTION("STAND-IN for NVIDIA DRM");
