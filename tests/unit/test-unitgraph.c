/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "systemd/unitgraph.h"
#include "tap.h"

static void add(CcbUnitGraph *graph, const char *name, const char *text)
{
    g_autofree char *path = g_strconcat("/u/", name, NULL);
    CcbUnit *unit = ccb_unit_parse(text, strlen(text), path, NULL);
    if (!ccb_unitgraph_add(graph, name, unit, NULL))
        ok(false, name);
}

/* What every system has. */
static CcbUnitGraph *base(void)
{
    CcbUnitGraph *graph = ccb_unitgraph_new();
    add(graph, "sysinit.target", "[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\n");
    add(graph, "basic.target", "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n");
    add(graph, "multi-user.target", "[Unit]\nRequires=basic.target\nAfter=basic.target\n");
    add(graph, "sockets.target", "");
    add(graph, "dbus.socket", "[Socket]\nListenStream=/run/dbus\n");
    ccb_unitgraph_add_want(graph, "basic.target", "sockets.target", "/u/basic.target.wants/s");
    ccb_unitgraph_add_want(graph, "sockets.target", "dbus.socket", "/u/sockets.target.wants/d");
    ccb_unitgraph_add_alias(graph, "default.target", "multi-user.target");
    return graph;
}

static void enable(CcbUnitGraph *graph, const char *name)
{
    g_autofree char *path = g_strconcat("/u/multi-user.target.wants/", name, NULL);
    ccb_unitgraph_add_want(graph, "multi-user.target", name, path);
}

/* The reasons along a path, one a line; frees the path. */
static char *reasons(GPtrArray *path)
{
    if (path == NULL)
        return NULL;
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < path->len; i++) {
        const CcbUnitEdge *edge = path->pdata[i];
        g_string_append_printf(text, "%s > %s: %s\n", edge->from, edge->to, edge->reason);
    }
    g_ptr_array_unref(path);
    return g_string_free(text, FALSE);
}

static void is_after(CcbUnitGraph *graph, const char *a, const char *b, const char *expected)
{
    g_autofree char *what = g_strdup_printf("%s after %s", a, b);
    is_taken(reasons(ccb_unitgraph_why_after(graph, a, b, NULL)), expected, what);
}

static void test_order(void)
{
    g_autoptr(CcbUnitGraph) graph = base();
    add(graph, "p.service", "[Unit]\nBefore=cloudmonitor.service \\\n o.service\n");
    add(graph, "o.service", "[Unit]\nBefore=z.service\n");
    enable(graph, "p.service");
    is_after(graph, "o.service", "p.service",
             "o.service > p.service: /u/p.service:2: Before=o.service\n");
    is_after(graph, "cloudmonitor.service", "p.service",
             "cloudmonitor.service > p.service: /u/p.service:2: Before=cloudmonitor.service\n");
    is_after(graph, "p.service", "o.service", NULL);
    is_after(graph, "p.service", "nothing.service", NULL);
    is_after(graph, "p.service", "not a unit", NULL);
    is_after(graph, "z.service", "p.service",
             "z.service > o.service: /u/o.service:2: Before=z.service\n"
             "o.service > p.service: /u/p.service:2: Before=o.service\n");
    is_taken(reasons(ccb_unitgraph_why_after(graph, "z.service", "p.service", "default.target")),
             NULL, "o.service is not started, so it orders nothing");
    is_after(graph, "shutdown.target", "p.service",
             "shutdown.target > p.service: DefaultDependencies=yes: p.service starts before "
             "shutdown.target\n");
    is_after(graph, "multi-user.target", "p.service",
             "multi-user.target > p.service: a target starts after what it wants: "
             "/u/multi-user.target.wants/p.service\n");
    g_autofree char *defaults =
        reasons(ccb_unitgraph_why_after(graph, "p.service", "dbus.socket", "default.target"));
    is_str(
        defaults,
        "p.service > basic.target: DefaultDependencies=yes: p.service starts after basic.target\n"
        "basic.target > sockets.target: a target starts after what it wants: "
        "/u/basic.target.wants/s\n"
        "sockets.target > dbus.socket: DefaultDependencies=yes: dbus.socket starts before "
        "sockets.target\n",
        "a path through default dependencies");
}

static void test_no_defaults(void)
{
    g_autoptr(CcbUnitGraph) graph = base();
    add(graph, "early.service", "[Unit]\nDefaultDependencies=no\n[Service]\nStandardOutput=null\n");
    add(graph, "late.service", "[Unit]\nAfter=multi-user.target\n[Service]\nPrivateTmp=yes\n");
    add(graph, "bus.service", "[Service]\nType=dbus\n");
    add(graph, "t.timer", "[Timer]\nUnit=late.service\n");
    enable(graph, "early.service");
    enable(graph, "late.service");
    is_after(graph, "early.service", "sysinit.target", NULL);
    is_after(graph, "multi-user.target", "early.service", NULL);
    is_after(graph, "multi-user.target", "late.service", NULL);
    is_after(graph, "late.service", "multi-user.target",
             "late.service > multi-user.target: /u/late.service:2: After=multi-user.target\n");
    is_after(graph, "late.service", "t.timer",
             "late.service > t.timer: a unit starts before the one it triggers: t.timer starts "
             "before late.service\n");
    is_after(graph, "bus.service", "dbus.socket",
             "bus.service > dbus.socket: Type=dbus: bus.service starts after dbus.socket\n");
    is_after(graph, "late.service", "systemd-journald.socket",
             "late.service > systemd-journald.socket: StandardOutput=journal: late.service starts "
             "after systemd-journald.socket\n");
    is_after(graph, "early.service", "systemd-journald.socket", NULL);
    ok(ccb_unitgraph_find_cycle(graph, "default.target") == NULL, "no cycle");
}

static void test_started(void)
{
    g_autoptr(CcbUnitGraph) graph = base();
    add(graph, "a.service", "[Unit]\nWants=b.service gone.service\n");
    add(graph, "b.service", "");
    add(graph, "c.service", "");
    enable(graph, "a.service");
    enable(graph, "masked.service");
    ok(ccb_unitgraph_add(graph, "masked.service", NULL, NULL), "a masked unit");
    is_taken(reasons(ccb_unitgraph_why_started(graph, "default.target", "b.service")),
             "multi-user.target > a.service: /u/multi-user.target.wants/a.service\n"
             "a.service > b.service: /u/a.service:2: Wants=b.service\n",
             "why b is started");
    is_taken(reasons(ccb_unitgraph_why_started(graph, "default.target", "c.service")), NULL,
             "c is not started");
    is_taken(reasons(ccb_unitgraph_pulled_by(graph, "b.service")),
             "a.service > b.service: /u/a.service:2: Wants=b.service\n", "who wants b");
    is_taken(reasons(ccb_unitgraph_pulled_by(graph, "c.service")), "", "nobody wants c");
    ok(ccb_unitgraph_has(graph, "default.target"), "has an alias");
    ok(!ccb_unitgraph_has(graph, "gone.service"), "a name that is only mentioned");
    ok(!ccb_unitgraph_has(graph, "masked.service"), "masked");
}

/* Frees the array. */
static char *joined(GPtrArray *names)
{
    g_ptr_array_add(names, NULL);
    char *text = g_strjoinv(" ", (char **)names->pdata);
    g_ptr_array_unref(names);
    return text;
}

static void test_direct(void)
{
    g_autoptr(CcbUnitGraph) graph = base();
    add(graph, "a.service",
        "[Unit]\nDefaultDependencies=no\nWants=b.service gone.service\n"
        "After=c.service\n[Service]\nStandardOutput=null\n");
    add(graph, "b.service",
        "[Unit]\nDefaultDependencies=no\nBefore=a.service\n"
        "[Service]\nStandardOutput=null\n");
    enable(graph, "a.service");
    is_taken(reasons(ccb_unitgraph_after(graph, "a.service")),
             "a.service > c.service: /u/a.service:4: After=c.service\n"
             "a.service > b.service: /u/b.service:3: Before=a.service\n",
             "what a is directly after");
    is_taken(reasons(ccb_unitgraph_pulls(graph, "a.service")),
             "a.service > b.service: /u/a.service:3: Wants=b.service\n"
             "a.service > gone.service: /u/a.service:3: Wants=gone.service\n",
             "what a directly starts");
    is_taken(reasons(ccb_unitgraph_pulls(graph, "no unit")), "", "nothing for what is no unit");
    is_str(ccb_unitgraph_resolve(graph, "default.target"), "multi-user.target", "an alias");
    is_str(ccb_unitgraph_resolve(graph, "other.target"), "other.target", "a name of its own");
    is_taken(joined(ccb_unitgraph_started(graph, "multi-user.target")),
             "a.service b.service basic.target dbus.socket multi-user.target sockets.target "
             "sysinit.target",
             "all that is started and there");
    is_taken(joined(ccb_unitgraph_started(graph, "no unit")), "", "nothing by what is no unit");
    g_autofree char *all = joined(ccb_unitgraph_names(graph));
    ok(strstr(all, "b.service basic.target c.service") != NULL, "c is mentioned");
}

static void test_instances(void)
{
    g_autoptr(CcbUnitGraph) graph = base();
    add(graph, "getty@.service",
        "[Unit]\nAfter=pre-%i.service %p-%I.service\nWants=x@%i.service\n");
    add(graph, "x@.service", "[Unit]\nAfter=getty@%i.service\n");
    ccb_unitgraph_add_alias(graph, "autovt@.service", "getty@.service");
    enable(graph, "getty@tty1.service");
    is_after(
        graph, "getty@tty1.service", "pre-tty1.service",
        "getty@tty1.service > pre-tty1.service: /u/getty@.service:2: After=pre-tty1.service\n");
    is_after(graph, "x@tty1.service", "getty@tty1.service",
             "x@tty1.service > getty@tty1.service: /u/x@.service:2: After=getty@tty1.service\n");
    const GPtrArray *edges =
        ccb_unitgraph_why_after(graph, "getty@tty1.service", "getty-tty1.service", NULL);
    ok(ccb_unitgraph_has(graph, "getty@new.service"), "an instance nobody mentions");
    is_after(graph, "getty@new.service", "pre-new.service",
             "getty@new.service > pre-new.service: /u/getty@.service:2: After=pre-new.service\n");
    is_str(edges != NULL ? ((CcbUnitEdge *)edges->pdata[0])->to : NULL, "getty-tty1.service",
           "... leaves the edges of other queries alone");
    g_ptr_array_unref((GPtrArray *)edges);
    ok(ccb_unitgraph_has(graph, "autovt@tty2.service"), "an instance of an alias");
    add(graph, "r@.service", "[Unit]\nAfter=r@%ia.service r@%i%i.service r@b%i.service\n");
    ok(ccb_unitgraph_has(graph, "r@1.service"), "a template that multiplies ends somewhere");
}

static void test_cycle(void)
{
    g_autoptr(CcbUnitGraph) graph = base();
    add(graph, "a.service", "[Unit]\nAfter=b.service a.service\n");
    add(graph, "b.service", "[Unit]\nAfter=c.service\n");
    add(graph, "c.service", "[Unit]\nAfter=a.service\n");
    enable(graph, "a.service");
    enable(graph, "b.service");
    ok(ccb_unitgraph_find_cycle(graph, "default.target") == NULL,
       "a unit not started closes no cycle");
    enable(graph, "c.service");
    g_autoptr(GPtrArray) cycle = ccb_unitgraph_find_cycle(graph, "default.target");
    if (ok(cycle != NULL && cycle->len == 3, "a cycle of three")) {
        const CcbUnitEdge *first = cycle->pdata[0], *last = cycle->pdata[2];
        is_str(last->to, first->from, "... closed");
        ok(strstr(first->reason, ".service:2: After=") != NULL, "... with reasons");
    }
    /* A service that wants to be before basic.target, and is after it by default. */
    g_autoptr(CcbUnitGraph) early = base();
    add(early, "e.service", "[Unit]\nBefore=basic.target\n");
    enable(early, "e.service");
    is_taken(reasons(ccb_unitgraph_find_cycle(early, "default.target")),
             "basic.target > e.service: /u/e.service:2: Before=basic.target\n"
             "e.service > basic.target: DefaultDependencies=yes: e.service starts after "
             "basic.target\n",
             "a cycle with a default dependency");
    ok(ccb_unitgraph_find_cycle(early, "none.target") == NULL, "an unknown target");
}

static void test_names(void)
{
    g_autoptr(CcbUnitGraph) graph = ccb_unitgraph_new();
    g_autofree char *too_long = g_strnfill(250, 'x');
    g_autofree char *name = g_strconcat(too_long, ".service", NULL);
    const char *const bad[] = {"", "x", "x.conf", "a b.service", "../x.service", ".service", name};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;
        ok(!ccb_unitgraph_add(graph, bad[i], NULL, &error), "bad name");
        is_error(&error, "can't be the name", "... with a reason");
    }
    ccb_unitgraph_add_alias(graph, "a.target", "b.target");
    ccb_unitgraph_add_alias(graph, "b.target", "a.target");
    ok(!ccb_unitgraph_has(graph, "a.target"), "aliases in a circle");
}

static void test_speed(void)
{
    g_autoptr(CcbUnitGraph) graph = base();
    for (int i = 0; i < 400; i++) {
        g_autofree char *name = g_strdup_printf("s%d.service", i);
        g_autofree char *text = g_strdup_printf(
            "[Unit]\nAfter=s%d.service s%d.service network.target\nWants=s%d.service\n", i + 1,
            i + 7, i + 3);
        add(graph, name, text);
        enable(graph, name);
    }
    gint64 start = g_get_monotonic_time();
    ok(ccb_unitgraph_find_cycle(graph, "default.target") == NULL, "400 units without a cycle");
    g_autoptr(GPtrArray) path = ccb_unitgraph_why_after(graph, "s0.service", "s399.service", NULL);
    ok(path != NULL, "a path from one end to the other");
    gint64 took = g_get_monotonic_time() - start;
    printf("# 400 units: %lld us\n", (long long)took); /* tests/bench/judge reads it */
    ok(took < 1000000, "in far less than a second, even with sanitizers");
}

static void fuzz_one(const char *data, gsize size)
{
    g_autoptr(CcbUnitGraph) graph = base();
    CcbUnit *unit = ccb_unit_parse(data, size, "f", NULL);
    if (unit == NULL)
        return;
    ccb_unitgraph_add(graph, "f@.service", unit, NULL);
    enable(graph, "f@1.service");
    g_free(reasons(ccb_unitgraph_find_cycle(graph, "default.target")));
}

int main(void)
{
    test_order();
    test_no_defaults();
    test_started();
    test_direct();
    test_instances();
    test_cycle();
    test_names();
    test_speed();
    static const char seed[] =
        "[Unit]\nAfter=f@%i%i.service g@%n.service %%p.target basic.target\n"
        "Wants=f@2.service \"x.service\"\nDefaultDependencies=no\n[Service]\n"
        "Type=dbus\nSockets=%p.socket\n";
    fuzz(seed, strlen(seed), 500, fuzz_one);
    return done();
}
