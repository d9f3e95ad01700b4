/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packages, kernels and other names, and boot entries. */
#include <string.h>

#include "diff/diff-parts.h"
#include "image/rpm.h"
#include "text/cmdline.h"

/* Of the strings in `a` (NULL: none), those that `b` has not, each as often as it is there more
 * often; caller frees. */
static char **only_in(char **a, char **b)
{
    g_autoptr(GHashTable) left = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *only = g_ptr_array_new();
    for (; b != NULL && *b != NULL; b++) {
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(left, *b));
        g_hash_table_insert(left, *b, GUINT_TO_POINTER(count + 1));
    }
    for (; a != NULL && *a != NULL; a++) {
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(left, *a));
        if (count > 0)
            g_hash_table_insert(left, *a, GUINT_TO_POINTER(count - 1));
        else
            g_ptr_array_add(only, g_strdup(*a));
    }
    g_ptr_array_add(only, NULL);
    return (char **)g_ptr_array_free(only, FALSE);
}

/* name.arch ► GPtrArray of versions. */
static GHashTable *by_name(char **packages)
{
    GHashTable *names =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    for (; *packages != NULL; packages++) {
        char *evr;
        char *name = ccb_rpm_split(*packages, &evr);
        GPtrArray *versions = g_hash_table_lookup(names, name);
        if (versions == NULL) {
            versions = g_ptr_array_new_with_free_func(g_free);
            g_hash_table_insert(names, g_strdup(name), versions);
        }
        g_ptr_array_add(versions, evr);
        g_free(name);
    }
    return names;
}

/* One version in the place of one is a change; several at once (kernels) come and go. */
static void add_package(CcbDiff *diff, const char *name, const GPtrArray *a, const GPtrArray *b)
{
    guint gone = a != NULL ? a->len : 0, come = b != NULL ? b->len : 0;
    if (gone == 1 && come == 1) {
        ccb_diff_add(diff->packages, CCB_DIFF_CHANGED, name, a->pdata[0], b->pdata[0]);
        return;
    }
    for (guint i = 0; i < gone; i++)
        ccb_diff_add(diff->packages, CCB_DIFF_REMOVED, name, a->pdata[i], NULL);
    for (guint i = 0; i < come; i++)
        ccb_diff_add(diff->packages, CCB_DIFF_ADDED, name, NULL, b->pdata[i]);
}

static gint compare_items(gconstpointer a, gconstpointer b)
{
    const CcbDiffItem *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);
    return order != 0 ? order : (int)(*y)->change - (int)(*x)->change;
}

void ccb_diff_packages(CcbDiff *diff, const CcbFacts *a, const CcbFacts *b)
{
    g_auto(GStrv) only_a = only_in(a->packages, b->packages);
    g_auto(GStrv) only_b = only_in(b->packages, a->packages);
    g_autoptr(GHashTable) gone = by_name(only_a);
    g_autoptr(GHashTable) come = by_name(only_b);
    GHashTableIter iter;
    gpointer name, versions;
    g_hash_table_iter_init(&iter, gone);
    while (g_hash_table_iter_next(&iter, &name, &versions))
        add_package(diff, name, versions, g_hash_table_lookup(come, name));
    g_hash_table_iter_init(&iter, come);
    while (g_hash_table_iter_next(&iter, &name, &versions))
        if (!g_hash_table_contains(gone, name))
            add_package(diff, name, NULL, versions);
    g_ptr_array_sort(diff->packages, compare_items);
}

void ccb_diff_names(GPtrArray *items, char **a, char **b)
{
    g_auto(GStrv) gone = only_in(a, b);
    g_auto(GStrv) come = only_in(b, a);
    for (char **name = gone; *name != NULL; name++)
        ccb_diff_add(items, CCB_DIFF_REMOVED, *name, NULL, NULL);
    for (char **name = come; *name != NULL; name++)
        ccb_diff_add(items, CCB_DIFF_ADDED, *name, NULL, NULL);
}

/* The arguments that an entry boots with; what GRUB would fill in for $kernelopts is in grubenv. */
static char **arguments(const CcbFacts *facts, const CcbBootEntry *entry)
{
    g_auto(GStrv) parts = g_strsplit(entry->options ? entry->options : "", "$kernelopts", -1);
    g_autofree char *text = g_strjoinv(facts->kernelopts ? facts->kernelopts : "", parts);
    g_autoptr(CcbCmdline) line = ccb_cmdline_parse(text, NULL);
    if (line == NULL) /* a quote that is not closed: one word is as good as any */
        return g_strsplit(text, "\n", 1);
    g_autoptr(GPtrArray) words = ccb_cmdline_arguments(line);
    char **list = g_new0(char *, words->len + 1);
    for (guint i = 0; i < words->len; i++)
        list[i] = g_strdup(words->pdata[i]);
    return list;
}

/* Either may be NULL. */
static void add_boot(CcbDiff *diff, const char *id, const CcbFacts *a_facts, const CcbBootEntry *a,
                     const CcbFacts *b_facts, const CcbBootEntry *b)
{
    g_auto(GStrv) a_words = a != NULL ? arguments(a_facts, a) : NULL;
    g_auto(GStrv) b_words = b != NULL ? arguments(b_facts, b) : NULL;
    CcbDiffBoot *boot = g_new0(CcbDiffBoot, 1);
    boot->change = a == NULL ? CCB_DIFF_ADDED : b == NULL ? CCB_DIFF_REMOVED : CCB_DIFF_CHANGED;
    boot->id = g_strdup(id);
    boot->removed = only_in(a_words, b_words);
    boot->added = only_in(b_words, a_words);
    g_ptr_array_add(diff->boot, boot);
    if (a != NULL && b != NULL && boot->removed[0] == NULL && boot->added[0] == NULL)
        g_ptr_array_set_size(diff->boot, (gint)diff->boot->len - 1);
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

void ccb_diff_boot(CcbDiff *diff, const CcbFacts *a, const CcbFacts *b)
{
    const CcbBootEntry *default_a = ccb_facts_default_entry(a);
    const CcbBootEntry *default_b = ccb_facts_default_entry(b);
    for (guint i = 0; i < a->entries->len; i++) {
        const CcbBootEntry *entry = a->entries->pdata[i];
        add_boot(diff, entry->id, a, entry, b, find_entry(b, entry->id));
    }
    for (guint i = 0; i < b->entries->len; i++) {
        const CcbBootEntry *entry = b->entries->pdata[i];
        if (find_entry(a, entry->id) == NULL)
            add_boot(diff, entry->id, a, NULL, b, entry);
    }
    if (default_a != NULL && default_b != NULL && strcmp(default_a->id, default_b->id) != 0)
        add_boot(diff, "default", a, default_a, b, default_b);
}
