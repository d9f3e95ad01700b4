/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the size went: by step, as layers have it, and by directory, as the files have it. */
#include "report/report-parts.h"

enum { SHOWN_DIRECTORIES = 10, MOST_DIRECTORIES = 500 };

static void append_head(GString *out, const char *caption, const char *what, const char *size)
{
    ccb_html(out,
             "<table class=\"bars\"><caption>%s</caption>\n<thead><tr><th scope=\"col\">%s</th>"
             "<th scope=\"col\">Share</th><th scope=\"col\" class=\"number\">%s</th></tr></thead>\n"
             "<tbody>\n",
             caption, what, size);
}

/* --- by step */

static void append_step(GString *out, const json_t *step, double largest)
{
    guint64 size = ccb_json_count(step, "layer_size");
    ccb_html(out, "<tr><th scope=\"row\"><code>%s</code></th><td>", ccb_json_text(step, "id"));
    if (size > 0)
        ccb_page_bar(out, 0, (double)size, largest);
    g_string_append(out, "</td><td class=\"number\">");
    if (size > 0)
        ccb_page_size(out, size);
    else
        g_string_append(out, "with the next");
    g_string_append(out, "</td></tr>\n");
}

static void append_steps(GString *out, const json_t *steps)
{
    size_t i;
    const json_t *step;
    guint64 largest = 0;
    json_array_foreach(steps, i, step) largest = MAX(largest, ccb_json_count(step, "layer_size"));
    if (largest == 0)
        return;
    append_head(out, "By step: the layers, compressed, as the cache has them", "Step", "Layer");
    json_array_foreach(steps, i, step) append_step(out, step, (double)largest);
    g_string_append(out, "</tbody></table>\n");
}

/* --- by directory */

static double growth(const json_t *directory)
{
    return (double)ccb_json_count(directory, "added_bytes") -
           (double)ccb_json_count(directory, "removed_bytes");
}

static gint compare_growth(gconstpointer a, gconstpointer b)
{
    double x = growth(*(const json_t *const *)a), y = growth(*(const json_t *const *)b);
    return x < y ? 1 : x > y ? -1 : 0;
}

/* json_t, what grew most first; caller unrefs the array. */
static GPtrArray *sorted_directories(const json_t *diff)
{
    size_t i;
    const json_t *directory;
    GPtrArray *sorted = g_ptr_array_new();
    json_array_foreach(json_object_get(diff, "directories"), i, directory)
        g_ptr_array_add(sorted, (gpointer)directory);
    g_ptr_array_sort(sorted, compare_growth);
    return sorted;
}

static void append_directory(GString *out, const json_t *directory, double largest)
{
    guint files =
        (guint)(ccb_json_count(directory, "added") + ccb_json_count(directory, "removed") +
                ccb_json_count(directory, "changed"));
    double bytes = growth(directory);
    ccb_html(out, "<tr><th scope=\"row\"><code>%s</code><small>%u file%s</small></th><td>",
             ccb_json_text(directory, "path"), files, files == 1 ? "" : "s");
    ccb_page_bar(out, 0, MAX(bytes, 0), largest);
    ccb_html(out, "</td><td class=\"number\">%s", bytes < 0 ? "−" : "+");
    ccb_page_size(out, (guint64)(bytes < 0 ? -bytes : bytes));
    g_string_append(out, "</td></tr>\n");
}

static void append_directories(GString *out, const GPtrArray *list, guint begin, guint end,
                               const char *caption)
{
    append_head(out, caption, "Directory", "Growth");
    for (guint i = begin; i < end; i++)
        append_directory(out, list->pdata[i], growth(list->pdata[0]));
    g_string_append(out, "</tbody></table>\n");
}

static void append_all_directories(GString *out, const json_t *diff)
{
    g_autoptr(GPtrArray) list = sorted_directories(diff);
    guint shown = MIN(list->len, SHOWN_DIRECTORIES), most = MIN(list->len, MOST_DIRECTORIES);
    if (list->len == 0)
        return;
    append_directories(out, list, 0, shown,
                       "By directory: bytes of files that are not in the base");
    if (list->len == shown)
        return;
    ccb_html(out, "<details><summary><b>%u directories more</b></summary>\n", list->len - shown);
    append_directories(out, list, shown, most, "The other directories");
    if (list->len > most)
        ccb_html(out, "<p>%u more are left out.</p>\n", list->len - most);
    g_string_append(out, "</details>\n");
}

/* --- the whole */

static void append_total(GString *out, const CcbPage *page)
{
    const json_t *a = json_object_get(page->diff, "a"), *b = json_object_get(page->diff, "b");
    g_string_append(out, "<p>The files of the base have ");
    ccb_page_size(out, ccb_json_count(a, "bytes"));
    g_string_append(out, ", those of the image ");
    ccb_page_size(out, ccb_json_count(b, "bytes"));
    g_string_append(out, ".</p>\n");
}

void ccb_page_sizes(GString *out, const CcbPage *page)
{
    if (page->diff != NULL)
        append_total(out, page);
    append_steps(out, json_object_get(page->manifest, "steps"));
    if (page->diff != NULL)
        append_all_directories(out, page->diff);
    else
        ccb_page_remark(out, page->no_diff);
}
