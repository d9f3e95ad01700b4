/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes, applied to an image that is made here: no guest, no backend. */
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "change/predict.h"
#include "tap.h"

static CcbSnapshot *image;
static CcbPrediction *prediction;
static GPtrArray *changes;

static char **words(const char *text)
{
    return g_strsplit(text, " ", -1);
}

static void boot_entry(CcbFacts *facts, const char *id, const char *cmdline)
{
    CcbBootEntry *entry = g_new0(CcbBootEntry, 1);
    entry->id = g_strdup(id);
    entry->path = g_strdup_printf("/boot/loader/entries/%s.conf", id);
    entry->kver = g_strdup(id);
    entry->cmdline = g_strdup(cmdline);
    g_ptr_array_add(facts->entries, entry);
}

static void entry_free(gpointer data)
{
    CcbGuestEntry *entry = data;
    g_free(entry->path);
    g_free(entry->target);
    g_free(entry);
}

static CcbGuestEntry *put(const char *path, mode_t mode)
{
    CcbGuestEntry *entry = g_new0(CcbGuestEntry, 1);
    entry->path = g_strdup(path);
    entry->st.mode = mode;
    entry->mtime_ns = entry->ctime_ns = 1;
    g_ptr_array_add(image->entries, entry);
    return entry;
}

static void put_text(const char *path, const char *text)
{
    g_hash_table_insert(image->texts, g_strdup(path), g_bytes_new(text, strlen(text)));
    put(path, S_IFREG | 0644)->st.size = strlen(text);
}

static void put_link(const char *path, const char *target)
{
    put(path, S_IFLNK | 0777)->target = g_strdup(target);
}

/* Sorted by path, as snapshots are. */
static void begin(void)
{
    CcbFacts *facts = ccb_facts_new();
    facts->packages = words("a-1.0-1.el8.x86_64 kernel-core-5-1.x86_64");
    facts->kernels = words("5-1.x86_64");
    facts->default_entry = g_strdup("one");
    facts->default_kver = g_strdup("5-1.x86_64");
    boot_entry(facts, "one", "ro quiet root=a");
    boot_entry(facts, "two", "ro quiet root=a");
    image = ccb_snapshot_new("base", facts, g_ptr_array_new_with_free_func(entry_free));
    put("etc", S_IFDIR | 0755);
    put_text("etc/a.conf", "one\ntwo\n");
    put("etc/systemd", S_IFDIR | 0755);
    put("etc/systemd/system", S_IFDIR | 0755);
    put("etc/systemd/system/multi-user.target.wants", S_IFDIR | 0755);
    put_link("etc/systemd/system/multi-user.target.wants/old.service",
             "/usr/lib/systemd/system/old.service");
    put_link("lib", "usr/lib");
    put_link("loop", "loop");
    put("usr", S_IFDIR | 0755);
    put("usr/lib", S_IFDIR | 0755);
    put("usr/lib/systemd", S_IFDIR | 0755);
    put("usr/lib/systemd/system", S_IFDIR | 0755);
    put_text("usr/lib/systemd/system/bare.service", "[Unit]\n");
    put_text("usr/lib/systemd/system/new.service",
             "[Install]\nWantedBy=multi-user.target\nRequiredBy=b.target\nAlias=n.service\n");
    prediction = ccb_prediction_new(image, NULL);
    changes = ccb_changes_new();
}

/* What the changes come to, and a line for all that is unknown (?) or will fail (!); forgets them. */
static char *step(void)
{
    GError *error = NULL;
    g_autoptr(GPtrArray) unknown = ccb_changes_new();
    g_autoptr(GPtrArray) failures = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(CcbDiff) diff = ccb_predict(prediction, "after", changes, unknown, failures, &error);
    g_autofree char *text = ccb_diff_body_to_text(diff);
    g_autoptr(GString) all = g_string_new(text);
    for (guint i = 0; i < unknown->len; i++) {
        const CcbChange *item = unknown->pdata[i];
        g_string_append_printf(all, "? %s%s%s\n", item->path ? item->path : "",
                               item->path ? ": " : "", item->value);
    }
    for (guint i = 0; i < failures->len; i++)
        g_string_append_printf(all, "! %s\n", (const char *)failures->pdata[i]);
    g_ptr_array_set_size(changes, 0);
    return g_string_free(g_steal_pointer(&all), FALSE);
}

static void end(void)
{
    ccb_prediction_free(prediction);
    ccb_snapshot_free(image);
    g_ptr_array_unref(changes);
}

static void is(const char *expected, const char *what)
{
    is_taken(step(), expected, what);
    end();
}

static void text_file(const char *path, const char *text)
{
    ccb_change_text(changes, path, text);
}

static void add(CcbChangeOp kind, const char *path, const char *value)
{
    ccb_change_add(changes, kind, path, value);
}

static void arguments(const char *set, const char *remove)
{
    CcbChange *change = ccb_change_add(changes, CCB_CHANGE_ARGUMENTS, NULL, NULL);
    change->set = g_strsplit(set, " ", -1);
    change->remove = g_strsplit(remove, " ", -1);
}

static void test_files(void)
{
    begin();
    is("no difference\n", "a step without changes");
    begin();
    text_file("/etc/a.conf", "one\ntwo\n");
    is("no difference\n", "a file that is written as it stands there");
    begin();
    text_file("/etc/a.conf", "one\n2\n");
    text_file("/etc/b/c", "new\n");
    is("files    2 added, 1 changed\n"
       "  ~ /etc/a.conf\n      @@ -1,2 +1,2 @@\n       one\n      -two\n      +2\n"
       "  + /etc/b directory 0755 0:0\n"
       "  + /etc/b/c file 0644 0:0\n      @@ -0,0 +1 @@\n      +new\n",
       "a changed file, and a new one with its directory");
    begin();
    text_file("/lib/modprobe.d/a.conf", "x\n");
    text_file("/loop/y", "y\n");
    is("files    1 added\n"
       "  + /usr/lib/modprobe.d/a.conf file 0644 0:0\n      @@ -0,0 +1 @@\n      +x\n"
       "other    1 added\n  /usr/lib  1 added\n"
       "! /loop in the guest is not a directory\n",
       "a file goes through the links of the image; a link to itself ends");
    begin();
    add(CCB_CHANGE_LINK, "/etc/l", "a.conf");
    CcbChange *item = ccb_change_add(changes, CCB_CHANGE_DIRECTORY, "/etc", NULL);
    item->attr.mode = 0700;
    item->keep = true;
    item = ccb_change_add(changes, CCB_CHANGE_DIRECTORY, "/etc/systemd", NULL);
    item->attr.mode = 0700;
    item->attr.uid = 5;
    is("files    1 added, 1 changed\n  + /etc/l link ► a.conf\n"
       "  ~ /etc/systemd directory 0755 0:0 ► directory 0700 5:0\n",
       "a link; a directory that stays, and one that does not");
}

static char *upper(const void *data, const char *text, GError **error)
{
    if (data == NULL)
        return g_ascii_strup(text, -1);
    ccb_fail(error, CCB_ERR_INPUT, "line 1: %s", (const char *)data);
    return NULL;
}

static void test_edits(void)
{
    begin();
    ccb_change_edit(changes, "/etc/a.conf", upper, NULL);
    ccb_change_edit(changes, "/etc/missing", upper, NULL);
    is_taken(step(),
             "files    1 changed\n  ~ /etc/a.conf\n"
             "      @@ -1,2 +1,2 @@\n      -one\n      -two\n      +ONE\n      +TWO\n",
             "an edited file; a missing one stays missing");
    ccb_change_edit(changes, "/etc/a.conf", upper, NULL);
    is("no difference\n", "the next step begins with what the one before left");
    begin();
    ccb_change_edit(changes, "/etc/a.conf", upper, "odd");
    is("no difference\n! /etc/a.conf: line 1: odd\n", "an edit that would fail");
}

static CcbChange *attr(const char *path, mode_t mode)
{
    CcbChange *change = ccb_change_add(changes, CCB_CHANGE_ATTR, path, NULL);
    change->attr = (CcbFileAttr){mode, CCB_KEEP_OWNER, CCB_KEEP_OWNER};
    return change;
}

static void test_attributes(void)
{
    begin();
    attr("/etc/a.conf", 0600);
    attr("/etc/missing", 0600);
    is_taken(step(),
             "files    1 changed\n  ~ /etc/a.conf file 0644 0:0 ► file 0600 0:0"
             " (not shown: not everybody may read it)\n"
             "! /etc/missing is missing in the guest\n",
             "a mode; a path that is missing fails");
    CcbChange *owner = attr("/etc/a.conf", CCB_KEEP_MODE);
    owner->attr.uid = owner->attr.gid = 7;
    text_file("/etc/b.conf", "b\n");
    attr("/etc/b.conf", 0640);
    is("files    1 added, 1 changed\n  ~ /etc/a.conf file 0600 0:0 ► file 0600 7:7 (not shown: not "
       "everybody may read it)\n"
       "  + /etc/b.conf file 0640 0:0 (not shown: not everybody may read it)\n",
       "an owner, and the mode of a file of the same step");
    begin();
    attr("/etc", 0640)->recursive = true;
    is("files    4 changed\n"
       "  ~ /etc/a.conf file 0644 0:0 ► file 0640 0:0 (not shown: not everybody may read it)\n"
       "  ~ /etc/systemd directory 0755 0:0 ► directory 0750 0:0\n"
       "  ~ /etc/systemd/system directory 0755 0:0 ► directory 0750 0:0\n"
       "  ~ /etc/systemd/system/multi-user.target.wants directory 0755 0:0 ► directory 0750 0:0\n"
       "other    1 changed\n  /  1 changed\n",
       "a tree: directories can be entered, links stay");
    begin();
    ccb_change_unknown(changes, NULL, "what an installer does");
    attr("/opt/x", 0600);
    attr("/etc/systemd", 0755)->recursive = true;
    is("no difference\n? what an installer does\n? /opt/x: mode and owner set\n"
       "? /etc/systemd: mode and owner set, and of all below it\n",
       "what an installer may have brought");
}

static void test_units(void)
{
    begin();
    add(CCB_CHANGE_ENABLE, NULL, "new.service");
    add(CCB_CHANGE_ENABLE, NULL, "bare.service");
    add(CCB_CHANGE_ENABLE, NULL, "later.service");
    is("units    3 added\n"
       "  + enabled  new.service  /etc/systemd/system/b.target.requires/new.service\n"
       "  + enabled  new.service  /etc/systemd/system/multi-user.target.wants/new.service\n"
       "  + alias    n.service  /etc/systemd/system/n.service\n"
       "files    1 added\n  + /etc/systemd/system/b.target.requires directory 0755 0:0\n"
       "! /usr/lib/systemd/system/bare.service has no [Install] section "
       "that would start it\n"
       "! the image has no unit later.service to enable\nhint: did you mean \"bare.service\"?\n",
       "enabled by its [Install]");
    begin();
    add(CCB_CHANGE_DISABLE, NULL, "old.service");
    add(CCB_CHANGE_DISABLE, NULL, "none.service");
    is_taken(step(),
             "units    1 removed\n  - enabled  old.service  "
             "/etc/systemd/system/multi-user.target.wants/old.service\n",
             "disabled");
    text_file("/etc/systemd/system/own.service", "[Install]\nWantedBy=multi-user.target\n");
    add(CCB_CHANGE_ENABLE, NULL, "own.service");
    is("units    2 added\n"
       "  + enabled  own.service  /etc/systemd/system/multi-user.target.wants/own.service\n"
       "  + unit     own.service  /etc/systemd/system/own.service\n"
       "files    1 added\n  + /etc/systemd/system/own.service file 0644 0:0\n"
       "      @@ -0,0 +1,2 @@\n      +[Install]\n      +WantedBy=multi-user.target\n",
       "a unit of the same step is enabled");
}

/* --- the links, compared with those of systemctl */

static void collect_links(const char *root, const char *below, GPtrArray *found)
{
    g_autofree char *path = g_build_filename(root, below, NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *entry = g_build_filename(below, name, NULL);
        g_autofree char *full = g_build_filename(root, entry, NULL);
        if (g_file_test(full, G_FILE_TEST_IS_SYMLINK))
            g_ptr_array_add(found, g_steal_pointer(&entry));
        else if (g_file_test(full, G_FILE_TEST_IS_DIR))
            collect_links(root, entry, found);
    }
}

static gint compare_strings(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *sorted(GPtrArray *paths)
{
    g_ptr_array_sort(paths, compare_strings);
    g_ptr_array_add(paths, NULL);
    return g_strjoinv(" ", (char **)paths->pdata);
}

/* Writes "PATH|TEXT" into a tree and runs systemctl on it, then the same on a prediction: the same links are there. */
static void test_as_systemctl(const char *const files[], const char *const commands[],
                              const char *what)
{
    g_autofree char *root = g_dir_make_tmp("ccbake-systemctl-XXXXXX", NULL);
    g_autofree char *option = g_strconcat("--root=", root, NULL);
    g_autoptr(GPtrArray) theirs = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) ours = g_ptr_array_new_with_free_func(g_free);
    begin();
    for (guint i = 0; files[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(files[i], "|", 2);
        g_autofree char *full = g_build_filename(root, parts[0], NULL);
        g_autofree char *parent = g_path_get_dirname(full);
        g_mkdir_with_parents(parent, 0755);
        g_file_set_contents(full, parts[1], -1, NULL);
        text_file(parts[0], parts[1]);
    }
    for (guint i = 0; commands[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(commands[i], " ", 2);
        const char *argv[] = {"systemctl", option, parts[0], parts[1], NULL};
        g_spawn_sync(NULL, (char **)argv, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL,
                     NULL, NULL, NULL, NULL, NULL, NULL);
        add(g_str_equal(parts[0], "enable")    ? CCB_CHANGE_ENABLE
            : g_str_equal(parts[0], "disable") ? CCB_CHANGE_DISABLE
                                               : CCB_CHANGE_MASK,
            NULL, parts[1]);
    }
    collect_links(root, "/etc/systemd/system", theirs);
    g_autofree char *said = step();
    g_autoptr(GPtrArray) entries =
        ccb_guest_walk(ccb_prediction_guest(prediction), "/etc/systemd/system", NULL);
    for (guint i = 0; i < entries->len; i++) {
        const CcbGuestEntry *entry = entries->pdata[i];
        if (S_ISLNK(entry->st.mode) && !g_str_has_suffix(entry->path, "/old.service"))
            g_ptr_array_add(ours, g_build_filename("/etc/systemd/system", entry->path, NULL));
    }
    g_autofree char *expected = sorted(theirs);
    is_taken(sorted(ours), expected, what);
    end();
    ccb_remove_tree(root, NULL);
}

#define VENDOR "/usr/lib/systemd/system/"

static void test_systemctl(void)
{
    static const struct {
        const char *what, *files[6], *commands[3];
    } cases[] = {
        {"WantedBy= and Alias= with specifiers",
         {VENDOR "m.target|[Unit]\n",
          VENDOR "a.service|[Service]\nExecStart=/x\n[Install]\nWantedBy=m.target\n"
                 "Alias=%p-other.service\n"},
         {"enable a.service"}},
        {"Also=",
         {VENDOR "a.service|[Service]\nExecStart=/x\n[Install]\nWantedBy=m.target\n"
                 "Also=a.socket absent.socket\n",
          VENDOR "a.socket|[Socket]\nListenStream=/x\n[Install]\nWantedBy=sockets.target\n"},
         {"enable a.service"}},
        {"an instance",
         {VENDOR "a@.service|[Service]\nExecStart=/x\n[Install]\nWantedBy=m.target\n"},
         {"enable a@0.service"}},
        {"the default instance",
         {VENDOR "a@.service|[Service]\nExecStart=/x\n[Install]\nWantedBy=m.target\n"
                 "DefaultInstance=zero\n"},
         {"enable a@.service"}},
        {"a target of the instance",
         {VENDOR "a@.service|[Service]\nExecStart=/x\n[Install]\nWantedBy=on-%i.target\n"},
         {"enable a@0.service"}},
        {"[Install] in a drop-in",
         {VENDOR "a.service|[Service]\nExecStart=/x\n",
          "/etc/systemd/system/a.service.d/1.conf|[Install]\nWantedBy=m.target\n"},
         {"enable a.service"}},
        {"a masked unit",
         {VENDOR "a.service|[Service]\nExecStart=/x\n[Install]\nWantedBy=m.target\n"},
         {"mask a.service", "enable a.service"}},
        {"disabled: every link, also the alias",
         {VENDOR "a.service|[Service]\nExecStart=/x\n[Install]\nWantedBy=m.target n.target\n"
                 "RequiredBy=o.target\nAlias=b.service\n"},
         {"enable a.service", "disable a.service"}},
        {"disabled: all instances",
         {VENDOR "a@.service|[Service]\nExecStart=/x\n[Install]\nWantedBy=m.target\n"},
         {"enable a@0.service", "disable a@.service"}},
    };
    g_autofree char *systemctl = g_find_program_in_path("systemctl");
    for (size_t i = 0; systemctl != NULL && i < G_N_ELEMENTS(cases); i++)
        test_as_systemctl(cases[i].files, cases[i].commands, cases[i].what);
}

static void test_removal(void)
{
    begin();
    add(CCB_CHANGE_REMOVE, "/etc/systemd", NULL);
    add(CCB_CHANGE_REMOVE, "/etc/missing", NULL);
    add(CCB_CHANGE_REMOVE, "/lib", NULL);
    is("units    1 removed\n  - enabled  old.service  "
       "/etc/systemd/system/multi-user.target.wants/old.service\n"
       "files    3 removed\n"
       "  - /etc/systemd directory 0755 0:0\n"
       "  - /etc/systemd/system directory 0755 0:0\n"
       "  - /etc/systemd/system/multi-user.target.wants directory 0755 0:0\n"
       "other    1 removed\n  /  1 removed\n",
       "a tree goes, of a link the link alone");
    begin();
    text_file("/etc/systemd", "x\n");
    text_file("/etc/a.conf/b", "x\n");
    add(CCB_CHANGE_MASK, NULL, "old.service");
    text_file("/etc/systemd/system/own.service", "x\n");
    add(CCB_CHANGE_MASK, NULL, "own.service");
    is("units    2 added\n"
       "  + masked   old.service  /etc/systemd/system/old.service\n"
       "  + unit     own.service  /etc/systemd/system/own.service\n"
       "files    1 added\n  + /etc/systemd/system/own.service file 0644 0:0\n"
       "      @@ -0,0 +1 @@\n      +x\n"
       "! /etc/systemd in the guest is a directory\n"
       "hint: choose another path, or remove the directory in an earlier step: {remove: "
       "[/etc/systemd]}\n"
       "! /etc/a.conf in the guest is not a directory\n"
       "! own.service can't be masked: /etc/systemd/system/own.service is a unit file\n"
       "hint: remove it in a step before this one, or disable the unit\n",
       "what a guest refuses, the prediction refuses");
}

static gint compare_entries(gconstpointer a, gconstpointer b)
{
    const CcbGuestEntry *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

/* Mounts partition 3 on /srv. */
static void begin_with_mount(void)
{
    begin();
    CcbPartition *partition = g_new0(CcbPartition, 1);
    partition->number = 3;
    partition->label = g_strdup("data");
    ccb_disk_free(image->facts->disk);
    image->facts->disk = ccb_disk_new();
    image->facts->disk->root = 2;
    g_ptr_array_add(image->facts->disk->partitions, partition);
    put_text("etc/fstab", "LABEL=data /srv ext4 defaults 0 2\nLABEL=gone /mnt ext4 nofail 0 2\n");
    g_ptr_array_sort(image->entries, compare_entries);
    ccb_prediction_free(prediction);
    prediction = ccb_prediction_new(image, NULL);
}

static void test_places(void)
{
    begin();
    ccb_change_text(changes, "/loop", "x\n")->keep_mode = true;
    add(CCB_CHANGE_LINK, "/etc/systemd", "/x");
    add(CCB_CHANGE_LINK, "/etc/a.conf", "/x");
    add(CCB_CHANGE_DIRECTORY, "/loop", NULL);
    is("files    1 changed\n"
       "  ~ /etc/a.conf file 0644 0:0 ► link ► /x\n"
       "other    1 changed, +2 bytes\n  /  1 changed, +2 bytes\n"
       "! /etc/systemd in the guest is a directory\n"
       "hint: choose another path, or remove the directory in an earlier step: {remove: "
       "[/etc/systemd]}\n"
       "! /loop in the guest is not a directory\n",
       "a link is replaced, a directory never");
    begin();
    CcbChange *change = ccb_change_text(changes, "/etc/a.conf", "one\ntwo\n");
    change->attr.mode = 0600;
    change->keep_mode = true;
    is("no difference\n", "a file keeps its mode");
    begin_with_mount();
    text_file("/srv/a", "x");
    text_file("/mnt/a", "x");
    is("other    2 added, +1 byte\n  /mnt  1 added, +1 byte\n  /  1 added\n"
       "! /srv/a would be hidden: /etc/fstab:1 mounts partition 3 (LABEL=data) on /srv\n"
       "hint: a bake writes to the root file system alone: choose a path outside of /srv, or take "
       "a "
       "base that has it on the root\n",
       "what another partition would hide");
}

static void test_packages(void)
{
    begin();
    add(CCB_CHANGE_PACKAGE, NULL, "a-1:2.0-1.el8.x86_64");
    add(CCB_CHANGE_PACKAGE, NULL, "b-1-1.noarch");
    add(CCB_CHANGE_PACKAGE, NULL, "kernel-core-5-1.x86_64");
    is_taken(step(),
             "packages 1 added, 1 changed\n  ~ a.x86_64 1.0-1.el8 ► 1:2.0-1.el8\n"
             "  + b.noarch 1-1\n",
             "packages; one that is installed is no change");
    is_str(ccb_prediction_facts(prediction)->default_kver, "5-1.x86_64", "the kernel is known");
    ccb_change_add(changes, CCB_CHANGE_PACKAGE, NULL, "kernel-core-5-2.x86_64")->keep = true;
    is_taken(step(),
             "packages 1 added\n  + kernel-core.x86_64 5-2\n"
             "? the boot entry of kernel-core-5-2.x86_64\n",
             "a kernel beside another");
    is_str(ccb_prediction_facts(prediction)->default_kver, "", "which one boots is not known then");
    add(CCB_CHANGE_MODULE, "/lib/modules/5-1.x86_64/kernel/drivers/video/nvidia.ko", "570.1");
    is("modules  1 added\n  + 5-1.x86_64/kernel/drivers/video/nvidia.ko 570.1\n"
       "other    6 added\n  /usr/lib  1 added\n  /usr/lib/modules  5 added\n",
       "a module");
}

static void test_arguments(void)
{
    begin();
    arguments("swiotlb=1,any", "quiet");
    is("boot\n  ~ one\n      - quiet\n      + swiotlb=1,any\n"
       "  ~ two\n      - quiet\n      + swiotlb=1,any\n",
       "arguments of two entries");
}

static void test_nothing_at_hand(void)
{
    begin();
    ccb_prediction_free(prediction);
    prediction = ccb_prediction_new(NULL, NULL);
    text_file("/etc/x/y", "y\n");
    ccb_change_edit(changes, "/etc/a.conf", upper, NULL);
    ccb_change_add(changes, CCB_CHANGE_DIRECTORY, "/etc/x", NULL)->keep = true;
    add(CCB_CHANGE_PACKAGE, NULL, "b-1-1.noarch");
    add(CCB_CHANGE_ENABLE, NULL, "new.service");
    arguments("a=1", "");
    add(CCB_CHANGE_DISABLE, NULL, "old.service");
    is("packages 1 added\n  + b.noarch 1-1\n"
       "files    1 added\n  + /etc/x/y file 0644 0:0\n      @@ -0,0 +1 @@\n      +y\n"
       "? /etc/a.conf: edited if it exists\n"
       "? the links that enable new.service: its file is not known yet\n"
       "? argument a=1 set in every boot entry\n"
       "? /boot/grub2/grubenv: edited if it exists\n"
       "? /boot/grub2/grub.cfg: edited if it exists\n"
       "? /etc/default/grub: edited if it exists\n"
       "? /etc/kernel/cmdline: edited if it exists\n"
       "? old.service disabled if it is enabled\n",
       "without an image what is written shows, and what is changed is told");
}

int main(void)
{
    test_files();
    test_edits();
    test_attributes();
    test_units();
    test_systemctl();
    test_removal();
    test_places();
    test_packages();
    test_arguments();
    test_nothing_at_hand();
    return done();
}
