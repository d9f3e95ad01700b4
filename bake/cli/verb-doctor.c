/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ccbake doctor: what this host has and lacks, and which backend a bake would use. */
#include <jansson.h>
#include <stdio.h>

#include "base/error.h"
#include "base/options.h"
#include "cli/print-json.h"
#include "guest/backend.h"
#include "guest/host-probes.h"
#include "host/kvm.h"

static struct {
    const char *format;
    bool refresh;
} opts = {.format = "text"};

static const CcbOption options[] = {
    CCB_FORMAT_OPTIONS(opts.format, "text|json", "how the findings are printed (text)"),
    {"refresh", 0, CCB_OPT_FLAG, &opts.refresh, NULL,
     "probe KVM again instead of remembering the answer"},
    {0},
};

static const char *const status_names[] = {
    [CCB_HOST_OK] = "ok",
    [CCB_HOST_WARN] = "warn",
    [CCB_HOST_MISSING] = "missing",
};

static void print_probe(const CcbHostProbe *probe, const CcbHostFinding *finding, bool needed)
{
    printf("%-8s %-20s %s\n", status_names[finding->status], probe->name, finding->found);
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
                     probe->purpose, "status", status_names[finding->status], "found",
                     finding->found, "advice", finding->advice, "needed", needed);
}

static bool run(int argc, char **argv, GError **error)
{
    if (opts.refresh)
        ccb_kvm_forget();
    bool as_json = g_str_equal(opts.format, "json");
    g_autofree char *reason = NULL;
    CcbBackend backend = ccb_backend_choose(CCB_BACKEND_AUTO, &reason, error);
    if (backend == CCB_BACKEND_AUTO)
        return false;
    json_auto_t *list = json_array();
    g_autoptr(GString) missing = g_string_new(NULL); /* probes that are needed */
    for (const CcbHostProbe *probe = ccb_host_probes; probe->name; probe++) {
        g_auto(CcbHostFinding) finding = {0};
        probe->look(&finding);
        bool needed = ccb_host_probe_matters(probe, backend);
        if (needed && finding.status == CCB_HOST_MISSING)
            g_string_append_printf(missing, "%s%s", missing->len ? ", " : "", probe->name);
        if (as_json)
            json_array_append_new(list, probe_to_json(probe, &finding, needed));
        else
            print_probe(probe, &finding, needed);
    }
    bool ready = missing->len == 0;
    if (as_json)
        ccb_print_json(json_pack("{s:b, s:s, s:s, s:s?, s:O}", "ready", ready, "backend",
                                 ccb_backend_name(backend), "reason", reason, "missing",
                                 ready ? NULL : missing->str, "probes", list));
    else
        printf("\n--backend=auto would take the backend \"%s\": %s\n", ccb_backend_name(backend),
               reason);
    if (ready)
        return true;
    ccb_fail(error, CCB_ERR_HOST, "no bake can run on this host: %s", missing->str);
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
