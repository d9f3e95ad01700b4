/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/shellvars.h"

static const char sample[] = "# If you change this file, run 'grub2-mkconfig\n"
                             "GRUB_TIMEOUT=1\n"
                             "GRUB_DISTRIBUTOR=\"$(sed 's, release .*$,,g' /etc/system-release)\"\n"
                             "GRUB_X=`lsb_release -i 2> /dev/null || echo \"D\"`\n"
                             "  export  GRUB_DEFAULT=saved   # chosen last\n"
                             "\n"
                             "GRUB_CMDLINE_LINUX=\"ro rhgb \\\"q\\\" a\\\\b \\$c 'd'\"\n"
                             "GRUB_CMDLINE_LINUX+=' more $x'\n"
                             "if test -f x; then . x; fi\n"
                             "MIXED=a\"b c\"'d \"e'\\ f\n"
                             "SINGLE='a\\$b\\\\c'\n"
                             "SPLIT=one\\\n"
                             "two\n"
                             "LINES=\"1\n"
                             "2\"\n"
                             "EMPTY=\n"
                             "LAST=end";

static CcbShellvars *parse(const char *text, GError **error)
{
    return ccb_shellvars_parse(text, strlen(text), error);
}

static void test_read(void)
{
    g_autoptr(CcbShellvars) vars = parse(sample, NULL);
    is_taken(ccb_shellvars_render(vars), sample, "round trip, byte for byte");
    static const struct {
        const char *key, *value;
        bool literal;
    } cases[] = {
        {"GRUB_TIMEOUT", "1", true},
        {"GRUB_DEFAULT", "saved", true},
        {"GRUB_CMDLINE_LINUX", "ro rhgb \"q\" a\\b $c 'd' more $x", true},
        {"GRUB_DISTRIBUTOR", "$(sed 's, release .*$,,g' /etc/system-release)", false},
        {"MIXED", "ab cd \"e f", true},
        {"SINGLE", "a\\$b\\\\c", true},
        {"SPLIT", "onetwo", true},
        {"LINES", "1\n2", true},
        {"EMPTY", "", true},
        {"LAST", "end", true},
        {"ABSENT", NULL, true},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        is_taken(ccb_shellvars_get(vars, cases[i].key), cases[i].value, cases[i].key);
        is_int(ccb_shellvars_is_literal(vars, cases[i].key), cases[i].literal, "literal or not");
    }
    ok(!ccb_shellvars_is_literal(vars, "GRUB_X"), "backticks are not literal");
}

static void is_set(const char *before, const char *key, const char *value, const char *after)
{
    g_autoptr(CcbShellvars) vars = parse(before, NULL);
    ok(ccb_shellvars_set(vars, key, value, NULL), "set");
    is_taken(ccb_shellvars_render(vars), after, "... changes the value only");
    is_taken(ccb_shellvars_get(vars, key), value, "... and is read back");
}

static void test_set(void)
{
    is_set("# c\nA=1 # x\nB=2\n", "A", "3", "# c\nA=3 # x\nB=2\n");
    is_set("A=\"x\"\n", "A", "3", "A=\"3\"\n");
    is_set("A=x", "A", "a b", "A=\"a b\"");
    is_set("A=x\n", "A", "a\"b`$c\\d'e", "A=\"a\\\"b\\`\\$c\\\\d'e\"\n");
    is_set("A='x'\n", "A", "", "A=\"\"\n");
    is_set("B=1", "A", "2", "B=1\nA=2\n");
    is_set("", "A", "2", "A=2\n");
    is_set("A=1\nB=1\n export A=2\n", "A", "3", "A=1\nB=1\n export A=3\n");
    is_set("A=1\nA+=2\nB=1\nA+=3\n", "A", "4", "A=4\nB=1\n");
    is_set("A+=2\nB=1\n", "A", "4", "A=4\nB=1\n");
    g_autoptr(CcbShellvars) vars = parse("", NULL);
    ok(!ccb_shellvars_set(vars, "A", "a\nb", NULL), "line break refused");
    ok(!ccb_shellvars_set(vars, "1A", "a", NULL), "bad name refused");
}

static void test_malformed(void)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"A=1\nB=\"x\n", "line 2: quote not closed"},
        {"A='x", "line 1: quote not closed"},
        {"A=\"$(x\"", "line 1: quote not closed"},
        {"LINES=\"1\n2\"\nA=b c\n", "line 3: text behind"},
        {"A=b; C=d\n", "line 1: text behind"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GError *error = NULL;
        ok(parse(cases[i].text, &error) == NULL, "malformed");
        is_error(&error, cases[i].error, cases[i].error);
    }
    /* Nested quotes and substitutions must not nest calls. */
    GString *deep = g_string_new("A=");
    for (int i = 0; i < 500000; i++)
        g_string_append(deep, "\"$(");
    g_autoptr(CcbShellvars) vars = parse(deep->str, NULL);
    ok(vars == NULL, "half a million open quotes");
    g_string_free(deep, TRUE);
}

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbShellvars) vars = ccb_shellvars_parse(data, size, NULL);
    if (vars == NULL)
        return;
    g_autofree char *text = ccb_shellvars_render(vars);
    if (strlen(text) != size || memcmp(text, data, size) != 0)
        ok(false, "round trip of mutated input");
    static const char *const keys[] = {"GRUB_CMDLINE_LINUX", "MIXED", "SPLIT", "GRUB_X"};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_free(ccb_shellvars_get(vars, keys[i]));
        ccb_shellvars_is_literal(vars, keys[i]);
        ccb_shellvars_set(vars, keys[i], "a $b", NULL);
        g_autofree char *value = ccb_shellvars_get(vars, keys[i]);
        if (g_strcmp0(value, "a $b") != 0)
            ok(false, "value set in mutated input");
    }
}

int main(void)
{
    test_read();
    test_set();
    test_malformed();
    fuzz(sample, strlen(sample), 5000, fuzz_one);
    return done();
}
