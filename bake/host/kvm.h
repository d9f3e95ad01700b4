/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does KVM work on this host?  A /dev/kvm that can be opened proves nothing: in nested guests QEMU
 * prints "KVM internal error" and hangs for ever.  So a minimal guest is started under KVM in a
 * child, its console is watched, and the answer is remembered for this boot of this host; a failure
 * for an hour, because it may pass.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    CCB_KVM_ABSENT,    /* no /dev/kvm */
    CCB_KVM_FORBIDDEN, /* there, but this user may not open it */
    CCB_KVM_BROKEN,    /* opens, but a guest does not run */
    CCB_KVM_WORKS,
} CcbKvm;

/* Probes at most that often (kept under ccb_cache_dir()); takes some seconds the first time and
 * never longer than about 20.  ret_reason (caller frees; may be NULL) says what was seen.  Never
 * fails: a probe that cannot be made gives BROKEN with the reason. */
CcbKvm ccb_kvm_probe(char **ret_reason);

const char *ccb_kvm_name(CcbKvm kvm); /* "works", "present but broken", ... */

/* Forgets the remembered answer, so that the next probe starts a guest again (`ccbake doctor
 * --again`). */
void ccb_kvm_forget(void);
