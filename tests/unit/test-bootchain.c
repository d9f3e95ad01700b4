/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What GRUB starts, for chains of a stub, grub.cfg, grubenv and boot entries.  With a directory as its argument the program
 * writes the chains there, for tests/boot-chains.bats to have GRUB itself judge them.  Debian's GRUB has no blscfg: what is
 * expected of chains with it is derived from the commands of grub-core/commands/blscfg.c of el8, step by step.
 */
#include "tap.h"
#include "text/grubenv.h"
#include "text/grubscript.h"

#define ESP  "hd0,gpt1"
#define ROOT "hd0,gpt2"
#define UUID "5d3a8f0e-20c7-4b53-9c11-a11b0c100d03"
#define STUB                                                                                       \
    "search --file --set=root /boot/grub2/grub.cfg\nset prefix=($root)/boot/grub2\n"               \
    "configfile $prefix/grub.cfg\n"
#define TWO                                                                                        \
    "menuentry 'One' --id one { linux /boot/v1 root=x ro\ninitrd /boot/i1\n}\n"                    \
    "menuentry \"Two\" --class x { linux ($root)/boot/v2 root=x\n initrd /boot/e /boot/i2; }\n"
#define ONE     "(" ROOT ")/boot/v1 root=x ro | (" ROOT ")/boot/i1"
#define SECOND  "(" ROOT ")/boot/v2 root=x | (" ROOT ")/boot/e (" ROOT ")/boot/i2"
#define BLS     "load_env\nset default=\"${saved_entry}\"\ninsmod blscfg\nblscfg\n"
#define A(opts) "title A\nlinux /boot/v1\ninitrd /boot/i1\n" opts
#define B(opts) "title B\nlinux /boot/v2\ninitrd /boot/i2\n" opts
#define AT(n)   "(" ROOT ")/boot/v" n
#define WITH(n) " | (" ROOT ")/boot/i" n

typedef struct {
    const char *what, *stub, *config;
    const char *env;      /* lines of grubenv; NULL: there is none */
    const char *expected; /* KERNEL OPTIONS | INITRD...; "prompt", or what the problem says */
    bool bls;
    const char *entries[3][2]; /* name, text */
    const char *more[2];       /* another file of the root file system */
} Chain;

static const Chain chains[] = {
    {.what = "the first entry", STUB, TWO, NULL, ONE},
    {.what = "by place", STUB, "set default=1\n" TWO, NULL, SECOND},
    {.what = "by id", STUB, "set default=one\n" TWO, NULL, ONE},
    {.what = "by title", STUB, "set default=\"Two\"\n" TWO, NULL, SECOND},
    {.what = "nothing answers to the default", STUB, "set default=gone\n" TWO, NULL, ONE},
    {.what = "a place that the menu has not", STUB, "set default=7\n" TWO, NULL, ONE},
    {.what = "a counter that decides, as Red Hat's GRUB has them",
     STUB,
     "set n=1\nincrement n\ndecrement n\ndecrement n\nif [ $n = 0 ]; then set default=1; fi\n" TWO,
     NULL,
     SECOND,
     true},
    {.what = "by grubenv",
     STUB,
     "load_env\nset default=\"${saved_entry}\"\n" TWO,
     "saved_entry=Two\n",
     SECOND},
    {.what = "a grubenv that is not loaded",
     STUB,
     "set default=\"${saved_entry}\"\n" TWO,
     "saved_entry=Two\n",
     ONE},
    {.what = "the entry of the next boot",
     STUB,
     "if [ -s $prefix/grubenv ]; then\n  load_env\nfi\n"
     "if [ \"${next_entry}\" ] ; then\n   set default=\"${next_entry}\"\n   set next_entry=\n"
     "   set boot_once=true\nelse\n   set default=\"${saved_entry}\"\nfi\n" TWO,
     "saved_entry=one\nnext_entry=Two\n",
     SECOND},
    {.what = "in a submenu",
     STUB,
     "set default=\"more>Two\"\nmenuentry x { linux /x\ninitrd /x\n}\nsubmenu More --id more "
     "{\n" TWO "}\n",
     NULL,
     SECOND},
    {.what = "a submenu alone",
     STUB,
     "set default=More\nmenuentry x { linux /x\ninitrd /x\n}\nsubmenu More {\n" TWO "}\n",
     NULL,
     ONE},
    {.what = "by UUID",
     "search --no-floppy --fs-uuid --set=dev " UUID "\nset prefix=($dev)/boot/grub2\n"
     "export prefix\nconfigfile $prefix/grub.cfg\n",
     "set root=" ROOT "\n" TWO,
     NULL,
     ONE},
    {.what = "by label, with a hint",
     "search --label --hint hd0,gpt1 --set=root root\n"
     "configfile ($root)/boot/grub2/grub.cfg\n",
     TWO,
     NULL,
     ONE},
    {.what = "found in one variable, loaded from another",
     "search --fs-uuid --set=dev " UUID "\n"
     "set prefix=($root)/boot/grub2\nconfigfile $prefix/grub.cfg\n",
     TWO,
     NULL,
     "prompt"},
    {.what = "a path of a separate /boot",
     "search --fs-uuid --set=root " UUID "\n"
     "configfile ($root)/grub2/grub.cfg\n",
     TWO,
     NULL,
     "prompt"},
    {.what = "a search that sets nothing",
     "search --file /boot/grub2/grub.cfg\n"
     "configfile ($root)/boot/grub2/grub.cfg\n",
     TWO,
     NULL,
     "prompt"},
    {.what = "the EFI system partition stays the root",
     "search --fs-uuid --set=dev " UUID "\n"
     "configfile ($dev)/boot/grub2/grub.cfg\n",
     "menuentry a { linux /boot/v1\ninitrd /boot/i1\n}\n",
     NULL,
     "(" ESP ")/boot/v1 | (" ESP ")/boot/i1"},
    {.what = "a variable that is not exported",
     "set x=1\nset y=2\nexport y\n" STUB,
     "if [ -n \"$x\" -o \"$y\" != 2 ]; then set default=1; fi\n" TWO,
     NULL,
     ONE},
    {.what = "conditions",
     STUB,
     "if [ -f /gone ]; then\n set default=0\nelif [ -d /boot -a ! -e /x ]; then\n set "
     "default=1\nelse\n"
     " set default=0\nfi\n" TWO,
     NULL,
     SECOND},
    {.what = "functions",
     STUB,
     "function pick { set default=\"$1\"; }\npick Two\n" TWO,
     NULL,
     SECOND},
    {.what = "words and quotes",
     STUB,
     "set args='a  b'\nmenuentry a { linux /boot/v1 $args \"$args\" c\\ d 'e'f\"$none\" $none\n"
     "initrd /boot/i1 $none\n}\n",
     NULL,
     AT("1") " a b \"a  b\" \"c d\" ef" WITH("1")},
    {.what = "another file",
     STUB,
     "source /boot/more.cfg\nset default=1\n",
     NULL,
     SECOND,
     false,
     {{NULL}},
     {"/boot/more.cfg", TWO}},
    {.what = "a configuration without entries", STUB, "set default=0\n", NULL, "prompt"},
    /* what can't be followed */
    {.what = "a command that is not known",
     STUB,
     "frobnicate\n" TWO,
     NULL,
     "grub.cfg:1: frobnicate",
     true},
    {.what = "a loop",
     STUB,
     "for x in 1 2; do set default=$x; done\n" TWO,
     NULL,
     "a loop is not",
     true},
    {.what = "a quote that is not closed",
     STUB,
     "set default=\"1\n" TWO,
     NULL,
     "quote is not closed",
     true},
    {.what = "the default starts no kernel",
     STUB,
     "menuentry fw --id fw { fwsetup\n}\n" TWO,
     NULL,
     "starts no kernel",
     true},
    {.what = "a configuration that loads itself",
     STUB,
     "source /boot/grub2/grub.cfg\n",
     NULL,
     "scripts within scripts",
     true},
    /* blscfg */
    {.what = "the newest boot entry",
     STUB,
     BLS,
     "kernelopts=root=x\n",
     AT("2") " root=x" WITH("2"),
     true,
     {{"m-5.10-9", A("options a\n")}, {"m-5.10-10", B("options $kernelopts\n")}}},
    {.what = "the saved one",
     STUB,
     BLS,
     "saved_entry=m-5.10-9\n",
     AT("1") " a" WITH("1"),
     true,
     {{"m-5.10-9", A("options  a\n")}, {"m-5.10-10", B("options b\n")}}},
    {.what = "by its place",
     STUB,
     "set default=1\nblscfg\n",
     NULL,
     AT("1") " aa" WITH("1"),
     true,
     {{"m-5.10-9", A("options aa\n")}, {"m-5.10-10", B("options b\n")}}},
    {.what = "the machine id goes first",
     STUB,
     BLS,
     "",
     AT("1") " aa" WITH("1"),
     true,
     {{"99-5.10-9", A("options aa\n")}, {"28-5.10-10", B("options b\n")}}},
    {.what = "a hidden file, and other suffixes",
     STUB,
     BLS,
     "",
     AT("1") " aa" WITH("1"),
     true,
     {{"m-5.10-9", A("options aa\n")}, {".m-9", B("options b\n")}}},
    {.what = "no options",
     STUB,
     "set default_kernelopts=\"root=y ro\"\nblscfg\n",
     NULL,
     AT("1") " root=y ro" WITH("1"),
     true,
     {{"m-1-1", A("")}}},
    {.what = "options behind an empty line",
     STUB,
     "set default_kernelopts=\"root=y ro\"\nblscfg\n",
     NULL,
     AT("1") " root=y ro" WITH("1"),
     true,
     {{"m-1-1", A("\noptions aa\n")}}},
    {.what = "options behind a tab",
     STUB,
     BLS,
     "",
     AT("1") WITH("1"),
     true,
     {{"m-1-1", A("options\troot=x ro\n")}}},
    {.what = "the first options only",
     STUB,
     BLS,
     "",
     AT("1") " aa" WITH("1"),
     true,
     {{"m-1-1", A("options aa\noptions bb\n")}}},
    {.what = "a variable that is like another",
     STUB,
     BLS,
     "kernelopts=x\n",
     AT("1") " y" WITH("1"),
     true,
     {{"m-1-1", A("options y $kernelopts_extra\n")}}},
    {.what = "a fallback for kernelopts",
     STUB,
     "load_env\nif [ -z \"${kernelopts}\" ]; then\n  set kernelopts=\"root=z ro \"\nfi\nblscfg\n",
     "",
     AT("1") " root=z ro" WITH("1"),
     true,
     {{"m-1-1", A("options ${kernelopts}\n")}}},
    {.what = "several initrds",
     STUB,
     "set early_initrd=ucode.img\nblscfg\n",
     NULL,
     AT("1") " aa | (" ROOT ")/boot/ucode.img (" ROOT ")/boot/i1 (" ROOT ")/boot/i2",
     true,
     {{"m-1-1", A("initrd /boot/i2 $tuned_initrd\noptions aa\n")}}},
    {.what = "another directory of entries",
     STUB,
     "set blsdir=/boot/mine\nblscfg\n",
     NULL,
     AT("2") WITH("2"),
     true,
     {{"m-1-1", A("")}},
     {"/boot/mine/m-2-1.conf", B("")}},
    {.what = "/loader/entries comes first",
     STUB,
     BLS,
     "",
     AT("2") WITH("2"),
     true,
     {{"m-9-1", A("")}},
     {"/loader/entries/m-1-1.conf", B("")}},
    {.what = "entries that the configuration does not read",
     STUB,
     TWO,
     NULL,
     ONE,
     true,
     {{"m-9-1", A("")}}},
    {.what = "the default first, then the others",
     STUB,
     "set default=m-1-1\nblscfg default\nmenuentry x { linux /x\n}\nblscfg non-default\n",
     NULL,
     AT("1") WITH("1"),
     true,
     {{"m-1-1", A("")}, {"m-2-1", B("")}}},
};

/* --- the disk of a chain: path ► text of both file systems */

typedef struct {
    GTree *esp, *root;
} Files;

static void put(GTree *tree, const char *path, const char *text)
{
    g_tree_insert(tree, g_strdup(path), g_strdup(text));
}

static Files files_of(const Chain *c)
{
    static const char *const boot[] = {"v1", "v2", "i1", "i2", "e"};
    Files files = {g_tree_new_full((GCompareDataFunc)(void (*)(void))strcmp, NULL, g_free, g_free),
                   g_tree_new_full((GCompareDataFunc)(void (*)(void))strcmp, NULL, g_free, g_free)};
    put(files.esp, "/EFI/alinux/grub.cfg", c->stub);
    put(files.root, "/boot/grub2/grub.cfg", c->config);
    for (guint i = 0; i < G_N_ELEMENTS(boot); i++) {
        g_autofree char *path = g_strconcat("/boot/", boot[i], NULL);
        put(files.root, path, "x");
    }
    if (c->env != NULL) {
        g_autoptr(CcbGrubenv) env = ccb_grubenv_new();
        g_auto(GStrv) lines = g_strsplit(c->env, "\n", -1);
        for (char **line = lines; *line != NULL && **line != '\0'; line++) {
            char *value = strchr(*line, '=');
            *value++ = '\0';
            ccb_grubenv_set(env, *line, value, NULL);
        }
        g_autofree char *block = ccb_grubenv_render(env);
        put(files.root, "/boot/grub2/grubenv", block);
    }
    for (guint i = 0; i < 3 && c->entries[i][0] != NULL; i++) {
        g_autofree char *path = g_strdup_printf("/boot/loader/entries/%s.conf", c->entries[i][0]);
        put(files.root, path, c->entries[i][1]);
    }
    if (c->more[0] != NULL)
        put(files.root, c->more[0], c->more[1]);
    return files;
}

static GTree *tree_of(void *user, const char *device)
{
    Files *files = user;
    return g_str_equal(device, ESP) ? files->esp : g_str_equal(device, ROOT) ? files->root : NULL;
}

typedef struct {
    const char *path;
    GStrvBuilder *names; /* of the files below it */
    bool any;
} Below;

static gboolean add_below(gpointer path, gpointer text, gpointer data)
{
    Below *below = data;
    g_autofree char *prefix =
        g_strconcat(below->path, g_str_has_suffix(below->path, "/") ? "" : "/", NULL);
    if (g_str_has_prefix(path, prefix)) {
        below->any = true;
        g_strv_builder_add(below->names, (char *)path + strlen(prefix));
    }
    return FALSE;
}

static char **list(void *user, const char *device, const char *path, GError **error)
{
    Below below = {path, g_strv_builder_new(), false};
    if (tree_of(user, device) != NULL)
        g_tree_foreach(tree_of(user, device), add_below, &below);
    char **names = g_strv_builder_end(below.names);
    g_strv_builder_unref(below.names);
    if (!below.any)
        g_clear_pointer(&names, g_strfreev);
    return names;
}

static CcbGrubFile look(void *user, const char *device, const char *path, GError **error)
{
    GTree *tree = tree_of(user, device);
    if (tree != NULL && g_tree_lookup(tree, path) != NULL)
        return CCB_GRUB_FILE;
    g_auto(GStrv) names = list(user, device, path, error);
    return names != NULL ? CCB_GRUB_DIRECTORY : CCB_GRUB_MISSING;
}

static char *read_file(void *user, const char *device, const char *path, size_t *size,
                       GError **error)
{
    GTree *tree = tree_of(user, device);
    char *text = tree != NULL ? g_strdup(g_tree_lookup(tree, path)) : NULL;
    *size = text != NULL ? strlen(text) : 0;
    return text;
}

static char *search(void *user, CcbGrubSearch by, const char *what, GError **error)
{
    static const char *const devices[] = {ESP, ROOT};
    if (by == CCB_SEARCH_UUID || by == CCB_SEARCH_LABEL)
        return g_str_equal(what, by == CCB_SEARCH_UUID ? UUID : "root") ? g_strdup(ROOT) : NULL;
    for (guint i = 0; i < 2; i++)
        if (look(user, devices[i], what, error) != CCB_GRUB_MISSING)
            return g_strdup(devices[i]);
    return NULL;
}

static char *name(void *user, const char *device, const char *path)
{
    return g_strdup(path);
}

/* --- */

static char *started(const CcbGrubMenu *menu)
{
    if (menu->chosen == NULL && strstr(menu->problem, "there is no") == NULL &&
        strstr(menu->problem, "nothing to start") == NULL)
        return g_strdup(menu->problem);
    if (menu->problem != NULL)
        return g_strdup(menu->chosen != NULL ? menu->problem : "prompt");
    const CcbGrubEntry *entry = menu->chosen;
    GString *line = g_string_new(NULL);
    g_string_printf(line, "(%s)%s%s%s |", entry->kernel.device, entry->kernel.path,
                    *entry->kernel_options ? " " : "", entry->kernel_options);
    for (guint i = 0; i < entry->initrds->len; i++) {
        const CcbGrubPath *path = entry->initrds->pdata[i];
        g_string_append_printf(line, " (%s)%s", path->device, path->path);
    }
    return g_string_free(line, FALSE);
}

static CcbGrubMenu *run(Files *files)
{
    const CcbGrubDisk disk = {files, search, look, read_file, list, name};
    GError *error = NULL;
    return ccb_grubscript_run(&disk, ESP, "(" ESP ")/EFI/alinux", NULL, &error);
}

static void files_free(Files *files)
{
    g_tree_unref(files->esp);
    g_tree_unref(files->root);
}

static void test_chain(const Chain *c)
{
    Files files = files_of(c);
    g_autoptr(CcbGrubMenu) menu = run(&files);
    g_autofree char *said = started(menu);
    bool right = menu->problem != NULL && !g_str_equal(said, "prompt")
                     ? strstr(said, c->expected) != NULL
                     : g_str_equal(said, c->expected);
    if (!ok(right, c->what))
        printf("# expected: %s\n#      got: %s\n", c->expected, said);
    files_free(&files);
}

static void fuzz_one(const char *data, size_t size)
{
    g_autofree char *text = g_strndup(data, size);
    const Chain chain = {.stub = STUB,
                         .config = text,
                         .env = "saved_entry=x\n",
                         .entries = {{"m-1-1", A("options $kernelopts\n")}}};
    Files files = files_of(&chain);
    ccb_grub_menu_free(run(&files));
    files_free(&files);
}

/* Scripts that grow, or never end. */
static void test_hostile(void)
{
    static const char *const parts[] = {
        "if true; then\n",
        "set a=$a$a$a\n",
        "submenu a {\n",
        "function f { f; f; }\nf\n",
        "menuentry a { linux /v $a }\n",
        "source /boot/grub2/grub.cfg\nsource /boot/grub2/grub.cfg\n"};
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autoptr(GString) text = g_string_new("set a=aaaaaaaaaaaaaaaa\n");
        while (text->len < 200000)
            g_string_append(text, parts[i]);
        gint64 begin = g_get_monotonic_time();
        fuzz_one(text->str, text->len);
        ok(g_get_monotonic_time() - begin < 20000000, parts[i]);
    }
}

static gboolean write_one(gpointer path, gpointer text, gpointer data)
{
    g_autofree char *full = g_strconcat(data, path, NULL);
    g_autofree char *directory = g_path_get_dirname(full);
    g_mkdir_with_parents(directory, 0755);
    g_file_set_contents(full, text, -1, NULL);
    return FALSE;
}

/* Those that every GRUB can judge: DIR/N/esp, DIR/N/root, DIR/N/what and DIR/N/expected. */
static void write_chains(const char *directory)
{
    for (guint i = 0; i < G_N_ELEMENTS(chains); i++) {
        if (chains[i].bls)
            continue;
        Files files = files_of(&chains[i]);
        g_autofree char *esp = g_strdup_printf("%s/%u/esp", directory, i);
        g_autofree char *root = g_strdup_printf("%s/%u/root", directory, i);
        g_autofree char *what = g_strdup_printf("%s/%u/", directory, i);
        g_tree_foreach(files.esp, write_one, esp);
        g_tree_foreach(files.root, write_one, root);
        write_one("what", (gpointer)chains[i].what, what);
        write_one("expected", (gpointer)chains[i].expected, what);
        files_free(&files);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        write_chains(argv[1]);
        return 0;
    }
    for (guint i = 0; i < G_N_ELEMENTS(chains); i++)
        test_chain(&chains[i]);
    test_hostile();
    fuzz(chains[8].config, strlen(chains[8].config), 2000, fuzz_one);
    return done();
}
