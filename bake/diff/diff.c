/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff/diff.h"

#include <string.h>
#include <sys/stat.h>

#include "base/leak.h"
#include "diff/rules.h"
#include "diff/textdiff.h"
#include "image/rpm.h"
#include "text/cmdline.h"

static void item_free(gpointer data)
{
    CcbDiffItem *item = data;
    g_free(item->name);
    g_free(item->a);
    g_free(item->b);
    g_free(item->hunks);
    g_free(item);
}

static void boot_free(gpointer data)
{
    CcbDiffBoot *boot = data;
    g_free(boot->id);
    g_strfreev(boot->removed);
    g_strfreev(boot->added);
    g_free(boot);
}

static void directory_free(gpointer data)
{
    CcbDiffDirectory *directory = data;
    g_free(directory->path);
    g_free(directory);
}

static void side_clear(CcbDiffSide *side)
{
    g_free(side->name);
    g_free(side->system);
    g_free(side->entry);
    g_free(side->problem);
    g_free(side->order_problem);
}

void ccb_diff_free(CcbDiff *diff)
{
    if (diff == NULL)
        return;
    side_clear(&diff->a);
    side_clear(&diff->b);
    g_ptr_array_unref(diff->packages);
    g_ptr_array_unref(diff->kernels);
    g_ptr_array_unref(diff->modules);
    g_ptr_array_unref(diff->units);
    g_ptr_array_unref(diff->files);
    g_ptr_array_unref(diff->order);
    g_ptr_array_unref(diff->boot);
    g_ptr_array_unref(diff->directories);
    directory_free(diff->fleeting);
    g_free(diff);
}

/* Of something that only one image has, or that differs: NULL stands for what an image does not have. */
static CcbDiffChange change_of(const void *a, const void *b)
{
    return a == NULL ? CCB_DIFF_ADDED : b == NULL ? CCB_DIFF_REMOVED : CCB_DIFF_CHANGED;
}

/* Adds an item and returns it; strings are copied. */
static CcbDiffItem *add(GPtrArray *items, CcbDiffChange change, const char *name, const char *a,
                        const char *b)
{
    CcbDiffItem *item = g_new0(CcbDiffItem, 1);
    item->change = change;
    item->name = g_strdup(name);
    item->a = g_strdup(a);
    item->b = g_strdup(b);
    g_ptr_array_add(items, item);
    return item;
}

/* --- names, packages and boot entries, from the facts */

/* The strings of `a` (NULL: none) without those of `b`; of a string that `a` has more often, the surplus.  Caller
 * frees. */
static char **only_in(char **a, char **b)
{
    g_autoptr(GHashTable) left = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GStrvBuilder) only = g_strv_builder_new();
    for (; b != NULL && *b != NULL; b++) {
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(left, *b));
        g_hash_table_insert(left, *b, GUINT_TO_POINTER(count + 1));
    }
    for (; a != NULL && *a != NULL; a++) {
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(left, *a));
        if (count > 0)
            g_hash_table_insert(left, *a, GUINT_TO_POINTER(count - 1));
        else
            g_strv_builder_add(only, *a);
    }
    return g_strv_builder_end(only);
}

static void compare_names(GPtrArray *items, char **a, char **b)
{
    g_auto(GStrv) only_a = only_in(a, b);
    g_auto(GStrv) only_b = only_in(b, a);
    for (char **name = only_a; *name != NULL; name++)
        add(items, CCB_DIFF_REMOVED, *name, NULL, NULL);
    for (char **name = only_b; *name != NULL; name++)
        add(items, CCB_DIFF_ADDED, *name, NULL, NULL);
}

/* By name, what was removed first. */
static gint compare_items(gconstpointer a, gconstpointer b)
{
    const CcbDiffItem *x = *(const CcbDiffItem *const *)a, *y = *(const CcbDiffItem *const *)b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (int)y->change - (int)x->change;
}

static bool is_named(const GPtrArray *items, guint index, const char *name)
{
    return index < items->len && strcmp(((CcbDiffItem *)items->pdata[index])->name, name) == 0;
}

static void compare_packages(GPtrArray *items, char **a, char **b)
{
    compare_names(items, a, b);
    for (guint i = 0; i < items->len; i++) {
        CcbDiffItem *item = items->pdata[i];
        g_autofree char *package = item->name;
        item->name = ccb_rpm_split(package, item->change == CCB_DIFF_ADDED ? &item->b : &item->a);
    }
    g_ptr_array_sort(items, compare_items);
    for (guint i = 0; i + 1 < items->len; i++) {
        CcbDiffItem *item = items->pdata[i], *next = items->pdata[i + 1];
        /* One version in the place of another is a change.  Of a package with several versions, as of the kernel,
         * each is added or removed. */
        if (!is_named(items, i + 1, item->name) || is_named(items, i + 2, item->name) ||
            (i > 0 && is_named(items, i - 1, item->name)) || item->change == next->change)
            continue;
        item->change = CCB_DIFF_CHANGED;
        item->b = g_steal_pointer(&next->b);
        g_ptr_array_remove_index(items, i + 1);
    }
}

static char **arguments(const CcbBootEntry *entry)
{
    const char *text = entry->cmdline != NULL ? entry->cmdline : "";
    g_autoptr(CcbCmdline) line = ccb_cmdline_parse(text, NULL);
    if (line == NULL) /* a quote that is not closed: the whole text as one argument */
        return g_strsplit(text, "\n", 1);
    g_autoptr(GPtrArray) words = ccb_cmdline_arguments(line);
    char **list = g_new0(char *, words->len + 1);
    for (guint i = 0; i < words->len; i++)
        list[i] = g_strdup(words->pdata[i]);
    return list;
}

static void mask(char **words)
{
    for (; *words != NULL; words++) {
        char *masked = ccb_leaks_mask(*words);
        g_free(*words);
        *words = masked;
    }
}

/* Adds an entry whose arguments differ; `a` or `b` may be NULL. */
static void add_boot(CcbDiff *diff, const char *id, const CcbBootEntry *a, const CcbBootEntry *b)
{
    g_auto(GStrv) a_words = a != NULL ? arguments(a) : NULL;
    g_auto(GStrv) b_words = b != NULL ? arguments(b) : NULL;
    CcbDiffBoot *boot = g_new0(CcbDiffBoot, 1);
    boot->change = change_of(a, b);
    boot->id = g_strdup(id);
    boot->removed = only_in(a_words, b_words);
    boot->added = only_in(b_words, a_words);
    mask(boot->removed);
    mask(boot->added);
    if (boot->change == CCB_DIFF_CHANGED && boot->removed[0] == NULL && boot->added[0] == NULL)
        boot_free(boot);
    else
        g_ptr_array_add(diff->boot, boot);
}

static const CcbBootEntry *find_entry(const CcbFacts *facts, const char *id)
{
    for (guint i = 0; i < facts->entries->len; i++) {
        const CcbBootEntry *entry = facts->entries->pdata[i];
        if (strcmp(entry->id, id) == 0)
            return entry;
    }
    return NULL;
}

static void compare_boot(CcbDiff *diff, const CcbFacts *a, const CcbFacts *b)
{
    const CcbBootEntry *default_a = ccb_facts_default_entry(a);
    const CcbBootEntry *default_b = ccb_facts_default_entry(b);
    for (guint i = 0; i < a->entries->len; i++) {
        const CcbBootEntry *entry = a->entries->pdata[i];
        add_boot(diff, entry->id, entry, find_entry(b, entry->id));
    }
    for (guint i = 0; i < b->entries->len; i++) {
        const CcbBootEntry *entry = b->entries->pdata[i];
        if (find_entry(a, entry->id) == NULL)
            add_boot(diff, entry->id, NULL, entry);
    }
    if (default_a != NULL && default_b != NULL && strcmp(default_a->id, default_b->id) != 0)
        add_boot(diff, "default", default_a, default_b);
}

/* --- the two trees: modules, units, configuration, and everything else by directory */

typedef struct {
    CcbDiff *diff;
    const CcbSnapshot *a, *b;
    GHashTable *directories; /* path ► CcbDiffDirectory, which is in diff->directories */
} Comparison;

/* Content that was not read counts as another. */
static bool is_same(const Comparison *c, const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    if (a == NULL || b == NULL)
        return false;
    if (ccb_entries_agree(a, b))
        return true;
    if (!S_ISREG(a->st.mode) || a->st.mode != b->st.mode || a->st.uid != b->st.uid ||
        a->st.gid != b->st.gid || a->st.size != b->st.size)
        return false;
    GBytes *text_a = g_hash_table_lookup(c->a->texts, a->path);
    GBytes *text_b = g_hash_table_lookup(c->b->texts, a->path);
    if (text_a != NULL && text_b != NULL)
        return g_bytes_equal(text_a, text_b);
    const char *digest_a = g_hash_table_lookup(c->a->digests, a->path);
    return digest_a != NULL &&
           g_strcmp0(digest_a, g_hash_table_lookup(c->b->digests, a->path)) == 0;
}

static void count(CcbDiffDirectory *directory, const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    directory->added += a == NULL;
    directory->removed += b == NULL;
    directory->changed += a != NULL && b != NULL;
    directory->removed_bytes += a != NULL && S_ISREG(a->st.mode) ? a->st.size : 0;
    directory->added_bytes += b != NULL && S_ISREG(b->st.mode) ? b->st.size : 0;
}

static void count_by_directory(Comparison *c, const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    g_autofree char *path = ccb_path_directory(a != NULL ? a->path : b->path);
    CcbDiffDirectory *directory = g_hash_table_lookup(c->directories, path);
    if (directory == NULL) {
        directory = g_new0(CcbDiffDirectory, 1);
        directory->path = g_steal_pointer(&path);
        g_hash_table_insert(c->directories, directory->path, directory);
        g_ptr_array_add(c->diff->directories, directory);
    }
    count(directory, a, b);
}

/* "link ► TARGET", or "file 0644 0:0"; NULL for no entry.  Caller frees. */
static char *attributes(const CcbGuestEntry *entry)
{
    if (entry == NULL)
        return NULL;
    if (S_ISLNK(entry->st.mode))
        return g_strdup_printf("link ► %s", entry->target);
    const char *type = S_ISREG(entry->st.mode)   ? "file"
                       : S_ISDIR(entry->st.mode) ? "directory"
                                                 : "special file";
    return g_strdup_printf("%s %04o %u:%u", type, entry->st.mode & 07777, entry->st.uid,
                           entry->st.gid);
}

static const char *text_of(const CcbSnapshot *s, const CcbGuestEntry *entry, size_t *ret_size)
{
    *ret_size = 0;
    GBytes *bytes = entry != NULL ? g_hash_table_lookup(s->texts, entry->path) : NULL;
    const char *text = bytes != NULL ? g_bytes_get_data(bytes, ret_size) : NULL;
    if (text == NULL)
        return "";
    /* The padding of GRUB's environment block stands in one line with the next variable. */
    if (strcmp(entry->path, "boot/grub2/grubenv") == 0)
        while (*ret_size > 0 && text[*ret_size - 1] == '#')
            --*ret_size;
    return text;
}

static bool has_key(const char *text, size_t size)
{
    g_autoptr(GArray) leaks = ccb_leaks_find(text, size);
    for (guint i = 0; i < leaks->len; i++)
        if (g_array_index(leaks, CcbLeak, i).is_key)
            return true;
    return false;
}

static const char *why_hidden(const CcbGuestEntry *entry)
{
    if (entry == NULL)
        return NULL;
    if (!ccb_path_may_show(entry))
        return "not shown: not everybody may read it";
    return entry->st.size > CCB_DIFF_TEXT_MAX ? "not shown: too large" : NULL;
}

/* A configuration file, with the lines that differ or why they are not shown. */
static void add_file(Comparison *c, const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    size_t size_a, size_b;
    const char *text_a = text_of(c->a, a, &size_a);
    const char *text_b = text_of(c->b, b, &size_b);
    g_autofree char *path = g_strconcat("/", a != NULL ? a->path : b->path, NULL);
    g_autofree char *of_a = attributes(a);
    g_autofree char *of_b = attributes(b);
    CcbDiffItem *item = add(c->diff->files, change_of(a, b), path, of_a, of_b);
    if ((a != NULL && !S_ISREG(a->st.mode)) || (b != NULL && !S_ISREG(b->st.mode)))
        return;
    item->note = why_hidden(a);
    if (item->note == NULL)
        item->note = why_hidden(b);
    if (item->note != NULL)
        return;
    if (!ccb_textdiff_is_text(text_a, size_a) || !ccb_textdiff_is_text(text_b, size_b))
        item->note = "not shown: no text";
    else if (has_key(text_a, size_a) || has_key(text_b, size_b))
        item->note = "not shown: a private key";
    else if ((item->hunks = ccb_textdiff(text_a, size_a, text_b, size_b)) == NULL)
        item->note = "not shown: too much differs";
}

/* Returns whether it is a systemd unit, or a link that enables one. */
static bool add_unit(Comparison *c, const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    g_autofree char *unit_a = NULL, *unit_b = NULL;
    const char *what_a = a != NULL ? ccb_path_unit(a, &unit_a) : NULL;
    const char *what_b = b != NULL ? ccb_path_unit(b, &unit_b) : NULL;
    if (what_a == NULL && what_b == NULL)
        return false;
    g_autofree char *path_a = what_a != NULL ? g_strconcat("/", a->path, NULL) : NULL;
    g_autofree char *path_b = what_b != NULL ? g_strconcat("/", b->path, NULL) : NULL;
    CcbDiffItem *item =
        add(c->diff->units, change_of(a, b), unit_b != NULL ? unit_b : unit_a, path_a, path_b);
    item->what = what_b != NULL ? what_b : what_a;
    return true;
}

/* Directories come with what is in them: their own attributes are all that differs of one. */
static void add_pair(Comparison *c, const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    const char *path = a != NULL ? a->path : b->path;
    CcbPathKind kind = ccb_path_kind(path);
    const char *module = ccb_path_module(path);
    if (kind == CCB_PATH_VOLATILE) {
        count(c->diff->fleeting, a, b);
        return;
    }
    if (module != NULL)
        add(c->diff->modules, change_of(a, b), module,
            a != NULL ? g_hash_table_lookup(c->a->modules, path) : NULL,
            b != NULL ? g_hash_table_lookup(c->b->modules, path) : NULL);
    if (kind == CCB_PATH_OTHER) {
        count_by_directory(c, a, b);
        return;
    }
    /* All there is to a link to a unit, the list of units says. */
    bool only_links = (a == NULL || S_ISLNK(a->st.mode)) && (b == NULL || S_ISLNK(b->st.mode));
    if (!add_unit(c, a, b) || !only_links)
        add_file(c, a, b);
}

/* Most bytes first. */
static gint compare_directories(gconstpointer a, gconstpointer b)
{
    const CcbDiffDirectory *x = *(const CcbDiffDirectory *const *)a;
    const CcbDiffDirectory *y = *(const CcbDiffDirectory *const *)b;
    guint64 bytes_x = x->added_bytes + x->removed_bytes;
    guint64 bytes_y = y->added_bytes + y->removed_bytes;
    return bytes_x != bytes_y ? (bytes_x < bytes_y ? 1 : -1) : strcmp(x->path, y->path);
}

static void count_total(CcbDiffSide *side, const CcbGuestEntry *entry)
{
    side->files += entry != NULL && !S_ISDIR(entry->st.mode);
    side->bytes += entry != NULL && S_ISREG(entry->st.mode) ? entry->st.size : 0;
}

static void compare_trees(CcbDiff *diff, const CcbSnapshot *a, const CcbSnapshot *b)
{
    g_autoptr(GHashTable) directories = g_hash_table_new(g_str_hash, g_str_equal);
    Comparison c = {diff, a, b, directories};
    CcbPairs pairs = {a, b, 0, 0};
    const CcbGuestEntry *entry_a, *entry_b;
    while (ccb_pairs_next(&pairs, &entry_a, &entry_b)) {
        count_total(&diff->a, entry_a);
        count_total(&diff->b, entry_b);
        if (!is_same(&c, entry_a, entry_b))
            add_pair(&c, entry_a, entry_b);
    }
    g_ptr_array_sort(diff->directories, compare_directories);
}

static void describe(CcbDiffSide *side, const CcbSnapshot *s)
{
    side->name = g_strdup(s->name);
    side->problem = g_strdup(s->problem);
    side->order_problem = g_strdup(s->order_problem);
    if (s->facts == NULL)
        return;
    side->system = g_strdup(s->facts->os_name);
    side->entry = g_strdup(s->facts->default_entry);
    side->packages = s->facts->packages ? g_strv_length(s->facts->packages) : 0;
}

CcbDiff *ccb_diff_new(const CcbSnapshot *a, const CcbSnapshot *b)
{
    CcbDiff *diff = g_new0(CcbDiff, 1);
    GPtrArray **lists[] = {&diff->packages, &diff->kernels, &diff->modules,
                           &diff->units,    &diff->order,   &diff->files};
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        *lists[i] = g_ptr_array_new_with_free_func(item_free);
    diff->boot = g_ptr_array_new_with_free_func(boot_free);
    diff->directories = g_ptr_array_new_with_free_func(directory_free);
    diff->fleeting = g_new0(CcbDiffDirectory, 1);
    describe(&diff->a, a);
    describe(&diff->b, b);
    if (a->facts != NULL && b->facts != NULL) {
        compare_packages(diff->packages, a->facts->packages, b->facts->packages);
        compare_names(diff->kernels, a->facts->kernels, b->facts->kernels);
        compare_boot(diff, a->facts, b->facts);
    }
    if (a->order != NULL && b->order != NULL)
        compare_names(diff->order, a->order, b->order);
    compare_trees(diff, a, b);
    return diff;
}

bool ccb_diff_moves_default(const CcbDiff *diff)
{
    return diff->a.entry != NULL && diff->b.entry != NULL &&
           strcmp(diff->a.entry, diff->b.entry) != 0;
}

bool ccb_diff_is_empty(const CcbDiff *diff)
{
    const GPtrArray *lists[] = {diff->packages, diff->kernels, diff->modules, diff->units,
                                diff->order,    diff->files,   diff->boot,    diff->directories};
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        if (lists[i]->len > 0)
            return false;
    return !ccb_diff_moves_default(diff) && g_strcmp0(diff->a.problem, diff->b.problem) == 0 &&
           g_strcmp0(diff->a.order_problem, diff->b.order_problem) == 0;
}
