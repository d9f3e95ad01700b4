/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>

#include "cli/report-data.h"
#include "guide/gpu-units.h"
#include "report/html.h"
#include "report/page.h"
#include "tap.h"

#define HOSTILE "<script>alert(1)</script>\"'&\xff\x1b[2J\xe2\x80\xae"

/* What becomes of it, wherever it stands. */
#define HARMLESS                                                                                   \
    "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&apos;&amp;\\xff\\x1b[2J\\xe2\\x80\\xae"

/* GMarkup knows what XML calls well-formed, as far as a page has it; it has no DOCTYPE and wants UTF-8. */
static void is_well_formed(const char *html, const char *what)
{
    g_autoptr(GError) error = NULL;
    const GMarkupParser parser = {0};
    g_autoptr(GMarkupParseContext) context = g_markup_parse_context_new(&parser, 0, NULL, NULL);
    const char *root = strstr(html, "<html");
    bool good = g_utf8_validate(html, -1, NULL) &&
                g_markup_parse_context_parse(context, root, -1, &error) &&
                g_markup_parse_context_end_parse(context, &error);
    if (!ok(good, what))
        printf("# %s\n", error != NULL ? error->message : "no UTF-8");
}

static void has(const char *html, const char *part, const char *what)
{
    if (!ok(strstr(html, part) != NULL, what))
        printf("# not there: %s\n", part);
}

static void lacks(const char *html, const char *part, const char *what)
{
    if (!ok(strstr(html, part) == NULL, what))
        printf("# there: %s\n", strstr(html, part));
}

static json_t *parse(const char *text)
{
    g_autofree char *quoted = g_strdup(text);
    g_strdelimit(quoted, "'", '"');
    json_error_t error;
    json_t *json = json_loads(quoted, 0, &error);
    if (json == NULL)
        g_error("%s", error.text);
    return json;
}

static json_t *some_manifest(void)
{
    return parse("{'image': {'sha256': 'abc', 'size': 1700000000, 'virtual_size': 21474836480,"
                 "           'format': 'qcow2', 'compressed': true},"
                 " 'kernel': '5.10', 'driver': '570.1', 'cuda': '12.8', 'backend': 'host',"
                 " 'baked': '2026-11-25T01:24:04Z', 'seconds': {'emit': 1, 'verify': 2, 'all': 9},"
                 " 'key': 'k', 'recipe': {'name': 'r', 'digest': 'd', 'gpus': 8,"
                 "                        'variables': {'driver': '570.1'}},"
                 " 'base': {'label': 'base', 'os': 'Linux 3', 'url': 'http://host/b.qcow2',"
                 "          'sha256': 'def', 'size': 5},"
                 " 'payloads': [], 'packages_added': ['p-1'],"
                 " 'steps': [{'id': 'one', 'what': 'first', 'seconds': 0, 'cached': true},"
                 "           {'id': 'two', 'what': 'second', 'seconds': 1.0, 'cached': false,"
                 "            'layer_size': 1000}]}");
}

static json_t *some_checks(void)
{
    return parse("{'good': false, 'notes': ['assumed: 8 GPUs'],"
                 " 'counts': {'passed': 2, 'failed': 1, 'warnings': 2},"
                 " 'checks': ["
                 "{'id': 'a.one', 'status': 'pass', 'severity': 'error', 'detail': 'fine',"
                 " 'why': 'w', 'remedy': 'r'},"
                 "{'id': 'a.two', 'status': 'not-applicable', 'severity': 'error', 'detail': 'no',"
                 " 'why': 'w', 'remedy': 'r'},"
                 "{'id': 'b.one', 'status': 'fail', 'severity': 'warning', 'detail': 'odd',"
                 " 'why': 'w', 'remedy': 'r'},"
                 "{'id': 'b.two', 'status': 'fail', 'severity': 'error', 'detail': 'bad',"
                 " 'why': 'because', 'remedy': 'repair it'},"
                 "{'id': 'b.three', 'status': 'fail', 'severity': 'error', 'detail': 'let be',"
                 " 'why': 'w', 'remedy': 'r', 'waiver': 'we know'}]}");
}

static char *render(const CcbPage *page)
{
    CcbPage whole = *page;
    whole.image = page->image ? page->image : "x.qcow2";
    return ccb_page_to_html(&whole);
}

static void test_escaping(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    ccb_html(out, "%u%% <b title=\"%s\">%s</b>%s", 7u, HOSTILE, "a\nb", (const char *)NULL);
    is_str(out->str, "7% <b title=\"" HARMLESS "\">a\\x0ab</b>", "what a %s holds is harmless");
    g_string_truncate(out, 0);
    ccb_html_lines(out, "<a>\tb\n\x01z", 7);
    is_str(out->str, "&lt;a&gt;\tb\n\\x01", "lines keep their ends and tabs, up to their length");
}

static void test_summary(void)
{
    json_t *manifest = some_manifest(), *checks = some_checks();
    g_autofree char *html = render(&(CcbPage){.manifest = manifest, .checks = checks});
    is_well_formed(html, "a page is well-formed XML");
    has(html, "default-src 'none'", "a policy lets nothing in");
    lacks(html, "<script", "there is no script");
    has(html, "<h1>x.qcow2</h1>", "the image");
    has(html, "✗ FAIL</strong> <span>2 passed, 1 failed, 2 warnings</span>", "the verdict");
    has(html, "<dt>Kernel</dt><dd>5.10</dd>", "the kernel");
    has(html, "<dt>Driver</dt><dd>570.1</dd>", "the driver");
    has(html, "<dt>CUDA</dt><dd>12.8</dd>", "CUDA");
    has(html, "<dt>GPUs</dt><dd>8</dd>", "GPUs");
    has(html, "<small>compressed qcow2, disk of 21.5 GB</small>", "the size");
    has(html, "<dd>Linux 3 <small>b.qcow2</small></dd>", "the base");
    has(html, "<dd>2026-11-25 01:24 UTC <small>in 9.0 s</small></dd>", "when");
    has(html, "<span>SHA-256</span> <code>abc</code>", "the digest");
    json_decref(manifest);
    json_decref(checks);
}

static void test_checks(void)
{
    json_t *manifest = some_manifest(), *checks = some_checks();
    g_autofree char *html = render(&(CcbPage){.manifest = manifest, .checks = checks});
    const char *bad = strstr(html, "<p class=\"found\">bad</p>");
    const char *odd = strstr(html, "<p class=\"found\">odd</p>");
    ok(bad != NULL && odd != NULL && bad < odd, "what fails comes before warnings");
    has(html, "<b>Why it matters:</b> because</p>\n<p><b>Remedy:</b> repair it</p>",
        "with reason and remedy");
    has(html, "<b>The recipe waives it:</b> we know</p>", "a waiver has its reason");
    has(html, "<span aria-hidden=\"true\">◇</span> waived</span> <code>b.three</code>",
        "and a sign");
    has(html, "<li>assumed: 8 GPUs</li>", "what was assumed");
    has(html,
        "<b>a</b> <span class=\"tally\"><span class=\"pass\"><span aria-hidden=\"true\">✓</span> "
        "1 pass</span>, <span class=\"none\"><span aria-hidden=\"true\">–</span> "
        "1 not applicable</span></span>",
        "families are counted");
    g_autofree char *failed =
        render(&(CcbPage){.manifest = manifest, .checks = checks, .unpublished = true});
    has(failed, "The image was not published.", "an image that was thrown away");
    g_autofree char *none = render(&(CcbPage){.manifest = manifest});
    has(none, "! NOT CHECKED", "an image that was not checked");
    json_decref(manifest);
    json_decref(checks);
}

static void test_steps(void)
{
    json_t *manifest = some_manifest();
    g_autofree char *html = render(
        &(CcbPage){.manifest = manifest, .no_diff = "no `base` here", .no_plot = "no units"});
    has(html, "2 steps: 1 baked through the backend <code>host</code>, 1 taken",
        "steps are counted");
    has(html, "<small>first</small></th><td></td><td class=\"number\">cached</td>",
        "a cached step has no bar");
    has(html,
        "<code>two</code><small>second</small></th><td><span class=\"track\">"
        "<span class=\"bar\" style=\"left:0.00%;width:25.00%\">",
        "a bar in the whole of steps, emit and verify");
    has(html,
        "<code>verify</code><small>check the image, read-only</small></th><td>"
        "<span class=\"track\"><span class=\"bar\" style=\"left:50.00%;width:50.00%\">",
        "begins where those before ended");
    has(html, "<code>one</code></th><td></td><td class=\"number\">in the next layer</td>",
        "a step without a layer of its own");
    has(html, "<p>no <code>base</code> here</p>", "why there is no comparison");
    has(html, "<p>no units</p>", "why there is no picture");
    has(html, "<code>p-1</code>", "packages, where no comparison has them");
    json_decref(manifest);
}

static void test_bare(void)
{
    json_t *manifest = parse("{'image': {'sha256': 'abc'}}");
    const char *notes[] = {"a " HOSTILE, NULL};
    g_autofree char *html =
        render(&(CcbPage){.image = HOSTILE, .manifest = manifest, .notes = notes});
    is_well_formed(html, "a page without a manifest");
    has(html, "<h1>" HARMLESS "</h1>", "a hostile name of the file");
    has(html, "<li>a " HARMLESS "</li>", "a note");
    has(html, "There is no manifest that says what this image was made from", "says what it lacks");
    json_decref(manifest);
    manifest = parse("{'image': 3, 'steps': {'a': 1}, 'base': [], 'recipe': 'x', 'payloads': [7],"
                     " 'seconds': 'soon', 'baked': 'yesterday', 'kernel': {}, 'key': null}");
    json_t *list = parse("{'checks': [1, {}, 'x'], 'counts': 4, 'a': [], 'packages': [2],"
                         " 'boot': [{'added': 3}], 'directories': [{}, 1], 'configuration': 'no'}");
    g_autofree char *odd = render(&(CcbPage){.manifest = manifest, .checks = list, .diff = list});
    is_well_formed(odd, "members of other types are as if they were not there");
    json_decref(manifest);
    json_decref(list);
}

/* In every place of the JSON where a guest, a recipe or a vendor may have a say. */
static void poison(json_t *json)
{
    const char *key;
    void *next;
    size_t i;
    json_t *value;
    json_object_foreach_safe(json, next, key, value)
    {
        if (json_is_string(value) && strcmp(key, "status") != 0 && strcmp(key, "change") != 0)
            json_object_set_new(json, key, json_string_nocheck(HOSTILE));
        poison(value);
    }
    json_array_foreach(json, i, value)
    {
        if (json_is_string(value))
            json_array_set_new(json, i, json_string_nocheck(HOSTILE));
        poison(value);
    }
}

static json_t *some_diff(void)
{
    return parse(
        "{'a': {'bytes': 10, 'files': 1, 'packages': 2, 'entry': 'x', 'problem': 'p'},"
        " 'b': {'bytes': 20, 'files': 2, 'packages': 3, 'entry': 'y', 'order_problem': 'q'},"
        " 'different': true,"
        " 'packages': [{'change': 'added', 'name': 'p', 'a': null, 'b': '1'},"
        "              {'change': 'changed', 'name': 'q', 'a': '1', 'b': '2'}],"
        " 'boot': [{'change': 'changed', 'entry': 'e', 'removed': ['quiet'], 'added': ['x=1']}],"
        " 'units': [{'change': 'removed', 'what': 'unit', 'name': 'u', 'a': '/u', 'b': null}],"
        " 'configuration': [{'change': 'changed', 'name': '/etc/f', 'a': 'file', 'b': 'file',"
        "                    'lines': '@@ -1 +1 @@\\n-<old>\\n+new\\n'},"
        "                   {'change': 'changed', 'name': '/etc/shadow', 'a': 'f', 'b': 'f',"
        "                    'note': 'not shown'}],"
        " 'directories': [{'path': '/small', 'added': 1, 'added_bytes': 9, 'removed_bytes': 10},"
        "                 {'path': '/large', 'added': 2, 'added_bytes': 2000}],"
        " 'volatile': {'added': 3}}");
}

static void test_changes(void)
{
    json_t *manifest = some_manifest(), *diff = some_diff();
    g_autofree char *html = render(&(CcbPage){.manifest = manifest, .diff = diff});
    is_well_formed(html, "a page with a comparison");
    has(html, "<b>Packages</b> <span class=\"tally\">1 added, 1 changed</span>",
        "changes are counted");
    has(html, "<span class=\"heard\">changed </span><code>q</code> <small>1 ► 2</small>",
        "an item with both versions");
    has(html, "<span class=\"heard\">removed </span>unit <code>u</code> <small>/u</small>",
        "a unit");
    has(html, "<code>x=1</code>", "an argument of the boot");
    has(html,
        "<span class=\"removed\">-&lt;old&gt;</span>\n<span class=\"added\">+new</span>\n</pre>",
        "lines of a file");
    has(html, "<code>/etc/f</code><pre>", "attributes that are the same are not shown");
    has(html, "<small>(not shown)</small>", "why there are no lines");
    ok(strstr(html, "<code>/large") < strstr(html, "<code>/small"), "what grew most comes first");
    has(html, "<td class=\"number\">−1", "and what shrank is there");
    has(html, "change in normal operation: 3", "logs and caches are counted");
    lacks(html, "<code>p-1</code>", "packages are not listed twice");
    poison(diff);
    poison(manifest);
    json_t *checks = some_checks();
    poison(checks);
    g_autofree char *bad = render(&(CcbPage){.manifest = manifest, .checks = checks, .diff = diff});
    is_well_formed(bad, "a page with hostile strings everywhere");
    lacks(bad, "<script", "none of them gets through");
    json_decref(checks);
    json_decref(manifest);
    json_decref(diff);
}

static void test_origin(void)
{
    json_t *manifest = some_manifest(), *checks = some_checks();
    json_t *more =
        parse("{'ccbake': '1', 'baked_by': 'joe@host', 'recipe': {'name': 'r', 'file': 'r.yaml',"
              "  'content': {'steps': ['<kernel>']}, 'git': {'commit': '0123456789abcdef', "
              "'changed': true}},"
              " 'files': [{'path': '/etc/a', 'step': 's', 'mode': '0600', 'owner': '0:0', "
              "'source': 'f/a',"
              "            'sha256': 'abc', 'size': 7},"
              "           {'path': '/etc/b', 'step': 't', 'mode': '0644', 'owner': '0:0'}]}");
    json_object_update(manifest, more);
    g_autofree char *html = render(&(CcbPage){.manifest = manifest,
                                              .checks = checks,
                                              .manifest_file = "a b:1.json",
                                              .log_file = "x.log"});
    is_well_formed(html, "a page with its origin");
    has(html, "<dt>Baked by</dt><dd>joe@host <small>ccbake 1</small>", "who baked, with what");
    has(html, "<small>git 0123456789ab, with changes that are not committed</small>",
        "the revision");
    has(html, "<a href=\"./a%20b%3A1.json\">manifest</a> <code>a b:1.json</code>, ", "a link");
    has(html, "<a href=\"./x.log\">log of the bake</a>", "another");
    has(html, "&quot;&lt;kernel&gt;&quot;", "the recipe");
    has(html, "step s, 0600 0:0, from <code>f/a</code></small><small>SHA-256 <code>abc</code>",
        "a file that was put into the image");
    has(html, "step t, 0644 0:0, made by ccbake</small><small>its content depends on the image",
        "one that ccbake makes");
    has(html, "kernel of the host", "that the host ran the commands");
    json_decref(more);
    json_decref(manifest);
    json_decref(checks);
}

static void test_unseen(void)
{
    json_t *manifest = some_manifest(), *checks = some_checks();
    g_autofree char *html = render(&(CcbPage){.manifest = manifest, .checks = checks});
    json_object_set_new(json_object_get(checks, "counts"), "not_applicable", json_integer(1));
    g_autofree char *counted = render(&(CcbPage){.manifest = manifest, .checks = checks});
    has(html, "that of 5 checks by what the recipe <code>r</code> expects", "checks, and whose");
    has(counted, "that of 4 checks", "those that applied");
    has(html, "<code>ccbake-selftest</code>", "what no check of an image sees");
    has(html,
        "waives</b> <span class=\"tally\">1</span></summary>\n<ul class=\"changes\">\n"
        "<li><code>b.three</code> <small>we know</small></li>",
        "what was waived");
    has(html,
        "did not apply</b> <span class=\"tally\">1</span></summary>\n<ul class=\"changes\">\n"
        "<li><code>a.two</code> <small>no</small></li>",
        "what did not apply, and why");
    lacks(html, "could not read", "nothing about what there is none of");
    json_decref(manifest);
    json_decref(checks);
}

static void test_previous(void)
{
    json_t *manifest = some_manifest();
    json_t *previous = parse(
        "{'name': 'old.json', 'baked': 'then', 'facts': [{'change': 'changed', 'name': 'driver',"
        " 'a': '550', 'b': '570'}], 'packages': [{'change': 'added', 'name': 'p.noarch', 'a': null,"
        " 'b': '1'}], 'payloads': [], 'steps': [], 'files': []}");
    g_autofree char *without = render(&(CcbPage){.manifest = manifest});
    g_autofree char *html = render(&(CcbPage){.manifest = manifest, .previous = previous});
    is_well_formed(html, "a page with the previous release");
    lacks(without, "Since the previous release", "no section without one");
    has(html, "<a href=\"#previous\">", "a section of its own");
    has(html,
        "Compared with <code>old.json</code>, baked then. Not compared, because one of the "
        "manifests lacks it: Results of checks.",
        "what was compared");
    has(html, "<code>driver</code> <small>550 ► 570</small>", "another version");
    has(html, "<b>Packages</b> <span class=\"tally\">1 added</span>", "packages");
    poison(previous);
    g_autofree char *bad = render(&(CcbPage){.manifest = manifest, .previous = previous});
    is_well_formed(bad, "hostile strings in it");
    lacks(bad, "<script", "do nothing");
    json_decref(previous);
    json_decref(manifest);
}

static void test_bounds(void)
{
    json_t *manifest = some_manifest(), *diff = some_diff();
    json_t *files = json_object_get(diff, "configuration");
    g_autofree char *lines = g_strnfill(300 << 10, '+');
    for (guint i = 0; i < 600; i++)
        json_array_append_new(files, json_pack("{ssssssssss}", "change", "added", "name", "/etc/n",
                                               "a", "x", "b", "x", "lines", lines));
    g_autofree char *html = render(&(CcbPage){.manifest = manifest, .diff = diff});
    ok(strlen(html) < (2 << 20), "a guest can't make a page long");
    has(html, "<li>102 more are left out.</li>", "items are bounded");
    has(html, "left out here: too long", "and so are lines");
    json_decref(manifest);
    json_decref(diff);
}

/* --- the picture */

static void add(CcbUnitGraph *graph, const char *name, const char *settings)
{
    g_autofree char *text = g_strconcat("[Unit]\nDefaultDependencies=no\n", settings,
                                        "[Service]\nStandardOutput=null\n", NULL);
    g_autofree char *path = g_strconcat("/u/", name, NULL);
    CcbUnit *unit = ccb_unit_parse(text, strlen(text), path, NULL);
    ok(ccb_unitgraph_add(graph, name, unit, NULL), name);
}

static char *render_order(CcbUnitPlot *plot)
{
    json_t *manifest = some_manifest();
    char *html = render(&(CcbPage){.manifest = manifest, .plot = plot});
    json_decref(manifest);
    return html;
}

static void test_order(void)
{
    g_autoptr(CcbUnitGraph) graph = ccb_unitgraph_new();
    add(graph, "multi-user.target", "Wants=nvidia-persistenced.service\n");
    add(graph, "nvidia-persistenced.service",
        "After=nvidia-fabricmanager.service\nBefore=ollama.service\n");
    add(graph, "nvidia-fabricmanager.service", "");
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "multi-user.target", ccb_gpu_units);
    static const char hostile[] = "[Unit]\nAfter=nvidia-persistenced.service\n";
    CcbUnit *unit = ccb_unit_parse(hostile, strlen(hostile), HOSTILE, NULL);
    ccb_unitplot_expect(plot, "<b>" HOSTILE, unit);
    ccb_unit_free(unit);
    g_autofree char *html = render_order(plot);
    is_well_formed(html, "a page with a picture");
    lacks(html, "<script", "names of units are escaped");
    has(html, "&lt;b&gt;" HARMLESS "</text>", "and shown");
    const char *manager = strstr(html, ">nvidia-fabricmanager.service</text>");
    const char *daemon = strstr(html, " class=\"gpu\">nvidia-persistenced.service</text>");
    const char *user = strstr(html, ">ollama.service</text>");
    ok(manager != NULL && daemon != NULL && user != NULL && manager < daemon && daemon < user,
       "from top to bottom");
    has(html, ">ollama.service</text><text class=\"state\"", "with the state of what is missing");
    has(html, "<circle class=\"waiting\"", "which is not filled");
    has(html,
        "<li>after <code>nvidia-fabricmanager.service</code> "
        "<small>/u/nvidia-persistenced.service:3: After=nvidia-fabricmanager.service</small></li>",
        "and the reasons in words");
}

static void test_cycle(void)
{
    g_autoptr(CcbUnitGraph) graph = ccb_unitgraph_new();
    add(graph, "multi-user.target", "Wants=nvidia-persistenced.service\n");
    add(graph, "nvidia-persistenced.service", "After=a.service\nBefore=a.service\n");
    add(graph, "a.service", "");
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "multi-user.target", ccb_gpu_units);
    g_autofree char *html = render_order(plot);
    is_well_formed(html, "a page with a cycle");
    has(html, "✗ held back by an ordering cycle", "which the picture says");
}

static void test_many(void)
{
    g_autoptr(CcbUnitGraph) graph = ccb_unitgraph_new();
    g_autoptr(GString) after = g_string_new("After=");
    for (guint i = 0; i < 200; i++)
        g_string_append_printf(after, "u%u.service ", i);
    g_string_append_c(after, '\n');
    add(graph, "nvidia-persistenced.service", after->str);
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "multi-user.target", ccb_gpu_units);
    g_autofree char *html = render_order(plot);
    has(html, "201 units are too many for a picture",
        "a picture that nobody could read is not drawn");
}

/* --- the comparison beside a bake */

static void test_comparison(void)
{
    CcbComparison comparison = {.output = -1};
    ccb_comparison_start(&comparison, CCB_BACKEND_APPLIANCE, "/absent-a", "/absent-b");
    ok(comparison.pid > 0, "a comparison runs in a process of its own");
    ok(ccb_comparison_finish(&comparison) == NULL, "one that fails has no result");
    ccb_comparison_clear(&comparison);
    ccb_comparison_start(&comparison, CCB_BACKEND_APPLIANCE, "/absent-a", "/absent-b");
    kill(comparison.pid, SIGSEGV);
    ok(ccb_comparison_finish(&comparison) == NULL, "nor has one that crashed");
    ccb_comparison_start(&comparison, CCB_BACKEND_APPLIANCE, "/absent-a", "/absent-b");
    ccb_comparison_clear(&comparison);
    ok(comparison.pid == 0 && comparison.output == -1, "one that nobody waits for is ended");
}

int main(void)
{
    test_escaping();
    test_summary();
    test_checks();
    test_steps();
    test_bare();
    test_changes();
    test_origin();
    test_unseen();
    test_previous();
    test_bounds();
    test_order();
    test_cycle();
    test_many();
    test_comparison();
    return done();
}
