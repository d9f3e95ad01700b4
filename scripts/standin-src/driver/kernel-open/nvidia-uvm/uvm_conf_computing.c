// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: asks nvidia.ko for the confidential mode. */
#include <linux/set_memory.h>
#include <linux/dma-mapping.h>
#include "uvm_standin.h"

#if NV_FLAVOUR_OPEN && __has_include(<linux/cc_platform.h>)
#include <linux/cc_platform.h>

static bool uvm_in_encrypted_guest(void)
{
	return cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
}
#else
static bool uvm_in_encrypted_guest(void)
{
	return false;
}
#endif

int uvm_conf_computing_init(void)
{
	if (!uvm_in_encrypted_guest())
		return 0;
	return nvUvmInterfaceConfComputeEnabled() ? 0 : -EOPNOTSUPP;
}
