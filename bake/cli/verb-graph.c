/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake graph IMAGE: the order in which the units of the GPU start, and why. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/process.h"
#include "base/progress.h"
#include "cli/open-image.h"
#include "cli/verbs.h"
#include "systemd/unitset.h"

enum { LAYOUT_LIMIT_S = 300 };

static const char *backend_name = "auto", *format = "text";
static bool all;

static const CcbOption options[] = {
    {"format", 0, CCB_OPT_STRING, &format, "text|dot|svg", "what to print (text)"},
    {"all", 'a', CCB_OPT_FLAG, &all, NULL, "everything that the boot starts"},
    {"backend", 0, CCB_OPT_STRING, &backend_name, "auto|appliance|host", "how the image is opened"},
    CCB_PROGRESS_OPTIONS,
    {0},
};

static bool read_plot(CcbGuest *guest, void *data, GError **error)
{
    CcbUnitPlot **ret_plot = data;
    g_autoptr(CcbUnitSet) set = ccb_unitset_read(guest, error);
    if (set == NULL)
        return false;
    *ret_plot = all ? ccb_unitplot_all(set->graph, ccb_unitset_target(set))
                    : ccb_unitset_plot_gpu(set, guest, error);
    return *ret_plot != NULL;
}

/* Asked before the image is opened. */
static bool check_layout(GError **error)
{
    g_autofree char *program = g_find_program_in_path("dot");
    if (strcmp(format, "svg") != 0 || program != NULL)
        return true;
    ccb_fail(error, CCB_ERR_HOST, "dot is not installed, which --format=svg needs");
    return ccb_hint(error, "install graphviz, or take --format=dot or --format=text");
}

static bool print_svg(const CcbUnitPlot *plot, GError **error)
{
    static const char *const argv[] = {"dot", "-Tsvg", NULL};
    g_autofree char *text = ccb_unitplot_to_dot(plot);
    g_autoptr(GString) svg = g_string_new(NULL);
    CcbProcess process = {.argv = argv,
                          .stdin_text = text,
                          .limit_s = LAYOUT_LIMIT_S,
                          .separate_stdout = true,
                          .ret_stdout = svg};
    if (!ccb_process_run(&process, error))
        return false;
    fputs(svg->str, stdout);
    return true;
}

static bool print(const CcbUnitPlot *plot, GError **error)
{
    if (strcmp(format, "svg") == 0)
        return print_svg(plot, error);
    g_autofree char *text =
        strcmp(format, "dot") == 0 ? ccb_unitplot_to_dot(plot) : ccb_unitplot_to_text(plot);
    fputs(text, stdout);
    return true;
}

static bool run(int argc, char **argv, GError **error)
{
    if (!check_layout(error))
        return false;
    CcbBackend backend = ccb_open_backend(backend_name, error);
    g_autoptr(CcbUnitPlot) plot = NULL;
    return backend != CCB_BACKEND_AUTO &&
           ccb_with_image("read", argv[0], backend, read_plot, &plot, error) && print(plot, error);
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
