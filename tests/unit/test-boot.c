/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The readers of console and journal, and what recorded text means for an image.  What systemd 252 says was recorded
 * from a boot of the stand-in image with GPU units; the text for 239 is written after that version's messages, not
 * recorded (job.c, unit.c, service.c).
 */
#include "boot/boot.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/lines.h"
#include "boot/log.h"
#include "boot/unitfiles.h"
#include "guest/rooted.h"
#include "tap.h"

/* The recording: status lines and the journal, the latter a little before or after the former. */
static const char *const systemd252[] = {
    "         Starting \033[0;1;39mnvidia-fabricmanager.service\033[0m...\r\r",
    "[   48.869222] systemd[1]: Starting nvidia-fabricmanager.service...\r",
    "[   49.101001] systemd[1]: systemd-binfmt.service was skipped because of an unmet condition "
    "check "
    "(ConditionPathIsMountPoint=/proc/sys/fs/binfmt_misc).\r",
    "[   50.371915] systemd[1]: nvidia-fabricmanager.service: Main process exited, code=exited, "
    "status=1/FAILURE\r",
    "[   50.375911] systemd[1]: nvidia-fabricmanager.service: Failed with result 'exit-code'.\r",
    "[\033[0;1;31mFAILED\033[0m] Failed to start "
    "\033[0;1;39mnvidia-fabricmanager.service\033[0m.\r\r",
    "[   50.382561] systemd[1]: Failed to start nvidia-fabricmanager.service.\r",
    "See 'systemctl status nvidia-fabricmanager.service' for details.\r\r",
    "         Starting \033[0;1;39mnvidia-persistenced.service\033[0m...\r\r",
    "[   50.446865] systemd[1]: Starting nvidia-persistenced.service...\r",
    "[   50.515928] systemd[1]: nvidia-persistenced.service: Failed with result 'exit-code'.\r",
    "[\033[0;1;31mFAILED\033[0m] Failed to start "
    "\033[0;1;39mnvidia-persistenced.service\033[0m.\r\r",
    "See 'systemctl status nvidia-persistenced.service' for details.\r\r",
    "[   50.522009] systemd[1]: Failed to start nvidia-persistenced.service.\r",
    "[   50.587129] systemd[1]: Started cloudmonitor.service.\r",
    "[\033[0;32m  OK  \033[0m] Started \033[0;1;39mcloudmonitor.service\033[0m.\r\r",
    "[   50.640030] systemd[1]: Started gpu-user.service.\r",
    "[   51.899728] systemd[1]: Reached target multi-user.target.\r",
    "[\033[0;32m  OK  \033[0m] Reached target \033[0;1;39mmulti-user.target\033[0m.\r\r",
    "[   52.406454] systemd[1]: Startup finished in 3.958s (kernel) + 16.521s (initrd) + 16.909s "
    "(userspace) "
    "= 37.390s.\r",
    NULL,
};

/* Descriptions only, cut to 80 columns on status lines; the fabric manager works here. */
static const char *const systemd239[] = {
    "\033[K         Starting NVIDIA fabric manager service...\r",
    "[\033[0;32m  OK  \033[0m] Started NVIDIA fabric manager service.\r",
    "[\033[0;1;31m*\033[0m\033[0;31m*    \033[0m] A start job is running for NVIDIA Persis\u2026s "
    "/ 15min)\r",
    "systemd[1]: nvidia-persistenced.service: Failed with result 'timeout'.\r",
    "\033[K[\033[0;1;31mFAILED\033[0m] Failed to start NVIDIA Persistence Daemon with a "
    "descri\u2026umns.\r",
    "See 'systemctl status nvidia-persistenced.service' for details.\r",
    "[\033[0;1;33mDEPEND\033[0m] Dependency failed for Ollama Service.\r",
    "systemd[1]: ollama.service: Job ollama.service/start failed with result 'dependency'.\r",
    "[FAILED] Failed to start Login Service.\r",
    "See 'systemctl status systemd-logind.service' for details.\r",
    "[  OK  ] Reached target Multi-User System.\r",
    NULL,
};

static CcbConsole *feed(const char *const *lines)
{
    CcbConsole *console = ccb_console_new("multi-user.target");
    for (; *lines; lines++)
        ccb_console_line(console, *lines);
    return console;
}

static CcbConsole *feed_one(const char *line)
{
    const char *const lines[] = {line, NULL};
    return feed(lines);
}

static void check(const CcbConsole *console, char *const *consumers, unsigned gpus,
                  CcbBootResult *ret)
{
    const CcbBootEvidence evidence = {.console = console, .gpu_consumers = consumers, .gpus = gpus};
    ccb_boot_check(&evidence, ret);
}

static void test_plain(void)
{
    is_taken(ccb_console_plain("a\033[0;1;39mb\033[0m\tc\r\r"), "ab\tc", "colours and line ends");
    is_taken(ccb_console_plain("progress 10%\rdone"), "done", "what a carriage return overwrites");
    is_taken(ccb_console_plain("\033]0;title\ax\033]0;t\033\\y\033(Bz\033c"), "xyz",
             "other sequences");
    is_taken(ccb_console_plain("a\033["), "a", "a sequence that is cut off");
    is_taken(ccb_console_plain("a\033"), "a", "a lone escape");
    is_taken(ccb_console_plain("a\a\b\x7f\xc2\x80\xc2\x9b"
                               "31m\u202e\u00e9\u2026"),
             "a31m\u00e9\u2026", "other control characters");
    is_taken(ccb_console_plain("a\x9b"), "a\ufffd", "C1 that is no UTF-8");
    is_taken(ccb_console_plain("\xff"), "\xef\xbf\xbd", "no UTF-8");
}

static void test_252(void)
{
    g_autoptr(CcbConsole) console = feed(systemd252);
    g_auto(CcbBootResult) result = {0};
    char *consumers[] = {(char *)"cloudmonitor.service", NULL};
    check(console, consumers, 8, &result);
    is_str(result.up, "multi-user.target", "252: up");
    ok(console->settled, "252: settled");
    is_str(console->waiting_for, "nvidia-persistenced.service", "252: the last that was begun");
    is_int(result.failed->len, 2, "252: failures");
    const CcbBootFailure *first = result.failed->pdata[0];
    is_str(first->unit, "nvidia-fabricmanager.service", "252: the first");
    is_str(first->reason, "exit-code", "252: its reason");
    ok(first->why != NULL, "252: expected without a GPU");
    is_int(result.unjudged->len, 2, "252: orders are the journal's to tell");
    ok(ccb_boot_is_good(&result), "252: good");
}

static void test_239(void)
{
    g_autoptr(CcbConsole) console = feed(systemd239);
    g_auto(CcbBootResult) result = {0};
    check(console, NULL, 8, &result);
    is_str(result.up, "Multi-User System", "239: up, by the description");
    is_str(console->waiting_for, "NVIDIA Persis\u2026s / 15min)", "239: what it waits for");
    is_int(result.failed->len, 3, "239: failures, each by its name");
    const CcbBootFailure *dependent = result.failed->pdata[1];
    is_str(dependent->unit, "ollama.service", "239: dependency");
    is_str(dependent->reason, "dependency", "239: ... and that it is one");
    is_str(((CcbBootFailure *)result.failed->pdata[2])->unit, "systemd-logind.service",
           "239: named by the line below alone");
    ok(!ccb_boot_is_good(&result), "239: not good");
}

/* What systemd does, in all the ways to say it. */
static void test_waiting(void)
{
    static const char *const lines[][2] = {
        {"         Starting x.service - Some Text...", "x.service"},
        {"         Starting Some Text...", "Some Text"},
        {"[   12.1] systemd[1]: Mounting /sysroot...", "/sysroot"},
        {"[ ***  ] A start job is running for dev-x.device (5s / 1min 30s)", "dev-x.device"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(CcbConsole) console = feed_one(lines[i][0]);
        is_str(console->waiting_for, lines[i][1], lines[i][0]);
    }
    g_autoptr(CcbConsole) other = feed_one("[   12.1] x[7]: Starting y.service...");
    is_str(other->waiting_for, NULL, "what others say is not systemd's");
}

static void test_login(void)
{
    g_autoptr(CcbConsole) console = feed_one("localhost login: ");
    g_autoptr(CcbJournal) journal = ccb_journal_new(NULL);
    g_auto(CcbBootResult) alone = {0}, both = {0};
    check(console, NULL, 0, &alone);
    is_str(alone.up, "a login prompt", "a login prompt where there is no journal");
    ccb_boot_check(&(CcbBootEvidence){.console = console, .journal = journal}, &both);
    is_str(both.up, NULL, "... is not what a journal says");
}

/* Every one must be told at once, never by waiting for the limit. */
static void test_dead(void)
{
    static const char *const lines[] = {
        "[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
        "You are in emergency mode. After logging in, type \"journalctl -xb\" to view",
        "Give root password for maintenance",
        "Press Enter for maintenance",
        "Generating \"/run/initramfs/rdsosreport.txt\"",
        "Entering emergency mode. Exit the shell to continue.",
        "[  191.7] dracut-initqueue[313]: Warning: dracut-initqueue timeout",
        "ALERT!  UUID=x does not exist.  Dropping to a shell!",
        "[    9.0] reboot: Power down",
        "KVM internal error. Suberror: 1",
        "[    4.0] systemd[1]: Freezing execution.",
        "BdsDxe: No bootable option or device was found.",
        "UEFI Interactive Shell v2.2",
        "grub> ",
        "grub rescue> ",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(CcbConsole) console = feed_one(lines[i]);
        ok(console->dead != NULL, lines[i]);
    }
    g_autoptr(CcbConsole) first = feed_one(lines[0]);
    ccb_console_line(first, lines[8]);
    ok(strstr(first->dead, "panicked") != NULL, "the first cause is kept");
    g_autoptr(CcbConsole) alive = feed_one("[    1.0] Kernel command line: panic=0 emergency=no");
    ok(alive->dead == NULL, "a harmless line");
}

static void test_loader(void)
{
    g_autoptr(CcbConsole) console = feed_one(
        "BdsDxe: failed to load Boot0001 \"UEFI Misc Device\" from Pci(0x2,0x0): Not Found");
    ccb_console_line(console, "BdsDxe: starting Boot0002 \"EFI Internal Shell\" from Fv(7)");
    ok(strstr(console->loader, "Not Found") != NULL, "firmware: what failed is kept");
    ccb_console_line(console, "error: no such device: /boot/grub2/grub.cfg.");
    is_str(console->loader, "error: no such device: /boot/grub2/grub.cfg.",
           "... until GRUB has an error");
    ccb_console_line(console, "localhost login: ");
    ok(g_str_has_prefix(console->loader, "error: "), "other lines are not the loader's");
}

/* A quote is cut at 200 bytes, also where a character of two bytes is in the way. */
static void test_quotes(void)
{
    g_autofree char *x = g_strnfill(200, 'x');
    static const char *const starts[] = {"Kernel panic - not syncing: ", "error: "};
    for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
        g_autofree char *line =
            g_strdup_printf("%s%.*s\u00e9", starts[i], (int)(199 - strlen(starts[i])), x);
        g_autoptr(CcbConsole) console = feed_one(line);
        const char *quoted = i == 0 ? console->dead : console->loader;
        ok(quoted && strstr(quoted, "xxx\ufffd") && g_utf8_validate(quoted, -1, NULL),
           "a quote is UTF-8 where it is cut");
        g_auto(CcbBootResult) result = {.trouble = g_strdup(quoted)};
        check(console, NULL, 0, &result);
        json_auto_t *json = ccb_boot_to_json(&result);
        ok(json != NULL, "... and JSON");
    }
}

/* A guest that makes units up can't fill this host's memory. */
static void test_many_units(void)
{
    static const char *const lines[] = {
        "systemd[1]: new%d.service: Main process exited, code=exited, status=1/FAILURE",
        "systemd[1]: new%d.service: Failed with result 'exit-code'.",
        "See 'systemctl status new%d.service' for details."};
    g_autoptr(CcbConsole) console = ccb_console_new(NULL);
    for (int i = 0; i < 6000; i++) {
        g_auto(GStrv) parts = g_strsplit(lines[(size_t)i % G_N_ELEMENTS(lines)], "%d", 2);
        g_autofree char *line = g_strdup_printf("%s%d%s", parts[0], i, parts[1]);
        ccb_console_line(console, line);
    }
    is_int(console->units.list->len, 4096, "console: as many units as are kept");
}

static void test_notes(void)
{
    g_autoptr(CcbConsole) console = feed_one("[    0.0] software IO TLB: Cannot allocate buffer");
    g_auto(CcbBootResult) result = {0};
    ccb_console_line(console, "[    0.1] software IO TLB: Cannot allocate buffer");
    check(console, NULL, 0, &result);
    is_int(result.notes->len, 1, "swiotlb is a note, once");
    ok(console->dead == NULL, "... and no failure");
}

static void test_initrd_is_not_up(void)
{
    g_autoptr(CcbConsole) console = feed_one("systemd[1]: Reached target initrd.target.");
    ccb_console_line(console, "systemd[1]: Startup finished in 1s (kernel) + 2s (userspace) = 3s.");
    ok(console->up == NULL, "the initramfs's target is not the system's");
    ok(!console->settled, "... nor is its end of startup");
}

static void test_cmdline(void)
{
    g_autofree char *line = ccb_boot_cmdline("root=/dev/vda3 quiet");
    ok(g_str_has_prefix(line, "root=/dev/vda3 quiet console=ttyS0"), "the image's own comes first");
}

/* --- the journal */

#define STARTING "7d4958e842da4a758f6c1cdc7b36dcc5"
#define STARTED  "39f53479d3a045ac8e11786248231fbf"
#define FAILED   "be02cf6855d2428ba40df7e9d022f03d"
#define RESULT   "d9b373ed55a64feb8242e02dbe79a49c"

/* An entry of PID 1: its message id and unit, and other fields as JSON. */
#define ENTRY(US, ID, UNIT, MORE)                                                                  \
    "{\"__MONOTONIC_TIMESTAMP\":\"" US "\",\"_PID\":\"1\",\"MESSAGE_ID\":\"" ID                    \
    "\",\"UNIT\":\"" UNIT "\"" MORE "}"

/* Recorded from the stand-in (252) and shortened; 239 writes the same fields (job.c, unit.c, service.c). */
static const char *const journal8[] = {
    ENTRY("30000000", STARTING, "nvidia-fabricmanager.service", ",\"JOB_TYPE\":\"start\""),
    ENTRY("30100000", RESULT, "nvidia-fabricmanager.service",
          ",\"UNIT_RESULT\":\"exit-code\",\"MESSAGE\":\"Failed with result 'exit-code'.\""),
    ENTRY("30200000", FAILED, "nvidia-fabricmanager.service", ",\"JOB_RESULT\":\"failed\""),
    ENTRY("30300000", STARTING, "nvidia-persistenced.service", ""),
    ENTRY("30400000", RESULT, "nvidia-persistenced.service", ",\"UNIT_RESULT\":\"exit-code\""),
    ENTRY("30400000", FAILED, "nvidia-persistenced.service", ",\"JOB_RESULT\":\"failed\""),
    ENTRY("30500000", FAILED, "ollama.service", ",\"JOB_RESULT\":\"dependency\""),
    ENTRY("30600000", STARTED, "cloudmonitor.service", ",\"JOB_RESULT\":\"done\""),
    ENTRY("30700000", STARTED, "crond.service",
          ",\"MESSAGE\":\"Condition check resulted in Command Scheduler being skipped.\""),
    ENTRY("30800000", STARTED, "multi-user.target", ",\"JOB_RESULT\":\"done\""),
    ENTRY("30900000", "b07a249cd024414a82dd00cd181378ff", "", ""),
    NULL,
};

static CcbJournal *feed_journal(const char *const *lines)
{
    CcbJournal *journal = ccb_journal_new("multi-user.target");
    for (; *lines; lines++)
        ccb_journal_line(journal, *lines);
    return journal;
}

static int journal_state(const CcbJournal *journal, const char *name)
{
    const CcbBootUnit *unit = ccb_units_find(&journal->units, name);
    return unit ? (int)unit->state : -1;
}

static void test_journal(void)
{
    g_autoptr(CcbJournal) journal = feed_journal(journal8);
    g_autoptr(CcbConsole) console = ccb_console_new("multi-user.target");
    g_autoptr(GHashTable) requirers = g_hash_table_new(g_str_hash, g_str_equal);
    g_auto(CcbBootResult) result = {0};
    CcbBootEvidence evidence = {.console = console, .journal = journal, .gpus = 8};
    is_str(journal->up, "multi-user.target", "journal: up");
    ok(journal->settled, "journal: settled");
    is_int(journal->entries, 11, "journal: entries");
    is_int(journal_state(journal, "crond.service"), CCB_UNIT_SKIPPED, "journal: condition");
    g_hash_table_insert(requirers, (char *)"ollama.service", (char *)"nvidia-persistenced.service");
    evidence.gpu_requirers = requirers;
    ccb_boot_check(&evidence, &result);
    is_int(result.failed->len, 3, "journal: failures");
    is_int(result.orders->len, 3, "journal: orders");
    const CcbBootOrder *order = result.orders->pdata[0];
    ok(order->kept && order->done > 30.0 && order->began > order->done,
       "journal: with their times");
    is_str(((CcbBootFailure *)result.failed->pdata[2])->why,
           "it requires nvidia-persistenced.service", "journal: what requires a unit of the GPU");
    ok(ccb_boot_is_good(&result), "journal: all expected");
    g_auto(CcbBootResult) strict = {0};
    evidence.gpu_requirers = NULL;
    ccb_boot_check(&evidence, &strict);
    ok(!ccb_boot_is_good(&strict), "journal: a dependency on something else is a failure");
}

/* One that was begun before the other was done; units without a phase of their own are only ever started. */
static void test_order(void)
{
    static const char *const lines[] = {ENTRY("1", STARTING, "nvidia-fabricmanager.service", ""),
                                        ENTRY("2", STARTING, "nvidia-persistenced.service", ""),
                                        ENTRY("3", STARTED, "nvidia-fabricmanager.service", ""),
                                        ENTRY("4", STARTED, "nvidia-persistenced.service", ""),
                                        ENTRY("4", STARTED, "ollama.service", ""),
                                        ENTRY("5", RESULT, "ollama.service", ""),
                                        ENTRY("6", STARTED, "ollama.service", ""),
                                        ENTRY("7", STARTED, "multi-user.target", ""),
                                        NULL};
    g_autoptr(CcbJournal) journal = feed_journal(lines);
    g_autoptr(CcbConsole) console = ccb_console_new(NULL);
    g_auto(CcbBootResult) result = {0}, eight = {0};
    ccb_boot_check(&(CcbBootEvidence){.console = console, .journal = journal}, &result);
    is_int(result.orders->len, 2, "order: those of which both were seen");
    ok(!((CcbBootOrder *)result.orders->pdata[0])->kept, "order: begun before the other was done");
    ok(((CcbBootOrder *)result.orders->pdata[1])->kept, "order: only ever started, but later");
    is_int(journal_state(journal, "ollama.service"), CCB_UNIT_FAILED,
           "a failure after the start stays one");
    ok(!ccb_boot_is_good(&result), "order: a violated one is not good");
    g_autoptr(CcbJournal) empty = feed_journal(lines + 7);
    ccb_boot_check(&(CcbBootEvidence){.console = console, .journal = empty, .gpus = 8}, &eight);
    is_int(eight.missing->len, 2, "8 GPUs demand two units");
    ok(!ccb_boot_is_good(&eight), "missing is not good");
}

/* Of one unit that failed so, where the image has vllm.service wait for the GPU. */
static bool is_failure_expected(const char *unit, const char *more)
{
    g_autofree char *line = g_strdup_printf("{\"__MONOTONIC_TIMESTAMP\":\"1\",\"_PID\":\"1\","
                                            "\"MESSAGE_ID\":\"" RESULT "\",\"UNIT\":\"%s\"%s}",
                                            unit, more);
    g_autoptr(CcbJournal) journal = feed_journal((const char *const[]){line, NULL});
    g_autoptr(CcbConsole) console = ccb_console_new(NULL);
    g_auto(CcbBootResult) result = {0};
    char *consumers[] = {(char *)"vllm.service", NULL};
    const CcbBootEvidence evidence = {
        .console = console, .journal = journal, .gpu_consumers = consumers};
    ccb_boot_check(&evidence, &result);
    is_int(result.failed->len, 1, unit);
    return ((CcbBootFailure *)result.failed->pdata[0])->why != NULL;
}

/* A failure of a GPU's unit that the missing GPU does not explain. */
static void test_not_expected(void)
{
    static const struct {
        const char *more, *name;
        bool expected;
    } cases[] = {
        {",\"UNIT_RESULT\":\"exit-code\",\"EXIT_CODE\":\"exited\",\"EXIT_STATUS\":\"1\"",
         "a program that says no", true},
        {",\"UNIT_RESULT\":\"exit-code\",\"EXIT_CODE\":\"exited\",\"EXIT_STATUS\":\"125\"",
         "the last status that is a program's own", true},
        {",\"UNIT_RESULT\":\"exit-code\",\"EXIT_CODE\":\"exited\",\"EXIT_STATUS\":\"126\"",
         "a program that its script can't run", false},
        {",\"UNIT_RESULT\":\"exit-code\",\"EXIT_CODE\":\"exited\",\"EXIT_STATUS\":\"127\"",
         "a library that is not there", false},
        {",\"UNIT_RESULT\":\"exit-code\",\"EXIT_CODE\":\"exited\",\"EXIT_STATUS\":\"203\"",
         "a program that is not there", false},
        {",\"UNIT_RESULT\":\"exit-code\",\"EXIT_CODE\":\"exited\",\"EXIT_STATUS\":\"217\"",
         "a user that is not there", false},
        {",\"UNIT_RESULT\":\"core-dump\",\"EXIT_CODE\":\"dumped\",\"EXIT_STATUS\":\"11\"",
         "a crash", false},
        {",\"UNIT_RESULT\":\"timeout\"", "waiting in vain", true},
        {",\"UNIT_RESULT\":\"resources\"", "no memory", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        is_int(is_failure_expected("nvidia-persistenced.service", cases[i].more), cases[i].expected,
               cases[i].name);
        is_int(is_failure_expected("vllm.service", cases[i].more), cases[i].expected,
               "... of a unit that waits for the GPU");
        ok(!is_failure_expected("sshd.service", cases[i].more), "... of one that does not");
    }
}

/* ld.so ends a program with 1 where a library lacks the version of a symbol, as a program that found no GPU may. */
static void test_not_loaded(void)
{
    static const struct {
        const char *said;
        bool expected;
    } cases[] = {
        {"Failed to query NVIDIA devices. Please ensure that the NVIDIA device files exist", true},
        {"/usr/bin/nvidia-persistenced: /lib64/libc.so.6: version `GLIBC_2.38' not found (required "
         "by "
         "/usr/lib64/libtirpc.so.3)",
         false},
        {"/usr/bin/x: error while loading shared libraries: libtirpc.so.3: cannot open shared "
         "object file",
         false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *words =
            g_strdup_printf("{\"__MONOTONIC_TIMESTAMP\":\"1\",\"_PID\":\"9\",\"_SYSTEMD_UNIT\":"
                            "\"nvidia-persistenced.service\",\"MESSAGE\":\"%s\"}",
                            cases[i].said);
        const char *const lines[] = {
            words,
            "{\"__MONOTONIC_TIMESTAMP\":\"2\",\"_PID\":\"1\",\"MESSAGE_ID\":\"" RESULT
            "\",\"UNIT\":\"nvidia-persistenced.service\",\"UNIT_RESULT\":\"exit-code\","
            "\"EXIT_CODE\":\"exited\",\"EXIT_STATUS\":\"1\"}",
            NULL};
        g_autoptr(CcbJournal) journal = feed_journal(lines);
        g_autoptr(CcbConsole) console = ccb_console_new(NULL);
        g_auto(CcbBootResult) result = {0};
        ccb_boot_check(&(CcbBootEvidence){.console = console, .journal = journal}, &result);
        is_int(((CcbBootFailure *)result.failed->pdata[0])->why != NULL, cases[i].expected,
               cases[i].said);
    }
}

/* Where only the console is left, the same is told from its text. */
static void test_not_expected_console(void)
{
    static const char *const lines[] = {
        "systemd[1]: nvidia-persistenced.service: Main process exited, code=exited, "
        "status=203/EXEC",
        "systemd[1]: nvidia-persistenced.service: Control process exited, code=exited, status=1",
        "systemd[1]: nvidia-persistenced.service: Failed with result 'exit-code'.",
        "systemd[1]: nvidia-fabricmanager.service: Control process exited, code=exited status=1",
        "systemd[1]: nvidia-fabricmanager.service: Failed with result 'exit-code'.",
        "systemd[1]: x.service: Failed with result 'exec-condition'.",
        NULL};
    g_autoptr(CcbConsole) console = feed(lines);
    g_auto(CcbBootResult) result = {0};
    check(console, NULL, 0, &result);
    is_int(result.failed->len, 2, "console: both failed");
    ok(((CcbBootFailure *)result.failed->pdata[0])->why == NULL, "console: a program not there");
    ok(((CcbBootFailure *)result.failed->pdata[1])->why != NULL, "console: one that says no");
}

/* What is not the journal's or not PID 1's is not believed, and nothing grows without bound. */
static void test_journal_strict(void)
{
    static const char *const lines[] = {
        "BdsDxe: before the first entry, as firmware writes it",
        "{\"__MONOTONIC_TIMESTAMP\":\"1\",\"_PID\":\"7\",\"MESSAGE_ID\":\"" FAILED
        "\",\"UNIT\":\"forged.service\",\"JOB_RESULT\":\"failed\"}",
        "no JSON",
        "[]",
        "{\"_PID\":\"1\"}",
        "{\"__MONOTONIC_TIMESTAMP\":\"-1\"}",
        "{\"__MONOTONIC_TIMESTAMP\":\"1\",\"_PID\":\"1\",\"MESSAGE_ID\":[\"x\"],\"UNIT\":7}",
        ENTRY("2", FAILED, "a b.service", ",\"JOB_RESULT\":\"failed\""),
        ENTRY("2", FAILED, "../x.service", ",\"JOB_RESULT\":\"failed\""),
        ENTRY("2", FAILED, "cancelled.service", ",\"JOB_RESULT\":\"canceled\""),
        ENTRY("3", "a596d6fe7bfa4994828e72309e95d61e", "", ""),
        "",
        NULL};
    g_autoptr(CcbJournal) journal = feed_journal(lines);
    is_int(journal->rejected, 4, "lines that are no entries");
    is_int(journal->entries, 6, "... and those that are");
    is_int(journal_state(journal, "forged.service"), -1, "not said by PID 1");
    is_int(journal_state(journal, "a b.service"), -1, "no name of a unit");
    is_int(journal_state(journal, "../x.service"), -1, "no name of a unit either");
    is_int(journal_state(journal, "cancelled.service"), CCB_UNIT_UNKNOWN,
           "cancelled is not failed");
    ok(journal->gaps, "journald's own word of gaps");
    for (int i = 0; i < 5000; i++) {
        g_autofree char *line = g_strdup_printf(
            "{\"__MONOTONIC_TIMESTAMP\":\"4\",\"_SYSTEMD_UNIT\":\"u%d.service\",\"MESSAGE\":\"x\"}",
            i);
        ccb_journal_line(journal, line);
    }
    is_int(journal->units.list->len, 4096, "as many units as are kept");
}

/* Only what PID 1 could not tell journald; a unit of ours is not the image's. */
static void test_journal_and_console(void)
{
    static const char *const entries[] = {
        ENTRY("1", STARTED, "multi-user.target", ",\"JOB_RESULT\":\"done\""),
        ENTRY("2", RESULT, "ccbake-journal.service", ",\"UNIT_RESULT\":\"exit-code\""), NULL};
    static const char *const lines[] = {
        "systemd[1]: early.service: Failed with result 'exit-code'.",
        "[FAILED] Failed to start Some Description.", NULL};
    g_autoptr(CcbJournal) journal = feed_journal(entries);
    g_autoptr(CcbConsole) console = feed(lines);
    g_auto(CcbBootResult) result = {0};
    const CcbBootEvidence evidence = {.console = console, .journal = journal, .gpus = 1};
    ccb_boot_check(&evidence, &result);
    is_int(result.failed->len, 1, "a failure that only the console has");
    is_str(((CcbBootFailure *)result.failed->pdata[0])->unit, "early.service", "... by its name");
    is_int(result.missing->len, 1, "missing in the journal");
}

static void test_quoted_lines(void)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    for (int i = 0; i < 9; i++)
        g_ptr_array_add(lines, g_strdup_printf("{\"__MONOTONIC_TIMESTAMP\":\"%d\",\"_PID\":\"99\","
                                               "\"_SYSTEMD_UNIT\":\"x.service\",\"MESSAGE\":"
                                               "\"line %d \\u001b[31mred\\u001b[0m\"}",
                                               i, i));
    g_ptr_array_add(lines, NULL);
    g_autoptr(CcbJournal) journal = feed_journal((const char *const *)lines->pdata);
    const CcbBootUnit *unit = ccb_units_find(&journal->units, "x.service");
    is_int(unit->lines.length, 6, "the last lines are kept");
    is_str(unit->lines.tail->data, "line 8 red", "... without escape sequences");
}

/* --- unit files */

/* A guest that is a directory, as far as units are read; its backend is the descriptor of that. */
static const CcbGuestOps tree_ops = {.name = "tree",
                                     .stat = ccb_rooted_stat,
                                     .get = ccb_rooted_get,
                                     .list = ccb_rooted_list,
                                     .walk = ccb_rooted_walk};

static void put_unit(const char *root, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(root, "etc/systemd/system", name, NULL);
    g_autofree char *dir = g_path_get_dirname(path);
    ccb_mkdirs(dir, NULL);
    g_file_set_contents(path, text, -1, NULL);
}

static CcbBootSource *read_tree(const char *root)
{
    ccb_autofd int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(CcbGuest) guest = ccb_guest_new_with_ops(&tree_ops, &fd, -1);
    CcbBootSource *source = g_new0(CcbBootSource, 1);
    ccb_boot_read_units(guest, source);
    return source;
}

/* Whatever file of the image says it: the daemon's own, a consumer's, a drop-in, also of a unit that is not there yet. */
static void test_unit_files(void)
{
    g_autofree char *root = g_dir_make_tmp("ccbake-units-XXXXXX", NULL);
    static const char waits[] =
        "[Unit]\nAfter=nvidia-persistenced.service\n[Service]\nExecStart=/bin/true\n";
    static const char *const dirs[] = {"usr/local/lib/systemd/system", "usr/lib/systemd/system"};
    for (size_t i = 0; i < G_N_ELEMENTS(dirs); i++) {
        g_autofree char *dir = g_build_filename(root, dirs[i], NULL);
        ccb_mkdirs(dir, NULL);
    }
    put_unit(root, "nvidia-persistenced.service",
             "[Unit]\nDescription=NVIDIA Persistence Daemon\nBefore=b-named.service\n"
             "[Service]\nExecStart=/usr/bin/nvidia-persistenced\n");
    put_unit(root, "c-own.service", waits);
    put_unit(root, "d-dropin.service", "[Service]\nExecStart=/bin/true\n");
    put_unit(root, "d-dropin.service.d/10-ccbake.conf",
             "[Unit]\nAfter=nvidia-persistenced.service\n");
    put_unit(root, "e-later.service.d/10-ccbake.conf", waits);
    put_unit(root, "f-template@.service.d/10-ccbake.conf", waits);
    put_unit(root, "g-requires.service", "[Service]\nExecStart=/bin/true\n");
    put_unit(root, "g-requires.service.d/x.conf", "[Unit]\nBindsTo=nvidia-persistenced.service\n");
    put_unit(root, "multi-user.target", "[Unit]\nWants=nvidia-persistenced.service\n");
    g_autofree char *link = g_build_filename(root, "etc/systemd/system/default.target", NULL);
    ok(symlink("multi-user.target", link) == 0, "units: a default target");
    g_autoptr(CcbBootSource) source = read_tree(root);
    g_autofree char *consumers = g_strjoinv(" ", source->gpu_consumers);
    is_str(consumers, "b-named.service c-own.service d-dropin.service e-later.service",
           "units: those that wait for the GPU");
    is_int(g_hash_table_size(source->gpu_requirers), 1, "units: those that require one");
    is_str(g_hash_table_lookup(source->gpu_requirers, "g-requires.service"),
           "nvidia-persistenced.service", "units: ... by a drop-in");
    is_str(source->target, "multi-user.target", "units: the default target");
    is_str(source->units_unread, NULL, "units: all were read");
    put_unit(root, "a b.service", "[Unit\n"); /* systemd ignores the name */
    put_unit(root, "g-requires.service.d/a\033b.conf", "[Unit\n");
    g_autoptr(CcbBootSource) odd = read_tree(root);
    ok(odd->units_unread && strstr(odd->units_unread, "a\\x1bb.conf"),
       "units: what can't be read is said, without control characters");
    ccb_remove_tree(root, NULL);
}

/* An order that is demanded and can't be compared is no order that was kept. */
static void test_unjudged(void)
{
    g_autoptr(CcbJournal) journal = feed_journal(journal8);
    g_autoptr(CcbConsole) console = ccb_console_new(NULL);
    char *consumers[] = {(char *)"cloudmonitor.service", (char *)"gpu-job.service", NULL};
    const CcbBootEvidence evidence = {
        .console = console, .journal = journal, .gpu_consumers = consumers};
    g_auto(CcbBootResult) result = {0}, down = {0};
    ccb_boot_check(&evidence, &result);
    is_int(result.unjudged->len, 1, "unjudged: only what the image demands");
    is_str(((CcbBootOrder *)result.unjudged->pdata[0])->after, "gpu-job.service",
           "unjudged: the unit that was not seen");
    json_auto_t *json = ccb_boot_to_json(&result);
    is_int(json_array_size(json_object_get(json, "unjudged")), 1, "unjudged: in JSON");
    g_clear_pointer(&journal->up, g_free);
    ccb_boot_check(&evidence, &down);
    is_int(down.unjudged->len, 0, "unjudged: nothing of a system that did not come up");
}

/* --- firmware */

static void put_descriptor(const char *dir, const char *name, const char *code,
                           const char *features)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *text = g_strdup_printf(
        "{\"interface-types\":[\"uefi\"],\"mapping\":{\"device\":\"flash\",\"executable\":"
        "{\"filename\":\"%s\",\"format\":\"raw\"},\"nvram-template\":{\"filename\":\"/dev/null\","
        "\"format\":\"qcow2\"}},\"targets\":[{\"architecture\":\"x86_64\",\"machines\":"
        "[\"pc-q35-*\"]}],\"features\":[%s]}",
        code, features);
    g_file_set_contents(path, text, -1, NULL);
}

static void test_firmware(void)
{
    g_autofree char *etc = g_dir_make_tmp("ccbake-etc-XXXXXX", NULL);
    g_autofree char *usr = g_dir_make_tmp("ccbake-usr-XXXXXX", NULL);
    const char *const dirs[] = {etc, "/nowhere", usr, NULL};
    g_auto(CcbFirmware) none = {0}, smm = {0}, plain = {0}, masked = {0};
    put_descriptor(usr, "10-keys.json", "/dev/null", "\"enrolled-keys\"");
    put_descriptor(usr, "20-gone.json", "/nowhere/code.fd", "");
    ok(!ccb_firmware_search(dirs, &none), "firmware: keys are enrolled, or files not there");
    put_descriptor(usr, "30-smm.json", "/dev/zero", "\"requires-smm\"");
    ok(ccb_firmware_search(dirs, &smm) && smm.smm, "firmware: with SMM where nothing else is");
    put_descriptor(usr, "40-plain.json", "/dev/null", "\"acpi-s3\"");
    ok(ccb_firmware_search(dirs, &plain) && !plain.smm, "firmware: without SMM first");
    is_str(plain.code, "/dev/null", "firmware: its code");
    is_str(plain.vars_format, "qcow2", "firmware: the format of its variables");
    g_autofree char *mask = g_build_filename(etc, "40-plain.json", NULL);
    g_file_set_contents(mask, "", 0, NULL);
    ok(ccb_firmware_search(dirs, &masked) && masked.smm, "firmware: an empty file of /etc masks");
    ccb_remove_tree(etc, NULL);
    ccb_remove_tree(usr, NULL);
}

/* --- the log */

static void take_into_log(const char *line, void *data)
{
    ccb_boot_log_line(data, line);
}

static void test_log(void)
{
    g_autofree char *path = NULL, *text = NULL;
    int fd = g_file_open_tmp("ccbake-log-XXXXXX", &path, NULL);
    CcbLines lines;
    close(fd);
    CcbBootLog *log = ccb_boot_log_open(path, NULL);
    ccb_lines_init(&lines, take_into_log, log);
    ccb_lines_add(&lines, "one \033[1mtw", 10);
    ccb_lines_add(&lines, "o\033[0m\r\n\nlogin: ", 15);
    ccb_lines_flush(&lines);
    ccb_lines_clear(&lines);
    ok(ccb_boot_log_close(log, NULL), "the log is written");
    g_file_get_contents(path, &text, NULL, NULL);
    ok(g_regex_match_simple("^ +0\\.[0-9]{3} one two\n +0\\.[0-9]{3} \n +0\\.[0-9]{3} login: \n$",
                            text, 0, 0),
       "seconds, then the line");
    unlink(path);
}

static void fuzz_journal(const char *data, gsize size)
{
    g_autofree char *text = g_strndup(data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(CcbJournal) journal = feed_journal((const char *const *)lines);
    g_autoptr(CcbConsole) console = ccb_console_new(NULL);
    g_auto(CcbBootResult) result = {0};
    const CcbBootEvidence evidence = {.console = console, .journal = journal, .gpus = 8};
    ccb_boot_check(&evidence, &result);
    json_auto_t *json = ccb_boot_to_json(&result);
    if (json == NULL)
        ok(false, "a result is always JSON");
}

static void fuzz_one(const char *data, gsize size)
{
    g_autofree char *text = g_strndup(data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(CcbConsole) console = feed((const char *const *)lines);
    g_auto(CcbBootResult) result = {0};
    check(console, NULL, 8, &result);
    ccb_boot_is_good(&result);
}

int main(void)
{
    test_plain();
    test_252();
    test_239();
    test_waiting();
    test_login();
    test_dead();
    test_loader();
    test_quotes();
    test_many_units();
    test_notes();
    test_initrd_is_not_up();
    test_cmdline();
    test_journal();
    test_order();
    test_not_expected();
    test_not_loaded();
    test_not_expected_console();
    test_journal_strict();
    test_journal_and_console();
    test_quoted_lines();
    test_unit_files();
    test_unjudged();
    test_firmware();
    test_log();
    g_autofree char *old = g_strjoinv("\n", (char **)systemd239);
    g_autofree char *new = g_strjoinv("\n", (char **)systemd252);
    fuzz(old, strlen(old), 1500, fuzz_one);
    g_autofree char *journal = g_strjoinv("\n", (char **)journal8);
    fuzz(new, strlen(new), 1500, fuzz_one);
    fuzz(journal, strlen(journal), 1500, fuzz_journal);
    return done();
}
