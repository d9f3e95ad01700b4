/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unit files of an image, as systemd would load them at boot: /etc before /usr/local/lib
 * before /usr/lib, links to /dev/null are masks, other links are aliases, drop-ins merged.
 *
 * Not seen: what generators write (fstab mounts), what is a link to a directory.
 */
#pragma once

#include "guest/guest.h"
#include "systemd/unit.h"
#include "systemd/unitgraph.h"
#include "systemd/unitplot.h"

typedef struct {
    GHashTable *paths;  /* unit name ► path of its file */
    GHashTable *masked; /* set of unit names */
    GHashTable *
        dropins; /* name ► GPtrArray of the paths in its directories NAME.d; also prefixes ("a-.service") and types */
    GHashTable *aliases;      /* unit name ► the name that its link leads to */
    GHashTable *dependencies; /* set of "NAME.wants/UNIT" that were seen */
    GHashTable *refused;      /* name of a unit that systemd does not load ► why */
    unsigned version;         /* of systemd; 0: not known */
    GHashTable *links;        /* set of those paths that are symlinks */
    CcbUnitGraph *graph;
} CcbUnitSet;

CcbUnitSet *ccb_unitset_read(CcbGuest *guest, GError **error);
void ccb_unitset_free(CcbUnitSet *set); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CcbUnitSet, ccb_unitset_free)

/* Where a unit's file is; NULL: there is none, or it is masked. */
const char *ccb_unitset_path(const CcbUnitSet *set, const char *name);

/* One unit with its drop-ins, read again; *ret is NULL where neither is there.  Belongs to the caller. */
bool ccb_unitset_unit(const CcbUnitSet *set, CcbGuest *guest, const char *name, CcbUnit **ret,
                      GError **error);

/* The target that a boot starts: default.target, or multi-user.target where nobody says. */
const char *ccb_unitset_target(const CcbUnitSet *set);

/* ccb_unitplot_near(), and that of the GPU's units; with the units of which there are only drop-ins yet. */
CcbUnitPlot *ccb_unitset_plot_near(const CcbUnitSet *set, CcbGuest *guest, const char *const *about,
                                   GError **error);
CcbUnitPlot *ccb_unitset_plot_gpu(const CcbUnitSet *set, CcbGuest *guest, GError **error);

/* "a.service ► b.service (FILE:LINE: ...), ...": from what starts first to what waits; caller frees. */
char *ccb_unit_edges_text(const GPtrArray *edges);
