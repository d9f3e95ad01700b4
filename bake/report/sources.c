/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What it was baked from, with the digest of everything. */
#include "report/report-parts.h"

static void append_digest(GString *out, const char *term, const char *digest, const char *about)
{
    if (digest != NULL)
        ccb_html(out, "<div><dt>%s</dt><dd><code>%s</code><small>%s</small></dd></div>\n", term,
                 digest, about);
}

static void append_digests(GString *out, const json_t *m)
{
    g_string_append(out, "<h3>Digests</h3>\n<dl class=\"digests\">\n");
    append_digest(out, "Image", ccb_json_text(json_object_get(m, "image"), "sha256"),
                  "SHA-256 of the file");
    append_digest(out, "Base", ccb_json_text(json_object_get(m, "base"), "sha256"),
                  "SHA-256 of the file");
    append_digest(out, "Recipe", ccb_json_text(json_object_get(m, "recipe"), "digest"),
                  "of what it says, variables replaced");
    append_digest(out, "Content", ccb_json_text(m, "key"),
                  "of base, steps and files: images with the same key are the same bake");
    g_string_append(out, "</dl>\n");
}

static void append_file(GString *out, const json_t *file)
{
    ccb_html(out,
             "<tr><th scope=\"row\"><code>%s</code><small>%s</small><small>SHA-256 "
             "<code>%s</code></small></th>"
             "<td class=\"number\">",
             ccb_json_text(file, "label"), ccb_json_text(file, "url"),
             ccb_json_text(file, "sha256"));
    ccb_page_size(out, ccb_json_count(file, "size"));
    g_string_append(out, "</td></tr>\n");
}

static void append_files(GString *out, const json_t *m)
{
    size_t i;
    const json_t *file, *base = json_object_get(m, "base"), *files = json_object_get(m, "payloads");
    guint64 bytes = ccb_json_count(base, "size");
    json_array_foreach(files, i, file) bytes += ccb_json_count(file, "size");
    ccb_html(out, "<details><summary><b>Files</b> <span class=\"tally\">%u, ",
             (unsigned)(json_array_size(files) + (base != NULL)));
    ccb_page_size(out, bytes);
    g_string_append(out, "</span></summary>\n<table class=\"files\"><caption>Files that went in"
                         "</caption>\n<thead><tr><th scope=\"col\">File</th>"
                         "<th scope=\"col\" class=\"number\">Size</th></tr></thead>\n<tbody>\n");
    if (base != NULL)
        append_file(out, base);
    json_array_foreach(files, i, file) append_file(out, file);
    g_string_append(out, "</tbody></table></details>\n");
}

static void append_variables(GString *out, const json_t *variables)
{
    const char *name;
    const json_t *value;
    if (json_object_size(variables) == 0)
        return;
    ccb_html(out,
             "<details><summary><b>Variables of the recipe</b> <span class=\"tally\">%u</span>"
             "</summary>\n<dl class=\"variables\">\n",
             (unsigned)json_object_size(variables));
    json_object_foreach((json_t *)variables, name, value)
        ccb_html(out, "<div><dt><code>%s</code></dt><dd><code>%s</code></dd></div>\n", name,
                 json_string_value(value));
    g_string_append(out, "</dl></details>\n");
}

static void append_packages(GString *out, const json_t *packages)
{
    size_t i;
    const json_t *name;
    if (json_array_size(packages) == 0)
        return;
    ccb_html(out,
             "<details><summary><b>Packages added</b> <span class=\"tally\">%u</span></summary>\n"
             "<ul class=\"changes\">\n",
             (unsigned)json_array_size(packages));
    json_array_foreach(packages, i, name)
        ccb_html(out, "<li><code>%s</code></li>\n", json_string_value(name));
    g_string_append(out, "</ul></details>\n");
}

void ccb_page_sources(GString *out, const CcbPage *page)
{
    const json_t *m = page->manifest, *recipe = json_object_get(m, "recipe");
    append_digests(out, m);
    if (json_object_get(m, "payloads") == NULL) {
        g_string_append(out, "<p>No manifest tells what this image was made from.</p>\n");
        return;
    }
    append_files(out, m);
    append_variables(out, json_object_get(recipe, "variables"));
    if (page->diff == NULL) /* else they are among the changes */
        append_packages(out, json_object_get(m, "packages_added"));
}
