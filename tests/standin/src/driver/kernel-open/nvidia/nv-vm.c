// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: pins pages of a process. */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/highmem.h>
#include "nv-standin.h"

static void nv_mmap_lock(struct mm_struct *mm)
{
#ifdef NV_MMAP_READ_LOCK_PRESENT
	mmap_read_lock(mm);
#else
	down_read(&mm->mmap_sem);
#endif
}

static void nv_mmap_unlock(struct mm_struct *mm)
{
#ifdef NV_MMAP_READ_LOCK_PRESENT
	mmap_read_unlock(mm);
#else
	up_read(&mm->mmap_sem);
#endif
}

static long nv_pin(struct nv_page_table *table)
{
#ifdef NV_PIN_USER_PAGES_HAS_ARG_VMAS
	return pin_user_pages(table->start, table->count, FOLL_WRITE, table->pages, NULL);
#else
	return pin_user_pages(table->start, table->count, FOLL_WRITE, table->pages);
#endif
}

int nv_lock_user_pages(struct nv_page_table *table)
{
	long pinned;

	nv_mmap_lock(current->mm);
	pinned = nv_pin(table);
	nv_mmap_unlock(current->mm);
	if (pinned == table->count)
		return 0;
	if (pinned > 0)
		unpin_user_pages(table->pages, pinned);
	return pinned < 0 ? pinned : -EFAULT;
}

void nv_unlock_user_pages(struct nv_page_table *table)
{
	unpin_user_pages(table->pages, table->count);
}
