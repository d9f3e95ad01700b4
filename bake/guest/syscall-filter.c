/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/syscall-filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

/* These fail with EPERM. */
static const int forbidden[] = {
    /* keys of the host's root */
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    /* the kernel itself */
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(syslog),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    /* the host's clocks, swap, accounting */
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    /* files by number, past any path */
    SCMP_SYS(open_by_handle_at),
    /* mounts and namespaces */
    SCMP_SYS(mount),
    SCMP_SYS(umount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
};

/* These are not there, as far as the command sees: C libraries and programs do without. */
static const int absent[] = {
    SCMP_SYS(clone3), /* its flags are in memory, where a filter can't look; clone follows */
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
};

static int add_rules(scmp_filter_ctx filter)
{
    static const int namespaces[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
                                     CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
    int failed = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(forbidden) && failed == 0; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0);
    for (size_t i = 0; i < G_N_ELEMENTS(absent) && failed == 0; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), absent[i], 0);
    for (size_t i = 0; i < G_N_ELEMENTS(namespaces) && failed == 0; i++) {
        scmp_datum_t flag = (scmp_datum_t)namespaces[i];
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
    }
    return failed;
}

int ccb_syscall_filter(GError **error)
{
    ccb_autofd int fd = memfd_create("syscall-filter", MFD_CLOEXEC);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int failed = fd < 0 ? -errno : filter == NULL ? -ENOMEM : 0;
    if (failed == 0)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    if (failed == 0) /* some installers have programs of 32 bits */
        failed = seccomp_arch_add(filter, SCMP_ARCH_X86);
    if (failed == 0 || failed == -EEXIST)
        failed = add_rules(filter);
    if (failed == 0)
        failed = seccomp_export_bpf(filter, fd);
    if (failed == 0 && lseek(fd, 0, SEEK_SET) != 0)
        failed = -errno;
    seccomp_release(filter);
    if (failed == 0)
        return ccb_steal_fd(&fd);
    errno = -failed;
    ccb_fail_errno(error, CCB_ERR_HOST, "making the filter of system calls");
    return -1;
}
