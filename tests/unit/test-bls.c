/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/bls.h"

static const char sample[] = "title Alibaba Cloud Linux (5.10.134-18.al8.x86_64) 3\n"
                             "version 5.10.134-18.al8.x86_64\n"
                             "# a comment, with  two spaces\n"
                             "linux /boot/vmlinuz-5.10.134-18.al8.x86_64\n"
                             "initrd /boot/early.img\n"
                             "initrd /boot/initramfs-5.10.134-18.al8.x86_64.img $tuned_initrd\n"
                             "options  root=UUID=1 ro  quiet \n"
                             "options console=tty0\n"
                             "grub_users $grub_users\n"
                             "x-unknown   kept  \n"
                             "keyonly\n"
                             "grub_arg --unrestricted\n"
                             "linux /other";

static CcbBls *parse(const char *text)
{
    return ccb_bls_parse(text, strlen(text), NULL);
}

static char *joined(const CcbBls *entry, const char *key)
{
    g_autoptr(GPtrArray) values = ccb_bls_values(entry, key);
    g_ptr_array_add(values, NULL);
    return g_strjoinv("|", (char **)values->pdata);
}

static void test_read(void)
{
    g_autoptr(CcbBls) entry = parse(sample);
    is_taken(ccb_bls_render(entry), sample, "round trip, byte for byte");
    is_taken(ccb_bls_get(entry, "version"), "5.10.134-18.al8.x86_64", "value");
    is_taken(ccb_bls_get(entry, "options"), "root=UUID=1 ro  quiet", "first of two, trimmed");
    is_taken(joined(entry, "initrd"),
             "/boot/early.img|/boot/initramfs-5.10.134-18.al8.x86_64.img $tuned_initrd",
             "all of a key");
    is_taken(ccb_bls_get(entry, "grub_arg"), NULL, "nothing behind a line without a value");
    is_taken(ccb_bls_get(entry, "opt"), NULL, "no prefix match");
    is_taken(ccb_bls_get(entry, "#"), NULL, "a comment is no key");
    is_taken(joined(entry, "devicetree"), "", "absent");
}

static const struct {
    const char *what, *text, *options;
    guint unread;
} lines[] = {
    {"one space", "options a b\n", "a b", 0},
    {"several", "options   a\n", "a", 0},
    {"spaces before the key", " \toptions a\n", "a", 0},
    {"a tab, and no space in the line", "options\ta\n", "a", 0},
    {"a tab, and a space later", "options\troot=x ro\n", NULL, 1},
    {"a space, then a tab", "options \ta b\n", "a b", 0},
    {"a carriage return", "options a\r\n", "a", 0},
    {"an empty line before", "\noptions a\n", NULL, 2},
    {"a line without a value before", "title\noptions a\n", NULL, 2},
    {"a line of blanks before", "  \noptions a\n", NULL, 2},
    {"a comment before", "# x\noptions a\n", "a", 0},
    {"a comment without a space", "#\noptions a\n", "a", 0},
    {"no value, but spaces", "options  \ntitle x\n", "", 0},
    {"a second one", "options a\noptions b\n", "a", 0},
    {"a second one by a tab", "options a\noptions\tb c\n", "a", 0},
    {"another case", "Options a\n", NULL, 0},
};

static void test_lines(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(CcbBls) entry = parse(lines[i].text);
        is_taken(ccb_bls_get(entry, "options"), lines[i].options, lines[i].what);
        is_int(ccb_bls_unread_line(entry, "options"), lines[i].unread, "... read or not");
        ccb_bls_set(entry, "options", "new", NULL);
        is_taken(ccb_bls_get(entry, "options"), "new", "... and a new value is");
    }
}

/* Names of files; the first is higher. */
static const char *const pairs[][2] = {
    {"m-5.10.134-18.al8.x86_64", "m-5.10.134-17.al8.x86_64"},
    {"m-5.10.134-18.1.al8.x86_64", "m-5.10.134-18.al8.x86_64"},
    {"m-5.10.134-19.1.al8.x86_64", "m-5.10.134-19.al8.x86_64"},
    {"b-1-1", "a-2-2"},
    {"99-5.10-17", "28-5.10-18"},
    {"m-5.10-18", "m-0-rescue"},
    {"m-5.10-18", "m-5.9-99"},
    {"m-5.10-1.10", "m-5.10-1.9"},
    {"m-5.10-1", "m-5.10-1~rc"},
    {"m-1-1", "m-a-1"},
    {"m-5.10-007a", "m-5.10-7"},
    {"m-2", "m-1"},
    {"b", "a-9-9"},
    {"m-1-1a", "m-1-1"},
};

static void test_order(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
        is_int(ccb_bls_compare(pairs[i][0], pairs[i][1]), 1, pairs[i][0]);
        is_int(ccb_bls_compare(pairs[i][1], pairs[i][0]), -1, pairs[i][1]);
        is_int(ccb_bls_compare(pairs[i][0], pairs[i][0]), 0, "itself");
    }
    is_int(ccb_bls_compare("m-1.0-1", "m-1_00-01"), 0, "alike but for what parts the numbers");
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
    test_lines();
    test_order();
    is_taken(ccb_bls_id("/boot/loader/entries/m-5.10.conf"), "m-5.10", "id");
    is_taken(ccb_bls_id("x.rpmsave"), NULL, "no entry");
    is_taken(ccb_bls_id("a/.conf"), NULL, "no id");
    is_taken(ccb_bls_id("a/.m-5.10.conf"), NULL, "a hidden file");
    GError *error = NULL;
    ok(ccb_bls_parse("a b\nc\0d", 7, &error) == NULL, "NUL byte refused");
    is_error(&error, "line 2", "... with its line");
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}
