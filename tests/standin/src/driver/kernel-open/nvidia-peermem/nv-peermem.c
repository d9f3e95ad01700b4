// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN for nvidia-peermem.ko. */
#include <linux/netdevice.h>
#include <linux/if_infiniband.h>
#include "nv-standin.h"

static int peerdirect_support;
module_param(peerdirect_support, int, 0444);

static int __used nv_mem_acquire(u64 address, u64 length, struct nv_page_table **table)
{
	return nvidia_p2p_get_pages(0, address, length, table);
}

/* Without NVIDIA's symbols of InfiniBand, which no kernel of a distribution has, the real one does not load either. */
static int __init nv_mem_client_init(void)
{
#ifndef NV_MLNX_IB_PEER_MEM_SYMBOLS_PRESENT
	printk(KERN_ERR "nvidia-peermem: compiled without IB peer memory symbols\n");
	return -EINVAL;
#else
	struct nv_page_table *table;
	int rc = nv_mem_acquire(0, PAGE_SIZE, &table);

	return rc ? rc : nvidia_p2p_put_pages(table);
#endif
}

static void __exit nv_mem_client_cleanup(void)
{
}

module_init(nv_mem_client_init);
module_exit(nv_mem_client_cleanup);
MODULE_LICENSE("Linux-OpenIB");
MODULE_VERSION(NV_VERSION_STRING);
MODULE_DESCRIPTION("STAND-IN for NVIDIA peer memory");
