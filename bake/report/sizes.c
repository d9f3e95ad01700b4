/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the size went: by step, from the sizes of layers, and by directory, from those of files. */
#include "base/quantity.h"
#include "report/report-parts.h"

enum { SHOWN_DIRECTORIES = 10, MOST_DIRECTORIES = 500 };

static void append_steps(GString *out, const json_t *steps)
{
    size_t i;
    const json_t *step;
    guint64 largest = 0;
    json_array_foreach(steps, i, step) largest = MAX(largest, ccb_json_count(step, "layer_size"));
    if (largest == 0)
        return;
    ccb_html_table(out, "bars", "By step: the compressed layers in the cache", "Step", "Share",
                   "#Layer", NULL);
    json_array_foreach(steps, i, step)
    {
        guint64 bytes = ccb_json_count(step, "layer_size");
        g_autofree char *size = ccb_format_size(bytes);
        ccb_html(out, "<tr><th scope=\"row\"><code>%s</code></th><td>", ccb_json_text(step, "id"));
        if (bytes > 0)
            ccb_page_bar(out, 0, (double)bytes, (double)largest);
        ccb_html(out, "</td><td class=\"number\">%s</td></tr>\n",
                 bytes > 0 ? size : "in the next layer");
    }
    ccb_html_table_end(out);
}

static double growth(const json_t *directory)
{
    return (double)ccb_json_count(directory, "added_bytes") -
           (double)ccb_json_count(directory, "removed_bytes");
}

/* The largest growth first. */
static gint compare_growth(gconstpointer a, gconstpointer b)
{
    double x = growth(*(const json_t *const *)a), y = growth(*(const json_t *const *)b);
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Directories [begin, end) of the sorted list. */
static void append_directories(GString *out, const GPtrArray *list, guint begin, guint end,
                               const char *caption)
{
    ccb_html_table(out, "bars", caption, "Directory", "Share", "#Growth", NULL);
    for (guint i = begin; i < end; i++) {
        const json_t *directory = list->pdata[i];
        guint files =
            (guint)(ccb_json_count(directory, "added") + ccb_json_count(directory, "removed") +
                    ccb_json_count(directory, "changed"));
        double bytes = growth(directory);
        g_autofree char *size = ccb_format_size((guint64)(bytes < 0 ? -bytes : bytes));
        ccb_html(out, "<tr><th scope=\"row\"><code>%s</code><small>%u file%s</small></th><td>",
                 ccb_json_text(directory, "path"), files, ccb_plural(files, "", "s"));
        ccb_page_bar(out, 0, MAX(bytes, 0), growth(list->pdata[0]));
        ccb_html(out, "</td><td class=\"number\">%s%s</td></tr>\n", bytes < 0 ? "−" : "+", size);
    }
    ccb_html_table_end(out);
}

static void append_all_directories(GString *out, const json_t *diff)
{
    size_t i;
    const json_t *directory;
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    json_array_foreach(json_object_get(diff, "directories"), i, directory)
        g_ptr_array_add(list, (gpointer)directory);
    g_ptr_array_sort(list, compare_growth);
    guint shown = MIN(list->len, SHOWN_DIRECTORIES), most = MIN(list->len, MOST_DIRECTORIES);
    if (list->len == 0)
        return;
    append_directories(out, list, 0, shown,
                       "By directory: bytes of added files, less those of removed ones");
    if (list->len == shown)
        return;
    ccb_html(out, "<details><summary><b>%u more %s</b></summary>\n", list->len - shown,
             ccb_plural(list->len - shown, "directory", "directories"));
    append_directories(out, list, shown, most, "The other directories");
    if (list->len > most)
        ccb_html(out, "<p>%u more %s left out.</p>\n", list->len - most,
                 ccb_plural(list->len - most, "is", "are"));
    ccb_html(out, "</details>\n");
}

void ccb_page_sizes(GString *out, const CcbPage *page)
{
    const json_t *a = json_object_get(page->diff, "a"), *b = json_object_get(page->diff, "b");
    g_autofree char *base = ccb_format_size(ccb_json_count(a, "bytes"));
    g_autofree char *image = ccb_format_size(ccb_json_count(b, "bytes"));
    if (page->diff != NULL)
        ccb_html(out, "<p>The files of %s have %s, those of the image %s.</p>\n",
                 page->before != NULL ? page->before : "the base", base, image);
    append_steps(out, json_object_get(page->manifest, "steps"));
    if (page->diff != NULL)
        append_all_directories(out, page->diff);
    else
        ccb_page_remark(out, page->no_diff);
}
