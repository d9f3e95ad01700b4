/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KVM probe against stand-in QEMUs in $PATH, and against the real one under emulation: the same
 * boot sector, the same serial port, so that "works" is seen on hosts without KVM too.
 */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <utime.h>

#include "base/cancel.h"
#include "base/file.h"
#include "host/kvm.h"

static char *dir, *old_path;

/* Puts a shell script in the place of qemu-system-x86_64, with everything else in $PATH left. */
static void install_qemu(const char *script)
{
    g_autofree char *bin = g_build_filename(dir, "bin", NULL);
    g_autofree char *program = g_build_filename(bin, "qemu-system-x86_64", NULL);
    g_autofree char *text = g_strdup_printf("#!/bin/sh\necho run >> %s/runs\n%s\n", dir, script);
    g_autofree char *path = g_strconcat(bin, ":", old_path, NULL);
    g_assert_true(ccb_mkdirs(bin, NULL));
    g_assert_true(g_file_set_contents(program, text, -1, NULL));
    g_assert_cmpint(g_chmod(program, 0755), ==, 0);
    g_setenv("PATH", path, TRUE);
}

static unsigned runs(void)
{
    g_autofree char *path = g_build_filename(dir, "runs", NULL);
    g_autofree char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? (unsigned)strlen(text) / 4 : 0;
}

static void forget(void)
{
    g_autofree char *path = g_build_filename(dir, "runs", NULL);
    g_unlink(path);
    ccb_kvm_forget();
}

/* /dev/null opens for everybody: the device's part is played by it, so that hosts without KVM test
 * this too. */
static CcbKvm probe(char **ret_reason)
{
    g_setenv("CCBAKE_DEV_KVM", "/dev/null", TRUE);
    return ccb_kvm_probe(ret_reason);
}

static void test_absent(void)
{
    g_autofree char *reason = NULL;
    forget();
    install_qemu("exit 0");
    g_setenv("CCBAKE_DEV_KVM", "/dev/no-such-device", TRUE);
    g_assert_cmpint(ccb_kvm_probe(&reason), ==, CCB_KVM_ABSENT);
    g_assert_nonnull(strstr(reason, "/dev/no-such-device"));
    g_assert_cmpuint(runs(), ==, 0);
}

static void test_no_qemu(void)
{
    g_autofree char *reason = NULL;
    forget();
    g_setenv("PATH", "/nonexistent", TRUE);
    g_assert_cmpint(probe(&reason), ==, CCB_KVM_BROKEN);
    g_assert_nonnull(strstr(reason, "not installed"));
}

/* Hangs as the real one does: the answer must come at once, and the process must be gone. */
static void test_internal_error(void)
{
    g_autofree char *reason = NULL, *pid_path = g_build_filename(dir, "pid", NULL), *text = NULL;
    g_autofree char *script = g_strdup_printf(
        "echo $$ > %s; echo 'KVM internal error. Suberror: 1' >&2; trap '' TERM; exec sleep 600",
        pid_path);
    forget();
    install_qemu(script);
    gint64 start = g_get_monotonic_time();
    g_assert_cmpint(probe(&reason), ==, CCB_KVM_BROKEN);
    g_assert_nonnull(strstr(reason, "KVM internal error"));
    g_assert_cmpint(g_get_monotonic_time() - start, <, 3 * G_USEC_PER_SEC);
    g_assert_true(g_file_get_contents(pid_path, &text, NULL, NULL));
    g_assert_cmpint(kill((pid_t)g_ascii_strtoll(text, NULL, 10), 0), ==, -1);
}

static void test_remembered(void)
{
    g_autofree char *first = NULL, *second = NULL;
    forget();
    install_qemu("echo 'KVM internal error. Suberror: 1'");
    g_assert_cmpint(probe(&first), ==, CCB_KVM_BROKEN);
    g_assert_cmpint(probe(&second), ==, CCB_KVM_BROKEN);
    g_assert_cmpstr(first, ==, second);
    g_assert_cmpuint(runs(), ==, 1);
    install_qemu("echo another QEMU, another answer; exit 1");
    g_assert_cmpint(probe(NULL), ==, CCB_KVM_BROKEN);
    g_assert_cmpuint(runs(), ==, 2);
}

/* A cache file that is cut short or nonsense is no answer. */
static void test_damaged_cache(void)
{
    g_autofree char *path = g_build_filename(ccb_cache_dir(), "kvm", NULL);
    forget();
    install_qemu("echo 'KVM internal error. Suberror: 1'");
    g_assert_cmpint(probe(NULL), ==, CCB_KVM_BROKEN);
    g_assert_cmpint(truncate(path, 20), ==, 0);
    g_assert_cmpint(probe(NULL), ==, CCB_KVM_BROKEN);
    g_assert_cmpuint(runs(), ==, 2);
}

static void test_early_end(void)
{
    g_autofree char *reason = NULL;
    forget();
    install_qemu(
        "echo 'Could not access KVM kernel module: No such file or directory' >&2; exit 1");
    g_assert_cmpint(probe(&reason), ==, CCB_KVM_BROKEN);
    g_assert_nonnull(strstr(reason, "Could not access KVM kernel module"));
}

static void test_old_failure(void)
{
    const struct utimbuf ages_ago = {1000, 1000};
    g_autofree char *path = g_build_filename(ccb_cache_dir(), "kvm", NULL);
    forget();
    install_qemu("echo 'KVM internal error. Suberror: 1'");
    g_assert_cmpint(probe(NULL), ==, CCB_KVM_BROKEN);
    g_assert_cmpint(probe(NULL), ==, CCB_KVM_BROKEN);
    g_assert_cmpuint(runs(), ==, 1);
    g_assert_cmpint(utime(path, &ages_ago), ==, 0);
    g_assert_cmpint(probe(NULL), ==, CCB_KVM_BROKEN);
    g_assert_cmpuint(runs(), ==, 2);
}

static void test_silence(void)
{
    g_autofree char *reason = NULL;
    forget();
    install_qemu("exec sleep 600");
    gint64 start = g_get_monotonic_time();
    g_assert_cmpint(probe(&reason), ==, CCB_KVM_BROKEN);
    g_assert_nonnull(strstr(reason, "no sign of life"));
    g_assert_cmpint(g_get_monotonic_time() - start, <, 12 * G_USEC_PER_SEC);
}

/* A KVM that executes a sector and then crawls, as this project's own build machines have it. */
static void test_crawl(void)
{
    g_autofree char *reason = NULL;
    forget();
    install_qemu("printf 'ccbake: started\\r\\n'; exec sleep 600");
    g_assert_cmpint(probe(&reason), ==, CCB_KVM_BROKEN);
    g_assert_nonnull(strstr(reason, "slower than under emulation"));
}

/* The real QEMU with the very arguments of the probe, save that the accelerator is emulation. */
static void test_works(void)
{
    g_autofree char *qemu = g_find_program_in_path("qemu-system-x86_64"), *reason = NULL;
    if (qemu == NULL) {
        g_test_skip("no QEMU");
        return;
    }
    g_autofree char *script =
        g_strdup_printf("for a; do shift; case $a in pc,accel=kvm) a=pc,accel=tcg;; host) a=max;; "
                        "esac; set -- \"$@\" \"$a\"; done\n"
                        "exec %s \"$@\"",
                        qemu);
    forget();
    install_qemu(script);
    g_assert_cmpint(probe(&reason), ==, CCB_KVM_WORKS);
    g_assert_nonnull(strstr(reason, "ran under KVM"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ccb_cancel_install();
    dir = g_dir_make_tmp("ccbake-test-kvm-XXXXXX", NULL);
    old_path = g_strdup(g_getenv("PATH"));
    g_autofree char *cache = g_build_filename(dir, "cache", NULL);
    g_setenv("CCBAKE_CACHE_DIR", cache, TRUE);
    g_test_add_func("/kvm/works", test_works);
    g_test_add_func("/kvm/absent", test_absent);
    g_test_add_func("/kvm/no-qemu", test_no_qemu);
    g_test_add_func("/kvm/internal-error", test_internal_error);
    g_test_add_func("/kvm/remembered", test_remembered);
    g_test_add_func("/kvm/damaged-cache", test_damaged_cache);
    g_test_add_func("/kvm/early-end", test_early_end);
    g_test_add_func("/kvm/old-failure", test_old_failure);
    g_test_add_func("/kvm/silence", test_silence);
    g_test_add_func("/kvm/crawl", test_crawl);
    int rc = g_test_run();
    ccb_remove_tree(dir, NULL);
    g_free(dir);
    g_free(old_path);
    return rc;
}
