#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later OR MIT
#
# STAND-IN for NVIDIA's conftest.sh: asks the kernel's headers, by compiling, what
# this kernel offers, and writes the answer as a header.
#
# usage: conftest.sh TEST OUTPUT.h KERNEL_CONFIG CC FLAGS...

set -u
test_name=$1 output=$2 config=$3
shift 3
scratch=${output%.h}

# tell YES|NO NAME: the answer, as a macro.
tell() {
    if [ "$1" = yes ]; then
        echo "#define NV_$2 1"
    else
        echo "#undef NV_$2"
    fi > "$output.tmp" && mv "$output.tmp" "$output"
}

# compiles FLAGS: does the C text on standard input compile?
compiles() {
    cat > "$scratch.c"
    "$@" -Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
        -c -o "$scratch.o" "$scratch.c" > "$scratch.log" 2>&1
    result=$?
    rm -f "$scratch.c" "$scratch.o" "$scratch.log"
    return "$result"
}

# compile NAME CC FLAGS: tell whether it does.
compile() {
    macro=$1
    shift
    if compiles "$@"; then tell yes "$macro"; else tell no "$macro"; fi
}

# Confidential mode needs all of these in the kernel's configuration (as internal_crypt_lib.h of 550.163.01 asks), and
# that the test program of NV_CRYPTO_PRESENT, below, compiles.
lkca_settings='CRYPTO_AEAD CRYPTO_AKCIPHER CRYPTO_SKCIPHER CRYPTO_HASH CRYPTO_HMAC CRYPTO_RSA
    CRYPTO_ECDH CRYPTO_ECDSA X509_CERTIFICATE_PARSER'

lkca_configured() {
    for setting in $lkca_settings; do
        grep -q "^CONFIG_${setting}=[ym]\$" "$config" || return 1
    done
}

case $test_name in
    vm_flags_set)
        compile VM_FLAGS_SET_PRESENT "$@" <<'C'
#include <linux/mm.h>
void f(struct vm_area_struct *vma) { vm_flags_set(vma, VM_IO); }
C
        ;;
    proc_ops)
        compile PROC_OPS_PRESENT "$@" <<'C'
#include <linux/proc_fs.h>
struct proc_ops p;
C
        ;;
    mmap_read_lock)
        compile MMAP_READ_LOCK_PRESENT "$@" <<'C'
#include <linux/mm.h>
void f(struct mm_struct *mm) { mmap_read_lock(mm); }
C
        ;;
    pin_user_pages_has_vmas)
        compile PIN_USER_PAGES_HAS_ARG_VMAS "$@" <<'C'
#include <linux/mm.h>
long f(struct page **p) { return pin_user_pages(0, 1, 0, p, (struct vm_area_struct **)0); }
C
        ;;
    timer_delete_sync)
        compile TIMER_DELETE_SYNC_PRESENT "$@" <<'C'
#include <linux/timer.h>
int f(struct timer_list *t) { return timer_delete_sync(t); }
C
        ;;
    timer_container_of)
        compile TIMER_CONTAINER_OF_PRESENT "$@" <<'C'
#include <linux/timer.h>
struct s { struct timer_list t; };
void f(struct timer_list *t) { struct s *s = timer_container_of(s, t, t); (void)s; }
C
        ;;
    mmu_notifier_get)
        compile MMU_NOTIFIER_PRESENT "$@" <<'C'
#include <linux/mmu_notifier.h>
#ifndef CONFIG_MMU_NOTIFIER
#error no notifiers
#endif
int f(struct mmu_notifier *n, struct mm_struct *mm) { return mmu_notifier_register(n, mm); }
C
        ;;
    ktime_get_raw_ts64)
        compile KTIME_GET_RAW_TS64_PRESENT "$@" <<'C'
#include <linux/ktime.h>
#include <linux/timekeeping.h>
void f(struct timespec64 *ts) { ktime_get_raw_ts64(ts); }
C
        ;;
    pci_irq_vectors)
        compile PCI_ALLOC_IRQ_VECTORS_PRESENT "$@" <<'C'
#include <linux/pci.h>
int f(struct pci_dev *d) { return pci_alloc_irq_vectors(d, 1, 8, PCI_IRQ_MSI | PCI_IRQ_MSIX); }
C
        ;;
    crypto_akcipher_verify)
        compile CRYPTO_AKCIPHER_VERIFY_PRESENT "$@" <<'C'
#include <crypto/akcipher.h>
int f(struct akcipher_request *r) { return crypto_akcipher_verify(r); }
C
        ;;
    ecc_get_curve)
        compile ECC_GET_CURVE_PRESENT "$@" <<'C'
#include <crypto/ecc_curve.h>
const void *f(void) { return ecc_get_curve(3); }
C
        ;;
    dma_direct_map)
        compile DMA_DIRECT_MAP_RESOURCE_PRESENT "$@" <<'C'
#include <linux/dma-direct.h>
int f(void) { return sizeof(dma_direct_map_resource); }
C
        ;;
    lkca)
        if lkca_configured; then
            compile LKCA_CONFIGURED "$@" <<'C'
#include <crypto/akcipher.h>
#include <crypto/algapi.h>
#include <crypto/ecc_curve.h>
#include <crypto/ecdh.h>
#include <crypto/hash.h>
#include <crypto/internal/ecc.h>
#include <crypto/kpp.h>
#include <crypto/public_key.h>
#include <crypto/sm3.h>
#include <keys/asymmetric-type.h>
#if !IS_ENABLED(CONFIG_CRYPTO_ECDH) || !IS_ENABLED(CONFIG_CRYPTO_ECDSA)
#error .config and autoconf.h disagree
#endif
int f;
C
        else
            tell no LKCA_CONFIGURED
        fi
        ;;
    *)
        echo "conftest.sh: unknown test: $test_name" >&2
        exit 1
        ;;
esac
