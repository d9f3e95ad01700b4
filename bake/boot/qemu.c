/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/qemu.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"

#define QEMU "qemu-system-x86_64"

enum { MEMORY_MB = 2048, GRACE_MS = 3000 };

/* --- command line */

/* `option` and a path; commas in the path are doubled, as QEMU wants them. */
static void add_file(GPtrArray *argv, const char *flag, const char *option, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);
    ccb_argv_add(argv, flag, NULL);
    g_ptr_array_add(argv, g_strconcat(option, escaped, NULL));
}

static char *file_in(const CcbBootOptions *options, const char *name)
{
    return g_build_filename(options->dir, name, NULL);
}

/* A port that nobody reads would stop the guest as soon as the FIFO is full. */
static bool has_journal(const CcbBootOptions *options)
{
    return options->source->flags & CCB_SOURCE_JOURNAL;
}

static void add_ports_and_disk(GPtrArray *argv, const CcbBootOptions *options)
{
    g_autofree char *console = file_in(options, "console");
    add_file(argv, "-chardev", "pipe,id=console,path=", console);
    ccb_argv_add(argv, "-serial", "chardev:console", NULL);
    if (has_journal(options)) {
        g_autofree char *journal = file_in(options, "journal");
        add_file(argv, "-chardev", "file,id=journal,path=", journal);
        ccb_argv_add(argv, "-serial", "chardev:journal", NULL);
    }
    add_file(argv, "-blockdev",
             "driver=qcow2,node-name=disk,cache.no-flush=on,file.driver=file,file.filename=",
             options->source->overlay);
    /* Firmware starts from it, and looks at nothing else. */
    g_autofree char *device =
        g_strconcat(options->nvme ? "nvme,drive=disk,serial=ccbake" : "virtio-blk-pci,drive=disk",
                    options->firmware ? ",bootindex=0" : "", NULL);
    ccb_argv_add(argv, "-device", device, NULL);
}

static void add_firmware(GPtrArray *argv, const CcbBootOptions *options)
{
    const CcbFirmware *firmware = options->firmware;
    g_autofree char *code = g_strdup_printf(
        "driver=%s,node-name=code,read-only=on,file.driver=file,file.read-only=on,file.filename=",
        firmware->code_format);
    g_autofree char *vars = g_strdup_printf(
        "driver=%s,node-name=vars,file.driver=file,file.filename=", firmware->vars_format);
    g_autofree char *copy = file_in(options, "vars.fd");
    add_file(argv, "-blockdev", code, firmware->code);
    add_file(argv, "-blockdev", vars, copy);
    if (firmware->smm)
        ccb_argv_add(argv, "-global", "driver=cfi.pflash01,property=secure,value=on", NULL);
}

static GPtrArray *build_argv(const CcbBootOptions *options, const char *cmdline, bool emulated)
{
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    const CcbFirmware *firmware = options->firmware;
    g_autofree char *machine = g_strconcat("q35,accel=", emulated ? "tcg" : "kvm",
                                           firmware ? ",pflash0=code,pflash1=vars" : "",
                                           firmware && firmware->smm ? ",smm=on" : "", NULL);
    g_autofree char *memory =
        g_strdup_printf("%u", options->memory_mb ? options->memory_mb : MEMORY_MB);
    ccb_argv_add(argv, QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
                 "-machine", machine, "-cpu", emulated ? "max" : "host", "-smp", "2", "-m", memory,
                 "-object", "rng-random,id=random,filename=/dev/urandom", "-device",
                 "virtio-rng-pci,rng=random", NULL);
    add_ports_and_disk(argv, options);
    if (firmware)
        add_firmware(argv, options);
    else
        ccb_argv_add(argv, "-kernel", options->source->kernel, "-append", cmdline, NULL);
    if (!firmware && options->source->initrd)
        ccb_argv_add(argv, "-initrd", options->source->initrd, NULL);
    g_ptr_array_add(argv, NULL);
    return argv;
}

/* --- start */

/* Opened here before QEMU opens it; for writing with O_RDWR, which does not wait for a reader. */
static int make_fifo(const CcbBootOptions *options, const char *name, int flags, GError **error)
{
    g_autofree char *path = file_in(options, name);
    int fd = mkfifo(path, 0600) == 0 ? open(path, flags | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0)
        ccb_fail_errno(error, CCB_ERR_IO, "%s", path);
    return fd;
}

bool ccb_machine_start(CcbMachine *machine, const CcbBootOptions *options, const char *cmdline,
                       bool emulated, GError **error)
{
    int ends[2];
    g_autofree char *program = ccb_process_find(QEMU, error);
    if (program == NULL)
        return false;
    machine->console = make_fifo(options, "console.out", O_RDONLY, error);
    if (machine->console < 0)
        return false;
    machine->input = make_fifo(options, "console.in", O_RDWR, error);
    if (machine->input < 0)
        return false;
    if (has_journal(options)) {
        machine->journal = make_fifo(options, "journal", O_RDONLY, error);
        if (machine->journal < 0)
            return false;
    }
    if (options->firmware) { /* keeps its variables: in a copy, which goes with the directory */
        size_t size;
        g_autofree char *path = file_in(options, "vars.fd");
        g_autofree char *vars = ccb_read_file(options->firmware->vars, 0, &size, error);
        if (vars == NULL || !ccb_write_file_atomic(path, vars, size, error))
            return false;
    }
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "creating a pipe");
    machine->errors = ends[0];
    ccb_autofd int writing = ends[1]; /* closed here, so that QEMU's end is the end of the file */
    fcntl(machine->errors, F_SETFL, O_NONBLOCK);
    g_autoptr(GPtrArray) argv = build_argv(options, cmdline, emulated);
    machine->pid = ccb_process_spawn((const char *const *)argv->pdata, writing, error);
    return machine->pid > 0;
}

void ccb_machine_end(CcbMachine *machine)
{
    ccb_process_end(&machine->pid, GRACE_MS);
    ccb_close_fd(&machine->errors);
    ccb_close_fd(&machine->console);
    ccb_close_fd(&machine->journal);
    ccb_close_fd(&machine->input);
}
