/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this host has of what ccbake needs at run time, as a table: a row is a name, what it is for,
 * and a function that looks.  `ccbake doctor` prints it.
 *
 *     for (const CcbHostProbe *probe = ccb_host_probes; probe->name; probe++) {
 *         g_auto(CcbHostFinding) finding = {0};
 *         probe->look(&finding);
 *     }
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "guest/guest.h"

typedef enum { CCB_HOST_OK, CCB_HOST_WARN, CCB_HOST_MISSING } CcbHostStatus;

typedef struct {
    CcbHostStatus status;
    char *found;  /* version, size or what was seen; never NULL after look() */
    char *advice; /* what to do, or NULL */
} CcbHostFinding;

void ccb_host_finding_clear(CcbHostFinding *finding);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcbHostFinding, ccb_host_finding_clear)

/* Without what can't a bake run? */
typedef enum {
    CCB_HOST_OPTIONAL,
    CCB_HOST_FOR_APPLIANCE,    /* with the appliance as its backend */
    CCB_HOST_FOR_HOST_BACKEND, /* with the host backend */
    CCB_HOST_ALWAYS,
} CcbHostNeed;

typedef struct {
    const char *name;
    const char *purpose;
    CcbHostNeed need;
    void (*look)(CcbHostFinding *ret);
} CcbHostProbe;

/* Ends with a row whose name is NULL. */
extern const CcbHostProbe ccb_host_probes[];

/* Whether a bake through `backend` needs it. */
bool ccb_host_probe_matters(const CcbHostProbe *probe, CcbBackend backend);
