/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/backend.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/process.h"
#include "host/kvm.h"

static const char *const names[] = {
    [CCB_BACKEND_AUTO] = "auto",
    [CCB_BACKEND_APPLIANCE] = "appliance",
    [CCB_BACKEND_HOST] = "host",
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

static bool can_open(const char *path)
{
    ccb_autofd int fd = open(path, O_RDWR | O_CLOEXEC);
    return fd >= 0;
}

static bool has_program(const char *program)
{
    g_autofree char *path = ccb_process_find(program, NULL);
    return path != NULL;
}

/* NULL where the host backend can work; else what is missing. */
static const char *host_backend_lacks(void)
{
    if (geteuid() != 0)
        return "it needs root";
    if (!can_open("/dev/fuse"))
        return "/dev/fuse can't be opened";
    if (!can_open("/dev/loop-control"))
        return "/dev/loop-control can't be opened";
    if (!has_program("qemu-storage-daemon"))
        return "qemu-storage-daemon is not installed";
    return has_program("bwrap") ? NULL : "bwrap (bubblewrap) is not installed";
}

static CcbBackend choose_host(char **ret_reason, GError **error)
{
    const char *lack = host_backend_lacks();
    if (lack == NULL) {
        *ret_reason = g_strdup("asked for");
        return CCB_BACKEND_HOST;
    }
    ccb_fail(error, CCB_ERR_HOST, "the host backend can't be used: %s", lack);
    ccb_hint(error, "run as root on a host with fuse and loop, or use --backend=appliance; "
                    "`ccbake doctor` says more");
    return CCB_BACKEND_AUTO;
}

static CcbBackend choose_auto(char **ret_reason)
{
    g_autofree char *seen = NULL;
    if (ccb_kvm_probe(&seen) == CCB_KVM_WORKS) {
        *ret_reason = g_strdup("KVM works");
        return CCB_BACKEND_APPLIANCE;
    }
    const char *lack = host_backend_lacks();
    if (lack == NULL) {
        *ret_reason = g_strdup_printf("no working KVM (%s)", seen);
        return CCB_BACKEND_HOST;
    }
    *ret_reason = g_strdup_printf("under emulation, about 25 times slower: no working KVM (%s), "
                                  "and no host backend (%s)",
                                  seen, lack);
    return CCB_BACKEND_APPLIANCE;
}

CcbBackend ccb_backend_choose(CcbBackend wanted, char **ret_reason, GError **error)
{
    g_autofree char *reason = NULL;
    CcbBackend backend = wanted;
    if (wanted == CCB_BACKEND_HOST)
        backend = choose_host(&reason, error);
    else if (wanted == CCB_BACKEND_AUTO)
        backend = choose_auto(&reason);
    else
        reason = g_strdup("asked for");
    if (ret_reason && backend != CCB_BACKEND_AUTO)
        *ret_reason = g_steal_pointer(&reason);
    return backend;
}
