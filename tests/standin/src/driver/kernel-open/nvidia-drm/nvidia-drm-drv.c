// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: a kernel without DRM builds it too, as the real one does. */
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/console.h>
#include <linux/vmalloc.h>
#include "nv-standin.h"

int nv_drm_probe_devices(void);

int nv_drm_probe_devices(void)
{
	char table[64];

	return nvKmsKapiGetFunctionsTable(table);
}
