/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel arguments in each place from which one can come. */
#include "change/arguments.h"
#include "tap.h"
#include "text/grubenv.h"

#define DEFAULT "/etc/default/grub"
#define ENTRY   "/boot/loader/entries/m.conf"
#define GRUBCFG "/boot/grub2/grub.cfg"

/* "swiotlb=4,any" and "console=tty1" are set, "quiet" goes. */
static const struct {
    const char *what, *path, *text, *expected; /* or a part of the error */
    bool fails, no_kernelopts, no_arguments;
} cases[] = {
    {.what = "literal options",
     ENTRY,
     "options ro quiet swiotlb=1\n",
     "options ro swiotlb=4,any console=tty1\n"},
    {.what = "kernelopts",
     ENTRY,
     "options $kernelopts $tuned_params\n",
     "options $kernelopts $tuned_params\n"},
    {.what = "kernelopts in braces", ENTRY, "options ${kernelopts}\n", "options ${kernelopts}\n"},
    {.what = "arguments behind kernelopts",
     ENTRY,
     "options $kernelopts quiet swiotlb=1 console=ttyS0 $tuned_params\n",
     "options $kernelopts console=ttyS0 $tuned_params\n"},
    {.what = "another variable",
     ENTRY,
     "options $kernelopts_extra ro\n",
     "options $kernelopts_extra ro swiotlb=4,any console=tty1\n"},
    {.what = "a variable that nothing sets",
     ENTRY,
     "options $kernelopts ro\n",
     "options $kernelopts ro swiotlb=4,any console=tty1\n",
     .no_kernelopts = true},
    {.what = "no options, with a default for them", ENTRY, "title a\n\n", "title a\n\n"},
    {.what = "no options at all",
     ENTRY,
     "title a\nlinux /v\n",
     "title a\nlinux /v\noptions swiotlb=4,any console=tty1\n",
     .no_arguments = true},
    {.what = "options behind an empty line",
     ENTRY,
     "title a\n\noptions ro\n",
     "line 3: GRUB does not",
     .fails = true},
    {.what = "options behind a tab",
     ENTRY,
     "options\tro quiet\n",
     "line 1: GRUB does not",
     .fails = true},
    {.what = "a menu entry",
     GRUBCFG,
     "menuentry a {\n linux /v ro quiet\n}\n",
     "menuentry a {\n linux /v ro swiotlb=4,any console=tty1\n}\n"},
    {.what = "two fallbacks that differ",
     GRUBCFG,
     "set kernelopts=\"a\"\nset default_kernelopts=\"b swiotlb=1\"\n",
     "set kernelopts=\"a swiotlb=4,any console=tty1\"\n"
     "set default_kernelopts=\"b swiotlb=4,any console=tty1\"\n"},
    {.what = "one variable",
     DEFAULT,
     "GRUB_CMDLINE_LINUX=\"ro quiet\"\n",
     "GRUB_CMDLINE_LINUX=\"ro swiotlb=4,any console=tty1\"\n"},
    {.what = "the second variable adds nothing against it",
     DEFAULT,
     "GRUB_CMDLINE_LINUX=\"ro\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet swiotlb=1 console=ttyS0\"\n",
     "GRUB_CMDLINE_LINUX=\"ro swiotlb=4,any console=tty1\"\n"
     "GRUB_CMDLINE_LINUX_DEFAULT=\"console=ttyS0\"\n"},
    {.what = "a value that adds to itself",
     DEFAULT,
     "GRUB_CMDLINE_LINUX=\"a=1\"\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX b=2\"\n",
     "GRUB_CMDLINE_LINUX=\"a=1\"\nGRUB_CMDLINE_LINUX=\"a=1 b=2 swiotlb=4,any console=tty1\"\n"},
    {.what = "a command's output",
     DEFAULT,
     "GRUB_CMDLINE_LINUX=\"$(x) ro\"\n",
     "GRUB_CMDLINE_LINUX=\"$(x) ro\"\n"
     "GRUB_CMDLINE_LINUX=\"${GRUB_CMDLINE_LINUX} swiotlb=4,any console=tty1\"\n"},
    {.what = "the same again",
     DEFAULT,
     "GRUB_CMDLINE_LINUX=\"$(x) ro\"\n"
     "GRUB_CMDLINE_LINUX=\"${GRUB_CMDLINE_LINUX} swiotlb=4,any console=tty1\"\n",
     "GRUB_CMDLINE_LINUX=\"$(x) ro\"\n"
     "GRUB_CMDLINE_LINUX=\"${GRUB_CMDLINE_LINUX} swiotlb=4,any console=tty1\"\n"},
    {.what = "an argument that can't be taken out",
     DEFAULT,
     "GRUB_CMDLINE_LINUX=\"$X quiet\"\n",
     "quiet can't be taken out",
     .fails = true},
    {.what = "a last line that is not finished",
     DEFAULT,
     "A=1\nB=a\\",
     "A=1\nB=a\\\n\nGRUB_CMDLINE_LINUX=\"swiotlb=4,any console=tty1\"\n"},
    {.what = "a last line that goes on", DEFAULT, "A=1 \\\n", "text behind", .fails = true},
    {.what = "a line that is the argument of another",
     DEFAULT,
     "echo x \\\nGRUB_CMDLINE_LINUX=no\n",
     "echo x \\\nGRUB_CMDLINE_LINUX=no\nGRUB_CMDLINE_LINUX=\"swiotlb=4,any console=tty1\"\n"},
    {.what = "for the next kernel",
     "/etc/kernel/cmdline",
     "ro quiet\n",
     "ro swiotlb=4,any console=tty1\n"},
};

static void test_case(guint i)
{
    char *set[] = {"swiotlb=4,any", "console=tty1", NULL}, *gone[] = {"quiet", NULL};
    GError *error = NULL;
    g_autoptr(GPtrArray) changes = ccb_changes_new();
    CcbChange *change = ccb_change_add(changes, CCB_CHANGE_ARGUMENTS, NULL, NULL);
    change->set = g_strdupv(set);
    change->remove = g_strdupv(gone);
    g_autoptr(CcbFacts) facts = ccb_facts_new();
    CcbBootEntry *entry = g_new0(CcbBootEntry, 1);
    entry->path = g_strdup(ENTRY);
    entry->cmdline = g_strdup(cases[i].no_arguments ? "" : "ro");
    facts->kernelopts = cases[i].no_kernelopts ? NULL : g_strdup("ro");
    g_ptr_array_add(facts->entries, entry);
    g_autoptr(GPtrArray) edits = ccb_arguments_edits(change, facts);
    for (guint e = 0; e < edits->len; e++) {
        const CcbChange *edit = edits->pdata[e];
        if (strcmp(edit->path, cases[i].path) != 0)
            continue;
        g_autofree char *text = edit->edit(edit->data, cases[i].text, &error);
        is_str(text, cases[i].fails ? NULL : cases[i].expected, cases[i].what);
        if (cases[i].fails)
            is_error(&error, cases[i].expected, "... and why");
    }
}

static void test_grubenv(void)
{
    char *set[] = {"a=1", NULL}, *gone[] = {NULL};
    g_autoptr(GPtrArray) changes = ccb_changes_new();
    CcbChange *change = ccb_change_add(changes, CCB_CHANGE_ARGUMENTS, NULL, NULL);
    change->set = g_strdupv(set);
    change->remove = g_strdupv(gone);
    g_autoptr(CcbGrubenv) env = ccb_grubenv_new();
    ccb_grubenv_set(env, "default_kernelopts", "ro", NULL);
    g_autofree char *block = ccb_grubenv_render(env);
    g_autoptr(GPtrArray) edits = ccb_arguments_edits(change, NULL);
    const CcbChange *edit = edits->pdata[0];
    is_str(edit->path, CCB_GRUBENV_PATH, "without facts grubenv is the first place");
    g_autofree char *edited = edit->edit(edit->data, block, NULL);
    g_autoptr(CcbGrubenv) after = ccb_grubenv_parse(edited, strlen(edited), NULL);
    is_taken(ccb_grubenv_get(after, "default_kernelopts"), "ro a=1",
             "default_kernelopts is edited");
    is_taken(ccb_grubenv_get(after, "kernelopts"), NULL, "and kernelopts not made");
}

int main(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        test_case(i);
    test_grubenv();
    return done();
}
