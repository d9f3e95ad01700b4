/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake doctor: what this host has, what it lacks, and which backend a bake would take. */
#include <jansson.h>
#include <stdio.h>

#include "base/error.h"
#include "base/options.h"
#include "guest/backend.h"
#include "guest/host-probes.h"
#include "host/kvm.h"

static struct {
    bool json, again;
} opts;

static const CcbOption options[] = {
    {"json", 0, CCB_OPT_FLAG, &opts.json, NULL, "print JSON"},
    {"again", 0, CCB_OPT_FLAG, &opts.again, NULL,
     "probe KVM again instead of remembering the answer"},
    {0},
};

static const char *status_name(CcbHostStatus status)
{
    static const char *const names[] = {"ok", "warn", "missing"};
    return names[status];
}

static void print_text(const CcbHostProbe *probe, const CcbHostFinding *finding, bool needed)
{
    printf("%-8s %-20s %s\n", status_name(finding->status), probe->name, finding->found);
    if (finding->status == CCB_HOST_OK)
        return;
    printf("%-8s %-20s for: %s%s\n", "", "", probe->purpose,
           needed ? "" : "; not needed by this backend");
    if (finding->advice)
        printf("%-8s %-20s do: %s\n", "", "", finding->advice);
}

static json_t *probe_to_json(const CcbHostProbe *probe, const CcbHostFinding *finding, bool needed)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:b}", "name", probe->name, "purpose",
                     probe->purpose, "status", status_name(finding->status), "found",
                     finding->found, "advice", finding->advice, "needed", needed);
}

/* Looks at everything; the names of what is needed and missing (to be freed), NULL where nothing
 * is. */
static char *look(CcbBackend backend, json_t *list)
{
    g_autoptr(GString) missing = g_string_new(NULL);
    for (const CcbHostProbe *probe = ccb_host_probes; probe->name; probe++) {
        g_auto(CcbHostFinding) finding = {0};
        probe->look(&finding);
        bool needed = ccb_host_probe_matters(probe, backend);
        if (needed && finding.status == CCB_HOST_MISSING)
            g_string_append_printf(missing, "%s%s", missing->len ? ", " : "", probe->name);
        if (opts.json)
            json_array_append_new(list, probe_to_json(probe, &finding, needed));
        else
            print_text(probe, &finding, needed);
    }
    return missing->len ? g_strdup(missing->str) : NULL;
}

static void print_json(CcbBackend backend, const char *reason, const char *missing, json_t *list)
{
    json_t *json =
        json_pack("{s:b, s:s, s:s, s:s?, s:O}", "ready", missing == NULL, "backend",
                  ccb_backend_name(backend), "reason", reason, "missing", missing, "probes", list);
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(json);
}

static void conclude(CcbBackend backend, const char *reason, const char *missing, json_t *list)
{
    if (opts.json)
        print_json(backend, reason, missing, list);
    else
        printf("\n--backend=auto would take the backend \"%s\": %s\n", ccb_backend_name(backend),
               reason);
}

static bool run(int argc, char **argv, GError **error)
{
    if (opts.again)
        ccb_kvm_forget();
    g_autofree char *reason = NULL;
    CcbBackend backend = ccb_backend_choose(CCB_BACKEND_AUTO, &reason, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    json_t *list = json_array();
    g_autofree char *missing = look(backend, list);
    conclude(backend, reason, missing, list);
    json_decref(list);
    if (missing == NULL)
        return true;
    ccb_fail(error, CCB_ERR_HOST, "no bake can run on this host: %s", missing);
    return ccb_hint(
        error, "the lines above say what to do; scripts/install-deps installs what is packaged");
}

const CcbVerb ccb_verb_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "say what this host can do, and what to do about the rest",
    .options = options,
    .min_args = 0,
    .max_args = 0,
    .run = run,
};
