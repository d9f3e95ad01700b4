/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/boot.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/progress.h"
#include "guest/image.h"
#include "guest/kvm.h"

#define QEMU "qemu-system-x86_64"

enum {
    MEMORY_MB = 2048,
    LIMIT_KVM_S = 300,
    LIMIT_TCG_S = 1200,
    SETTLED_S = 3,   /* after "Startup finished": late lines of the journal */
    QUIET_S = 30,    /* up, but systemd never says so: nothing has been printed for this long */
    DYING_MS = 1500, /* after a panic: the lines that explain it */
    TICK_MS = 200,
    GRACE_MS = 3000,
};

/* One boot: what is running, and what was read from it. */
typedef struct {
    const CcbBootOptions *options;
    CcbConsole *console;
    pid_t pid;
    int fd, log_fd;
    GString *partial; /* the line that is not complete yet */
    gint64 started, last_line, up_at, settled_at, dead_at, deadline;
    unsigned limit_s;
    bool ended;    /* QEMU is gone, or has closed its end */
    char *refusal; /* the first line, if it is QEMU's own */
} Boot;

/*
 * Why these, on this boot only:
 *   console=, loglevel=, plymouth   kernel and initramfs say on the serial port what happens,
 * whatever `quiet` and `rhgb` hide; show_status, status_unit_format status lines, with unit names
 * where systemd is new enough (243) to know that; log_level, forward_to_console   the journal too:
 * it names the unit and result of every failure, and its lines are not cut to 80 columns.  An
 * unknown one of these is ignored by systemd. panic=0                         a panic stays: QEMU
 * is ended by us, and the console has been read to its end.
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

/* --- QEMU
 * --------------------------------------------------------------------------------------------------
 */

static void add(GPtrArray *argv, ...) G_GNUC_NULL_TERMINATED;
static void add(GPtrArray *argv, ...)
{
    va_list words;
    va_start(words, argv);
    for (const char *word; (word = va_arg(words, const char *)) != NULL;)
        g_ptr_array_add(argv, g_strdup(word));
    va_end(words);
}

/* No network, no display, no monitor: a disk, a source of randomness and a serial port. */
static GPtrArray *build_argv(const CcbBootOptions *options, const char *overlay, bool emulated)
{
    const CcbBootSource *source = options->source;
    g_autofree char *memory =
        g_strdup_printf("%u", options->memory_mb ? options->memory_mb : MEMORY_MB);
    g_autofree char *cmdline = ccb_boot_cmdline(source->cmdline);
    g_autofree char *node =
        g_strconcat("driver=qcow2,node-name=disk,cache.no-flush=on,file.driver=file,"
                    "file.filename=",
                    overlay, NULL);
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    add(argv, QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine",
        emulated ? "q35,accel=tcg" : "q35,accel=kvm", "-cpu", emulated ? "max" : "host", "-smp",
        "2", "-m", memory, "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
        "-object", "rng-random,id=random,filename=/dev/urandom", "-device",
        "virtio-rng-pci,rng=random", "-blockdev", node, "-device",
        options->nvme ? "nvme,drive=disk,serial=ccbake" : "virtio-blk-pci,drive=disk", "-kernel",
        source->kernel, "-append", cmdline, NULL);
    if (source->initrd)
        add(argv, "-initrd", source->initrd, NULL);
    g_ptr_array_add(argv, NULL);
    return argv;
}

static bool start_qemu(Boot *boot, bool emulated, GError **error)
{
    const CcbBootSource *source = boot->options->source;
    g_autofree char *overlay = g_build_filename(boot->options->dir, "boot.qcow2", NULL);
    g_autofree char *program = ccb_process_find(QEMU, error);
    int ends[2];
    if (program == NULL || !ccb_image_create_overlay(overlay, source->image, source->format, error))
        return false;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "creating a pipe");
    boot->fd = ends[0];
    ccb_autofd int writing = ends[1]; /* closed here, so that QEMU's end is the end of the file */
    fcntl(boot->fd, F_SETFL, O_NONBLOCK);
    g_autoptr(GPtrArray) argv = build_argv(boot->options, overlay, emulated);
    boot->pid = ccb_process_spawn((const char *const *)argv->pdata, writing, error);
    return boot->pid > 0;
}

/* --- watching
 * ---------------------------------------------------------------------------------------------- */

static void take_line(Boot *boot, const char *line)
{
    gint64 now = g_get_monotonic_time();
    if (boot->refusal == NULL && g_str_has_prefix(line, QEMU ": ") &&
        !g_str_has_prefix(line, QEMU ": warning: "))
        boot->refusal = g_strdup(line);
    ccb_console_line(boot->console, line);
    boot->last_line = now;
    if (boot->up_at == 0 && ccb_console_up(boot->console))
        boot->up_at = now;
    if (boot->settled_at == 0 && ccb_console_settled(boot->console))
        boot->settled_at = now;
    if (boot->dead_at == 0 && ccb_console_dead(boot->console))
        boot->dead_at = now;
}

static void take_complete_lines(Boot *boot)
{
    enum { LONGEST = 64 << 10 }; /* without a line break: garbage, not a line to wait for */
    GString *s = boot->partial;
    char *newline;
    while ((newline = memchr(s->str, '\n', s->len)) != NULL) {
        *newline = '\0';
        take_line(boot, s->str);
        g_string_erase(s, 0, newline + 1 - s->str);
    }
    if (s->len > LONGEST)
        g_string_truncate(s, 0);
}

static bool read_console(Boot *boot, GError **error)
{
    char buffer[16384];
    for (;;) {
        ssize_t n = read(boot->fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            boot->ended = true;
        if (n <= 0)
            return true;
        if (!ccb_write_all(boot->log_fd, buffer, (size_t)n, boot->options->log, error))
            return false;
        g_string_append_len(boot->partial, buffer, n);
        take_complete_lines(boot);
    }
}

/* A prompt has no line break behind it, so a line that does not go on is looked at as well. */
static void take_prompt(Boot *boot)
{
    static const char *const prompts[] = {"maintenance", "dracut:/# ", "(initramfs) "};
    for (size_t i = 0; i < G_N_ELEMENTS(prompts); i++)
        if (strstr(boot->partial->str, prompts[i])) {
            take_line(boot, boot->partial->str);
            g_string_truncate(boot->partial, 0);
        }
}

static bool passed(gint64 since, gint64 us)
{
    return since != 0 && g_get_monotonic_time() - since >= us;
}

/* Whether there is nothing more to learn. */
static bool is_over(const Boot *boot)
{
    return boot->ended || passed(boot->dead_at, DYING_MS * 1000) ||
           passed(boot->settled_at, SETTLED_S * G_USEC_PER_SEC) ||
           (boot->up_at != 0 && passed(boot->last_line, QUIET_S * G_USEC_PER_SEC)) ||
           g_get_monotonic_time() >= boot->deadline;
}

static bool watch(Boot *boot, GError **error)
{
    while (!is_over(boot)) {
        struct pollfd fds[] = {{.fd = boot->fd, .events = POLLIN},
                               {.fd = ccb_cancel_fd(), .events = POLLIN}};
        poll(fds, G_N_ELEMENTS(fds), TICK_MS);
        if (ccb_cancel_check(error) || !read_console(boot, error))
            return false;
        take_prompt(boot);
        ccb_progress_tick();
    }
    return true;
}

/* --- result
 * ------------------------------------------------------------------------------------------------
 */

static char *describe_trouble(const Boot *boot)
{
    const char *dead = ccb_console_dead(boot->console);
    const char *waiting = ccb_console_waiting_for(boot->console);
    if (dead)
        return g_strdup(dead);
    if (boot->up_at)
        return NULL;
    if (boot->ended)
        return g_strdup_printf("QEMU ended before the system was up%s%.300s",
                               boot->partial->len ? ": " : "", boot->partial->str);
    return g_strdup_printf("not up after %u s; the last thing begun was %s", boot->limit_s,
                           waiting ? waiting : "the kernel: systemd has not been heard of");
}

/* QEMU's own refusal (no such device, no memory ...) is no property of the image. */
static bool check_started(const Boot *boot, GError **error)
{
    if (!boot->ended || boot->refusal == NULL)
        return true;
    return ccb_fail(error, CCB_ERR_HOST, "QEMU did not start: %s", boot->refusal);
}

static void fill_result(const Boot *boot, CcbBootResult *ret)
{
    const CcbBootOptions *options = boot->options;
    ccb_boot_judge(boot->console, options->source->gpu_consumers, options->gpus, ret);
    ret->trouble = describe_trouble(boot);
    gint64 end = boot->up_at ? boot->up_at : g_get_monotonic_time();
    ret->seconds = (double)(end - boot->started) / G_USEC_PER_SEC;
    if (boot->up_at && !boot->settled_at && !ret->trouble)
        g_ptr_array_add(ret->notes, g_strdup("systemd still had jobs when the test ended"));
}

static unsigned choose_limit(const CcbBootOptions *options, bool emulated)
{
    if (options->limit_s)
        return options->limit_s;
    return emulated ? LIMIT_TCG_S : LIMIT_KVM_S;
}

static bool run(Boot *boot, bool emulated, GError **error)
{
    boot->log_fd = open(boot->options->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (boot->log_fd < 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "%s", boot->options->log);
    boot->limit_s = choose_limit(boot->options, emulated);
    boot->started = boot->last_line = g_get_monotonic_time();
    boot->deadline = boot->started + (gint64)boot->limit_s * G_USEC_PER_SEC;
    bool ok = start_qemu(boot, emulated, error) && watch(boot, error) && check_started(boot, error);
    ccb_process_end(&boot->pid, GRACE_MS);
    return ok;
}

static void boot_clear(Boot *boot)
{
    ccb_console_free(boot->console);
    ccb_close_fd(&boot->fd);
    ccb_close_fd(&boot->log_fd);
    g_string_free(boot->partial, TRUE);
    g_free(boot->refusal);
}

bool ccb_boot_run(const CcbBootOptions *options, CcbBootResult *ret, GError **error)
{
    g_autofree char *reason = NULL;
    bool emulated = ccb_kvm_probe(&reason) != CCB_KVM_WORKS;
    Boot boot = {.options = options, .fd = -1, .log_fd = -1, .partial = g_string_new(NULL)};
    boot.console = ccb_console_new(options->source->names, options->source->target);
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
