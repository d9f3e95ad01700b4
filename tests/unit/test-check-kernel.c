/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel that boots, its entries and its root file system. */
#include "check-fixture.h"

static const Case cases[] = {
    {"a kernel below the minimum", 1, NOTHING, .bad = "kernel.minimum",
     .min_kernel = "5.10.134-18.1.al8"},
    {"saved_entry names nothing", 1, REPLACE, "grubenv", "al8.x86_64\n", "al8\n",
     .bad = "kernel.default-entry"},
    {"saved_entry is a title", 1, REPLACE, "grubenv", "saved_entry=" ID, "saved_entry=A (" KVER ")",
     .bad = ""},
    {"saved_entry is a place in the menu", 1, REPLACE, "grubenv", "saved_entry=" ID,
     "saved_entry=0", .bad = "", .two_kernels = true},
    {"saved_entry is the place of the older kernel", 1, REPLACE, "grubenv", "saved_entry=" ID,
     "saved_entry=1", .bad = "kernel.minimum kernel.link", .two_kernels = true},
    {"two kernels, and no link to the one that boots", 1, REMOVE, VMLINUZ_LINK,
     .bad = "kernel.link", .two_kernels = true},
    {"a link to the other of two kernels", 1, LINK, VMLINUZ_LINK, "vmlinuz-" OTHER,
     .bad = "kernel.link", .two_kernels = true},
    {"a link to it by another way", 1, LINK, VMLINUZ_LINK, "/boot/vmlinuz-" KVER, .bad = "",
     .two_kernels = true},
    {"saved_entry is a place that the menu has not", 1, REPLACE, "grubenv", "saved_entry=" ID,
     "saved_entry=2", .bad = "kernel.default-entry", .two_kernels = true},
    {"an entry for the next boot alone", 1, REPLACE, "grubenv",
     "saved_entry=", "next_entry=1\nsaved_entry=", .bad = "kernel.next-entry"},
    {"an entry for the next boot that is empty", 1, REPLACE, "grubenv",
     "saved_entry=", "next_entry=\nsaved_entry=", .bad = ""},
    {"no vmlinuz", 1, REMOVE, "root/boot/vmlinuz-" KVER, .bad = "kernel.default-entry"},
    {"an empty vmlinuz", 1, WRITE, "root/boot/vmlinuz-" KVER, "", .bad = "kernel.default-entry"},
    {"a vmlinuz that leads nowhere", 1, LINK, "root/boot/vmlinuz-" KVER, "/gone",
     .bad = "kernel.default-entry"},
    {"fstab with another UUID", 1, REPLACE, "root/etc/fstab", "33b4", "44b4",
     .bad = "kernel.root-uuid"},
    {"a second kernel that is gone", 1, WRITE, OTHER_ENTRY,
     "title B\nversion " OTHER "\nlinux /boot/b\ninitrd /boot/c\noptions $kernelopts\n",
     .bad = "kernel.entries"},
    {"a second kernel that is empty", 1, WRITE, "root/boot/vmlinuz-" OTHER, "",
     .bad = "kernel.entries", .two_kernels = true},
    {"a second kernel whose modules are gone", 1, WRITE, OTHER_ENTRY,
     "title B\nversion " OTHER "\nlinux /boot/vmlinuz-" KVER "\ninitrd /boot/initramfs-" KVER
     ".img\noptions $kernelopts\n",
     .bad = "kernel.entries"},
    {"a rescue entry, which has no modules", 1, WRITE, RESCUE_ENTRY,
     "title R\nversion 0-rescue-" MACHINE_ID "\nlinux /boot/vmlinuz-" KVER
     "\ninitrd /boot/initramfs-" KVER ".img\noptions $kernelopts\n",
     .bad = ""},
    {"a rescue entry whose kernel is gone", 1, WRITE, RESCUE_ENTRY,
     "title R\nversion 0-rescue-" MACHINE_ID "\nlinux /boot/r\ninitrd /boot/initramfs-" KVER
     ".img\noptions $kernelopts\n",
     .bad = "kernel.entries"},
    {"fstab by another LABEL", 1, REPLACE, "root/etc/fstab", "UUID=" UUID, "LABEL=Root",
     .bad = "kernel.root-uuid"},
    {"fstab with another partition as the root", 1, REPLACE, "root/etc/fstab", "UUID=" UUID,
     "PARTUUID=" ESP_GUID, .bad = "kernel.root-uuid"},
    {"root= by PARTUUID", 1, REPLACE, "grubenv", "UUID=" UUID, "PARTUUID=" ROOT_GUID, .bad = ""},
    {"root= by another PARTUUID", 1, REPLACE, "grubenv", "UUID=" UUID, "PARTUUID=" ESP_GUID,
     .bad = "kernel.root-uuid"},
    {"root= by LABEL", 1, REPLACE, "grubenv", "UUID=" UUID, "LABEL=root", .bad = ""},
    {"root= by a name that the partition has not", 1, REPLACE, "grubenv", "UUID=" UUID,
     "PARTLABEL=root", .bad = "kernel.root-uuid"},
    {"the configuration says which place", 1, REPLACE, "root/boot/grub2/grub.cfg", "${saved_entry}",
     "1", .bad = "kernel.minimum kernel.link", .two_kernels = true},
    {"a configuration that reads no boot entries", 1, WRITE, "root/boot/grub2/grub.cfg",
     "menuentry a {\nlinux /boot/vmlinuz-" OTHER " root=UUID=" UUID " swiotlb=4194304,any\n"
     "initrd /boot/initramfs-" OTHER ".img\n}\n",
     .bad = "kernel.minimum kernel.link", .two_kernels = true},
    {"a configuration that can't be followed", 1, REPLACE, "root/boot/grub2/grub.cfg", "load_env\n",
     "load_env\nfrobnicate\n", .bad = "kernel.minimum kernel.default-entry"},
    {"no configuration", 1, REMOVE, "root/boot/grub2/grub.cfg",
     .bad = "kernel.minimum kernel.default-entry import.boot-chain"},
    {"options that GRUB does not read", 1, REPLACE, ENTRY, "options $kern", "options\t$kern",
     .bad = "kernel.root-uuid kernel.args-entries"},
    {"a path of a separate /boot", 1, REPLACE, ENTRY, "linux /boot/", "linux /",
     .bad = "kernel.default-entry"},
    {"root= by device name", 1, REPLACE, "grubenv", "UUID=" UUID, "/dev/vda3",
     .bad = "kernel.root-uuid"},
};

/* As el8's installer leaves it: the link leads below /boot/efi, where nothing is mounted here. */
static void check_grubenv_on_esp(const char *saved, const char *expected, const char *what)
{
    static const char path[] = "root/boot/grub2/grubenv", inside[] = "esp/EFI/alinux/grubenv";
    g_auto(CcbExpectation) expect = {.gpus = 1};
    begin(1, "550.144.03");
    g_autofree char *text = get("grubenv");
    g_auto(GStrv) parts = g_strsplit(text, "saved_entry=" ID, -1);
    g_autofree char *edited = g_strjoinv(saved, parts);
    put("grubenv", edited);
    pack();
    g_autofree char *block = get(path);
    put(inside, block);
    put(STUB, "search -l --set=root root\nload_env\nset default=\"${saved_entry}\"\nblscfg\n");
    put_link("../efi/EFI/alinux/grubenv", path);
    pack_esp();
    g_autoptr(CcbResults) results = check_staged(&expect);
    g_autofree char *bad = bad_ids(results, true);
    is_str(bad, expected, what);
    end();
}

static void test_grubenv_on_esp(void)
{
    check_grubenv_on_esp("saved_entry=" ID, "", "a grubenv on the EFI system partition is read");
    check_grubenv_on_esp("saved_entry=x", "kernel.default-entry", "and checked");
}

static void test_empty_initramfs(void)
{
    g_auto(CcbExpectation) expect = {.gpus = 1};
    begin(1, "550.144.03");
    pack();
    put("root/boot/initramfs-" KVER ".img", "");
    g_autoptr(CcbResults) results = check_staged(&expect);
    is_int(find_row(results, "kernel.default-entry")->status, CCB_FAIL,
           "an empty initramfs is not bootable");
    end();
}

int main(void)
{
    run_cases(cases, G_N_ELEMENTS(cases));
    test_grubenv_on_esp();
    test_empty_initramfs();
    return done();
}
