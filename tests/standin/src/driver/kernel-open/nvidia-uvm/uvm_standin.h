/* SPDX-License-Identifier: GPL-2.0-or-later OR MIT */
/* STAND-IN: what the files of nvidia-uvm.ko share. */
#ifndef UVM_STANDIN_H
#define UVM_STANDIN_H
#include <linux/list.h>
#include <linux/rbtree.h>
#include "nv-standin.h"

struct uvm_va_space;

struct uvm_va_space *uvm_va_space_create(void);
void uvm_va_space_destroy(struct uvm_va_space *space);
int uvm_va_range_insert(struct uvm_va_space *space, u64 start, u64 end);
int uvm_pmm_init(void);
void uvm_pmm_exit(void);
int uvm_conf_computing_init(void);
#endif
