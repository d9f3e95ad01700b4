// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: the ranges of one process, in a tree. */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include "uvm_standin.h"

struct uvm_va_range {
	struct rb_node node;
	u64 start, end;
};

struct uvm_va_space {
	struct rw_semaphore lock;
	struct rb_root ranges;
};

struct uvm_va_space *uvm_va_space_create(void)
{
	struct uvm_va_space *space = kzalloc(sizeof(*space), GFP_KERNEL);

	if (!space)
		return NULL;
	init_rwsem(&space->lock);
	space->ranges = RB_ROOT;
	return space;
}

void uvm_va_space_destroy(struct uvm_va_space *space)
{
	struct uvm_va_range *range, *next;

	rbtree_postorder_for_each_entry_safe(range, next, &space->ranges, node)
		kfree(range);
	kfree(space);
}

/* The place for RANGE, or false if it overlaps one that is there. */
static bool uvm_va_range_place(struct uvm_va_space *space, struct uvm_va_range *range)
{
	struct rb_node **link = &space->ranges.rb_node, *parent = NULL;

	while (*link) {
		struct uvm_va_range *other = rb_entry(*link, struct uvm_va_range, node);

		parent = *link;
		if (range->end <= other->start)
			link = &parent->rb_left;
		else if (range->start >= other->end)
			link = &parent->rb_right;
		else
			return false;
	}
	rb_link_node(&range->node, parent, link);
	rb_insert_color(&range->node, &space->ranges);
	return true;
}

int uvm_va_range_insert(struct uvm_va_space *space, u64 start, u64 end)
{
	struct uvm_va_range *range = kzalloc(sizeof(*range), GFP_KERNEL);
	bool placed;

	if (!range)
		return -ENOMEM;
	range->start = start;
	range->end = end;
	down_write(&space->lock);
	placed = uvm_va_range_place(space, range);
	up_write(&space->lock);
	if (placed)
		return 0;
	kfree(range);
	return -EEXIST;
}
