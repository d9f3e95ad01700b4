// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: asks nvidia.ko for the confidential mode. */
#include <linux/set_memory.h>
#include <linux/dma-mapping.h>
#include "uvm_standin.h"

int uvm_conf_computing_init(void)
{
	if (!nvUvmInterfaceInEncryptedGuest())
		return 0;
	return nvUvmInterfaceConfComputeEnabled() ? 0 : -EOPNOTSUPP;
}
