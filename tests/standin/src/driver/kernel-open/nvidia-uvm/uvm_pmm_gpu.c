// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: a cache of chunks of device memory. */
#include <linux/pagemap.h>
#include <linux/migrate.h>
#include <linux/memremap.h>
#include <linux/hmm.h>
#include "uvm_standin.h"

struct uvm_gpu_chunk {
	struct list_head list;
	u64 address;
	u32 log2_size;
};

static struct kmem_cache *uvm_chunks;

int uvm_pmm_init(void)
{
	uvm_chunks = kmem_cache_create("uvm_gpu_chunk_t", sizeof(struct uvm_gpu_chunk), 0, 0, NULL);
	return uvm_chunks ? 0 : -ENOMEM;
}

void uvm_pmm_exit(void)
{
	kmem_cache_destroy(uvm_chunks);
}
