// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: maps a register window into a process. */
#include <linux/mm.h>
#include <linux/io.h>
#include "nv-standin.h"

static void nv_vma_open(struct vm_area_struct *vma)
{
	__module_get(THIS_MODULE);
}

static void nv_vma_release(struct vm_area_struct *vma)
{
	module_put(THIS_MODULE);
}

static const struct vm_operations_struct nv_vm_ops = {
	.open = nv_vma_open,
	.close = nv_vma_release,
};

static void nv_vma_flags(struct vm_area_struct *vma)
{
#ifdef NV_VM_FLAGS_SET_PRESENT
	vm_flags_set(vma, VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
#else
	vma->vm_flags |= VM_IO | VM_DONTEXPAND | VM_DONTDUMP;
#endif
}

int nv_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long length = vma->vm_end - vma->vm_start;

	if (!nv_pci_devices_found())
		return -ENODEV;
	nv_vma_flags(vma);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_ops = &nv_vm_ops;
	return remap_pfn_range(vma, vma->vm_start, vma->vm_pgoff, length, vma->vm_page_prot);
}
