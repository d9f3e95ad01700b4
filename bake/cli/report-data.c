/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/report-data.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/process.h"
#include "check/check.h"
#include "check/guest-units.h"

/* A comparison takes seconds; one that hangs must not hold up an image that is right. */
enum { COMPARISON_LIMIT_MS = 600 * 1000, GRACE_MS = 5000 };

void ccb_findings_clear(CcbFindings *f)
{
    ccb_report_free(f->checks);
    ccb_unitplot_free(f->plot);
    g_free(f->no_plot);
    *f = (CcbFindings){0};
}

/* The checks have read the units already. */
static void read_plot(CcbCheckContext *ctx, CcbFindings *ret)
{
    g_autoptr(GError) reason = NULL;
    CcbUnitSet *set = ccb_check_units(ctx, &reason);
    ret->plot = set != NULL ? ccb_unitset_plot_gpu(set, ctx->guest, &reason) : NULL;
    if (ret->plot == NULL)
        ret->no_plot = g_strdup_printf("It can't be drawn: %s", reason->message);
}

bool ccb_findings_read(CcbGuest *guest, const CcbExpectation *expect, CcbFindings *ret,
                       GError **error)
{
    g_autoptr(CcbCheckContext) ctx = ccb_check_context_new(guest, expect);
    if (!ccb_check_run(ctx, ccb_check_families, &ret->checks, error))
        return false;
    read_plot(ctx, ret);
    return true;
}

char *ccb_check_set(void)
{
    g_autofree char *table = ccb_check_table();
    g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
    g_autoptr(GString) checks = g_string_new(NULL);
    for (char **line = lines; *line != NULL && **line != '\0'; line++) {
        g_auto(GStrv) fields = g_strsplit(*line, "\t", 3); /* id, severity, the texts */
        g_string_append_printf(checks, "%s %s\n", fields[0], fields[1]);
    }
    return ccb_digest_string(checks->str);
}

char *ccb_page_now(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    return g_date_time_format(now, "%Y-%m-%d %H:%M:%S UTC");
}

void ccb_comparison_start(CcbComparison *c, CcbBackend backend, const char *base, const char *image)
{
    const char *const argv[] = {"/proc/self/exe",          "diff", "--quiet", "--json", "--backend",
                                ccb_backend_name(backend), base,   image,     NULL};
    c->output = memfd_create("comparison", MFD_CLOEXEC);
    c->pid = c->output >= 0 ? ccb_process_spawn_to(argv, c->output, NULL) : 0;
}

json_t *ccb_comparison_finish(CcbComparison *c)
{
    if (c->pid <= 0 || ccb_process_wait(&c->pid, COMPARISON_LIMIT_MS, GRACE_MS) != 0 ||
        lseek(c->output, 0, SEEK_SET) != 0)
        return NULL;
    return json_loadfd(c->output, 0, NULL);
}

void ccb_comparison_clear(CcbComparison *c)
{
    ccb_process_end(&c->pid, GRACE_MS);
    ccb_close_fd(&c->output);
}
