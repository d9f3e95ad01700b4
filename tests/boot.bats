#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ccbake boot on the stand-in base and on copies of it that are broken on purpose.  A boot takes half a minute under
# emulation.

load helpers

setup_file() {
        standin base
        export BASE=$STANDIN/base.qcow2
}

has_not() {
        [[ $output != *"$1"* ]] || {
                printf 'not expected in the output: %s\n%s\n' "$1" "$output"
                return 1
        }
}

# lacks GREP-ARGUMENT...: no line of the file matches.
lacks() {
        run grep "$@"
        [ "$status" -eq 1 ]
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

# change IMAGE [EDITS]: a copy of the base with the units that were written, enabled, and edits for tests/mutate.
change() {
        local image=$1 path
        cp "$BASE" "$image"
        {
                for path in "$BATS_TEST_TMPDIR"/*.service; do
                        [ ! -e "$path" ] || printf 'enabled_unit %s <%s\n' "${path##*/}" "$path"
                done
                printf '%s\n' "${2:-}"
        } | "$TOP/tests/mutate" "$image"
}

# drop_in NAME LINE: an edit for `change`.
drop_in() {
        printf 'printf "[Unit]\\n%s\\n" | put $UNITS/%s.d/10-ccbake.conf\n' "$2" "$1"
}

# argue IMAGE ARGUMENT [EDITS]: a copy of the base whose default entry has one more kernel argument.
argue() {
        change "$1" "change \$ENTRY 's|^options.*|& $2|'
${3:-}"
}

@test "boot: the base comes up, and is not written" {
        local before
        before=$(sha256sum <"$BASE")
        run_ccbake 0 boot "$BASE" --log="$BATS_TEST_TMPDIR/log"
        assert_contains 'up       multi-user.target'
        assert_contains 'entries: units and their order are the guest'
        has_not 'FAILED'
        has_not 'could not be read'
        grep -Eq '^ {5,}[0-9]+\.[0-9]{3} .*Linux version' "$BATS_TEST_TMPDIR/log"
        # Every line has its time, times never go back, and no control character is left.
        lacks -Ev '^ *[0-9]+\.[0-9]{3} ' "$BATS_TEST_TMPDIR/log"
        lacks -P '[\x00-\x08\x0b-\x1f]' "$BATS_TEST_TMPDIR/log"
        awk '{ print $1 }' "$BATS_TEST_TMPDIR/log" | sort -nc
        [ "$(sha256sum <"$BASE")" = "$before" ]
}

@test "boot: 8 GPUs: failures that need a GPU are expected, and the order is kept" {
        unit nvidia-fabricmanager.service oneshot "/bin/sh -c 'sleep 1; exit 1'"
        unit nvidia-persistenced.service forking /bin/false After=nvidia-fabricmanager.service \
                'Before=cloudmonitor.service late.service'
        unit cloudmonitor.service simple '/bin/sleep 600'
        unit late.service simple '/bin/sleep 600'
        unit gpu-job.service simple '/bin/sleep 600' Requires=nvidia-persistenced.service After=nvidia-persistenced.service
        unit dropped.service simple '/bin/sleep 600'
        unit bound.service simple '/bin/sleep 600' After=nvidia-persistenced.service
        change "$BATS_TEST_TMPDIR/good.qcow2" "$(
                drop_in dropped.service After=nvidia-persistenced.service
                drop_in bound.service BindsTo=nvidia-persistenced.service
                drop_in absent.service After=nvidia-persistenced.service
        )"
        run_ccbake 0 boot --gpus=8 "$BATS_TEST_TMPDIR/good.qcow2"
        assert_contains 'nvidia-persistenced.service (exit-code) failed: expected here, there is no GPU: it opens'
        assert_contains 'gpu-job.service (dependency) failed: expected here, there is no GPU: it requires nvidia-persist'
        assert_contains 'order    nvidia-fabricmanager.service, then nvidia-persistenced.service'
        assert_contains 'order    nvidia-persistenced.service, then cloudmonitor.service'
        assert_contains 'order    nvidia-persistenced.service, then late.service'
        assert_contains 'order    nvidia-persistenced.service, then dropped.service'
        assert_contains 'bound.service (dependency) failed: expected here, there is no GPU: it requires nvidia-persist'
        assert_contains 'note     nvidia-persistenced.service, then absent.service: their order is not checked, they were not both seen'
        [ -s "$BATS_TEST_TMPDIR/good.qcow2.boot.log" ]
}

@test "boot --json: another failure, a violated order and a missing unit are not expected: exit 8" {
        unit nvidia-persistenced.service oneshot "/bin/sh -c 'sleep 2; exit 1'"
        unit cloudmonitor.service simple '/bin/sleep 600'
        unit broken.service oneshot "/bin/sh -c 'echo out of luck; exit 7'"
        unit nvidia-cdi-refresh.service oneshot /usr/bin/not-installed
        change "$BATS_TEST_TMPDIR/bad.qcow2"
        run_ccbake 8 boot --gpus=8 --json "$BATS_TEST_TMPDIR/bad.qcow2"
        assert_contains ' failed'
        python3 - "$output" <<'END'
import json, sys
text = sys.argv[1]
result = json.JSONDecoder().raw_decode(text[text.index("{"):])[0]
assert result["good"] is False and result["target"] == "multi-user.target", result
failed = {f["unit"]: f for f in result["failed"]}
broken = failed["broken.service"]
assert (broken["reason"], broken["expected"], broken["why"]) == ("exit-code", False, None), broken
assert "out of luck" in broken["lines"], broken
assert any("status=7" in line for line in broken["lines"]), broken
assert failed["nvidia-persistenced.service"]["expected"] is True, failed
assert failed["nvidia-cdi-refresh.service"]["expected"] is False, "its program is not there"
assert result["source"] == "journal" and result["entries"] > 50, result
order, = [o for o in result["order"] if o["after"] == "cloudmonitor.service"]
assert order["before"] == "nvidia-persistenced.service" and order["kept"] is False, order
assert order["began"] < order["done"], order
assert result["missing"] == ["nvidia-fabricmanager.service"], result["missing"]
END
}

# The kernel skips zeros between two initramfs: harmless behind the first, and a panic in its place.
@test "boot: the initrds of a boot entry are concatenated, also large ones" {
        change "$BATS_TEST_TMPDIR/two.qcow2" "truncate -s 2M boot/second.img
change \$ENTRY 's|^initrd.*|& /boot/second.img|'"
        run_ccbake 0 boot --backend=appliance "$BATS_TEST_TMPDIR/two.qcow2"
        assert_contains 'up       multi-user.target'
}

@test "boot: a panic ends the test at once" {
        argue "$BATS_TEST_TMPDIR/panic.qcow2" rdinit=/bin/false
        SECONDS=0
        run_ccbake 8 boot "$BATS_TEST_TMPDIR/panic.qcow2"
        assert_contains 'does not boot: the kernel panicked: "'
        [ "$SECONDS" -lt 120 ]
}

@test "boot: emergency mode ends the test at once; without a journal the console is judged, and that is said" {
        argue "$BATS_TEST_TMPDIR/emergency.qcow2" systemd.unit=emergency.target 'rm usr/bin/journalctl'
        SECONDS=0
        run_ccbake 8 boot "$BATS_TEST_TMPDIR/emergency.qcow2"
        assert_contains 'does not boot: the system'
        assert_contains 'emergency'
        assert_contains "the guest's journal could not be read (the image has no /usr/bin/journalctl): the console was checked instead"
        [ "$SECONDS" -lt 240 ]
}

@test "boot --firmware=uefi: the image's own loader, boot entry and command line bring it up" {
        local vars=/usr/share/OVMF/OVMF_VARS_4M.fd before
        before=$(cat "$BASE" "$vars" | sha256sum)
        run_ccbake 0 boot --firmware=uefi --log="$BATS_TEST_TMPDIR/log" "$BASE"
        assert_contains 'firmware /'
        assert_contains 'up       multi-user.target'
        assert_contains 'entries: units and their order are the guest'
        has_not 'could not be read'
        grep -q 'BdsDxe: starting Boot' "$BATS_TEST_TMPDIR/log"
        grep -q 'Stand-in for the boot loader' "$BATS_TEST_TMPDIR/log"
        # Quiet, as the image's own command line says: nothing was added to it.
        lacks 'Linux version' "$BATS_TEST_TMPDIR/log"
        [ "$(cat "$BASE" "$vars" | sha256sum)" = "$before" ]
}

@test "boot --firmware=uefi: says how far a boot came that GRUB gave up" {
        cp "$BASE" "$BATS_TEST_TMPDIR/lost.qcow2"
        "$TOP/tests/mutate" "$BATS_TEST_TMPDIR/lost.qcow2" <<'END'
ESP="$DISK@@$(($(sfdisk --json "$DISK" | jq ".partitiontable.partitions[1].start") * 512))"
echo 'search --file --set=root /boot/lost/grub.cfg' >"$dir/stub"
mcopy -o -i "$ESP" "$dir/stub" ::/EFI/alinux/grub.cfg
END
        run_ccbake 8 boot --firmware=uefi "$BATS_TEST_TMPDIR/lost.qcow2"
        assert_contains 'does not boot: GRUB gave up and shows its prompt'
        assert_contains 'error: no such device: /boot/lost/grub.cfg'
        assert_contains 'could not be read (no entry came on the second serial port): the console was checked instead'
}

# A terminal of its own, whose settings are looked at before and after.
@test "boot --interactive: a console as root, nothing is kept, and the terminal is as it was" {
        local before
        before=$(sha256sum <"$BASE")
        python3 - "$CCBAKE" "$BASE" "$BATS_TEST_TMPDIR/log" <<'END'
import os, pty, select, signal, sys, termios, time
ccbake, image, log = sys.argv[1:]

def start():
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.login_tty(slave)
        os.execv(ccbake, [ccbake, "boot", "-i", "--log=" + log, image])
    return pid, master, slave, before

# With `slow`, so many bytes at a time: a terminal that takes less than a guest can print.
def until(master, word, seconds, slow=0):
    seen, end = b"", time.monotonic() + seconds
    while word not in seen:
        assert time.monotonic() < end, (word, seen[-2000:])
        if select.select([master], [], [], 1)[0]:
            seen += os.read(master, slow or 65536)
        if slow:
            time.sleep(0.05)
    return seen

def finish(pid, slave, before, code):
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == code, status
    assert termios.tcgetattr(slave) == before, "the terminal is not as it was"

pid, master, slave, before = start()
until(master, b"root@", 300)
os.write(master, b"echo kept >/kept; sync; cat /etc/ccbake-standin\r")
until(master, b"This is a stand-in", 60)
# Nobody reads a second port, so there is none.
os.write(master, b"grep -c '^1: uart:unknown' /proc/tty/driver/serial && echo a''lone\r")
until(master, b"alone", 60)
assert termios.tcgetattr(slave) != before
os.write(master, b"\x01x")
assert b"\x1b[?25h\x1b[?2004l" in until(master, b"the image is unchanged", 60)
finish(pid, slave, before, 0)

# A guest that prints more than this terminal takes: the keys count all the same.
pid, master, slave, before = start()
until(master, b"root@", 300)
os.write(master, b"yes | head -c 100000000\r")
until(master, b"y\r\ny\r\ny\r\n", 60)
os.write(master, b"\x01x")
until(master, b"the image is unchanged", 60, 1024)
finish(pid, slave, before, 0)

pid, master, slave, before = start()
until(master, b"Ctrl-A x ends it", 60)
while termios.tcgetattr(slave) == before:
    time.sleep(0.1)
os.kill(pid, signal.SIGTERM)
finish(pid, slave, before, 130)
END
        [ "$(sha256sum <"$BASE")" = "$before" ]
        run_ccbake 2 boot --interactive "$BASE"
        assert_contains 'needs a terminal'
        run_ccbake 2 boot --interactive --json "$BASE"
}

@test "boot: the limit says how far it came, and leaves nothing behind" {
        mkdir "$BATS_TEST_TMPDIR/tmp"
        change "$BATS_TEST_TMPDIR/x.qcow2" $'mv "$ENTRY" boot/loader/entries/a\033cb.conf'
        TMPDIR=$BATS_TEST_TMPDIR/tmp run_ccbake 8 boot --limit=3 --log="$BATS_TEST_TMPDIR/log" "$BATS_TEST_TMPDIR/x.qcow2"
        # What the image calls its boot entry is no command to this terminal.
        assert_contains 'entry    a\x1bcb'
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

@test "boot: a log that would replace the image is refused, under another name of it, too" {
        local copy=$BATS_TEST_TMPDIR/x.qcow2 before
        qemu-img create -q -f qcow2 "$copy" 1M
        ln -s x.qcow2 "$BATS_TEST_TMPDIR/symlink"
        ln "$copy" "$copy.boot.log"
        before=$(sha256sum <"$copy")
        run_ccbake 2 boot --log="$copy" "$copy"
        assert_contains "the log would replace the image $copy"
        run_ccbake 2 boot --log="$BATS_TEST_TMPDIR/symlink" "$copy"
        run_ccbake 2 boot "$copy"
        [ "$(sha256sum <"$copy")" = "$before" ]
}

@test "boot: what is no image is refused" {
        echo no image >"$BATS_TEST_TMPDIR/x.qcow2"
        run_ccbake 4 boot "$BATS_TEST_TMPDIR/x.qcow2"
        run_ccbake 4 boot "$BATS_TEST_TMPDIR/absent.qcow2"
        run_ccbake 2 boot
}

@test "boot --backend: the image is opened through no other" {
        run_ccbake 2 boot --backend=window "$BASE"
        LIBGUESTFS_PATH=/nonexistent run_ccbake 5 boot --backend=appliance --log="$BATS_TEST_TMPDIR/log" "$BASE"
        assert_contains 'libguestfs appliance'
        LIBGUESTFS_PATH=/nonexistent run_ccbake 8 boot --backend=host --limit=1 --log="$BATS_TEST_TMPDIR/log" "$BASE"
        assert_contains 'not up after 1 s'
}

@test "boot: a variable of libguestfs that it can't use is named" {
        LIBGUESTFS_MEMSIZE=lots run_ccbake 5 boot --backend=appliance --log="$BATS_TEST_TMPDIR/log" "$BASE"
        assert_contains "a LIBGUESTFS_ variable can't be used: "
        assert_contains 'LIBGUESTFS_MEMSIZE'
}
