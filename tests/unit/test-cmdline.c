/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/cmdline.h"

static const char sample[] = "root=UUID=1 ro quiet cgroup.memory=nokmem console=tty0 "
                             "console=ttyS0,115200n8 dyndbg=\"file x +p\" nvme-core.io_timeout=5";

static CcbCmdline *parse(const char *text)
{
    return ccb_cmdline_parse(text, NULL);
}

static void is_after(const char *before, const char *argument, const char *after)
{
    g_autoptr(CcbCmdline) line = parse(before);
    ok(ccb_cmdline_set(line, argument, NULL), argument);
    is_taken(ccb_cmdline_render(line), after, "... set");
    ok(ccb_cmdline_has(line, argument), "... and has it");
}

static void is_without(const char *before, const char *argument, guint removed, const char *after)
{
    g_autoptr(CcbCmdline) line = parse(before);
    is_int(ccb_cmdline_remove(line, argument), removed, argument);
    is_taken(ccb_cmdline_render(line), after, "... removed");
}

static void test_read(void)
{
    g_autoptr(CcbCmdline) line = parse(sample);
    is_taken(ccb_cmdline_render(line), sample, "round trip");
    is_taken(ccb_cmdline_get(line, "console"), "ttyS0,115200n8", "the last value");
    is_taken(ccb_cmdline_get(line, "root"), "UUID=1", "'=' in the value");
    is_taken(ccb_cmdline_get(line, "quiet"), "", "without a value");
    is_taken(ccb_cmdline_get(line, "dyndbg"), "file x +p", "quoted");
    is_taken(ccb_cmdline_get(line, "nvme_core.io-timeout"), "5", "'-' is '_'");
    is_taken(ccb_cmdline_get(line, "rhgb"), NULL, "absent");
    is_int(ccb_cmdline_count(line, "console"), 2, "count");
    ok(ccb_cmdline_has(line, "console"), "has the key");
    ok(ccb_cmdline_has(line, "console=tty0"), "has the argument");
    ok(!ccb_cmdline_has(line, "console=tty"), "no prefix match of values");
    ok(!ccb_cmdline_has(line, "cons"), "no prefix match of keys");
    g_autoptr(CcbCmdline) spaced = parse("  a \t\"b=c d\"\n");
    is_taken(ccb_cmdline_render(spaced), "a \"b=c d\"", "white space");
    is_taken(ccb_cmdline_get(spaced, "b"), "c d", "quotes around key and value");
    g_autoptr(CcbCmdline) init = parse("a -- b=1");
    ok(!ccb_cmdline_has(init, "b"), "init's arguments are not the kernel's");
}

static void test_edit(void)
{
    is_after("ro quiet", "swiotlb=4194304,any", "ro quiet swiotlb=4194304,any");
    is_after("swiotlb=1 ro", "swiotlb=4194304,any", "swiotlb=4194304,any ro");
    is_after("a=1 ro a=2 a=3", "a=4", "a=4 ro");
    is_after("ro quiet", "quiet", "ro quiet");
    is_after("iommu ro", "iommu=pt", "iommu=pt ro");
    is_after("a_b=1", "a-b=2", "a-b=2");
    is_after("ab=1", "a=2", "ab=1 a=2");
    is_after("console=tty0", "console=ttyS0", "console=tty0 console=ttyS0");
    is_after("console=tty0 console=ttyS0", "console=tty0", "console=tty0 console=ttyS0");
    is_after("ro -- b", "b=\"c d\"", "ro b=\"c d\" -- b");
    is_after("$kernelopts $tuned_params", "x=1", "$kernelopts $tuned_params x=1");
    is_after("", "x", "x");
    is_without("a=1 b a=2", "a", 2, "b");
    is_without("console=tty0 console=ttyS0 ro", "console=tty0", 1, "console=ttyS0 ro");
    is_without("ro", "rhgb", 0, "ro");
    is_without("a -- a", "a", 1, "-- a");
}

static void has_conflicts(const char *text, const char *expected)
{
    g_autoptr(CcbCmdline) line = parse(text);
    is_taken(ccb_cmdline_conflicts(line), expected, text);
}

static void test_conflicts(void)
{
    has_conflicts("ro quiet swiotlb=1", NULL);
    has_conflicts("swiotlb=1 ro swiotlb=2", "swiotlb=1 and swiotlb=2");
    has_conflicts("nvme_core.a=1 nvme-core.a=2 nvme_core.a=1",
                  "nvme_core.a=1 and nvme-core.a=2, nvme_core.a=1 twice");
    has_conflicts("a=1 a=\"1\" quiet quiet", "a=\"1\" twice, quiet twice");
    has_conflicts("ro console=tty0 console=tty0 earlycon earlycon", NULL);
    has_conflicts("ro a rw a=1", "a and a=1, ro and rw");
    has_conflicts("console=tty0 console=ttyS0 iommu=pt iommu=off", NULL);
    has_conflicts("$kernelopts $tuned_params", NULL);
    has_conflicts("a=1 -- a=2", NULL);
}

static void test_values(void)
{
    g_autoptr(CcbCmdline) line = parse("mod-a.b=1 mod_a.b=\"2 3\" mod_a.b mod_a.bc=4 -- mod_a.b=5");
    g_auto(GStrv) values = ccb_cmdline_values(line, "mod_a.b");
    g_auto(GStrv) none = ccb_cmdline_values(line, "mod_a");
    is_taken(g_strjoinv("|", values), "1|2 3", "all values of a key, without quotes");
    is_int(g_strv_length(none), 0, "a key that is not there");
}

static void test_malformed(void)
{
    GError *error = NULL;
    ok(ccb_cmdline_parse("a b=\"c d", &error) == NULL, "quote not closed");
    is_error(&error, "b=\"c d", "... where");
    g_autoptr(CcbCmdline) line = parse("");
    static const char *const bad[] = {"", "a b", " a", "=x", "--", "a=\"b", "a\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        ok(!ccb_cmdline_set(line, bad[i], NULL), "not one argument");
    is_taken(ccb_cmdline_render(line), "", "nothing was added");
}

static void fuzz_one(const char *data, gsize size)
{
    g_autofree char *text = g_strndup(data, size);
    g_autoptr(CcbCmdline) line = parse(text);
    if (line == NULL)
        return;
    g_free(ccb_cmdline_conflicts(line));
    ccb_cmdline_set(line, "root=2", NULL);
    ccb_cmdline_remove(line, "console");
    g_autofree char *once = ccb_cmdline_render(line);
    g_autoptr(CcbCmdline) again = parse(once);
    g_autofree char *twice = ccb_cmdline_render(again);
    if (strcmp(once, twice) != 0)
        ok(false, "rendering mutated input is stable");
}

int main(void)
{
    test_read();
    test_edit();
    test_conflicts();
    test_values();
    test_malformed();
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}
