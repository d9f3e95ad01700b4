/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/bls.h"

static const char sample[] = "title Alibaba Cloud Linux (5.10.134-18.al8.x86_64) 3\n"
                             "version 5.10.134-18.al8.x86_64\n"
                             "# a comment, with  two spaces\n"
                             "linux /boot/vmlinuz-5.10.134-18.al8.x86_64\n"
                             "initrd /boot/initramfs-5.10.134-18.al8.x86_64.img $tuned_initrd\n"
                             "options\t root=UUID=1 ro  quiet \n"
                             "\n"
                             "grub_users $grub_users\n"
                             "grub_arg --unrestricted\n"
                             "x-unknown   kept  \n"
                             "keyonly\n"
                             "options console=tty0";

static CcbBls *parse(const char *text)
{
    return ccb_bls_parse(text, strlen(text), NULL);
}

static void test_read(void)
{
    g_autoptr(CcbBls) entry = parse(sample);
    is_taken(ccb_bls_render(entry), sample, "round trip, byte for byte");
    is_taken(ccb_bls_get(entry, "version"), "5.10.134-18.al8.x86_64", "value");
    is_taken(ccb_bls_get(entry, "options"), "root=UUID=1 ro  quiet", "first of two, trimmed");
    is_taken(ccb_bls_get_joined(entry, "options"), "root=UUID=1 ro  quiet console=tty0", "joined");
    is_taken(ccb_bls_get(entry, "keyonly"), NULL, "a key without value is ignored");
    is_taken(ccb_bls_get(entry, "opt"), NULL, "no prefix match");
    is_taken(ccb_bls_get(entry, "#"), NULL, "a comment is no key");
    is_taken(ccb_bls_get_joined(entry, "devicetree"), NULL, "absent");
}

static void test_set(void)
{
    g_autoptr(CcbBls) entry = parse("title x\noptions  a b \n# c\nlinux /v\noptions c\n");
    ok(ccb_bls_set(entry, "options", "d e", NULL), "set");
    is_taken(ccb_bls_render(entry), "title x\noptions  d e \n# c\nlinux /v\n",
             "only the value changed");
    ccb_bls_set(entry, "id", "7", NULL);
    is_taken(ccb_bls_render(entry), "title x\noptions  d e \n# c\nlinux /v\nid 7\n", "appended");
    ccb_bls_set(entry, "options", "", NULL);
    is_taken(ccb_bls_render(entry), "title x\n# c\nlinux /v\nid 7\n", "removed");
    g_autoptr(CcbBls) open = parse("title x");
    ccb_bls_set(open, "linux", "/v", NULL);
    is_taken(ccb_bls_render(open), "title x\nlinux /v\n", "line end supplied");
    GError *error = NULL;
    ok(!ccb_bls_set(open, "linux", "a\nb", &error), "line break refused");
    is_error(&error, "line break", "... with a reason");
    ok(!ccb_bls_set(open, "a b", "c", NULL), "space in a key refused");
}

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbBls) entry = ccb_bls_parse(data, size, NULL);
    if (entry == NULL)
        return;
    g_autofree char *text = ccb_bls_render(entry);
    if (strlen(text) != size || memcmp(text, data, size) != 0)
        ok(false, "round trip of mutated input");
    ccb_bls_set(entry, "options", "x", NULL);
}

/* A megabyte of one key must not take minutes. */
static void test_many(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 100000; i++)
        g_string_append(text, "options x\n");
    g_autoptr(CcbBls) entry = parse(text->str);
    gint64 start = g_get_monotonic_time();
    ccb_bls_set(entry, "options", "y", NULL);
    is_taken(ccb_bls_render(entry), "options y\n", "100000 lines become one");
    ok(g_get_monotonic_time() - start < 5000000, "... in linear time");
}

int main(void)
{
    test_many();
    test_read();
    test_set();
    is_taken(ccb_bls_id("/boot/loader/entries/m-5.10.conf"), "m-5.10", "id");
    is_taken(ccb_bls_id("x.rpmsave"), NULL, "no entry");
    is_taken(ccb_bls_id("a/.conf"), NULL, "no id");
    GError *error = NULL;
    ok(ccb_bls_parse("a b\nc\0d", 7, &error) == NULL, "NUL byte refused");
    is_error(&error, "line 2", "... with its line");
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}
