/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's arguments. */
#include "check-fixture.h"

static const Case cases[] = {
    {"no swiotlb in a literal entry", 1, REPLACE, ENTRY, "$kernelopts", "root=UUID=" UUID " ro",
     .bad = "kernel.args-entries"},
    {"a doubled swiotlb in an entry", 1, REPLACE, ENTRY, "$tuned_params", "swiotlb=1",
     .bad = "kernel.args-entries kernel.args-conflict"},
    {"the same swiotlb twice in an entry", 1, REPLACE, ENTRY, "$tuned_params",
     "swiotlb=4194304,any", .bad = "kernel.args-conflict"},
    {"two of swiotlb in an entry, of which the last counts", 1, REPLACE, ENTRY, "$kernelopts",
     "root=UUID=" UUID " swiotlb=1 swiotlb=4194304,any", .bad = "kernel.args-conflict"},
    {"another swiotlb in grubenv", 1, REPLACE, "grubenv", "4194304,any", "65536",
     .bad = "kernel.args-entries kernel.args-grubenv"},
    {"no swiotlb in the fallback", 1, REPLACE, "root/boot/grub2/grub.cfg", "swiotlb=4194304,any",
     "", .bad = "kernel.args-grubcfg"},
    {"no swiotlb in default/grub", 1, REPLACE, "root/etc/default/grub", "swiotlb=4194304,any", "",
     .bad = "kernel.args-default-grub"},
    {"swiotlb in both variables", 1, REPLACE, "root/etc/default/grub",
     "GRUB_CMDLINE_LINUX=", "GRUB_CMDLINE_LINUX_DEFAULT=swiotlb=1\nGRUB_CMDLINE_LINUX=",
     .bad = "kernel.args-default-grub kernel.args-conflict"},
    {"no swiotlb in kernel/cmdline", 1, WRITE, "root/etc/kernel/cmdline", "ro\n",
     .bad = "kernel.args-kernel-cmdline"},
    {"no kernel/cmdline", 1, REMOVE, "root/etc/kernel/cmdline", .bad = ""},
    {"an unclosed quote in kernel/cmdline", 1, WRITE, "root/etc/kernel/cmdline", "a=\"b\n",
     .bad = "!kernel.args-kernel-cmdline !kernel.args-conflict !kernel.args-harmful"},
    {"two values of a module's parameter", 1, REPLACE, ENTRY, "$tuned_params",
     "nvme_core.io_timeout=30 nvme-core.io_timeout=60", .bad = "kernel.args-conflict"},
    {"two values in the fallback, which nothing uses now", 1, REPLACE, "root/boot/grub2/grub.cfg",
     "console=tty0", "nvme_core.io_timeout=30 nvme_core.io_timeout=60",
     .bad = "kernel.args-conflict"},
    {"two values in grubenv, which no entry uses", 1, REPLACE, "grubenv", "console=tty0",
     "nvme_core.io_timeout=30 nvme_core.io_timeout=60", .bad = "kernel.args-conflict",
     .also = ENTRY,
     .also_text = "title A\nversion " KVER "\nlinux /boot/vmlinuz-" KVER
                  "\ninitrd /boot/initramfs-" KVER ".img\n"
                  "options root=UUID=" UUID " ro swiotlb=4194304,any\n"},
    {"a blacklist of the driver in an entry", 1, REPLACE, ENTRY, "$tuned_params",
     "modprobe.blacklist=floppy,nvidia_uvm", .bad = "kernel.args-harmful"},
    {"a blacklist of another module", 1, REPLACE, ENTRY, "$tuned_params",
     "modprobe.blacklist=floppy,nvidiafb module_blacklist=nouveau", .bad = ""},
    {"the kernel's blacklist, for its next version", 1, WRITE, "root/etc/kernel/cmdline",
     "ro swiotlb=4194304,any module_blacklist=nvidia", .bad = "kernel.args-harmful"},
    {"the initramfs's blacklist, for the next mkconfig", 8, REPLACE, "root/etc/default/grub",
     "crashkernel=auto", "rd.driver.blacklist=nvidia", .bad = "kernel.args-harmful"},
    {"Protected PCIe on 1 GPU by an argument", 1, REPLACE, ENTRY, "$tuned_params",
     "nvidia.NVreg_RegistryDwords=RmEnableProtectedPcie=0x1", .bad = "kernel.args-harmful"},
    {"Protected PCIe on 8 GPUs by an argument", 8, REPLACE, ENTRY, "$tuned_params",
     "nvidia.NVreg_RegistryDwords=RmEnableProtectedPcie=0x1", .bad = ""},
    {"an argument goes before Protected PCIe", 8, REPLACE, ENTRY, "$tuned_params",
     "nvidia.NVreg_RegistryDwords=A=1", .bad = "kernel.args-harmful"},
    {"cloud-init is switched off by an argument", 1, REPLACE, ENTRY, "$tuned_params",
     "cloud-init=disabled", .bad = "kernel.args-harmful"},
    {"a fallback on the EFI system partition", 1, WRITE, STUB,
     "set kernelopts=\"root=UUID=" UUID "\"\nsearch -l --set=root root\n"
     "load_env -f /boot/grub2/grubenv\nblscfg\n",
     .bad = "kernel.args-grubcfg"},
};

int main(void)
{
    run_cases(cases, G_N_ELEMENTS(cases));
    return done();
}
