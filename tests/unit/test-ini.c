/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/ini.h"

static const char sample[] = "top=1\n# comment\n[main]\ngpgcheck = 1\nexclude=kernel* \n"
                             "    nvidia*\n; another\n\tlast\n[ipv4]\nmethod=manual\n"
                             "method=auto\nempty=\nDEBUG=Yes\nnever=no\n";

static CcbIni *parse(const char *text)
{
    return ccb_ini_parse(text, strlen(text), NULL);
}

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbIni) ini = ccb_ini_parse(data, size, NULL);
    if (ini != NULL)
        ccb_ini_get(ini, "main", "exclude");
}

static char *with_word(const char *text)
{
    return ccb_ini_add_word(text, strlen(text), "main", "exclude", "kernel*", NULL);
}

static void adding_words(void)
{
    is_taken(with_word("[main]\na=1\n\n[x]\nexclude=y\n"),
             "[main]\nexclude=kernel*\na=1\n\n[x]\nexclude=y\n", "a key that was not there");
    is_taken(with_word("[main]\nexclude = a\n  b\n"), "[main]\nexclude = a kernel*\n  b\n",
             "a word more in a value");
    is_taken(with_word("[main]\nexclude=a,kernel*\n"), "[main]\nexclude=a,kernel*\n",
             "a word that is there");
    is_taken(with_word("[main]"), "[main]\nexclude=kernel*\n", "a header without a line end");
    is_taken(with_word(""), "[main]\nexclude=kernel*\n", "an empty file");
    is_taken(with_word("[a"), NULL, "a file that can't be read");
}

int main(void)
{
    adding_words();
    g_autoptr(CcbIni) ini = parse(sample);
    is_str(ccb_ini_get(ini, "main", "gpgcheck"), "1", "spaces around = do not count");
    is_str(ccb_ini_get(ini, "main", "exclude"), "kernel* nvidia* last",
           "indented lines continue, comments between them or not");
    is_str(ccb_ini_get(ini, "ipv4", "method"), "auto", "the last one counts");
    is_str(ccb_ini_get(ini, "ipv4", "empty"), "", "an empty value");
    is_str(ccb_ini_get(ini, "", "top"), "1", "above the first section");
    is_str(ccb_ini_get(ini, "main", "method"), NULL, "in another section");
    ok(ccb_ini_get_bool(ini, "ipv4", "DEBUG", false), "yes");
    ok(!ccb_ini_get_bool(ini, "ipv4", "never", true), "no");
    ok(ccb_ini_get_bool(ini, "ipv4", "absent", true), "fallback");
    g_autoptr(CcbIni) indented = parse("[a]\n  b=1\n");
    is_str(ccb_ini_get(indented, "a", "b"), "1", "an indented line with nothing to continue");
    GError *error = NULL;
    ok(ccb_ini_parse("[a]\nb\n", 6, &error) == NULL, "no key=value");
    is_error(&error, "line 2: expected key=value", "... with the line");
    ok(ccb_ini_parse("[a\n", 3, &error) == NULL, "a header that is not closed");
    is_error(&error, "line 1", "... with the line");
    ok(ccb_ini_parse("a=\0b", 4, &error) == NULL, "a NUL byte");
    g_clear_error(&error);
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}
