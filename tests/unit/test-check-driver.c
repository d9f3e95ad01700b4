/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver's modules and files, and the CUDA toolkit. */
#include "base/file.h"
#include "check-fixture.h"

static const Case cases[] = {
    {"no nvidia-peermem", 1, REMOVE, "modinfo/nvidia-peermem", .bad = "driver.modules"},
    {"no nvidia", 1, REMOVE, "modinfo/nvidia",
     .bad = "!driver.minimum !driver.branch driver.modules !driver.version !userspace.version "
            "!userspace.firmware"},
    {"no nvidia-uvm", 1, REMOVE, "modinfo/nvidia-uvm", .bad = "driver.modules"},
    {"no nvidia-modeset", 8, REMOVE, "modinfo/nvidia-modeset", .bad = "driver.modules"},
    {"no nvidia-drm", 1, REMOVE, "modinfo/nvidia-drm", .bad = "driver.modules"},
    {"two right kernels for 1 GPU", 1, NOTHING, .bad = "", .two_kernels = true},
    {"two right kernels for 8 GPUs", 8, NOTHING, .bad = "", .two_kernels = true},
    {"no module for a second kernel", 1, REMOVE, "other/modinfo/nvidia-uvm",
     .bad = "driver.every-kernel", .two_kernels = true},
    {"no nvidia.ko for a second kernel", 1, REMOVE, "other/modinfo/nvidia",
     .bad = "driver.every-kernel", .two_kernels = true},
    {"a module for a second kernel that is for the first", 1, REPLACE, "other/modinfo/nvidia-uvm",
     OTHER, KVER, .bad = "driver.every-kernel", .two_kernels = true},
    {"another driver for a second kernel", 1, REPLACE, "other/modinfo/nvidia", "550.144.03",
     "550.90.07", .bad = "driver.every-kernel", .two_kernels = true},
    {"the proprietary module for a second kernel", 1, REPLACE, "other/modinfo/nvidia-modeset",
     "Dual MIT/GPL", "NVIDIA", .bad = "driver.every-kernel", .two_kernels = true},
    {"no softdep for a second kernel", 1, REPLACE, "other/modinfo/nvidia", "softdep", "other",
     .bad = "driver.every-kernel", .two_kernels = true},
    {"no depmod for a second kernel", 1, REMOVE, OTHER_MODULES "modules.dep",
     .bad = "driver.every-kernel", .two_kernels = true},
    {"no ECDSA in a second kernel", 8, REPLACE, "root/boot/config-" OTHER, "CONFIG_CRYPTO_ECDSA=m",
     "", .bad = "driver.every-kernel", .two_kernels = true},
    {"a driver's package beside the installer's", 1, WRITE, "packages",
     "kmod-nvidia-550.144.03-3:550.144.03-3.al8.x86_64\n", .bad = "driver.single"},
    {"a tool to choose a driver, which is none", 1, WRITE, "packages",
     "nvidia-driver-assistant-0.21-1.noarch\n", .bad = ""},
    {"the driver registered with DKMS", 1, WRITE, "root/var/lib/dkms/nvidia/550.144.03/source", "",
     .bad = "driver.dkms"},
    {"another driver registered with DKMS", 1, WRITE,
     "root/var/lib/dkms/nvidia-open/535.1.2/source", "", .bad = "driver.single"},
    {"another driver registered with DKMS, beside packages", 1, REMOVE,
     "root/usr/bin/nvidia-uninstall", .bad = "driver.single",
     .also = "root/var/lib/dkms/nvidia/535.1.2/source"},
    {"another module registered with DKMS", 1, WRITE, "root/var/lib/dkms/nvidia-fs/2.20/source", "",
     .bad = ""},
    {"a link of DKMS's that is named after a kernel", 1, WRITE,
     "root/var/lib/dkms/nvidia/kernel-" KVER "-x86_64", "", .bad = ""},
    {"a module for another kernel", 1, REPLACE, "modinfo/nvidia-uvm", KVER,
     "5.10.134-19.al8.x86_64", .bad = "driver.vermagic"},
    {"a module of another version", 1, REPLACE, "modinfo/nvidia-drm", "550.144.03", "550.90.07",
     .bad = "driver.version"},
    {"the proprietary module", 1, REPLACE, "modinfo/nvidia-modeset", "Dual MIT/GPL", "NVIDIA",
     .bad = "driver.license"},
    {"a later licence of peermem", 1, REPLACE, "modinfo/nvidia-peermem", "Linux-OpenIB",
     "Dual BSD/GPL", .bad = ""},
    {"peermem is proprietary", 1, REPLACE, "modinfo/nvidia-peermem", "Linux-OpenIB", "NVIDIA",
     .bad = "driver.license"},
    {"no softdep", 1, REPLACE, "modinfo/nvidia", "softdep", "other", .bad = "driver.softdep"},
    {"ECDSA that nobody loads", 1, WRITE, MODULES "modules.alias", "alias crypto-ecdsa x\n",
     .bad = "driver.crypto-load"},
    {"no list of aliases", 1, REMOVE, MODULES "modules.alias", .bad = "driver.crypto-load"},
    {"ECDSA that is built in", 1, WRITE, MODULES "modules.builtin",
     "kernel/drivers/virtio/virtio_pci.ko\nkernel/crypto/ecdsa_generic.ko\n", .bad = "",
     .also = MODULES "modules.alias"},
    {"ECDSA that the guide's line loads", 8, WRITE, MODULES "modules.alias", "", .bad = ""},
    {"ECDSA that a softdep of the administrator's loads", 1, WRITE,
     "root/usr/lib/modprobe.d/a.conf", "softdep nvidia pre: ecdh_generic ecdsa_generic\n",
     .bad = "", .also = MODULES "modules.alias"},
    {"the driver's spelling of it, which is one name to kmod", 1, WRITE,
     "root/usr/lib/modprobe.d/a.conf", "softdep nvidia pre: ecdh_generic,ecdsa_generic\n",
     .bad = "driver.crypto-load", .also = MODULES "modules.alias"},
    {"ECDSA that modules-load.d loads", 1, WRITE, "root/etc/modules-load.d/a.conf",
     "# both\necdsa_generic\n", .bad = "", .also = MODULES "modules.alias"},
    {"no headers of encrypted guests", 1, REPLACE, "modinfo/nvidia", "cc_platform_has",
     "cc_platform", .bad = "driver.cc-platform"},
    {"the same for a second kernel", 1, REPLACE, "other/modinfo/nvidia", "cc_platform_has",
     "cc_platform", .bad = "driver.every-kernel", .two_kernels = true},
    {"depmod did not run", 1, WRITE, MODULES "modules.dep", "kernel/a.ko:\n",
     .bad = "driver.depmod"},
    {"no ECDSA in the kernel", 1, REPLACE, "root/boot/config-" KVER, "CONFIG_CRYPTO_ECDSA=m",
     "# CONFIG_CRYPTO_ECDSA is not set", .bad = "driver.kernel-config"},
    {"no RSA in the kernel", 8, REPLACE, "root/boot/config-" KVER, "CONFIG_CRYPTO_RSA=y",
     "# CONFIG_CRYPTO_RSA is not set", .bad = "driver.kernel-config"},
    {"a kernel-devel without what the compile test includes", 1, WRITE,
     MODULES "build/include/crypto/akcipher.h", "", .bad = "driver.kernel-config"},
    {"no configuration of the kernel", 1, REMOVE, "root/boot/config-" KVER,
     .bad = "!driver.kernel-config"},
    {"an old driver", 1, NOTHING, .bad = "driver.minimum", .driver = "550.127.08"},
    {"a driver too old for 8", 8, NOTHING, .bad = "driver.minimum", .driver = "570.133.20"},
    {"a branch without confidential mode", 1, NOTHING, .bad = "driver.branch",
     .driver = "560.35.03"},
    {"no nvidia-smi", 1, REMOVE, "root/usr/bin/nvidia-smi", .bad = "userspace.files"},
    {"no libnvidia-cfg", 1, REMOVE, "root/usr/lib64/libnvidia-cfg.so.550.144.03",
     .bad = "userspace.files"},
    {"no libcuda.so.1", 1, REMOVE, "root/usr/lib64/libcuda.so.1", .bad = "userspace.files"},
    {"a libnvidia-ml.so.1 that leads nowhere", 1, LINK, "root/usr/lib64/libnvidia-ml.so.1",
     "libnvidia-ml.so.0", .bad = "userspace.files"},
    {"a library of another driver", 1, WRITE, "root/usr/lib64/libcuda.so.535.1.2", "",
     .bad = "userspace.version"},
    {"no PKCS #11 for OpenSSL 3 alone", 1, REMOVE,
     "root/usr/lib64/libnvidia-pkcs11-openssl3.so.550.144.03", .bad = ""},
    {"only OpenSSL 1.1, and PKCS #11 for OpenSSL 3", 1, REMOVE, "root/usr/lib64/libcrypto.so.3",
     .bad = "userspace.pkcs11", .gone = "root/usr/lib64/libnvidia-pkcs11.so.550.144.03"},
    {"no OpenSSL", 1, REMOVE, "root/usr/lib64/libcrypto.so.3", .bad = "userspace.pkcs11",
     .gone = "root/usr/lib64/libcrypto.so.1.1"},
    {"no firmware for Hopper", 1, REMOVE, "root/lib/firmware/nvidia/550.144.03/gsp_ga10x.bin",
     .bad = "userspace.firmware"},
    {"firmware that is not whole", 8, REMOVE, "root/lib/firmware/nvidia/570.148.08/gsp_tu10x.bin",
     .bad = "userspace.firmware"},
    {"no nvcc", 1, REMOVE, "root/usr/local/cuda-12.4/bin/nvcc", .bad = "cuda.toolkit"},
    {"version.json is no JSON", 1, WRITE, "root/usr/local/cuda-12.4/version.json", "{",
     .bad = "!cuda.toolkit"},
    {"no database of packages", 1, WRITE, "packages", "", .bad = "!driver.single"},
};

/* As packages of modules are: built for one kernel, and linked into the one that boots. */
static void test_weak_updates(void)
{
    g_auto(CcbExpectation) expect = {.gpus = 1};
    begin(1, "550.144.03");
    stage_modules("modinfo", OTHER, "550.144.03");
    pack();
    g_autoptr(GString) dep = g_string_new(NULL);
    g_autofree char *video = staged(VIDEO), *extra = staged(OTHER_MODULES "extra");
    g_autofree char *parent = staged(OTHER_MODULES);
    g_mkdir_with_parents(parent, 0755);
    rename(video, extra);
    for (const char *const *name = module_names; *name != NULL; name++) {
        g_autofree char *link = g_strdup_printf(MODULES "weak-updates/nvidia/%s.ko", *name);
        g_autofree char *target = g_strdup_printf("/lib/modules/" OTHER "/extra/%s.ko", *name);
        g_string_append_printf(dep, "weak-updates/nvidia/%s.ko:\n", *name);
        put_link(target, link);
    }
    put(MODULES "modules.dep", dep->str);
    g_autoptr(CcbResults) results = check_staged(&expect);
    g_autofree char *bad = bad_ids(results, true);
    is_str(bad, "", "modules by weak-updates are right");
    put_link("/lib/modules/" OTHER "/extra/nvidia-uvm.ko",
             MODULES "weak-updates/nvidia/nvidia-drm.ko");
    g_autoptr(CcbResults) crossed = check_staged(&expect);
    g_autofree char *crossed_bad = bad_ids(crossed, false);
    is_str(crossed_bad, "driver.modules", "a link to another module is not");
    put_link("/gone/nvidia-drm.ko", MODULES "weak-updates/nvidia/nvidia-drm.ko");
    g_autoptr(CcbResults) gone = check_staged(&expect);
    is_int(find_row(gone, "driver.modules")->status, CCB_FAIL, "nor one that leads nowhere");
    end();
}

/* One check says so, and the others have nothing to check. */
static void test_without_driver(void)
{
    g_auto(CcbExpectation) unknown = {0}, eight = {.gpus = 8};
    begin(8, "570.148.08");
    pack();
    g_autofree char *video = staged(VIDEO);
    ccb_remove_tree(video, NULL);
    take_away("root/usr/bin/nvidia-smi");
    g_autoptr(CcbResults) results = check_staged(&unknown);
    g_autofree char *bad = bad_ids(results, true);
    is_str(bad, "driver.present", "where no driver is found one check says so");
    is_int(results->notes->len, 0, "and nothing is assumed");
    g_autoptr(CcbResults) asked = check_staged(&eight);
    g_autofree char *asked_bad = bad_ids(asked, true);
    is_str(asked_bad, "driver.present", "also where one was asked for");
    put("packages", "akmod-nvidia-570.148.08-1.x86_64\n");
    g_autoptr(CcbResults) package = check_staged(&eight);
    is_int(find_row(package, "driver.present")->status, CCB_PASS, "a package is a driver");
    is_int(find_row(package, "driver.modules")->status, CCB_FAIL, "without its modules");
    end();
}

/* A database that is garbage is named as it is in the image, and only where it is needed. */
static void test_packages_unreadable(void)
{
    static const char *const files[] = {"rpmdb.sqlite", "Packages", "Packages.db"};
    g_auto(CcbExpectation) expect = {.gpus = 8};
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_strconcat("root/var/lib/rpm/", files[i], NULL);
        begin(8, "570.148.08");
        pack();
        put("packages", "");
        put(path, "garbage");
        g_autoptr(CcbResults) results = check_staged(&expect);
        g_autofree char *bad = bad_ids(results, false);
        is_str(bad, "!driver.single !fabric.version !fabric.nscq", files[i]);
        const char *detail = find_row(results, "driver.single")->detail;
        if (!ok(strstr(detail, "/var/lib/rpm") != NULL && strstr(detail, "rpm --rebuilddb") &&
                    strstr(detail, "rpmdb-") == NULL,
                "the image's database is named, and what to do"))
            printf("# %s\n", detail);
        end();
    }
}

static void test_no_driver(void)
{
    g_auto(CcbExpectation) expect = {.no_driver = true};
    begin(1, "550.144.03");
    g_autofree char *libraries = staged("root/usr/lib64");
    g_autofree char *units = staged("root/etc/systemd");
    pack();
    g_autofree char *video = staged(VIDEO);
    ccb_remove_tree(video, NULL);
    ccb_remove_tree(libraries, NULL);
    ccb_remove_tree(units, NULL);
    put_link("/usr/lib/systemd/system/cloud-init.service", WANTS "cloud-init.service");
    g_autoptr(CcbResults) results = check_staged(&expect);
    g_autofree char *bad = bad_ids(results, true);
    is_str(bad, "", "without a driver nothing of it is asked for");
    ok(results->not_applicable > 20, "and the report says so");
    end();
}

int main(void)
{
    run_cases(cases, G_N_ELEMENTS(cases));
    test_weak_updates();
    test_without_driver();
    test_packages_unreadable();
    test_no_driver();
    return done();
}
