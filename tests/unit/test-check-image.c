/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checks on a small tree of an image: one that is right passes all of them, and each case
 * breaks one thing and sees exactly the checks fail that are about it.
 *
 * The tree is staged as text below a temporary directory: root/ is the guest; initrd/ becomes its
 * initramfs, modinfo/NAME its kernel modules, other/initrd and other/modinfo those of a second
 * kernel, grubenv its environment block, packages its rpm list.  So every case is an edit of text.
 */
#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "check/context.h"
#include "check/run.h"
#include "guest/backend.h"
#include "guest/rooted.h"
#include "tap.h"
#include "text/grubenv.h"

#define KVER              "5.10.134-18.al8.x86_64"
#define OTHER             "5.10.134-17.al8.x86_64"
#define MACHINE_ID        "0123456789abcdef0123456789abcdef"
#define ID                MACHINE_ID "-" KVER
#define UUID              "33b46ac5-7482-4aa5-8de0-60ab4c3a4c78"
#define ESP_ID            "A11B-0C10"
#define ESP_GUID          "e5b0fc1a-0000-4000-8000-000000000002"
#define ROOT_GUID         "e5b0fc1a-0000-4000-8000-000000000003"
#define STUB              "esp/EFI/alinux/grub.cfg"
#define ENTRY             "root/boot/loader/entries/" ID ".conf"
#define VMLINUZ_LINK      "root/boot/vmlinuz"
#define OTHER_ENTRY       "root/boot/loader/entries/" MACHINE_ID "-" OTHER ".conf"
#define RESCUE_ENTRY      "root/boot/loader/entries/" MACHINE_ID "-0-rescue.conf"
#define MODULES           "root/lib/modules/" KVER "/"
#define VIDEO             MODULES "kernel/drivers/video/"
#define OTHER_MODULES     "root/lib/modules/" OTHER "/"
#define UNITS             "root/etc/systemd/system/"
#define VENDOR_UNITS      "root/usr/lib/systemd/system/"
#define PERSISTENCED      UNITS "nvidia-persistenced.service"
#define WANTS             UNITS "multi-user.target.wants/"
#define CLOUD             "root/etc/cloud/"
#define LKCA              "etc/modprobe.d/nvidia-lkca.conf"
#define ALIYUN            "root/usr/lib/python3.6/site-packages/cloudinit/sources/DataSourceAliYun.py"
#define DRACUT_CONF       "root/etc/dracut.conf.d/local.conf"
#define NOUVEAU           "etc/modprobe.d/nouveau.conf"
#define NOUVEAU_MODULE    "kernel/drivers/gpu/drm/nouveau/nouveau.ko.xz"
#define NOUVEAU_IN_INITRD "initrd/usr/lib/modules/" KVER "/" NOUVEAU_MODULE
#define SELFTEST          "root/usr/libexec/ccbake/ccbake-selftest"
#define SELFTEST_CONF     "root/etc/ccbake/selftest.conf"
#define SITE              "root/usr/local/lib/python3.11/site-packages/"

/* As pip names what it keeps. */
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef01234567"

/* librpm 4.18 does not close an SQLite database that turns out to be none. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libsqlite3\n";
}

static const char *const module_names[] = {"nvidia",     "nvidia-uvm",     "nvidia-modeset",
                                           "nvidia-drm", "nvidia-peermem", NULL};

/* The backend of these tests: a directory, and which of its reads fail. */
typedef struct {
    int root;
    bool dark; /* all of them */
    guint bad; /* this one, counted from 1 */
    guint reads;
    char *what; /* the one that failed last */
} Tree;

static bool tree_can_read(void *backend, const char *how, const char *path, GError **error)
{
    Tree *tree = backend;
    tree->reads += 1;
    if (!tree->dark && tree->reads != tree->bad)
        return true;
    g_free(tree->what);
    tree->what = g_strdup_printf("%s %s", how, path);
    return ccb_fail(error, CCB_ERR_INPUT, "%s: Input/output error", path);
}

static bool tree_stat(void *backend, const char *path, bool follow, CcbStat *ret_stat,
                      bool *ret_exists, GError **error)
{
    return tree_can_read(backend, follow ? "stat" : "lstat", path, error) &&
           ccb_rooted_stat(&((Tree *)backend)->root, path, follow, ret_stat, ret_exists, error);
}

static bool tree_get(void *backend, const char *path, int fd, GError **error)
{
    return tree_can_read(backend, "get", path, error) &&
           ccb_rooted_get(&((Tree *)backend)->root, path, fd, error);
}

static char *tree_readlink(void *backend, const char *path, GError **error)
{
    return tree_can_read(backend, "readlink", path, error)
               ? ccb_rooted_readlink(&((Tree *)backend)->root, path, error)
               : NULL;
}

static char **tree_list(void *backend, const char *path, GError **error)
{
    return tree_can_read(backend, "list", path, error)
               ? ccb_rooted_list(&((Tree *)backend)->root, path, error)
               : NULL;
}

static char **tree_find(void *backend, const char *path, GError **error)
{
    return tree_can_read(backend, "find", path, error)
               ? ccb_rooted_find(&((Tree *)backend)->root, path, error)
               : NULL;
}

static bool tree_walk(void *backend, const char *path, GPtrArray *entries, GError **error)
{
    return tree_can_read(backend, "walk", path, error) &&
           ccb_rooted_walk(&((Tree *)backend)->root, path, entries, error);
}

static uint64_t tree_free = 1 << 30;

static bool tree_free_space(void *backend, uint64_t *ret_bytes, GError **error)
{
    *ret_bytes = tree_free;
    return tree_can_read(backend, "free space of", "/", error);
}

static CcbDisk *tree_disk; /* what the backend says; a case may change it */

static const CcbDisk *tree_get_disk(void *backend)
{
    return tree_disk;
}

#define ROOT_START (202ull << 20)

static CcbPartition *add_partition(unsigned number, uint64_t mib, const char *fstype,
                                   const char *uuid, const char *part_uuid)
{
    CcbPartition *partition = g_new0(CcbPartition, 1);
    partition->number = number;
    partition->size = mib << 20;
    partition->fstype = g_strdup(fstype);
    partition->uuid = g_strdup(uuid);
    partition->part_uuid = g_strdup(part_uuid);
    g_ptr_array_add(tree_disk->partitions, partition);
    return partition;
}

/* The row of a check; NULL: there is none. */
static const CcbResultRow *find_row(const CcbResults *report, const char *id)
{
    for (guint i = 0; i < report->rows->len; i++) {
        const CcbResultRow *row = g_ptr_array_index(report->rows, i);
        if (g_str_equal(row->id, id))
            return row;
    }
    return NULL;
}

static void make_disk(void)
{
    tree_disk = ccb_disk_new();
    tree_disk->size = 20ull << 30;
    tree_disk->table = g_strdup("gpt");
    tree_disk->root = 3;
    tree_disk->esp = 2;
    add_partition(1, 2, NULL, NULL, NULL);
    CcbPartition *esp = add_partition(2, 200, "vfat", ESP_ID, ESP_GUID);
    CcbPartition *root = add_partition(3, 20000, "ext4", UUID, ROOT_GUID);
    esp->part_label = g_strdup("EFI disk");
    root->label = g_strdup("root");
    root->start = ROOT_START;
}

/* The EFI system partition, which begins with the disk here. */
static char *esp;
static gsize esp_size;

/* Of the root: ext4, clean. */
static unsigned char superblock[1024];

static void set_superblock(unsigned state, unsigned incompat)
{
    memset(superblock, 0, sizeof superblock);
    memcpy(superblock + 0x38, "\x53\xef", 2);
    superblock[0x3a] = (unsigned char)state;
    superblock[0x60] = (unsigned char)incompat;
}

static bool tree_read_disk(void *backend, uint64_t offset, void *buffer, size_t size,
                           GError **error)
{
    if (!tree_can_read(backend, "disk of", "/", error))
        return false;
    if (offset == ROOT_START + 1024 && size == sizeof superblock) {
        memcpy(buffer, superblock, size);
        return true;
    }
    if (offset > esp_size || size > esp_size - offset)
        return ccb_fail(error, CCB_ERR_INPUT, "behind the end");
    memcpy(buffer, esp + offset, size);
    return true;
}

static const CcbGuestOps tree_ops = {.name = "tree",
                                     .stat = tree_stat,
                                     .get = tree_get,
                                     .readlink = tree_readlink,
                                     .list = tree_list,
                                     .find = tree_find,
                                     .walk = tree_walk,
                                     .free_space = tree_free_space,
                                     .disk = tree_get_disk,
                                     .read_disk = tree_read_disk};

/* --- staging */

static char *stage; /* the temporary directory */

static char *staged(const char *path)
{
    return g_build_filename(stage, path, NULL);
}

static void put_bytes(const char *path, const void *data, size_t size)
{
    g_autofree char *full = staged(path);
    g_autofree char *parent = g_path_get_dirname(full);
    g_mkdir_with_parents(parent, 0755);
    unlink(full); /* GLib 2.74 does not truncate a file that it writes in place */
    if (!g_file_set_contents_full(full, data, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0644, NULL))
        g_error("%s could not be written", full);
}

static void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

static char *get(const char *path)
{
    g_autofree char *full = staged(path);
    char *text = NULL;
    if (!g_file_get_contents(full, &text, NULL, NULL))
        g_error("%s could not be read", full);
    return text;
}

static void make_executable(const char *path)
{
    g_autofree char *full = staged(path);
    if (chmod(full, 0755) != 0)
        g_error("%s could not be made executable", full);
}

static void put_link(const char *target, const char *path)
{
    g_autofree char *full = staged(path);
    g_autofree char *parent = g_path_get_dirname(full);
    g_mkdir_with_parents(parent, 0755);
    unlink(full);
    if (symlink(target, full) != 0)
        g_error("%s could not be linked", full);
}

static void take_away(const char *path)
{
    g_autofree char *full = staged(path);
    if (unlink(full) != 0)
        g_error("nothing to remove at %s", full);
}

static void put_entry(const char *path, const char *version, const char *files)
{
    g_autofree char *text = g_strdup_printf("title A (%s)\nversion %s\nlinux /boot/vmlinuz-%s\n"
                                            "initrd /boot/initramfs-%s.img $tuned_initrd\n"
                                            "options $kernelopts $tuned_params\n",
                                            version, version, files, files);
    put(path, text);
}

/* A kernel as it is installed, with its entry. */
static void stage_kernel(const char *kver)
{
    g_autofree char *entry =
        g_strconcat("root/boot/loader/entries/" MACHINE_ID "-", kver, ".conf", NULL);
    g_autofree char *kernel = g_strconcat("root/boot/vmlinuz-", kver, NULL);
    g_autofree char *config = g_strconcat("root/boot/config-", kver, NULL);
    g_autofree char *builtin = g_strconcat("root/lib/modules/", kver, "/modules.builtin", NULL);
    g_autofree char *nouveau = g_strconcat("root/lib/modules/", kver, "/" NOUVEAU_MODULE, NULL);
    put_entry(entry, kver, kver);
    put(kernel, "kernel");
    put(config,
        "CONFIG_CRYPTO_AEAD=y\nCONFIG_CRYPTO_AKCIPHER=y\nCONFIG_CRYPTO_SKCIPHER=y\n"
        "CONFIG_CRYPTO_HASH=y\nCONFIG_CRYPTO_HMAC=m\nCONFIG_CRYPTO_RSA=y\nCONFIG_CRYPTO_ECDH=m\n"
        "CONFIG_CRYPTO_ECDSA=m\nCONFIG_X509_CERTIFICATE_PARSER=y\n");
    g_autofree char *aliases = g_strconcat("root/lib/modules/", kver, "/modules.alias", NULL);
    put(builtin, "kernel/drivers/virtio/virtio_pci.ko\n");
    put(aliases, "# Aliases\nalias crypto-ecdsa-nist-p384 ecdsa_generic\n");
    put(nouveau, "");
}

static void stage_boot(void)
{
    static const char arguments[] = "root=UUID=" UUID " ro console=tty0 console=ttyS0 "
                                    "swiotlb=4194304,any";
    g_autofree char *options =
        g_strconcat("saved_entry=" ID "\nkernelopts=", arguments, "\n", NULL);
    g_autofree char *config = g_strconcat("set kernelopts=\"", arguments, "\"\nblscfg\n", NULL);
    put("root/etc/os-release", "ID=alinux\nVERSION_ID=\"3\"\nPRETTY_NAME=\"Alibaba\"\n");
    put("root/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    put("root/etc/fstab", "UUID=" UUID " / ext4 defaults 1 1\n"
                          "UUID=" ESP_ID " /boot/efi vfat defaults 0 2\n");
    put("root/etc/default/grub", "GRUB_CMDLINE_LINUX=\"crashkernel=auto swiotlb=4194304,any\"\n");
    put("root/etc/kernel/cmdline", arguments);
    put("root/boot/grub2/grub.cfg", config);
    put("grubenv", options);
    stage_kernel(KVER);
}

/* As firmware and shim find it: programs that are their headers alone, and the vendor's stub. */
static void stage_esp(void)
{
    static const char *const programs[] = {"BOOT/BOOTX64.EFI", "BOOT/fbx64.efi",
                                           "alinux/shimx64.efi", "alinux/grubx64.efi"};
    char program[512] = "MZ";
    program[0x3c] = 0x40;
    memcpy(program + 0x40, "PE\0\0\x64\x86", 6);
    memcpy(program + 0x40 + 24, "\x0b\x02", 2);
    program[0x40 + 24 + 68] = 10;
    for (guint i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autofree char *path = g_strconcat("esp/EFI/", programs[i], NULL);
        put_bytes(path, program, sizeof program);
    }
    put(STUB, "search --file --set=root /boot/grub2/grub.cfg\nset prefix=($root)/boot/grub2\n"
              "configfile $prefix/grub.cfg\n");
}

static void stage_initrd(const char *place, const char *kver)
{
    static const char *const drivers[] = {"nvme", "virtio_blk", "virtio_net", "virtio_scsi",
                                          "ext4"};
    for (guint i = 0; i < G_N_ELEMENTS(drivers); i++) {
        g_autofree char *path =
            g_strdup_printf("%s/usr/lib/modules/%s/kernel/%s.ko.xz", place, kver, drivers[i]);
        put(path, "");
    }
}

static void stage_modprobe(const char *place, unsigned gpus)
{
    g_autofree char *nouveau = g_strconcat(place, "/" NOUVEAU, NULL);
    g_autofree char *lkca = g_strconcat(place, "/" LKCA, NULL);
    put(nouveau, "blacklist nouveau\noptions nouveau modeset=0\n");
    if (gpus == 8)
        put(lkca, "install nvidia /sbin/modprobe ecdsa_generic; /sbin/modprobe ecdh; "
                  "/sbin/modprobe --ignore-install nvidia\n"
                  "options nvidia NVreg_RegistryDwords=\"RmEnableProtectedPcie=0x1\"\n");
}

static void stage_modules(const char *place, const char *kver, const char *version)
{
    g_autoptr(GString) dep = g_string_new(NULL);
    for (const char *const *name = module_names; *name != NULL; name++) {
        g_autofree char *path = g_strconcat(place, "/", *name, NULL);
        g_autofree char *info = g_strdup_printf(
            "version=%s\nlicense=%s\nvermagic=%s SMP mod_unload \n%s", version,
            g_str_equal(*name, "nvidia-peermem") ? "Linux-OpenIB" : "Dual MIT/GPL", kver,
            g_str_equal(*name, "nvidia")
                ? "softdep=pre: ecdh_generic,ecdsa_generic\nundefined=cc_platform_has\n"
                : "");
        put(path, info);
        g_string_append_printf(dep, "kernel/drivers/video/%s.ko:\n", *name);
    }
    g_autofree char *path = g_strconcat("root/lib/modules/", kver, "/modules.dep", NULL);
    put(path, dep->str);
}

static void stage_userspace(const char *version)
{
    static const char *const libraries[] = {"libcuda.so", "libnvidia-ml.so", "libnvidia-cfg.so",
                                            "libnvidia-pkcs11.so", "libnvidia-pkcs11-openssl3.so"};
    for (guint i = 0; i < G_N_ELEMENTS(libraries); i++) {
        g_autofree char *path = g_strdup_printf("root/usr/lib64/%s.%s", libraries[i], version);
        g_autofree char *target = g_strdup_printf("%s.%s", libraries[i], version);
        g_autofree char *link = g_strdup_printf("root/usr/lib64/%s.1", libraries[i]);
        put(path, "");
        put_link(target, link);
    }
    static const char *const firmware[] = {"ga10x", "tu10x"};
    for (guint i = 0; i < G_N_ELEMENTS(firmware); i++) {
        g_autofree char *path =
            g_strdup_printf("root/lib/firmware/nvidia/%s/gsp_%s.bin", version, firmware[i]);
        put(path, "");
    }
    put("root/usr/lib64/libcrypto.so.1.1", "");
    put("root/usr/lib64/libcrypto.so.3", "");
    put("root/usr/bin/nvidia-smi", "");
    put("root/usr/bin/nvidia-persistenced", "");
    put("root/usr/local/cuda-12.4/bin/nvcc", "");
    put("root/usr/local/cuda-12.4/version.json",
        "{\"cuda\": {\"name\": \"CUDA SDK\", \"version\": \"12.4.1\"}}");
    put(SITE "nv_attestation_sdk-2.5.0.post6914366.dist-info/METADATA", "");
}

static void stage_selftest(unsigned gpus)
{
    g_autofree char *conf = g_strdup_printf("# Comment\ngpus=%u\nbaked=0123\n", gpus);
    put(SELFTEST, "#!/bin/sh\n");
    put(SELFTEST_CONF, conf);
}

static void stage_units(unsigned gpus)
{
    static const char *const consumers[] = {"cloudmonitor", "nvidia-cdi-refresh", "ollama"};
    put_link("graphical.target", VENDOR_UNITS "default.target");
    put(VENDOR_UNITS "graphical.target", "[Unit]\nRequires=multi-user.target\n"
                                         "After=multi-user.target\n");
    put(VENDOR_UNITS "multi-user.target", "[Unit]\nRequires=basic.target\nAfter=basic.target\n");
    put(VENDOR_UNITS "basic.target", "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n");
    put(VENDOR_UNITS "sysinit.target", "[Unit]\nDescription=S\n");
    put(VENDOR_UNITS "cloudmonitor.service", "[Service]\nExecStart=/bin/true\n"
                                             "[Install]\nWantedBy=multi-user.target\n");
    put_link("/usr/lib/systemd/system/cloudmonitor.service", WANTS "cloudmonitor.service");
    put_link("/dev/null", UNITS "masked.service");
    /* Installed for 1 GPU too, and not enabled there. */
    put(VENDOR_UNITS "nvidia-fabricmanager.service",
        "[Service]\nExecStart=/usr/bin/nv-fabricmanager\n[Install]\nWantedBy=multi-user.target\n");
    put(PERSISTENCED,
        gpus == 8
            ? "[Unit]\nBefore=cloudmonitor.service nvidia-cdi-refresh.service "
              "ollama.service\nAfter=nvidia-fabricmanager.service\n[Service]\nType=forking\n"
              "ExecStart=/usr/bin/nvidia-persistenced --user root --uvm-persistence-mode "
              "--verbose\nExecStartPost=/usr/bin/nvidia-smi conf-compute -srs 1\n"
              "ExecStopPost=/bin/rm -rf /var/run/nvidia-persistenced\n"
              "TimeoutStartSec=900\nTimeoutStopSec=60\n[Install]\nWantedBy=multi-user.target\n"
            : "[Unit]\nBefore=cloudmonitor.service nvidia-cdi-refresh.service "
              "ollama.service\n[Service]\nType=forking\n"
              "ExecStart=/usr/bin/nvidia-persistenced --user root\n"
              "ExecStartPost=/usr/bin/nvidia-smi conf-compute -srs 1\n"
              "ExecStopPost=/bin/rm -rf /var/run/nvidia-persistenced\n"
              "[Install]\nWantedBy=multi-user.target\n");
    put_link("/etc/systemd/system/nvidia-persistenced.service",
             WANTS "nvidia-persistenced.service");
    for (guint i = 0; i < G_N_ELEMENTS(consumers); i++) {
        g_autofree char *path = g_strdup_printf(UNITS "%s.service.d/10-ccbake.conf", consumers[i]);
        put(path, "[Unit]\nAfter=nvidia-persistenced.service\nWants=nvidia-persistenced.service\n");
    }
}

static void stage_fabric(const char *version)
{
    g_autofree char *packages =
        g_strdup_printf("libnvidia-nscq-570-%s-1.x86_64\nnvidia-fabric-manager-%s-1.x86_64\n"
                        "nvidia-fabric-manager-devel-1.0-1.x86_64\n",
                        version, version);
    g_autofree char *library = g_strconcat("root/usr/lib64/libnvidia-nscq.so.", version, NULL);
    put("packages", packages);
    put(library, "");
    put("root/usr/bin/nv-fabricmanager", "");
    make_executable("root/usr/bin/nv-fabricmanager");
    put_link("/usr/lib/systemd/system/nvidia-fabricmanager.service",
             WANTS "nvidia-fabricmanager.service");
}

static void stage_cloud(void)
{
    put("root/usr/bin/cloud-init", "");
    put("root/usr/bin/growpart", "");
    put(VENDOR_UNITS "cloud-init.service", "[Service]\nExecStart=/usr/bin/cloud-init init\n");
    put_link("/usr/lib/systemd/system/cloud-init.service", WANTS "cloud-init.service");
    put(ALIYUN, "imdsv2_token_put_header = \"X-aliyun-ecs-metadata-token\"\n");
    put(CLOUD "cloud.cfg", "datasource_list: [ AliYun ]\ncloud_init_modules:\n - growpart\n"
                           " - [resizefs, always]\n");
    put(CLOUD "cloud.cfg.d/05_logging.cfg", "_log:\n - &base |\n   x\nlog_cfgs:\n - *base\n");
    put(DRACUT_CONF, "tmpdir=/tmp\n"
                     "install_items+=\" /etc/modprobe.d/nouveau.conf \"\n"
                     "install_items+=\" /etc/modprobe.d/nvidia-lkca.conf \"\n");
    put("root/etc/adjtime", "0.0 0 0.0\n0\nUTC\n");
    put("root/etc/selinux/config", "SELINUX=disabled\n");
    put("root/etc/hostname", "localhost.localdomain\n");
    put("root/etc/resolv.conf", "# by DHCP\nnameserver 100.100.2.136\n");
    put("root/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nBOOTPROTO=dhcp\n");
    put("root/etc/sysconfig/network-scripts/ifcfg-lo", "DEVICE=lo\nIPADDR=127.0.0.1\n");
    put_link("/dev/null", "root/etc/systemd/network/99-off.network");
    put("root/dev/null", "[Network]\nAddress=10.0.0.1/24\n"); /* not to be read */
    put("root/etc/dnf/dnf.conf", "[main]\nexclude=kernel*\n");
    put("root/etc/ssl/certs/ca.pem", "-----BEGIN CERTIFICATE-----\n");
    put("root/usr/bin/nvidia-uninstall", "");
}

static void stage_all(unsigned gpus, const char *version)
{
    put("root/tmp/.keep", "");
    put("packages", "bash-4.4.20-4.al8.x86_64\n");
    stage_boot();
    stage_esp();
    stage_cloud();
    stage_initrd("initrd", KVER);
    stage_modprobe("root", gpus);
    stage_modprobe("initrd", gpus);
    stage_modules("modinfo", KVER, version);
    stage_userspace(version);
    stage_units(gpus);
    stage_selftest(gpus);
    if (gpus == 8)
        stage_fabric(version);
}

/* A second kernel with all that the first one has. */
static void stage_other_kernel(unsigned gpus, const char *version)
{
    stage_kernel(OTHER);
    put_link("vmlinuz-" KVER, VMLINUZ_LINK);
    stage_initrd("other/initrd", OTHER);
    stage_modprobe("other/initrd", gpus);
    stage_modules("other/modinfo", OTHER, version);
}

/* --- packing */

/* A relocatable ELF file whose section .modinfo has these strings, and which needs the symbol that
 * the first value of "undefined" among them names. */
static GByteArray *make_module(const char *info, size_t size)
{
    static const char names[] = "\0.modinfo\0.shstrtab";
    const char *symbol = memmem(info, size, "undefined=", strlen("undefined="));
    const Elf64_Sym symbols[2] = {{0},
                                  {.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE)}};
    g_autofree char *strings =
        g_strconcat("-", symbol != NULL ? symbol + strlen("undefined=") : "other", NULL);
    size_t strings_size = strlen(strings) + 1;
    Elf64_Off data = sizeof(Elf64_Ehdr) + 5 * sizeof(Elf64_Shdr);
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_REL,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_shoff = sizeof(Elf64_Ehdr),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = 5,
        .e_shstrndx = 2,
    };
    Elf64_Shdr sections[5] = {
        {.sh_type = SHT_NULL},
        {.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = data, .sh_size = size},
        {.sh_name = 10, .sh_type = SHT_STRTAB, .sh_offset = data + size, .sh_size = sizeof names},
        {.sh_type = SHT_STRTAB, .sh_offset = data + size + sizeof names, .sh_size = strings_size},
        {.sh_type = SHT_SYMTAB,
         .sh_link = 3,
         .sh_offset = data + size + sizeof names + strings_size,
         .sh_size = sizeof symbols,
         .sh_entsize = sizeof *symbols},
    };
    strings[0] = '\0';
    GByteArray *elf = g_byte_array_new();
    g_byte_array_append(elf, (const guint8 *)&header, sizeof header);
    g_byte_array_append(elf, (const guint8 *)sections, sizeof sections);
    g_byte_array_append(elf, (const guint8 *)info, (guint)size);
    g_byte_array_append(elf, (const guint8 *)names, sizeof names);
    g_byte_array_append(elf, (const guint8 *)strings, (guint)strings_size);
    g_byte_array_append(elf, (const guint8 *)symbols, sizeof symbols);
    return elf;
}

static void pack_modules(const char *place, const char *kver)
{
    g_autofree char *directory = staged(place);
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *source = g_strconcat(place, "/", name, NULL);
        g_autofree char *target =
            g_strdup_printf("root/lib/modules/%s/kernel/drivers/video/%s.ko", kver, name);
        g_autofree char *info = get(source);
        size_t size = strlen(info) + 1;
        for (size_t i = 0; i < size; i++)
            info[i] = info[i] == '\n' ? '\0' : info[i];
        g_autoptr(GByteArray) elf = make_module(info, size);
        put_bytes(target, elf->data, elf->len);
    }
}

static void pack_file(struct archive *archive, const char *place, const char *path)
{
    g_autofree char *source = g_strconcat(place, "/", path, NULL);
    g_autofree char *content = get(source);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_mode(entry, S_IFREG | 0644);
    archive_entry_set_size(entry, (la_int64_t)strlen(content));
    archive_write_header(archive, entry);
    archive_write_data(archive, content, strlen(content));
    archive_entry_free(entry);
}

static void pack_initrd(const char *place, const char *kver)
{
    static char buffer[1 << 20];
    size_t used = 0;
    g_autofree char *directory = staged(place);
    g_autofree char *target = g_strdup_printf("root/boot/initramfs-%s.img", kver);
    ccb_autofd int root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_auto(GStrv) paths = ccb_rooted_find(&root, "/", NULL);
    struct archive *archive = archive_write_new();
    archive_write_set_format_cpio_newc(archive);
    archive_write_add_filter_gzip(archive);
    archive_write_open_memory(archive, buffer, sizeof buffer, &used);
    for (char **path = paths; *path != NULL; path++) {
        g_autofree char *full = g_build_filename(directory, *path, NULL);
        if (!g_file_test(full, G_FILE_TEST_IS_DIR))
            pack_file(archive, place, *path);
    }
    archive_write_close(archive);
    archive_write_free(archive);
    put_bytes(target, buffer, used);
}

static void must(const char *directory, const char *line)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    int status = 1;
    if (!g_spawn_sync(directory, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                      NULL, NULL, NULL, &status, NULL) ||
        status != 0)
        g_error("%s failed", line);
}

static void pack_esp(void)
{
    g_autofree char *image = staged("esp.fat");
    must(stage, "mkfs.vfat -C esp.fat 64");
    must(stage, "mcopy -s -i esp.fat esp/EFI ::/");
    g_free(esp);
    g_file_get_contents(image, &esp, &esp_size, NULL);
    unlink(image);
}

/* The right one, made once: it takes two programs. */
static void give_esp(void)
{
    static char *right;
    if (right == NULL) {
        pack_esp();
        right = g_memdup2(esp, esp_size);
    }
    memcpy(esp, right, esp_size);
}

static void pack_grubenv(void)
{
    g_autoptr(CcbGrubenv) env = ccb_grubenv_new();
    g_autofree char *text = get("grubenv");
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; **line != '\0'; line++) {
        char *value = strchr(*line, '=');
        *value++ = '\0';
        ccb_grubenv_set(env, *line, value, NULL);
    }
    g_autofree char *block = ccb_grubenv_render(env);
    put_bytes("root/boot/grub2/grubenv", block, CCB_GRUBENV_SIZE);
}

/* --- judging */

/* The checks that are not content, and what they say: "id id". */
static char *bad_ids(const CcbResults *report, bool show)
{
    GString *ids = g_string_new(NULL);
    for (guint i = 0; i < report->rows->len; i++) {
        const CcbResultRow *row = g_ptr_array_index(report->rows, i);
        if (row->status != CCB_FAIL && row->status != CCB_UNREADABLE)
            continue;
        g_string_append_printf(ids, "%s%s%s", ids->len > 0 ? " " : "",
                               row->status == CCB_UNREADABLE ? "!" : "", row->id);
        if (show)
            printf("#   %s: %s\n", row->id, row->detail);
    }
    return g_string_free(ids, FALSE);
}

static void free_packages(gpointer packages)
{
    g_strfreev(packages);
}

/* The staged list of packages in place of a database; without it there is none. */
static void give_packages(CcbCheckContext *ctx)
{
    g_autofree char *text = get("packages");
    if (*text != '\0')
        ccb_check_memo_set(ctx, "packages", "", g_strsplit(g_strchomp(text), "\n", -1),
                           free_packages);
}

static CcbResults *judge_tree(const CcbExpectation *expect, Tree *tree)
{
    g_autofree char *path = staged("root");
    ccb_autofd int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    tree->root = root;
    g_autoptr(CcbGuest) guest = ccb_guest_new_with_ops(&tree_ops, tree, -1);
    g_autoptr(CcbCheckContext) ctx = ccb_check_context_new(guest, expect);
    g_autoptr(GError) error = NULL;
    CcbResults *report = NULL;
    if (!tree->dark)
        give_packages(ctx);
    if (!ccb_check_run(ctx, ccb_check_families, &report, &error))
        g_error("judging broke down: %s", error->message);
    return report;
}

static CcbResults *judge(const CcbExpectation *expect)
{
    return judge_tree(expect, &(Tree){.dark = false});
}

static void begin(unsigned gpus, const char *version)
{
    g_autofree char *template = g_build_filename(g_get_tmp_dir(), "check-XXXXXX", NULL);
    stage = g_mkdtemp(g_steal_pointer(&template));
    stage_all(gpus, version);
    give_esp();
    make_disk();
    tree_free = 1 << 30;
    set_superblock(1, 0);
}

static void pack(void)
{
    pack_grubenv();
    pack_modules("modinfo", KVER);
    pack_initrd("initrd", KVER);
}

static void pack_other_kernel(void)
{
    pack_modules("other/modinfo", OTHER);
    pack_initrd("other/initrd", OTHER);
}

static void end(void)
{
    ccb_remove_tree(stage, NULL);
    g_clear_pointer(&stage, g_free);
    g_clear_pointer(&tree_disk, ccb_disk_free);
}

/* --- the cases */

typedef struct {
    const char *what;
    unsigned gpus;
    enum { NOTHING, REMOVE, WRITE, LINK, REPLACE } how;
    const char *path;
    const char *from; /* REPLACE: this text ...; WRITE, LINK: content or target */
    const char *to;   /* ... by this */
    const char *bad;  /* the ids; '!' in front: unreadable */
    const char *also_text;
    const char *also; /* a file that is written beside */
    const char *link; /* a link that is made beside; where it leads to does not matter */
    const char *gone; /* a file that is removed beside */
    const char *boot; /* in place of $tuned_params in the default entry */
    bool no_nouveau;  /* in the kernel */
    bool two_kernels;
    bool no_esp, damaged_esp;
    const char *table; /* of partitions; NULL: gpt */
    unsigned free_mib;
    uint64_t disk_size;
    unsigned state, incompat; /* of the root's superblock, where the state is not 0 */
    const char *driver;       /* another version throughout */
    const char *min_kernel;   /* expected */
} Case;

static const Case cases[] = {
    {"a right image for 1 GPU", 1, NOTHING, .bad = ""},
    {"a right image for 8 GPUs", 8, NOTHING, .bad = ""},
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
    {"no nvme in the initramfs", 1, REMOVE, "initrd/usr/lib/modules/" KVER "/kernel/nvme.ko.xz",
     .bad = "initramfs.drivers"},
    {"virtio_pci not built in", 1, WRITE, MODULES "modules.builtin", "\n",
     .bad = "initramfs.drivers"},
    {"nouveau in the initramfs, and blacklisted there", 1, WRITE, NOUVEAU_IN_INITRD, "", .bad = ""},
    {"nouveau in the initramfs, and not blacklisted there", 1, REMOVE, "initrd/" NOUVEAU,
     .bad = "modprobe.nouveau-initramfs", .also = NOUVEAU_IN_INITRD},
    {"nouveau in the initramfs, and blacklisted for dracut", 1, REMOVE, "initrd/" NOUVEAU,
     .bad = "", .also = NOUVEAU_IN_INITRD, .boot = "rd.driver.blacklist=floppy,nouveau"},
    {"an initramfs without nouveau, and not blacklisted there", 1, REMOVE, "initrd/" NOUVEAU,
     .bad = ""},
    {"nothing keeps nouveau off", 1, REMOVE, "root/" NOUVEAU, .bad = "modprobe.nouveau"},
    {"nouveau with a modeset of 1 alone", 8, WRITE, "root/" NOUVEAU, "options nouveau modeset=1\n",
     .bad = "modprobe.nouveau"},
    {"nouveau with a modeset of 0 alone", 8, WRITE, "root/" NOUVEAU, "options nouveau modeset=0\n",
     .bad = ""},
    {"nouveau without its modeset", 8, WRITE, "root/" NOUVEAU, "blacklist nouveau\n", .bad = ""},
    {"nouveau by an install command", 1, WRITE, "root/" NOUVEAU, "install nouveau /bin/false\n",
     .bad = ""},
    {"nouveau by an install command that loads it", 1, WRITE, "root/" NOUVEAU,
     "install nouveau /sbin/modprobe --ignore-install nouveau\n", .bad = "modprobe.nouveau"},
    {"nouveau by modprobe.blacklist", 1, REMOVE, "root/" NOUVEAU, .bad = "",
     .boot = "modprobe.blacklist=nouveau"},
    {"nouveau by module_blacklist", 1, REMOVE, "root/" NOUVEAU, .bad = "",
     .boot = "module_blacklist=floppy,nouveau"},
    {"nouveau by its parameter", 1, REMOVE, "root/" NOUVEAU, .bad = "",
     .boot = "nouveau.modeset=0"},
    {"nouveau in the initramfs alone by dracut's list", 1, REMOVE, "root/" NOUVEAU,
     .bad = "modprobe.nouveau", .boot = "rd.driver.blacklist=nouveau"},
    {"nouveau by one of two entries", 1, REMOVE, "root/" NOUVEAU, .bad = "modprobe.nouveau",
     .boot = "modprobe.blacklist=nouveau", .two_kernels = true},
    {"no kernel with nouveau", 1, REMOVE, "root/" NOUVEAU, .bad = "", .no_nouveau = true},
    {"a later file overrides the registry", 8, WRITE, "root/usr/lib/modprobe.d/z.conf",
     "options nvidia NVreg_RegistryDwords=A=1\n", .bad = "modprobe.lkca"},
    {"no install line", 8, REPLACE, "root/" LKCA, "install", "#", .bad = "modprobe.lkca"},
    {"no lkca in the initramfs", 8, REMOVE, "initrd/" LKCA, .bad = "modprobe.lkca-initramfs"},
    {"Protected PCIe on 1 GPU", 1, WRITE, "root/usr/lib/modprobe.d/a.conf",
     "options nvidia NVreg_RegistryDwords=\"RmEnableProtectedPcie=0x1\"\n",
     .bad = "modprobe.no-protected-pcie"},
    {"Protected PCIe on 1 GPU in the initramfs", 1, WRITE, "initrd/etc/modprobe.d/a.conf",
     "options nvidia NVreg_RegistryDwords=\"RmEnableProtectedPcie=0x1\"\n",
     .bad = "modprobe.no-protected-pcie-initramfs"},
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
    {"no nvme in a second initramfs", 1, REMOVE,
     "other/initrd/usr/lib/modules/" OTHER "/kernel/nvme.ko.xz", .bad = "initramfs.drivers",
     .two_kernels = true},
    {"nouveau in a second initramfs", 1, REMOVE, "other/initrd/" NOUVEAU,
     .bad = "modprobe.nouveau-initramfs", .two_kernels = true,
     .also = "other/initrd/usr/lib/modules/" OTHER "/" NOUVEAU_MODULE},
    {"no lkca in a second initramfs", 8, REMOVE, "other/initrd/" LKCA,
     .bad = "modprobe.lkca-initramfs", .two_kernels = true},
    {"Protected PCIe on 1 GPU in a second initramfs", 1, WRITE,
     "other/initrd/etc/modprobe.d/a.conf",
     "options nvidia NVreg_RegistryDwords=\"RmEnableProtectedPcie=0x1\"\n",
     .bad = "modprobe.no-protected-pcie-initramfs", .two_kernels = true},
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
    {"a driver from packages only", 1, REMOVE, "root/usr/bin/nvidia-uninstall",
     .bad = "updates.driver-lock", .also = "packages",
     .also_text = "kmod-nvidia-550.144.03-3:550.144.03-3.al8.x86_64\n"},
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
    {"a later dracut leaves the blacklist out", 1, REPLACE, DRACUT_CONF, "nouveau.conf", "x.conf",
     .bad = "modprobe.dracut"},
    {"a later dracut needs free space on the root", 1, REPLACE, DRACUT_CONF, "/tmp", "/var/tmp",
     .bad = "initramfs.tmpdir"},
    {"a directory of the root that is called nearly as one of others", 1, REPLACE, DRACUT_CONF,
     "/tmp", "/runner", .bad = "initramfs.tmpdir"},
    {"a directory in a tmpfs", 1, REPLACE, DRACUT_CONF, "/tmp", "/dev/shm/dracut", .bad = ""},
    {"a later dracut with the default of its tmpdir", 1, REPLACE, DRACUT_CONF, "tmpdir", "other",
     .bad = "initramfs.tmpdir"},
    {"the last file says where dracut works", 1, WRITE, "root/usr/lib/dracut/dracut.conf.d/m.conf",
     "tmpdir=/var/tmp\n", .bad = "initramfs.tmpdir"},
    {"a file of /etc hides one of /usr/lib", 1, WRITE,
     "root/usr/lib/dracut/dracut.conf.d/local.conf", "tmpdir=/var/tmp\n", .bad = ""},
    {"a later dracut leaves the options out", 8, REPLACE, DRACUT_CONF, "lkca.conf", "x.conf",
     .bad = "modprobe.dracut"},
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
    {"Fabric Manager of another version", 8, REPLACE, "packages", "manager-570.148.08",
     "manager-570.133.20", .bad = "fabric.version"},
    {"Fabric Manager only in the database", 8, REMOVE, "root/usr/bin/nv-fabricmanager",
     .bad = "fabric.version"},
    {"Fabric Manager that can't be run", 8, WRITE, "root/usr/bin/nv-fabricmanager", "",
     .bad = "fabric.version"},
    {"Fabric Manager's unit is gone", 8, REMOVE, VENDOR_UNITS "nvidia-fabricmanager.service",
     .bad = "fabric.enabled"},
    {"NSCQ only in the database", 8, REMOVE, "root/usr/lib64/libnvidia-nscq.so.570.148.08",
     .bad = "fabric.nscq"},
    {"no NSCQ", 8, REPLACE, "packages", "nscq-570", "other", .bad = "fabric.nscq"},
    {"Fabric Manager not enabled", 8, REMOVE, WANTS "nvidia-fabricmanager.service",
     .bad = "fabric.enabled"},
    {"Fabric Manager enabled on 1 GPU", 1, LINK, WANTS "nvidia-fabricmanager.service",
     "/usr/lib/systemd/system/nvidia-fabricmanager.service", .bad = "fabric.disabled"},
    {"no persistenced unit", 1, REMOVE, PERSISTENCED, .bad = "units.persistenced"},
    {"conf-compute may fail to be set ready", 1, REPLACE, PERSISTENCED, "=/usr/bin/nvidia-smi",
     "=-/usr/bin/nvidia-smi", .bad = ""},
    {"no UVM persistence on 8", 8, REPLACE, PERSISTENCED, " --uvm-persistence-mode", "",
     .bad = "units.persistenced"},
    {"the daemon as another user", 1, REPLACE, PERSISTENCED, "--user root", "--user nvpd",
     .bad = "units.guide-text"},
    {"the daemon says nothing", 8, REPLACE, PERSISTENCED, " --verbose", "",
     .bad = "units.guide-text"},
    {"the unit of a package, made ready by a drop-in", 1, WRITE, PERSISTENCED,
     "[Unit]\nBefore=cloudmonitor.service\n[Service]\nType=forking\n"
     "ExecStart=/usr/bin/nvidia-persistenced --verbose\n"
     "ExecStopPost=/bin/rm -rf /var/run/nvidia-persistenced/*\n",
     .bad = "units.guide-text", .also = PERSISTENCED ".d/srs.conf",
     .also_text = "[Service]\nExecStartPost=/usr/bin/nvidia-smi conf-compute -srs 1\n"},
    {"conf-compute is not set ready", 1, REPLACE, PERSISTENCED, "-srs 1", "-srs 0",
     .bad = "units.persistenced"},
    {"a short timeout on 8", 8, REPLACE, PERSISTENCED, "=900", "=90", .bad = "units.time-limits"},
    {"a longer timeout on 8", 8, REPLACE, PERSISTENCED, "=900", "=20min", .bad = ""},
    {"a limit in minutes", 8, REPLACE, PERSISTENCED, "TimeoutStartSec=900", "TimeoutSec=15min",
     .bad = ""},
    {"no limit on 8", 8, REPLACE, PERSISTENCED, "TimeoutStartSec=900", "TimeoutStartSec=0",
     .bad = ""},
    {"a drop-in shortens the limit", 8, WRITE, PERSISTENCED ".d/x.conf",
     "[Service]\nTimeoutStartSec=90\n", .bad = "units.time-limits"},
    {"a short limit on 1", 1, REPLACE, PERSISTENCED, "[Service]", "[Service]\nTimeoutStartSec=30",
     .bad = "units.time-limits"},
    {"a short limit for all units", 1, WRITE, "root/etc/systemd/system.conf.d/9.conf",
     "[Manager]\nDefaultTimeoutStartSec=1min\n", .bad = "units.time-limits"},
    {"a short limit for all units that persistenced does not have", 8, WRITE,
     "root/etc/systemd/system.conf.d/9.conf", "[Manager]\nDefaultTimeoutStopSec=15s\n", .bad = ""},
    {"a limit that is none", 8, REPLACE, PERSISTENCED, "=900", "=soon", .bad = "units.time-limits"},
    {"no limit to stop, which is systemd's", 8, REPLACE, PERSISTENCED, "TimeoutStopSec", "#",
     .bad = ""},
    {"a drop-in shortens Fabric Manager's limit", 8, REPLACE,
     VENDOR_UNITS "nvidia-fabricmanager.service", "[Service]", "[Service]\nTimeoutStartSec=720",
     .bad = "units.time-limits", .also = UNITS "nvidia-fabricmanager.service.d/x.conf",
     .also_text = "[Service]\nTimeoutStartSec=120\n"},
    {"DCGM is not ordered", 1, WRITE, VENDOR_UNITS "nvidia-dcgm.service",
     "[Service]\nExecStart=/usr/bin/nv-hostengine\n", .bad = "units.order",
     .link = WANTS "nvidia-dcgm.service"},
    {"DCGM is not ordered, and not enabled", 1, WRITE, VENDOR_UNITS "nvidia-dcgm.service",
     "[Service]\nExecStart=/usr/bin/nv-hostengine\n", .bad = ""},
    {"the list of GPUs is made when a path changes", 1, REPLACE, PERSISTENCED,
     "nvidia-cdi-refresh.service", "", .bad = "units.order units.drop-ins",
     .also = VENDOR_UNITS "nvidia-cdi-refresh.service",
     .also_text = "[Service]\nExecStart=/usr/bin/nvidia-ctk\n",
     .link = WANTS "nvidia-cdi-refresh.path",
     .gone = UNITS "nvidia-cdi-refresh.service.d/10-ccbake.conf"},
    {"the list of GPUs is not ordered, and not installed", 1, REPLACE, PERSISTENCED,
     "nvidia-cdi-refresh.service", "", .bad = "units.drop-ins",
     .gone = UNITS "nvidia-cdi-refresh.service.d/10-ccbake.conf"},
    {"the cloud's monitor is not ordered, and not installed", 1, REPLACE, PERSISTENCED,
     "cloudmonitor.service", "", .bad = "units.order units.drop-ins",
     .gone = UNITS "cloudmonitor.service.d/10-ccbake.conf"},
    {"DCGM is ordered through a unit that a boot starts", 1, WRITE,
     VENDOR_UNITS "nvidia-dcgm.service", "[Unit]\nAfter=between.service\n", .bad = "",
     .also = VENDOR_UNITS "between.service",
     .also_text = "[Unit]\nAfter=nvidia-persistenced.service\n", .link = WANTS "between.service"},
    {"DCGM is ordered through a unit that no boot starts", 1, WRITE,
     VENDOR_UNITS "nvidia-dcgm.service", "[Unit]\nAfter=between.service\n", .bad = "units.order",
     .also = VENDOR_UNITS "between.service",
     .also_text = "[Unit]\nAfter=nvidia-persistenced.service\n",
     .link = WANTS "nvidia-dcgm.service"},
    {"a unit with a container that gets GPUs", 1, WRITE, VENDOR_UNITS "acme.service",
     "[Service]\nExecStart=/usr/bin/docker run --rm --gpus all acme\n", .bad = "units.gpu-users",
     .link = WANTS "acme.service"},
    {"a unit that runs nvidia-smi in a shell", 1, WRITE, VENDOR_UNITS "acme.service",
     "[Service]\nExecStart=/bin/true\nExecStartPost=-/bin/sh -c 'nvidia-smi -L;true'\n",
     .bad = "units.gpu-users", .link = WANTS "acme.service"},
    {"a unit of the CUDA toolkit", 1, WRITE, VENDOR_UNITS "acme.service",
     "[Service]\nExecStartPre=/usr/local/cuda/extras/demo_suite/deviceQuery\n",
     .bad = "units.gpu-users", .link = WANTS "acme.service"},
    {"an engine that gives containers the GPU", 1, WRITE, "root/etc/docker/daemon.json",
     "{\"runtimes\": {\"nvidia\": {\"path\": \"nvidia-container-runtime\"}}}",
     .bad = "units.gpu-users", .also = VENDOR_UNITS "docker.service",
     .also_text = "[Service]\nExecStart=/usr/bin/dockerd\n", .link = WANTS "docker.service"},
    {"another engine, which waits", 8, WRITE, "root/etc/containerd/config.toml",
     "BinaryName = \"/usr/bin/nvidia-container-runtime\"\n", .bad = "",
     .also = VENDOR_UNITS "containerd.service",
     .also_text = "[Unit]\nAfter=nvidia-persistenced.service\n[Service]\nExecStart=/c\n",
     .link = WANTS "containerd.service"},
    {"another engine, which does not wait", 8, WRITE, "root/etc/containerd/config.toml",
     "BinaryName = \"/usr/bin/nvidia-container-runtime\"\n", .bad = "units.gpu-users",
     .also = VENDOR_UNITS "containerd.service", .also_text = "[Service]\nExecStart=/c\n",
     .link = WANTS "containerd.service"},
    {"an engine without NVIDIA's runtime", 1, WRITE, "root/etc/docker/daemon.json", "{}", .bad = "",
     .also = VENDOR_UNITS "docker.service", .also_text = "[Service]\nExecStart=/usr/bin/dockerd\n",
     .link = WANTS "docker.service"},
    {"a user of the GPU that no boot starts", 1, WRITE, VENDOR_UNITS "acme.service",
     "[Service]\nExecStart=/usr/bin/nvidia-smi\n", .bad = ""},
    {"a user of the GPU that waits", 1, WRITE, VENDOR_UNITS "acme.service",
     "[Unit]\nAfter=nvidia-persistenced.service\n[Service]\nExecStart=/usr/bin/nvidia-smi\n",
     .bad = "", .link = WANTS "acme.service"},
    {"a user of the GPU for which persistenced waits", 1, WRITE, VENDOR_UNITS "acme.service",
     "[Unit]\nBefore=nvidia-persistenced.service\n[Service]\nExecStart=/usr/bin/nvidia-modprobe\n",
     .bad = "", .link = WANTS "acme.service"},
    {"a unit that only names persistenced", 1, WRITE, VENDOR_UNITS "acme.service",
     "[Service]\nExecStart=/bin/rm -rf /run/nvidia-persistenced\n"
     "ExecStartPost=/bin/systemctl try-restart nvidia-persistenced.service\n",
     .bad = "", .link = WANTS "acme.service"},
    {"persistenced not enabled", 1, REMOVE, WANTS "nvidia-persistenced.service",
     .bad = "units.enabled"},
    {"a boot to the target that wants persistenced", 1, LINK, VENDOR_UNITS "default.target",
     "multi-user.target", .bad = ""},
    {"a boot to a target that does not want persistenced", 1, LINK, VENDOR_UNITS "default.target",
     "basic.target", .bad = "units.enabled"},
    {"persistenced masked", 1, LINK, PERSISTENCED, "/dev/null", .bad = "units.persistenced"},
    {"an ordering cycle", 1, REPLACE, PERSISTENCED, "[Service]",
     "After=cloudmonitor.service\n[Service]", .bad = "units.acyclic"},
    {"ollama is not ordered", 1, REMOVE, UNITS "ollama.service.d/10-ccbake.conf",
     .bad = "units.drop-ins"},
    {"not after Fabric Manager", 8, REPLACE, PERSISTENCED, "After=nvidia-fabricmanager.service", "",
     .bad = "units.fabric-order"},
    {"dnf-automatic installs", 1, LINK, WANTS "dnf-automatic-install.timer", "/x", .bad = "",
     .also = VENDOR_UNITS "dnf-automatic-install.service"},
    {"dnf-automatic's timer is there and enabled", 1, LINK, WANTS "dnf-automatic-install.timer",
     "/x", .bad = "updates.automatic", .also = VENDOR_UNITS "dnf-automatic-install.timer"},
    {"a timer whose service updates", 1, WRITE, VENDOR_UNITS "patch.service",
     "[Service]\nExecStart=/bin/sh -c 'yum -y --security update-minimal'\n",
     .bad = "updates.automatic", .also = VENDOR_UNITS "nightly.timer",
     .also_text = "[Timer]\nOnCalendar=daily\nUnit=patch.service\n", .link = WANTS "nightly.timer"},
    {"a timer whose service of its name updates", 1, WRITE, VENDOR_UNITS "patch.service",
     "[Service]\nExecStart=/usr/bin/dnf upgrade --refresh\n", .bad = "updates.automatic",
     .also = VENDOR_UNITS "patch.timer", .also_text = "[Timer]\nOnCalendar=daily\n",
     .link = WANTS "patch.timer"},
    {"a service that updates, which no boot starts", 1, WRITE, VENDOR_UNITS "patch.service",
     "[Service]\nExecStart=/usr/bin/dnf upgrade\n", .bad = "", .also = VENDOR_UNITS "patch.timer",
     .also_text = "[Timer]\nOnCalendar=daily\n"},
    {"a service that only looks for updates", 1, WRITE, VENDOR_UNITS "makecache.service",
     "[Service]\nExecStart=/usr/bin/dnf makecache\nExecStart=-/usr/bin/dnf check-update\n"
     "ExecStart=/usr/bin/dnf -q updateinfo\nExecStart=/usr/bin/dnf install update-tools\n",
     .bad = "", .link = WANTS "makecache.service"},
    {"updates for the next boot", 1, LINK, "root/system-update", "/var/lib/system-update",
     .bad = "updates.automatic"},
    {"cloud-init updates", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg", "package_upgrade: True # all\n",
     .bad = "cloud-init.no-upgrade"},
    {"cloud-init updates, by an old name", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "apt_upgrade: yes\n", .bad = "cloud-init.no-upgrade"},
    {"no data source of the cloud", 1, REMOVE, ALIYUN, .bad = "cloud-init.imds-v2"},
    {"metadata without a token", 1, REPLACE, ALIYUN, "X-aliyun-ecs-metadata-token", "X-none",
     .bad = "cloud-init.imds-v2"},
    {"a second Python with an older cloud-init", 8, WRITE,
     "root/usr/lib/python3.11/dist-packages/cloudinit/sources/DataSourceAliYun.py", "class X:\n",
     .bad = "cloud-init.imds-v2"},
    {"cloud-init does not update", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "package_update: true\npackage_upgrade: false\n", .bad = ""},
    {"no lock of the kernel", 1, REPLACE, "root/etc/dnf/dnf.conf", "kernel*", "gcc",
     .bad = "updates.kernel-lock"},
    {"a lock without its plugin", 1, WRITE, "root/etc/dnf/dnf.conf", "[main]\n",
     .bad = "updates.kernel-lock", .also = "root/etc/dnf/plugins/versionlock.list"},
    {"packages of a driver that are excluded", 8, REMOVE, "root/usr/bin/nvidia-uninstall",
     .bad = "", .also = "root/etc/dnf/dnf.conf",
     .also_text = "[main]\nexcludepkgs=kernel-core-5.10.*,*nvidia*\n"},
    {"a lock of another package", 1, WRITE, "root/etc/dnf/dnf.conf",
     "[main]\nexclude=kernel-core-debug*\n", .bad = "updates.kernel-lock"},
    {"another system", 1, REPLACE, "root/etc/os-release", "alinux", "anolis", .bad = "import.os"},
    {"another release", 1, REPLACE, "root/etc/os-release", "\"3\"", "4", .bad = "import.os"},
    {"fstab with a disk that is not there", 1, REPLACE, "root/etc/fstab", ESP_ID, "A11B-0C11",
     .bad = "import.fstab"},
    {"a missing disk that may be missing", 1, REPLACE, "root/etc/fstab", ESP_ID " /boot/efi vfat ",
     "0-1 /d ext4 nofail,", .bad = ""},
    {"fstab by device name", 1, REPLACE, "root/etc/fstab", "UUID=" ESP_ID, "/dev/vda2",
     .bad = "import.fstab"},
    {"fstab by PARTUUID", 1, REPLACE, "root/etc/fstab", "UUID=" ESP_ID, "PARTUUID=" ESP_GUID,
     .bad = ""},
    {"fstab by PARTUUID, in capitals", 1, REPLACE, "root/etc/fstab", "UUID=" ESP_ID,
     "/dev/disk/by-partuuid/E5B0FC1A-0000-4000-8000-000000000002", .bad = ""},
    {"fstab by another PARTUUID", 1, REPLACE, "root/etc/fstab", "UUID=" ESP_ID,
     "PARTUUID=" ROOT_GUID "0", .bad = "import.fstab"},
    {"fstab by PARTLABEL", 1, REPLACE, "root/etc/fstab", "UUID=" ESP_ID, "PARTLABEL=EFI\\040disk",
     .bad = ""},
    {"fstab by another PARTLABEL", 1, REPLACE, "root/etc/fstab", "UUID=" ESP_ID, "PARTLABEL=efi",
     .bad = "import.fstab"},
    {"fstab by LABEL", 1, REPLACE, "root/etc/fstab", "UUID=" UUID, "LABEL=root", .bad = ""},
    {"fstab by another LABEL", 1, REPLACE, "root/etc/fstab", "UUID=" UUID, "LABEL=Root",
     .bad = "kernel.root-uuid"},
    {"fstab with another partition as the root", 1, REPLACE, "root/etc/fstab", "UUID=" UUID,
     "PARTUUID=" ESP_GUID, .bad = "kernel.root-uuid"},
    {"PARTUUID of a table that is no GPT", 1, REPLACE, "root/etc/fstab", "UUID=" ESP_ID,
     "PARTUUID=1", .bad = "!import.fstab", .table = "dos"},
    {"root= by PARTUUID", 1, REPLACE, "grubenv", "UUID=" UUID, "PARTUUID=" ROOT_GUID, .bad = ""},
    {"root= by another PARTUUID", 1, REPLACE, "grubenv", "UUID=" UUID, "PARTUUID=" ESP_GUID,
     .bad = "kernel.root-uuid"},
    {"root= by LABEL", 1, REPLACE, "grubenv", "UUID=" UUID, "LABEL=root", .bad = ""},
    {"root= by a name that the partition has not", 1, REPLACE, "grubenv", "UUID=" UUID,
     "PARTLABEL=root", .bad = "kernel.root-uuid"},
    {"root= by device name", 1, REPLACE, "grubenv", "UUID=" UUID, "/dev/vda3",
     .bad = "kernel.root-uuid"},
    {"fstab without a root", 1, WRITE, "root/etc/fstab", "tmpfs /t tmpfs\n", .bad = "import.fstab"},
    {"a static address in ifcfg", 1, REPLACE, "root/etc/sysconfig/network-scripts/ifcfg-eth0",
     "dhcp", "none\nIPADDR=10.0.0.1", .bad = "import.network"},
    {"a static address in a copy of ifcfg", 1, WRITE,
     "root/etc/sysconfig/network-scripts/ifcfg-eth0.bak", "IPADDR=10.0.0.1\n", .bad = ""},
    {"a static address in NetworkManager", 1, WRITE,
     "root/etc/NetworkManager/system-connections/a.nmconnection",
     "[ipv4]\nmethod=manual\naddress1=10.0.0.1/24\n", .bad = "import.network"},
    {"a static address in networkd", 1, WRITE, "root/etc/systemd/network/a.network",
     "[Network]\nAddress=10.0.0.1/24\n", .bad = "import.network"},
    {"SELinux enforcing", 1, WRITE, "root/etc/selinux/config", "SELINUX=enforcing\n",
     .bad = "import.selinux"},
    {"no SELinux at all", 1, REMOVE, "root/etc/selinux/config", .bad = ""},
    {"the clock in local time", 1, REPLACE, "root/etc/adjtime", "UTC", "LOCAL",
     .bad = "import.clock"},
    {"no adjtime", 1, REMOVE, "root/etc/adjtime", .bad = ""},
    {"no cloud-init", 1, REMOVE, "root/usr/bin/cloud-init", .bad = "cloud-init.present"},
    {"cloud-init not enabled", 1, REMOVE, WANTS "cloud-init.service", .bad = "cloud-init.present"},
    {"cloud-init started by its generator", 1, REMOVE, WANTS "cloud-init.service", .bad = "",
     .also = "root/usr/lib/systemd/system-generators/cloud-init-generator"},
    {"cloud-init switched off", 1, WRITE, CLOUD "cloud-init.disabled", "",
     .bad = "cloud-init.present"},
    {"another datasource", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg", "datasource_list: [NoCloud]\n",
     .bad = "cloud-init.datasource"},
    {"a file of cloud-init that is no YAML", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "datasource_list: *all\n", .bad = "cloud-init.datasource"},
    {"a file of cloud-init that is a list", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg", "- AliYun\n",
     .bad = "cloud-init.datasource"},
    {"a file of cloud-init with comments alone", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "#cloud-config\n# nothing yet\n", .bad = ""},
    {"a list of datasources without a value", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "datasource_list:\n", .bad = "cloud-init.datasource"},
    {"a datasource behind quotes, an alias and an equal key", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "#cloud-config\nlist: &all !!seq ['None', AliYun]\n\"datasource_list\": [None]\n"
     "'datasource_list': *all\n",
     .bad = ""},
    {"cloud-init configured in JSON", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "{\"datasource_list\": [\n\"None\"\n], \"growpart\": {\"mode\": null}}\n",
     .bad = "cloud-init.datasource"},
    {"growpart is off", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg", "growpart: {mode: off}\n",
     .bad = "cloud-init.growpart"},
    {"growpart is off, in a block", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "growpart:\n  nested:\n    mode: auto\n  mode: 'False'\n", .bad = "cloud-init.growpart"},
    {"the mode of another module", 1, WRITE, CLOUD "cloud.cfg.d/90.cfg",
     "growpart:\n  nested:\n    mode: off\n", .bad = ""},
    {"no database of packages", 1, WRITE, "packages", "", .bad = "!driver.single"},
    {"no database of packages on 8 GPUs", 8, WRITE, "packages", "",
     .bad = "!driver.single !fabric.version !fabric.nscq"},
    {"no self-test", 1, REMOVE, SELFTEST, .bad = "selftest.present"},
    {"a self-test that expects nothing", 1, REMOVE, SELFTEST_CONF, .bad = "selftest.present"},
    {"a self-test for one GPU on eight", 8, REPLACE, SELFTEST_CONF, "gpus=8", "gpus=1",
     .bad = "selftest.present"},
    {"no growpart", 1, REMOVE, "root/usr/bin/growpart", .bad = "cloud-init.growpart"},
    {"a resolver of the builder", 1, WRITE, "root/etc/resolv.conf", "nameserver 10.1.1.1\n",
     .bad = "hygiene.resolver"},
    {"a host name", 1, WRITE, "root/etc/hostname", "builder7\n", .bad = "hygiene.host-name"},
    {"a host name, and its line", 1, WRITE, "root/etc/hosts",
     "::1 localhost\n10.0.0.7 x builder7\n", .bad = "hygiene.host-name",
     .also = "root/etc/hostname", .also_text = "builder7\n"},
    {"a line of an instance whose name is gone", 1, WRITE, "root/etc/hosts",
     "10.0.0.7\tiZbp1abcdefghijklmnopqZ\n", .bad = "hygiene.host-name"},
    {"lines that are meant", 1, WRITE, "root/etc/hosts",
     "127.0.0.1 localhost\n\n# 10.0.0.7 iZbp1abcdefghijklmnopqZ\n10.0.0.8 registry iZ iZone-Z\n",
     .bad = ""},
    {"a machine id of which only a kernel of its own knows", 1, WRITE,
     "root/boot/loader/entries/ffffffffffffffffffffffffffffffff-" KVER ".conf",
     "title B\nversion " KVER "\nlinux /boot/vmlinuz-" KVER "\ninitrd /boot/initramfs-" KVER
     ".img\noptions $kernelopts\n",
     .bad = "hygiene.machine-id", .also = "root/etc/machine-id",
     .also_text = "ffffffffffffffffffffffffffffffff\n"},
    {"what cloud-init keeps", 1, WRITE, "root/var/lib/cloud/instances/i-0/user-data.txt", "",
     .bad = "hygiene.cloud-state"},
    {"a machine id of the builder", 1, WRITE, "root/etc/machine-id",
     "ffffffffffffffffffffffffffffffff\n", .bad = "hygiene.machine-id"},
    {"an empty machine id", 1, WRITE, "root/etc/machine-id", "", .bad = ""},
    {"a machine id for the first boot", 1, WRITE, "root/etc/machine-id", "uninitialized\n",
     .bad = ""},
    {"no machine id", 1, REMOVE, "root/etc/machine-id", .bad = "hygiene.machine-id"},
    {"a host key", 1, WRITE, "root/etc/ssh/ssh_host_rsa_key", "", .bad = "hygiene.host-keys"},
    {"a shell's history", 1, WRITE, "root/root/.bash_history", "ls\n", .bad = "hygiene.history"},
    {"a history of a user, in a directory", 1, WRITE, "root/home/u/.local/share/fish/fish_history",
     "ls\n", .bad = "hygiene.history"},
    {"a file that is called as a history elsewhere", 1, WRITE, "root/root/src/.history", "ls\n",
     .bad = ""},
    {"an empty history", 1, WRITE, "root/root/.bash_history", "", .bad = ""},
    {"an authorized key", 1, WRITE, "root/root/.ssh/authorized_keys", "# x\nssh-rsa A\n",
     .bad = "hygiene.authorized-keys"},
    {"an authorized key in the second file", 1, WRITE, "root/home/u/.ssh/authorized_keys2",
     "ssh-rsa A\n", .bad = "hygiene.authorized-keys"},
    {"only a comment in authorized_keys", 1, WRITE, "root/root/.ssh/authorized_keys", "# x\n",
     .bad = ""},
    {"a private key", 1, WRITE, "root/etc/nginx/tls.pem", "-----BEGIN EC PRIVATE KEY-----\n",
     .bad = "hygiene.secrets"},
    {"a private key of another name", 1, WRITE, "root/home/u/.ssh/deploy",
     "-----BEGIN OPENSSH PRIVATE KEY-----\n", .bad = "hygiene.secrets"},
    {"a public key", 1, WRITE, "root/root/.ssh/deploy.pub", "ssh-rsa A\n", .bad = ""},
    {"a registry's password", 1, WRITE, "root/home/u/.docker/config.json",
     "{\"auths\": {\"r.example\": {\"auth\": \"dTpw\"}}}", .bad = "hygiene.secrets"},
    {"a registry without a password", 1, WRITE, "root/home/u/.docker/config.json",
     "{\"auths\": {}}", .bad = ""},
    {"a token of a model hub", 1, WRITE, "root/root/.cache/huggingface/token", "hf_x",
     .bad = "hygiene.secrets"},
    {"cached packages", 1, WRITE, "root/var/cache/dnf/os-1/packages/a.rpm", "",
     .bad = "hygiene.package-cache"},
    {"a wheel that pip keeps", 1, WRITE, "root/root/.cache/pip/wheels/a/b/c.whl", "",
     .bad = "hygiene.package-cache"},
    {"a download that pip keeps", 1, WRITE, "root/root/.cache/pip/http/a/" DIGEST, "",
     .bad = "hygiene.package-cache"},
    {"what pip keeps when its cache is purged", 1, WRITE, "root/root/.cache/pip/selfcheck/" DIGEST,
     "", .bad = ""},
    {"a full root", 1, NOTHING, .bad = "hygiene.free-space", .free_mib = 200},
    {"errors noted in the file system", 1, NOTHING, .bad = "hygiene.filesystem", .state = 3},
    {"a journal that was not replayed", 1, NOTHING, .bad = "hygiene.filesystem", .state = 1,
     .incompat = 4},
    {"no EFI system partition", 1, NOTHING, .bad = "import.esp", .no_esp = true},
    {"no boot loader", 1, REMOVE, "esp/EFI/BOOT/BOOTX64.EFI", .bad = "import.esp"},
    {"a boot loader that is no program", 1, WRITE, "esp/EFI/BOOT/BOOTX64.EFI", "MZ, but no program",
     .bad = "import.esp"},
    {"an EFI system partition that is damaged", 1, NOTHING,
     .bad = "!kernel.args-grubcfg !kernel.args-conflict !kernel.args-harmful !import.esp "
            "!import.boot-chain",
     .damaged_esp = true},
    {"a stub that looks for another file", 1, REPLACE, STUB, " /boot/grub2/grub.cfg", " /boot/gone",
     .bad = "import.boot-chain"},
    {"a stub that loads a file that is not there", 1, REPLACE, STUB, "$prefix/grub", "$prefix/gone",
     .bad = "import.boot-chain"},
    {"a stub that loads nothing", 1, WRITE, STUB, "\n", .bad = "import.boot-chain"},
    {"a stub by UUID, of a separate /boot", 1, WRITE, STUB,
     "search --no-floppy --fs-uuid --set=dev " UUID "\nset prefix=($dev)/grub2\n"
     "export $prefix\nconfigfile $prefix/grub.cfg\n",
     .bad = ""},
    {"a stub by another UUID", 1, WRITE, STUB,
     "search --no-floppy --fs-uuid --set=dev 1234-5678\nset prefix=($dev)/boot/grub2\n"
     "export $prefix\nconfigfile $prefix/grub.cfg\n",
     .bad = "import.boot-chain"},
    {"a stub by label, behind one that finds nothing", 1, WRITE, STUB,
     "search -u 1234\nsearch --label root\nconfigfile ($root)/boot/grub2/grub.cfg\n", .bad = ""},
    {"a stub that is a script of its own", 1, WRITE, STUB, "if true; then configfile /gone; fi\n",
     .bad = ""},
    {"the whole configuration in place of the stub", 1, WRITE, STUB, "set default=0\nblscfg\n",
     .bad = ""},
    {"no stub", 1, REMOVE, STUB, .bad = "import.boot-chain"},
    {"a stub beside which shim finds no GRUB", 1, REMOVE, "esp/EFI/alinux/grubx64.efi",
     .bad = "import.boot-chain"},
    {"a GRUB that is no program", 1, WRITE, "esp/EFI/alinux/grubx64.efi", "MZ",
     .bad = "import.boot-chain"},
    {"no shim in the vendor's directory, and a right stub", 1, REMOVE, "esp/EFI/alinux/shimx64.efi",
     .bad = ""},
    {"a stub of a system that is no more", 1, WRITE, "esp/EFI/centos/grub.cfg",
     "search --fs-uuid 1234\nconfigfile /gone\n", .bad = ""},
    {"a fallback on the EFI system partition", 1, WRITE, STUB,
     "set kernelopts=\"root=UUID=" UUID "\"\nblscfg\n", .bad = "kernel.args-grubcfg"},
    {"a disk of odd size", 1, NOTHING, .bad = "import.size", .disk_size = (20ull << 30) + 512},
    {"a disk that is too large", 1, NOTHING, .bad = "import.size", .disk_size = 2049ull << 30},
    {"scratch of the bake", 1, WRITE, "root/tmp/ccbake/x", "", .bad = "hygiene.leftovers"},
    {"an installer", 1, WRITE, "root/root/NVIDIA-Linux.run", "", .bad = "hygiene.installers"},
};

static void replace(const Case *c)
{
    g_autofree char *text = get(c->path);
    if (strstr(text, c->from) == NULL)
        g_error("%s: nothing to replace in %s", c->what, c->path);
    g_auto(GStrv) parts = g_strsplit(text, c->from, -1);
    g_autofree char *edited = g_strjoinv(c->to, parts);
    put(c->path, edited);
}

static void apply(const Case *c)
{
    switch (c->how) {
    case REMOVE:
        take_away(c->path);
        break;
    case WRITE:
        put(c->path, c->from);
        break;
    case LINK:
        put_link(c->from, c->path);
        break;
    case REPLACE:
        replace(c);
        break;
    case NOTHING:
        break;
    }
}

static void apply_boot(const char *arguments)
{
    g_autofree char *text = get(ENTRY);
    g_auto(GStrv) parts = g_strsplit(text, "$tuned_params", -1);
    g_autofree char *edited = g_strjoinv(arguments, parts);
    put(ENTRY, edited);
}

/* What is no edit of one file. */
static void apply_rest(const Case *c)
{
    if (c->boot != NULL)
        apply_boot(c->boot);
    if (c->no_nouveau)
        take_away(MODULES NOUVEAU_MODULE);
    if (c->also != NULL)
        put(c->also, c->also_text != NULL ? c->also_text : "kernel-core-0:5.10.134-18.al8.*\n");
    if (c->link != NULL)
        put_link("/x", c->link);
    if (c->gone != NULL)
        take_away(c->gone);
    if (c->free_mib > 0)
        tree_free = (uint64_t)c->free_mib << 20;
    if (c->state > 0)
        set_superblock(c->state, c->incompat);
    if (c->table != NULL) {
        g_free(tree_disk->table);
        tree_disk->table = g_strdup(c->table);
    }
    if (c->no_esp)
        tree_disk->esp = 0;
    if (c->disk_size > 0)
        tree_disk->size = c->disk_size;
}

static void run_case(const Case *c)
{
    const char *version = c->driver ? c->driver : c->gpus == 8 ? "570.148.08" : "550.144.03";
    g_auto(CcbExpectation) expect = {.gpus = c->gpus, .min_kernel = g_strdup(c->min_kernel)};
    begin(c->gpus, version);
    if (c->two_kernels)
        stage_other_kernel(c->gpus, version);
    apply(c);
    apply_rest(c);
    pack();
    if (c->path != NULL && g_str_has_prefix(c->path, "esp/"))
        pack_esp();
    if (c->damaged_esp)
        memset(esp, 0, esp_size);
    if (c->two_kernels)
        pack_other_kernel();
    g_autoptr(CcbResults) report = judge(&expect);
    g_autofree char *bad = bad_ids(report, false);
    is_str(bad, c->bad, c->what);
    if (g_strcmp0(bad, c->bad) != 0)
        g_free(bad_ids(report, true));
    end();
}

/* The ids of errors alone. */
static char *errors_of(const CcbResults *report)
{
    GString *ids = g_string_new(NULL);
    for (guint i = 0; i < report->rows->len; i++) {
        const CcbResultRow *row = report->rows->pdata[i];
        bool wrong = row->status == CCB_UNREADABLE ||
                     (row->status == CCB_FAIL && row->severity == CCB_SEVERITY_ERROR);
        if (wrong)
            g_string_append_printf(ids, "%s%s (%s)", ids->len > 0 ? ", " : "", row->id,
                                   row->detail);
    }
    return g_string_free(ids, FALSE);
}

/* What the vendor's guide has one do by hand, where that is not what a bake does. */
static void stage_by_hand(unsigned gpus)
{
    g_autofree char *units = staged("root/etc/systemd");
    g_autofree char *unit =
        g_strconcat("[Unit]\nDescription=NVIDIA Persistence Daemon\nWants=syslog.target\n"
                    "Before=cloudmonitor.service\n",
                    gpus == 8 ? "After=nvidia-fabricmanager.service\n" : "",
                    "[Service]\nType=forking\nExecStart=/usr/bin/nvidia-persistenced --user root",
                    gpus == 8 ? " --uvm-persistence-mode --verbose" : "",
                    "\nExecStartPost=/usr/bin/nvidia-smi conf-compute -srs 1\n"
                    "ExecStopPost=/bin/rm -rf /var/run/nvidia-persistenced\n",
                    gpus == 8 ? "TimeoutStartSec=900\nTimeoutStopSec=60\n" : "",
                    "[Install]\nWantedBy=multi-user.target\n", NULL);
    ccb_remove_tree(units, NULL);
    put(VENDOR_UNITS "nvidia-persistenced.service", unit);
    put_link("/usr/lib/systemd/system/nvidia-persistenced.service",
             WANTS "nvidia-persistenced.service");
    put_link("/usr/lib/systemd/system/cloudmonitor.service", WANTS "cloudmonitor.service");
    put_link("/usr/lib/systemd/system/cloud-init.service", WANTS "cloud-init.service");
    if (gpus == 8)
        put_link("/usr/lib/systemd/system/nvidia-fabricmanager.service",
                 WANTS "nvidia-fabricmanager.service");
    /* grubby does not know the fallback in grub.cfg. */
    put("root/boot/grub2/grub.cfg", "set kernelopts=\"root=UUID=" UUID " ro\"\nblscfg\n");
    put("root/etc/dnf/dnf.conf", "[main]\n");
    take_away("root/etc/kernel/cmdline");
    take_away(SELFTEST);
    take_away(SELFTEST_CONF);
    put("root/root/NVIDIA-Linux-x86_64.run", "");
    put("root/root/.bash_history", "sudo bash NVIDIA-Linux-x86_64.run\n");
    put("root/root/.cache/pip/wheels/a/nv_ppcie_verifier.whl", "");
    put("root/var/lib/cloud/instances/i-0/user-data.txt", "#cloud-config\n");
    put("root/etc/hosts", "127.0.0.1 localhost\n172.16.0.5 iZ2ze0aaaaaaaaaaaaaaaaZ\n");
}

/* An instance that was set up by the vendor's guide, as it is: warnings, but nothing is wrong. */
static void test_by_hand(unsigned gpus, const char *version)
{
    static const char warnings[] =
        "kernel.args-grubcfg units.drop-ins updates.kernel-lock hygiene.installers hygiene.history "
        "hygiene.package-cache hygiene.host-name hygiene.cloud-state selftest.present";
    g_auto(CcbExpectation) expect = {0};
    begin(gpus, version);
    stage_by_hand(gpus);
    pack();
    g_autoptr(CcbResults) report = judge(&expect);
    g_autofree char *errors = errors_of(report);
    g_autofree char *bad = bad_ids(report, false);
    is_str(errors, "", "no error on an image made by the guide");
    is_str(bad, warnings, "but these warnings");
    end();
}

/* Nothing is given: the image itself says what it is for. */
static void test_assumptions(void)
{
    g_auto(CcbExpectation) expect = {0};
    begin(8, "570.148.08");
    pack();
    g_autoptr(CcbResults) report = judge(&expect);
    g_autofree char *bad = bad_ids(report, true);
    is_str(bad, "", "an image for 8 GPUs is recognised");
    is_int(report->notes->len, 2, "and both assumptions are noted");
    is_str(g_ptr_array_index(report->notes, 0), "assumed: 8 GPUs (3 of 3 signs of an image for 8)",
           "the number of GPUs");
    end();
    begin(8, "570.148.08");
    pack();
    g_autofree char *lkca = get("root/" LKCA);
    g_autofree char *unit = get(PERSISTENCED);
    take_away("root/" LKCA);
    take_away(PERSISTENCED);
    put("root/usr/lib/modprobe.d/site.conf", lkca);
    put(VENDOR_UNITS "nvidia-persistenced.service", unit);
    g_autoptr(CcbResults) elsewhere = judge(&expect);
    is_str(g_ptr_array_index(elsewhere->notes, 0),
           "assumed: 8 GPUs (3 of 3 signs of an image for 8)", "wherever the files are");
    end();
}

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
    g_autoptr(CcbResults) report = judge(&expect);
    g_autofree char *bad = bad_ids(report, true);
    is_str(bad, "", "modules by weak-updates are right");
    put_link("/lib/modules/" OTHER "/extra/nvidia-uvm.ko",
             MODULES "weak-updates/nvidia/nvidia-drm.ko");
    g_autoptr(CcbResults) crossed = judge(&expect);
    g_autofree char *crossed_bad = bad_ids(crossed, false);
    is_str(crossed_bad, "driver.modules", "a link to another module is not");
    put_link("/gone/nvidia-drm.ko", MODULES "weak-updates/nvidia/nvidia-drm.ko");
    g_autoptr(CcbResults) gone = judge(&expect);
    is_int(find_row(gone, "driver.modules")->status, CCB_FAIL, "nor one that leads nowhere");
    end();
}

/* One check says so, and the others have nothing to judge. */
static void test_without_driver(void)
{
    g_auto(CcbExpectation) unknown = {0}, eight = {.gpus = 8};
    begin(8, "570.148.08");
    pack();
    g_autofree char *video = staged(VIDEO);
    ccb_remove_tree(video, NULL);
    take_away("root/usr/bin/nvidia-smi");
    g_autoptr(CcbResults) report = judge(&unknown);
    g_autofree char *bad = bad_ids(report, true);
    is_str(bad, "driver.present", "where no driver is found one check says so");
    is_int(report->notes->len, 0, "and nothing is assumed");
    g_autoptr(CcbResults) asked = judge(&eight);
    g_autofree char *asked_bad = bad_ids(asked, true);
    is_str(asked_bad, "driver.present", "also where one was asked for");
    put("packages", "akmod-nvidia-570.148.08-1.x86_64\n");
    g_autoptr(CcbResults) package = judge(&eight);
    is_int(find_row(package, "driver.present")->status, CCB_PASS, "a package is a driver");
    is_int(find_row(package, "driver.modules")->status, CCB_FAIL, "without its modules");
    end();
}

/* What can't be read is never a pass. */
static void test_unreadable(void)
{
    g_auto(CcbExpectation) expect = {.gpus = 1};
    g_autoptr(GError) error = NULL;
    begin(1, "550.144.03");
    pack();
    put("root/boot/initramfs-" KVER ".img", "this is no initramfs");
    g_autoptr(CcbResults) report = judge(&expect);
    g_autofree char *bad = bad_ids(report, false);
    is_str(bad,
           "!initramfs.drivers !modprobe.nouveau-initramfs "
           "!modprobe.no-protected-pcie-initramfs",
           "a broken initramfs is unreadable, not right");
    ok(!ccb_results_verdict(report, &error), "and fails the image");
    is_error(&error, "initramfs.drivers", "by name");
    json_t *json = ccb_results_to_json(report);
    json_t *counts = json_object_get(json, "counts");
    ok(json_is_false(json_object_get(json, "good")), "JSON says that it is not good");
    is_int(json_integer_value(json_object_get(counts, "unreadable")), 3, "and how much of it");
    is_int((long long)json_array_size(json_object_get(json, "checks")), report->rows->len,
           "and lists every check");
    json_decref(json);
    g_autofree char *text = ccb_results_to_text(report);
    ok(strstr(text, "\nPASS kernel.root-uuid ") != NULL &&
           strstr(text, "\nERR  initramfs.") != NULL,
       "the text has one line a check");
    end();
}

/* Where nothing can be read nothing passes, save what looks at no file: the size of the disk. */
static void test_dark(unsigned gpus, const char *version)
{
    g_auto(CcbExpectation) expect = {.gpus = gpus};
    Tree tree = {.dark = true};
    begin(gpus, version);
    pack();
    g_autoptr(CcbResults) right = judge(&expect);
    g_autoptr(CcbResults) dark = judge_tree(&expect, &tree);
    guint wrong = 0;
    for (guint i = 0; i < dark->rows->len; i++) {
        const CcbResultRow *row = dark->rows->pdata[i], *before = right->rows->pdata[i];
        bool judged = before->status != CCB_NOT_APPLICABLE && !g_str_equal(row->id, "import.size");
        if (!judged || row->status == CCB_UNREADABLE)
            continue;
        printf("# %s: %s\n", row->id, row->detail);
        wrong += 1;
    }
    is_int(wrong, 0, "where nothing can be read each check says so");
    g_free(tree.what);
    end();
}

/* Nor may any single read fail without a check that says so. */
static void test_each_read(unsigned gpus, const char *version)
{
    g_auto(CcbExpectation) expect = {.gpus = gpus};
    Tree all = {.bad = 0};
    guint unnoticed = 0;
    begin(gpus, version);
    stage_other_kernel(gpus, version);
    pack();
    pack_other_kernel();
    g_autoptr(CcbResults) right = judge_tree(&expect, &all);
    ok(all.reads > 100 && right->unreadable == 0, "a check of many reads");
    for (guint n = 1; n <= all.reads; n++) {
        Tree tree = {.bad = n};
        g_autoptr(CcbResults) report = judge_tree(&expect, &tree);
        if (report->unreadable == 0)
            printf("# unnoticed: %s\n", tree.what);
        unnoticed += report->unreadable == 0;
        g_free(tree.what);
    }
    is_int(unnoticed, 0, "none of which fails unnoticed");
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
        g_autoptr(CcbResults) report = judge(&expect);
        g_autofree char *bad = bad_ids(report, false);
        is_str(bad, "!driver.single !fabric.version !fabric.nscq", files[i]);
        const char *detail = find_row(report, "driver.single")->detail;
        if (!ok(strstr(detail, "/var/lib/rpm") != NULL && strstr(detail, "rpm --rebuilddb") &&
                    strstr(detail, "rpmdb-") == NULL,
                "the image's database is named, and what to do"))
            printf("# %s\n", detail);
        end();
    }
}

/* As el8's installer leaves it: the link leads below /boot/efi, where nothing is mounted here. */
static void judge_grubenv_on_esp(const char *saved, const char *expected, const char *what)
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
    put_link("../efi/EFI/alinux/grubenv", path);
    pack_esp();
    g_autoptr(CcbResults) report = judge(&expect);
    g_autofree char *bad = bad_ids(report, true);
    is_str(bad, expected, what);
    end();
}

static void test_grubenv_on_esp(void)
{
    judge_grubenv_on_esp("saved_entry=" ID, "", "a grubenv on the EFI system partition is read");
    judge_grubenv_on_esp("saved_entry=x", "kernel.default-entry", "and judged");
}

static void test_empty_initramfs(void)
{
    g_auto(CcbExpectation) expect = {.gpus = 1};
    begin(1, "550.144.03");
    pack();
    put("root/boot/initramfs-" KVER ".img", "");
    g_autoptr(CcbResults) report = judge(&expect);
    is_int(find_row(report, "kernel.default-entry")->status, CCB_FAIL,
           "an empty initramfs is not bootable");
    end();
}

static void free_waiver(gpointer data)
{
    CcbWaiver *waiver = data;
    g_free(waiver->check);
    g_free(waiver->reason);
    g_free(waiver);
}

static GPtrArray *make_waivers(const char *const *checks)
{
    GPtrArray *waivers = g_ptr_array_new_with_free_func(free_waiver);
    for (; *checks != NULL; checks++) {
        CcbWaiver *waiver = g_new0(CcbWaiver, 1);
        *waiver = (CcbWaiver){g_strdup(*checks), g_strdup("as it\nshould be")};
        g_ptr_array_add(waivers, waiver);
    }
    return waivers;
}

/* What fails or can't be read may be waived; what passes or does not apply is noted. */
static void test_waivers(void)
{
    static const char *const waived[] = {"kernel.minimum", "hygiene.host-name", "import.fstab",
                                         "import.clock",   "fabric.enabled",    NULL};
    g_auto(CcbExpectation) expect = {
        .gpus = 1, .min_kernel = g_strdup("5.10.134-19.al8"), .driver = g_strdup("550.144.03")};
    g_autoptr(GError) error = NULL;
    expect.waivers = make_waivers(waived);
    begin(1, "550.144.03");
    put("root/etc/hostname", "builder7\n");
    put("root/etc/fstab", "UUID=1 /d ext4\nUUID=" UUID " / ext4\n");
    pack();
    g_autoptr(CcbResults) report = judge(&expect);
    ok(ccb_results_verdict(report, &error), "what is waived does not fail the image");
    is_int(report->waived, 3, "and is counted by itself");
    is_int(report->failed + report->warned + report->unreadable, 0, "and not with the others");
    is_int(report->notes->len, 2, "waivers that are not needed are noted");
    is_str(report->notes->pdata[0], "waiver not needed: fabric.enabled does not apply", "one");
    is_str(report->notes->pdata[1], "waiver not needed: import.clock passes", "another");
    g_autofree char *text = ccb_results_to_text(report);
    ok(strstr(text, "WAIVED kernel.minimum ") != NULL &&
           strstr(text, "\n     waived: as it should be\n") != NULL,
       "the text says why, in one line");
    json_t *json = ccb_results_to_json(report);
    json_t *row = json_array_get(json_object_get(json, "checks"), 0);
    is_str(json_string_value(json_object_get(row, "status")), "fail", "JSON has the status");
    is_str(json_string_value(json_object_get(row, "waiver")), "as it\nshould be", "and the reason");
    json_decref(json);
    end();
}

static void has(const char *text, const char *part, const char *what)
{
    if (!ok(strstr(text, part) != NULL, what))
        printf("# expected in it: %s\n", part);
}

static CcbResults *sample_report(bool strict)
{
    static const CcbResultRow rows[] = {
        {.id = "a.pass", .status = CCB_PASS, .detail = "d"},
        {.id = "a.fail", .status = CCB_FAIL, .detail = "<\"x\n\xff&"},
        {.id = "a.warn", .severity = CCB_SEVERITY_WARNING, .status = CCB_FAIL, .detail = "d"},
        {.id = "a.none", .status = CCB_NOT_APPLICABLE, .detail = "no"},
        {.id = "a.dark", .status = CCB_UNREADABLE, .detail = "\xef\xbf\xbf"},
        {.id = "b.waived", .status = CCB_FAIL, .detail = "d", .waiver = "it is\nmeant"}};
    CcbResults *report = ccb_results_new();
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        CcbResultRow row = rows[i];
        row.why = "w.";
        row.remedy = "r.";
        ccb_results_add(report, &row);
    }
    g_ptr_array_add(report->notes, g_strdup("assumed: 1 & 2"));
    report->strict = strict;
    return report;
}

static void test_tap(void)
{
    g_autoptr(CcbResults) report = sample_report(false), strict = sample_report(true);
    g_autofree char *text = ccb_results_to_tap(report);
    g_autofree char *severe = ccb_results_to_tap(strict);
    ok(g_str_has_prefix(text, "TAP version 13\n1..6\n# assumed: 1 & 2\nok 1 - a.pass\n"),
       "TAP: version, plan, notes");
    has(text,
        "\nnot ok 2 - a.fail\n  ---\n  message: \"<\\\"x \xef\xbf\xbd&\"\n"
        "  severity: \"error\"\n  why: \"w.\"\n  remedy: \"r.\"\n  ...\n",
        "TAP: a failure with its diagnostics");
    has(text, "\nnot ok 3 - a.warn # TODO warning\n", "TAP: a warning is no failure");
    has(severe, "\nnot ok 3 - a.warn\n", "TAP: but with strict it is");
    has(text, "\nok 4 - a.none # SKIP no\n", "TAP: what does not apply");
    has(text, "\nnot ok 5 - a.dark\n", "TAP: what could not be read");
    has(text, "\nnot ok 6 - b.waived # TODO waived: it is meant\n", "TAP: what is waived");
}

static void test_junit(void)
{
    g_autoptr(CcbResults) report = sample_report(false), strict = sample_report(true);
    g_autofree char *text = ccb_results_to_junit(report, "a<b>.qcow2");
    g_autofree char *severe = ccb_results_to_junit(strict, "x");
    has(text,
        "<testsuite name=\"a&lt;b&gt;.qcow2\" tests=\"6\" failures=\"1\" errors=\"1\" "
        "skipped=\"2\">",
        "JUnit: the suite");
    has(severe, "failures=\"2\"", "JUnit: strict counts the warning");
    has(severe, "<failure type=\"warning\" message=\"d\">", "JUnit: and has it as a failure");
    has(text,
        "<failure type=\"error\" message=\"&lt;&quot;x \xef\xbf\xbd&amp;\">why: w.\n"
        "remedy: r.</failure>",
        "JUnit: a failure");
    has(text, "<system-out>warning: d</system-out>", "JUnit: a warning passes");
    has(text, "<error type=\"unreadable\" message=\"\xef\xbf\xbd\">", "JUnit: not readable");
    has(text, "<skipped message=\"waived: it is meant: d\"/>", "JUnit: waived");
    has(text, "<skipped message=\"no\"/>", "JUnit: what does not apply");
    has(text, "<system-out>assumed: 1 &amp; 2</system-out>", "JUnit: notes");
}

static void test_strict(void)
{
    g_autoptr(CcbResults) report = ccb_results_new();
    g_autoptr(GError) error = NULL;
    ccb_results_add(
        report,
        &(CcbResultRow){.id = "a.warn", .severity = CCB_SEVERITY_WARNING, .status = CCB_FAIL});
    ok(ccb_results_is_good(report) && ccb_results_verdict(report, NULL), "a warning is no failure");
    report->strict = true;
    ok(!ccb_results_is_good(report) && !ccb_results_verdict(report, &error), "with strict it is");
    is_error(&error, "a.warn", "by name");
}

static void test_expectations(void)
{
    g_auto(CcbExpectation) expect = {.gpus = 1,
                                     .driver = g_strdup("550.163.01"),
                                     .cuda = g_strdup("12.8"),
                                     .consumers = g_strsplit("vllm.service", " ", -1),
                                     .python = g_strsplit("nv-attestation.SDK==2.5.0.post6914366 "
                                                          "nv_ppcie_verifier",
                                                          " ", -1)};
    begin(1, "550.144.03");
    pack();
    g_autoptr(CcbResults) report = judge(&expect);
    g_autofree char *bad = bad_ids(report, false);
    is_str(bad,
           "driver.version userspace.version userspace.firmware cuda.toolkit units.order "
           "units.drop-ins python.packages",
           "what the recipe asks for is asked for");
    const CcbResultRow *row = find_row(report, "python.packages");
    is_str(row->detail, "nv_ppcie_verifier is not installed for python3.11",
           "names of Python packages are normalised");
    end();
}

static void test_expectations_as_json(void)
{
    json_t *json = json_loads("{\"gpus\": 8, \"no_driver\": true, \"min_kernel\": \"5.10\", "
                              "\"driver\": \"570.1\", \"fabric_manager\": \"570.2\", "
                              "\"cuda\": \"12.8\", \"kernel_args\": [\"a=1\", \"b\"], "
                              "\"initramfs_drivers\": [\"nvme\"], \"consumers\": [], "
                              "\"python\": [\"p==1\"], \"waivers\": {\"a.one\": \"we know\"}}",
                              0, NULL);
    g_auto(CcbExpectation) expect = {0};
    ccb_expectation_from_json(json, &expect);
    json_t *again = ccb_expectation_to_json(&expect);
    ok(json_equal(json, again), "what is expected survives the manifest");
    is_str(expect.kernel_args[1], "b", "lists do");
    is_str(((CcbWaiver *)expect.waivers->pdata[0])->reason, "we know", "and waivers");
    json_decref(json);
    json_decref(again);
    json = json_loads("{\"gpus\": 3, \"driver\": 5, \"kernel_args\": {}, \"python\": [1], "
                      "\"waivers\": [\"a\"]}",
                      0, NULL);
    g_auto(CcbExpectation) odd = {0};
    ccb_expectation_from_json(json, &odd);
    ok(odd.gpus == 0 && odd.driver == NULL && odd.kernel_args == NULL && odd.python[0] == NULL &&
           odd.waivers->len == 0,
       "members of other types are not there");
    json_decref(json);
    g_auto(CcbExpectation) none = {0};
    ccb_expectation_from_json(NULL, &none);
    ok(none.gpus == 0 && !none.no_driver && none.kernel_args == NULL,
       "without a manifest all is to be found out");
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
    g_autoptr(CcbResults) report = judge(&expect);
    g_autofree char *bad = bad_ids(report, true);
    is_str(bad, "", "without a driver nothing of it is asked for");
    ok(report->not_applicable > 20, "and the report says so");
    end();
}

int main(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        run_case(&cases[i]);
    test_by_hand(1, "550.144.03");
    test_by_hand(8, "570.148.08");
    test_assumptions();
    test_without_driver();
    test_weak_updates();
    test_unreadable();
    test_grubenv_on_esp();
    test_empty_initramfs();
    test_packages_unreadable();
    test_dark(1, "550.144.03");
    test_dark(8, "570.148.08");
    test_each_read(1, "550.144.03");
    test_each_read(8, "570.148.08");
    test_waivers();
    test_tap();
    test_junit();
    test_strict();
    test_expectations();
    test_expectations_as_json();
    test_no_driver();
    return done();
}
