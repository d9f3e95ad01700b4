// SPDX-License-Identifier: GPL-2.0-or-later OR MIT
/* STAND-IN: claims the vendor's PCI ids, counts devices, drives none of them. */
#include <linux/atomic.h>
#include <linux/interrupt.h>
#include <linux/dma-mapping.h>
#include "nv-standin.h"

#define NV_PCI_VENDOR 0x10de

static atomic_t nv_devices = ATOMIC_INIT(0);

static irqreturn_t nv_isr(int irq, void *argument)
{
	return argument ? IRQ_HANDLED : IRQ_NONE;
}

static int nv_pci_request_irq(struct pci_dev *device)
{
#ifdef NV_PCI_ALLOC_IRQ_VECTORS_PRESENT
	int vectors = pci_alloc_irq_vectors(device, 1, 8, PCI_IRQ_MSIX | PCI_IRQ_MSI);

	if (vectors < 0)
		return vectors;
	return request_irq(pci_irq_vector(device, 0), nv_isr, 0, "nvidia", device);
#else
	return request_irq(device->irq, nv_isr, IRQF_SHARED, "nvidia", device);
#endif
}

static int nv_pci_probe(struct pci_dev *device, const struct pci_device_id *id)
{
	int rc = pci_enable_device(device);

	if (rc)
		return rc;
	NV_PRINT(KERN_ERR, "%s: this is a stand-in and does not drive a GPU", pci_name(device));
	if (dma_set_mask_and_coherent(&device->dev, DMA_BIT_MASK(47)) == 0 &&
	    atomic_read(&nv_devices) > 0)
		rc = nv_pci_request_irq(device);
	pci_disable_device(device);
	return rc ? rc : -ENODEV;
}

static void nv_pci_remove(struct pci_dev *device)
{
	free_irq(pci_irq_vector(device, 0), device);
	pci_free_irq_vectors(device);
	pci_disable_device(device);
	atomic_dec(&nv_devices);
}

static const struct pci_device_id nv_pci_table[] = {
	{ PCI_DEVICE(NV_PCI_VENDOR, PCI_ANY_ID), .class = PCI_CLASS_DISPLAY_VGA << 8, .class_mask = ~0 },
	{ PCI_DEVICE(NV_PCI_VENDOR, PCI_ANY_ID), .class = PCI_CLASS_DISPLAY_3D << 8, .class_mask = ~0 },
	{ PCI_DEVICE(NV_PCI_VENDOR, PCI_ANY_ID), .class = PCI_CLASS_BRIDGE_OTHER << 8, .class_mask = ~0 },
	{ }
};
MODULE_DEVICE_TABLE(pci, nv_pci_table);

static struct pci_driver nv_pci_driver = {
	.name = "nvidia",
	.id_table = nv_pci_table,
	.probe = nv_pci_probe,
	.remove = nv_pci_remove,
};

int nv_pci_register_driver(void)
{
	return pci_register_driver(&nv_pci_driver);
}

void nv_pci_unregister_driver(void)
{
	pci_unregister_driver(&nv_pci_driver);
}

unsigned int nv_pci_devices_found(void)
{
	return atomic_read(&nv_devices);
}
