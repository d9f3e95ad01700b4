/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake graph IMAGE: the order in which the units of the GPU start, and why. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/process.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/open-image.h"
#include "cli/print-json.h"
#include "cli/verbs.h"
#include "systemd/unitset.h"

enum { LAYOUT_LIMIT_S = 300 };

static struct {
    const char *backend, *format, *unit;
    bool all;
} opts = {.backend = "auto", .format = "text"};

static const CcbOption options[] = {
    CCB_FORMAT_OPTIONS(opts.format, "text|json|dot|svg", "what to print (text)"),
    {"all", 'a', CCB_OPT_FLAG, &opts.all, NULL, "everything that the boot starts"},
    CCB_READ_BACKEND_OPTIONS(opts.backend),
    {"unit", 0, CCB_OPT_STRING, &opts.unit, "NAME",
     "instead of the GPU's units this one; with --all what starts before and after it"},
    CCB_PROGRESS_OPTIONS,
    {0},
};

static CcbUnitPlot *plot_unit(const CcbUnitSet *set, CcbGuest *guest, GError **error)
{
    /* As for systemctl, a name without a type is that of a service. */
    g_autofree char *name =
        g_strconcat(opts.unit, strchr(opts.unit, '.') == NULL ? ".service" : "", NULL);
    const char *const about[] = {ccb_unitgraph_resolve(set->graph, name), NULL};
    const char *target = ccb_unitset_target(set);
    g_autoptr(CcbUnitPlot) plot = opts.all ? ccb_unitplot_around(set->graph, target, name)
                                           : ccb_unitset_plot_near(set, guest, about, error);
    if (plot == NULL || plot->units->len > 0)
        return g_steal_pointer(&plot);
    g_autoptr(GPtrArray) names =
        ccb_unitgraph_names(set->graph); /* before the graph is asked for this one */
    g_ptr_array_add(names, NULL);
    if (ccb_unitgraph_has(set->graph, name)) {
        ccb_fail(error, CCB_ERR_USAGE, "--unit=%s: the boot does not start it", name);
        ccb_hint(error, "without --all it is shown with what is related to it directly");
        return NULL;
    }
    ccb_fail(error, CCB_ERR_USAGE, "--unit=%s: there is no such unit", name);
    ccb_hint_name(error, name, (const char *const *)names->pdata, NULL);
    return NULL;
}

static CcbUnitPlot *read_plot(const char *image, CcbBackend backend, GError **error)
{
    g_autoptr(CcbGuest) guest = ccb_open_image(image, backend, error);
    if (guest == NULL)
        return NULL;
    g_autoptr(CcbUnitSet) set = ccb_unitset_read(guest, error);
    CcbUnitPlot *plot = NULL;
    if (set != NULL && opts.unit != NULL)
        plot = plot_unit(set, guest, error);
    else if (set != NULL && opts.all)
        plot = ccb_unitplot_all(set->graph, ccb_unitset_target(set));
    else if (set != NULL)
        plot = ccb_unitset_plot_gpu(set, guest, error);
    if (plot == NULL)
        g_prefix_error(error, "image %s: ", image);
    return plot;
}

static bool print_svg(const CcbUnitPlot *plot, GError **error)
{
    static const char *const argv[] = {"dot", "-Tsvg", NULL};
    g_autofree char *text = ccb_unitplot_to_dot(plot);
    g_autoptr(GString) svg = g_string_new(NULL);
    CcbProcess process = {
        .argv = argv,
        .stdin_text = text,
        .limit_s = LAYOUT_LIMIT_S,
        .separate_stdout = true,
        .ret_stdout = svg,
    };
    if (!ccb_process_run(&process, error))
        return false;
    fputs(svg->str, stdout);
    return true;
}

static bool run(int argc, char **argv, GError **error)
{
    bool svg = strcmp(opts.format, "svg") == 0;
    g_autofree char *program = g_find_program_in_path("dot");
    if (svg && program == NULL) {
        ccb_fail(error, CCB_ERR_HOST, "dot is not installed, which --format=svg needs");
        return ccb_hint(error, "install graphviz, or take --format=dot or --format=text");
    }
    CcbBackend backend = ccb_open_backend(opts.backend, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    ccb_progress_begin("read", argv[0], 0);
    g_autoptr(CcbUnitPlot) plot = read_plot(argv[0], backend, error);
    if (plot == NULL) {
        ccb_progress_abort();
        return false;
    }
    ccb_progress_end(NULL);
    if (svg)
        return print_svg(plot, error);
    if (strcmp(opts.format, "json") == 0) {
        ccb_print_json(ccb_unitplot_to_json(plot));
        return true;
    }
    g_autofree char *text =
        strcmp(opts.format, "dot") == 0 ? ccb_unitplot_to_dot(plot) : ccb_unitplot_to_text(plot);
    fputs(text, stdout);
    return true;
}

const CcbVerb ccb_verb_graph = {
    .name = "graph",
    .arguments = "IMAGE",
    .summary = "show the boot order of the GPU's units, and why",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
