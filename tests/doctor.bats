#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ccbake doctor: every probe in both states; the tests remove what it looks for.

load helpers

setup() {
        export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
}

teardown() {
        chattr -i "$BATS_TEST_TMPDIR/kvm" 2>/dev/null || true
        [ -z "${OPEN_DIR:-}" ] || rm -rf "$OPEN_DIR"
}

# fake NAME SCRIPT: a program that comes first in $PATH.
fake() {
        mkdir -p "$BATS_TEST_TMPDIR/bin"
        printf '#!/bin/sh\n%s\n' "$2" >"$BATS_TEST_TMPDIR/bin/$1"
        chmod +x "$BATS_TEST_TMPDIR/bin/$1"
        PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# only PROGRAM...: a $PATH with nothing but these.
only() {
        local program
        mkdir -p "$BATS_TEST_TMPDIR/only"
        for program; do
                ln -sf "$(command -v "$program")" "$BATS_TEST_TMPDIR/only/$program"
        done
        PATH_BEFORE=$PATH
        # shellcheck disable=SC2123
        PATH=$BATS_TEST_TMPDIR/only
}

@test "doctor: this host can bake, and says through which backend" {
        run_ccbake 0 doctor
        assert_contains 'qemu-img'
        assert_contains '--backend=auto would take the backend'
}

@test "doctor --json: every probe has a name, a status and what was found" {
        "$CCBAKE" doctor --json >"$BATS_TEST_TMPDIR/out.json"
        python3 - "$BATS_TEST_TMPDIR/out.json" <<'END'
import json, sys
doctor = json.load(open(sys.argv[1]))
assert doctor["ready"] is True, doctor
assert doctor["backend"] in ("appliance", "host"), doctor["backend"]
assert len(doctor["probes"]) >= 12, len(doctor["probes"])
for probe in doctor["probes"]:
    assert probe["status"] in ("ok", "warn", "missing"), probe
    assert probe["name"] and probe["found"] and probe["purpose"], probe
    assert probe["status"] == "ok" or probe["advice"], probe
END
}

@test "doctor: a KVM that does not work is told from none and from a forbidden one" {
        fake qemu-system-x86_64 'case $* in *--version*) echo QEMU 9.9;; *) echo "KVM internal error. Suberror: 1"; exec sleep 600;; esac'
        CCBAKE_DEV_KVM=/dev/null run_ccbake 0 doctor
        assert_contains 'present but broken (QEMU reports "KVM internal error")'
        CCBAKE_DEV_KVM=/dev/no-such-device run_ccbake 0 doctor
        assert_contains 'absent (/dev/no-such-device'
        must_have root [ "$(id -u)" -eq 0 ]
        touch "$BATS_TEST_TMPDIR/kvm"
        must_have 'immutable files' chattr +i "$BATS_TEST_TMPDIR/kvm"
        CCBAKE_DEV_KVM=$BATS_TEST_TMPDIR/kvm run_ccbake 0 doctor
        assert_contains 'present but forbidden'
}

@test "doctor: a working KVM takes the appliance" {
        fake qemu-system-x86_64 'case $* in *--version*) echo QEMU 9.9;; *) printf "ccbake: working\r\n";; esac'
        CCBAKE_DEV_KVM=/dev/null run_ccbake 0 doctor
        assert_contains 'works (a guest ran under KVM)'
        assert_contains 'backend "appliance": KVM works'
}

@test "doctor: the answer about KVM is remembered, and --refresh asks anew" {
        fake qemu-system-x86_64 "case \$* in *--version*) echo QEMU 9.9;; *) echo x >>$BATS_TEST_TMPDIR/runs; echo KVM internal error. Suberror: 1;; esac"
        export CCBAKE_DEV_KVM=/dev/null
        run_ccbake 0 doctor
        run_ccbake 0 doctor
        [ "$(wc -l <"$BATS_TEST_TMPDIR/runs")" -eq 1 ]
        run_ccbake 0 doctor --refresh
        [ "$(wc -l <"$BATS_TEST_TMPDIR/runs")" -eq 2 ]
}

@test "doctor: without the tools no bake can run: exit 5, with what to install" {
        only env cat
        run_ccbake 5 doctor
        PATH=$PATH_BEFORE
        assert_contains 'no bake can run on this host'
        assert_contains 'do: install bubblewrap'
        assert_contains 'do: install qemu-utils'
}

@test "doctor: a qemu-storage-daemon without FUSE export is no help" {
        fake qemu-storage-daemon 'case $* in *--version*) echo qemu-storage-daemon version 5.2.0;; *) echo --export nbd;; esac'
        run "$CCBAKE" doctor # what it comes to depends on the host's KVM
        assert_contains '5.2.0, without FUSE export'
}

@test "doctor: without an appliance for libguestfs, and without root, exit 5" {
        must_have root [ "$(id -u)" -eq 0 ]
        OPEN_DIR=$(mktemp -d -p /tmp) # a place that others may enter
        cp "$CCBAKE" "$OPEN_DIR/ccbake"
        chmod 0755 "$OPEN_DIR" "$OPEN_DIR/ccbake"
        run setpriv --reuid=65534 --regid=65534 --clear-groups env LIBGUESTFS_PATH=/nonexistent \
                CCBAKE_CACHE_DIR=/nonexistent "$OPEN_DIR/ccbake" doctor
        [ "$status" -eq 5 ] || { echo "exit $status: $output"; return 1; }
        assert_contains 'none in /nonexistent'
        assert_contains 'do: run as root'
}
