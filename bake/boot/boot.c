/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/boot.h"

#include <poll.h>
#include <string.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/lines.h"
#include "base/progress.h"
#include "base/quantity.h"
#include "boot/log.h"
#include "boot/qemu.h"
#include "host/kvm.h"

enum {
    LIMIT_KVM_S = 300,
    LIMIT_TCG_S = 1200,
    SETTLED_S = 3,   /* after "Startup finished": late lines of the console */
    JOURNAL_S = 45,  /* after the console's, until the journal has told as much */
    QUIET_S = 30,    /* up, but systemd never says so: nothing has been printed for this long */
    DYING_MS = 1500, /* after a panic: the lines that explain it */
    TICK_MS = 200,
};

/* One boot: what is running, and what was read from it. */
typedef struct {
    const CcbBootOptions *options;
    CcbMachine machine;
    CcbConsole *console;
    CcbJournal *journal;
    CcbBootLog *log;
    CcbLines errors, console_lines, journal_lines;
    gint64 started, last_line, up_at, settled_at, dead_at, deadline;
    unsigned limit_s;
    bool ended;    /* QEMU is gone */
    char *refusal; /* the first line, if it is QEMU's own */
} Boot;

/*
 * Why these, on this boot only:
 *   console=, loglevel=, plymouth   kernel and initramfs say on the serial port what happens, whatever `quiet` and
 *                                   `rhgb` hide;
 *   show_status, status_unit_format status lines, with unit names where systemd is new enough (243) to know that;
 *   log_level, forward_to_console   the journal as text, too: what is said before the journal can be handed out, and
 *                                   where it can't.  An unknown one of these is ignored by systemd.
 *   panic=0                         a panic stays: QEMU is ended by us, and the console has been read to its end.
 */
char *ccb_boot_cmdline(const char *image_cmdline)
{
    return g_strconcat(
        image_cmdline,
        " console=ttyS0,115200n8 loglevel=6 plymouth.enable=0 rd.plymouth=0 panic=0"
        " systemd.show_status=1 systemd.status_unit_format=name systemd.log_level=info"
        " systemd.journald.forward_to_console=1 systemd.journald.max_level_console=info",
        NULL);
}

/* --- watching */

static void take_console_line(const char *line, void *data)
{
    Boot *boot = data;
    ccb_boot_log_line(boot->log, line);
    ccb_console_line(boot->console, line);
    boot->last_line = g_get_monotonic_time();
}

/* QEMU's own output.  A line "qemu-system-x86_64: ..." that is no warning is its refusal; "KVM internal error" is among
 * what the reader of the console knows. */
static void take_error_line(const char *line, void *data)
{
    Boot *boot = data;
    if (boot->refusal == NULL && g_str_has_prefix(line, "qemu") && strstr(line, ": ") &&
        !strstr(line, ": warning: "))
        boot->refusal = g_strdup(line);
    take_console_line(line, boot);
}

static void take_journal_line(const char *line, void *data)
{
    Boot *boot = data;
    ccb_journal_line(boot->journal, line);
    boot->last_line = g_get_monotonic_time();
}

static void set_when(gint64 *when, bool happened)
{
    if (*when == 0 && happened)
        *when = g_get_monotonic_time();
}

static void read_all(Boot *boot)
{
    static const char *const prompts[] = {"maintenance", "dracut:/# ", "(initramfs) ",
                                          " login: ",    "grub> ",     "grub rescue> ",
                                          "Shell> "};
    const CcbConsole *console = boot->console;
    const CcbJournal *journal = boot->journal;
    /* QEMU's own output first: when that has ended, all that the guest has said is there to be read. */
    boot->ended = !ccb_lines_read(&boot->errors, boot->machine.errors);
    ccb_lines_read(&boot->console_lines, boot->machine.console);
    ccb_lines_read(&boot->journal_lines, boot->machine.journal);
    /* A prompt has no line break behind it, so a line that does not go on is looked at as well. */
    g_autofree char *plain = ccb_console_plain(boot->console_lines.partial->str);
    for (size_t i = 0; i < G_N_ELEMENTS(prompts); i++)
        if (strstr(plain, prompts[i]))
            ccb_lines_flush(&boot->console_lines);
    set_when(&boot->up_at, console->up || journal->up || (console->login && journal->entries == 0));
    set_when(&boot->settled_at, console->settled || journal->settled);
    set_when(&boot->dead_at, console->dead != NULL);
}

static bool passed(gint64 since, gint64 us)
{
    return since != 0 && g_get_monotonic_time() - since >= us;
}

/* Whether there is nothing more to learn. */
static bool is_over(const Boot *boot)
{
    bool await_journal = boot->options->source->not_injected == NULL && !boot->journal->settled &&
                         !passed(boot->settled_at, JOURNAL_S * G_USEC_PER_SEC);
    return boot->ended || passed(boot->dead_at, DYING_MS * 1000) ||
           (passed(boot->settled_at, SETTLED_S * G_USEC_PER_SEC) && !await_journal) ||
           (boot->up_at != 0 && passed(boot->last_line, QUIET_S * G_USEC_PER_SEC)) ||
           g_get_monotonic_time() >= boot->deadline;
}

static bool watch(Boot *boot, GError **error)
{
    while (!is_over(boot)) {
        struct pollfd fds[] = {{.fd = boot->machine.errors, .events = POLLIN},
                               {.fd = boot->machine.console, .events = POLLIN},
                               {.fd = boot->machine.journal, .events = POLLIN},
                               {.fd = ccb_cancel_fd(), .events = POLLIN}};
        poll(fds, G_N_ELEMENTS(fds), TICK_MS);
        if (ccb_cancel_check(error))
            return false;
        read_all(boot);
        ccb_progress_tick();
    }
    ccb_lines_flush(&boot->console_lines);
    /* QEMU's own refusal (no such device, no memory ...) is no property of the image. */
    if (boot->ended && boot->refusal)
        return ccb_fail(error, CCB_ERR_HOST, "QEMU failed: %s", boot->refusal);
    return true;
}

/* --- result */

/* Why the system is not up, or NULL. */
static char *describe_trouble(const Boot *boot)
{
    const CcbJournal *journal = boot->journal;
    const char *dead = boot->console->dead, *loader = boot->console->loader;
    if (dead && loader && !strstr(dead, loader) && !journal->entries)
        return g_strdup_printf("%s, after \"%s\"", dead, loader);
    if (dead)
        return g_strdup(dead);
    if (boot->up_at)
        return NULL;
    const char *waiting = journal->waiting_for ? journal->waiting_for : boot->console->waiting_for;
    g_autofree char *progress = NULL;
    if (waiting)
        progress = g_strdup_printf("the last thing begun was %s", waiting);
    else if (loader)
        progress = g_strdup_printf("the last thing said was \"%s\"", loader);
    else
        progress =
            g_strdup(boot->options->firmware ? "nothing has been heard of firmware or boot loader"
                                             : "systemd has not been heard of");
    if (boot->ended)
        return g_strdup_printf("the machine ended before the system was up; %s", progress);
    return g_strdup_printf("not up after %u s; %s", boot->limit_s, progress);
}

/* Why the journal can't be used, or NULL. */
static const char *journal_problem(const Boot *boot)
{
    const CcbJournal *journal = boot->journal;
    if (boot->options->source->not_injected)
        return boot->options->source->not_injected;
    if (journal->entries == 0)
        return "no entry came on the second serial port";
    if ((boot->console->up && !journal->up) || (boot->console->settled && !journal->settled))
        return "it ends earlier than the console";
    return NULL;
}

static void note(CcbBootResult *ret, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void note(CcbBootResult *ret, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(ret->notes, g_strdup_vprintf(format, args));
    va_end(args);
}

static void fill_result(const Boot *boot, CcbBootResult *ret)
{
    const CcbBootSource *source = boot->options->source;
    const char *problem = journal_problem(boot);
    const CcbBootEvidence evidence = {.console = boot->console,
                                      .journal = problem ? NULL : boot->journal,
                                      .gpu_consumers = source->gpu_consumers,
                                      .gpu_requirers = source->gpu_requirers,
                                      .gpus = boot->options->gpus};
    ccb_boot_check(&evidence, ret);
    ret->trouble = describe_trouble(boot);
    gint64 end = boot->up_at ? boot->up_at : g_get_monotonic_time();
    ret->seconds = (double)(end - boot->started) / G_USEC_PER_SEC;
    if (problem)
        note(ret,
             "the guest's journal could not be read (%s): the console was checked instead, which "
             "shows failures, but not which units were started, and when",
             problem);
    else if (boot->journal->rejected)
        note(ret, "%u %s of the guest's journal could not be read", boot->journal->rejected,
             ccb_plural(boot->journal->rejected, "line", "lines"));
    if (!problem && boot->journal->gaps)
        note(ret, "the guest's journal says itself that it has gaps");
    if (source->units_unread)
        note(ret, "not all unit files could be read, so orders that they demand may be missing: %s",
             source->units_unread);
    if (boot->options->firmware && !strstr(source->cmdline, "console=ttyS0"))
        note(ret,
             "the image's own command line has no console=ttyS0: its kernel could not be heard");
    if (boot->up_at && !boot->settled_at && !ret->trouble)
        note(ret, "systemd still had jobs when the test ended");
}

static bool run(Boot *boot, bool emulated, GError **error)
{
    const CcbBootOptions *options = boot->options;
    g_autofree char *cmdline = ccb_boot_cmdline(options->source->cmdline);
    boot->log = ccb_boot_log_open(options->log, error);
    boot->limit_s = options->limit_s ? options->limit_s : emulated ? LIMIT_TCG_S : LIMIT_KVM_S;
    boot->started = boot->last_line = g_get_monotonic_time();
    boot->deadline = boot->started + (gint64)boot->limit_s * G_USEC_PER_SEC;
    bool ok = boot->log && ccb_machine_start(&boot->machine, options, cmdline, emulated, error) &&
              watch(boot, error);
    ccb_machine_end(&boot->machine);
    return ccb_boot_log_close(boot->log, ok ? error : NULL) && ok;
}

bool ccb_boot_run(const CcbBootOptions *options, CcbBootResult *ret, GError **error)
{
    g_autofree char *reason = NULL;
    bool emulated = ccb_kvm_probe(&reason) != CCB_KVM_WORKS;
    Boot boot = {.options = options, .machine = CCB_MACHINE_NONE};
    boot.console = ccb_console_new(options->source->target);
    boot.journal = ccb_journal_new(options->source->target);
    ccb_lines_init(&boot.errors, take_error_line, &boot);
    ccb_lines_init(&boot.console_lines, take_console_line, &boot);
    ccb_lines_init(&boot.journal_lines, take_journal_line, &boot);
    ccb_progress_begin("boot", emulated ? "under emulation (slow): no working KVM" : "with KVM", 0);
    bool ok = run(&boot, emulated, error);
    if (ok) {
        fill_result(&boot, ret);
        ret->emulated = emulated;
        ret->kvm = g_steal_pointer(&reason);
        ccb_progress_end(ret->up ? ret->up : "not up");
    } else {
        ccb_progress_abort();
    }
    ccb_console_free(boot.console);
    ccb_journal_free(boot.journal);
    ccb_lines_clear(&boot.errors);
    ccb_lines_clear(&boot.console_lines);
    ccb_lines_clear(&boot.journal_lines);
    g_free(boot.refusal);
    return ok;
}
