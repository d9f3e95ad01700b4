/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sources of the image, with the digest of each. */
#include <string.h>

#include "base/cleanup.h"
#include "base/quantity.h"
#include "report/report-parts.h"

static void append_digest(GString *out, const char *term, const char *digest, const char *about)
{
    if (digest != NULL)
        ccb_html(out, "<div><dt>%s</dt><dd><code>%s</code><small>%s</small></dd></div>\n", term,
                 digest, about);
}

static void append_file(GString *out, const json_t *file)
{
    g_autofree char *size = ccb_format_size(ccb_json_count(file, "size"));
    ccb_html(out,
             "<tr><th scope=\"row\"><code>%s</code><small>%s</small><small>SHA-256 "
             "<code>%s</code></small></th><td class=\"number\">%s</td></tr>\n",
             ccb_json_text(file, "label"), ccb_json_text(file, "url"),
             ccb_json_text(file, "sha256"), size);
}

static void append_files(GString *out, const json_t *manifest)
{
    size_t i;
    const json_t *file, *base = json_object_get(manifest, "base");
    const json_t *files = json_object_get(manifest, "payloads");
    guint n = (guint)json_array_size(files) + (base != NULL);
    guint64 bytes = ccb_json_count(base, "size");
    json_array_foreach(files, i, file) bytes += ccb_json_count(file, "size");
    g_autofree char *size = ccb_format_size(bytes);
    ccb_html(out, "<details><summary><b>Files</b> <span class=\"tally\">%u, %s</span></summary>\n",
             n, size);
    ccb_html_table(out, "files", "The files that the image was made from", "File", "#Size", NULL);
    if (base != NULL)
        append_file(out, base);
    json_array_foreach(files, i, file) append_file(out, file);
    ccb_html_table_end(out);
    ccb_html(out, "</details>\n");
}

/* What the steps put into the image. */
static void append_inputs(GString *out, const json_t *files)
{
    enum { MOST = 1000 };
    size_t n = json_array_size(files);
    if (n == 0)
        return;
    ccb_html(out,
             "<details><summary><b>Files put into the image</b> <span class=\"tally\">%u</span>"
             "</summary>\n",
             (unsigned)n);
    ccb_html_table(out, "files", "The files that steps put into the image", "File", "#Size", NULL);
    for (size_t i = 0; i < MIN(n, MOST); i++) {
        const json_t *file = json_array_get(files, i);
        const char *source = ccb_json_text(file, "source"), *sha256 = ccb_json_text(file, "sha256");
        g_autofree char *size = ccb_format_size(ccb_json_count(file, "size"));
        ccb_html(out, "<tr><th scope=\"row\"><code>%s</code><small>step %s, %s %s, ",
                 ccb_json_text(file, "path"), ccb_json_text(file, "step"),
                 ccb_json_text(file, "mode"), ccb_json_text(file, "owner"));
        if (source != NULL)
            ccb_html(out, "from <code>%s</code></small>", source);
        else
            ccb_html(out, "made by ccbake</small>");
        if (sha256 != NULL)
            ccb_html(
                out,
                "<small>SHA-256 <code>%s</code></small></th><td class=\"number\">%s</td></tr>\n",
                sha256, size);
        else
            ccb_html(out, "<small>its content depends on the image</small></th><td></td></tr>\n");
    }
    ccb_html_table_end(out);
    if (n > MOST)
        ccb_html(out, "<p>%u more are in the manifest.</p>\n", (unsigned)(n - MOST));
    ccb_html(out, "</details>\n");
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
    ccb_html(out, "</dl></details>\n");
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
    ccb_html(out, "</ul></details>\n");
}

void ccb_page_sources(GString *out, const CcbPage *page)
{
    const json_t *m = page->manifest, *recipe = json_object_get(m, "recipe");
    ccb_html(out, "<h3>Digests</h3>\n<dl class=\"digests\">\n");
    append_digest(out, "Image", ccb_json_text(json_object_get(m, "image"), "sha256"),
                  "SHA-256 of the file");
    append_digest(out, "Base", ccb_json_text(json_object_get(m, "base"), "sha256"),
                  "SHA-256 of the file");
    append_digest(out, "Recipe", ccb_json_text(recipe, "digest"),
                  "of the recipe, with its variables replaced");
    append_digest(out, "Content", ccb_json_text(m, "key"),
                  "of base, steps and files: images with the same digest are the same bake");
    ccb_html(out, "</dl>\n");
    if (json_object_get(m, "payloads") == NULL) {
        ccb_html(out, "<p>There is no manifest that says what this image was made from.</p>\n");
        return;
    }
    append_files(out, m);
    append_inputs(out, json_object_get(m, "files"));
    append_variables(out, json_object_get(recipe, "variables"));
    if (page->diff == NULL) /* with a comparison they are among the changes */
        append_packages(out, json_object_get(m, "packages_added"));
}

void ccb_page_recipe(GString *out, const CcbPage *page)
{
    const json_t *recipe = json_object_get(page->manifest, "recipe");
    const json_t *content = json_object_get(recipe, "content");
    const json_t *git = json_object_get(recipe, "git");
    const json_t *changed = json_object_get(git, "changed");
    if (content == NULL) {
        ccb_html(out, "<p>There is no manifest that has the recipe.</p>\n");
        return;
    }
    ccb_html(out, "<p><code>%s</code>", ccb_json_text(recipe, "file"));
    if (git != NULL)
        ccb_html(out, " of the commit <code>%s</code>%s", ccb_json_text(git, "commit"),
                 json_is_true(changed)    ? ", with changes that are not committed"
                 : json_is_false(changed) ? ""
                                          : "; it is not known whether files were changed since");
    ccb_html(
        out,
        ", with what it extends, and its variables replaced; secrets and the queries of "
        "URLs are left out:</p>\n<details><summary><b>The recipe as JSON</b></summary>\n<pre>");
    ccb_autofree char *text = json_dumps(content, JSON_INDENT(2));
    if (text != NULL)
        ccb_html_lines(out, text, strlen(text));
    ccb_html(out, "</pre>\n</details>\n");
}
