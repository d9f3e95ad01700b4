/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "systemd/unitplot.h"

/* "FILE:LINE: After=x.service", a link, or a rule of systemd's, which has no file. */
static json_t *reason_to_json(const char *reason)
{
    g_autofree char *text = ccb_name_printable(reason);
    json_t *json = json_pack("{s:s}", "text", text);
    if (text[0] != '/')
        return json;
    const char *colon = strchr(text, ':');
    char *end = NULL;
    unsigned long line = 0;
    while (colon != NULL) { /* a file's name may have colons */
        line = g_ascii_isdigit(colon[1]) ? strtoul(colon + 1, &end, 10) : 0;
        if (line > 0 && g_str_has_prefix(end, ": "))
            break;
        colon = strchr(colon + 1, ':');
    }
    json_object_set_new(json, "file",
                        colon != NULL ? json_stringn(text, (size_t)(colon - text))
                                      : json_string(text));
    if (colon != NULL)
        json_object_set_new(json, "line", json_integer((json_int_t)line));
    return json;
}

static json_t *relation_to_json(const CcbPlotRelation *relation)
{
    g_autofree char *from = ccb_name_printable(relation->from->name);
    g_autofree char *to = ccb_name_printable(relation->to->name);
    json_t *reasons = json_array();
    for (guint i = 0; i < relation->reasons->len; i++)
        json_array_append_new(reasons, reason_to_json(relation->reasons->pdata[i]));
    return json_pack("{s:s, s:s, s:s, s:o}", "from", from, "relation",
                     relation->kind == CCB_PLOT_ORDER ? "before" : "starts", "to", to, "reasons",
                     reasons);
}

json_t *ccb_unitplot_to_json(const CcbUnitPlot *plot)
{
    guint cyclic;
    g_autoptr(GPtrArray) sorted = ccb_unitplot_sort(plot, &cyclic);
    g_autofree char *target = ccb_name_printable(plot->target);
    json_t *units = json_array(), *relations = json_array();
    for (guint i = 0; i < sorted->len; i++) {
        const CcbPlotUnit *unit = sorted->pdata[i];
        g_autofree char *name = ccb_name_printable(unit->name);
        json_array_append_new(units, json_pack("{s:s, s:b, s:b, s:b}", "name", name, "installed",
                                               (int)unit->present, "started", (int)unit->started,
                                               "in_cycle", (int)(i >= cyclic)));
    }
    for (guint i = 0; i < plot->relations->len; i++)
        json_array_append_new(relations, relation_to_json(plot->relations->pdata[i]));
    return json_pack("{s:s, s:o, s:o}", "target", target, "units", units, "relations", relations);
}
