/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/grubcfg.h"

static const char sample[] = "### BEGIN /etc/grub.d/10_linux ###\n"
                             "# the kernelopts variable: set kernelopts=\"no\"\n"
                             "if [ -z \"${kernelopts}\" ]; then\n"
                             "  set kernelopts=\"root=UUID=1 ro \\\"x\\\" \"  # fallback\n"
                             "fi\n"
                             "insmod blscfg\n"
                             "blscfg\n";

static char *set(const char *text, const char *value, guint *ret_count)
{
    return ccb_grubcfg_set_kernelopts(text, strlen(text), value, ret_count, NULL);
}

static char *get(const char *text)
{
    char *value = NULL;
    ccb_grubcfg_get_kernelopts(text, strlen(text), &value, NULL);
    return value;
}

static void test_kernelopts(void)
{
    is_taken(get(sample), "root=UUID=1 ro \"x\"", "get");
    guint count = 0;
    g_autofree char *edited = set(sample, "a \"b\" $c", &count);
    is_int(count, 1, "one replaced");
    is_taken(get(edited), "a \"b\" $c", "read back");
    ok(strstr(edited, "\n  set kernelopts=\"a \\\"b\\\" \\$c\"  # fallback\nfi\n") != NULL,
       "in place");
    is_taken(set(edited, "root=UUID=1 ro \"x\" ", NULL), sample, "and back, byte for byte");
    is_taken(set("set default_kernelopts=x;y\n", "z", NULL), "set default_kernelopts=\"z\";y\n",
             "newer spelling, unquoted");
    is_taken(set("set kernelopts='x y'", "z", NULL), "set kernelopts=\"z\"", "single quotes");
    is_taken(set("set other=1\nsetkernelopts=2\nunset kernelopts\n", "z", &count),
             "set other=1\nsetkernelopts=2\nunset kernelopts\n", "nothing to replace");
    is_int(count, 0, "none replaced");
    is_taken(get("set other=1\n"), NULL, "none");
    GError *error = NULL;
    static const char open[] = "\nset kernelopts=\"x\nfi\n";
    ok(ccb_grubcfg_set_kernelopts(open, strlen(open), "z", NULL, &error) == NULL,
       "quote not closed");
    is_error(&error, "line 2", "... with its line");
    ok(ccb_grubcfg_set_kernelopts("", 0, "a\nb", NULL, NULL) == NULL, "line break refused");
}

static void test_blscfg(void)
{
    static const struct {
        const char *text;
        bool calls;
    } cases[] = {
        {sample, true},
        {"insmod blscfg\n", false},
        {"# blscfg\n", false},
        {"if true; then blscfg; fi\n", true},
        {"insmod x; blscfg", true},
        {"echo blscfg\n", false},
        {"blscfgs\n", false},
        {"blscfg nondefault", true},
        {"", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        is_int(ccb_grubcfg_calls_blscfg(cases[i].text, strlen(cases[i].text)), cases[i].calls,
               "blscfg called or not");
}

static void fuzz_one(const char *data, gsize size)
{
    char *value = NULL;
    if (ccb_grubcfg_get_kernelopts(data, size, &value, NULL))
        g_free(value);
    g_free(ccb_grubcfg_set_kernelopts(data, size, "x", NULL, NULL));
    ccb_grubcfg_calls_blscfg(data, size);
}

int main(void)
{
    test_kernelopts();
    test_blscfg();
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}
