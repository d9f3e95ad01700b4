/* SPDX-License-Identifier: GPL-2.0-or-later OR MIT */
/*
 * STAND-IN for the interfaces between NVIDIA's kernel modules. It drives no GPU;
 * it gives the five modules the same names, dependencies and tags, from a compile
 * of the same kind.
 */
#ifndef NV_STANDIN_H
#define NV_STANDIN_H

#include <linux/kconfig.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/mm.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "conftest.h"
#include "nv-flavour.h"

/* Only the open flavour may use the kernel's crypto: those symbols are GPL. */
#if defined(NV_LKCA_CONFIGURED) && NV_FLAVOUR_OPEN
#define USE_LKCA 1
#endif

#define NV_PRINT(level, format, ...) \
	printk(level "NVRM: " format "\n", ##__VA_ARGS__)

struct nv_dma_buffer {
	struct device *device;
	void *address;
	dma_addr_t handle;
	size_t size;
};

struct nv_page_table {
	struct page **pages;
	unsigned long start;
	unsigned int count;
};

/* Inside nvidia.ko */
int nv_pci_register_driver(void);
void nv_pci_unregister_driver(void);
unsigned int nv_pci_devices_found(void);
int nv_procfs_init(void);
void nv_procfs_exit(void);
int nv_mmap(struct file *file, struct vm_area_struct *vma);
int nv_dma_alloc(struct nv_dma_buffer *buffer);
void nv_dma_free(struct nv_dma_buffer *buffer);
int nv_lock_user_pages(struct nv_page_table *table);
void nv_unlock_user_pages(struct nv_page_table *table);
unsigned long os_get_uptime_ms(void);
void os_start_rc_timer(void);
void os_stop_rc_timer(void);
int libspdm_check_crypto_backend(void);

/* Between the modules */
int nvidia_get_rm_ops(unsigned int client);
bool nvUvmInterfaceInEncryptedGuest(void);
bool nvUvmInterfaceConfComputeEnabled(void);
int nvUvmInterfaceRegisterUvmCallbacks(void *callbacks);
void nvUvmInterfaceDeRegisterUvmOps(void);
int nvidia_p2p_get_pages(u64 token, u64 address, u64 length,
			 struct nv_page_table **table);
int nvidia_p2p_put_pages(struct nv_page_table *table);
int nvKmsKapiGetFunctionsTable(void *table);

#endif
