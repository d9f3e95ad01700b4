/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process can't do that is locked in, and what it still can. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/lockin.h"

#include "tap.h"

static const CcbLockinLimits limits = {.memory = 1 << 30, .cpu_s = 1};
static uid_t outside; /* of a namespace */
static int held;      /* a file that was open before */

static bool refused(long result)
{
    return result < 0 && (errno == EPERM || errno == EACCES);
}

static bool tries_open(void)
{
    return refused(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static bool tries_create(void)
{
    return refused(open("/tmp/ccbake-lockin", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static bool tries_exec(void)
{
    char *const argv[] = {"true", NULL}, *const env[] = {NULL};
    return refused(execve("/bin/true", argv, env));
}

static bool tries_socket(void)
{
    return refused(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) &&
           refused(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static bool tries_others(void)
{
    return refused(ptrace(PTRACE_ATTACH, getppid(), 0, 0)) && refused(kill(getppid(), 0)) &&
           refused(syscall(SYS_unshare, 0x10000000)) && refused(syscall(SYS_bpf, 0, NULL, 0));
}

static bool tries_fork(void)
{
    return refused(fork());
}

static bool tries_unlink(void)
{
    return refused(unlink("/tmp/ccbake-lockin-there")) && refused(mkdir("/tmp/ccbake-d", 0700));
}

static bool tries_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED && errno == EPERM;
}

static bool tries_root(void)
{
    return geteuid() != 0 || getuid() != 0 ? refused(syscall(SYS_setuid, 0)) : false;
}

static bool works(void)
{
    char byte;
    int fd = memfd_create("x", MFD_CLOEXEC);
    void *memory = malloc(10 << 20);
    bool fine =
        memory != NULL && fd >= 0 && write(fd, "x", 1) == 1 && pread(held, &byte, 1, 0) == 1;
    free(memory);
    return fine;
}

static bool spins(void)
{
    for (volatile unsigned long i = 0;; i = i + 1)
        ;
    return true;
}

/* As root of a namespace that has no other user, as in a container without root. */
static bool enter_namespace(void)
{
    int fd = syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */) == 0
                 ? open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC)
                 : -1;
    g_autofree char *map = g_strdup_printf("0 %u 1", (unsigned)outside);
    bool fine = fd >= 0 && write(fd, map, strlen(map)) == (ssize_t)strlen(map) && geteuid() == 0;
    close(fd);
    return fine;
}

/* How a child ended that was locked in and called `f`: 0 where it returned true; or what waitpid() says. */
static int in_child(bool (*f)(void), bool in_namespace)
{
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        const char *lacks;
        GError *error = NULL;
        if (in_namespace && !enter_namespace())
            _exit(3);
        if (!ccb_lock_in(&limits, &lacks, &error)) {
            printf("# %s\n", error->message);
            fflush(stdout);
            _exit(2);
        }
        _exit(f() ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    return status;
}

int main(void)
{
    static const struct {
        const char *what;
        bool (*f)(void);
    } cases[] = {
        {"opens no file", tries_open},
        {"creates none", tries_create},
        {"removes none", tries_unlink},
        {"runs no program", tries_exec},
        {"has no socket", tries_socket},
        {"forks no process", tries_fork},
        {"traces and signals nobody", tries_others},
        {"maps no code", tries_code},
        {"becomes root no more", tries_root},
        {"reads what it holds, has memory", works},
    };
    held = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    outside = geteuid();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        is_int(in_child(cases[i].f, false), 0, cases[i].what);
    is_int(in_child(tries_open, true), 0, "root of a container opens no file");
    is_int(in_child(works, true), 0, "... and reads what it holds");
    int status = in_child(spins, false);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU, "has no more time than it was given");
    return done();
}
