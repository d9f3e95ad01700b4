/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/elf.h"
#include "tap.h"

static bool has(const GPtrArray *list, const char *text)
{
    return g_ptr_array_find_with_equal_func((GPtrArray *)list, text, g_str_equal, NULL);
}

int main(void)
{
    g_autofree char *self = NULL;
    gsize size = 0;
    g_file_get_contents("/proc/self/exe", &self, &size, NULL);
    g_autoptr(CcbElfDynamic) dynamic = ccb_elf_dynamic(self, size, NULL);
    ok(dynamic != NULL && has(dynamic->needed, "libc.so.6"), "a program needs libc");
    ok(!has(dynamic->needed, "libc.so"), "... by its whole name");
    is_int(dynamic->paths->len, 0, "... which no path of its own leads to");

    static const char script[] = "#!/bin/sh\nexit 0\n";
    GError *error = NULL;
    ok(ccb_elf_dynamic(script, strlen(script), &error) == NULL && error == NULL,
       "a script needs nothing, and is no error");
    ok(ccb_elf_dynamic("", 0, &error) == NULL && error == NULL, "nor does nothing");

    /* Whatever is missing of it: no crash, and either what it needs or an error. */
    guint odd = 0;
    for (gsize length = 16; length < size; length += 1 + size / 400) {
        g_autoptr(GError) reason = NULL;
        g_autoptr(CcbElfDynamic) cut = ccb_elf_dynamic(self, length, &reason);
        odd += (cut == NULL) != (reason != NULL);
    }
    is_int(odd, 0, "cut off anywhere");
    for (gsize at = 16; at < MIN(size, 4096); at += 3) {
        g_autofree char *bent = g_memdup2(self, size);
        bent[at] ^= 0x5a;
        g_autoptr(CcbElfDynamic) result = ccb_elf_dynamic(bent, size, NULL);
    }
    ok(true, "altered anywhere in its headers");
    return done();
}
