/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The comparison without images: two snapshots made here.  Each case changes one thing of the second. */
#include <sys/stat.h>

#include "diff/diff.h"
#include "diff/rules.h"
#include "tap.h"

/* Made up, and put together here, so that no scanner takes this file for a leak. */
#define TOKEN_A                                                                                    \
    "ghp_"                                                                                         \
    "Ab3dEf7hIjK1mNoPqRsTuVwXyZ0a2c4e6gHi"
#define TOKEN_B                                                                                    \
    "ghp_"                                                                                         \
    "Zb3dEf7hIjK1mNoPqRsTuVwXyZ0a2c4e6gHi"
#define KEY                                                                                        \
    "-----BEGIN "                                                                                  \
    "PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\n-----END PRIVATE KEY-----\n"

static void entry_free(gpointer data)
{
    CcbGuestEntry *entry = data;
    g_free(entry->path);
    g_free(entry->target);
    g_free(entry);
}

static char **words(const char *text)
{
    return g_strsplit(text, " ", -1);
}

static void boot_entry(CcbFacts *facts, const char *id, const char *cmdline)
{
    CcbBootEntry *entry = g_new0(CcbBootEntry, 1);
    entry->id = g_strdup(id);
    entry->kver = g_strdup(id);
    entry->cmdline = g_strdup(cmdline);
    g_ptr_array_add(facts->entries, entry);
}

static CcbSnapshot *snapshot(const char *name)
{
    CcbFacts *facts = ccb_facts_new();
    facts->os_name = g_strdup("System 3");
    facts->packages = words("a-1.0-1.el8.x86_64 b-c-2-1.noarch kernel-5-1.x86_64");
    facts->kernels = words("5-1.x86_64");
    facts->default_entry = g_strdup("one");
    boot_entry(facts, "one", "ro quiet root=a");
    return ccb_snapshot_new(name, facts, g_ptr_array_new_with_free_func(entry_free));
}

static CcbGuestEntry *put(CcbSnapshot *s, const char *path, mode_t mode, const char *content)
{
    static gint64 clock;
    CcbGuestEntry *entry = g_new0(CcbGuestEntry, 1);
    entry->path = g_strdup(path);
    entry->st.mode = mode;
    entry->mtime_ns = entry->ctime_ns = ++clock;
    if (S_ISLNK(mode))
        entry->target = g_strdup(content);
    else if (content != NULL)
        entry->st.size = strlen(content);
    g_ptr_array_add(s->entries, entry);
    return entry;
}

static CcbGuestEntry *put_text(CcbSnapshot *s, const char *path, const char *content)
{
    g_hash_table_insert(s->texts, g_strdup(path), g_bytes_new(content, strlen(content)));
    return put(s, path, S_IFREG | 0644, content);
}

static CcbSnapshot *a, *b;

static void begin(void)
{
    a = snapshot("a.qcow2");
    b = snapshot("b.qcow2");
}

/* The text without the two lines that say what is compared. */
static char *finish(void)
{
    g_autoptr(CcbDiff) diff = ccb_diff_new(a, b);
    g_clear_pointer(&a, ccb_snapshot_free);
    g_clear_pointer(&b, ccb_snapshot_free);
    g_autofree char *text = ccb_diff_to_text(diff);
    json_t *json = ccb_diff_to_json(diff);
    if (json == NULL || json_is_true(json_object_get(json, "different")) ==
                            g_str_has_suffix(text, "no difference\n"))
        ok(false, "the JSON says the same");
    json_decref(json);
    const char *body = strstr(text, "\nb  ") + 1;
    return g_strdup(strchr(body, '\n') + 1);
}

static void is(const char *expected, const char *what)
{
    is_taken(finish(), expected, what);
}

static void test_packages(void)
{
    begin();
    is("no difference\n", "equal images");
    begin();
    g_strfreev(b->facts->packages);
    b->facts->packages = words("a-1:1.0-2.el8.x86_64 kernel-5-1.x86_64 kernel-5-2.x86_64 odd");
    is("packages 2 added, 1 removed, 1 changed\n"
       "  ~ a.x86_64 1.0-1.el8 ► 1:1.0-2.el8\n"
       "  - b-c.noarch 2-1\n"
       "  + kernel.x86_64 5-2\n"
       "  + odd \n",
       "packages");
    begin();
    g_strfreev(b->facts->kernels);
    b->facts->kernels = words("5-2.x86_64");
    is("kernels  1 added, 1 removed\n  - 5-1.x86_64\n  + 5-2.x86_64\n", "kernels");
}

static void test_long_lists(void)
{
    begin();
    GStrvBuilder *packages = g_strv_builder_new();
    for (int i = 0; i < 250; i++) {
        g_autofree char *name = g_strdup_printf("p%03d-1-1.noarch", i);
        g_strv_builder_add(packages, name);
    }
    g_strfreev(a->facts->packages);
    g_strfreev(b->facts->packages);
    a->facts->packages = g_new0(char *, 1);
    b->facts->packages = g_strv_builder_end(packages);
    g_strv_builder_unref(packages);
    g_autofree char *text = finish();
    ok(g_str_has_suffix(text, "  + p199.noarch 1-1\n  ... 50 more\n"), "a long list is cut");
}

static void set_cmdline(const char *cmdline)
{
    CcbBootEntry *entry = b->facts->entries->pdata[0];
    g_free(entry->cmdline);
    entry->cmdline = g_strdup(cmdline);
}

static void test_boot(void)
{
    begin();
    set_cmdline("ro swiotlb=1 x=\"a b\" root=a");
    is("boot\n  ~ one\n      - quiet\n      + swiotlb=1\n      + x=\"a b\"\n",
       "arguments of an entry");
    begin();
    set_cmdline("ro quiet root=a agent.token=" TOKEN_A);
    is("boot\n  ~ one\n      + agent.token=[a GitHub token, not shown]\n",
       "a token among arguments");
    begin();
    boot_entry(b->facts, "two", "ro root=a \"open");
    g_free(b->facts->default_entry);
    b->facts->default_entry = g_strdup("two");
    is("boot\n  ~ the default entry is another: one ► two\n"
       "  + two\n      + ro root=a \"open\n"
       "  ~ default\n      - ro\n      - quiet\n      - root=a\n      + ro root=a \"open\n",
       "another default entry, with a quote that is not closed");
    begin();
    boot_entry(a->facts, "two", "ro quiet root=a");
    boot_entry(b->facts, "two", "ro quiet root=a");
    g_free(b->facts->default_entry);
    b->facts->default_entry = g_strdup("two");
    is("boot\n  ~ the default entry is another: one ► two\n",
       "another one with the same arguments");
    begin();
    g_clear_pointer(&b->facts, ccb_facts_free);
    b->problem = g_strdup("no\x1b[31m entry");
    is("         packages and boot entries are not compared: no\\x1b[31m entry\n",
       "an image without facts");
}

static void test_files(void)
{
    begin();
    put_text(a, "etc/fstab", "a\nb\n");
    put_text(b, "etc/fstab", "a\nB\n");
    is("files    1 changed\n  ~ /etc/fstab\n      @@ -1,2 +1,2 @@\n       a\n      -b\n      +B\n",
       "a line of a configuration file");
    begin();
    put_text(a, "etc/fstab", "a\n");
    put_text(b, "etc/fstab", "a\n");
    is("no difference\n", "written anew, with the same content");
    begin();
    put(a, "etc/shadow", S_IFREG | 0640, "secret");
    put(b, "etc/shadow", S_IFREG | 0640, "another");
    is("files    1 changed\n  ~ /etc/shadow (not shown: not everybody may read it)\n", "a secret");
    begin();
    put_text(a, "etc/key", "secret");
    put(b, "etc/key", S_IFREG | 0600, "another");
    is("files    1 changed\n"
       "  ~ /etc/key file 0644 0:0 ► file 0600 0:0 (not shown: not everybody may read it)\n",
       "what was none before");
    begin();
    put_text(a, "etc/app.conf", "x=1\ntoken=" TOKEN_A "\n");
    put_text(b, "etc/app.conf", "x=2\ntoken=" TOKEN_B "\n");
    is("files    1 changed\n  ~ /etc/app.conf\n      @@ -1,2 +1,2 @@\n      -x=1\n"
       "      -[line with a GitHub token, not shown]\n      +x=2\n"
       "      +[line with a GitHub token, not shown]\n",
       "tokens that everybody may read");
    begin();
    put_text(b, "etc/app.key", "# key\n" KEY);
    is("files    1 added\n  + /etc/app.key file 0644 0:0 (not shown: a private key)\n",
       "a private key that everybody may read");
    begin();
    put_text(a, "boot/grub2/grubenv", "# GRUB\nx=1\n#########");
    put_text(b, "boot/grub2/grubenv", "# GRUB\nx=1\ny=2\n#####");
    is("files    1 changed\n  ~ /boot/grub2/grubenv\n"
       "      @@ -1,2 +1,3 @@\n       # GRUB\n       x=1\n      +y=2\n",
       "GRUB's environment without its padding");
    begin();
    put(a, "etc/localtime", S_IFLNK | 0777, "../a");
    put(b, "etc/localtime", S_IFLNK | 0777, "../b");
    put(b, "etc/new", S_IFIFO | 0600, NULL);
    is("files    1 added, 1 changed\n  ~ /etc/localtime link ► ../a ► link ► ../b\n"
       "  + /etc/new special file 0600 0:0\n",
       "links and what is no file");
    begin();
    put(b, "etc/data", S_IFREG | 0644, "1234");
    g_hash_table_insert(b->texts, g_strdup("etc/data"), g_bytes_new("1\0004", 3));
    is("files    1 added\n  + /etc/data file 0644 0:0 (not shown: no text)\n", "no text");
    begin();
    put(b, "etc/data", S_IFREG | 0644, "1")->st.size = CCB_DIFF_TEXT_MAX + 1;
    is("files    1 added\n  + /etc/data file 0644 0:0 (not shown: too large)\n", "a large file");
}

static void test_attributes(void)
{
    begin();
    put_text(a, "etc/x", "1");
    put_text(b, "etc/x", "1")->st.uid = 7;
    is("files    1 changed\n  ~ /etc/x file 0644 0:0 ► file 0644 7:0\n", "an owner");
    begin();
    put(a, "opt/x", S_IFDIR | 0755, NULL);
    put(b, "opt/x", S_IFDIR | 0777, NULL);
    is("other    1 changed\n  /opt  1 changed\n", "the mode of a directory");
    begin();
    put(a, "opt/x", S_IFREG | 0644, "1");
    put(b, "opt/x", S_IFLNK | 0644, "1");
    is("other    1 changed, -1 byte\n  /opt  1 changed, -1 byte\n", "the type");
    begin();
    CcbGuestEntry *x = put(a, "opt/x", S_IFREG | 0644, "1");
    CcbGuestEntry *y = put(b, "opt/x", S_IFREG | 0644, "2");
    y->mtime_ns = x->mtime_ns;
    is("other    1 changed, +1 byte, -1 byte\n  /opt  1 changed, +1 byte, -1 byte\n",
       "mtime alone proves nothing");
    begin();
    x = put(a, "opt/x", S_IFREG | 0644, "1");
    y = put(b, "opt/x", S_IFREG | 0644, "2");
    g_hash_table_insert(a->digests, g_strdup("opt/x"), g_strdup("same"));
    g_hash_table_insert(b->digests, g_strdup("opt/x"), g_strdup("same"));
    is("no difference\n", "a digest does");
}

static void test_units(void)
{
    begin();
    put(b, "etc/systemd/system/a.service", S_IFLNK | 0777, "/dev/null");
    put(b, "etc/systemd/system/b.service", S_IFLNK | 0777, "/usr/lib/systemd/system/c.service");
    put(b, "etc/systemd/system/d.service", S_IFLNK | 0777, "/opt/d.service");
    put(b, "etc/systemd/system/x.target.wants/e.service", S_IFLNK | 0777, "/lib/e.service");
    is("units    4 added\n"
       "  + masked   a.service  /etc/systemd/system/a.service\n"
       "  + alias    b.service  /etc/systemd/system/b.service\n"
       "  + unit     d.service  /etc/systemd/system/d.service\n"
       "  + enabled  e.service  /etc/systemd/system/x.target.wants/e.service\n",
       "links to units");
    begin();
    put_text(a, "usr/lib/systemd/system/f.service", "[Unit]\n");
    put_text(b, "usr/lib/systemd/system/g.service.d/10-x.conf", "[Unit]\n");
    is("units    1 added, 1 removed\n"
       "  - unit     f.service  /usr/lib/systemd/system/f.service\n"
       "  + drop-in  g.service  /usr/lib/systemd/system/g.service.d/10-x.conf\n"
       "files    1 added, 1 removed\n"
       "  - /usr/lib/systemd/system/f.service file 0644 0:0\n      @@ -1 +0,0 @@\n      -[Unit]\n"
       "  + /usr/lib/systemd/system/g.service.d/10-x.conf file 0644 0:0\n"
       "      @@ -0,0 +1 @@\n      +[Unit]\n",
       "files and drop-ins");
}

static void test_order(void)
{
    begin();
    a->order = g_strsplit("x ► y,y ► z", ",", -1);
    b->order = g_strsplit("x ► y,z ► y", ",", -1);
    is("order    1 added, 1 removed\n  - y ► z\n  + z ► y\n", "the order of units");
    begin();
    a->order = g_strsplit("x ► y", ",", -1);
    b->order_problem = g_strdup("a.service:3: \x1b");
    is("         the order of the GPU's units is not compared: a.service:3: \\x1b\n",
       "an order that is not known");
}

static void test_modules(void)
{
    static const char path[] = "usr/lib/modules/5/kernel/drivers/video/nvidia.ko";
    begin();
    put(a, path, S_IFREG | 0644, "1");
    put(b, path, S_IFREG | 0644, "22");
    g_hash_table_insert(a->modules, g_strdup(path), g_strdup("550"));
    g_hash_table_insert(b->modules, g_strdup(path), g_strdup("570"));
    is("modules  1 changed\n  ~ 5/kernel/drivers/video/nvidia.ko 550 ► 570\n"
       "other    1 changed, +2 bytes, -1 byte\n"
       "  /usr/lib/modules  1 changed, +2 bytes, -1 byte\n",
       "a module");
    is_str(ccb_path_module("lib/modules/5/extra/a.ko.xz"), "5/extra/a.ko.xz", "extra");
    is_str(ccb_path_module("lib/modules/5/updates/b/a.ko.zst"), "5/updates/b/a.ko.zst", "updates");
    is_str(ccb_path_module("lib/modules/5/kernel/fs/ext4.ko"), NULL, "another directory");
    is_str(ccb_path_module("lib/modules/5"), NULL, "no module");
    is_str(ccb_path_module("lib/modules/5/extra/readme"), NULL, "no module in extra");
}

static void test_counts(void)
{
    begin();
    put(a, "opt/a/b/c/d", S_IFREG | 0644, "12");
    put(a, "usr/bin/x", S_IFREG | 0755, "1");
    put(b, "opt/a/b/c/e", S_IFREG | 0644, "123");
    put(b, "opt/a/b/f", S_IFREG | 0644, "123");
    put(b, "top", S_IFREG | 0644, "1");
    put(b, "var/log/messages", S_IFREG | 0644, "1");
    is("other    3 added, 2 removed, +7 bytes, -3 bytes\n"
       "  /opt/a/b  2 added, 1 removed, +6 bytes, -2 bytes\n"
       "  /  1 added, +1 byte\n"
       "  /usr/bin  1 removed, -1 byte\n"
       "logs and caches: 1 added, +1 byte\n",
       "other files by directory, the largest first");
    begin();
    put(a, "usr/lib/python3/__pycache__/x.pyc", S_IFREG | 0644, "1");
    put(a, "var/lib/rpm/Packages", S_IFREG | 0644, "1");
    put(b, "etc/ld.so.cache", S_IFREG | 0644, "1");
    is("logs and caches: 1 added, 2 removed, +1 byte, -2 bytes\nno difference\n",
       "what changes by itself is no difference");
    is_int(ccb_path_kind("usr/x__pycache__/y"), CCB_PATH_OTHER, "a name that only looks like it");
    is_int(ccb_path_kind("etc/ld.so.cache.d/y"), CCB_PATH_CONFIGURATION, "nor is this the cache");
}

static void test_many(void)
{
    begin();
    for (int i = 10; i < 50; i++) {
        g_autofree char *path = g_strdup_printf("opt/%d/x", i);
        put(b, path, S_IFREG | 0644, "1");
    }
    g_autofree char *text = finish();
    ok(strstr(text, "  ... 10 more directories\n") != NULL, "a long list of directories is cut");
    begin();
    g_autoptr(GString) lines = g_string_new(NULL);
    for (int i = 0; i < 300; i++)
        g_string_append_printf(lines, "%d\n", i);
    put_text(b, "etc/x", lines->str);
    g_autofree char *long_one = finish();
    ok(strstr(long_one, "      ... 101 more lines\n") != NULL, "so is a long hunk");
    g_autofree char *x = g_strnfill(100, 'x'), *y = g_strnfill(100, 'y');
    g_autofree char *before = g_strconcat(x, " old ", y, "\n", NULL);
    g_autofree char *after = g_strconcat(x, " new ", y, "\n", NULL);
    begin();
    put_text(a, "etc/x", before);
    put_text(b, "etc/x", after);
#define X30 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define Y29 "yyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
    is("files    1 changed\n  ~ /etc/x\n      @@ -1 +1 @@\n"
       "      -" X30 " ... xxxxxxxxxxxxxxxxxxxxxxxxxxxxx old " Y29 " ...\n"
       "      +" X30 " ... xxxxxxxxxxxxxxxxxxxxxxxxxxxxx new " Y29 " ...\n",
       "of a long line what both sides have in common is cut");
}

/* What is in names and lines must neither move the cursor nor look like a line of ours. */
static void test_hostile(void)
{
    begin();
    put(b, "etc/a\npackages 9 added", S_IFREG | 0600, "1");
    put(b, "etc/b\x1b]0;t\x07\xff\xe2\x80\xae", S_IFLNK | 0777, "x\x1b[2J");
    put_text(b, "etc/c", "\x1b[2Jx\r\nno difference\n");
    put(b, "opt/d\n/e", S_IFREG | 0600, "1");
    is("files    3 added\n"
       "  + /etc/a\\x0apackages 9 added file 0600 0:0 (not shown: not everybody may read it)\n"
       "  + /etc/b\\x1b]0;t\\x07\\xff\\xe2\\x80\\xae link ► x\\x1b[2J\n"
       "  + /etc/c file 0644 0:0\n"
       "      @@ -0,0 +1,2 @@\n      +\\x1b[2Jx\\x0d\n      +no difference\n"
       "other    1 added, +1 byte\n  /opt/d\\x0a  1 added, +1 byte\n",
       "hostile names and lines");
}

static const char seed[] =
    "etc/systemd/system/a.service.d/x.conf\nusr/lib/modules/5/extra/a.ko\n"
    "etc/systemd/system/b.target.wants/c.service\nvar/log/x\nboot/grub2/grubenv\n";

static void diff_mutated(const char *data, gsize size)
{
    g_autofree char *text = g_strndup(data, size);
    g_auto(GStrv) paths = g_strsplit(text, "\n", -1);
    begin();
    for (char **path = paths; *path != NULL; path++)
        if (**path != '\0')
            put_text((path - paths) % 2 ? a : b, *path, text);
    g_free(b->facts->packages[0]);
    b->facts->packages[0] = g_strdup(text);
    set_cmdline(text);
    g_free(finish());
}

int main(void)
{
    test_packages();
    test_boot();
    test_long_lists();
    test_files();
    test_attributes();
    test_units();
    test_order();
    test_modules();
    test_counts();
    test_many();
    test_hostile();
    fuzz(seed, strlen(seed), 3000, diff_mutated);
    return done();
}
