/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guide/gpu-units.h"
#include "systemd/unitplot.h"
#include "tap.h"

#define QUIET "DefaultDependencies=no\n" /* no relations but those that a file has */
#define TAIL  "[Service]\nStandardOutput=null\n"

static void add(CcbUnitGraph *graph, const char *name, const char *text)
{
    g_autofree char *path = g_strconcat("/u/", name, NULL);
    CcbUnit *unit = ccb_unit_parse(text, strlen(text), path, NULL);
    if (!ccb_unitgraph_add(graph, name, unit, NULL))
        ok(false, name);
}

static void enable(CcbUnitGraph *graph, const char *name)
{
    g_autofree char *path = g_strconcat("/u/m.wants/", name, NULL);
    ccb_unitgraph_add_want(graph, "multi-user.target", name, path);
}

static CcbUnitGraph *gpu_graph(void)
{
    CcbUnitGraph *graph = ccb_unitgraph_new();
    add(graph, "multi-user.target", "[Unit]\n" QUIET);
    add(graph, "nvidia-persistenced.service",
        "[Unit]\n" QUIET "Before=ollama.service\nAfter=nvidia-fabricmanager.service\n" TAIL);
    add(graph, "nvidia-fabricmanager.service", "[Unit]\n" QUIET TAIL);
    add(graph, "user.service", "[Unit]\n" QUIET "Requires=nvidia-persistenced.service\n" TAIL);
    add(graph, "other.service", "[Unit]\n" QUIET "After=user.service\n" TAIL);
    ccb_unitgraph_add_alias(graph, "default.target", "multi-user.target");
    enable(graph, "nvidia-persistenced.service");
    enable(graph, "other.service");
    return graph;
}

static void test_text(void)
{
    g_autoptr(CcbUnitGraph) graph = gpu_graph();
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "default.target", ccb_gpu_units);
    is_taken(ccb_unitplot_to_text(plot),
             "   1  multi-user.target\n"
             "   2  nvidia-fabricmanager.service (not started)\n"
             "   3  nvidia-persistenced.service\n"
             "      started by multi-user.target: /u/m.wants/nvidia-persistenced.service\n"
             "      after nvidia-fabricmanager.service: /u/nvidia-persistenced.service:4: "
             "After=nvidia-fabricmanager.service\n"
             "      started by user.service: /u/user.service:3: "
             "Requires=nvidia-persistenced.service\n"
             "   4  ollama.service (not installed)\n"
             "      after nvidia-persistenced.service: /u/nvidia-persistenced.service:3: "
             "Before=ollama.service\n"
             "   5  user.service (not started)\n",
             "the units of the GPU and what they are related to");
    g_auto(GStrv) order = ccb_unitplot_order(plot);
    is_taken(g_strjoinv("\n", order),
             "nvidia-fabricmanager.service ► nvidia-persistenced.service\n"
             "nvidia-persistenced.service ► ollama.service",
             "their order alone");
    g_autoptr(CcbUnitPlot) all = ccb_unitplot_all(graph, "default.target");
    is_taken(ccb_unitplot_to_text(all),
             "   1  multi-user.target\n"
             "   2  nvidia-persistenced.service\n"
             "      started by multi-user.target: /u/m.wants/nvidia-persistenced.service\n"
             "   3  other.service\n"
             "      started by multi-user.target: /u/m.wants/other.service\n",
             "everything that is started");
}

static void test_one_unit(void)
{
    static const char *const about[] = {"user.service", NULL};
    g_autoptr(CcbUnitGraph) graph = gpu_graph();
    g_autoptr(CcbUnitPlot) near = ccb_unitplot_near(graph, "default.target", about);
    is_taken(ccb_unitplot_to_text(near),
             "   1  nvidia-persistenced.service\n"
             "      started by user.service: /u/user.service:3: "
             "Requires=nvidia-persistenced.service\n"
             "   2  user.service (not started)\n"
             "   3  other.service\n"
             "      after user.service: /u/other.service:3: After=user.service\n",
             "one unit and what it is related to");
}

/* a, b, c and d start in this order, and free whenever; the boot starts all but d. */
static void test_around(void)
{
    g_autoptr(CcbUnitGraph) graph = ccb_unitgraph_new();
    add(graph, "multi-user.target", "[Unit]\n" QUIET);
    add(graph, "a.service", "[Unit]\n" QUIET TAIL);
    add(graph, "b.service", "[Unit]\n" QUIET "After=a.service\n" TAIL);
    add(graph, "c.service", "[Unit]\n" QUIET "After=b.service\n" TAIL);
    add(graph, "d.service", "[Unit]\n" QUIET "After=c.service\n" TAIL);
    add(graph, "free.service", "[Unit]\n" QUIET TAIL);
    for (const char *const *name =
             (const char *const[]){"a.service", "b.service", "c.service", "free.service", NULL};
         *name != NULL; name++)
        enable(graph, *name);
    g_autoptr(CcbUnitPlot) ends = ccb_unitplot_around(graph, "multi-user.target", "c.service");
    g_auto(GStrv) order = ccb_unitplot_order(ends);
    is_taken(g_strjoinv("\n", order), "a.service ► b.service\nb.service ► c.service",
             "what starts before it, by others");
    is_int(ends->units->len, 3, "and nothing else");
    g_autoptr(CcbUnitPlot) middle = ccb_unitplot_around(graph, "multi-user.target", "b.service");
    is_int(middle->units->len, 3, "before and after");
    g_autoptr(CcbUnitPlot) none = ccb_unitplot_around(graph, "multi-user.target", "d.service");
    is_int(none->units->len, 0, "a unit that is not started");
}

static void test_json(void)
{
    g_autoptr(CcbUnitGraph) graph = ccb_unitgraph_new();
    add(graph, "multi-user.target", "[Unit]\n");
    add(graph, "a:1.service", "[Unit]\n" QUIET "Before=nvidia-persistenced.service\n" TAIL);
    add(graph, "nvidia-persistenced.service", "[Unit]\nDefaultDependencies=yes\n");
    enable(graph, "nvidia-persistenced.service");
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "multi-user.target", ccb_gpu_units);
    json_auto_t *json = ccb_unitplot_to_json(plot);
    json_auto_t *units =
        json_pack("[{s:s, s:b, s:b, s:b}, {s:s, s:b, s:b, s:b}, {s:s, s:b, s:b, s:b}]", "name",
                  "a:1.service", "installed", 1, "started", 0, "in_cycle", 0, "name",
                  "nvidia-persistenced.service", "installed", 1, "started", 1, "in_cycle", 0,
                  "name", "multi-user.target", "installed", 1, "started", 1, "in_cycle", 0);
    ok(json_equal(json_object_get(json, "units"), units), "JSON: the units");
    char *relations = json_dumps(json_object_get(json, "relations"), JSON_SORT_KEYS);
    ok(strstr(relations,
              "{\"from\": \"a:1.service\", \"reasons\": [{\"file\": \"/u/a:1.service\", "
              "\"line\": 3, \"text\": \"/u/a:1.service:3: Before=nvidia-persistenced.service\"}], "
              "\"relation\": \"before\", \"to\": \"nvidia-persistenced.service\"}") != NULL,
       "a relation with its file and line");
    ok(strstr(relations, "{\"from\": \"multi-user.target\", \"reasons\": [{\"file\": "
                         "\"/u/m.wants/nvidia-persistenced.service\", \"text\": ") != NULL,
       "and one by a link");
    ok(strstr(relations, "\"reasons\": [{\"text\": \"a target starts after what it wants") != NULL,
       "and one by a rule");
    free(relations);
}

static void test_none(void)
{
    g_autoptr(CcbUnitGraph) graph = ccb_unitgraph_new();
    add(graph, "multi-user.target", "[Unit]\n");
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "default.target", ccb_gpu_units);
    is_taken(ccb_unitplot_to_text(plot),
             "nothing here knows nvidia-persistenced.service or nvidia-fabricmanager.service\n",
             "no unit of a GPU");
    g_autoptr(CcbUnitPlot) all = ccb_unitplot_all(graph, "no unit");
    g_autofree char *dot = ccb_unitplot_to_dot(all);
    ok(g_str_has_prefix(dot, "digraph boot {\n") && g_str_has_suffix(dot, "fontsize=8];\n}\n"),
       "an empty graph");
}

static void test_expected(void)
{
    static const char text[] = "[Unit]\nAfter=nvidia-persistenced.service x.service\n"
                               "Wants=nvidia-persistenced.service\nBefore=multi-user.target\n";
    g_autoptr(CcbUnitGraph) graph = gpu_graph();
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "default.target", ccb_gpu_units);
    g_autoptr(CcbUnit) dropins = ccb_unit_parse(text, strlen(text), "/d/l.conf", NULL);
    ccb_unitplot_expect(plot, "later.service", dropins);
    g_autofree char *shown = ccb_unitplot_to_text(plot);
    ok(strstr(shown, "later.service (not installed)\n"
                     "      after nvidia-persistenced.service: /d/l.conf:2: "
                     "After=nvidia-persistenced.service\n") != NULL,
       "a unit of which there are drop-ins only");
    ok(strstr(shown, "      started by later.service: /d/l.conf:3: ") != NULL, "... wants");
    ok(strstr(shown, "      after later.service: /d/l.conf:4: Before=multi-user") != NULL,
       "... is before");
    ok(strstr(shown, "   6  multi-user.target\n") != NULL && strstr(shown, "cycle") == NULL,
       "... and comes first for that");
    static const char unrelated[] = "[Unit]\nAfter=x.service\n";
    g_autoptr(CcbUnit) other = ccb_unit_parse(unrelated, strlen(unrelated), "/d/o.conf", NULL);
    ccb_unitplot_expect(plot, "unrelated.service", other);
    g_autofree char *again = ccb_unitplot_to_text(plot);
    is_str(again, shown, "one that has nothing to do with the GPU");
}

/* The name of a drop-in's directory is any name. */
static void test_hostile(void)
{
    static const char text[] = "[Unit]\nAfter=nvidia-persistenced.service\n"
                               "Wants=nvidia-persistenced.service\n";
    g_autoptr(CcbUnitGraph) graph = gpu_graph();
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "default.target", ccb_gpu_units);
    g_autoptr(CcbUnit) dropins = ccb_unit_parse(text, strlen(text), "/d/\x1b", NULL);
    ccb_unitplot_expect(plot, "e\x1b\n\"]", dropins);
    g_autofree char *shown = ccb_unitplot_to_text(plot);
    g_autofree char *dot = ccb_unitplot_to_dot(plot);
    ok(strchr(shown, '\x1b') == NULL && strstr(shown, "  e\\x1b\\x0a\"] (not installed)\n") != NULL,
       "no control character in the text");
    ok(strchr(dot, '\x1b') == NULL && strstr(dot, "  \"e\\\\x1b\\\\x0a\\\"]\" [style") != NULL,
       "nor in DOT");
}

static void test_cycle(void)
{
    g_autoptr(CcbUnitGraph) graph = gpu_graph();
    add(graph, "nvidia-fabricmanager.service",
        "[Unit]\n" QUIET "After=nvidia-persistenced.service\n" TAIL);
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "default.target", ccb_gpu_units);
    g_autofree char *text = ccb_unitplot_to_text(plot);
    ok(strstr(text, "   3  nvidia-fabricmanager.service (not started) "
                    "(held back by an ordering cycle)\n") != NULL,
       "a cycle is said to be one");
}

static void test_dot(void)
{
    g_autoptr(CcbUnitGraph) graph = gpu_graph();
    add(graph, "a\\x2db.service", "[Unit]\n" QUIET "After=nvidia-persistenced.service\n" TAIL);
    ccb_unitgraph_add_want(graph, "user.service", "nvidia-persistenced.service",
                           "/u/\"\n\\N\xff.wants/x");
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "default.target", ccb_gpu_units);
    g_autofree char *dot = ccb_unitplot_to_dot(plot);
    ok(strstr(dot, "  \"nvidia-persistenced.service\" -> \"a\\\\x2db.service\" [label=\""
                   "/u/a\\\\x2db.service:3\\nAfter=nvidia-persistenced.service\\n\"];\n") != NULL,
       "a backslash in a name");
    ok(strstr(dot, "  \"user.service\" -> \"nvidia-persistenced.service\" [label=\""
                   "/u/\\\"\\\\x0a\\\\N\\\\xff.wants/x\\n/u/user.service:3\\nRequires="
                   "nvidia-persistenced.service\\n\", style=dashed, constraint=false];\n") != NULL,
       "a reason that wants out of its quotes, and a second one");
    ok(strstr(dot, "  \"ollama.service\" [style=dashed, tooltip=\"(not installed)\"];\n") != NULL,
       "a unit that is not there");
}

/* The figure of a large system, with the default dependencies. */
static void show_speed(void)
{
    g_autoptr(CcbUnitGraph) graph = gpu_graph();
    for (int i = 0; i < 400; i++) {
        g_autofree char *name = g_strdup_printf("s%d.service", i);
        g_autofree char *text = g_strdup_printf(
            "[Unit]\nAfter=s%d.service s%d.service network.target\nWants=s%d.service\n", i + 1,
            i + 7, i + 3);
        add(graph, name, text);
        enable(graph, name);
    }
    gint64 start = g_get_monotonic_time();
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_all(graph, "default.target");
    g_autofree char *dot = ccb_unitplot_to_dot(plot);
    g_autofree char *text = ccb_unitplot_to_text(plot);
    printf("# 400 units as DOT and as text: %.3f s\n",
           (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
    ok(strstr(dot, "\"s399.service\"") != NULL && strstr(text, "s399.service\n") != NULL,
       "400 units");
}

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbUnitGraph) graph = gpu_graph();
    CcbUnit *unit = ccb_unit_parse(data, size, "/u/f", NULL);
    if (unit == NULL)
        return;
    g_autoptr(CcbUnitPlot) plot = ccb_unitplot_near(graph, "default.target", ccb_gpu_units);
    ccb_unitplot_expect(plot, "e.service", unit);
    ccb_unitplot_expect(plot, "\"\n", unit);
    ccb_unitgraph_add(graph, "nvidia-persistenced.service", unit, NULL);
    g_autoptr(CcbUnitPlot) all = ccb_unitplot_all(graph, "default.target");
    g_free(ccb_unitplot_to_dot(plot));
    g_free(ccb_unitplot_to_text(plot));
    g_free(ccb_unitplot_to_dot(all));
}

int main(void)
{
    test_text();
    test_one_unit();
    test_around();
    test_json();
    test_none();
    test_expected();
    test_hostile();
    test_cycle();
    test_dot();
    show_speed();
    static const char seed[] = "[Unit]\nAfter=nvidia-fabricmanager.service user.service\n"
                               "Wants=multi-user.target\nBefore=ollama.service\n";
    fuzz(seed, strlen(seed), 2000, fuzz_one);
    return done();
}
