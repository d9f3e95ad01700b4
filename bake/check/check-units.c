/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nvidia-persistenced, which makes the GPUs ready, and its place in the order of the boot. */
#include <string.h>

#include "base/error.h"
#include "base/quantity.h"
#include "check/check-timelimits.h"
#include "check/foresee.h"
#include "check/guest-gpu-use.h"
#include "check/guest-module.h"
#include "check/guest-units.h"
#include "guide/gpu-units.h"

/* The set of units; NULL where there is nothing to check: an error, or skipped without a driver or
 * without the daemon's file, which is for units.persistenced. */
static CcbUnitSet *find_units(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return NULL;
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set != NULL && ccb_unitset_path(set, CCB_PERSISTENCED) != NULL)
        return set;
    ccb_result_skip(result, "there is no %s", CCB_PERSISTENCED);
    return NULL;
}

/* --- the text of the daemon's unit */

/* The guide's texts. */
typedef struct {
    const char *key;
    const char *value;
    bool eight_gpus; /* only there */
    bool command;    /* may have more options than these, and be one of several */
    bool must_work;  /* the command's failure must be the unit's */
} Directive;

/* Without these the GPUs are not set ready, or who waits for the daemon does not wait for that. */
static const Directive needed[] = {
    {"Type", "forking", .command = false},
    {"ExecStart", "/usr/bin/nvidia-persistenced", .command = true, .must_work = true},
    {"ExecStart", "--uvm-persistence-mode", .eight_gpus = true, .command = true},
    {"ExecStartPost", "/usr/bin/nvidia-smi conf-compute -srs 1", .command = true,
     .must_work = true},
};

/* The rest of the texts; the units of packages, which work, differ here. */
static const Directive usual[] = {
    {"ExecStart", "--user root", .command = true},
    {"ExecStart", "--verbose", .eight_gpus = true, .command = true},
    {"ExecStopPost", "/bin/rm -rf /var/run/nvidia-persistenced", .command = true},
};

/* Whether a failure may be taken for success: by systemd, or by the shell of the command. */
static bool may_fail(const char *command)
{
    return memchr(command, '-', ccb_unit_command_prefix(command)) != NULL ||
           strpbrk(command, ";|") != NULL;
}

/* Whether a command has these words, in their order. */
static bool has_all_words(const char *command, const char *expected)
{
    g_auto(GStrv) have = g_strsplit_set(command + ccb_unit_command_prefix(command), " \t", -1);
    g_auto(GStrv) want = g_strsplit(expected, " ", -1);
    guint at = 0;
    for (char **word = have; *word != NULL && want[at] != NULL; word++)
        at += g_str_equal(*word, want[at]);
    return want[at] == NULL;
}

static void check_directive(const CcbUnit *unit, const Directive *directive, const char *path,
                            CcbCheckResult *result)
{
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Service", directive->key);
    const CcbUnitValue *last = values->len > 0 ? values->pdata[values->len - 1] : NULL;
    const CcbUnitValue *ignored = NULL;
    bool right = !directive->command && last != NULL && g_str_equal(last->value, directive->value);
    for (guint i = 0; directive->command && !right && i < values->len; i++) {
        const CcbUnitValue *value = values->pdata[i];
        right = has_all_words(value->value, directive->value);
        if (right && directive->must_work && may_fail(value->value)) {
            ignored = value;
            right = false;
        }
    }
    if (right)
        return;
    if (ignored != NULL)
        ccb_result_fail(result, "%s:%u: %s=%s, of which a failure is ignored", ignored->file,
                        ignored->line, directive->key, ignored->value);
    else if (last != NULL)
        ccb_result_fail(result, "%s:%u: %s=%s, expected %s%s", last->file, last->line,
                        directive->key, last->value, directive->value,
                        directive->command ? " in it" : "");
    else
        ccb_result_fail(result, "%s: no %s=, expected %s", path, directive->key, directive->value);
}

/* It holds for the commands beside the program, too: with 6 the answer "not yet" counts as ready. */
static void check_success(const CcbUnit *unit, CcbCheckResult *result)
{
    g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Service", "SuccessExitStatus");
    for (guint i = 0; i < values->len; i++) {
        const CcbUnitValue *value = values->pdata[i];
        ccb_result_fail(result, "%s:%u: SuccessExitStatus=%s takes failures for success",
                        value->file, value->line, value->value);
    }
}

static bool check_text(CcbCheckContext *ctx, const char *path, const Directive *directives,
                       guint count, CcbCheckResult *result, GError **error)
{
    g_autoptr(CcbUnit) unit = ccb_check_unit(ctx, CCB_PERSISTENCED, error);
    if (unit == NULL)
        return false;
    for (guint i = 0; i < count; i++)
        if (!directives[i].eight_gpus || ctx->gpus == 8)
            check_directive(unit, &directives[i], path, result);
    if (directives == needed)
        check_success(unit, result);
    return ccb_result_pass(result, "%s, for %s", path, ccb_check_gpus(ctx));
}

/* At boot systemd 252 starts a unit beside which a required one is missing, but no `systemctl restart` does. */
static void check_required(CcbUnitSet *set, CcbCheckResult *result)
{
    static const char *const keys[] = {"Requires", "BindsTo", "Requisite"};
    const CcbUnit *unit = ccb_unitgraph_unit(set->graph, CCB_PERSISTENCED);
    for (guint k = 0; unit != NULL && k < G_N_ELEMENTS(keys); k++) {
        g_autoptr(GPtrArray) values = ccb_unit_get_all(unit, "Unit", keys[k]);
        for (guint i = 0; i < values->len; i++) {
            const CcbUnitValue *value = values->pdata[i];
            g_autoptr(GPtrArray) words = ccb_unit_words(value->value, NULL);
            for (guint w = 0; words != NULL && w < words->len; w++)
                if (!ccb_unitgraph_has(set->graph, words->pdata[w]))
                    ccb_result_fail(result,
                                    "%s:%u: %s=%s, which the image lacks or does not load: can't "
                                    "tell whether the daemon starts",
                                    value->file, value->line, value->key, (char *)words->pdata[w]);
        }
    }
}

static bool run_persistenced(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    CcbUnitSet *set = ccb_check_units(ctx, error);
    if (set == NULL)
        return false;
    const char *path = ccb_unitset_path(set, CCB_PERSISTENCED);
    if (path == NULL)
        return ccb_result_fail(result, "%s/%s is %s", CCB_UNIT_DIR, CCB_PERSISTENCED,
                               g_hash_table_contains(set->masked, CCB_PERSISTENCED) ? "masked"
                                                                                    : "missing");
    const char *refusal = g_hash_table_lookup(set->refused, CCB_PERSISTENCED);
    if (refusal != NULL)
        return ccb_result_fail(result, "systemd does not load %s: %s", CCB_PERSISTENCED, refusal);
    check_required(set, result);
    return check_text(ctx, path, needed, G_N_ELEMENTS(needed), result, error);
}

static bool run_guide_text(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set = find_units(ctx, result, error);
    return set == NULL || check_text(ctx, ccb_unitset_path(set, CCB_PERSISTENCED), usual,
                                     G_N_ELEMENTS(usual), result, error);
}

/* --- what a boot starts */

/* A target of the boot has to start the daemon by a link.  A user of the GPU that starts it does not
 * count: it may be removed.  A link counts by its name: where it leads to does not matter to systemd. */
static bool run_enabled(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set = find_units(ctx, result, error);
    if (set == NULL)
        return true;
    const char *refusal = g_hash_table_lookup(set->refused, CCB_PERSISTENCED);
    if (refusal != NULL)
        return ccb_result_fail(result, "systemd does not load it: %s", refusal);
    const char *target = ccb_unitgraph_resolve(set->graph, ccb_unitset_target(set));
    g_autoptr(GPtrArray) by = ccb_unitgraph_pulled_by(set->graph, CCB_PERSISTENCED);
    for (guint i = 0; i < by->len; i++) {
        const CcbUnitEdge *edge = by->pdata[i];
        g_autoptr(GPtrArray) why = ccb_unitgraph_why_started(set->graph, target, edge->from);
        if (g_str_has_suffix(edge->from, ".target") &&
            (why != NULL || g_str_equal(target, edge->from)))
            return ccb_result_pass(result, "%s: %s", edge->from, edge->reason);
    }
    return ccb_result_fail(result, "%s does not start %s: no link in %s/multi-user.target.wants",
                           ccb_unitset_target(set), CCB_PERSISTENCED, CCB_UNIT_DIR);
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

/* --- the users of the GPU, which come after the daemon */

/* Users of the GPU that packages bring: checked where they are installed and enabled. */
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

/* Through units that a boot starts: of those that it does not start none holds anybody back. */
static bool is_after(CcbUnitSet *set, const char *unit, const char *other)
{
    g_autoptr(GPtrArray) why =
        ccb_unitgraph_why_after(set->graph, unit, other, ccb_unitset_target(set));
    return why != NULL;
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

static bool run_order(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set = find_units(ctx, result, error);
    if (set == NULL)
        return true;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const char *const *name = demanded(ctx); *name != NULL; name++)
        g_ptr_array_add(names, (char *)*name);
    for (const char *const *name = known_consumers; *name != NULL; name++)
        if (ccb_unitset_path(set, *name) != NULL && starts_by_itself(set, *name) &&
            !g_strv_contains(demanded(ctx), *name))
            g_ptr_array_add(names, (char *)*name);
    g_autoptr(CcbUnit) daemon = ccb_check_unit(ctx, CCB_PERSISTENCED, error);
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        if (ccb_unit_lists(daemon, "Before", name) || is_after(set, name, CCB_PERSISTENCED))
            continue;
        /* It need not be there yet: then only Before= of the daemon or a drop-in of its own can
         * order it. */
        g_autoptr(CcbUnit) unit = ccb_check_unit(ctx, name, error);
        if (!ccb_unit_lists(unit, "After", CCB_PERSISTENCED))
            ccb_result_fail(result, "%s: no Before=%s, and nothing else orders it",
                            ccb_unitset_path(set, CCB_PERSISTENCED), name);
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *text = g_strjoinv(", ", (char **)names->pdata);
    return ccb_result_pass(result, "before %s", text);
}

/* Those that may arrive later. */
static bool run_drop_ins(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    const char *const *names = ctx->expect->consumers != NULL
                                   ? (const char *const *)ctx->expect->consumers
                                   : ccb_gpu_consumers;
    if (ccb_check_skip_without_driver(ctx, result))
        return true;
    for (const char *const *name = names; *name != NULL; name++) {
        g_autoptr(CcbUnit) unit = ccb_check_unit(ctx, *name, error);
        if (!ccb_unit_lists(unit, "After", CCB_PERSISTENCED) ||
            !ccb_unit_lists(unit, "Wants", CCB_PERSISTENCED))
            ccb_result_fail(result, "%s/%s.d has no drop-in with After= and Wants=%s", CCB_UNIT_DIR,
                            *name, CCB_PERSISTENCED);
    }
    g_autofree char *text = g_strjoinv(", ", (char **)names);
    return ccb_result_pass(result, "%s", text);
}

static bool run_fabric_order(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (ccb_check_skip_unless_gpus(ctx, 8, result))
        return true;
    CcbUnitSet *set = find_units(ctx, result, error);
    if (set == NULL)
        return true;
    g_autoptr(CcbUnit) daemon = ccb_check_unit(ctx, CCB_PERSISTENCED, error);
    if (!is_after(set, CCB_PERSISTENCED, CCB_FABRICMANAGER) &&
        !ccb_unit_lists(daemon, "After", CCB_FABRICMANAGER))
        return ccb_result_fail(result, "%s: no After=%s", ccb_unitset_path(set, CCB_PERSISTENCED),
                               CCB_FABRICMANAGER);
    return ccb_result_pass(result, "after %s", CCB_FABRICMANAGER);
}

/* --- before the bake */

/* Whether the daemon's unit is one that a step writes, so that all of its text is known. */
static bool has_known_unit(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    result->certain = !ctx->foresight->is_open;
    g_free(result->subject);
    result->subject = g_strdup(CCB_PERSISTENCED);
    return !ccb_foresee_is_hidden(ctx->foresight, CCB_PERSISTENCED) &&
           find_units(ctx, result, error) != NULL;
}

static bool foresee_persistenced(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (has_known_unit(ctx, result, error))
        return run_persistenced(ctx, result, error);
    const char *const *masked = (const char *const *)ctx->expect->masked;
    if (ctx->gpus > 0 && masked != NULL && g_strv_contains(masked, CCB_PERSISTENCED))
        return ccb_result_fail(result, "the recipe masks %s", CCB_PERSISTENCED);
    if (ctx->gpus == 0 || ccb_foresee_is_hidden(ctx->foresight, CCB_PERSISTENCED))
        return true;
    return ccb_result_fail(result, "no step brings %s, and the base does not have it",
                           CCB_PERSISTENCED);
}

static bool foresee_enabled(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    if (!has_known_unit(ctx, result, error))
        return true;
    g_autoptr(GPtrArray) by =
        ccb_unitgraph_pulled_by(ccb_check_units(ctx, error)->graph, CCB_PERSISTENCED);
    for (guint i = 0; i < by->len; i++)
        if (g_str_has_suffix(((const CcbUnitEdge *)by->pdata[i])->from, ".target"))
            return true;
    return ccb_result_fail(result, "no step enables %s", CCB_PERSISTENCED);
}

static bool foresee_order(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    bool is_known = has_known_unit(ctx, result, error);
    for (const char *const *name = demanded(ctx); is_known && *name != NULL; name++)
        is_known = !ccb_foresee_is_hidden(ctx->foresight, *name);
    return !is_known || run_order(ctx, result, error);
}

static bool foresee_fabric_order(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    return !has_known_unit(ctx, result, error) || run_fabric_order(ctx, result, error);
}

/* --- users of the GPU that nobody named, and what disturbs the daemon */

static bool run_gpu_users(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    guint users = 0;
    CcbUnitSet *set = find_units(ctx, result, error);
    if (set == NULL)
        return true;
    g_autoptr(GPtrArray) names = ccb_unitgraph_started(set->graph, ccb_unitset_target(set));
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        /* units.order checks these, and fabric.* Fabric Manager. */
        if (g_str_equal(name, CCB_PERSISTENCED) || g_str_equal(name, CCB_FABRICMANAGER) ||
            g_strv_contains(demanded(ctx), name) || g_strv_contains(known_consumers, name))
            continue;
        g_autofree char *why =
            ccb_check_gpu_use(ctx, name, ccb_unitgraph_unit(set->graph, name), error);
        users += why != NULL;
        /* What the daemon waits for is meant to come first. */
        if (why != NULL && !is_after(set, name, CCB_PERSISTENCED) &&
            !is_after(set, CCB_PERSISTENCED, name))
            ccb_result_fail(result, "%s, and %s does not wait for %s", why, name, CCB_PERSISTENCED);
    }
    return ccb_result_pass(result, "%u other %s", users, ccb_plural(users, "unit", "units"));
}

static bool run_session(CcbCheckContext *ctx, CcbCheckResult *result, GError **error)
{
    CcbUnitSet *set = find_units(ctx, result, error);
    return set == NULL || ccb_check_gpu_session(ctx, set, result, error);
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
     ccb_check_time_limits},
    {"units.enabled", CCB_SEVERITY_ERROR,
     "Before= and After= start nothing: without the link the GPU is never set ready.", FIX_UNITS,
     run_enabled},
    {"units.acyclic", CCB_SEVERITY_ERROR,
     "systemd breaks an ordering cycle by dropping one of its jobs, another one at each boot.",
     "Take back the ordering that closes the cycle.", run_acyclic},
    {"units.order", CCB_SEVERITY_ERROR, WHY_ORDER, FIX_UNITS, run_order},
    {"units.gpu-users", CCB_SEVERITY_WARNING, WHY_ORDER,
     "List the unit under consumers in the recipe's units step.", run_gpu_users},
    {"units.session", CCB_SEVERITY_WARNING,
     "nvidia-persistenced holds the session that the driver can make once with each GPU: when it "
     "is "
     "stopped or restarted, GPUs are lost until the instance starts again.",
     "Take out what stops the daemon, or the driver, while the machine runs.", run_session},
    {"units.fabric-order", CCB_SEVERITY_ERROR,
     "On eight GPUs the fabric has to be up before they can be initialised.", FIX_UNITS,
     run_fabric_order},
    {"units.drop-ins", CCB_SEVERITY_WARNING,
     "Before= orders a service that arrives later, but does not start the daemon for it.",
     "List the services under consumers in the recipe's units step.", run_drop_ins},
    {0},
};

const CcbForesee ccb_foresees_units[] = {
    {"units.persistenced", foresee_persistenced},
    {"units.enabled", foresee_enabled},
    {"units.order", foresee_order},
    {"units.fabric-order", foresee_fabric_order},
    {0},
};
