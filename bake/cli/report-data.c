/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/report-data.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/process.h"
#include "base/progress.h"
#include "check/guest-units.h"
#include "check/run.h"
#include "cli/open-image.h"

/* A comparison takes seconds; one that hangs must not hold up an image that is right. */
enum { COMPARISON_LIMIT_MS = 600 * 1000, GRACE_MS = 5000 };

void ccb_findings_clear(CcbFindings *f)
{
    ccb_results_free(f->checks);
    ccb_unitplot_free(f->plot);
    g_free(f->no_plot);
    *f = (CcbFindings){0};
}

bool ccb_findings_read(CcbGuest *guest, const CcbExpectation *expect,
                       const CcbCheckSandbox *sandbox, CcbFindings *ret, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(CcbCheckContext) ctx = ccb_check_context_new(guest, expect);
    ctx->sandbox = sandbox;
    if (!ccb_check_image(ctx, &ret->checks, error))
        return false;
    CcbUnitSet *set = ccb_check_units(ctx, &reason); /* the checks have read the units already */
    ret->plot = set != NULL ? ccb_unitset_plot_gpu(set, guest, &reason) : NULL;
    if (ret->plot == NULL)
        ret->no_plot = g_strdup_printf("It can't be drawn: %s", reason->message);
    return true;
}

char *ccb_check_set(void)
{
    const CcbExpectation none = {0};
    g_autofree char *table = ccb_check_table(&none);
    g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
    g_autoptr(GString) checks = g_string_new(NULL);
    for (char **line = lines; *line != NULL && **line != '\0'; line++) {
        g_auto(GStrv) fields = g_strsplit(*line, "\t", 3); /* id, severity, the texts */
        g_string_append_printf(checks, "%s %s\n", fields[0], fields[1]);
    }
    return ccb_digest_string(checks->str);
}

/* In the child process: compares, and writes the result to `output`.  The child prints nothing. */
G_GNUC_NORETURN static void run_comparison(int output, CcbBackend backend, const char *base,
                                           const char *image)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    ccb_cancel_install(); /* a signal for the child must not wake the parent */
    ccb_progress_options = (CcbProgressOptions){.mode = "plain", .quiet = true};
    g_autoptr(CcbDiff) diff = ccb_compare_images(backend, base, image, NULL);
    json_auto_t *json = diff != NULL ? ccb_diff_to_json(diff) : NULL;
    _exit(json != NULL && json_dumpfd(json, output, 0) == 0 ? 0 : CCB_ERR_INTERNAL);
}

void ccb_comparison_start(CcbComparison *c, CcbBackend backend, const char *base, const char *image)
{
    pid_t parent = getpid();
    c->output = memfd_create("comparison", MFD_CLOEXEC);
    c->pid = c->output >= 0 ? fork() : -1;
    if (c->pid != 0)
        return;
    setpgid(0, 0); /* Ctrl-C is for the parent, which ends us */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before prctl() took effect */
        _exit(CCB_ERR_INTERNAL);
    run_comparison(c->output, backend, base, image);
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
