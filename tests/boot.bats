#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ccbake boot on the stand-in base and on copies of it that are broken on purpose.  A boot takes about a minute
# under emulation.

load helpers

setup_file() {
        standin base
        export LIBGUESTFS_BACKEND=direct BASE=$STANDIN/base.qcow2
}

has_not() {
        [[ $output != *"$1"* ]] || {
                printf 'not expected in the output: %s\n%s\n' "$1" "$output"
                return 1
        }
}

# unit NAME TYPE COMMAND [LINE]...: writes the unit for the next `change`.
unit() {
        local name=$1 type=$2 command=$3
        shift 3
        {
                printf '[Unit]\nDescription=Test %s\n' "$name"
                printf '%s\n' "$@"
                printf '[Service]\nType=%s\nExecStart=%s\n[Install]\nWantedBy=multi-user.target\n' "$type" "$command"
        } >"$BATS_TEST_TMPDIR/$name"
}

# change IMAGE [COMMAND]: a copy of the base with the units that were written, enabled, and a guestfish command.
change() {
        local image=$1 system=/etc/systemd/system path name
        cp "$BASE" "$image"
        {
                printf 'run\nmount /dev/sda3 /\nmkdir-p %s/multi-user.target.wants\n' "$system"
                for path in "$BATS_TEST_TMPDIR"/*.service; do
                        [ -e "$path" ] || continue
                        name=${path##*/}
                        printf 'upload %s %s/%s\nln-s %s/%s %s/multi-user.target.wants/%s\n' \
                                "$path" "$system" "$name" "$system" "$name" "$system" "$name"
                done
                printf '%s\n' "${2:-}"
        } | LIBGUESTFS_BACKEND_SETTINGS=force_tcg guestfish -a "$image"
}

# argue IMAGE ARGUMENT: a copy of the base whose default entry has one more kernel argument.
argue() {
        change "$1" "command \"sed -i 's|^options.*|& $2|' $(
                LIBGUESTFS_BACKEND_SETTINGS=force_tcg guestfish --ro -a "$BASE" run : mount /dev/sda3 / : \
                        glob echo '/boot/loader/entries/*.conf'
        )\""
}

@test "boot: the base comes up, and is not written" {
        local before
        before=$(sha256sum <"$BASE")
        run_ccbake 0 boot "$BASE" --log="$BATS_TEST_TMPDIR/log"
        assert_contains 'up       multi-user.target'
        has_not 'FAILED'
        grep -q 'Linux version' "$BATS_TEST_TMPDIR/log"
        [ "$(sha256sum <"$BASE")" = "$before" ]
}

@test "boot: 8 GPUs: failures that need a GPU are expected, and the order is kept" {
        unit nvidia-fabricmanager.service oneshot "/bin/sh -c 'sleep 1; exit 1'"
        unit nvidia-persistenced.service forking /bin/false After=nvidia-fabricmanager.service \
                'Before=cloudmonitor.service late.service'
        unit cloudmonitor.service simple '/bin/sleep 600'
        unit late.service simple '/bin/sleep 600'
        change "$BATS_TEST_TMPDIR/good.qcow2"
        run_ccbake 0 boot --gpus=8 "$BATS_TEST_TMPDIR/good.qcow2"
        assert_contains 'nvidia-persistenced.service (exit-code) failed: expected here, there is no GPU'
        assert_contains 'order    nvidia-fabricmanager.service, then nvidia-persistenced.service'
        assert_contains 'order    nvidia-persistenced.service, then cloudmonitor.service'
        assert_contains 'order    nvidia-persistenced.service, then late.service'
        [ -s "$BATS_TEST_TMPDIR/good.qcow2.boot.log" ]
}

@test "boot --json: another failure, a violated order and a missing unit are not expected: exit 8" {
        unit nvidia-persistenced.service oneshot "/bin/sh -c 'sleep 2; exit 1'"
        unit cloudmonitor.service simple '/bin/sleep 600'
        unit broken.service oneshot /bin/false
        change "$BATS_TEST_TMPDIR/bad.qcow2"
        run_ccbake 8 boot --gpus=8 --json "$BATS_TEST_TMPDIR/bad.qcow2"
        assert_contains 'boots, but broken.service failed'
        python3 - "$output" <<'END'
import json, sys
text = sys.argv[1]
result = json.JSONDecoder().raw_decode(text[text.index("{"):])[0]
assert result["good"] is False and result["target"] == "multi-user.target", result
failed = {f["unit"]: f for f in result["failed"]}
assert failed["broken.service"] == {"unit": "broken.service", "reason": "exit-code", "expected": False}, failed
assert failed["nvidia-persistenced.service"]["expected"] is True, failed
assert result["order"] == [{"before": "nvidia-persistenced.service", "after": "cloudmonitor.service",
                            "kept": False}], result["order"]
assert result["missing"] == ["nvidia-fabricmanager.service"], result["missing"]
END
}

@test "boot: a panic ends the test at once" {
        argue "$BATS_TEST_TMPDIR/panic.qcow2" rdinit=/bin/false
        SECONDS=0
        run_ccbake 8 boot "$BATS_TEST_TMPDIR/panic.qcow2"
        assert_contains 'does not boot: the kernel panicked: "'
        [ "$SECONDS" -lt 120 ]
}

@test "boot: emergency mode ends the test at once" {
        argue "$BATS_TEST_TMPDIR/emergency.qcow2" systemd.unit=emergency.target
        SECONDS=0
        run_ccbake 8 boot "$BATS_TEST_TMPDIR/emergency.qcow2"
        assert_contains 'does not boot: the system'
        assert_contains 'emergency'
        [ "$SECONDS" -lt 240 ]
}

@test "boot: the limit says how far it came, and leaves nothing behind" {
        mkdir "$BATS_TEST_TMPDIR/tmp"
        TMPDIR=$BATS_TEST_TMPDIR/tmp run_ccbake 8 boot --limit=3 --log="$BATS_TEST_TMPDIR/log" "$BASE"
        assert_contains 'not up after 3 s'
        run pgrep -f "$BATS_TEST_TMPDIR/tmp"
        [ "$status" -eq 1 ]
        [ -z "$(ls -A "$BATS_TEST_TMPDIR/tmp")" ]
}

@test "boot: a signal ends QEMU and removes the overlay: exit 130" {
        local pid rc=0
        mkdir "$BATS_TEST_TMPDIR/tmp"
        TMPDIR=$BATS_TEST_TMPDIR/tmp "$CCBAKE" boot --log="$BATS_TEST_TMPDIR/log" "$BASE" 3>&- &
        pid=$!
        until [ -s "$BATS_TEST_TMPDIR/log" ]; do
                kill -0 "$pid"
                sleep 0.2
        done
        kill -TERM "$pid"
        wait "$pid" || rc=$?
        [ "$rc" -eq 130 ] || { echo "exit $rc"; return 1; }
        run pgrep -f "$BATS_TEST_TMPDIR/tmp"
        [ "$status" -eq 1 ]
        [ -z "$(ls -A "$BATS_TEST_TMPDIR/tmp")" ]
}

@test "boot: what is no image is refused" {
        echo no image >"$BATS_TEST_TMPDIR/x.qcow2"
        run_ccbake 4 boot "$BATS_TEST_TMPDIR/x.qcow2"
        run_ccbake 4 boot "$BATS_TEST_TMPDIR/absent.qcow2"
        run_ccbake 2 boot
}
