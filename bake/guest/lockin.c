/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/lockin.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

enum { NOBODY = 65534 };

/* In a user namespace root may be the only user that there is, and is nobody outside of it. */
static bool drop_root(GError **error)
{
    if (geteuid() != 0)
        return true;
    if (setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
        setresuid(NOBODY, NOBODY, NOBODY) == 0)
        return true;
    return errno == EPERM || errno == EINVAL ||
           ccb_fail_errno(error, CCB_ERR_HOST, "giving up root");
}

/* All rights of the first version: no later one adds a way to read or write a file.  No rule: none is left. */
static bool forbid_files(const char **ret_lacks, GError **error)
{
    const struct landlock_ruleset_attr attr = {.handled_access_fs =
                                                   (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    ccb_autofd int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (fd < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
        *ret_lacks = "Landlock";
        return true;
    }
    return (fd >= 0 && syscall(SYS_landlock_restrict_self, fd, 0) == 0) ||
           ccb_fail_errno(error, CCB_ERR_HOST, "forbidding access to files");
}

/* A limit that is lower already stays.  The signal of the soft one comes first. */
static bool lower(int resource, rlim_t most)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        return false;
    limit.rlim_cur = MIN(limit.rlim_cur, most);
    limit.rlim_max = MIN(limit.rlim_max, most + (resource == RLIMIT_CPU));
    return setrlimit(resource, &limit) == 0;
}

static bool set_limits(const CcbLockinLimits *limits, GError **error)
{
    if (!lower(RLIMIT_CPU, limits->cpu_s) || !lower(RLIMIT_CORE, 0))
        return ccb_fail_errno(error, CCB_ERR_HOST, "limiting processor time");
#if !defined(__SANITIZE_ADDRESS__) /* which reserves terabytes */
    if (!lower(RLIMIT_AS, limits->memory))
        return ccb_fail_errno(error, CCB_ERR_HOST, "limiting memory");
#endif
    return true;
}

static bool forbid_calls(GError **error)
{
    static const int calls[] = {
        SCMP_SYS(read),         SCMP_SYS(write),          SCMP_SYS(pread64),
        SCMP_SYS(pwrite64),     SCMP_SYS(readv),          SCMP_SYS(writev),
        SCMP_SYS(lseek),        SCMP_SYS(ftruncate),      SCMP_SYS(fadvise64),
        SCMP_SYS(fstat),        SCMP_SYS(close),          SCMP_SYS(memfd_create),
        SCMP_SYS(brk),          SCMP_SYS(munmap),         SCMP_SYS(mremap),
        SCMP_SYS(madvise),      SCMP_SYS(futex),          SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),      SCMP_SYS(getpid),
        SCMP_SYS(gettid),       SCMP_SYS(sched_yield),    SCMP_SYS(restart_syscall),
        SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack),  SCMP_SYS(recvmsg),        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int failed = filter == NULL ? -ENOMEM : 0;
    for (size_t i = 0; i < G_N_ELEMENTS(calls) && failed == 0; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    /* Memory, but none that code is run from. */
    if (failed == 0)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (failed == 0)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* fstat() of newer C libraries. */
    if (failed == 0)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                                  SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
    if (failed == 0)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    errno = -failed;
    return failed == 0 || ccb_fail_errno(error, CCB_ERR_HOST, "forbidding system calls");
}

bool ccb_lock_in(const CcbLockinLimits *limits, const char **ret_lacks, GError **error)
{
    *ret_lacks = NULL;
    if (!drop_root(error))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return ccb_fail_errno(error, CCB_ERR_HOST, "giving up privileges");
    return forbid_files(ret_lacks, error) && set_limits(limits, error) && forbid_calls(error);
}
