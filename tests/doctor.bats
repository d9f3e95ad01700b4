#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ccbake doctor: every probe is seen in both states by taking away what it looks for.

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
  PATH=$BATS_TEST_TMPDIR/only
}

# has TEXT: the output of the last run_ccbake has it.
has() {
  [[ $output == *"$1"* ]] || {
    printf 'expected in the output: %s\n%s\n' "$1" "$output"
    return 1
  }
}

@test "doctor: this host can bake, and says through which door" {
  run_ccbake 0 doctor
  has 'qemu-img'
  has '--door=auto would take the door'
}

@test "doctor --json: every probe has a name, a status and what was found" {
  "${CCBAKE:-build/ccbake}" doctor --json >"$BATS_TEST_TMPDIR/out.json"
  python3 - "$BATS_TEST_TMPDIR/out.json" <<'END'
import json, sys
doctor = json.load(open(sys.argv[1]))
assert doctor["ready"] is True, doctor
assert doctor["door"] in ("appliance", "host"), doctor["door"]
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
  has 'present but broken (QEMU reports "KVM internal error")'
  CCBAKE_DEV_KVM=/dev/no-such-device run_ccbake 0 doctor
  has 'absent (/dev/no-such-device'
  [ "$(id -u)" -eq 0 ] || skip 'needs root for a device nobody else may open'
  touch "$BATS_TEST_TMPDIR/kvm"
  chattr +i "$BATS_TEST_TMPDIR/kvm" 2>/dev/null || skip 'no immutable files here'
  CCBAKE_DEV_KVM=$BATS_TEST_TMPDIR/kvm run_ccbake 0 doctor
  has 'present but forbidden'
}

@test "doctor: a working KVM takes the appliance" {
  fake qemu-system-x86_64 'case $* in *--version*) echo QEMU 9.9;; *) printf "ccbake: working\r\n";; esac'
  CCBAKE_DEV_KVM=/dev/null run_ccbake 0 doctor
  has 'works (a guest ran under KVM)'
  has 'door "appliance": KVM works'
}

@test "doctor: the answer about KVM is remembered, and --again asks anew" {
  fake qemu-system-x86_64 "case \$* in *--version*) echo QEMU 9.9;; *) echo x >>$BATS_TEST_TMPDIR/runs; echo no; exit 1;; esac"
  export CCBAKE_DEV_KVM=/dev/null
  run_ccbake 0 doctor
  run_ccbake 0 doctor
  [ "$(wc -l <"$BATS_TEST_TMPDIR/runs")" -eq 1 ]
  run_ccbake 0 doctor --again
  [ "$(wc -l <"$BATS_TEST_TMPDIR/runs")" -eq 2 ]
}

@test "doctor: without the tools no bake can run: exit 5, with what to install" {
  only env cat
  run_ccbake 5 doctor
  PATH=$PATH_BEFORE
  has 'no bake can run on this host'
  has 'do: install bubblewrap'
  has 'do: install qemu-utils'
}

@test "doctor: a qemu-storage-daemon without FUSE export is no help" {
  fake qemu-storage-daemon 'case $* in *--version*) echo qemu-storage-daemon version 5.2.0;; *) echo --export nbd;; esac'
  run "${CCBAKE:-build/ccbake}" doctor # what it comes to depends on the host's KVM
  has '5.2.0, without FUSE export'
}

@test "doctor: without an appliance for libguestfs, and without root, exit 5" {
  [ "$(id -u)" -eq 0 ] || skip 'needs root to become somebody else'
  OPEN_DIR=$(mktemp -d) # a place that others may enter
  cp "${CCBAKE:-build/ccbake}" "$OPEN_DIR/ccbake"
  chmod 0755 "$OPEN_DIR" "$OPEN_DIR/ccbake"
  run setpriv --reuid=65534 --regid=65534 --clear-groups env LIBGUESTFS_PATH=/nonexistent \
    CCBAKE_CACHE_DIR=/nonexistent "$OPEN_DIR/ccbake" doctor
  [ "$status" -eq 5 ] || { echo "exit $status: $output"; return 1; }
  has 'none in /nonexistent'
  has 'do: run as root'
}
