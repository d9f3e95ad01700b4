#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Needs no root, no stand-in and no network.
#
# ccbake-selftest on recorded instances, in three shells: the documented good ones, every documented bad state, and commands
# that hang.  bake.bats runs it in an image that boots.

load helpers
load selftest

# expect_exit STATUS TEXT...: the output contains each text.
expect_exit() {
    [[ $status == "$1" ]] || fail "exit code: expected $1, got $status" "$output"
    local text
    for text in "${@:2}"; do
        assert_contains "$text"
    done
}

# What the JSON says: result_of ID
result_of() {
    jq -r --arg id "$1" '.checks[] | select(.id == $id) | .result' <<<"$output"
}

# The output is TAP with a plan that counts.
assert_tap() {
    assert_equal "$(head -n 1 <<<"$output")" "TAP version 13"
    assert_equal "$(grep -cE '^(not )?ok [0-9]+ - ' <<<"$output")" \
        "$(sed -n 's/^1\.\.//p' <<<"$output")"
}

@test "selftest: a good instance with one GPU, in every shell" {
    local shell first=
    instance 1
    for shell in dash 'busybox sh' 'bash --posix'; do
        SHELL_UNDER_TEST=$shell selftest
        expect_exit 0 'ok 1 - guest.tdx: ' 'ok 3 - gpu.present: 1 GPU' 'kernel.swiotlb: the bounce buffer is 8192 MiB' \
            'units.order: after nvidia-persistenced: cloudmonitor.service' 'gpu.conf-compute: CC status: ON' \
            '# good; baked as 0123abcd'
        assert_tap
        [[ $output != *'not ok'* && $output != *SKIP* ]] || fail "$output"
        assert_equal "$output" "${first:=$output}"
        assert_equal "$(cat "$STATE/attested")" '-m verifier.cc_admin --user_mode'
    done
}

@test "selftest: a good instance with eight GPUs, in every shell" {
    local shell
    instance 8
    for shell in dash 'busybox sh' 'bash --posix'; do
        SHELL_UNDER_TEST=$shell selftest
        expect_exit 0 'gpu.present: 8 GPUs, 4 NVSwitches' 'gpu.conf-compute: Multi-GPU Mode: Protected PCIe' \
            'fabric.version: 570.148.08' 'fabric.nscq: 570.148.08' 'attestation.local: Topology checks | SUCCESS'
        assert_tap
        [[ $output != *'not ok'* && $output != *SKIP* ]] || fail "$output"
    done
}

@test "selftest: no TDX guest, and no GPU: it says so plainly, asks no GPU and exits 3" {
    instance 1
    put proc/cpuinfo $'flags\t\t: fpu vme hypervisor'
    rm -r "$ROOT/dev/tdx_guest" "$ROOT/sys/bus/pci/devices/0000:00:00.0" "$BIN/nvidia-smi"
    selftest
    expect_exit 3 'not ok 1 - guest.tdx: not a TDX guest' 'not ok 3 - gpu.present: no GPU' \
        'gpu.conf-compute # SKIP no GPU' '# not a gn8v-tee instance'
    assert_tap
    [[ ! -e $STATE/attested ]]

    instance 1 # with TDX
    rm -r "$ROOT"/sys/bus/pci/devices/0000:00:00.0
    selftest
    expect_exit 3 'ok 1 - guest.tdx' 'no GPU'

    instance 8 # without: everything else is judged all the same
    put proc/cpuinfo $'flags\t\t: fpu'
    selftest
    expect_exit 3 'not a TDX guest' 'ok 15 - gpu.ready'
}

# spoiled GPUS ID TEXT COMMAND...: after the command, in an else good instance, this check fails with this text, and no
# other does.
spoiled() {
    instance "$1"
    "${@:4}"
    selftest
    [[ $status == 1 ]] || fail "$*" "exit code $status" "$output"
    grep -E "^not ok [0-9]+ - $2: " <<<"$output" | grep -qF -- "$3" || fail "$*" "$output"
    assert_equal "$(grep -c '^not ok' <<<"$output")" 1
}

answer_of() {
    echo "$2" >"$STATE/$1"
}

fails_attestation() {
    echo "$1" >"$STATE/attest"
    echo 1 >"$STATE/attest.status"
}

# nscq VERSION: the library that is used.
nscq() {
    put "usr/lib64/libnvidia-nscq.so.$1" library
    ln -sf "libnvidia-nscq.so.$1" "$ROOT/usr/lib64/libnvidia-nscq.so.2"
}

@test "selftest: one bad thing at a time makes its check fail, and no other: the machine and its kernel" {
    instance 1
    spoiled 1 guest.tdx-device 'no /dev/tdx_guest' rm "$ROOT/dev/tdx_guest"
    spoiled 8 gpu.present '7 of 8 GPUs' rm -r "$ROOT/sys/bus/pci/devices/0000:03:00.0"
    spoiled 8 gpu.present '8 GPUs, and 3 of 4 NVSwitches' rm -r "$ROOT/sys/bus/pci/devices/0000:0a:00.0"
    local other
    for other in 5.10.134-17.3.al8.x86_64 5.10.134-19.1.al8.x86_64 5.10.134-18.al8.x86_64.debug; do
        spoiled 1 kernel.version "$other runs, but 5.10.134-18.al8.x86_64 was baked" put proc/sys/kernel/osrelease "$other"
    done
    spoiled 1 kernel.swiotlb '64 MiB (32768 slabs)' put sys/kernel/debug/swiotlb/io_tlb_nslabs 32768
}

# by_configfs: the driver gives quotes through configfs.
by_configfs() {
    put sys/module/tdx_guest/parameters/tsm_api "${1:-1}"
    mkdir -p "$ROOT/sys/kernel/config/tsm/report"
}

# empty_quote, other_quote: what the host gives in the place of a quote.
empty_quote() {
    printf '#!/bin/sh\n' >"$STATE/quote"
}

other_quote() {
    sed -i 's/head -c 64 .*/head -c 64 \/dev\/zero/' "$STATE/quote"
}

@test "selftest: a quote through configfs or by the device, whichever is in force" {
    instance 1
    selftest
    expect_exit 0 'guest.tdx-quote: a quote of 1100 bytes by ioctl'
    assert_equal "$(cat "$STATE/asked-device")" "$ROOT/dev/tdx_guest"

    local api
    for api in 1 Y; do
        instance 8
        by_configfs $api
        rm "$BIN/python3"
        selftest
        expect_exit 0 'guest.tdx-quote: a quote of 1100 bytes by configfs'
        assert_equal "$(ls "$ROOT/sys/kernel/config/tsm/report")" ''
    done

    instance 1 # a driver without the parameter
    by_configfs
    rm "$ROOT/sys/module/tdx_guest/parameters/tsm_api" "$BIN/python3"
    selftest
    expect_exit 0 'by configfs'
}

@test "selftest: an instance that gives no quote is not good" {
    instance 1
    spoiled 1 guest.tdx-quote 'no quote by ioctl: /dev/tdx_guest failed (1): status 0x8000000000000001' touch "$BATS_TEST_TMPDIR/state/quote.status"
    spoiled 1 guest.tdx-quote 'no quote by ioctl: the quote is empty' empty_quote
    spoiled 8 guest.tdx-quote 'does not hold the data that it was asked for' other_quote
    spoiled 1 guest.tdx-quote 'no report can be made in /sys/kernel/config/tsm/report' put sys/module/tdx_guest/parameters/tsm_api 1
    in_configfs() {
        by_configfs
        "$@"
    }
    spoiled 1 guest.tdx-quote 'no quote by configfs: the quote is empty' in_configfs empty_quote
    spoiled 1 guest.tdx-quote 'the report failed (1)' in_configfs touch "$BATS_TEST_TMPDIR/state/quote.status"
    expects_api() {
        printf 'tsm_api=%s\n' "$1" >>"$ROOT/etc/ccbake/selftest.conf"
    }
    spoiled 1 guest.tdx-quote 'tdx_guest runs with tsm_api=0, expected 1' expects_api 1
    instance 1
    expects_api 0
    selftest
    expect_exit 0
}

@test "selftest: the program that asks the device, on a driver that is imitated" {
    local python number kind
    python=$(type -P python3) || skip "no python3"
    for number in C0105404 80105404; do
        for kind in message report; do
            instance 1
            mkdir "$STATE/python"
            cat >"$STATE/python/fcntl.py" <<END
import ctypes, struct

def ioctl(device, number, block, mutate=True):
    if number == 0xC4405401:
        block[64:] = bytes(block[:64]) * 16
        return 0
    if number != 0x$number:
        raise OSError(25, "Inappropriate ioctl for device")
    at, size = struct.unpack("<QQ", block)
    version, status, length, room = struct.unpack("<QQII", ctypes.string_at(at, 24))
    data = ctypes.string_at(at + 24, length)
    if version != 1 or (length == 1024) != ("$kind" == "report"):
        ctypes.memmove(at, struct.pack("<QQII", 1, 0x8000000000000000, length, 0), 24)
        return 0
    quote = b"\4\0\2\0\x81\0\0\0" + bytes(560) + data[-64:] + bytes(468)
    answer = quote if "$kind" == "report" else bytes(28) + quote
    ctypes.memmove(at, struct.pack("<QQII", 1, 0, length, len(answer)) + answer, 24 + len(answer))
    return 0
END
            printf '#!/bin/sh\nPYTHONPATH=%s exec %s "$@"\n' "$STATE/python" "$python" >"$BIN/python3"
            selftest
            expect_exit 0 'guest.tdx-quote: a quote of 1100 bytes by ioctl'
        done
    done
}

@test "selftest: one bad thing at a time: the driver" {
    local query='--query-gpu=driver_version --format=csv,noheader'
    instance 1
    spoiled 1 driver.modules 'not loaded: nvidia' put proc/modules 'nvidia_uvm 1 0 - Live 0x0'
    spoiled 8 driver.modules 'not loaded: nvidia_uvm' put proc/modules 'nvidia 1 0 - Live 0x0'
    spoiled 1 driver.modules 'nouveau is loaded' put proc/modules $'nvidia 1 0 - Live 0x0\nnouveau 1 0 - Live 0x0'
    spoiled 1 driver.modules 'not the open modules' \
        put proc/driver/nvidia/version 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.144.03'
    spoiled 1 driver.protected-pcie 'makes a single GPU unusable' \
        put proc/driver/nvidia/params 'RegistryDwords: "RmEnableProtectedPcie=0x1"'
    spoiled 8 driver.protected-pcie 'without RmEnableProtectedPcie' put proc/driver/nvidia/params 'RegistryDwords: ""'
    spoiled 1 driver.version '550.54.15, but 550.144.03 was baked' put sys/module/nvidia/version 550.54.15
    spoiled 8 driver.version 'sees 7 of 8 GPUs' smi "$query" "$(yes 570.148.08 | head -n 7)"
    spoiled 1 driver.version 'nvidia-smi says 550.90' smi "$query" 550.90.07
    spoiled 1 driver.version 'nvidia-smi failed (9): NVIDIA-SMI has failed' rm "$STATE/nvidia-smi/${query// /_}"
    spoiled 8 fabric.version '570.133.20, expected 570.148.08' \
        answer_of nv-fabricmanager 'Fabric Manager version is : 570.133.20'
    spoiled 8 fabric.nscq 'NSCQ is 570.133.20' nscq 570.133.20
    spoiled 8 fabric.nscq 'there is no /usr/lib64' rm "$ROOT/usr/lib64/libnvidia-nscq.so.2"
}

@test "selftest: one bad thing at a time: the units" {
    spoiled 8 units.fabric-manager 'failed (exit-code)' unit nvidia-fabricmanager.service ActiveState=failed \
        SubState=failed Result=exit-code ActiveEnterTimestampMonotonic=1
    spoiled 1 units.order 'started too early: cloudmonitor.service before nvidia-persistenced was' \
        started cloudmonitor.service 30000000 30000001
    spoiled 8 units.order 'nvidia-persistenced.service before nvidia-fabricmanager was' \
        started nvidia-fabricmanager.service 21000000 22000000
}

# silent STATUS UNIT: systemctl says nothing of the times of the unit, or "all", and ends like this.
silent() {
    echo "$1" >"$STATE/no-times.status"
    echo "$2" >"$STATE/no-times"
}

@test "selftest: where systemctl does not say when units started, their order is not good" {
    spoiled 1 units.order 'systemctl did not say InactiveEnterTimestampMonotonic of nvidia-persistenced.service' silent 0 all
    spoiled 1 units.order 'nvidia-persistenced.service: systemctl failed (1): ' silent 1 all
    spoiled 1 units.order 'systemctl did not say InactiveExitTimestampMonotonic of cloudmonitor.service' \
        silent 0 cloudmonitor.service
    spoiled 1 units.order 'ollama.service: systemctl failed (1): ' silent 1 ollama.service
    spoiled 8 units.order 'systemctl did not say ActiveEnterTimestampMonotonic of nvidia-fabricmanager.service' \
        silent 0 nvidia-fabricmanager.service
    spoiled 1 units.order 'systemctl did not say InactiveExitTimestampMonotonic of cloudmonitor.service' \
        started cloudmonitor.service '[not set]' 1
}

@test "selftest: one bad thing at a time: confidential computing" {
    spoiled 1 gpu.conf-compute 'CC status: OFF, expected ON' smi 'conf-compute -f' 'CC status: OFF'
    spoiled 8 gpu.conf-compute 'Multi-GPU Mode: None, expected Protected PCIe' \
        smi 'conf-compute -mgm' 'Multi-GPU Mode: None'
    spoiled 1 gpu.conf-compute 'says: No devices were found' smi 'conf-compute -f' 'No devices were found'
    spoiled 1 gpu.devtools 'DevTools Mode: ON, expected OFF' smi 'conf-compute -d' 'DevTools Mode: ON'
    spoiled 8 gpu.devtools 'DevTools Mode: ON, expected OFF' smi 'conf-compute -d' 'DevTools Mode: ON'
    spoiled 1 gpu.environment 'CC Environment: SIMULATION, expected PRODUCTION' smi 'conf-compute -e' 'CC Environment: SIMULATION'
    spoiled 1 gpu.environment 'CC Environment: UNAVAILABLE' smi 'conf-compute -e' 'CC Environment: UNAVAILABLE'
    spoiled 8 gpu.environment 'CC Environment: SIMULATION' smi 'conf-compute -e' 'CC Environment: SIMULATION'
    spoiled 1 attestation.local 'the answer says: The GPU is in CC DevTools mode' \
        answer_of attest $'The GPU is in CC DevTools mode\nGPU Attestation is Successful.'
    spoiled 1 gpu.ready 'ready state: not-ready' \
        smi 'conf-compute -grs' 'Confidential Compute GPUs Ready state: not-ready'
    spoiled 1 attestation.local 'python3.11 failed (1): GPU Attestation failed' \
        fails_attestation 'GPU Attestation failed'
    spoiled 1 attestation.local 'no "GPU Attestation is Successful" in the answer: GPU Attestation is Successfully faked' \
        answer_of attest 'GPU Attestation is Successfully faked'
}

# What driver 580.159.04 prints on an H200 whose confidential mode is off.
@test "selftest: a GPU whose confidential mode is off fails all that says so, though it calls itself ready" {
    instance 1
    smi 'conf-compute -f' 'CC status: OFF'
    smi 'conf-compute -e' 'CC Environment: UNAVAILABLE'
    smi 'conf-compute -grs' $'\nConfidential Compute GPUs Ready state: not-ready\n'
    selftest
    expect_exit 1 'gpu.conf-compute: CC status: OFF, expected ON' 'gpu.devtools: DevTools Mode: OFF' \
        'gpu.environment: CC Environment: UNAVAILABLE, expected PRODUCTION' 'gpu.ready: ready state: not-ready'
    # -srs 1 succeeds there all the same.
    smi 'conf-compute -grs' $'\nConfidential Compute GPUs Ready state: ready\n'
    selftest
    assert_equal "$(grep '^not ok' <<<"$output" | sed 's/.* - \([a-z.-]*\): .*/\1/' | xargs)" 'gpu.conf-compute gpu.environment'
}

@test "selftest: what an older driver does not know is skipped" {
    instance 1
    touch "$STATE/nvidia-smi/conf-compute_-d.unknown" "$STATE/nvidia-smi/conf-compute_-e.unknown"
    selftest
    expect_exit 0 'gpu.devtools # SKIP nvidia-smi conf-compute -d failed (2)' 'gpu.environment # SKIP '
}

# stages STATUS...: what they come to.
stages() {
    ppcie_table "$@" >"$STATE/attest"
}

@test "selftest: each stage of the verifier for eight GPUs can fail, which its exit status does not say" {
    local s=SUCCESS f=FAILED n=SKIPPED
    spoiled 8 attestation.local 'the answer says: | GPU Pre-checks | FAILED |' stages $f $n $n $n $n
    spoiled 8 attestation.local 'the answer says: | Switch Pre-checks | FAILED |' stages $s $f $n $n $n
    spoiled 8 attestation.local 'the answer says: | GPU Attestation | FAILED |' stages $s $s $f $n $n
    spoiled 8 attestation.local 'the answer says: | Switch Attestation | FAILED |' stages $s $s $s $f $n
    spoiled 8 attestation.local 'the answer says: | Topology checks | FAILED |' stages $s $s $s $s $f
    spoiled 8 attestation.local 'the answer says: | GPU Pre-checks | SKIPPED |' stages $n $n $n $n $n
    spoiled 8 attestation.local 'the answer says: | Topology checks | SKIPPED |' stages $s $s $s $s $n
    spoiled 8 attestation.local 'no "Topology checks | SUCCESS" in the answer: PPCIE: End' stages $s $s $s $s UNKNOWN
    # A word of its report that is no stage's.
    instance 8
    echo 'PPCIE: FAILED before, and SKIPPED' >>"$STATE/attest"
    selftest
    expect_exit 0 'attestation.local: Topology checks | SUCCESS'
}

@test "selftest: a command that is not there" {
    instance 8
    rm "$BIN/nv-fabricmanager" "$BIN/nvidia-smi"
    selftest
    expect_exit 1 'fabric.version: there is no nv-fabricmanager' 'gpu.ready: there is no nvidia-smi conf-compute -grs'
}

@test "selftest: the bounce buffer without debugfs: the kernel's messages tell" {
    instance 1
    rm -r "$ROOT/sys/kernel"
    echo '[    0.1] software IO TLB: mapped [mem 0x0000000076000000-0x0000000276000000] (8192MB)' >"$STATE/dmesg"
    selftest --no-attest
    expect_exit 0 'kernel.swiotlb: the bounce buffer is 8192 MiB (4194304 slabs)'
    echo '[    0.1] software IO TLB: Cannot allocate buffer' >"$STATE/dmesg"
    selftest --no-attest
    expect_exit 1 'the bounce buffer is 0 MiB (0 slabs), expected 4194304'
    : >"$STATE/dmesg"
    selftest --no-attest
    # shellcheck disable=SC2016 # the command's
    command_of id <<<$'#!/bin/sh\necho 1000'
    selftest
    expect_exit 1 "can't be read" 'Run this as root.'
    command_of id <<<$'#!/bin/sh\necho 0'
    selftest
    expect_exit 1 "can't be read" 'Mount debugfs: mount -t debugfs debugfs /sys/kernel/debug'
    mkdir -p "$ROOT/sys/kernel/debug/swiotlb"
    selftest --no-attest
    expect_exit 1 'the bounce buffer is 0 MiB (0 slabs), expected 4194304'
}

@test "selftest: nvidia-persistenced is waited for" {
    instance 8
    echo 2 >"$STATE/units/nvidia-persistenced.service.starting"
    selftest
    expect_exit 0 '# waiting for nvidia-persistenced.service: activating (start)' 'nvidia-persistenced: active (running)'
    # Who waits for JSON is told apart from it.
    echo 2 >"$STATE/units/nvidia-persistenced.service.starting"
    selftest_json
    assert_equal "$(jq -r .verdict <<<"$output")" good
    # shellcheck disable=SC2154 # run sets it
    assert_equal "$(head -n 1 <<<"$stderr")" 'waiting for nvidia-persistenced.service: activating (start); with 8 GPUs this takes minutes'
    [[ $stderr == *'attesting: python3.11 -m ppcie'* ]] || fail "$stderr"
    echo forever >"$STATE/units/nvidia-persistenced.service.starting"
    selftest --wait 0
    expect_exit 1 'still activating (start) after 0 s'
}

@test "selftest: without nvidia-persistenced the GPU is not asked" {
    instance 1
    rm "$STATE/nvidia-smi"/*
    echo forever >"$STATE/units/nvidia-persistenced.service.starting"
    selftest --wait=1
    expect_exit 1 'nvidia-persistenced: still activating (start) after 1 s' \
        'gpu.ready # SKIP nvidia-persistenced is not running, so nvidia-smi must not run'
    assert_equal "$(grep -c '^not ok' <<<"$output")" 1

    instance 1
    unit nvidia-persistenced.service ActiveState=failed SubState=failed Result=timeout
    selftest
    expect_exit 1 'nvidia-persistenced: failed (timeout)'
    rm "$STATE/units/nvidia-persistenced.service"
    selftest
    expect_exit 1 'nvidia-persistenced: inactive (dead)'
}

@test "selftest: after a restart of nvidia-persistenced the order is not judged" {
    instance 1
    unit nvidia-persistenced.service ActiveState=active SubState=running InactiveExitTimestampMonotonic=90000000 \
        ActiveEnterTimestampMonotonic=95000000 InactiveEnterTimestampMonotonic=80000000
    selftest --no-attest
    expect_exit 0 'units.order # SKIP nvidia-persistenced was restarted after boot'
}

@test "selftest: what hangs is ended with all that it started, in every shell, also without setsid" {
    local shell
    instance 1
    # The limits are minutes; here they are seconds.
    SCRIPT=$BATS_TEST_TMPDIR/selftest
    sed -E 's/^(ASK|SMI|ATTEST)=[0-9]+/\1=1/' "$SELFTEST" >"$SCRIPT"
    touch "$STATE/nvidia-smi/conf-compute_-f.hangs" "$STATE/attest.hangs"
    for shell in dash 'busybox sh' 'bash --posix'; do
        SHELL_UNDER_TEST=$shell selftest
        expect_exit 1 'gpu.conf-compute: nvidia-smi conf-compute -f did not answer within 1 s' \
            'attestation.local: python3.11 did not answer within 1 s'
        assert_equal "$(grep -c '^not ok' <<<"$output")" 2
    done
    sed -i 's/command -v setsid/false/' "$SCRIPT"
    selftest
    expect_exit 1 'conf-compute -f did not answer within 1 s'
    touch "$STATE/units/nvidia-persistenced.service.hangs"
    selftest
    expect_exit 1 'nvidia-persistenced: unknown: systemctl did not answer within 1 s'
    run pgrep -f "sleep $HANG"
    assert_equal "$status" 1
}

@test "selftest: a signal ends what runs, and leaves nothing behind" {
    local pid rc=0
    instance 1
    touch "$STATE/nvidia-smi/conf-compute_-f.hangs"
    mkdir "$BATS_TEST_TMPDIR/tmp"
    sed "s/^SMI=[0-9]*/SMI=$((HANG + 1))/" "$SELFTEST" >"$BATS_TEST_TMPDIR/selftest"
    TMPDIR=$BATS_TEST_TMPDIR/tmp PATH=$BIN:$PATH dash "$BATS_TEST_TMPDIR/selftest" --root="$ROOT" \
        >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    until pgrep -f "sleep $HANG" >/dev/null; do
        kill -0 "$pid"
        sleep 0.1
    done
    kill -TERM "$pid"
    wait "$pid" || rc=$?
    assert_equal "$rc" 130
    assert_equal "$(ls -A "$BATS_TEST_TMPDIR/tmp")" ''
    run pgrep -f "sleep ($HANG|$((HANG + 1)))"
    assert_equal "$status" 1
}

@test "selftest --json: the same for machines; --result writes it as well" {
    instance 8
    smi 'conf-compute -mgm' $'Multi-GPU Mode: "No\\ne"\t# \xff'
    selftest_json
    assert_equal "$status" 1
    assert_equal "$(jq -r '"\(.selftest) \(.verdict) \(.exit) \(.baked) \(.gpus) \(.kernel) \(.driver) \(.swiotlb) \(.fabric_manager) \(.nscq)"' <<<"$output")" \
        '1 not good 1 0123abcd 8 5.10.134-18.al8.x86_64 570.148.08 4194304 570.148.08 570.148.08'
    assert_equal "$(result_of gpu.conf-compute)" "not ok"
    assert_equal "$(jq -r '.checks[] | select(.id == "gpu.conf-compute") | .text' <<<"$output")" \
        'Multi-GPU Mode: "No\ne" # ?, expected Protected PCIe'
    assert_equal "$(result_of attestation.local)" ok
    local json=$output
    selftest --result="$BATS_TEST_TMPDIR/result.json"
    assert_equal "$(cat "$BATS_TEST_TMPDIR/result.json")" "$json"
    assert_contains 'not ok 12 - gpu.conf-compute: Multi-GPU Mode: "No\ne" \# ?'
    selftest --result "$BATS_TEST_TMPDIR/other.json"
    assert_equal "$(cat "$BATS_TEST_TMPDIR/other.json")" "$json"
}

@test "selftest --result: a file that can't be written is an error, before or after" {
    local file
    instance 1
    mkdir "$BATS_TEST_TMPDIR/directory"
    for file in "$BATS_TEST_TMPDIR/directory" "$BATS_TEST_TMPDIR/absent/result.json"; do
        selftest --result="$file"
        expect_exit 2 "ccbake-selftest: --result: $file can't be written"
    done
    # It can be, until the attestation has filled the disk.
    mkdir "$BATS_TEST_TMPDIR/small"
    cat >"$BIN/python3.11" <<END
#!/bin/sh
head -c 1000000 /dev/zero >"$BATS_TEST_TMPDIR/small/filled" 2>/dev/null
cat "$STATE/attest"
END
    with_mount "mount -t tmpfs -o size=64k tmpfs $BATS_TEST_TMPDIR/small
        PATH=$BIN:$PATH dash $SELFTEST --root=$ROOT --result=$BATS_TEST_TMPDIR/small/result.json || { echo \$?; ls $BATS_TEST_TMPDIR/small; }"
    assert_contains "the result could not be written to $BATS_TEST_TMPDIR/small/result.json"
    assert_equal "${lines[-2]} ${lines[-1]}" "1 filled"
}

@test "selftest --json: what runs, not what should" {
    instance 8
    rm -r "$ROOT/sys/bus/pci/devices/0000:03:00.0" "$ROOT/usr/lib64/libnvidia-nscq.so.2"
    answer_of nv-fabricmanager 'Fabric Manager version is : 570.133.20'
    put sys/kernel/debug/swiotlb/io_tlb_nslabs 32768
    selftest_json
    assert_equal "$(jq -c '[.gpus, .expected_gpus, .fabric_manager, .nscq, .swiotlb]' <<<"$output")" \
        '[7,8,"570.133.20","","32768"]'
}

@test "selftest: wrong usage, and an image that does not say what it is" {
    instance 1
    selftest --frob
    expect_exit 2 '--frob is not an option'
    selftest --wait=long
    expect_exit 2 'expected a number'
    selftest --wait
    expect_exit 2 '--wait needs a value'
    expect_in_image gpus=4
    selftest
    expect_exit 2 'does not say "gpus=1" or "gpus=8"'
    rm "$ROOT/etc/ccbake/selftest.conf"
    selftest
    expect_exit 2 "can't be read"
    run dash "$SELFTEST" --help
    expect_exit 0 'exit status: 0 good'
    run dash "$SELFTEST" -h
    expect_exit 0 'exit status: 0 good'
}
