/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 1. The caller's calls only note units, aliases and links.
 * 2. The first query after a change computes all edges: build().  Edges name units that may not
 * exist; those get a node without a unit.
 * 3. Queries walk the edges: breadth first for paths, depth first for a cycle, both without
 * recursion.
 */
#include "systemd/unitgraph.h"

#include <string.h>

#include "base/error.h"

#define ALIAS_HOPS    16   /* more is a loop of symlinks */
#define INSTANCES_MAX 4096 /* a template that names itself with %i must not run away */

typedef struct {
    CcbUnitEdge edge;
    guint to; /* index of the node */
} Edge;

typedef struct {
    char *name;
    guint index;
    CcbUnit *unit;     /* NULL: not there, or masked */
    bool masked;       /* no template may stand in */
    bool borrowed;     /* `unit` belongs to the node of the template */
    GPtrArray *after;  /* Edge: starts after */
    GPtrArray *pulls;  /* Edge: starting this starts ... */
    GPtrArray *pulled; /* Edge, belonging to `pulls` of another node */
} Node;

typedef struct {
    char *from, *to, *path;
} Link;

struct CcbUnitGraph {
    GHashTable *by_name; /* name ► Node */
    GPtrArray *nodes;
    GHashTable *aliases;
    GPtrArray *links;
    guint instances;
    guint related; /* nodes before this one have their edges */
    bool built;
};

/* Default and other implied dependencies; systemd.service(5), .target(5) ..., "Automatic
 * dependencies". */
typedef enum { AFTER, BEFORE, PULLS } Relation;

static const struct {
    const char *suffix;
    Relation relation;
    const char *other;
} default_dependencies[] = {
    {".service", PULLS, "sysinit.target"},     {".service", AFTER, "sysinit.target"},
    {".service", AFTER, "basic.target"},       {".service", BEFORE, "shutdown.target"},
    {".socket", PULLS, "sysinit.target"},      {".socket", AFTER, "sysinit.target"},
    {".socket", BEFORE, "sockets.target"},     {".socket", BEFORE, "shutdown.target"},
    {".timer", PULLS, "sysinit.target"},       {".timer", AFTER, "sysinit.target"},
    {".timer", BEFORE, "timers.target"},       {".timer", BEFORE, "shutdown.target"},
    {".path", PULLS, "sysinit.target"},        {".path", AFTER, "sysinit.target"},
    {".path", BEFORE, "paths.target"},         {".path", BEFORE, "shutdown.target"},
    {".mount", AFTER, "local-fs-pre.target"},  {".mount", BEFORE, "local-fs.target"},
    {".mount", BEFORE, "umount.target"},       {".automount", AFTER, "local-fs-pre.target"},
    {".automount", BEFORE, "local-fs.target"}, {".automount", BEFORE, "umount.target"},
    {".swap", BEFORE, "swap.target"},          {".swap", BEFORE, "umount.target"},
    {".slice", BEFORE, "shutdown.target"},     {".target", BEFORE, "shutdown.target"},
};

/* Keys of [Unit] that name other units. */
static const struct {
    const char *key;
    Relation relation;
} unit_keys[] = {
    {"After", AFTER},    {"Before", BEFORE}, {"Wants", PULLS},
    {"Requires", PULLS}, {"BindsTo", PULLS}, {"Upholds", PULLS},
};

static void edge_free(gpointer data)
{
    Edge *edge = data;
    g_free(edge->edge.reason);
    g_free(edge);
}

static void node_free(gpointer data)
{
    Node *node = data;
    if (!node->borrowed)
        ccb_unit_free(node->unit);
    g_ptr_array_unref(node->after);
    g_ptr_array_unref(node->pulls);
    g_ptr_array_unref(node->pulled);
    g_free(node->name);
    g_free(node);
}

static void link_free(gpointer data)
{
    Link *link = data;
    g_free(link->from);
    g_free(link->to);
    g_free(link->path);
    g_free(link);
}

CcbUnitGraph *ccb_unitgraph_new(void)
{
    CcbUnitGraph *graph = g_new0(CcbUnitGraph, 1);
    graph->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    graph->nodes = g_ptr_array_new_with_free_func(node_free);
    graph->aliases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    graph->links = g_ptr_array_new_with_free_func(link_free);
    return graph;
}

void ccb_unitgraph_free(CcbUnitGraph *graph)
{
    if (graph == NULL)
        return;
    g_hash_table_unref(graph->by_name);
    g_ptr_array_unref(graph->nodes);
    g_hash_table_unref(graph->aliases);
    g_ptr_array_unref(graph->links);
    g_free(graph);
}

static const char *resolve(const CcbUnitGraph *graph, const char *name)
{
    for (int hops = 0; hops < ALIAS_HOPS; hops++) {
        const char *next = g_hash_table_lookup(graph->aliases, name);
        if (next == NULL)
            break;
        name = next;
    }
    return name;
}

static Node *node_new(CcbUnitGraph *graph, const char *name)
{
    Node *node = g_new0(Node, 1);
    node->name = g_strdup(name);
    node->index = graph->nodes->len;
    node->after = g_ptr_array_new_with_free_func(edge_free);
    node->pulls = g_ptr_array_new_with_free_func(edge_free);
    node->pulled = g_ptr_array_new();
    g_ptr_array_add(graph->nodes, node);
    g_hash_table_insert(graph->by_name, node->name, node);
    return node;
}

bool ccb_unitgraph_add(CcbUnitGraph *graph, const char *name, CcbUnit *unit, GError **error)
{
    if (!ccb_unit_name_is_valid(name)) {
        ccb_unit_free(unit);
        return ccb_fail(error, CCB_ERR_INPUT, "'%s' can't be the name of a unit", name);
    }
    Node *node = g_hash_table_lookup(graph->by_name, name);
    if (node == NULL)
        node = node_new(graph, name);
    else if (!node->borrowed)
        ccb_unit_free(node->unit);
    node->unit = unit;
    node->borrowed = false;
    node->masked = unit == NULL;
    graph->built = false;
    return true;
}

void ccb_unitgraph_add_alias(CcbUnitGraph *graph, const char *alias, const char *name)
{
    g_hash_table_replace(graph->aliases, g_strdup(alias), g_strdup(name));
    graph->built = false;
}

void ccb_unitgraph_add_want(CcbUnitGraph *graph, const char *from, const char *to, const char *path)
{
    Link *link = g_new0(Link, 1);
    link->from = g_strdup(from);
    link->to = g_strdup(to);
    link->path = g_strdup(path);
    g_ptr_array_add(graph->links, link);
    graph->built = false;
}

/* The node of a name that an edge mentions, made if need be, with the unit of its template where it is an instance
 * without a unit of its own; NULL for what can't be a unit. */
static Node *refer(CcbUnitGraph *graph, const char *name)
{
    name = resolve(graph, name);
    Node *node = g_hash_table_lookup(graph->by_name, name);
    if (node == NULL) {
        if (!ccb_unit_name_is_valid(name))
            return NULL;
        node = node_new(graph, name);
    }
    g_autofree char *template = ccb_unit_template(node->name);
    if (node->unit != NULL || node->masked || template == NULL || graph->instances >= INSTANCES_MAX)
        return node;
    const Node *source = g_hash_table_lookup(graph->by_name, resolve(graph, template));
    if (source != NULL && source->unit != NULL && !source->borrowed) {
        node->unit = source->unit;
        node->borrowed = true;
        graph->instances++;
    }
    return node;
}

/* Takes ownership of `reason`.  A unit's relation to itself means nothing, also for systemd. */
static void relate(Node *node, Relation relation, Node *other, char *reason)
{
    if (other == NULL || other == node) {
        g_free(reason);
        return;
    }
    Node *from = relation == BEFORE ? other : node, *to = relation == BEFORE ? node : other;
    Edge *edge = g_new0(Edge, 1);
    *edge = (Edge){.edge = {from->name, to->name, reason}, .to = to->index};
    g_ptr_array_add(relation == PULLS ? from->pulls : from->after, edge);
    if (relation == PULLS)
        g_ptr_array_add(to->pulled, edge);
}

/* Relates `node` to every unit that Section.Key of its unit file lists. */
static void relate_key(CcbUnitGraph *graph, Node *node, const char *section, const char *key,
                       Relation relation)
{
    g_autoptr(GPtrArray) values = ccb_unit_get_all(node->unit, section, key);
    for (guint i = 0; i < values->len; i++) {
        const CcbUnitValue *value = values->pdata[i];
        g_autoptr(GPtrArray) words = ccb_unit_words(value->value, NULL);
        for (guint w = 0; words != NULL && w < words->len; w++) {
            g_autofree char *name = ccb_unit_expand(words->pdata[w], node->name);
            char *reason = g_strdup_printf("%s:%u: %s=%s", value->file, value->line, key, name);
            relate(node, relation, refer(graph, name), reason);
        }
    }
}

static bool has_default_dependencies(const Node *node)
{
    return ccb_unit_get_bool(node->unit, "Unit", "DefaultDependencies", true);
}

static void relate_implied(CcbUnitGraph *graph, Node *node, Relation relation, const char *other,
                           const char *rule)
{
    static const char *const verbs[] = {
        [AFTER] = "starts after", [BEFORE] = "starts before", [PULLS] = "requires"};
    char *reason = g_strdup_printf("%s: %s %s %s", rule, node->name, verbs[relation], other);
    relate(node, relation, refer(graph, other), reason);
}

/* What the settings of a service imply, whatever DefaultDependencies= says. */
static void relate_service(CcbUnitGraph *graph, Node *node)
{
    const char *type = ccb_unit_get(node->unit, "Service", "Type");
    bool bus_name = ccb_unit_get(node->unit, "Service", "BusName") != NULL;
    if (g_strcmp0(type, "dbus") == 0 || (type == NULL && bus_name)) {
        relate_implied(graph, node, PULLS, "dbus.socket", "Type=dbus");
        relate_implied(graph, node, AFTER, "dbus.socket", "Type=dbus");
    }
    const char *output = ccb_unit_get(node->unit, "Service", "StandardOutput");
    if (output == NULL || g_str_has_prefix(output, "journal") || g_str_has_prefix(output, "kmsg"))
        relate_implied(graph, node, AFTER, "systemd-journald.socket", "StandardOutput=journal");
    if (ccb_unit_get_bool(node->unit, "Service", "PrivateTmp", false))
        relate_implied(graph, node, AFTER, "systemd-tmpfiles-setup.service", "PrivateTmp=yes");
    relate_key(graph, node, "Service", "Sockets", PULLS);
    relate_key(graph, node, "Service", "Sockets", AFTER);
}

static void relate_unit(CcbUnitGraph *graph, Node *node)
{
    /* These start before the unit that they trigger: the one they name, or the service that is called as they are. */
    static const struct {
        const char *suffix, *section, *key;
    } triggers[] = {
        {".socket", "Socket", "Service"}, {".timer", "Timer", "Unit"}, {".path", "Path", "Unit"}};
    for (size_t i = 0; i < G_N_ELEMENTS(unit_keys); i++)
        relate_key(graph, node, "Unit", unit_keys[i].key, unit_keys[i].relation);
    for (size_t i = 0; i < G_N_ELEMENTS(default_dependencies); i++)
        if (has_default_dependencies(node) &&
            g_str_has_suffix(node->name, default_dependencies[i].suffix))
            relate_implied(graph, node, default_dependencies[i].relation,
                           default_dependencies[i].other, "DefaultDependencies=yes");
    if (g_str_has_suffix(node->name, ".service"))
        relate_service(graph, node);
    for (size_t i = 0; i < G_N_ELEMENTS(triggers); i++) {
        if (!g_str_has_suffix(node->name, triggers[i].suffix) ||
            ccb_unit_get_bool(node->unit, triggers[i].section, "Accept", false))
            continue;
        const char *named = ccb_unit_get(node->unit, triggers[i].section, triggers[i].key);
        size_t stem = strlen(node->name) - strlen(triggers[i].suffix);
        g_autofree char *triggered = named != NULL
                                         ? ccb_unit_expand(named, node->name)
                                         : g_strdup_printf("%.*s.service", (int)stem, node->name);
        relate_implied(graph, node, BEFORE, triggered, "a unit starts before the one it triggers");
    }
}

/* A target starts after what it pulls in, unless one of the two declines default dependencies or the other one is ordered
 * after the target: unit_add_default_target_dependency() of systemd. */
static void relate_target(CcbUnitGraph *graph, Node *target)
{
    if (target->unit == NULL || !g_str_has_suffix(target->name, ".target") ||
        !has_default_dependencies(target))
        return;
    for (guint i = 0; i < target->pulls->len; i++) {
        const Edge *pull = target->pulls->pdata[i];
        Node *other = graph->nodes->pdata[pull->to];
        if (other->unit == NULL || !has_default_dependencies(other))
            continue;
        bool is_after = false;
        for (guint k = 0; k < other->after->len && !is_after; k++)
            is_after = ((const Edge *)other->after->pdata[k])->to == target->index;
        if (!is_after)
            relate(target, AFTER, other,
                   g_strdup_printf("a target starts after what it wants: %s", pull->edge.reason));
    }
}

/* Computes the edges that are missing; those that exist stay where they are as long as nothing was added. */
static void build(CcbUnitGraph *graph)
{
    if (!graph->built) {
        graph->instances = graph->related = 0;
        for (guint i = 0; i < graph->nodes->len; i++) {
            Node *node = graph->nodes->pdata[i];
            g_ptr_array_set_size(node->pulled, 0);
            g_ptr_array_set_size(node->after, 0);
            g_ptr_array_set_size(node->pulls, 0);
            if (node->borrowed)
                node->unit = NULL;
            node->borrowed = false;
        }
        for (guint i = 0; i < graph->links->len; i++) {
            const Link *link = graph->links->pdata[i];
            Node *from = refer(graph, link->from);
            if (from != NULL)
                relate(from, PULLS, refer(graph, link->to), g_strdup(link->path));
        }
        graph->built = true;
    }
    guint first = graph->related;
    /* The list grows while edges name new units. */
    for (; graph->related < graph->nodes->len; graph->related++) {
        Node *node = graph->nodes->pdata[graph->related];
        bool template = strstr(node->name, "@.") != NULL;
        if (node->unit != NULL && !template)
            relate_unit(graph, node);
    }
    for (guint i = first; i < graph->nodes->len; i++)
        relate_target(graph, graph->nodes->pdata[i]);
}

/* The node for a query, after all edges are known; a new one for an instance nobody mentioned yet.
 */
static Node *look_up(CcbUnitGraph *graph, const char *name)
{
    build(graph);
    Node *node = refer(graph, name);
    build(graph);
    return node;
}

/* Breadth first from `start`.  Returns for every node the edge it was reached by, NULL where it was
 * not; caller frees.  Goes on only through units that exist and are in `within` (NULL: all). */
static const Edge **reach(const CcbUnitGraph *graph, const Node *start, Relation relation,
                          const Edge *const *within)
{
    const Edge **reached = g_new0(const Edge *, graph->nodes->len);
    g_autoptr(GPtrArray) queue = g_ptr_array_new();
    g_ptr_array_add(queue, (gpointer)start);
    for (guint i = 0; i < queue->len; i++) {
        const Node *node = queue->pdata[i];
        bool passable = node->unit != NULL && (within == NULL || within[node->index] != NULL);
        if (node != start && !passable)
            continue;
        const GPtrArray *edges = relation == PULLS ? node->pulls : node->after;
        for (guint e = 0; e < edges->len; e++) {
            const Edge *edge = edges->pdata[e];
            if (reached[edge->to] != NULL)
                continue;
            reached[edge->to] = edge;
            g_ptr_array_add(queue, graph->nodes->pdata[edge->to]);
        }
    }
    return reached;
}

/* The units that starting `target` starts, itself among them: those with an edge in the result. */
static const Edge **started_by(const CcbUnitGraph *graph, const Node *target)
{
    static const Edge itself;
    const Edge **started = reach(graph, target, PULLS, NULL);
    started[target->index] = &itself;
    return started;
}

/* The edges that led to `end`, first one first; NULL if nothing did. */
static GPtrArray *trace(const CcbUnitGraph *graph, const Edge *const *reached, const Node *start,
                        const Node *end)
{
    if (reached[end->index] == NULL)
        return NULL;
    GPtrArray *path = g_ptr_array_new();
    const Node *node = end;
    do {
        const Edge *edge = reached[node->index];
        g_ptr_array_insert(path, 0, (gpointer)&edge->edge);
        node = g_hash_table_lookup(graph->by_name, edge->edge.from);
    } while (node != start);
    return path;
}

const CcbUnit *ccb_unitgraph_unit(CcbUnitGraph *graph, const char *name)
{
    const Node *node = look_up(graph, name);
    return node != NULL ? node->unit : NULL;
}

bool ccb_unitgraph_has(CcbUnitGraph *graph, const char *name)
{
    return ccb_unitgraph_unit(graph, name) != NULL;
}

GPtrArray *ccb_unitgraph_why_after(CcbUnitGraph *graph, const char *a, const char *b,
                                   const char *within)
{
    const Node *start = look_up(graph, a);
    const Node *end = look_up(graph, b);
    const Node *target = within != NULL ? look_up(graph, within) : NULL;
    if (start == NULL || end == NULL || (within != NULL && target == NULL))
        return NULL;
    g_autofree const Edge **started = target != NULL ? started_by(graph, target) : NULL;
    g_autofree const Edge **reached = reach(graph, start, AFTER, started);
    return trace(graph, reached, start, end);
}

GPtrArray *ccb_unitgraph_why_started(CcbUnitGraph *graph, const char *target, const char *name)
{
    const Node *start = look_up(graph, target);
    const Node *end = look_up(graph, name);
    if (start == NULL || end == NULL)
        return NULL;
    g_autofree const Edge **reached = reach(graph, start, PULLS, NULL);
    return trace(graph, reached, start, end);
}

/* The edges (CcbUnitEdge) of a list of Edge; caller unrefs. */
static GPtrArray *public_edges(const GPtrArray *edges)
{
    GPtrArray *list = g_ptr_array_new();
    for (guint i = 0; edges != NULL && i < edges->len; i++)
        g_ptr_array_add(list, &((Edge *)edges->pdata[i])->edge);
    return list;
}

GPtrArray *ccb_unitgraph_pulled_by(CcbUnitGraph *graph, const char *name)
{
    const Node *node = look_up(graph, name);
    return public_edges(node != NULL ? node->pulled : NULL);
}

GPtrArray *ccb_unitgraph_after(CcbUnitGraph *graph, const char *name)
{
    const Node *node = look_up(graph, name);
    return public_edges(node != NULL ? node->after : NULL);
}

GPtrArray *ccb_unitgraph_pulls(CcbUnitGraph *graph, const char *name)
{
    const Node *node = look_up(graph, name);
    return public_edges(node != NULL ? node->pulls : NULL);
}

const char *ccb_unitgraph_resolve(const CcbUnitGraph *graph, const char *name)
{
    return resolve(graph, name);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *ccb_unitgraph_names(CcbUnitGraph *graph)
{
    GPtrArray *names = g_ptr_array_new();
    build(graph);
    for (guint i = 0; i < graph->nodes->len; i++)
        g_ptr_array_add(names, ((Node *)graph->nodes->pdata[i])->name);
    g_ptr_array_sort(names, compare_names);
    return names;
}

GPtrArray *ccb_unitgraph_started(CcbUnitGraph *graph, const char *target)
{
    GPtrArray *names = g_ptr_array_new();
    const Node *start = look_up(graph, target);
    if (start == NULL)
        return names;
    g_autofree const Edge **started = started_by(graph, start);
    for (guint i = 0; i < graph->nodes->len; i++) {
        const Node *node = graph->nodes->pdata[i];
        if (started[i] != NULL && node->unit != NULL)
            g_ptr_array_add(names, node->name);
    }
    g_ptr_array_sort(names, compare_names);
    return names;
}

GPtrArray *ccb_unitgraph_find_cycle(CcbUnitGraph *graph, const char *target)
{
    enum { UNSEEN, ON_WAY, DONE };
    const Node *start = look_up(graph, target);
    if (start == NULL || start->unit == NULL)
        return NULL;
    g_autofree const Edge **started = started_by(graph, start);
    g_autofree guint8 *state = g_malloc0(graph->nodes->len);
    g_autofree guint *followed = g_new0(guint, graph->nodes->len); /* edges of each node */
    g_autoptr(GPtrArray) way = g_ptr_array_new();                  /* nodes, depth first */
    for (guint root = 0; root < graph->nodes->len; root++) {
        const Node *next = graph->nodes->pdata[root];
        while (next != NULL || way->len > 0) {
            bool counts = next != NULL && next->unit != NULL && started[next->index] != NULL;
            if (counts && state[next->index] == ON_WAY)
                break;
            if (counts && state[next->index] == UNSEEN) {
                state[next->index] = ON_WAY;
                g_ptr_array_add(way, (gpointer)next);
            }
            next = NULL;
            if (way->len == 0)
                continue;
            const Node *last = way->pdata[way->len - 1];
            if (followed[last->index] < last->after->len) {
                const Edge *edge = last->after->pdata[followed[last->index]++];
                next = graph->nodes->pdata[edge->to];
            } else {
                state[last->index] = DONE;
                g_ptr_array_set_size(way, (gint)way->len - 1);
            }
        }
        if (next == NULL)
            continue;
        /* The way comes back to `next`: the edges from there on. */
        GPtrArray *cycle = g_ptr_array_new();
        guint i = 0;
        g_ptr_array_find(way, next, &i);
        for (; i < way->len; i++) {
            const Node *node = way->pdata[i];
            Edge *edge = node->after->pdata[followed[node->index] - 1];
            g_ptr_array_add(cycle, &edge->edge);
        }
        return cycle;
    }
    return NULL;
}
