/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "text/grubstub.h"

/* What is read of a stub, in one line: "uuid ID@1 file /x@2 > /config@3". */
static char *read_stub(const char *text)
{
    static const char *const kinds[] = {"uuid", "label", "file"};
    g_autoptr(CcbGrubStub) stub = ccb_grubstub_parse(text, strlen(text));
    if (stub == NULL)
        return NULL;
    GString *said = g_string_new(NULL);
    for (guint i = 0; i < stub->searches->len; i++) {
        const CcbGrubSearch *search = stub->searches->pdata[i];
        g_string_append_printf(said, "%s %s@%u ", kinds[search->kind], search->what, search->line);
    }
    if (stub->config != NULL)
        g_string_append_printf(said, "> %s@%u", stub->config, stub->config_line);
    return g_string_free(said, FALSE);
}

static const struct {
    const char *what, *text, *expected; /* NULL: more than a stub */
} cases[] = {
    {"by file",
     "search --file --set=root /boot/grub2/grub.cfg\nset prefix=($root)/boot/grub2\n"
     "configfile $prefix/grub.cfg\n",
     "file /boot/grub2/grub.cfg@1 > /boot/grub2/grub.cfg@3"},
    {"by UUID",
     "search --no-floppy --root-dev-only --fs-uuid --set=dev 5d3a-1\n"
     "set prefix=($dev)/grub2\nexport $prefix\nconfigfile $prefix/grub.cfg",
     "uuid 5d3a-1@1 > /grub2/grub.cfg@4"},
    {"by dotted commands, with a hint",
     "# of grub-install\n\nsearch.fs_uuid 5d3a root hd0,gpt3\nset prefix=($root)'/boot/grub'\n"
     "configfile ${prefix}/grub.cfg\n",
     "uuid 5d3a@3 > /boot/grub/grub.cfg@5"},
    {"by label", "insmod ext2\nsearch -l \"my root\" --hint=hd0\nconfigfile (hd0,gpt3)/g.cfg\n",
     "label my root@2 > /g.cfg@3"},
    {"two searches", "search -f /a\nsearch --label b\nconfigfile ($root)/a\n",
     "file /a@1 label b@2 > /a@3"},
    {"nothing at all", "", ""},
    {"a condition", "if [ -f /x ]; then\nconfigfile /x\nfi\n", NULL},
    {"a whole configuration", "set default=0\nblscfg\n", NULL},
    {"a variable that is not known", "configfile $cmdpath/grub.cfg\n", NULL},
    {"a variable within", "configfile /boot/$x/grub.cfg\n", NULL},
    {"a name from a variable", "search --fs-uuid $id\nconfigfile /x\n", NULL},
    {"an option with a word of its own", "search --hint hd0 --file /x\nconfigfile /x\n", NULL},
    {"a search for nothing", "search --file --set=root\nconfigfile /x\n", NULL},
    {"a path from where GRUB is", "configfile grub.cfg\n", NULL},
    {"two configurations", "configfile /a\nconfigfile /b\n", NULL},
    {"a quote not closed", "configfile '/a\n", NULL},
    {"two commands on a line", "set x=1; configfile /a\n", NULL},
};

static void fuzz_one(const char *data, size_t size)
{
    ccb_grubstub_free(ccb_grubstub_parse(data, size));
}

int main(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *said = read_stub(cases[i].text);
        is_str(said, cases[i].expected, cases[i].what);
    }
    ok(ccb_grubstub_parse("a\0b", 3) == NULL, "a NUL byte");
    fuzz(cases[2].text, strlen(cases[2].text), 3000, fuzz_one);
    return done();
}
