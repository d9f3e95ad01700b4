/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/backend.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "host/kvm.h"

static const char *const names[] = {
    [CCB_BACKEND_AUTO] = "auto",
    [CCB_BACKEND_APPLIANCE] = "appliance",
    [CCB_BACKEND_HOST] = "host",
    [CCB_BACKEND_READER] = "reader",
};

const char *ccb_backend_name(CcbBackend backend)
{
    return names[backend];
}

bool ccb_backend_from_name(const char *name, CcbBackend *ret_backend, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_backend = (CcbBackend)i;
            return true;
        }
    }
    return ccb_fail(error, CCB_ERR_USAGE, "there is no backend \"%s\"; auto, appliance, host",
                    name);
}

/* NULL where the host backend can work; else what is missing. */
static const char *host_backend_lacks(void)
{
    ccb_autofd int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    ccb_autofd int loop = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    g_autofree char *daemon = g_find_program_in_path("qemu-storage-daemon");
    g_autofree char *bwrap = g_find_program_in_path("bwrap");
    if (geteuid() != 0)
        return "it needs root";
    if (fuse < 0)
        return "/dev/fuse can't be opened";
    if (loop < 0)
        return "/dev/loop-control can't be opened";
    if (daemon == NULL)
        return "qemu-storage-daemon is not installed";
    return bwrap != NULL ? NULL : "bwrap (bubblewrap) is not installed";
}

CcbBackend ccb_backend_choose(CcbBackend wanted, char **ret_reason, GError **error)
{
    g_autofree char *reason = NULL, *seen = NULL;
    CcbBackend backend = wanted == CCB_BACKEND_AUTO ? CCB_BACKEND_APPLIANCE : wanted;
    bool may_be_host = wanted == CCB_BACKEND_AUTO || wanted == CCB_BACKEND_HOST;
    const char *lack = may_be_host ? host_backend_lacks() : NULL;
    if (wanted == CCB_BACKEND_HOST && lack != NULL) {
        ccb_fail(error, CCB_ERR_HOST, "the host backend can't be used: %s", lack);
        ccb_hint(error, "run as root on a host with fuse and loop, or use --backend=appliance; "
                        "`ccbake doctor` says more");
        return CCB_BACKEND_AUTO;
    }
    if (wanted != CCB_BACKEND_AUTO) {
        reason = g_strdup("asked for");
    } else if (ccb_kvm_probe(&seen) == CCB_KVM_WORKS) {
        reason = g_strdup("KVM works");
    } else if (lack == NULL) {
        backend = CCB_BACKEND_HOST;
        reason = g_strdup_printf("no working KVM (%s)", seen);
    } else {
        reason = g_strdup_printf("under emulation, about 25 times slower: no working KVM (%s), "
                                 "and no host backend (%s)",
                                 seen, lack);
    }
    if (ret_reason)
        *ret_reason = g_steal_pointer(&reason);
    return backend;
}
