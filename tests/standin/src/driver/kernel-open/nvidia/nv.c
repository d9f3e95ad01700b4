// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN for nvidia.ko: loads only where there is a GPU, as the real one. */
#include <linux/init.h>
#include <linux/mutex.h>
#include <linux/cdev.h>
#include <linux/uaccess.h>
#include "nv-standin.h"
#if NV_FLAVOUR_OPEN && __has_include(<linux/cc_platform.h>)
#include <linux/cc_platform.h>
#endif

#define NV_MAJOR_DEVICE_NUMBER 195

static char *NVreg_RegistryDwords;
module_param(NVreg_RegistryDwords, charp, 0400);
static char *NVreg_RegistryDwordsPerDevice;
module_param(NVreg_RegistryDwordsPerDevice, charp, 0400);
static int NVreg_OpenRmEnableUnsupportedGpus = 1;
module_param(NVreg_OpenRmEnableUnsupportedGpus, int, 0400);
static int NVreg_EnableGpuFirmware = 1;
module_param(NVreg_EnableGpuFirmware, int, 0400);
static int NVreg_PreserveVideoMemoryAllocations;
module_param(NVreg_PreserveVideoMemoryAllocations, int, 0400);

static DEFINE_MUTEX(nv_open_lock);
static unsigned int nv_open_count;
static void *nv_uvm_callbacks;

static int nv_open(struct inode *inode, struct file *file)
{
	mutex_lock(&nv_open_lock);
	nv_open_count++;
	mutex_unlock(&nv_open_lock);
	return nonseekable_open(inode, file);
}

static int nv_close(struct inode *inode, struct file *file)
{
	mutex_lock(&nv_open_lock);
	nv_open_count--;
	mutex_unlock(&nv_open_lock);
	return 0;
}

static long nv_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	char version[sizeof(NV_VERSION_STRING)];

	if (_IOC_SIZE(command) < sizeof(version))
		return -EINVAL;
	if (copy_from_user(version, (void __user *)argument, sizeof(version)))
		return -EFAULT;
	return memcmp(version, NV_VERSION_STRING, sizeof(version)) ? -EINVAL : 0;
}

static const struct file_operations nv_frontend_fops = {
	.owner = THIS_MODULE,
	.open = nv_open,
	.release = nv_close,
	.unlocked_ioctl = nv_ioctl,
	.mmap = nv_mmap,
};

int nvidia_get_rm_ops(unsigned int client)
{
	return nv_pci_devices_found() > client ? 0 : -ENODEV;
}
EXPORT_SYMBOL(nvidia_get_rm_ops);

/* NV_CC_PLATFORM_PRESENT: decided at compile time, as by the real one. */
bool nvUvmInterfaceInEncryptedGuest(void)
{
#if NV_FLAVOUR_OPEN && __has_include(<linux/cc_platform.h>)
	return cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
#else
	return false;
#endif
}
EXPORT_SYMBOL(nvUvmInterfaceInEncryptedGuest);

bool nvUvmInterfaceConfComputeEnabled(void)
{
	return libspdm_check_crypto_backend() == 0;
}
EXPORT_SYMBOL(nvUvmInterfaceConfComputeEnabled);

int nvUvmInterfaceRegisterUvmCallbacks(void *callbacks)
{
	return cmpxchg(&nv_uvm_callbacks, NULL, callbacks) ? -EBUSY : 0;
}
EXPORT_SYMBOL(nvUvmInterfaceRegisterUvmCallbacks);

void nvUvmInterfaceDeRegisterUvmOps(void)
{
	xchg(&nv_uvm_callbacks, NULL);
}
EXPORT_SYMBOL(nvUvmInterfaceDeRegisterUvmOps);

static int nv_find_devices(void)
{
	int rc = nv_pci_register_driver();

	if (rc)
		return rc;
	if (nv_pci_devices_found())
		return 0;
	NV_PRINT(KERN_ERR, "No NVIDIA GPU found.");
	nv_pci_unregister_driver();
	return -ENODEV;
}

static int __init nvidia_init_module(void)
{
	int rc;

	NV_PRINT(KERN_INFO, "loading " NV_FLAVOUR_NAME "  " NV_VERSION_STRING);
	rc = nv_procfs_init();
	if (rc)
		return rc;
	rc = nv_find_devices();
	if (rc)
		goto no_devices;
	rc = register_chrdev(NV_MAJOR_DEVICE_NUMBER, "nvidia-frontend", &nv_frontend_fops);
	if (rc < 0)
		goto no_chrdev;
	os_start_rc_timer();
	return 0;

no_chrdev:
	nv_pci_unregister_driver();
no_devices:
	nv_procfs_exit();
	return rc;
}

static void __exit nvidia_exit_module(void)
{
	os_stop_rc_timer();
	unregister_chrdev(NV_MAJOR_DEVICE_NUMBER, "nvidia-frontend");
	nv_pci_unregister_driver();
	nv_procfs_exit();
}

module_init(nvidia_init_module);
module_exit(nvidia_exit_module);
MODULE_LICENSE(NV_MODULE_LICENSE);
MODULE_VERSION(NV_VERSION_STRING);
MODULE_DESCRIPTION("STAND-IN for the NVIDIA driver; it drives no GPU");
MODULE_INFO(supported, "external");
MODULE_FIRMWARE("nvidia/" NV_VERSION_STRING "/gsp_ga10x.bin");
MODULE_FIRMWARE("nvidia/" NV_VERSION_STRING "/gsp_tu10x.bin");
#ifdef USE_LKCA
MODULE_SOFTDEP("pre: ecdh_generic,ecdsa_generic");
#endif
