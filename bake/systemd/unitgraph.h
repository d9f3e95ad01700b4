/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dependencies between units as systemd 239 to 252 computes them at boot, from files alone, because
 * `systemd-analyze verify` needs the target's systemd and does not fail on an ordering cycle.
 *
 *     g_autoptr(CcbUnitGraph) graph = ccb_unitgraph_new();
 *     for each unit file, with its drop-ins merged:
 *         ccb_unitgraph_add(graph, "a.service", unit, error);
 *     for each symlink to a unit:
 *         ccb_unitgraph_add_alias(graph, "default.target", "multi-user.target");
 *     for each symlink X.wants/Y:
 *         ccb_unitgraph_add_want(graph, "X", "Y", path);
 *     g_autoptr(GPtrArray) cycle = ccb_unitgraph_find_cycle(graph, "default.target");
 *
 * Known: Wants= Requires= BindsTo= Upholds= After= Before= Sockets= Service= Unit=, the default
 * dependencies of every unit type, Type=dbus, the journal and PrivateTmp=, template instances with
 * the specifiers %i %I %n %N %p.  Not known: Conflicts=, Requisite=, mounts implied by paths,
 * generators, slices.
 *
 * Edges that queries return are in the order of the path, so that edge n ends where edge n+1
 * starts.  The arrays are the caller's; the CcbUnitEdge in them belong to the graph and live until
 * it is changed.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "systemd/unit.h"

typedef struct CcbUnitGraph CcbUnitGraph;

typedef struct {
    const char *from;
    const char *to;
    /* "FILE:LINE: After=x.service", a symlink's path, or the rule of a default dependency. */
    char *reason;
} CcbUnitEdge;

CcbUnitGraph *ccb_unitgraph_new(void);
void ccb_unitgraph_free(CcbUnitGraph *graph); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbUnitGraph, ccb_unitgraph_free)

/* Adds or replaces a unit; takes ownership of `unit`, also on failure.  NULL for a masked one: it is never started.
 * Errors: CCB_ERR_INPUT for a name that systemd would refuse (characters, 255 bytes, no type). */
bool ccb_unitgraph_add(CcbUnitGraph *graph, const char *name, CcbUnit *unit, GError **error);

/* `alias` is another name of `name`, which may be added later. */
void ccb_unitgraph_add_alias(CcbUnitGraph *graph, const char *alias, const char *name);

/* A link to unit `to` in a .wants, .requires or .upholds directory of `from`; `path` is the reason
 * given. */
void ccb_unitgraph_add_want(CcbUnitGraph *graph, const char *from, const char *to,
                            const char *path);

/* Whether a unit of that name (or alias, or template for it) was added and is not masked. */
bool ccb_unitgraph_has(CcbUnitGraph *graph, const char *name);

/* The unit of that name (or alias), drop-ins merged, or NULL; belongs to the graph. */
const CcbUnit *ccb_unitgraph_unit(CcbUnitGraph *graph, const char *name);

/* Why `a` starts after `b`: the shortest path of orderings from a to b, or NULL if nothing orders
 * them. Units between count only if they exist and, with `within` (a target; NULL: any), are pulled
 * in by it, because a unit that is not started orders nothing. */
GPtrArray *ccb_unitgraph_why_after(CcbUnitGraph *graph, const char *a, const char *b,
                                   const char *within);

/* Why starting `target` starts `name`: the shortest path of requirements, or NULL if it does not. */
GPtrArray *ccb_unitgraph_why_started(CcbUnitGraph *graph, const char *target, const char *name);

/* What pulls in `name` directly; never NULL. */
GPtrArray *ccb_unitgraph_pulled_by(CcbUnitGraph *graph, const char *name);

/* What a unit is ordered after, and what starting it starts, directly; never NULL. */
GPtrArray *ccb_unitgraph_after(CcbUnitGraph *graph, const char *name);
GPtrArray *ccb_unitgraph_pulls(CcbUnitGraph *graph, const char *name);

/* The name that `name` is an alias of, or itself; belongs to the graph, or is `name`. */
const char *ccb_unitgraph_resolve(const CcbUnitGraph *graph, const char *name);

/* The names (const char *) of all units, also of those that are only mentioned; and of those that are there and are
 * started when `target` is, itself among them.  Sorted; the caller unrefs the array, the names belong to the graph. */
GPtrArray *ccb_unitgraph_names(CcbUnitGraph *graph);
GPtrArray *ccb_unitgraph_started(CcbUnitGraph *graph, const char *target);

/* A cycle of orderings among what `target` pulls in (systemd would drop one of its jobs,
 * whichever), its last edge ending where the first starts; NULL if there is none. */
GPtrArray *ccb_unitgraph_find_cycle(CcbUnitGraph *graph, const char *target);
