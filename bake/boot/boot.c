/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/boot.h"

#include <poll.h>
#include <string.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/lines.h"
#include "base/progress.h"
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

/* QEMU's own output; "KVM internal error" is one of the things that a console's reader knows. */
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

/* A prompt has no line break behind it, so a line that does not go on is looked at as well. */
static void take_prompt(Boot *boot)
{
    static const char *const prompts[] = {"maintenance", "dracut:/# ",    "(initramfs) ",
                                          "grub> ",      "grub rescue> ", "Shell> "};
    g_autofree char *plain = ccb_console_plain(boot->console_lines.partial->str);
    for (size_t i = 0; i < G_N_ELEMENTS(prompts); i++)
        if (strstr(plain, prompts[i])) {
            ccb_lines_flush(&boot->console_lines);
            return;
        }
}

/* QEMU's own output first: when that has ended, all that the guest has said is there to be read. */
static void read_all(Boot *boot)
{
    boot->ended = !ccb_lines_read(&boot->errors, boot->machine.errors);
    ccb_lines_read(&boot->console_lines, boot->machine.console);
    ccb_lines_read(&boot->journal_lines, boot->machine.journal);
    take_prompt(boot);
    set_when(&boot->up_at, ccb_console_up(boot->console) || boot->journal->up);
    set_when(&boot->settled_at, ccb_console_settled(boot->console) || boot->journal->settled);
    set_when(&boot->dead_at, ccb_console_dead(boot->console) != NULL);
}

static bool passed(gint64 since, gint64 us)
{
    return since != 0 && g_get_monotonic_time() - since >= us;
}

static bool journal_is_awaited(const Boot *boot)
{
    return boot->options->source->not_injected == NULL && !boot->journal->settled &&
           !passed(boot->settled_at, JOURNAL_S * G_USEC_PER_SEC);
}

/* Whether there is nothing more to learn. */
static bool is_over(const Boot *boot)
{
    return boot->ended || passed(boot->dead_at, DYING_MS * 1000) ||
           (passed(boot->settled_at, SETTLED_S * G_USEC_PER_SEC) && !journal_is_awaited(boot)) ||
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
    return true;
}

/* --- result */

static char *describe_progress(const Boot *boot)
{
    const char *waiting = boot->journal->waiting_for ? boot->journal->waiting_for
                                                     : ccb_console_waiting_for(boot->console);
    const char *loader = ccb_console_loader(boot->console);
    if (waiting)
        return g_strdup_printf("the last thing begun was %s", waiting);
    if (loader)
        return g_strdup_printf("the last thing said was \"%s\"", loader);
    return g_strdup(boot->options->firmware ? "nothing has been heard of firmware or boot loader"
                                            : "systemd has not been heard of");
}

static char *describe_trouble(const Boot *boot)
{
    const char *dead = ccb_console_dead(boot->console);
    const char *loader = ccb_console_loader(boot->console);
    if (dead)
        return loader && !strstr(dead, loader) && !boot->journal->entries
                   ? g_strdup_printf("%s, after \"%s\"", dead, loader)
                   : g_strdup(dead);
    if (boot->up_at)
        return NULL;
    g_autofree char *progress = describe_progress(boot);
    if (boot->ended)
        return g_strdup_printf("the machine ended before the system was up; %s", progress);
    return g_strdup_printf("not up after %u s; %s", boot->limit_s, progress);
}

/* QEMU's own refusal (no such device, no memory ...) is no property of the image. */
static bool check_started(const Boot *boot, GError **error)
{
    if (!boot->ended || boot->refusal == NULL)
        return true;
    return ccb_fail(error, CCB_ERR_HOST, "QEMU failed: %s", boot->refusal);
}

/* Why the journal can't be judged by, or NULL. */
static const char *journal_problem(const Boot *boot)
{
    const CcbJournal *journal = boot->journal;
    if (boot->options->source->not_injected)
        return boot->options->source->not_injected;
    if (journal->entries == 0)
        return "no entry came on the second serial port";
    if ((ccb_console_up(boot->console) && !journal->up) ||
        (ccb_console_settled(boot->console) && !journal->settled))
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

static void add_notes(const Boot *boot, CcbBootResult *ret)
{
    const char *problem = journal_problem(boot);
    if (problem)
        note(ret, "the guest's journal could not be had (%s): judged by the console", problem);
    else if (boot->journal->rejected)
        note(ret, "%u lines of the guest's journal were no entries", boot->journal->rejected);
    if (!problem && boot->journal->gaps)
        note(ret, "the guest's journal says itself that it has gaps");
    if (boot->options->source->units_unread)
        note(ret, "not all unit files could be read, so orders that they demand may be missing: %s",
             boot->options->source->units_unread);
    if (boot->options->firmware && !strstr(boot->options->source->cmdline, "console=ttyS0"))
        note(ret,
             "the image's own command line has no console=ttyS0: its kernel could not be heard");
    if (boot->up_at && !boot->settled_at && !ret->trouble)
        note(ret, "systemd still had jobs when the test ended");
}

static void fill_result(const Boot *boot, CcbBootResult *ret)
{
    const CcbBootSource *source = boot->options->source;
    const CcbBootEvidence evidence = {.console = boot->console,
                                      .journal = journal_problem(boot) ? NULL : boot->journal,
                                      .gpu_consumers = source->gpu_consumers,
                                      .gpu_requirers = source->gpu_requirers,
                                      .gpus = boot->options->gpus};
    ccb_boot_judge(&evidence, ret);
    ret->trouble = describe_trouble(boot);
    gint64 end = boot->up_at ? boot->up_at : g_get_monotonic_time();
    ret->seconds = (double)(end - boot->started) / G_USEC_PER_SEC;
    add_notes(boot, ret);
}

static unsigned choose_limit(const CcbBootOptions *options, bool emulated)
{
    if (options->limit_s)
        return options->limit_s;
    return emulated ? LIMIT_TCG_S : LIMIT_KVM_S;
}

static bool run(Boot *boot, bool emulated, GError **error)
{
    g_autofree char *cmdline = ccb_boot_cmdline(boot->options->source->cmdline);
    boot->log = ccb_boot_log_open(boot->options->log, error);
    boot->limit_s = choose_limit(boot->options, emulated);
    boot->started = boot->last_line = g_get_monotonic_time();
    boot->deadline = boot->started + (gint64)boot->limit_s * G_USEC_PER_SEC;
    bool ok = boot->log &&
              ccb_machine_start(&boot->machine, boot->options, cmdline, emulated, error) &&
              watch(boot, error) && check_started(boot, error);
    ccb_machine_end(&boot->machine);
    return ccb_boot_log_close(boot->log, ok ? error : NULL) && ok;
}

static void boot_init(Boot *boot, const CcbBootOptions *options)
{
    *boot = (Boot){.options = options, .machine = CCB_MACHINE_NONE};
    boot->console = ccb_console_new(options->source->names, options->source->target);
    boot->journal = ccb_journal_new(options->source->target);
    ccb_lines_init(&boot->errors, take_error_line, boot);
    ccb_lines_init(&boot->console_lines, take_console_line, boot);
    ccb_lines_init(&boot->journal_lines, take_journal_line, boot);
}

static void boot_clear(Boot *boot)
{
    ccb_console_free(boot->console);
    ccb_journal_free(boot->journal);
    ccb_lines_clear(&boot->errors);
    ccb_lines_clear(&boot->console_lines);
    ccb_lines_clear(&boot->journal_lines);
    g_free(boot->refusal);
}

bool ccb_boot_run(const CcbBootOptions *options, CcbBootResult *ret, GError **error)
{
    g_autofree char *reason = NULL;
    bool emulated = ccb_kvm_probe(&reason) != CCB_KVM_WORKS;
    Boot boot;
    boot_init(&boot, options);
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
    boot_clear(&boot);
    return ok;
}
