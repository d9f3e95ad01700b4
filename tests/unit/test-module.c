/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <archive.h>
#include <archive_entry.h>
#include <elf.h>

#include "image/module.h"
#include "tap.h"

static const char info[] = "version=550.144.03\0license=Dual MIT/GPL\0\0softdep=pre: ecdh_generic\0"
                           "alias=a\0alias=x\0parm=b=c\0novalue\0versionx=1\0"
                           "vermagic=5.10.134-18.al8.x86_64 SMP mod_unload";

/* A relocatable ELF file with nothing but the section `name`. */
static GByteArray *make_elf(const char *name)
{
    g_autofree char *names = g_strdup_printf("%c%s%c.shstrtab", 1, name, 1);
    gsize names_size = strlen(names) + 1;
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_REL,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_shoff = sizeof(Elf64_Ehdr),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = 3,
        .e_shstrndx = 2,
    };
    Elf64_Off data = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Shdr);
    Elf64_Shdr sections[3] = {
        {.sh_type = SHT_NULL},
        {.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = data, .sh_size = sizeof(info)},
        {.sh_name = (Elf64_Word)strlen(name) + 2,
         .sh_type = SHT_STRTAB,
         .sh_offset = data + sizeof(info),
         .sh_size = names_size},
    };
    names[strlen(name) + 1] = '\0';
    names[0] = '\0';
    GByteArray *elf = g_byte_array_new();
    g_byte_array_append(elf, (const guint8 *)&header, sizeof(header));
    g_byte_array_append(elf, (const guint8 *)sections, sizeof(sections));
    g_byte_array_append(elf, (const guint8 *)info, sizeof(info));
    g_byte_array_append(elf, (const guint8 *)names, (guint)names_size);
    return elf;
}

static GByteArray *compress(const GByteArray *plain, int (*filter)(struct archive *))
{
    size_t capacity = plain->len + 65536, used = 0;
    GByteArray *packed = g_byte_array_sized_new((guint)capacity);
    g_byte_array_set_size(packed, (guint)capacity);
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_set_format_raw(archive);
    filter(archive);
    archive_write_set_bytes_in_last_block(archive, 1);
    archive_write_open_memory(archive, packed->data, capacity, &used);
    archive_write_header(archive, entry);
    archive_write_data(archive, plain->data, plain->len);
    archive_write_close(archive);
    archive_write_free(archive);
    archive_entry_free(entry);
    g_byte_array_set_size(packed, (guint)used);
    return packed;
}

static void is_module(const GByteArray *bytes, const char *what)
{
    GError *error = NULL;
    g_autoptr(CcbModule) module = ccb_module_parse(bytes->data, bytes->len, &error);
    if (!ok(module != NULL, what)) {
        printf("# %s\n", error->message);
        g_error_free(error);
        return;
    }
    is_str(ccb_module_get(module, "version"), "550.144.03", "version");
    is_str(ccb_module_get(module, "license"), "Dual MIT/GPL", "license");
    is_str(ccb_module_get(module, "softdep"), "pre: ecdh_generic", "softdep");
    is_str(ccb_module_get(module, "vermagic"), "5.10.134-18.al8.x86_64 SMP mod_unload", "vermagic");
    is_str(ccb_module_get(module, "novalue"), NULL, "no value");
    is_str(ccb_module_get(module, "ver"), NULL, "no prefix match");
    ok(!ccb_module_needs(module, "anything"), "no symbol table: nothing is undefined");
    is_str(ccb_module_get(module, "alias"), "a", "the first of several");
    is_str(ccb_module_get(module, "parm"), "b=c", "'=' in the value");
}

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbModule) module = ccb_module_parse(data, size, NULL);
    if (module != NULL)
        ccb_module_get(module, "vermagic");
}

int main(void)
{
    g_autoptr(GByteArray) plain = make_elf(".modinfo");
    g_autoptr(GByteArray) xz = compress(plain, archive_write_add_filter_xz);
    g_autoptr(GByteArray) zstd = compress(plain, archive_write_add_filter_zstd);
    g_autoptr(GByteArray) gzip = compress(plain, archive_write_add_filter_gzip);
    is_module(plain, "plain");
    is_module(xz, "xz");
    is_module(zstd, "zstd");
    is_module(gzip, "gzip");
    g_autoptr(GByteArray) other = make_elf(".modinfox");
    GError *error = NULL;
    ok(ccb_module_parse(other->data, other->len, &error) == NULL, "no .modinfo");
    is_error(&error, "no .modinfo", "... with a reason");
    ok(ccb_module_parse("#!/bin/sh\n", 10, &error) == NULL, "no ELF file");
    is_error(&error, "not an ELF file", "... with a reason");
    ok(ccb_module_parse("", 0, &error) == NULL, "no bytes");
    is_error(&error, "not an ELF file", "... with a reason");
    ok(ccb_module_parse(xz->data, xz->len / 2, &error) == NULL, "truncated xz");
    is_error(&error, "decompress", "... with a reason");
    fuzz(plain->data, plain->len, 5000, fuzz_one);
    fuzz(plain->data, sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Shdr), 5000, fuzz_one);
    fuzz(zstd->data, zstd->len, 500, fuzz_one);
    is_taken(ccb_module_name("kernel/a/nvidia-uvm.ko.xz"), "nvidia_uvm",
             "the name of a module's file");
    is_taken(ccb_module_name("modules.dep"), NULL, "which others have not");
    return done();
}
