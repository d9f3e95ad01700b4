# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For every .bats file: `load helpers`.
#
#   run_ccbake [STATUS] ARGUMENT...        runs ccbake and fails on another exit status; $output is stdout and stderr
#   assert_contains TEXT                   fails and shows $output unless it contains TEXT
#   small_guest FILE [OPTION...]           makes a small image without a userland (tests/standin/guest)
#   base_key IMAGE                         prints the key `base` of a recipe for it
#   content_of IMAGE PATH                  prints a file of a small guest
#   standin NAME...                        builds these stand-ins if they are missing
#   start_server DIR, stop_server          serves the stand-ins at $SERVER
#   baked_images, images_to_change         the images of the guide, baked once for all files
#   use_file_directory                     for setup: directory and cache are those of the file, not of the test
#   damage FILE OFFSET                     inverts that byte of the file
#   wait_for FILE                          waits until a server has written FILE
#   count_launches COMMAND...              runs it; sets LAUNCHES to the number of starts of libguestfs's appliance
#   with_mount SCRIPT                      runs it in a shell that may mount
#   needs_root                             fails unless the test runs as root
#   must_have WHAT COMMAND...              skips if the host lacks a capability; in CI (MUST_WORK) it fails

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${CCBAKE_BUILD:-$TOP/build}
CCBAKE=$BUILD/ccbake
STANDIN=${CCBAKE_STANDIN_DIR:-$TOP/build/standin}
export CCBAKE_STANDIN_DIR=$STANDIN

# tests/run gives each file a cache of its own.
export CCBAKE_CACHE_DIR=${CCBAKE_TEST_CACHE:-$TOP/build/test-cache}

fail() {
    printf '%s\n' "$@" >&2
    return 1
}

run_ccbake() {
    local expected=0
    if [[ $1 =~ ^[0-9]+$ ]]; then
        expected=$1
        shift
    fi
    run "$CCBAKE" "$@"
    # shellcheck disable=SC2154 # bats sets it
    [[ $status == "$expected" ]] ||
        fail "ccbake $*" "exit code: expected $expected, got $status" "output:" "$output"
}

# Another byte than the one that is there, whatever that is.
damage() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %03o $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

assert_contains() {
    # shellcheck disable=SC2154 # bats sets it
    [[ $output == *"$1"* ]] || fail "expected in the output:" "  $1" "the output is:" "$output"
}

# assert_row "PASS import.size" TEXT: fails unless $output has this row of the table of checks, whatever the column widths.
assert_row() {
    local squeezed
    squeezed=$(tr -s ' ' <<<"$output")
    [[ $'\n'$squeezed == *$'\n'"$1 $2"* ]] || fail "expected as a row:" "  $1  $2" "the output is:" "$output"
}

assert_equal() {
    [[ $1 == "$2" ]] || fail "expected: $2" "got:      $1"
}

# standin [NAME...]: builds these stand-ins, or all.
# shellcheck disable=SC2120 # other files give arguments
standin() {
    "$TOP/tests/standin/build" "$@" >"$BATS_FILE_TMPDIR/standin.log" 2>&1 || {
        tail -n 30 "$BATS_FILE_TMPDIR/standin.log" >&2
        return 1
    }
}

must_have() {
    local what=$1
    shift
    "$@" >/dev/null 2>&1 && return 0
    [[ -z ${MUST_WORK:-} ]] || fail "this host has no $what, and MUST_WORK is set"
    skip "this host has no $what"
}

must_have_host_backend() {
    must_have 'host backend' test_host_backend
}

test_host_backend() {
    ((EUID == 0)) && [[ -c /dev/fuse && -c /dev/loop-control ]] && command -v bwrap qemu-storage-daemon
}

needs_root() {
    [[ $EUID == 0 ]] || fail "the host backend needs root: run the tests as root"
}

# For setup_file and setup of files whose tests share images.
use_file_directory() {
    export CCBAKE_CACHE_DIR=$BATS_FILE_TMPDIR/cache
    cd "$BATS_FILE_TMPDIR" || return 1
}

# An option of tests/standin/guest may follow: the last --size counts.
small_guest() {
    needs_root || return
    "$TOP/tests/standin/guest" --size 256M --out "$@" >"$BATS_FILE_TMPDIR/guest.log" 2>&1 ||
        fail "tests/standin/guest --out $*" "$(cat "$BATS_FILE_TMPDIR/guest.log")"
}

# With the digest, so that no lock is needed.
base_key() {
    echo "base: {path: $1, sha256: $(sha256sum <"$1" | cut -d' ' -f1), os: alinux, version: 3, min-kernel: 5.10.134-18.al8}"
}

# A shell that may mount, as root of a user namespace, in which its mounts vanish with it.  Sets output and status.
with_mount() {
    run unshare --user --map-root-user --mount sh -c "$1"
}

# Puts a script before QEMU that records each start with a disk in $BATS_TEST_TMPDIR/launches/noted.  (libguestfs also starts
# QEMU without one, to ask for its capabilities.)
# shellcheck disable=SC2034 # LAUNCHES is for the tests
count_launches() {
    local dir=$BATS_TEST_TMPDIR/launches status=0
    mkdir -p "$dir"
    : >"$dir/noted"
    # shellcheck disable=SC2016 # for that script
    printf '%s\n' '#!/bin/sh' "case \$* in *virtio-serial*) echo \"\$*\" >>$dir/noted ;; esac" \
        'exec qemu-system-x86_64 "$@"' >"$dir/qemu"
    chmod 755 "$dir/qemu"
    LIBGUESTFS_HV=$dir/qemu "$@" || status=$?
    LAUNCHES=$(wc -l <"$dir/noted")
    return "$status"
}

# start_server [DIR]: serves the stand-ins, with a log in DIR; sets SERVER to the URL.  stop_server ends it.
start_server() {
    local dir=$1 port_file
    port_file=$dir/port
    "$TOP/tests/standin/server" --root "$STANDIN" --port 0 --port-file "$port_file" \
        --log "$dir/access.log" 2>"$dir/server.log" 3>&- &
    SERVER_PID=$!
    for _ in {1..100}; do
        [[ -s $port_file ]] && break
        sleep 0.05
    done
    SERVER=http://127.0.0.1:$(cat "$port_file")
    export SERVER SERVER_PID
}

# Without `wait`, because the server may be the child of another shell of bats.
stop_server() {
    kill "$SERVER_PID"
    while kill -0 "$SERVER_PID" 2>/dev/null; do
        sleep 0.05
    done
}

wait_for() {
    for _ in {1..2400}; do
        [[ ! -s $1 ]] || return 0
        sleep 0.05
    done
    fail "no server has written $1"
}

# content_of IMAGE PATH: a file of a small guest (tests/standin/guest), read without a backend.
content_of() {
    local raw=$BATS_TEST_TMPDIR/content.raw start
    qemu-img convert -O raw "$1" "$raw"
    start=$(sfdisk --json "$raw" | jq '.partitiontable.partitions[2].start')
    debugfs -R "cat $2" "$raw?offset=$((start * 512))" 2>/dev/null
}

# For setup_file: sets IMAGES to the directory of the images of the guide (tests/bake-images).
baked_images() {
    needs_root || return
    # shellcheck disable=SC2119 # all of them
    standin
    IMAGES=$(CCBAKE_BUILD=$BUILD "$TOP/tests/bake-images" 3>&-)
    export IMAGES
}

# For setup_file: makes uncompressed copies 1.qcow2 and 8.qcow2 in BATS_FILE_TMPDIR, each with a snapshot "right" to restore.
images_to_change() {
    local gpus
    baked_images
    cd "$BATS_FILE_TMPDIR" || return 1
    for gpus in 1 8; do
        qemu-img convert -W -O qcow2 "$IMAGES/$gpus.qcow2" "$gpus.qcow2"
        qemu-img snapshot -c right "$gpus.qcow2"
    done
}
