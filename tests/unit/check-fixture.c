/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check-fixture.h"

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "check/context.h"
#include "check/run.h"
#include "guest/backend.h"
#include "guest/rooted.h"
#include "text/grubenv.h"

/* librpm 4.18 does not close an SQLite database that turns out to be none. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libsqlite3\n";
}

const char *const module_names[] = {"nvidia",     "nvidia-uvm",     "nvidia-modeset",
                                    "nvidia-drm", "nvidia-peermem", NULL};

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

static char *tree_digest(void *backend, const char *path, GError **error)
{
    return tree_can_read(backend, "digest", path, error)
               ? ccb_rooted_digest(&((Tree *)backend)->root, path, error)
               : NULL;
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
const CcbResultRow *find_row(const CcbResults *results, const char *id)
{
    for (guint i = 0; i < results->rows->len; i++) {
        const CcbResultRow *row = g_ptr_array_index(results->rows, i);
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
                                     .digest = tree_digest,
                                     .readlink = tree_readlink,
                                     .list = tree_list,
                                     .walk = tree_walk,
                                     .free_space = tree_free_space,
                                     .disk = tree_get_disk,
                                     .read_disk = tree_read_disk};

/* --- staging */

static char *stage; /* the temporary directory */

char *staged(const char *path)
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

void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

char *get(const char *path)
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

void put_link(const char *target, const char *path)
{
    g_autofree char *full = staged(path);
    g_autofree char *parent = g_path_get_dirname(full);
    g_mkdir_with_parents(parent, 0755);
    unlink(full);
    if (symlink(target, full) != 0)
        g_error("%s could not be linked", full);
}

void take_away(const char *path)
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
    g_autofree char *config = g_strconcat("load_env\nset default=\"${saved_entry}\"\n"
                                          "if [ -z \"${kernelopts}\" ]; then\n  set kernelopts=\"",
                                          arguments, "\"\nfi\nblscfg\n", NULL);
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

void stage_modules(const char *place, const char *kver, const char *version)
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
void stage_other_kernel(unsigned gpus, const char *version)
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
    g_autoptr(GPtrArray) entries = ccb_guest_entries_new();
    if (!ccb_rooted_walk(&root, "/", entries, NULL))
        g_error("can't walk %s", directory);
    struct archive *archive = archive_write_new();
    archive_write_set_format_cpio_newc(archive);
    archive_write_add_filter_gzip(archive);
    archive_write_open_memory(archive, buffer, sizeof buffer, &used);
    for (guint i = 0; i < entries->len; i++) {
        const CcbGuestEntry *entry = entries->pdata[i];
        if (!S_ISDIR(entry->st.mode))
            pack_file(archive, place, entry->path);
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

void pack_esp(void)
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

/* --- checking */

/* The checks that are not content, and what they say: "id id". */
char *bad_ids(const CcbResults *results, bool show)
{
    GString *ids = g_string_new(NULL);
    for (guint i = 0; i < results->rows->len; i++) {
        const CcbResultRow *row = g_ptr_array_index(results->rows, i);
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

CcbResults *check_tree(const CcbExpectation *expect, Tree *tree)
{
    g_autofree char *path = staged("root");
    ccb_autofd int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    tree->root = root;
    g_autoptr(CcbGuest) guest = ccb_guest_new_with_ops(&tree_ops, tree, -1);
    g_autoptr(CcbCheckContext) ctx = ccb_check_context_new(guest, expect);
    g_autoptr(GError) error = NULL;
    CcbResults *results = NULL;
    if (!tree->dark)
        give_packages(ctx);
    ctx->sandbox = tree->sandbox;
    if (!ccb_check_image(ctx, &results, &error))
        g_error("the checks broke down: %s", error->message);
    return results;
}

CcbResults *check_staged(const CcbExpectation *expect)
{
    return check_tree(expect, &(Tree){.dark = false});
}

void begin(unsigned gpus, const char *version)
{
    g_autofree char *template = g_build_filename(g_get_tmp_dir(), "check-XXXXXX", NULL);
    stage = g_mkdtemp(g_steal_pointer(&template));
    stage_all(gpus, version);
    give_esp();
    make_disk();
    tree_free = 1 << 30;
    set_superblock(1, 0);
}

void pack(void)
{
    pack_grubenv();
    pack_modules("modinfo", KVER);
    pack_initrd("initrd", KVER);
}

void pack_other_kernel(void)
{
    pack_modules("other/modinfo", OTHER);
    pack_initrd("other/initrd", OTHER);
}

void end(void)
{
    ccb_remove_tree(stage, NULL);
    g_clear_pointer(&stage, g_free);
    g_clear_pointer(&tree_disk, ccb_disk_free);
}

/* --- the cases */

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

char *run_case(const Case *c)
{
    const char *version = c->driver ? c->driver : c->gpus == 8 ? "570.148.08" : "550.144.03";
    g_auto(CcbExpectation) expect = {.gpus = c->gpus, .min_kernel = g_strdup(c->min_kernel)};
    if (c->tdx_guest != NULL)
        ccb_expect_words(&expect.tdx_guest, (char *[]){c->tdx_guest, NULL});
    if (c->put != NULL)
        expect.files = json_pack("[{ssss}]", "path", c->put, "type", "file");
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
    g_autoptr(CcbResults) results = check_staged(&expect);
    char *bad = bad_ids(results, false);
    if (g_strcmp0(bad, c->bad) != 0)
        g_free(bad_ids(results, true));
    end();
    return bad;
}
