/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/elf.h"

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

static void elf_cleanup(Elf **elf)
{
    elf_end(*elf);
}

/* DT_RUNPATH, where there is one, makes ld.so ignore DT_RPATH. */
static bool read_dynamic(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, CcbElfDynamic *ret)
{
    Elf_Data *data = elf_getdata(section, NULL);
    const char *rpath = NULL, *runpath = NULL;
    GElf_Dyn entry;
    for (int i = 0; data != NULL && gelf_getdyn(data, i, &entry) != NULL; i++) {
        if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_RPATH && entry.d_tag != DT_RUNPATH)
            continue;
        const char *text = elf_strptr(elf, header->sh_link, entry.d_un.d_val);
        if (text == NULL)
            return false;
        if (entry.d_tag == DT_NEEDED)
            g_ptr_array_add(ret->needed, g_strdup(text));
        else
            *(entry.d_tag == DT_RPATH ? &rpath : &runpath) = text;
    }
    const char *list = runpath != NULL ? runpath : rpath != NULL ? rpath : "";
    g_auto(GStrv) words = g_strsplit(list, ":", -1);
    for (char **word = words; *word != NULL; word++)
        if (**word != '\0')
            g_ptr_array_add(ret->paths, g_strdup(*word));
    return data != NULL;
}

CcbElfDynamic *ccb_elf_dynamic(const void *data, size_t size, GError **error)
{
    if (size < EI_NIDENT || memcmp(data, ELFMAG, SELFMAG) != 0)
        return NULL;
    elf_version(EV_CURRENT);
    g_autofree char *copy = g_memdup2(data, size); /* libelf may write to it */
    __attribute__((cleanup(elf_cleanup))) Elf *elf = elf_memory(copy, size);
    g_autoptr(CcbElfDynamic) dynamic = g_new0(CcbElfDynamic, 1);
    dynamic->needed = g_ptr_array_new_with_free_func(g_free);
    dynamic->paths = g_ptr_array_new_with_free_func(g_free);
    for (Elf_Scn *section = NULL; elf != NULL && (section = elf_nextscn(elf, section)) != NULL;) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == NULL ||
            (header.sh_type == SHT_DYNAMIC && !read_dynamic(elf, section, &header, dynamic))) {
            ccb_fail(error, CCB_ERR_INPUT, "a damaged ELF file");
            return NULL;
        }
    }
    return g_steal_pointer(&dynamic);
}

void ccb_elf_dynamic_free(CcbElfDynamic *dynamic)
{
    if (dynamic == NULL)
        return;
    g_ptr_array_unref(dynamic->needed);
    g_ptr_array_unref(dynamic->paths);
    g_free(dynamic);
}
