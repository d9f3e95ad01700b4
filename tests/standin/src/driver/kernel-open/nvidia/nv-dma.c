// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: memory that a device could reach. */
#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>
#include <linux/vmalloc.h>
#include "nv-standin.h"

int nv_dma_alloc(struct nv_dma_buffer *buffer)
{
	buffer->address = dma_alloc_coherent(buffer->device, buffer->size,
					     &buffer->handle, GFP_KERNEL);
	return buffer->address ? 0 : -ENOMEM;
}

void nv_dma_free(struct nv_dma_buffer *buffer)
{
	dma_free_coherent(buffer->device, buffer->size, buffer->address, buffer->handle);
	buffer->address = NULL;
}

static int __maybe_unused nv_dma_map_scatter(struct device *device, struct page **pages, unsigned int count,
		       struct sg_table *table)
{
	int rc = sg_alloc_table_from_pages(table, pages, count, 0,
					   (unsigned long)count << PAGE_SHIFT, GFP_KERNEL);

	if (rc)
		return rc;
	if (dma_map_sg(device, table->sgl, table->orig_nents, DMA_BIDIRECTIONAL))
		return 0;
	sg_free_table(table);
	return -EIO;
}
