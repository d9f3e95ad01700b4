/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two trees: modules, units, configuration, and everything else by directory. */
#include <string.h>
#include <sys/stat.h>

#include "diff/diff-parts.h"
#include "diff/rules.h"
#include "diff/textdiff.h"

typedef struct {
    CcbDiff *diff;
    const CcbSnapshot *a, *b;
    GHashTable *directories; /* path ► CcbDiffDirectory, which is in diff->directories */
} Comparison;

static CcbDiffChange change_of(const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    return a == NULL ? CCB_DIFF_ADDED : b == NULL ? CCB_DIFF_REMOVED : CCB_DIFF_CHANGED;
}

static bool same_attributes(const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    return a->st.mode == b->st.mode && a->st.uid == b->st.uid && a->st.gid == b->st.gid;
}

/* Of two files; content that was not read counts as another. */
static bool same_content(const Comparison *c, const char *path)
{
    GBytes *text_a = g_hash_table_lookup(c->a->texts, path);
    GBytes *text_b = g_hash_table_lookup(c->b->texts, path);
    if (text_a != NULL && text_b != NULL)
        return g_bytes_equal(text_a, text_b);
    const char *digest_a = g_hash_table_lookup(c->a->digests, path);
    const char *digest_b = g_hash_table_lookup(c->b->digests, path);
    return digest_a != NULL && digest_b != NULL && strcmp(digest_a, digest_b) == 0;
}

static bool same(const Comparison *c, const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    if (a == NULL || b == NULL)
        return false;
    if (ccb_entries_agree(a, b))
        return true;
    return same_attributes(a, b) && S_ISREG(a->st.mode) && a->st.size == b->st.size &&
           same_content(c, a->path);
}

/* --- counting */

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

static void count_total(CcbDiffSide *side, const CcbGuestEntry *entry)
{
    side->files += entry != NULL && !S_ISDIR(entry->st.mode);
    side->bytes += entry != NULL && S_ISREG(entry->st.mode) ? entry->st.size : 0;
}

/* --- configuration */

static const char *type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "link";
    default:
        return "special file";
    }
}

/* "link ► TARGET", or "file 0644 0:0"; caller frees. */
static char *attributes(const CcbGuestEntry *entry)
{
    if (entry == NULL)
        return NULL;
    if (S_ISLNK(entry->st.mode))
        return g_strdup_printf("link ► %s", entry->target);
    return g_strdup_printf("%s %04o %u:%u", type_name(entry->st.mode), entry->st.mode & 07777,
                           entry->st.uid, entry->st.gid);
}

/* Without the padding of GRUB's environment block, which is one line with the next variable. */
static size_t shown_size(const char *path, const char *text, size_t size)
{
    if (strcmp(path, "boot/grub2/grubenv") == 0)
        while (size > 0 && text[size - 1] == '#')
            size--;
    return size;
}

static bool is_plain(const CcbGuestEntry *entry)
{
    return entry == NULL || S_ISREG(entry->st.mode);
}

static bool may_show(const CcbGuestEntry *entry)
{
    return entry == NULL || ccb_path_may_show(entry);
}

static bool is_large(const CcbGuestEntry *entry)
{
    return entry != NULL && entry->st.size > CCB_DIFF_TEXT_MAX;
}

static const char *text_of(const CcbSnapshot *s, const CcbGuestEntry *entry, size_t *ret_size)
{
    GBytes *bytes = entry != NULL ? g_hash_table_lookup(s->texts, entry->path) : NULL;
    const char *text = bytes != NULL ? g_bytes_get_data(bytes, ret_size) : NULL;
    *ret_size = text != NULL ? shown_size(entry->path, text, *ret_size) : 0;
    return text != NULL ? text : "";
}

/* The lines that differ, or why there are none. */
static void add_lines(const Comparison *c, CcbDiffItem *item, const CcbGuestEntry *a,
                      const CcbGuestEntry *b)
{
    size_t size_a, size_b;
    const char *text_a = text_of(c->a, a, &size_a);
    const char *text_b = text_of(c->b, b, &size_b);
    if (!is_plain(a) || !is_plain(b))
        return;
    if (!may_show(a) || !may_show(b))
        item->note = "not shown: not everybody may read it";
    else if (is_large(a) || is_large(b))
        item->note = "not shown: too large";
    else if (!ccb_textdiff_is_text(text_a, size_a) || !ccb_textdiff_is_text(text_b, size_b))
        item->note = "not shown: no text";
    else if ((item->hunks = ccb_textdiff(text_a, size_a, text_b, size_b)) == NULL)
        item->note = "not shown: too much differs";
}

static void add_file(Comparison *c, const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    g_autofree char *path = g_strconcat("/", a != NULL ? a->path : b->path, NULL);
    g_autofree char *of_a = attributes(a);
    g_autofree char *of_b = attributes(b);
    CcbDiffItem *item = ccb_diff_add(c->diff->files, change_of(a, b), path, of_a, of_b);
    add_lines(c, item, a, b);
}

/* --- units and modules */

/* Whether it is one. */
static bool add_unit(Comparison *c, const CcbGuestEntry *a, const CcbGuestEntry *b)
{
    g_autofree char *unit_a = NULL, *unit_b = NULL;
    const char *what_a = a != NULL ? ccb_path_unit(a, &unit_a) : NULL;
    const char *what_b = b != NULL ? ccb_path_unit(b, &unit_b) : NULL;
    const char *what = what_b != NULL ? what_b : what_a;
    if (what == NULL)
        return false;
    g_autofree char *path_a = what_a != NULL ? g_strconcat("/", a->path, NULL) : NULL;
    g_autofree char *path_b = what_b != NULL ? g_strconcat("/", b->path, NULL) : NULL;
    CcbDiffItem *item = ccb_diff_add(c->diff->units, change_of(a, b),
                                     unit_b != NULL ? unit_b : unit_a, path_a, path_b);
    item->what = what;
    return true;
}

static void add_module(Comparison *c, const char *name, const CcbGuestEntry *a,
                       const CcbGuestEntry *b)
{
    ccb_diff_add(c->diff->modules, change_of(a, b), name,
                 a != NULL ? g_hash_table_lookup(c->a->modules, a->path) : NULL,
                 b != NULL ? g_hash_table_lookup(c->b->modules, b->path) : NULL);
}

static bool is_link(const CcbGuestEntry *entry)
{
    return entry == NULL || S_ISLNK(entry->st.mode);
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
        add_module(c, module, a, b);
    if (kind == CCB_PATH_OTHER)
        count_by_directory(c, a, b);
    else if (!add_unit(c, a, b) || !is_link(a) || !is_link(b))
        add_file(c, a, b);
}

static gint compare_directories(gconstpointer a, gconstpointer b)
{
    const CcbDiffDirectory *x = *(const CcbDiffDirectory *const *)a;
    const CcbDiffDirectory *y = *(const CcbDiffDirectory *const *)b;
    guint64 bytes_x = x->added_bytes + x->removed_bytes,
            bytes_y = y->added_bytes + y->removed_bytes;
    return bytes_x != bytes_y ? (bytes_x < bytes_y ? 1 : -1) : strcmp(x->path, y->path);
}

void ccb_diff_files(CcbDiff *diff, const CcbSnapshot *a, const CcbSnapshot *b)
{
    g_autoptr(GHashTable) directories = g_hash_table_new(g_str_hash, g_str_equal);
    Comparison c = {diff, a, b, directories};
    CcbPairs pairs = {a, b, 0, 0};
    const CcbGuestEntry *entry_a, *entry_b;
    while (ccb_pairs_next(&pairs, &entry_a, &entry_b)) {
        count_total(&diff->a, entry_a);
        count_total(&diff->b, entry_b);
        if (!same(&c, entry_a, entry_b))
            add_pair(&c, entry_a, entry_b);
    }
    g_ptr_array_sort(diff->directories, compare_directories);
}
