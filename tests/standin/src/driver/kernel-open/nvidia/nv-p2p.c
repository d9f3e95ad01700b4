// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: the peer-to-peer interface that nvidia-peermem builds on. */
#include <linux/slab.h>
#include <linux/overflow.h>
#include "nv-standin.h"

static struct nv_page_table *nv_p2p_new_table(u64 address, u64 length)
{
	struct nv_page_table *table = kzalloc(sizeof(*table), GFP_KERNEL);

	if (!table)
		return NULL;
	table->start = address;
	table->count = length >> PAGE_SHIFT;
	table->pages = kvcalloc(table->count, sizeof(*table->pages), GFP_KERNEL);
	if (table->pages)
		return table;
	kfree(table);
	return NULL;
}

int nvidia_p2p_get_pages(u64 token, u64 address, u64 length, struct nv_page_table **result)
{
	struct nv_page_table *table;
	int rc;

	if (!nv_pci_devices_found() || token)
		return -ENODEV;
	table = nv_p2p_new_table(address, length);
	if (!table)
		return -ENOMEM;
	rc = nv_lock_user_pages(table);
	if (rc) {
		kvfree(table->pages);
		kfree(table);
		return rc;
	}
	*result = table;
	return 0;
}
EXPORT_SYMBOL(nvidia_p2p_get_pages);

int nvidia_p2p_put_pages(struct nv_page_table *table)
{
	nv_unlock_user_pages(table);
	kvfree(table->pages);
	kfree(table);
	return 0;
}
EXPORT_SYMBOL(nvidia_p2p_put_pages);
