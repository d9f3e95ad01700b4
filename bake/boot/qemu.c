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

static void add(GPtrArray *argv, ...) G_GNUC_NULL_TERMINATED;
static void add(GPtrArray *argv, ...)
{
    va_list words;
    va_start(words, argv);
    for (const char *word; (word = va_arg(words, const char *)) != NULL;)
        g_ptr_array_add(argv, g_strdup(word));
    va_end(words);
}

/* `option` and a path; commas in the path are doubled, as QEMU wants them. */
static void add_file(GPtrArray *argv, const char *flag, const char *option, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);
    add(argv, flag, NULL);
    g_ptr_array_add(argv, g_strconcat(option, escaped, NULL));
}

static char *file_in(const CcbBootOptions *options, const char *name)
{
    return g_build_filename(options->dir, name, NULL);
}

static void add_machine(GPtrArray *argv, const CcbBootOptions *options, bool emulated)
{
    const CcbFirmware *firmware = options->firmware;
    g_autofree char *machine = g_strconcat("q35,accel=", emulated ? "tcg" : "kvm",
                                           firmware ? ",pflash0=code,pflash1=vars" : "",
                                           firmware && firmware->smm ? ",smm=on" : "", NULL);
    g_autofree char *memory =
        g_strdup_printf("%u", options->memory_mb ? options->memory_mb : MEMORY_MB);
    add(argv, "-machine", machine, "-cpu", emulated ? "max" : "host", "-smp", "2", "-m", memory,
        NULL);
    if (firmware && firmware->smm)
        add(argv, "-global", "driver=cfi.pflash01,property=secure,value=on", NULL);
}

/* A port that nobody reads would stop the guest as soon as the FIFO is full. */
static bool has_journal(const CcbBootOptions *options)
{
    return options->source->flags & CCB_SOURCE_JOURNAL;
}

static void add_ports(GPtrArray *argv, const CcbBootOptions *options)
{
    g_autofree char *console = file_in(options, "console");
    g_autofree char *journal = file_in(options, "journal");
    add_file(argv, "-chardev", "pipe,id=console,path=", console);
    add(argv, "-serial", "chardev:console", NULL);
    if (!has_journal(options))
        return;
    add_file(argv, "-chardev", "file,id=journal,path=", journal);
    add(argv, "-serial", "chardev:journal", NULL);
}

static void add_disk(GPtrArray *argv, const CcbBootOptions *options)
{
    add_file(argv, "-blockdev",
             "driver=qcow2,node-name=disk,cache.no-flush=on,file.driver=file,file.filename=",
             options->source->overlay);
    /* Firmware starts from it, and looks at nothing else. */
    g_autofree char *device =
        g_strconcat(options->nvme ? "nvme,drive=disk,serial=ccbake" : "virtio-blk-pci,drive=disk",
                    options->firmware ? ",bootindex=0" : "", NULL);
    add(argv, "-device", device, NULL);
}

static void add_kernel(GPtrArray *argv, const CcbBootSource *source, const char *cmdline)
{
    add(argv, "-kernel", source->kernel, "-append", cmdline, NULL);
    if (source->initrd)
        add(argv, "-initrd", source->initrd, NULL);
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
}

static GPtrArray *build_argv(const CcbBootOptions *options, const char *cmdline, bool emulated)
{
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    add(argv, QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-object",
        "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=random", NULL);
    add_machine(argv, options, emulated);
    add_ports(argv, options);
    add_disk(argv, options);
    if (options->firmware)
        add_firmware(argv, options);
    else
        add_kernel(argv, options->source, cmdline);
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

static bool make_ports(CcbMachine *machine, const CcbBootOptions *options, GError **error)
{
    machine->console = make_fifo(options, "console.out", O_RDONLY, error);
    if (machine->console >= 0)
        machine->input = make_fifo(options, "console.in", O_RDWR, error);
    if (machine->input < 0 || !has_journal(options))
        return machine->input >= 0;
    machine->journal = make_fifo(options, "journal", O_RDONLY, error);
    return machine->journal >= 0;
}

/* Firmware keeps its variables: in a copy, which goes with the directory. */
static bool copy_vars(const CcbBootOptions *options, GError **error)
{
    size_t size;
    g_autofree char *path = file_in(options, "vars.fd");
    g_autofree char *vars = ccb_read_file(options->firmware->vars, 0, &size, error);
    return vars && ccb_write_file_atomic(path, vars, size, error);
}

bool ccb_machine_start(CcbMachine *machine, const CcbBootOptions *options, const char *cmdline,
                       bool emulated, GError **error)
{
    int ends[2];
    g_autofree char *program = ccb_process_find(QEMU, error);
    if (program == NULL || !make_ports(machine, options, error) ||
        (options->firmware && !copy_vars(options, error)))
        return false;
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
