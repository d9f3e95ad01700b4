/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the vendor's programs on the EFI system partition to the configuration of GRUB. */
#include <string.h>

#include "base/error.h"
#include "check/check-esp.h"
#include "check/context.h"
#include "guest/esp.h"
#include "image/pe.h"
#include "text/grubcfg.h"
#include "text/grubstub.h"

/*
 * EFI/BOOT/BOOTX64.EFI is shim there, which starts fbx64.efi beside it, which starts shim of the
 * directory that it finds; that one starts grubx64.efi beside it, which reads grub.cfg beside itself
 * (shim's README.fallback).  Where fbx64.efi is not there, what is started is not known, and only
 * where a grub.cfg leads is judged.  Directories of systems that are no more may be left: one that
 * leads on is enough.
 */
#define FALLBACK "EFI/BOOT/fbx64.efi"

typedef struct {
    CcbCheckContext *ctx;
    CcbEsp *esp;
    CcbCheckResult *result;
    bool has_fallback;
    GString *broken;  /* why directories do not lead on, if any */
    char *right;      /* where one that does leads; NULL: none */
    char *not_judged; /* a grub.cfg that is not understood; NULL: none */
} Chain;

static void chain_clear(Chain *chain)
{
    g_string_free(chain->broken, TRUE);
    g_free(chain->right);
    g_free(chain->not_judged);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Chain, chain_clear)

G_GNUC_PRINTF(2, 3)
static bool broken(Chain *chain, const char *format, ...)
{
    va_list arguments;
    if (chain->broken->len > 0)
        g_string_append(chain->broken, "; ");
    va_start(arguments, format);
    g_string_append_vprintf(chain->broken, format, arguments);
    va_end(arguments);
    return true;
}

static void note(char **place, char *text)
{
    g_free(*place);
    *place = text;
}

/* Whether one of the file systems has a file; that of /boot may be its own. */
static bool is_somewhere(Chain *chain, const char *path, bool *ret_is, GError **error)
{
    g_autofree char *below = g_strconcat("/boot", path, NULL);
    CcbFatEntry file;
    return ccb_check_present(chain->ctx, path, ret_is, error) &&
           (*ret_is || ccb_check_present(chain->ctx, below, ret_is, error)) &&
           (*ret_is || ccb_fat_find(ccb_esp_fat(chain->esp), path + 1, &file, ret_is, error));
}

static bool finds(Chain *chain, const CcbGrubSearch *search, bool *ret_finds, GError **error)
{
    const CcbDisk *disk = ccb_guest_disk(chain->ctx->guest);
    CcbSpecKind kind = search->kind == CCB_SEARCH_UUID ? CCB_SPEC_UUID : CCB_SPEC_LABEL;
    if (search->kind == CCB_SEARCH_FILE)
        return search->what[0] != '/' || is_somewhere(chain, search->what, ret_finds, error);
    for (guint i = 0; i < disk->partitions->len && !*ret_finds; i++)
        *ret_finds = ccb_partition_is(disk->partitions->pdata[i], kind, search->what);
    return true;
}

/* Of several searches the last that finds something counts. */
static bool judge_searches(Chain *chain, const char *path, const CcbGrubStub *stub, bool *ret_right,
                           GError **error)
{
    static const char *const kinds[] = {"file system with the UUID", "file system with the label",
                                        "file system with the file"};
    *ret_right = stub->searches->len == 0;
    for (guint i = 0; i < stub->searches->len && !*ret_right; i++)
        if (!finds(chain, stub->searches->pdata[i], ret_right, error))
            return false;
    if (*ret_right)
        return true;
    const CcbGrubSearch *last = stub->searches->pdata[stub->searches->len - 1];
    return broken(chain, "%s:%u: the disk has no %s %s", path, last->line, kinds[last->kind],
                  last->what);
}

static bool judge_stub(Chain *chain, const char *path, const CcbGrubStub *stub, GError **error)
{
    bool right;
    if (stub->config == NULL)
        return broken(chain, "%s: it loads no configuration", path);
    if (!judge_searches(chain, path, stub, &right, error))
        return false;
    if (!right)
        return true;
    if (!is_somewhere(chain, stub->config, &right, error))
        return false;
    if (!right)
        return broken(chain, "%s:%u: there is no %s", path, stub->config_line, stub->config);
    note(&chain->right, g_strdup_printf("%s leads to %s", path, stub->config));
    return true;
}

static bool judge_config(Chain *chain, const char *path, const char *text, size_t size,
                         GError **error)
{
    g_autoptr(CcbGrubStub) stub = ccb_grubstub_parse(text, size);
    if (stub != NULL)
        return judge_stub(chain, path, stub, error);
    if (ccb_grubcfg_calls_blscfg(text, size))
        note(&chain->right, g_strdup_printf("%s is the configuration", path));
    else
        note(&chain->not_judged, g_strdup(path));
    return true;
}

/* Whether a file is there; one that is has to be a program. */
static bool find_program(Chain *chain, const char *path, bool *ret_found, GError **error)
{
    uint8_t head[4096];
    size_t size = sizeof head;
    CcbFatEntry file;
    CcbFat *fat = ccb_esp_fat(chain->esp);
    if (!ccb_fat_find(fat, path, &file, ret_found, error))
        return false;
    if (!*ret_found)
        return true;
    if (!ccb_fat_read(fat, &file, head, &size, error))
        return false;
    return ccb_pe_is_efi_application(head, size) ||
           broken(chain, "%s is no EFI program for x86-64", path);
}

/* *ret_started: fbx64.efi and shim come to the GRUB of this directory. */
static bool judge_programs(Chain *chain, const char *name, bool *ret_started, GError **error)
{
    g_autofree char *shim = g_strdup_printf("EFI/%s/shimx64.efi", name);
    g_autofree char *grub = g_strdup_printf("EFI/%s/grubx64.efi", name);
    bool has_shim, has_grub;
    *ret_started = false;
    if (!find_program(chain, shim, &has_shim, error) ||
        !find_program(chain, grub, &has_grub, error))
        return false;
    *ret_started = has_shim && has_grub;
    return !has_shim || has_grub || broken(chain, "there is no %s, which shim starts", grub);
}

static bool judge_directory(Chain *chain, const char *name, GError **error)
{
    g_autofree char *config = g_strdup_printf("EFI/%s/grub.cfg", name);
    g_autofree char *text = NULL;
    bool started = false;
    size_t size;
    guint before = chain->broken->len;
    if (chain->has_fallback && !judge_programs(chain, name, &started, error))
        return false;
    if (chain->broken->len > before)
        return true;
    if (!ccb_esp_read(chain->esp, config, &text, &size, error))
        return false;
    if (text == NULL)
        return !started || broken(chain, "there is no %s, which GRUB reads", config);
    return judge_config(chain, config, text, size, error);
}

static bool conclude(Chain *chain)
{
    if (chain->right != NULL)
        return ccb_result_pass(chain->result, "%s", chain->right);
    if (chain->not_judged != NULL)
        return ccb_result_skip(chain->result, "%s is a script of its own", chain->not_judged);
    if (chain->broken->len > 0)
        return ccb_result_fail(chain->result, "%s", chain->broken->str);
    return ccb_result_skip(chain->result, "no grub.cfg on the EFI system partition");
}

bool ccb_check_boot_chain(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    g_autoptr(CcbEsp) esp = NULL;
    CcbFatEntry file;
    if (!ccb_esp_open(ctx->guest, &esp, error))
        return false;
    if (esp == NULL)
        return ccb_result_skip(result, "no EFI system partition (import.esp)");
    g_auto(Chain) chain = {.ctx = ctx, .esp = esp, .result = result, .broken = g_string_new(NULL)};
    g_auto(GStrv) names = ccb_fat_list(ccb_esp_fat(esp), "EFI", error);
    if (names == NULL ||
        !ccb_fat_find(ccb_esp_fat(esp), FALLBACK, &file, &chain.has_fallback, error))
        return false;
    for (char **name = names; *name != NULL; name++)
        if (!judge_directory(&chain, *name, error))
            return false;
    return conclude(&chain);
}
