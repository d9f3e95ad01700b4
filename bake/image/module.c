/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/module.h"

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "image/unpack.h"

struct CcbModule {
    GPtrArray *info;       /* "key=value" */
    GHashTable *undefined; /* names of symbols */
};

static void elf_cleanup(Elf **elf)
{
    elf_end(*elf);
}

static Elf_Data *find_section(Elf *elf, const char *wanted)
{
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return NULL;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == NULL || header.sh_type == SHT_NOBITS)
            continue;
        const char *name = elf_strptr(elf, names, header.sh_name);
        if (g_strcmp0(name, wanted) == 0)
            return elf_rawdata(section, NULL);
    }
    return NULL;
}

/* A module without a symbol table has no undefined symbols that anyone could see. */
static GHashTable *find_undefined(Elf *elf)
{
    GHashTable *undefined = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == NULL || header.sh_type != SHT_SYMTAB)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        GElf_Sym symbol;
        for (int i = 0; data != NULL && gelf_getsym(data, i, &symbol) != NULL; i++) {
            const char *name = symbol.st_shndx == SHN_UNDEF
                                   ? elf_strptr(elf, header.sh_link, symbol.st_name)
                                   : NULL;
            if (name != NULL && name[0] != '\0')
                g_hash_table_add(undefined, g_strdup(name));
        }
    }
    return undefined;
}

CcbModule *ccb_module_parse(const void *data, size_t size, GError **error)
{
    /* A copy in any case: it is aligned, and libelf may write to it. */
    g_autoptr(GByteArray) image = ccb_unpack(data, size, CCB_MODULE_MAX, error);
    if (image == NULL)
        return NULL;
    elf_version(EV_CURRENT);
    __attribute__((cleanup(elf_cleanup))) Elf *elf = NULL;
    if (image->len >= EI_NIDENT && memcmp(image->data, ELFMAG, SELFMAG) == 0)
        elf = elf_memory((char *)image->data, image->len);
    if (elf == NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "not an ELF file");
        return NULL;
    }
    const Elf_Data *info = find_section(elf, ".modinfo");
    if (info == NULL || info->d_buf == NULL) {
        ccb_fail(error, CCB_ERR_INPUT, "not a kernel module: no .modinfo section");
        return NULL;
    }
    CcbModule *module = g_new0(CcbModule, 1);
    module->info = g_ptr_array_new_with_free_func(g_free);
    const char *text = info->d_buf;
    for (size_t at = 0, length; at < info->d_size; at += length + 1) {
        length = strnlen(text + at, info->d_size - at);
        if (memchr(text + at, '=', length) != NULL)
            g_ptr_array_add(module->info, g_strndup(text + at, length));
    }
    module->undefined = find_undefined(elf);
    return module;
}

void ccb_module_free(CcbModule *module)
{
    if (module == NULL)
        return;
    g_ptr_array_unref(module->info);
    g_hash_table_unref(module->undefined);
    g_free(module);
}

const char *ccb_module_get(const CcbModule *module, const char *key)
{
    size_t length = strlen(key);
    for (guint i = 0; i < module->info->len; i++) {
        const char *text = module->info->pdata[i];
        if (strncmp(text, key, length) == 0 && text[length] == '=')
            return text + length + 1;
    }
    return NULL;
}

bool ccb_module_needs(const CcbModule *module, const char *symbol)
{
    return g_hash_table_contains(module->undefined, symbol);
}

char *ccb_module_name(const char *path)
{
    static const char *const suffixes[] = {".ko", ".ko.xz", ".ko.gz", ".ko.zst"};
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++)
        if (g_str_has_suffix(base, suffixes[i]))
            return g_strdelimit(g_strndup(base, strlen(base) - strlen(suffixes[i])), "-", '_');
    return NULL;
}
