/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For people.  Lines that start without a space are ours alone: all that a guest wrote is indented. */
#include <string.h>

#include "base/quantity.h"
#include "base/text.h"
#include "diff/diff.h"

enum { MOST_ITEMS = 200, MOST_DIRECTORIES = 30, MOST_LINES = 200 };

static const char signs[] = {
    [CCB_DIFF_ADDED] = '+', [CCB_DIFF_REMOVED] = '-', [CCB_DIFF_CHANGED] = '~'};

/* `before`, and then what a guest wrote, made printable; nothing for NULL. */
static void append(GString *out, const char *before, const char *foreign)
{
    g_autofree char *text = foreign != NULL ? ccb_name_printable(foreign) : NULL;
    if (text != NULL)
        g_string_append_printf(out, "%s%s", before, text);
}

static void append_line(GString *out, const char *before, const char *foreign)
{
    g_string_append(out, before);
    append(out, " ", foreign);
    g_string_append_c(out, '\n');
}

static void append_counts(GString *out, guint added, guint removed, guint changed)
{
    const char *between = "";
    const struct {
        guint count;
        const char *name;
    } counts[] = {{added, "added"}, {removed, "removed"}, {changed, "changed"}};
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        if (counts[i].count == 0)
            continue;
        g_string_append_printf(out, "%s%u %s", between, counts[i].count, counts[i].name);
        between = ", ";
    }
}

static void append_side(GString *out, const char *label, const CcbDiffSide *side)
{
    const struct {
        const char *what, *problem;
    } problems[] = {{"packages and boot entries are", side->problem},
                    {"the order of the GPU's units is", side->order_problem}};
    g_autofree char *size = ccb_format_size(side->bytes);
    g_string_append_printf(out, "%-8s", label);
    append(out, " ", side->name);
    append(out, ": ", side->system);
    g_string_append_printf(out, ", %u %s, %u %s, %s\n", side->packages,
                           ccb_plural(side->packages, "package", "packages"), side->files,
                           ccb_plural(side->files, "file", "files"), size);
    for (size_t i = 0; i < G_N_ELEMENTS(problems); i++) {
        if (problems[i].problem == NULL)
            continue;
        g_string_append_printf(out, "%-8s %s", "", problems[i].what);
        append_line(out, " not compared:", problems[i].problem);
    }
}

/* "A ► B", or the one that there is. */
static void append_change(GString *out, const char *a, const char *b)
{
    append(out, " ", a);
    append(out, a != NULL ? " ► " : " ", b);
}

static void append_unit(GString *out, const CcbDiffItem *unit)
{
    g_string_append_printf(out, " %-8s", unit->what);
    append(out, " ", unit->name);
    append(out, "  ", unit->b != NULL ? unit->b : unit->a);
    g_string_append_c(out, '\n');
}

static void append_item(GString *out, const CcbDiffItem *item)
{
    append(out, " ", item->name);
    append_change(out, item->a, item->b);
    g_string_append_c(out, '\n');
}

/* The line that a changed line replaces, or is replaced by; NULL: none beside it. */
static const char *other_side(char **lines, guint n, guint i)
{
    if (lines[i][0] == '-' && i + 1 < n && lines[i + 1][0] == '+')
        return lines[i + 1];
    return lines[i][0] == '+' && i > 0 && lines[i - 1][0] == '-' ? lines[i - 1] : NULL;
}

/* Characters that both have in common, after their signs; of valid UTF-8. */
static glong common_prefix(const char *a, const char *b)
{
    glong n = 0;
    for (; *a != '\0' && g_utf8_get_char(a) == g_utf8_get_char(b); n++) {
        a = g_utf8_next_char(a);
        b = g_utf8_next_char(b);
    }
    return n;
}

/* A long line without most of what it has in common with its other side: kernelopts has 700 characters, of which a step
 * changes one word.  Caller frees. */
static char *shorten(const char *line, const char *other)
{
    enum { LONG = 160, KEPT = 30 };
    glong length = g_utf8_strlen(line, -1);
    if (other == NULL || length <= LONG)
        return g_strdup(line);
    g_autofree char *back = g_utf8_strreverse(line + 1, -1);
    g_autofree char *other_back = g_utf8_strreverse(other + 1, -1);
    glong room = MIN(length, g_utf8_strlen(other, -1)) - 1;
    glong before = common_prefix(line + 1, other + 1);
    glong after = MIN(common_prefix(back, other_back), room - before);
    glong from = before > 2 * KEPT ? before - KEPT : 0;
    glong to = after > 2 * KEPT ? length - 1 - after + KEPT : length - 1;
    g_autofree char *shown = g_utf8_substring(line + 1, from, to);
    g_autofree char *head = from > 0 ? g_utf8_substring(line + 1, 0, KEPT) : g_strdup("");
    return g_strdup_printf("%c%s%s%s%s", line[0], head, from > 0 ? " ... " : "", shown,
                           to < length - 1 ? " ..." : "");
}

static void append_file(GString *out, const CcbDiffItem *file)
{
    append(out, " ", file->name);
    if (g_strcmp0(file->a, file->b) != 0)
        append_change(out, file->a, file->b);
    if (file->note != NULL)
        g_string_append_printf(out, " (%s)", file->note);
    g_string_append_c(out, '\n');
    if (file->hunks == NULL || file->hunks[0] == '\0')
        return;
    g_autofree char *text = ccb_text_printable(file->hunks, strlen(file->hunks));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint n = g_strv_length(lines) - 1; /* the last one is empty */
    for (guint i = 0; i < MIN(n, MOST_LINES); i++) {
        g_autofree char *line = shorten(lines[i], other_side(lines, n, i));
        g_string_append_printf(out, "      %s\n", line);
    }
    if (n > MOST_LINES)
        g_string_append_printf(out, "      ... %u more %s\n", n - MOST_LINES,
                               ccb_plural(n - MOST_LINES, "line", "lines"));
}

/* A heading with the number of items, and the items, each by `append_one`; nothing for none. */
static void append_list(GString *out, const char *title, const GPtrArray *items,
                        void (*append_one)(GString *out, const CcbDiffItem *item))
{
    guint counts[] = {[CCB_DIFF_ADDED] = 0, [CCB_DIFF_REMOVED] = 0, [CCB_DIFF_CHANGED] = 0};
    if (items->len == 0)
        return;
    for (guint i = 0; i < items->len; i++)
        counts[((const CcbDiffItem *)items->pdata[i])->change]++;
    g_string_append_printf(out, "%-8s ", title);
    append_counts(out, counts[CCB_DIFF_ADDED], counts[CCB_DIFF_REMOVED], counts[CCB_DIFF_CHANGED]);
    g_string_append_c(out, '\n');
    for (guint i = 0; i < MIN(items->len, MOST_ITEMS); i++) {
        const CcbDiffItem *item = items->pdata[i];
        g_string_append_printf(out, "  %c", signs[item->change]);
        append_one(out, item);
    }
    if (items->len > MOST_ITEMS)
        g_string_append_printf(out, "  ... %u more\n", items->len - MOST_ITEMS);
}

static void append_boot(GString *out, const CcbDiff *diff)
{
    bool moved = ccb_diff_moves_default(diff);
    if (diff->boot->len > 0 || moved)
        g_string_append(out, "boot\n");
    if (moved) {
        g_string_append(out, "  ~ the default entry is another:");
        append_change(out, diff->a.entry, diff->b.entry);
        g_string_append_c(out, '\n');
    }
    for (guint i = 0; i < diff->boot->len; i++) {
        const CcbDiffBoot *boot = diff->boot->pdata[i];
        g_string_append_printf(out, "  %c", signs[boot->change]);
        append_line(out, "", boot->id);
        for (char **word = boot->removed; *word != NULL; word++)
            append_line(out, "      -", *word);
        for (char **word = boot->added; *word != NULL; word++)
            append_line(out, "      +", *word);
    }
}

static void append_directory(GString *out, const CcbDiffDirectory *directory)
{
    g_autofree char *come = ccb_format_size(directory->added_bytes);
    g_autofree char *gone = ccb_format_size(directory->removed_bytes);
    append_counts(out, directory->added, directory->removed, directory->changed);
    if (directory->added_bytes > 0)
        g_string_append_printf(out, ", +%s", come);
    if (directory->removed_bytes > 0)
        g_string_append_printf(out, ", -%s", gone);
    g_string_append_c(out, '\n');
}

static void append_directories(GString *out, const GPtrArray *directories)
{
    CcbDiffDirectory all = {0};
    for (guint i = 0; i < directories->len; i++) {
        const CcbDiffDirectory *one = directories->pdata[i];
        all.added += one->added;
        all.removed += one->removed;
        all.changed += one->changed;
        all.added_bytes += one->added_bytes;
        all.removed_bytes += one->removed_bytes;
    }
    if (directories->len > 0) {
        g_string_append(out, "other    ");
        append_directory(out, &all);
    }
    for (guint i = 0; i < MIN(directories->len, MOST_DIRECTORIES); i++) {
        const CcbDiffDirectory *directory = directories->pdata[i];
        append(out, "  ", directory->path);
        g_string_append(out, "  ");
        append_directory(out, directory);
    }
    if (directories->len > MOST_DIRECTORIES)
        g_string_append_printf(
            out, "  ... %u more %s\n", directories->len - MOST_DIRECTORIES,
            ccb_plural(directories->len - MOST_DIRECTORIES, "directory", "directories"));
}

static char *finish_text(GString *out, const CcbDiff *diff)
{
    append_list(out, "packages", diff->packages, append_item);
    append_list(out, "kernels", diff->kernels, append_item);
    append_boot(out, diff);
    append_list(out, "modules", diff->modules, append_item);
    append_list(out, "units", diff->units, append_unit);
    append_list(out, "order", diff->order, append_item);
    append_list(out, "files", diff->files, append_file);
    append_directories(out, diff->directories);
    const CcbDiffDirectory *fleeting = diff->fleeting;
    if (fleeting->added + fleeting->removed + fleeting->changed > 0) {
        g_string_append(out, "logs and caches: ");
        append_directory(out, fleeting);
    }
    if (ccb_diff_is_empty(diff))
        g_string_append(out, "no difference\n");
    return g_string_free(out, FALSE);
}

char *ccb_diff_to_text(const CcbDiff *diff)
{
    GString *out = g_string_new(NULL);
    append_side(out, "a", &diff->a);
    append_side(out, "b", &diff->b);
    return finish_text(out, diff);
}

char *ccb_diff_body_to_text(const CcbDiff *diff)
{
    return finish_text(g_string_new(NULL), diff);
}
