/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nvidia-persistenced, which makes the GPUs ready, and its place in the order of the boot. */
#include <string.h>

#include "base/error.h"
#include "check/check-gpuuse.h"
#include "check/check-timelimits.h"
#include "check/context.h"
#include "check/guest-units.h"
#include "guide/gpu-units.h"
#include "systemd/unit.h"

/* Users of the GPU that packages bring: judged where they are installed and enabled. */
static const char *const known_consumers[] = {
    "dcgm.service",        "dcgm-exporter.service", "nvidia-dcgm.service",
    "nvidia-mps.service",  "cloudmonitor.service",  "nvidia-cdi-refresh.service",
    "nvidia-imex.service", "ollama.service",        NULL};

/* Ordered whether they are installed or not: those of the recipe, and of the others the one that the
 * cloud installs into instances by itself, which both texts of the guide name. */
static const char *const *demanded(CcbCheckContext *ctx)
{
    static const char *const of_the_cloud[] = {"cloudmonitor.service", NULL};
    return ctx->expect->consumers != NULL ? (const char *const *)ctx->expect->consumers
                                          : of_the_cloud;
}

/* Those that may arrive later. */
static const char *const *consumers(CcbCheckContext *ctx)
{
    return ctx->expect->consumers != NULL ? (const char *const *)ctx->expect->consumers
                                          : ccb_gpu_consumers;
}

/* The guide's texts.  A command may have more options than these. */
typedef struct {
    const char *key;
    const char *value;
    enum { ANY_GPUS, EIGHT_GPUS } gpus;
    enum { SAME, WORDS } how;
} Directive;

/* Without these the GPUs are not set ready, or who waits for the daemon does not wait for that. */
static const Directive needed[] = {
    {"Type", "forking", ANY_GPUS, SAME},
    {"ExecStart", "/usr/bin/nvidia-persistenced", ANY_GPUS, WORDS},
    {"ExecStart", "--uvm-persistence-mode", EIGHT_GPUS, WORDS},
    {"ExecStartPost", "/usr/bin/nvidia-smi conf-compute -srs 1", ANY_GPUS, WORDS},
    {NULL, NULL, ANY_GPUS, SAME},
};

/* The rest of the texts; the units of packages, which work, differ here. */
static const Directive usual[] = {
    {"ExecStart", "--user root", ANY_GPUS, WORDS},
    {"ExecStart", "--verbose", EIGHT_GPUS, WORDS},
    {"ExecStopPost", "/bin/rm -rf /var/run/nvidia-persistenced", ANY_GPUS, WORDS},
    {NULL, NULL, ANY_GPUS, SAME},
};

/* In front of the program's path, systemd.service(5): "-" lets it fail, and so on. */
static const char *skip_prefixes(const char *command)
{
    return command + strspn(command, "@-:+!");
}

static bool has_all_words(const char *found, const char *expected)
{
    g_auto(GStrv) have = g_strsplit_set(skip_prefixes(found), " \t", -1);
    g_auto(GStrv) want = g_strsplit(expected, " ", -1);
    guint at = 0;
    for (char **word = have; *word != NULL && want[at] != NULL; word++)
        at += g_str_equal(*word, want[at]);
    return want[at] == NULL;
}

static bool directive_matches(const Directive *directive, const char *found)
{
    return directive->how == WORDS ? has_all_words(found, directive->value)
                                   : g_str_equal(found, directive->value);
}

static void check_directive(const CcbUnit *unit, const Directive *directive, const char *path,
                            CcbCheckResult *result)
{
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Service", directive->key);
    /* Of a type the last one counts, of a command any. */
    for (guint i = directive->how == WORDS || values->len == 0 ? 0 : values->len - 1;
         i < values->len; i++) {
        const CcbUnitValue *value = g_ptr_array_index(values, i);
        if (directive_matches(directive, value->value))
            return;
    }
    const CcbUnitValue *last = values->len > 0 ? g_ptr_array_index(values, values->len - 1) : NULL;
    if (last != NULL)
        ccb_result_fail(result, "%s:%u: %s=%s, expected %s%s", last->file, last->line,
                        directive->key, last->value, directive->value,
                        directive->how == WORDS ? " in it" : "");
    else
        ccb_result_fail(result, "%s: no %s=, expected %s", path, directive->key, directive->value);
}

static bool skip_without_gpu(CcbCheckContext *ctx, CcbCheckResult *result)
{
    if (ctx->gpus == 0)
        ccb_result_skip(result, "no NVIDIA driver is asked for or found");
    return ctx->gpus == 0;
}

static void check_directives(CcbCheckContext *ctx, const CcbUnit *unit, const char *path,
                             const Directive *directives, CcbCheckResult *result)
{
    for (; directives->key != NULL; directives++)
        if (directives->gpus == ANY_GPUS || ctx->gpus == 8)
            check_directive(unit, directives, path, result);
}

static bool check_text(CcbCheckContext *ctx, const char *path, const Directive *directives,
                       CcbCheckResult *result, GError **error)
{
    g_autoptr(CcbUnit) unit = NULL;
    if (!ccb_check_unit(ctx, CCB_PERSISTENCED, &unit, error))
        return false;
    check_directives(ctx, unit, path, directives, result);
    return ccb_result_pass(result, "%s, for %u GPU%s", path, ctx->gpus, ctx->gpus > 1 ? "s" : "");
}

static bool run_persistenced(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (skip_without_gpu(ctx, result))
        return true;
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set == NULL)
        return false;
    const char *path = ccb_unitset_path(set, CCB_PERSISTENCED);
    if (path == NULL)
        return ccb_result_fail(result, "%s/%s is %s", CCB_UNIT_DIR, CCB_PERSISTENCED,
                               g_hash_table_contains(set->masked, CCB_PERSISTENCED) ? "masked"
                                                                                    : "missing");
    return check_text(ctx, path, needed, result, error);
}

/* *ret_set stays NULL, and the result is skipped, without its file: units.persistenced says that. */
static bool units_with_daemon(CcbCheckContext *ctx, CcbCheckResult *result, CcbUnitSet **ret_set,
                              GError **error)
{
    *ret_set = NULL;
    if (skip_without_gpu(ctx, result))
        return true;
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set != NULL && ccb_unitset_path(set, CCB_PERSISTENCED) != NULL)
        *ret_set = set;
    else
        ccb_result_skip(result, "there is no %s", CCB_PERSISTENCED);
    return set != NULL;
}

static bool run_guide_text(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set;
    if (!units_with_daemon(ctx, result, &set, error))
        return false;
    return set == NULL ||
           check_text(ctx, ccb_unitset_path(set, CCB_PERSISTENCED), usual, result, error);
}

static bool run_time_limits(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return skip_without_gpu(ctx, result) || ccb_check_time_limits(ctx, result, error);
}

static bool starts(CcbUnitSet *set, const char *name)
{
    const char *target = ccb_unitgraph_resolve(set->graph, ccb_unitset_target(set));
    g_autoptr(GPtrArray) why = ccb_unitgraph_why_started(set->graph, target, name);
    return why != NULL || g_str_equal(target, name);
}

/* By which link a target of the boot starts the daemon; NULL: none does.  A user of the GPU that starts it does not
 * count: it may be removed.  A link does by its name: where it leads to does not matter to systemd. */
static const CcbUnitEdge *enabling_edge(CcbUnitSet *set)
{
    g_autoptr(GPtrArray) by = ccb_unitgraph_pulled_by(set->graph, CCB_PERSISTENCED);
    for (guint i = 0; i < by->len; i++) {
        const CcbUnitEdge *edge = by->pdata[i];
        if (g_str_has_suffix(edge->from, ".target") && starts(set, edge->from))
            return edge;
    }
    return NULL;
}

static bool run_enabled(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set;
    if (!units_with_daemon(ctx, result, &set, error))
        return false;
    if (set == NULL)
        return true;
    const CcbUnitEdge *edge = enabling_edge(set);
    if (edge == NULL)
        return ccb_result_fail(result,
                               "%s does not start %s: no link in %s/multi-user.target.wants",
                               ccb_unitset_target(set), CCB_PERSISTENCED, CCB_UNIT_DIR);
    return ccb_result_pass(result, "%s: %s", edge->from, edge->reason);
}

static bool run_acyclic(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set == NULL)
        return false;
    const char *target = ccb_unitset_target(set);
    if (!ccb_unitgraph_has(set->graph, target))
        return ccb_fail(error, CCB_ERR_INPUT, "no default.target and no multi-user.target in %s",
                        "/usr/lib/systemd/system");
    g_autoptr(GPtrArray) cycle = ccb_unitgraph_find_cycle(set->graph, target);
    if (cycle == NULL)
        return ccb_result_pass(result, "no ordering cycle in what %s starts", target);
    g_autofree char *edges = ccb_unit_edges_text(cycle);
    return ccb_result_fail(result, "ordering cycle, systemd will drop one of these: %s", edges);
}

/* Through units that a boot starts: of those that it does not start none holds anybody back. */
static bool is_after(CcbUnitSet *set, const char *unit, const char *other)
{
    g_autoptr(GPtrArray) why =
        ccb_unitgraph_why_after(set->graph, unit, other, ccb_unitset_target(set));
    return why != NULL;
}

static bool lists_unit(const CcbUnit *unit, const char *key, const char *name)
{
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Unit", key);
    for (guint i = 0; i < values->len; i++) {
        const CcbUnitValue *value = g_ptr_array_index(values, i);
        g_autoptr(GPtrArray) words = ccb_unit_words(value->value, NULL);
        for (guint k = 0; words != NULL && k < words->len; k++)
            if (g_str_equal(g_ptr_array_index(words, k), name))
                return true;
    }
    return false;
}

/* A consumer need not be there yet: then only Before= of the daemon or a drop-in of its own can
 * order it. */
static bool check_order(CcbCheckContext *ctx, CcbUnitSet *set, const CcbUnit *daemon,
                        const char *consumer, CcbCheckResult *result, GError **error)
{
    g_autoptr(CcbUnit) unit = NULL;
    if (lists_unit(daemon, "Before", consumer) || is_after(set, consumer, CCB_PERSISTENCED))
        return true;
    if (!ccb_check_unit(ctx, consumer, &unit, error))
        return false;
    if (unit == NULL || !lists_unit(unit, "After", CCB_PERSISTENCED))
        ccb_result_fail(result, "%s: no Before=%s, and nothing else orders it",
                        ccb_unitset_path(set, CCB_PERSISTENCED), consumer);
    return true;
}

/* Something pulls it in, or what triggers it by its name. */
static bool starts_by_itself(CcbUnitSet *set, const char *service)
{
    static const char *const types[] = {"service", "path", "socket", "timer"};
    g_autofree char *stem = g_strndup(service, (gsize)(strrchr(service, '.') - service));
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autofree char *unit = g_strconcat(stem, ".", types[i], NULL);
        g_autoptr(GPtrArray) by = ccb_unitgraph_pulled_by(set->graph, unit);
        if (by->len > 0)
            return true;
    }
    return false;
}

/* The names (char *), with NULL at the end; caller unrefs. */
static GPtrArray *to_be_ordered(CcbCheckContext *ctx, CcbUnitSet *set)
{
    GPtrArray *names = g_ptr_array_new();
    for (const char *const *name = demanded(ctx); *name != NULL; name++)
        g_ptr_array_add(names, (char *)*name);
    for (const char *const *name = known_consumers; *name != NULL; name++)
        if (ccb_unitset_path(set, *name) != NULL && starts_by_itself(set, *name) &&
            !g_strv_contains(demanded(ctx), *name))
            g_ptr_array_add(names, (char *)*name);
    g_ptr_array_add(names, NULL);
    return names;
}

static bool run_order(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set;
    if (!units_with_daemon(ctx, result, &set, error))
        return false;
    if (set == NULL)
        return true;
    g_autoptr(CcbUnit) daemon = NULL;
    if (!ccb_check_unit(ctx, CCB_PERSISTENCED, &daemon, error))
        return false;
    g_autoptr(GPtrArray) names = to_be_ordered(ctx, set);
    for (guint i = 0; i + 1 < names->len; i++)
        if (!check_order(ctx, set, daemon, names->pdata[i], result, error))
            return false;
    g_autofree char *text = g_strjoinv(", ", (char **)names->pdata);
    return ccb_result_pass(result, "before %s", text);
}

/* units.order judges these, and fabric.* Fabric Manager. */
static bool is_judged(CcbCheckContext *ctx, const char *unit)
{
    return g_str_equal(unit, CCB_PERSISTENCED) || g_str_equal(unit, CCB_FABRICMANAGER) ||
           g_strv_contains(demanded(ctx), unit) || g_strv_contains(known_consumers, unit);
}

/* By what a unit uses the GPU, as messages say it; *ret is NULL where it does not, caller frees. */
static bool use_of(CcbCheckContext *ctx, CcbUnitSet *set, const char *name, char **ret,
                   GError **error)
{
    const CcbUnitValue *command = ccb_unit_gpu_command(ccb_unitgraph_unit(set->graph, name));
    const char *config = NULL;
    if (command == NULL && !ccb_check_gpu_engine(ctx, name, &config, error))
        return false;
    *ret = config != NULL    ? g_strdup_printf("%s: nvidia-container-runtime", config)
           : command != NULL ? g_strdup_printf("%s:%u: %s=%s", command->file, command->line,
                                               command->key, command->value)
                             : NULL;
    return true;
}

/* What the daemon waits for is meant to come first. */
static bool is_ordered(CcbUnitSet *set, const char *name)
{
    return is_after(set, name, CCB_PERSISTENCED) || is_after(set, CCB_PERSISTENCED, name);
}

static bool run_gpu_users(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set;
    if (!units_with_daemon(ctx, result, &set, error))
        return false;
    if (set == NULL)
        return true;
    g_autoptr(GPtrArray) names = ccb_unitgraph_started(set->graph, ccb_unitset_target(set));
    guint users = 0;
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *use = NULL;
        const char *name = names->pdata[i];
        if (!is_judged(ctx, name) && !use_of(ctx, set, name, &use, error))
            return false;
        users += use != NULL;
        if (use != NULL && !is_ordered(set, name))
            ccb_result_fail(result, "%s, and %s does not wait for %s", use, name, CCB_PERSISTENCED);
    }
    return ccb_result_pass(result, "%u other unit%s", users, users == 1 ? "" : "s");
}

static bool run_fabric_order(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ctx->gpus == 1)
        return ccb_result_skip(result, "1 GPU");
    CcbUnitSet *set;
    if (!units_with_daemon(ctx, result, &set, error))
        return false;
    if (set == NULL)
        return true;
    g_autoptr(CcbUnit) daemon = NULL;
    if (!ccb_check_unit(ctx, CCB_PERSISTENCED, &daemon, error))
        return false;
    if (!is_after(set, CCB_PERSISTENCED, CCB_FABRICMANAGER) &&
        !lists_unit(daemon, "After", CCB_FABRICMANAGER))
        return ccb_result_fail(result, "%s: no After=%s", ccb_unitset_path(set, CCB_PERSISTENCED),
                               CCB_FABRICMANAGER);
    return ccb_result_pass(result, "after %s", CCB_FABRICMANAGER);
}

static bool check_consumer(CcbCheckContext *ctx, const char *consumer, CcbCheckResult *result,
                           GError **error)
{
    g_autoptr(CcbUnit) unit = NULL;
    if (!ccb_check_unit(ctx, consumer, &unit, error))
        return false;
    if (unit == NULL || !lists_unit(unit, "After", CCB_PERSISTENCED) ||
        !lists_unit(unit, "Wants", CCB_PERSISTENCED))
        ccb_result_fail(result, "%s/%s.d has no drop-in with After= and Wants=%s", CCB_UNIT_DIR,
                        consumer, CCB_PERSISTENCED);
    return true;
}

static bool run_drop_ins(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (skip_without_gpu(ctx, result))
        return true;
    for (const char *const *name = consumers(ctx); *name != NULL; name++)
        if (!check_consumer(ctx, *name, result, error))
            return false;
    g_autofree char *names = g_strjoinv(", ", (char **)consumers(ctx));
    return ccb_result_pass(result, "%s", names);
}

#define WHY_ORDER                                                                                  \
    "A confidential GPU takes minutes to initialise, and whoever opens it before nvidia-"          \
    "persistenced has set it ready fails or hangs."
#define FIX_UNITS "Use the recipe's units step, which writes the guide's unit and its links."

const CcbCheck ccb_checks_units[] = {
    {"units.persistenced", CCB_SEVERITY_ERROR,
     "The daemon keeps the GPUs initialised and, with conf-compute -srs 1, lets them take work.",
     FIX_UNITS, run_persistenced},
    {"units.guide-text", CCB_SEVERITY_WARNING,
     "A daemon that is started otherwise is one of which the vendor's guide says nothing.",
     FIX_UNITS, run_guide_text},
    {"units.time-limits", CCB_SEVERITY_ERROR,
     "systemd kills a unit that takes longer to start, and confidential GPUs take minutes.",
     "Take out the drop-in that shortens the limit, or use the recipe's units step.",
     run_time_limits},
    {"units.enabled", CCB_SEVERITY_ERROR,
     "Before= and After= start nothing: without the link the GPU is never set ready.", FIX_UNITS,
     run_enabled},
    {"units.acyclic", CCB_SEVERITY_ERROR,
     "systemd breaks an ordering cycle by dropping one of its jobs, another one at each boot.",
     "Take back the ordering that closes the cycle.", run_acyclic},
    {"units.order", CCB_SEVERITY_ERROR, WHY_ORDER, FIX_UNITS, run_order},
    {"units.gpu-users", CCB_SEVERITY_WARNING, WHY_ORDER,
     "List the unit under consumers in the recipe's units step.", run_gpu_users},
    {"units.fabric-order", CCB_SEVERITY_ERROR,
     "On eight GPUs the fabric has to be up before they can be initialised.", FIX_UNITS,
     run_fabric_order},
    {"units.drop-ins", CCB_SEVERITY_WARNING,
     "Before= orders a service that arrives later, but does not start the daemon for it.",
     "List the services under consumers in the recipe's units step.", run_drop_ins},
    {0},
};
