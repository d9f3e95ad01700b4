/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 1. No device, or one that can't be opened: the answer is known without a guest.
 *
 * 2. An answer for this very host (its boot, device, user and QEMU: see make_key) is taken from the cache.
 *
 * 3. Else QEMU boots 512 bytes of our own under KVM, which go to 64-bit mode, execute cmpxchg16b, count to 16 Mi and say
 *    so on the serial port.  All three are there because some nested guests have a /dev/kvm that interprets the guest's
 *    code: it runs a real-mode sector well, stops with "KVM internal error" at the first instruction that its
 *    interpreter lacks (every Linux kernel has a cmpxchg16b), and is slower than QEMU's own emulation (measured: 2
 *    million instructions a second against 200).  That error, silence or slowness until the limit, or an early end:
 *    broken.
 */
#include "host/kvm.h"

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"

enum {
    LIMIT_S = 8,
    TICK_MS = 200,
    GRACE_MS = 500,
    SECTOR = 512,
    DISK_SIZE = 64 << 10, /* SeaBIOS wants some geometry */
};

#define QEMU    "qemu-system-x86_64"
#define STARTED "ccbake: started\r\n"
#define WORKING "ccbake: working\r\n"
#define BROKEN  "KVM internal error"

/* Where the code below expects the texts. */
enum { STARTED_OFFSET = 0xce, WORKING_OFFSET = 0xe0, CODE_SIZE = STARTED_OFFSET };

/*
 * A boot sector: the BIOS loads it to 0000:7c00 and jumps there.  On the right is its assembly in Intel syntax; numbers
 * in parentheses are the offsets of labels, STARTED and WORKING the addresses of the texts.  To compare: of a file with
 * these bytes `objdump -D -b binary -M intel -m i8086` shows what is before 0x60, and with `-m i386:x86-64` the rest.
 */
/* clang-format off */
static const unsigned char boot_code[CODE_SIZE] = {
    0xfa, 0xfc,                               /*       cli; cld                                   */
    0x31, 0xc0,                               /*       xor   ax, ax                               */
    0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0,       /*       mov   ds, ax; mov es, ax; mov ss, ax       */
    0xbc, 0x00, 0x7c,                         /*       mov   sp, 0x7c00                           */
    0xbf, 0x00, 0x10,                         /*       mov   di, 0x1000                           */
    0xb9, 0x00, 0x18,                         /*       mov   cx, 0x1800                           */
    0xf3, 0xab,                               /*       rep stosw             ; three empty tables */
    0xc7, 0x06, 0x00, 0x10, 0x03, 0x20,       /*       mov   word [0x1000], 0x2003  ; PML4 > PDPT */
    0xc7, 0x06, 0x00, 0x20, 0x03, 0x30,       /*       mov   word [0x2000], 0x3003  ; PDPT > PD   */
    0xc7, 0x06, 0x00, 0x30, 0x83, 0x00,       /*       mov   word [0x3000], 0x0083  ; first 2 MiB */
    0x66, 0x0f, 0x01, 0x16, 0xc8, 0x7c,       /*       lgdt  [gdtr]                               */
    0x66, 0xb8, 0x20, 0x00, 0x00, 0x00,       /*       mov   eax, 0x20                            */
    0x0f, 0x22, 0xe0,                         /*       mov   cr4, eax               ; PAE         */
    0x66, 0xb8, 0x00, 0x10, 0x00, 0x00,       /*       mov   eax, 0x1000                          */
    0x0f, 0x22, 0xd8,                         /*       mov   cr3, eax                             */
    0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0,       /*       mov   ecx, 0xc0000080        ; EFER        */
    0x0f, 0x32,                               /*       rdmsr                                      */
    0x0d, 0x00, 0x01,                         /*       or    ax, 0x100              ; LME         */
    0x0f, 0x30,                               /*       wrmsr                                      */
    0x0f, 0x20, 0xc0,                         /*       mov   eax, cr0                             */
    0x66, 0x0d, 0x01, 0x00, 0x00, 0x80,       /*       or    eax, 0x80000001        ; PG, PE      */
    0x0f, 0x22, 0xc0,                         /*       mov   cr0, eax                             */
    0x66, 0xea, 0x60, 0x7c, 0x00, 0x00, 0x08, 0x00, /* jmp   8:long                               */
    0xb8, 0x10, 0x00, 0x00, 0x00,             /* long: mov   eax, 16                (0x60, 64-bit) */
    0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0,       /*       mov   ds, eax; mov es, eax; mov ss, eax    */
    0xbe, 0xce, 0x7c, 0x00, 0x00,             /*       mov   esi, STARTED                         */
    0xe8, 0x27, 0x00, 0x00, 0x00,             /*       call  print                                */
    0xf0, 0x48, 0x0f, 0xc7, 0x0c, 0x25,       /*       lock cmpxchg16b [0x4000]                   */
    0x00, 0x40, 0x00, 0x00,
    0xb9, 0x00, 0x00, 0x00, 0x01,             /*       mov   ecx, 0x1000000                       */
    0x90, 0x90,                               /* spin: nop; nop                            (0x84) */
    0xff, 0xc9,                               /*       dec   ecx                                  */
    0x75, 0xfa,                               /*       jnz   spin                                 */
    0xbe, 0xe0, 0x7c, 0x00, 0x00,             /*       mov   esi, WORKING                         */
    0xe8, 0x08, 0x00, 0x00, 0x00,             /*       call  print                                */
    0x66, 0xba, 0xf4, 0x00,                   /*       mov   dx, 0xf4         ; isa-debug-exit    */
    0xee,                                     /*       out   dx, al           ; QEMU ends         */
    0xf4, 0xeb, 0xfd,                         /* halt: hlt; jmp halt                       (0x99) */
    0x66, 0xba, 0xf8, 0x03,                   /* print: mov  dx, 0x3f8   ; serial port     (0x9c) */
    0xac,                                     /* next: lodsb                               (0xa0) */
    0x84, 0xc0,                               /*       test  al, al                               */
    0x74, 0x03,                               /*       jz    done                                 */
    0xee,                                     /*       out   dx, al                               */
    0xeb, 0xf8,                               /*       jmp   next                                 */
    0xc3,                                     /* done: ret                                 (0xa8) */
    0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00, /*       nop                                        */
    0, 0, 0, 0, 0, 0, 0, 0,                   /* gdt:  null                                (0xb0) */
    0, 0, 0, 0, 0, 0x9a, 0x20, 0,             /*       code, 64-bit                               */
    0, 0, 0, 0, 0, 0x92, 0, 0,                /*       data                                       */
    0x17, 0x00, 0xb0, 0x7c, 0x00, 0x00,       /* gdtr: limit, base                         (0xc8) */
};
/* clang-format on */

/* An answer, and whether it may be remembered: not when the probe itself could not be made. */
typedef struct {
    CcbKvm kvm;
    char *reason;
    bool final;
} Answer;

static Answer answer(CcbKvm kvm, bool final, char *reason)
{
    return (Answer){.kvm = kvm, .reason = reason, .final = final};
}

/* CCBAKE_DEV_KVM names another device node: a way to say "as if there were no KVM" on a host whose
 * KVM is flaky, and what the tests need to see that case. */
static const char *device(void)
{
    const char *path = g_getenv("CCBAKE_DEV_KVM");
    return path && *path ? path : "/dev/kvm";
}

const char *ccb_kvm_name(CcbKvm kvm)
{
    static const char *const names[] = {
        [CCB_KVM_ABSENT] = "absent",
        [CCB_KVM_FORBIDDEN] = "present but forbidden",
        [CCB_KVM_BROKEN] = "present but broken",
        [CCB_KVM_WORKS] = "works",
    };
    return names[kvm];
}

static bool write_disk(int fd, const char *path, GError **error)
{
    unsigned char sector[SECTOR] = {0};
    memcpy(sector, boot_code, sizeof boot_code);
    memcpy(sector + STARTED_OFFSET, STARTED, sizeof STARTED);
    memcpy(sector + WORKING_OFFSET, WORKING, sizeof WORKING);
    sector[SECTOR - 2] = 0x55; /* the BIOS boots what ends in 55 aa */
    sector[SECTOR - 1] = 0xaa;
    if (!ccb_write_all(fd, sector, sizeof sector, path, error))
        return false;
    if (ftruncate(fd, DISK_SIZE) != 0)
        return ccb_fail_errno(error, CCB_ERR_IO, "writing %s", path);
    return true;
}

/* Reads the console until it tells something, ends, or the time is over. */
static Answer watch(int fd)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    gint64 deadline = g_get_monotonic_time() + LIMIT_S * G_USEC_PER_SEC;
    char buffer[4096];
    while (g_get_monotonic_time() < deadline) {
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
                               {.fd = ccb_cancel_fd(), .events = POLLIN}};
        poll(fds, G_N_ELEMENTS(fds), TICK_MS);
        if (ccb_cancelled())
            return answer(CCB_KVM_BROKEN, false, g_strdup("the probe was interrupted"));
        ssize_t n = fds[0].revents ? read(fd, buffer, sizeof buffer) : -1;
        if (n > 0)
            g_string_append_len(seen, buffer, n);
        if (strstr(seen->str, WORKING))
            return answer(CCB_KVM_WORKS, true, g_strdup("a guest ran under KVM"));
        if (strstr(seen->str, BROKEN))
            return answer(CCB_KVM_BROKEN, true, g_strdup("QEMU reports \"" BROKEN "\""));
        if (n == 0) { /* what comes behind the first line follows from it */
            g_autofree char *said = g_strstrip(g_utf8_make_valid(seen->str, -1));
            said[strcspn(said, "\r\n")] = '\0';
            return answer(CCB_KVM_BROKEN, true,
                          g_strdup_printf("QEMU gave up: %.200s", *said ? said : "(no message)"));
        }
    }
    if (strstr(seen->str, STARTED))
        return answer(CCB_KVM_BROKEN, true,
                      g_strdup("guest code runs, but slower than under emulation: a nested KVM "
                               "that interprets it"));
    return answer(CCB_KVM_BROKEN, true,
                  g_strdup_printf("a guest showed no sign of life in %d s", LIMIT_S));
}

/* Starts QEMU on the disk; the reading end of its console, or -1. */
static int start_qemu(const char *disk, pid_t *ret_pid, GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    ccb_argv_add(argv, QEMU, "-machine", "pc,accel=kvm", "-cpu", "host", "-m", "64", "-display",
                 "none", "-nodefaults", "-no-user-config", "-no-reboot", "-serial", "stdio",
                 "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-drive", NULL);
    g_ptr_array_add(argv,
                    g_strconcat("if=ide,format=raw,file.driver=file,file.filename=", disk, NULL));
    g_ptr_array_add(argv, NULL);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        ccb_fail_errno(error, CCB_ERR_HOST, "creating a pipe");
        return -1;
    }
    ccb_autofd int reading = ends[0];
    ccb_autofd int writing = ends[1]; /* closed here, so that QEMU's end is the end of the file */
    pid_t pid = ccb_process_spawn((const char *const *)argv->pdata, writing, error);
    if (pid < 0)
        return -1;
    *ret_pid = pid;
    return ccb_steal_fd(&reading);
}

static Answer run_guest(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *disk = NULL;
    pid_t pid = 0;
    ccb_autofd int fd = g_file_open_tmp("ccbake-kvm-XXXXXX", &disk, &error);
    Answer found = {.kvm = CCB_KVM_BROKEN};
    ccb_autofd int console = -1;
    if (fd >= 0 && write_disk(fd, disk, &error))
        console = start_qemu(disk, &pid, &error);
    if (console >= 0)
        found = watch(console);
    else
        found.reason = g_strconcat("the probe could not be made: ", error->message, NULL);
    ccb_process_end(&pid, GRACE_MS);
    if (disk)
        unlink(disk);
    return found;
}

/* What the answer is valid for: this boot, this device node, this user (groups included, by what he
 * may open), this QEMU. */
static char *make_key(const char *qemu)
{
    g_autofree char *boot = ccb_read_file("/proc/sys/kernel/random/boot_id", 0, NULL, NULL);
    struct stat node = {0}, program = {0};
    stat(device(), &node);
    stat(qemu, &program);
    return g_strdup_printf("%s %s %ju:%ju:%ju %ju %s %ju:%ju:%ju", boot ? g_strstrip(boot) : "?",
                           device(), (uintmax_t)node.st_dev, (uintmax_t)node.st_ino,
                           (uintmax_t)node.st_rdev, (uintmax_t)geteuid(), qemu,
                           (uintmax_t)program.st_ino, (uintmax_t)program.st_size,
                           (uintmax_t)program.st_mtime);
}

static char *cache_path(void)
{
    return g_build_filename(ccb_cache_dir(), "kvm", NULL);
}

/* Three lines: key, "works" or "present but broken", reason.  Anything else is as good as no file. */
static bool recall(const char *key, Answer *ret_answer)
{
    enum { FAILURE_S = 3600 }; /* it may have been a moment's: too little memory, a busy host */
    struct stat st;
    g_autofree char *path = cache_path();
    g_autofree char *text = ccb_read_file(path, 0, NULL, NULL);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", 0);
    if (g_strv_length(lines) < 3 || strcmp(lines[0], key) != 0)
        return false;
    for (CcbKvm kvm = CCB_KVM_BROKEN; kvm <= CCB_KVM_WORKS; kvm++)
        if (strcmp(lines[1], ccb_kvm_name(kvm)) == 0) {
            if (kvm != CCB_KVM_WORKS &&
                (stat(path, &st) != 0 || time(NULL) - st.st_mtime > FAILURE_S))
                return false;
            *ret_answer = answer(kvm, true, g_strdup(lines[2]));
            return true;
        }
    return false;
}

/* A cache that can't be written costs a second probe later and nothing else. */
static void remember(const char *key, const Answer *found)
{
    g_autofree char *path = cache_path();
    g_autofree char *text =
        g_strdup_printf("%s\n%s\n%s\n", key, ccb_kvm_name(found->kvm), found->reason);
    if (ccb_mkdirs(ccb_cache_dir(), NULL))
        ccb_write_file_atomic(path, text, strlen(text), NULL);
}

void ccb_kvm_forget(void)
{
    g_autofree char *path = cache_path();
    unlink(path);
}

static Answer find_out(void)
{
    ccb_autofd int fd = open(device(), O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        bool absent = errno == ENOENT || errno == ENODEV || errno == ENXIO || errno == ENOTDIR;
        return answer(absent ? CCB_KVM_ABSENT : CCB_KVM_FORBIDDEN, false,
                      g_strdup_printf("%s: %s", device(), g_strerror(errno)));
    }
    g_autofree char *qemu = g_find_program_in_path(QEMU);
    if (qemu == NULL)
        return answer(CCB_KVM_BROKEN, false,
                      g_strdup(QEMU " is not installed, so no guest could be tried"));
    Answer found;
    g_autofree char *key = make_key(qemu);
    if (recall(key, &found))
        return found;
    found = run_guest();
    if (found.final)
        remember(key, &found);
    return found;
}

CcbKvm ccb_kvm_probe(char **ret_reason)
{
    Answer found = find_out();
    if (ret_reason)
        *ret_reason = found.reason;
    else
        g_free(found.reason);
    return found.kvm;
}
