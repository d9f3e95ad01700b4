/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/check-esp.h"

#include "check/context.h"
#include "guest/bootchain.h"
#include "guest/esp.h"
#include "image/pe.h"

typedef enum { MISSING, NO_PROGRAM, PROGRAM } Program;

/* Looks at a file of the partition; MISSING on error. */
static Program look_at(CcbEsp *esp, const char *path, GError **error)
{
    uint8_t head[4096];
    size_t size = sizeof head;
    CcbFatEntry file;
    bool found = false;
    if (*error != NULL || !ccb_fat_find(ccb_esp_fat(esp), path, &file, &found, error) || !found ||
        file.directory || !ccb_fat_read(ccb_esp_fat(esp), &file, head, &size, error))
        return MISSING;
    return ccb_pe_is_efi_application(head, size) ? PROGRAM : NO_PROGRAM;
}

/*
 * UEFI specification 2.10, section 3.5.1.1: what is started from a disk where no boot variable says
 * otherwise.  A new instance has no variables of its own.
 */
#define LOADER "EFI/BOOT/BOOTX64.EFI"

bool ccb_check_esp(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const CcbDisk *disk = ccb_check_disk(ctx, error);
    if (disk == NULL)
        return false;
    const CcbPartition *partition = ccb_disk_partition(disk, disk->esp);
    if (partition == NULL)
        return ccb_result_fail(result, "the %s partition table has no EFI system partition",
                               disk->table != NULL ? disk->table : "unknown");
    unsigned number = partition->number;
    if (g_strcmp0(partition->fstype, "vfat") != 0)
        return ccb_result_fail(result, "partition %u: file system %s, expected vfat", number,
                               partition->fstype != NULL ? partition->fstype : "none");
    g_autoptr(CcbEsp) esp = NULL;
    if (!ccb_esp_open(ctx->guest, &esp, error))
        return false;
    switch (look_at(esp, LOADER, error)) {
    case MISSING:
        return ccb_result_fail(result, "partition %u: there is no " LOADER, number);
    case NO_PROGRAM:
        return ccb_result_fail(result, "partition %u: " LOADER " is no EFI program for x86-64",
                               number);
    case PROGRAM:
        break;
    }
    return ccb_result_pass(result, "partition %u, vfat, %" G_GUINT64_FORMAT " MiB, with " LOADER,
                           number, partition->size >> 20);
}

/* --- from the vendor's programs to the configuration of GRUB
 *
 * EFI/BOOT/BOOTX64.EFI is shim there, which starts fbx64.efi beside it, which starts shim of the
 * directory that it finds; that one starts grubx64.efi beside it, which reads grub.cfg beside itself
 * (shim's README.fallback).  Where fbx64.efi is not there, what is started is not known, and only
 * where a grub.cfg leads is checked.  Directories of systems that are no more may be left: one that
 * leads on is enough.
 */
#define FALLBACK "EFI/BOOT/fbx64.efi"

typedef struct {
    CcbCheckContext *ctx;
    CcbEsp *esp;
    GString *broken; /* why directories do not lead on */
    char *right;     /* where one that does leads; NULL: none */
} Chain;

static void chain_clear(Chain *chain)
{
    g_string_free(chain->broken, TRUE);
    g_free(chain->right);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Chain, chain_clear)

G_GNUC_PRINTF(2, 3)
static void broken(Chain *chain, const char *format, ...)
{
    va_list arguments;
    if (chain->broken->len > 0)
        g_string_append(chain->broken, "; ");
    va_start(arguments, format);
    g_string_append_vprintf(chain->broken, format, arguments);
    va_end(arguments);
}

/* Whether fbx64.efi and shim come to the GRUB of a directory; what is wrong with them is noted. */
static bool starts_grub(Chain *chain, const char *directory, GError **error)
{
    static const char *const names[] = {"shimx64.efi", "grubx64.efi"};
    Program programs[2];
    for (guint i = 0; i < 2; i++) {
        g_autofree char *path = g_strdup_printf("EFI/%s/%s", directory, names[i]);
        programs[i] = look_at(chain->esp, path, error);
        if (programs[i] == NO_PROGRAM)
            broken(chain, "%s is no EFI program for x86-64", path);
    }
    if (programs[0] != MISSING && programs[1] == MISSING)
        broken(chain, "there is no EFI/%s/%s, which shim starts", directory, names[1]);
    return programs[0] != MISSING && programs[1] != MISSING;
}

/* What is wrong with the configuration that it leads to is for kernel.default-entry. */
static void follow_config(Chain *chain, const char *directory, const char *path, GError **error)
{
    g_autoptr(CcbGrubMenu) menu =
        ccb_bootchain_of_directory(chain->ctx->guest, chain->esp, directory, error);
    if (menu == NULL)
        return;
    guint count = menu->configs->len;
    const CcbGrubPath *last = count > 0 ? menu->configs->pdata[count - 1] : NULL;
    g_autofree char *shown = last != NULL ? ccb_bootchain_path(chain->ctx->guest, last) : NULL;
    bool leads_on = count > 1 && shown[0] == '/';
    if (menu->problem != NULL && !leads_on) {
        broken(chain, "%s", menu->problem);
        return;
    }
    g_free(chain->right);
    chain->right = leads_on ? g_strdup_printf("%s leads to %s", path, shown)
                            : g_strdup_printf("%s is the configuration", path);
}

static void follow_directory(Chain *chain, const char *name, bool has_fallback, GError **error)
{
    g_autofree char *path = g_strdup_printf("EFI/%s/grub.cfg", name), *text = NULL;
    gsize before = chain->broken->len;
    size_t size;
    bool started = has_fallback && starts_grub(chain, name, error);
    if (*error != NULL || chain->broken->len > before ||
        !ccb_esp_read(chain->esp, path, &text, &size, error))
        return;
    if (text == NULL) {
        if (started)
            broken(chain, "there is no %s, which GRUB reads", path);
        return;
    }
    follow_config(chain, name, path, error);
}

bool ccb_check_boot_chain(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autoptr(CcbEsp) esp = NULL;
    CcbFatEntry file;
    bool has_fallback;
    if (!ccb_esp_open(ctx->guest, &esp, error))
        return false;
    if (esp == NULL)
        return ccb_result_skip(result, "no EFI system partition (import.esp)");
    g_auto(Chain) chain = {.ctx = ctx, .esp = esp, .broken = g_string_new(NULL)};
    g_auto(GStrv) names = ccb_fat_list(ccb_esp_fat(esp), "EFI", error);
    if (names == NULL || !ccb_fat_find(ccb_esp_fat(esp), FALLBACK, &file, &has_fallback, error))
        return false;
    for (char **name = names; *error == NULL && *name != NULL; name++)
        follow_directory(&chain, *name, has_fallback, error);
    if (chain.right != NULL)
        return ccb_result_pass(result, "%s", chain.right);
    if (chain.broken->len > 0)
        return ccb_result_fail(result, "%s", chain.broken->str);
    return ccb_result_skip(result, "no grub.cfg on the EFI system partition");
}
