// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN for nvidia-uvm.ko. */
#include <linux/cdev.h>
#include <linux/poll.h>
#include <linux/kthread.h>
#include "uvm_standin.h"

static int uvm_disable_hmm;
module_param(uvm_disable_hmm, int, 0444);
static int uvm_global_oversubscription = 1;
module_param(uvm_global_oversubscription, int, 0444);

static int uvm_major;

static int uvm_open(struct inode *inode, struct file *file)
{
	file->private_data = uvm_va_space_create();
	return file->private_data ? 0 : -ENOMEM;
}

static int uvm_release(struct inode *inode, struct file *file)
{
	uvm_va_space_destroy(file->private_data);
	return 0;
}

static int uvm_mmap(struct file *file, struct vm_area_struct *vma)
{
	return uvm_va_range_insert(file->private_data, vma->vm_start, vma->vm_end);
}

static const struct file_operations uvm_fops = {
	.owner = THIS_MODULE,
	.open = uvm_open,
	.release = uvm_release,
	.mmap = uvm_mmap,
};

static int __init uvm_init(void)
{
	int rc = nvUvmInterfaceRegisterUvmCallbacks(&uvm_major);

	if (rc)
		return rc;
	rc = uvm_conf_computing_init();
	if (!rc)
		rc = uvm_pmm_init();
	if (rc)
		goto failed;
	uvm_major = register_chrdev(0, "nvidia-uvm", &uvm_fops);
	if (uvm_major >= 0)
		return 0;
	rc = uvm_major;
	uvm_pmm_exit();
failed:
	nvUvmInterfaceDeRegisterUvmOps();
	return rc;
}

static void __exit uvm_exit(void)
{
	unregister_chrdev(uvm_major, "nvidia-uvm");
	uvm_pmm_exit();
	nvUvmInterfaceDeRegisterUvmOps();
}

module_init(uvm_init);
module_exit(uvm_exit);
MODULE_LICENSE(NV_MODULE_LICENSE);
MODULE_VERSION(NV_VERSION_STRING);
MODULE_DESCRIPTION("STAND-IN for NVIDIA unified memory");
