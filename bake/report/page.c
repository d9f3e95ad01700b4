/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/page.h"

#include <gio/gio.h>
#include <string.h>

#include "base/quantity.h"
#include "report/report-parts.h"

/* Nothing is fetched and nothing runs, whatever gets into the page. */
#define POLICY                                                                                     \
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "              \
    "form-action 'none'"

const char *ccb_json_text(const json_t *json, const char *member)
{
    return json_string_value(json_object_get(json, member));
}

guint64 ccb_json_count(const json_t *json, const char *member)
{
    json_int_t value = json_integer_value(json_object_get(json, member));
    return value > 0 ? (guint64)value : 0;
}

void ccb_page_remark(GString *out, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text != NULL ? text : "", "`", -1);
    g_string_append(out, "<p>");
    for (guint i = 0; parts[i] != NULL; i++)
        ccb_html(out, i % 2 == 1 ? "<code>%s</code>" : "%s", parts[i]);
    g_string_append(out, "</p>\n");
}

void ccb_page_bar(GString *out, double from, double part, double whole)
{
    char left[G_ASCII_DTOSTR_BUF_SIZE], width[G_ASCII_DTOSTR_BUF_SIZE];
    double scale = whole > 0 ? 100 / whole : 0;
    g_ascii_formatd(left, sizeof left, "%.2f", CLAMP(from * scale, 0, 100));
    g_ascii_formatd(width, sizeof width, "%.2f", CLAMP(part * scale, 0, 100));
    g_string_append(out, "<span class=\"track\">");
    if (part > 0)
        ccb_html(out, "<span class=\"bar\" style=\"left:%s%%;width:%s%%\"></span>", left, width);
    g_string_append(out, "</span>");
}

GResource *ccb_page_get_resource(void); /* made by glib-compile-resources */

static void append_head(GString *out, const CcbPage *page)
{
    g_autoptr(GBytes) style = g_resource_lookup_data(ccb_page_get_resource(), "/report.css",
                                                     G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    ccb_html(out,
             "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
             "<head>\n<meta charset=\"utf-8\"/>\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"" POLICY "\"/>\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
             "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
             "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
             "<meta name=\"generator\" content=\"ccbake %s\"/>\n"
             "<title>%s: ccbake report</title>\n",
             CCB_VERSION, page->image);
    /* Without this one a browser asks a server for /favicon.ico. */
    ccb_html(out, "<link rel=\"icon\" href=\"data:,\"/>\n<style>\n");
    g_string_append_len(out, g_bytes_get_data(style, NULL), (gssize)g_bytes_get_size(style));
    ccb_html(out, "</style>\n</head>\n");
}

/* "✓ PASS 9 passed, 0 failed, 2 warnings". */
static void append_verdict(GString *out, const CcbPage *page)
{
    static const struct {
        const char *member, *text;
        bool always, countable;
    } rows[] = {
        {"passed", "passed", true, false},
        {"failed", "failed", true, false},
        {"unreadable", "unreadable", false, false},
        {"warnings", "warning", false, true},
        {"waived", "waived", false, false},
        {"not_applicable", "not applicable", false, false},
    };
    bool good = json_is_true(json_object_get(page->checks, "good"));
    const char *between = "";
    if (page->checks == NULL) {
        ccb_html(out, "<p class=\"verdict warn\"><strong>! NOT CHECKED</strong> "
                      "<span>No checks were run on this image.</span></p>\n");
        return;
    }
    ccb_html(out, "<p class=\"verdict %s\"><strong>%s</strong> <span>", good ? "pass" : "fail",
             good ? "✓ PASS" : "✗ FAIL");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        guint64 n = ccb_json_count(json_object_get(page->checks, "counts"), rows[i].member);
        if (n == 0 && !rows[i].always)
            continue;
        ccb_html(out, "%s%u %s%s", between, (unsigned)n, rows[i].text,
                 rows[i].countable ? ccb_plural(n, "", "s") : "");
        between = ", ";
    }
    ccb_html(out, "%s</span></p>\n", page->unpublished ? ". The image was not published." : "");
}

/* A term with its value; without a value, nothing. */
static void append_fact(GString *out, const char *term, const char *value, const char *more)
{
    if (value == NULL || *value == '\0')
        return;
    ccb_html(out, "<div><dt>%s</dt><dd>%s", term, value);
    if (more != NULL && *more != '\0')
        ccb_html(out, " <small>%s</small>", more);
    ccb_html(out, "</dd></div>\n");
}

static const char *last_name(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path;
}

/* "2026-11-25T01:24:04Z" as people write it; caller frees. */
static char *readable_time(const char *iso)
{
    g_autoptr(GDateTime) time = iso != NULL ? g_date_time_new_from_iso8601(iso, NULL) : NULL;
    return time != NULL ? g_date_time_format(time, "%Y-%m-%d %H:%M UTC") : NULL;
}

static void append_facts(GString *out, const json_t *m)
{
    const json_t *recipe = json_object_get(m, "recipe");
    const json_t *base = json_object_get(m, "base");
    const json_t *image = json_object_get(m, "image");
    const char *format = ccb_json_text(image, "format");
    const char *system = ccb_json_text(base, "os");
    const char *file = last_name(ccb_json_text(base, "url"));
    guint64 gpus = ccb_json_count(recipe, "gpus"), bytes = ccb_json_count(image, "size");
    g_autofree char *size = ccb_format_size(bytes);
    g_autofree char *disk = ccb_format_size(ccb_json_count(image, "virtual_size"));
    g_autofree char *kind = g_strdup_printf(
        "%s%s, disk of %s", json_is_true(json_object_get(image, "compressed")) ? "compressed " : "",
        format ? format : "", disk);
    double all = json_number_value(json_object_get(json_object_get(m, "seconds"), "all"));
    g_autofree char *count = gpus > 0 ? g_strdup_printf("%u", (unsigned)gpus) : NULL;
    g_autofree char *took = ccb_format_seconds(all);
    g_autofree char *in = all > 0 ? g_strconcat("in ", took, NULL) : NULL;
    g_autofree char *baked = readable_time(ccb_json_text(m, "baked"));
    ccb_html(out, "<dl class=\"facts\">\n");
    append_fact(out, "Kernel", ccb_json_text(m, "kernel"), NULL);
    append_fact(out, "Driver", ccb_json_text(m, "driver"), NULL);
    append_fact(out, "CUDA", ccb_json_text(m, "cuda"), NULL);
    append_fact(out, "GPUs", count, NULL);
    append_fact(out, "Size", bytes > 0 ? size : NULL, kind);
    append_fact(out, "Base", system ? system : file, system ? file : NULL);
    const json_t *git = json_object_get(recipe, "git");
    const char *commit = ccb_json_text(git, "commit");
    g_autofree char *revision = commit != NULL
                                    ? g_strdup_printf("git %.12s%s", commit,
                                                      json_is_true(json_object_get(git, "changed"))
                                                          ? ", with changes that are not committed"
                                                          : "")
                                    : NULL;
    g_autofree char *tool = g_strconcat("ccbake ", ccb_json_text(m, "ccbake"), NULL);
    append_fact(out, "Recipe", ccb_json_text(recipe, "name"), revision);
    append_fact(out, "Baked", baked, in);
    append_fact(out, "Baked by", ccb_json_text(m, "baked_by"), tool);
    ccb_html(out, "</dl>\n<p class=\"digest\"><span>SHA-256</span> <code>%s</code></p>\n",
             ccb_json_text(image, "sha256"));
}

/* Links to what is beside the page. */
static void append_links(GString *out, const CcbPage *page)
{
    const struct {
        const char *file, *name;
    } links[] = {{page->manifest_file, "manifest"}, {page->log_file, "log of the bake"}};
    const char *between = "<p>Beside this page: ", *end = "";
    for (size_t i = 0; i < G_N_ELEMENTS(links); i++) {
        if (links[i].file == NULL)
            continue;
        g_autofree char *url = g_uri_escape_string(links[i].file, NULL, FALSE);
        g_string_append(out, between);
        ccb_html(out, "<a href=\"./%s\">%s</a> <code>%s</code>", url, links[i].name, links[i].file);
        between = ", ";
        end = "</p>\n";
    }
    g_string_append(out, end);
}

static const struct {
    const char *id, *title;
    void (*append)(GString *out, const CcbPage *page);
} sections[] = {
    {"checks", "Checks", ccb_page_checks},
    {"unseen", "Not checked", ccb_page_unseen},
    {"order", "Boot order", ccb_page_order},
    {"steps", "Steps", ccb_page_steps},
    {"sizes", "Where the size went", ccb_page_sizes},
    {"previous", "Since the previous release", ccb_page_previous},
    {"changes", "Changes", ccb_page_changes},
    {"sources", "Sources", ccb_page_sources},
    {"recipe", "Recipe", ccb_page_recipe},
};

/* Most pages compare with no previous release. */
static bool has_section(const CcbPage *page, size_t i)
{
    return sections[i].append != ccb_page_previous || page->previous != NULL;
}

char *ccb_page_to_html(const CcbPage *page)
{
    GString *out = g_string_new(NULL);
    g_autoptr(GDateTime) time = g_date_time_new_now_utc();
    g_autofree char *now = g_date_time_format(time, "%Y-%m-%d %H:%M:%S UTC");
    append_head(out, page);
    ccb_html(out, "<body>\n<header>\n<p class=\"kicker\">Image report</p>\n<h1>%s</h1>\n",
             page->image);
    append_verdict(out, page);
    if (page->notes != NULL && page->notes[0] != NULL) {
        ccb_html(out, "<ul class=\"notes\">\n");
        for (const char *const *note = page->notes; *note != NULL; note++)
            ccb_html(out, "<li>%s</li>\n", *note);
        ccb_html(out, "</ul>\n");
    }
    append_facts(out, page->manifest);
    append_links(out, page);
    ccb_html(out, "</header>\n<nav aria-label=\"Sections\"><ul>\n");
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++)
        if (has_section(page, i))
            ccb_html(out, "<li><a href=\"#%s\">%s</a></li>\n", sections[i].id, sections[i].title);
    ccb_html(out, "</ul></nav>\n<main>\n");
    for (size_t i = 0; i < G_N_ELEMENTS(sections); i++) {
        if (!has_section(page, i))
            continue;
        ccb_html(out,
                 "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n",
                 sections[i].id, sections[i].id, sections[i].id, sections[i].title);
        sections[i].append(out, page);
        ccb_html(out, "</section>\n");
    }
    ccb_html(out, "</main>\n<footer><p>Made by ccbake %s, %s.</p></footer>\n</body>\n</html>\n",
             CCB_VERSION, now);
    return g_string_free(out, FALSE);
}
