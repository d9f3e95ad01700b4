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

static char *replace(const void *user, const char *arguments, GError **error)
{
    return strcmp(user, "?") == 0 ? g_strconcat(arguments, *arguments ? " " : "", "new", NULL)
                                  : g_strdup(user);
}

static char *edit(const char *text, const char *value, GError **error)
{
    return ccb_grubcfg_edit(text, strlen(text), replace, value, error);
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
    g_autofree char *edited = edit(sample, "a \"b\" $c", NULL);
    is_taken(get(edited), "a \"b\" $c", "read back");
    ok(strstr(edited, "\n  set kernelopts=\"a \\\"b\\\" \\$c\"  # fallback\nfi\n") != NULL,
       "in place");
    is_taken(get("set other=1\n"), NULL, "none");
    GError *error = NULL;
    ok(edit("\nset kernelopts=\"x\nfi\n", "z", &error) == NULL, "quote not closed");
    is_error(&error, "line 2", "... with its line");
}

/* With "?" the word "new" is added to the arguments. */
static const struct {
    const char *what, *text, *value, *expected; /* NULL: an error that says so */
} edits[] = {
    {"the other spelling, unquoted", "set default_kernelopts=x;y\n", "z",
     "set default_kernelopts=\"z\";y\n"},
    {"single quotes", "set kernelopts='x y'", "z", "set kernelopts=\"z\""},
    {"a word that is quoted as a whole", "set \"kernelopts=x y\"\n", "z", "set kernelopts=\"z\"\n"},
    {"each of two values by itself", "set kernelopts=a\nset default_kernelopts=b\n", "?",
     "set kernelopts=\"a new\"\nset default_kernelopts=\"b new\"\n"},
    {"a variable within", "set kernelopts=\"root=$r ro\"\n", "?",
     "set kernelopts=\"root=${r} ro new\"\n"},
    {"a dollar that is no variable", "set kernelopts='a$b'\n", "?",
     "set kernelopts=\"a\\$b new\"\n"},
    {"both", "set kernelopts='a$b'$c\n", "?", NULL},
    {"other commands", "set other=1\nsetkernelopts=2\nunset kernelopts\necho set kernelopts=1\n",
     "z", "set other=1\nsetkernelopts=2\nunset kernelopts\necho set kernelopts=1\n"},
    {"a menu entry", "menuentry a {\n  linux /v root=x ro # c\n  initrd /i\n}\n", "?",
     "menuentry a {\n  linux /v root=x ro new # c\n  initrd /i\n}\n"},
    {"its variables", "menuentry a { linux ($root)/v $kernelopts a=\"b c\" ; }\n", "?",
     "menuentry a { linux ($root)/v $kernelopts a=\"b c\" new ; }\n"},
    {"a kernel without arguments", "if true; then linuxefi /v; fi\n", "?",
     "if true; then linuxefi /v new; fi\n"},
    {"another kernel", "linux16 /boot/memtest86+\n", "?", "linux16 /boot/memtest86+\n"},
    {"a word that is no command", "echo linux /v\n", "?", "echo linux /v\n"},
    {"several lines", "linux /v a \\\n b\n", "?", NULL},
    {"quotes of the script", "linux /v 'a b'\n", "?", NULL},
};

static void test_edits(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(edits); i++) {
        GError *error = NULL;
        is_taken(edit(edits[i].text, edits[i].value, &error), edits[i].expected, edits[i].what);
        if (edits[i].expected == NULL)
            is_error(&error, "line 1", "... with its line");
    }
}

static void fuzz_one(const char *data, gsize size)
{
    char *value = NULL;
    if (ccb_grubcfg_get_kernelopts(data, size, &value, NULL))
        g_free(value);
    g_free(ccb_grubcfg_edit(data, size, replace, "?", NULL));
}

int main(void)
{
    test_kernelopts();
    test_edits();
    fuzz(sample, strlen(sample), 3000, fuzz_one);
    return done();
}
