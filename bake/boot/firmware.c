/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/firmware.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

static const char *const descriptor_dirs[] = {"/etc/qemu/firmware", "/usr/share/qemu/firmware",
                                              NULL};

/* Where a distribution has no descriptors: Debian and Ubuntu, Fedora and el9, el8. */
static const struct {
    const char *code, *vars;
} known[] = {
    {"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},
    {"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},
    {"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},
    {"/usr/share/edk2/ovmf/OVMF_CODE.cc.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},
};

void ccb_firmware_clear(CcbFirmware *firmware)
{
    g_free(firmware->code);
    g_free(firmware->code_format);
    g_free(firmware->vars);
    g_free(firmware->vars_format);
    *firmware = (CcbFirmware){0};
}

/* --- descriptors */

static bool contains(const json_t *list, const char *word)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        if (text && g_str_equal(text, word))
            return true;
    }
    return false;
}

static char *file_of(const json_t *mapping, const char *part, const char *key)
{
    return g_strdup(json_string_value(json_object_get(json_object_get(mapping, part), key)));
}

/* False where the descriptor is of firmware that does not suit, or whose files are not there. */
static bool read_descriptor(const char *dir, const char *name, CcbFirmware *ret)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    json_auto_t *json = json_load_file(path, 0, NULL);
    const json_t *features = json_object_get(json, "features");
    const json_t *mapping = json_object_get(json, "mapping");
    const char *device = json_string_value(json_object_get(mapping, "device"));
    if (!contains(json_object_get(json, "interface-types"), "uefi") ||
        g_strcmp0(device, "flash") != 0 || contains(features, "enrolled-keys"))
        return false;
    size_t i;
    const json_t *target;
    bool suits = false;
    json_array_foreach(json_object_get(json, "targets"), i, target)
    {
        const char *machine = json_string_value(json_object_get(target, "architecture"));
        suits |= g_strcmp0(machine, "x86_64") == 0 &&
                 contains(json_object_get(target, "machines"), "pc-q35-*");
    }
    if (!suits)
        return false;
    g_auto(CcbFirmware) found = {.code = file_of(mapping, "executable", "filename"),
                                 .code_format = file_of(mapping, "executable", "format"),
                                 .vars = file_of(mapping, "nvram-template", "filename"),
                                 .vars_format = file_of(mapping, "nvram-template", "format"),
                                 .smm = contains(features, "requires-smm")};
    if (!found.code || !found.code_format || !found.vars || !found.vars_format ||
        access(found.code, R_OK) != 0 || access(found.vars, R_OK) != 0)
        return false;
    *ret = found;
    found = (CcbFirmware){0};
    return true;
}

/* What needs no system management mode comes first: that is slow under emulation. */
bool ccb_firmware_search(const char *const *dirs, CcbFirmware *ret)
{
    /* Names in the order of their priority, each with the folder that it counts in. */
    g_autoptr(GHashTable) dir_of = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (; *dirs; dirs++) {
        g_autoptr(GDir) dir = g_dir_open(*dirs, 0, NULL);
        for (const char *name; dir && (name = g_dir_read_name(dir)) != NULL;)
            if (g_str_has_suffix(name, ".json") && !g_hash_table_contains(dir_of, name))
                g_hash_table_insert(dir_of, g_strdup(name), (gpointer)*dirs);
    }
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(dir_of), (GCompareFunc)strcmp);
    g_auto(CcbFirmware) second = {0};
    for (const GList *at = names; at && ret->code == NULL; at = at->next) {
        g_auto(CcbFirmware) found = {0};
        if (!read_descriptor(g_hash_table_lookup(dir_of, at->data), at->data, &found))
            continue;
        CcbFirmware *place = found.smm ? &second : ret;
        if (place->code)
            continue;
        *place = found;
        found = (CcbFirmware){0};
    }
    if (ret->code == NULL) {
        *ret = second;
        second = (CcbFirmware){0};
    }
    return ret->code != NULL;
}

bool ccb_firmware_find(CcbFirmware *ret, GError **error)
{
    if (ccb_firmware_search(descriptor_dirs, ret))
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if (access(known[i].code, R_OK) != 0 || access(known[i].vars, R_OK) != 0)
            continue;
        *ret = (CcbFirmware){.code = g_strdup(known[i].code),
                             .code_format = g_strdup("raw"),
                             .vars = g_strdup(known[i].vars),
                             .vars_format = g_strdup("raw")};
        return true;
    }
    ccb_fail(error, CCB_ERR_HOST, "this host has no UEFI firmware for virtual machines");
    return ccb_hint(error, "install ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, el8, el9)");
}
