// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: the interface that nvidia-drm.ko asks for. */
#include <linux/module.h>
#include <linux/fb.h>
#include <linux/i2c.h>
#include "nv-standin.h"

int nvKmsKapiGetFunctionsTable(void *table)
{
	return table ? nvidia_get_rm_ops(0) : -EINVAL;
}
EXPORT_SYMBOL(nvKmsKapiGetFunctionsTable);
