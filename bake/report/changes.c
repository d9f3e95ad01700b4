/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The image compared with its base, as `ccbake diff` does it. */
#include <string.h>

#include "report/report-parts.h"

/* A guest must not be able to make the page too long to be read. */
enum { MOST_ITEMS = 500, MOST_LINES = 200, MOST_HUNK_BYTES = 512 << 10 };

typedef enum { ADDED, REMOVED, CHANGED } Change;

static const struct {
    const char *name, *sign;
} changes[] = {{"added", "+"}, {"removed", "−"}, {"changed", "~"}};

static Change change_of(const json_t *item)
{
    const char *name = ccb_json_text(item, "change");
    Change change = ADDED;
    while (change < CHANGED && g_strcmp0(name, changes[change].name) != 0)
        change++;
    return change;
}

static void append_sign(GString *out, Change change)
{
    ccb_html(
        out,
        "<span class=\"mark %s\" aria-hidden=\"true\">%s</span><span class=\"heard\">%s </span>",
        changes[change].name, changes[change].sign, changes[change].name);
}

/* "9 added, 1 changed". */
static void append_counts(GString *out, const json_t *items)
{
    size_t i;
    const json_t *item;
    guint counts[G_N_ELEMENTS(changes)] = {0};
    const char *between = "";
    json_array_foreach(items, i, item) counts[change_of(item)]++;
    for (size_t k = 0; k < G_N_ELEMENTS(changes); k++) {
        if (counts[k] == 0)
            continue;
        ccb_html(out, "%s%u %s", between, counts[k], changes[k].name);
        between = ", ";
    }
}

/* The lines of a unified diff, each in the colour of its sign. */
static void append_hunks(GString *out, const char *hunks)
{
    guint lines = 0;
    ccb_html(out, "<pre>");
    for (const char *line = hunks, *next; *line != '\0'; line = next) {
        size_t length = strcspn(line, "\n");
        next = line + length + (line[length] == '\n');
        if (lines++ == MOST_LINES) {
            ccb_html(out, "<i>The rest is left out.</i>\n");
            break;
        }
        const char *class = *line == '+'   ? "added"
                            : *line == '-' ? "removed"
                            : *line == '@' ? "hunk"
                                           : "same";
        ccb_html(out, "<span class=\"%s\">", class);
        ccb_html_lines(out, line, length);
        ccb_html(out, "</span>\n");
    }
    ccb_html(out, "</pre>\n");
}

static void append_words(GString *out, const json_t *words, Change change)
{
    size_t i;
    const json_t *word;
    json_array_foreach(words, i, word)
    {
        ccb_html(out, "<li>");
        append_sign(out, change);
        ccb_html(out, "<code>%s</code></li>\n", json_string_value(word));
    }
}

static void append_boot_entry(GString *out, const json_t *item, gsize *left)
{
    append_sign(out, change_of(item));
    ccb_html(out, "<code>%s</code><ul>\n", ccb_json_text(item, "entry"));
    append_words(out, json_object_get(item, "removed"), REMOVED);
    append_words(out, json_object_get(item, "added"), ADDED);
    ccb_html(out, "</ul>");
}

/* With its two values, or the one that there is; equal ones are those of a file whose content differs. */
static void append_item(GString *out, const json_t *item, gsize *left)
{
    const char *what = ccb_json_text(item, "what");
    const char *a = ccb_json_text(item, "a"), *b = ccb_json_text(item, "b");
    append_sign(out, change_of(item));
    if (what != NULL)
        ccb_html(out, "%s ", what);
    ccb_html(out, "<code>%s</code>", ccb_json_text(item, "name"));
    if (a != NULL && b != NULL && strcmp(a, b) != 0)
        ccb_html(out, " <small>%s ► %s</small>", a, b);
    else if (a == NULL || b == NULL)
        ccb_html(out, " <small>%s</small>", b != NULL ? b : a);
}

/* With the lines that differ, as long as there is room: `left` bytes. */
static void append_file(GString *out, const json_t *item, gsize *left)
{
    const char *hunks = ccb_json_text(item, "lines"), *note = ccb_json_text(item, "note");
    append_item(out, item, left);
    if (note != NULL)
        ccb_html(out, " <small>(%s)</small>", note);
    if (hunks == NULL || *hunks == '\0')
        return;
    gsize size = strlen(hunks);
    if (size > *left) {
        ccb_html(out, " <small>(left out here: too long)</small>");
        return;
    }
    *left -= size;
    append_hunks(out, hunks);
}

typedef struct {
    const char *member, *title;
    bool open; /* unfolded if it is short: what people look for */
    void (*append)(GString *out, const json_t *item, gsize *left);
} List;

static const List lists[] = {
    {"packages", "Packages", true, append_item},
    {"kernels", "Kernels", true, append_item},
    {"boot", "Boot arguments", true, append_boot_entry},
    {"modules", "Kernel modules", true, append_item},
    {"units", "Units", true, append_item},
    {"order", "Order of the GPU's units", false, append_item},
    {"configuration", "Configuration files", false, append_file},
};

static void append_list(GString *out, const List *list, const json_t *items, gsize *left)
{
    enum { SHORT = 12 };
    size_t n = json_array_size(items);
    if (n == 0)
        return;
    g_string_append(out, list->open && n <= SHORT ? "<details open=\"open\">" : "<details>");
    ccb_html(out, "<summary><b>%s</b> <span class=\"tally\">", list->title);
    append_counts(out, items);
    ccb_html(out, "</span></summary>\n<ul class=\"changes\">\n");
    for (size_t i = 0; i < MIN(n, MOST_ITEMS); i++) {
        ccb_html(out, "<li>");
        list->append(out, json_array_get(items, i), left);
        ccb_html(out, "</li>\n");
    }
    if (n > MOST_ITEMS)
        ccb_html(out, "<li>%u more are left out.</li>\n", (unsigned)(n - MOST_ITEMS));
    ccb_html(out, "</ul></details>\n");
}

void ccb_page_items(GString *out, const char *title, const json_t *items)
{
    const List list = {NULL, title, true, append_item};
    append_list(out, &list, items, NULL);
}

static void append_problems(GString *out, const json_t *side, const char *name)
{
    const char *problem = ccb_json_text(side, "problem");
    const char *order = ccb_json_text(side, "order_problem");
    if (problem != NULL)
        ccb_html(out, "<p>Packages and boot entries are not compared: %s: %s</p>\n", name, problem);
    if (order != NULL)
        ccb_html(out, "<p>The order of the GPU's units is not compared: %s: %s</p>\n", name, order);
}

void ccb_page_changes(GString *out, const CcbPage *page)
{
    const json_t *a = json_object_get(page->diff, "a"), *b = json_object_get(page->diff, "b");
    const json_t *fleeting = json_object_get(page->diff, "volatile");
    const char *before = ccb_json_text(a, "entry"), *after = ccb_json_text(b, "entry");
    const char *before_name = page->before != NULL ? page->before : "the base";
    gsize left = MOST_HUNK_BYTES;
    if (page->diff == NULL) {
        ccb_page_remark(out, page->no_diff);
        return;
    }
    ccb_html(out,
             "<p>Compared with %s, which has %u packages and %u files; the image has %u packages "
             "and %u files.",
             before_name, (unsigned)ccb_json_count(a, "packages"),
             (unsigned)ccb_json_count(a, "files"), (unsigned)ccb_json_count(b, "packages"),
             (unsigned)ccb_json_count(b, "files"));
    if (json_is_false(json_object_get(page->diff, "different")))
        ccb_html(out, " They do not differ.");
    ccb_html(out, "</p>\n");
    append_problems(out, a, before_name);
    append_problems(out, b, "the image");
    if (before != NULL && after != NULL && strcmp(before, after) != 0)
        ccb_html(out, "<p>The default boot entry changed: <code>%s</code> ► <code>%s</code></p>\n",
                 before, after);
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        append_list(out, &lists[i], json_object_get(page->diff, lists[i].member), &left);
    ccb_html(out, "<p>All other files are counted by directory in "
                  "<a href=\"#sizes\">Where the size went</a>.");
    guint n = (guint)(ccb_json_count(fleeting, "added") + ccb_json_count(fleeting, "removed") +
                      ccb_json_count(fleeting, "changed"));
    if (n > 0)
        ccb_html(out, " Logs, caches and other files that change in normal operation: %u.", n);
    ccb_html(out, "</p>\n");
}
