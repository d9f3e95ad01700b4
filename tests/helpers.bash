# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For every .bats file: `load helpers`.
#
#   run_ccbake [expected-rc] ARGUMENT...   runs the tool; $output is stdout and stderr; fails on another exit code
#   assert_contains TEXT                   $output holds TEXT; shows what it holds otherwise
#   content_of IMAGE PATH                  prints a file of a small guest
#   wait_for FILE                          until a server has written it
#   standin NAME                           builds a stand-in where it is missing and prints its path
#   baked_images, images_to_change         the images of the guide, baked once for all files
#   count_launches COMMAND...              runs it; sets LAUNCHES to how often it starts libguestfs's appliance
#   with_mount SCRIPT                      runs it in a shell that may mount
#   must_have WHAT COMMAND...              skips without a capability of the host; in CI (MUST_WORK) it fails

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${CCBAKE_BUILD:-$TOP/build}
CCBAKE=$BUILD/ccbake
STANDIN=${CCBAKE_STANDIN_DIR:-$TOP/build/standin}
export CCBAKE_STANDIN_DIR=$STANDIN

# Of each file its own, where tests/run runs it.
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

assert_contains() {
    # shellcheck disable=SC2154 # bats sets it
    [[ $output == *"$1"* ]] || fail "expected in the output:" "  $1" "the output is:" "$output"
}

# assert_row "PASS import.size" TEXT: a row of the table of checks, whose columns are as wide as what is in them.
assert_row() {
    local squeezed
    squeezed=$(tr -s ' ' <<<"$output")
    [[ $'\n'$squeezed == *$'\n'"$1 $2"* ]] || fail "expected as a row:" "  $1  $2" "the output is:" "$output"
}

assert_equal() {
    [[ $1 == "$2" ]] || fail "expected: $2" "got:      $1"
}

# standin [PART...]: builds the stand-ins, all or these.
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

# A shell that may mount, as root of a user namespace; what it mounts goes with it.  Sets output and status.
with_mount() {
    run unshare --user --map-root-user --mount sh -c "$1"
}

# In the place of QEMU a script that notes the starts with a disk, with their arguments in $BATS_TEST_TMPDIR/launches/noted:
# libguestfs also asks QEMU what it can do.
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

# The server may be the child of another shell of bats.
stop_server() {
    kill "$SERVER_PID"
    while kill -0 "$SERVER_PID" 2>/dev/null; do
        sleep 0.05
    done
}

# wait_for FILE: until a server has written it.
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

# For setup_file: where the images of the guide are (tests/bake-images); sets IMAGES.
baked_images() {
    [[ $EUID == 0 ]] || fail "the host backend needs root: run the tests as root"
    # shellcheck disable=SC2119 # all of them
    standin
    IMAGES=$(CCBAKE_BUILD=$BUILD "$TOP/tests/bake-images" 3>&-)
    export IMAGES
}

# For setup_file: 1.qcow2 and 8.qcow2 in BATS_FILE_TMPDIR, neither compressed, each with a snapshot "right" to go back to.
images_to_change() {
    local gpus
    baked_images
    cd "$BATS_FILE_TMPDIR" || return 1
    for gpus in 1 8; do
        qemu-img convert -W -O qcow2 "$IMAGES/$gpus.qcow2" "$gpus.qcow2"
        qemu-img snapshot -c right "$gpus.qcow2"
    done
}
