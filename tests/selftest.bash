# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Recorded instances for ccbake-selftest: the files that it reads are in $ROOT, the commands that it runs in $BIN, their answers
# in $STATE.  They are good, as documented; a test changes one thing.
#
#   instance 1|8                 makes a good instance
#   smi "ARGUMENTS" TEXT         sets the answer of nvidia-smi
#   ppcie_table STATUS...        sets the output of the verifier for eight GPUs
#   unit NAME PROPERTY=VALUE...  sets the answer of systemctl about a unit
#   selftest [ARGUMENT]...       runs the self-test; $output is both outputs
#   selftest_json [ARGUMENT]...  the same with --json; standard error is in $stderr

SELFTEST=$TOP/overlays/selftest/ccbake-selftest

command_of() {
    cat >"$BIN/$1"
    chmod +x "$BIN/$1"
}

put() {
    mkdir -p "$(dirname "$ROOT/$1")"
    printf '%s\n' "$2" >"$ROOT/$1"
}

device() {
    put "sys/bus/pci/devices/$1/vendor" "$2"
    put "sys/bus/pci/devices/$1/class" "$3"
}

smi() {
    printf '%s\n' "$2" >"$STATE/nvidia-smi/${1// /_}"
}

# ppcie_table STATUS...: the answer of NVIDIA's verifier for eight GPUs: what its five stages came to. They are made one
# after the other, up to one that fails; its exit status is 0 always.
ppcie_table() {
    local stage line=+--------------------+---------+
    printf '%s\n' 'PPCIE: Starting PPCIE Verification Tool' 'PPCIE: Number of GPUs are: 8' 'PPCIE: Number of NVSwitches are: 4'
    printf '%s\n' "$line" '|       STAGE        |  STATUS |' "$line"
    for stage in '  GPU Pre-checks  ' 'Switch Pre-checks ' ' GPU Attestation  ' 'Switch Attestation' ' Topology checks  '; do
        printf '| %s | %-7s |\n' "$stage" "$1"
        shift
    done
    printf '%s\n' "$line" 'PPCIE: End of PPCIE Verification Tool'
}

unit() {
    local name=$1
    shift
    printf '%s\n' "$@" >"$STATE/units/$name"
}

expect_in_image() {
    put etc/ccbake/selftest.conf "$(printf '%s\n' "$@")"
}

# Where nobody recorded an answer, the commands fail, and say so.
commands() {
    command_of nvidia-smi <<'END'
#!/bin/sh
name=$(printf '%s' "$*" | tr ' ' '_')
[ -e "$STATE/nvidia-smi/$name.hangs" ] && exec sleep "$HANG"
# Of an option that it does not know the real one says so, and exits with 2.
[ ! -e "$STATE/nvidia-smi/$name.unknown" ] || { echo "Option $2 is not recognized. Please run 'nvidia-smi -h'."; exit 2; }
cat "$STATE/nvidia-smi/$name" 2>/dev/null || { echo "NVIDIA-SMI has failed: $*"; exit 9; }
END
    command_of systemctl <<'END'
#!/bin/sh
# show --property=A,B UNIT
file=$STATE/units/$3
echo "$3" >>"$STATE/asked"
[ -e "$file.hangs" ] && exec sleep "$HANG"
# It says nothing more of the times of a unit, or of all.
case $2 in *Timestamp*)
    if [ -e "$STATE/no-times" ] && grep -qFx -e "$3" -e all "$STATE/no-times"; then exit "$(cat "$STATE/no-times.status")"; fi
    ;;
esac
# A unit that is starting has started when it was asked for so often as the file says.
if [ -s "$file.starting" ]; then
    left=$(cat "$file.starting")
    [ "$left" = forever ] || echo $((left - 1)) >"$file.starting"
    if [ "$left" = forever ] || [ "$left" -gt 0 ]; then
        printf 'ActiveState=activating\nSubState=start\n'
        exit
    fi
fi
[ -e "$file" ] || { printf 'ActiveState=inactive\nSubState=dead\nInactiveExitTimestampMonotonic=0\n'; exit; }
wanted=$(printf '%s' "${2#--property=}" | tr ',' '|')
grep -E "^($wanted)=" "$file"
END
    command_of dmesg <<'END'
#!/bin/sh
cat "$STATE/dmesg"
END
    command_of nv-fabricmanager <<'END'
#!/bin/sh
cat "$STATE/nv-fabricmanager"
END
    # configfs has the attributes of a report that is made, and makes the quote when it is read.
    command_of cat <<'END'
#!/bin/sh
case ${1:-} in
*/tsm/report/*/outblob)
    [ ! -e "$STATE/quote.status" ] || { echo "cat: $1: Input/output error"; exit 1; }
    exec "$STATE/quote" "${1%/*}/inblob"
    ;;
esac
exec /bin/cat "$@"
END
    command_of rmdir <<'END'
#!/bin/sh
case $1 in */tsm/report/*) exec rm -r "$1" ;; esac
exec /bin/rmdir "$@"
END
    command_of python3 <<'END'
#!/bin/sh
# -c PROGRAM DEVICE NONCE
echo "$3" >"$STATE/asked-device"
[ ! -e "$STATE/quote.status" ] || { echo "status 0x8000000000000001, 0 bytes without a quote"; exit 1; }
exec "$STATE/quote" "$4"
END
    # quote FILE: of version 4, of 1100 bytes, with the 64 bytes of the file.
    cat >"$STATE/quote" <<'END'
#!/bin/sh
printf '\004\000\002\000\201\000\000\000'
head -c 560 /dev/zero
head -c 64 "$1"
head -c 468 /dev/zero
END
    chmod +x "$STATE/quote"
    command_of python3.11 <<'END'
#!/bin/sh
echo "$*" >"$STATE/attested"
[ -e "$STATE/attest.hangs" ] && exec sleep "$HANG"
cat "$STATE/attest"
exit "$(cat "$STATE/attest.status")"
END
}

started() {
    unit "$1" ActiveState=active SubState=running Result=success "InactiveExitTimestampMonotonic=$2" \
        "ActiveEnterTimestampMonotonic=$3" InactiveEnterTimestampMonotonic=0
}

instance() {
    local gpus=$1 driver=550.144.03 i
    ROOT=$BATS_TEST_TMPDIR/root BIN=$BATS_TEST_TMPDIR/bin STATE=$BATS_TEST_TMPDIR/state
    HANG=$((1000000 + BASHPID)) # seconds, by which such a process is found again
    export STATE HANG
    rm -rf "$ROOT" "$BIN" "$STATE"
    mkdir -p "$ROOT" "$BIN" "$STATE/nvidia-smi" "$STATE/units"
    commands
    put proc/cpuinfo $'processor\t: 0\nflags\t\t: fpu vme hypervisor tdx_guest amx_tile'
    put dev/tdx_guest ''
    put sys/module/tdx_guest/parameters/tsm_api 0
    put proc/sys/kernel/osrelease 5.10.134-18.al8.x86_64
    put sys/kernel/debug/swiotlb/io_tlb_nslabs 4194304
    : >"$STATE/dmesg"
    device 0000:00:01.0 0x1af4 0x010000
    for ((i = 0; i < gpus; i++)); do
        device "0000:0$i:00.0" 0x10de 0x030200
    done
    if ((gpus == 8)); then
        driver=570.148.08
        for i in a b c d; do
            device "0000:0$i:00.0" 0x10de 0x068000
        done
    fi
    put proc/driver/nvidia/version "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  $driver  Release Build"
    put proc/driver/nvidia/params 'RegistryDwords: ""'
    put proc/modules $'nvidia_uvm 2121728 0 - Live 0x0\nnvidia 14376960 2 nvidia_uvm, Live 0x0'
    put sys/module/nvidia/version "$driver"
    smi '--query-gpu=driver_version --format=csv,noheader' "$(yes "$driver" | head -n "$gpus")"
    smi 'conf-compute -f' 'CC status: ON'
    smi 'conf-compute -d' 'DevTools Mode: OFF'
    smi 'conf-compute -e' 'CC Environment: PRODUCTION'
    # As driver 580.159.04 prints it, with an empty line before and after.
    smi 'conf-compute -grs' $'\nConfidential Compute GPUs Ready state: ready\n'
    started nvidia-persistenced.service 20000000 40000000
    started cloudmonitor.service 40000100 40000200
    printf '%s\n' '	GPU 0 with UUID GPU-1 verified successfully.' 'GPU Attestation is Successful.' >"$STATE/attest"
    echo 0 >"$STATE/attest.status"
    local expected=("gpus=$gpus" kernel=5.10.134-18.al8.x86_64 "driver=$driver" swiotlb=4194304 baked=0123abcd
        'consumers=cloudmonitor.service nvidia-cdi-refresh.service ollama.service'
        'attest=python3.11 -m verifier.cc_admin --user_mode' 'attest_success=GPU Attestation is Successful')
    if ((gpus == 8)); then
        put proc/driver/nvidia/params 'RegistryDwords: "RmEnableProtectedPcie=0x1"'
        smi 'conf-compute -f' 'CC status: OFF'
        smi 'conf-compute -e' 'CC Environment: UNAVAILABLE'
        smi 'conf-compute -mgm' 'Multi-GPU Mode: Protected PCIe'
        started nvidia-fabricmanager.service 10000000 15000000
        echo "Fabric Manager version is : $driver" >"$STATE/nv-fabricmanager"
        put "usr/lib64/libnvidia-nscq.so.$driver" library
        ln -sf "libnvidia-nscq.so.$driver" "$ROOT/usr/lib64/libnvidia-nscq.so.2.0"
        ln -sf libnvidia-nscq.so.2.0 "$ROOT/usr/lib64/libnvidia-nscq.so.2"
        ppcie_table SUCCESS SUCCESS SUCCESS SUCCESS SUCCESS >"$STATE/attest"
        expected+=("fabric_manager=$driver" "nscq=$driver"
            'attest=python3.11 -m ppcie.verifier.verification --gpu-attestation-mode=LOCAL --switch-attestation-mode=LOCAL'
            'attest_success=Topology checks | SUCCESS' 'attest_failure=| FAILED |' 'attest_failure=| SKIPPED |')
    fi
    expect_in_image "${expected[@]}"
}

bats_require_minimum_version 1.5.0 # for run's options

# Through ${SHELL_UNDER_TEST:-dash}.
selftest_command() {
    # shellcheck disable=SC2086 # words
    PATH=$BIN:$PATH timeout -k 5 120 ${SHELL_UNDER_TEST:-dash} "${SCRIPT:-$SELFTEST}" --root="$ROOT" "$@"
}

selftest() {
    run selftest_command "$@"
}

selftest_json() {
    run --separate-stderr selftest_command --json "$@"
}
