#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Steps on small guests, through the host backend: the emitted image is read back without ccbake.  And the isolation of
# commands and of hostile guests.

# shellcheck disable=SC2016 # what looks like a variable is meant for recipes, guests and messages

load helpers

NEW=5.10.134-18.al8.x86_64
OLD=5.10.134-17.3.al8.x86_64
ID=20250117105006363114529432776998

setup_file() {
    export CCBAKE_CACHE_DIR=$BATS_FILE_TMPDIR/cache
    must_have_host_backend
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    ROOT=$BATS_TEST_TMPDIR/root
}

teardown() {
    ! mountpoint -q "$BATS_TEST_TMPDIR/root" || umount "$BATS_TEST_TMPDIR/root"
    [[ -z ${TARGET:-} ]] || rm -rf "$TARGET"
}

# guest [OPTION...]: base.qcow2
guest() {
    small_guest "$BATS_TEST_TMPDIR/base.qcow2" "$@"
}

# recipe: r.yaml with steps from standard input.
recipe() {
    printf '%s\n' 'format: 1' 'name: t' 'gpus: 1' "$(base_key base.qcow2)" >r.yaml
    cat >>r.yaml
}

# bake [RC]: t.qcow2
bake() {
    run_ccbake "${1:-0}" bake --backend=host --no-verify r.yaml
}

# look IMAGE: its root partition, mounted read-only on $ROOT.  A new file each time: mount takes a loop device again that
# still shows what the file held before.
look() {
    local start size disk
    disk=$(mktemp disk-XXXXXX.raw)
    qemu-img convert -O raw "$1" "$disk"
    read -r start size < <(sfdisk --json "$disk" | jq -r '.partitiontable.partitions[2] | "\(.start) \(.size)"')
    mkdir -p "$ROOT"
    mount -o "loop,ro,noload,offset=$((start * 512)),sizelimit=$((size * 512))" "$disk" "$ROOT"
    e2fsck -fn "$disk?offset=$((start * 512))" >fsck.log 2>&1 || fail "the file system is not clean" "$(cat fsck.log)"
}

# content PATH TEXT: a file of the image says exactly that.
content() {
    diff -u <(printf '%s\n' "$2") "$ROOT$1" || fail "$1 is not what it should be"
}

# entry PATH "MODE UID:GID TYPE"
entry() {
    assert_equal "$1 $(stat -c '%04a %u:%g %F' "$ROOT$1")" "$1 $2"
}

# once FILE ARGUMENT NAME: the argument stands in the file once, and its name no more often.
once() {
    assert_equal "$1: $(grep -oF -- "$2" "$ROOT$1" | wc -l) $(grep -oE -- "(^|[ \"=])$3(=|\$|[ \"])" "$ROOT$1" | wc -l)" "$1: 1 1"
}

# --- kernels ---

@test "steps: a kernel below the minimum is refused, at and above it is not" {
    local release
    for release in 17.3 16 18 18.1 19; do
        guest --kver "5.10.134-$release.al8.x86_64"
        recipe <<<'steps: [kernel]'
        case $release in
            1[67]*)
                bake 4
                assert_contains "ccbake: the base's kernel 5.10.134-$release.al8.x86_64 is older than 5.10.134-18.al8
hint: take a newer base image, or add a \"kernel\" step with newer packages"
                assert_equal "$(ls -A)" "$(printf '%s\n' base.qcow2 r.yaml)"
                run_ccbake 4 plan --backend=host r.yaml
                assert_contains "kernel 5.10.134-$release.al8.x86_64, BELOW the minimum 5.10.134-18.al8"
                assert_contains "problem: the base's kernel 5.10.134-$release.al8.x86_64 is older than"
                ;;
            *)
                bake
                assert_contains "kernel 5.10.134-$release.al8.x86_64"
                run_ccbake plan --backend=host r.yaml
                assert_contains "kernel 5.10.134-$release.al8.x86_64, at least the minimum 5.10.134-18.al8"
                rm t.qcow2
                ;;
        esac
    done
}

@test "steps: the kernel that counts is the one that the default entry boots" {
    guest --kver "$OLD" --kver "$NEW" --default "$OLD"
    recipe <<<'steps: [kernel]'
    bake 4
    assert_contains "the base's kernel $OLD is older than"
    guest --kver "$OLD" --kver "$NEW" --default "$NEW"
    recipe <<<'steps: [kernel]'
    bake
    assert_equal "$(jq -r .kernel t.json)" "$NEW"
}

# --- kernel arguments ---

steps_with_arguments() {
    recipe <<'END'
steps:
  - run: {commands: [[sh, -c, "sed -i 's/^options .*/& swiotlb=65536 quiet/' /boot/loader/entries/*.conf"]], id: literal}
  - kernel-args: {set: ["swiotlb=4194304,any", quiet], remove: [rhgb]}
END
}

@test "steps: kernel arguments where boot entries say them literally" {
    guest --options literal --kernel-cmdline --kver "$NEW" --kver 5.10.134-19.al8.x86_64
    steps_with_arguments
    bake
    look base.qcow2
    local before file kver
    before=$(sed -n 's/^options //p' "$ROOT/boot/loader/entries/$ID-$NEW.conf")
    cp "$ROOT/boot/loader/entries/$ID-$NEW.conf" before.conf
    umount "$ROOT"
    look t.qcow2
    for kver in "$NEW" 5.10.134-19.al8.x86_64; do
        file=/boot/loader/entries/$ID-$kver.conf
        once "$file" swiotlb=4194304,any swiotlb
        once "$file" quiet quiet
        entry "$file" '0644 0:0 regular file'
    done
    # Nothing else is touched, and nothing is lost.
    diff <(grep -v ^options before.conf) <(grep -v ^options "$ROOT/boot/loader/entries/$ID-$NEW.conf")
    assert_equal "$(sed -n 's/^options //p' "$ROOT/boot/loader/entries/$ID-$NEW.conf" | tr ' ' '\n' | sort)" \
        "$(tr ' ' '\n' <<<"$before swiotlb=4194304,any" | grep -vx rhgb | sort)"
    for file in /etc/kernel/cmdline /etc/default/grub /boot/grub2/grubenv /boot/grub2/grub.cfg; do
        once "$file" swiotlb=4194304,any swiotlb
        once "$file" quiet quiet
        ! grep -q rhgb "$ROOT$file" || fail "$file still has rhgb"
    done
    assert_equal "$(stat -c %s "$ROOT/boot/grub2/grubenv")" 1024
}

@test "steps: kernel arguments go behind what a shell works out, and are not taken out of it" {
    guest --kver "$NEW"
    recipe <<'END'
steps:
  - run: {commands: [[sed, -i, 's/^GRUB_CMDLINE_LINUX="/&$(echo from-sh) swiotlb=1 /', /etc/default/grub]]}
  - kernel-args: {set: "swiotlb=4194304,any"}
END
    bake
    look t.qcow2
    # shellcheck disable=SC1091
    assert_equal "$(. "$ROOT/etc/default/grub" 2>/dev/null; tr ' ' '\n' <<<"$GRUB_CMDLINE_LINUX" | grep -e from-sh -e swiotlb | paste -sd' ')" \
        "from-sh swiotlb=1 swiotlb=4194304,any"
    sed -i 's/set: .*}/remove: swiotlb}/' r.yaml
    rm -f t.qcow2
    bake 11
    assert_contains '/etc/default/grub: GRUB_CMDLINE_LINUX has $NAME, $(...) or backticks in it, and swiotlb can'"'"'t be taken out'
    assert_contains 'remedy: write its arguments out, in a step before this one'
}

@test "steps: kernel arguments where boot entries use kernelopts" {
    guest --kver "$OLD" --kver "$NEW"
    recipe <<'END'
steps:
  - run:
      commands:
        - [sed, -i, 's/ quiet/ quiet swiotlb=65536/', /boot/grub2/grub.cfg, /etc/default/grub]
        - [sh, -c, "sed 's/ quiet/ quiet swiotlb=65536/' /boot/grub2/grubenv | head -c 1024 > /tmp/env; cat /tmp/env > /boot/grub2/grubenv"]
  - kernel-args: {set: "swiotlb=4194304,any"}
END
    bake
    look t.qcow2
    local file kver
    for file in /boot/grub2/grubenv /boot/grub2/grub.cfg /etc/default/grub; do
        once "$file" swiotlb=4194304,any swiotlb
    done
    assert_equal "$(stat -c %s "$ROOT/boot/grub2/grubenv")" 1024
    assert_equal "$(head -n 2 "$ROOT/boot/grub2/grubenv")" "# GRUB Environment Block
saved_entry=$ID-$NEW"
    for kver in "$OLD" "$NEW"; do
        assert_equal "$(sed -n 's/^options //p' "$ROOT/boot/loader/entries/$ID-$kver.conf")" '$kernelopts $tuned_params'
    done
    # What is not there takes no part in booting, and is not made.
    [[ ! -e $ROOT/etc/kernel/cmdline ]] || fail '/etc/kernel/cmdline was made'
    # grub.cfg differs in one line.
    umount "$ROOT"
    look base.qcow2
    cp "$ROOT/boot/grub2/grub.cfg" before.cfg
    umount "$ROOT"
    look t.qcow2
    assert_equal "$(diff before.cfg "$ROOT/boot/grub2/grub.cfg" | grep -c '^>')" 1
}

@test "steps: kernel arguments twice are the same as once" {
    guest --options literal --kernel-cmdline
    recipe <<<'steps: [{kernel-args: {set: "swiotlb=4194304,any"}}]'
    bake
    look t.qcow2
    (cd "$ROOT" && find boot etc -type f -exec sha256sum {} + | sort) >once
    umount "$ROOT"
    rm t.qcow2
    recipe <<<'steps: [{kernel-args: {set: "swiotlb=4194304,any"}}, {kernel-args: {id: b, set: "swiotlb=4194304,any"}}]'
    bake
    look t.qcow2
    (cd "$ROOT" && find boot etc -type f -exec sha256sum {} + | sort) >twice
    diff once twice
}

# --- files ---

@test "steps: modprobe file and nouveau blacklist" {
    guest --size 1G
    # A phony guest has no dracut: this one writes down how it was called.
    recipe <<'END'
steps:
  - run: {commands: [[sh, -c, "printf '%s\\n' '#!/bin/sh' 'printf \"%s\\\\n\" \"$@\" > /etc/dracut-called' > /usr/bin/dracut; chmod 755 /usr/bin/dracut; rm -f /usr/sbin/depmod; ln -s /bin/true /usr/sbin/depmod"]]}
  - nouveau-blacklist
  - modprobe:
      file: lkca.conf
      content: |
        install nvidia /sbin/modprobe ecdsa_generic; /sbin/modprobe ecdh
        options nvidia "a b"
  - initramfs
END
    bake
    look t.qcow2
    content /etc/modprobe.d/lkca.conf 'install nvidia /sbin/modprobe ecdsa_generic; /sbin/modprobe ecdh
options nvidia "a b"'
    entry /etc/modprobe.d/lkca.conf '0644 0:0 regular file'
    content /etc/modprobe.d/ccbake-nouveau.conf '# Written by ccbake: nouveau would take the GPU before nvidia.
blacklist nouveau
options nouveau modeset=0'
    content /etc/dracut.conf.d/ccbake-nouveau.conf '# Written by ccbake, for later initramfs images.
omit_drivers+=" nouveau "
install_items+=" /etc/modprobe.d/ccbake-nouveau.conf "'
    content /etc/dracut.conf.d/ccbake-lkca.conf '# Written by ccbake, for later initramfs images.
install_items+=" /etc/modprobe.d/lkca.conf "'
    # Not the time of the bake.
    assert_equal "$(stat -c %Y "$ROOT/etc/modprobe.d/lkca.conf")" "$(date -d 1980-01-01T00:00:00Z +%s)"
    local called=$ROOT/etc/dracut-called argument
    for argument in --no-hostonly --reproducible nouveau "$NEW" "/boot/initramfs-$NEW.img"; do
        grep -qxF -- "$argument" "$called" || fail "dracut was called without $argument:" "$(cat "$called")"
    done
    grep -qx '.*/etc/modprobe.d/lkca.conf.*' "$called" || fail "$(cat "$called")"
}

@test "steps: units are installed, ordered, enabled and disabled" {
    guest
    printf '[Unit]\nDescription=a\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target other.target\nRequiredBy=need.target\nAlias=alias.service\n' >a.service
    chmod 600 a.service
    recipe <<'END'
steps:
  - run:
      id: prepare
      commands:
        - [sh, -c, "mkdir -p /etc/systemd/system/multi-user.target.wants /etc/systemd/system/x.target.requires; ln -s /usr/lib/systemd/system/off.service /etc/systemd/system/multi-user.target.wants/off.service; ln -s ../off.service /etc/systemd/system/x.target.requires/off.service; echo '[Unit]' > /usr/lib/systemd/system/off.service"]
  - units:
      install: [a.service]
      wait-for: [{unit: a.service, later: [later.service, more.service]}]
      enable: [a.service]
      disable: [off.service, never-there.service]
END
    bake
    look t.qcow2
    local system=/etc/systemd/system
    cmp a.service "$ROOT$system/a.service"
    entry "$system/a.service" '0644 0:0 regular file'
    assert_equal "$(cd "$ROOT$system" && find . -type l -printf '%p %l\n' | sort)" \
        "./alias.service $system/a.service
./multi-user.target.wants/a.service $system/a.service
./need.target.requires/a.service $system/a.service
./other.target.wants/a.service $system/a.service"
    content "$system/later.service.d/10-ccbake-a.service.conf" '# Written by ccbake: later.service starts after a.service.
[Unit]
After=a.service
Wants=a.service'
    entry "$system/more.service.d" '0755 0:0 directory'
    [[ -f $ROOT/usr/lib/systemd/system/off.service ]] || fail "the disabled unit's file is gone"
}

@test "steps: a unit that can't be enabled fails the step; a bake does not start where that is known before" {
    guest
    recipe <<<'steps: [{units: {enable: [gone.service]}}]'
    bake 11
    assert_contains 'ccbake: problem: r.yaml:5:10: the image has no unit gone.service to enable
     why: The bake would fail in step 1 (units).'
    recipe <<<'steps: [{run: {commands: [["true"]]}}, {units: {enable: [gone.service]}}]'
    bake 7
    assert_contains 'ccbake: step 2/2 (units): r.yaml:5:41: the image has no unit gone.service to enable'
    printf '[Service]\nExecStart=/bin/true\n' >b.service
    # The commands are cached now: what they left is known.
    recipe <<<'steps: [{run: {commands: [["true"]]}}, {units: {install: b.service, enable: b.service}}]'
    bake 11
    assert_contains '/etc/systemd/system/b.service has no [Install] section that would start it'
    [[ ! -e t.qcow2 ]]
}

@test "steps: an overlay has the declared owner and modes, and widens no rights of the checkout" {
    guest
    mkdir -p tree/opt/tool/bin tree/etc/systemd
    chmod -R 700 tree
    echo data >tree/opt/tool/data
    echo '#!/bin/sh' >tree/opt/tool/bin/run
    echo secret >tree/opt/tool/secret
    chmod 600 tree/opt/tool/data
    chmod 711 tree/opt/tool/bin/run
    chmod 666 tree/opt/tool/secret
    ln -s ../../../../etc/passwd tree/opt/tool/link
    ln -s /nowhere tree/opt/tool/dangling
    printf 'two\nlines\n' >'tree/opt/tool/with a space'
    chown -R 7:8 tree
    recipe <<'END'
steps:
  - overlay:
      source: tree
      owner: 1000:1001
      modes: {/opt/tool/secret: 0400, /opt/tool: 0750, /opt/tool/bin/run: 4755}
END
    bake
    look t.qcow2
    assert_equal "$(cd "$ROOT/opt" && find . -printf '%p %04m %U:%G %y\n' | sort)" \
        '. 0700 1000:1001 d'$'\n'"$(sed 's/^/.\/tool/' <<'END'
 0750 1000:1001 d
/bin 0700 1000:1001 d
/bin/run 4755 1000:1001 f
/dangling 0777 1000:1001 l
/data 0600 1000:1001 f
/link 0777 1000:1001 l
/secret 0400 1000:1001 f
/with a space 0644 1000:1001 f
END
)"
    diff -r --no-dereference tree/opt/tool "$ROOT/opt/tool"
    # A directory that was there keeps its owner and mode.
    entry /etc/systemd '0755 0:0 directory'
}

@test "steps: an overlay below a target" {
    guest
    mkdir tree
    echo x >tree/x
    recipe <<<'steps: [{overlay: {source: tree, target: /srv/deep/er}}]'
    bake
    look t.qcow2
    content /srv/deep/er/x x
    entry /srv/deep '0755 0:0 directory'
}

@test "steps: files have the content, mode and owner that the recipe gives them" {
    guest
    printf '#!/bin/sh\necho ${greeting} $${HOME}\n' >tool.sh
    head -c 3000 /dev/urandom >blob
    chmod 600 blob
    recipe <<'END'
variables: {greeting: hello, port: 8080}
steps:
  - files:
      - path: /etc/acme/agent.conf
        content: |
          port = ${port}
          home = $${HOME}
        mode: 0640
        owner: 7:root
      - {path: /usr/local/bin/tool, source: tool.sh, template: true, mode: 0755}
      - {path: /lib/acme/blob, source: blob}
      - {path: /etc/machine-id, content: ""}
END
    bake
    look t.qcow2
    content /etc/acme/agent.conf 'port = 8080
home = ${HOME}'
    entry /etc/acme/agent.conf '0640 7:0 regular file'
    entry /etc/acme '0755 0:0 directory'
    content /usr/local/bin/tool '#!/bin/sh
echo hello ${HOME}'
    entry /usr/local/bin/tool '0755 0:0 regular file'
    cmp blob "$ROOT/usr/lib/acme/blob"
    entry /usr/lib/acme/blob '0600 0:0 regular file'
    entry /etc/machine-id '0644 0:0 regular empty file'
}

@test "steps: chmod gives mode and owner to what is there" {
    guest
    recipe <<'END'
steps:
  - run: {commands: [[sh, -c, "mkdir -p /srv/a/b; echo x >/srv/a/b/x; echo y >/srv/y; chmod 755 /srv/a/b/x; ln -s /etc/passwd /srv/a/link; ln -s a /srv/l; mkfifo /srv/a/fifo"]]}
  - chmod:
      - {path: /srv/a, mode: 0640, owner: "7:8", recursive: true}
      - {path: /srv/y, mode: 4711}
      - {path: /srv/l, owner: 9:9}
END
    bake
    look t.qcow2
    entry /srv '0755 0:0 directory'
    entry /srv/a '0750 9:9 directory' # by the link to it
    entry /srv/a/b '0750 7:8 directory'
    entry /srv/a/b/x '0640 7:8 regular file'
    entry /srv/a/fifo '0644 0:0 fifo'
    entry /srv/y '4711 0:0 regular file'
    entry /etc/passwd '0644 0:0 regular file'
    umount "$ROOT"
    rm t.qcow2
    recipe <<<'steps: [{chmod: [{path: /srv/none, mode: 0600}]}]'
    bake 11
    assert_contains 'ccbake: problem: r.yaml:5:10: /srv/none is missing in the guest'
    [[ ! -e t.qcow2 ]]
}

@test "steps: remove takes a list" {
    guest
    recipe <<<'steps: [{remove: [/etc/kernel, /etc/passwd]}]'
    bake
    look t.qcow2
    [[ ! -e $ROOT/etc/passwd ]] || fail '/etc/passwd is still there'
}

# --- commands ---

@test "steps: a script runs by its own interpreter, with arguments and variables" {
    guest
    printf '%s\n' 'echo "$0 $# $1|$2|$LEVEL|$(cat)" >/opt-sh' >plain.sh
    printf '%s\n' '#!/usr/bin/awk -f' 'BEGIN { print ARGV[1] >"/opt-awk" }' >by-awk
    echo stdin-of-the-bake >in
    recipe <<'END'
variables: {word: "a  b"}
steps:
  - run: {script: plain.sh, args: ["${word}", "$(id)"], env: {LEVEL: "x y"}}
  - run: {id: awk, script: by-awk, args: [one]}
END
    run_ccbake bake --backend=host --no-verify r.yaml <in
    look t.qcow2
    content /opt-sh '/tmp/ccbake-plain.sh 2 a  b|$(id)|x y|'
    content /opt-awk one
    assert_equal "$(ls -A "$ROOT/tmp")" ''
    umount "$ROOT"
    # Another content is another step; one that fails says so by its name.
    printf '%s\n' 'echo no such luck >&2' 'exit 3' >plain.sh
    run_ccbake 7 bake --backend=host --no-verify --force r.yaml
    assert_contains 'step 1/2 (run): plain.sh failed with exit code 3
its last lines:
  | no such luck'
}

@test "steps: commands run in the guest, in order, word by word" {
    guest
    echo payload-content >p.txt
    recipe <<END
payloads: {p: {path: p.txt, sha256: $(sha256sum <p.txt | cut -d' ' -f1)}}
steps:
  - run:
      payloads: p
      commands:
        - [mkdir, /opt]
        - [cp, /tmp/ccbake/p.txt, "/opt/a  b; c \$(id)"]
        - [sh, -c, "umask > /opt/umask; id -u > /opt/uid; pwd > /opt/pwd; env | sort > /opt/env; touch /opt/new"]
        - [sh, -c, "echo left > /tmp/left; echo left > /run/left; echo left > /var/tmp/left"]
        - [sh, -c, "! echo x >> /tmp/ccbake/p.txt"]
END
    bake
    look t.qcow2
    content '/opt/a  b; c $(id)' payload-content
    content /opt/umask 0022
    content /opt/uid 0
    content /opt/pwd /
    grep -vE '^(HOME=/root|LC_ALL=C|PATH=[a-z/:]*|PWD=/|SHLVL=[0-9]|TMPDIR=/tmp)$' "$ROOT/opt/env" >leaked || [[ $? == 1 ]]
    assert_equal "$(cat leaked)" ''
    entry /opt/new '0644 0:0 regular empty file'
    # Nothing of the scratch directories or the payloads gets into the image.
    assert_equal "$(ls -A "$ROOT/tmp" "$ROOT/run" "$ROOT/var/tmp")" "$ROOT/run:

$ROOT/tmp:

$ROOT/var/tmp:"
    assert_equal "$(cat p.txt)" payload-content
}

@test "steps: commands see no network, no processes, no files of the host" {
    guest
    echo host-secret >secret
    recipe <<'END'
steps:
  - run:
      commands:
        - [mkdir, /opt]
        - [sh, -c, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' > /opt/net; hostname > /opt/hostname"]
        - [sh, -c, "ls -d /proc/[0-9]* > /opt/processes"]
        - [sh, -c, "ls -l /proc/self/fd > /opt/fds"]
        - [sh, -c, "grep CapEff /proc/self/status > /opt/capabilities; ls /sys /tmp /run > /opt/empty"]
        - [sh, -c, "find /dev -type b > /opt/blocks; mount > /opt/mounts"]
END
    exec 9<secret
    bake
    exec 9<&-
    look t.qcow2
    content /opt/net lo
    content /opt/hostname ccbake
    (($(wc -l <"$ROOT/opt/processes") <= 3)) || fail 'processes of the host:' "$(cat "$ROOT/opt/processes")"
    ! grep -E '(/work|/tmp|secret| 9 ->)' "$ROOT/opt/fds" || fail 'a descriptor of the host'
    assert_equal "$(grep -vE '^$|:$' "$ROOT/opt/empty" | cat)" ''
    assert_equal "$(cat "$ROOT/opt/blocks")" ''
    # No SYS_ADMIN (21), SYS_MODULE (16), SYS_RAWIO (17), SYS_PTRACE (19), NET_ADMIN (12), DAC_READ_SEARCH (2).
    local capabilities
    capabilities=0x$(awk '{print $2}' "$ROOT/opt/capabilities")
    assert_equal "$((capabilities & (1 << 21 | 1 << 16 | 1 << 17 | 1 << 19 | 1 << 12 | 1 << 2)))" 0
}

@test "steps: commands can't change the kernel settings of the host" {
    guest
    local before
    before=$(cat /proc/sys/kernel/core_pattern)
    # The same value again: the test does no harm where it fails.
    recipe <<'END'
steps:
  - run:
      commands:
        - [sh, -c, "test -n \"$(cat /proc/sys/kernel/core_pattern)\""]
        - [sh, -c, "! cat /proc/sys/kernel/core_pattern > /tmp/x || ! cat /tmp/x > /proc/sys/kernel/core_pattern"]
        - [sh, -c, "! cat /proc/sys/vm/swappiness > /tmp/x || ! cat /tmp/x > /proc/sys/vm/swappiness"]
        - [sh, -c, "! echo h > /proc/sysrq-trigger"]
        - [sh, -c, "! mount -t tmpfs none /mnt; ! mknod /dev/sda b 8 0 || ! head -c 1 /dev/sda"]
END
    bake
    assert_equal "$(cat /proc/sys/kernel/core_pattern)" "$before"
}

# --- malice ---

# picture DIR: everything about a directory that a write would change.
picture() {
    (cd "$1" && find . -printf '%p %m %U:%G %y %s %T@ %C@ %l\n' | sort && find . -type f -exec sha256sum {} + | sort)
}

# The files of the host that a guest is after, under the names that steps write.
make_target() {
    TARGET=$(mktemp -d /var/lib/ccbake-test.XXXXXX)
    mkdir -p "$TARGET/multi-user.target.wants" "$TARGET/sub"
    echo precious >"$TARGET/precious.conf"
    echo 'GRUB_CMDLINE_LINUX="quiet"' >"$TARGET/grub"
    echo 'ro quiet' >"$TARGET/cmdline"
    printf '%-1024s' '# GRUB Environment Block' >"$TARGET/grubenv"
    printf 'title host\nversion 5.10.134-18.al8\nlinux /boot/a\noptions ro\n' >"$TARGET/host.conf"
    ln -s precious.conf "$TARGET/multi-user.target.wants/off.service"
    picture "$TARGET" >before
}

# change COMMAND...: debugfs commands on the root of base.qcow2.
change() {
    local start
    qemu-img convert -O raw base.qcow2 change.raw
    start=$(sfdisk --json change.raw | jq .partitiontable.partitions[2].start)
    printf '%s\n' "$@" | debugfs -w "change.raw?offset=$((start * 512))" >debugfs.log 2>&1
    e2fsck -fp "change.raw?offset=$((start * 512))" >>debugfs.log 2>&1 || [[ $? == 1 ]] || fail "$(cat debugfs.log)"
    qemu-img convert -f raw -O qcow2 change.raw base.qcow2
}

# Places that steps write to become links to $TARGET: absolute ones, and ones with more ".." than there are folders.
inject_links() {
    local up=../../../../../..$TARGET place commands=()
    for place in /etc/modprobe.d /etc/systemd/system /etc/dracut.conf.d; do
        commands+=("rmdir $place" "symlink $place $TARGET")
    done
    for place in /etc/default/grub /etc/kernel/cmdline; do
        commands+=("rm $place" "symlink $place $up/${place##*/}")
    done
    commands+=("symlink /usr/local $up" "symlink /etc/note $TARGET/precious.conf")
    change "${commands[@]}"
}

# try STEPS: bakes, and sees that the host's files are as they were.  Sets status and output.
try() {
    recipe <<<"steps: [$1]"
    run "$CCBAKE" bake --backend=host --no-verify --force r.yaml
    picture "$TARGET" | diff -u before - || fail "the host was written to, by $1" "$output"
}

# The steps that meet the links, each with what must be in the guest afterwards.
each_step() {
    mkdir -p tree/etc/modprobe.d tree/usr/local/sub
    echo evil >tree/etc/modprobe.d/precious.conf
    echo evil >tree/usr/local/sub/tool
    echo evil >tree/etc/note
    printf '[Unit]\n[Install]\nWantedBy=multi-user.target\n' >a.service
    cat <<'END'
{kernel-args: {set: "swiotlb=4194304,any"}}
{modprobe: {file: precious.conf, content: evil}}, {initramfs: {}}
nouveau-blacklist, {initramfs: {}}
{units: {install: [a.service], enable: [a.service], disable: [off.service], wait-for: [{unit: a.service, later: [sub.service]}]}}
{overlay: {source: tree, modes: {/etc/modprobe.d: 0700, /usr/local: 0700}, owner: "5:5"}}
{run: {commands: [[sh, -c, "echo evil > /etc/modprobe.d/precious.conf; rm -rf /etc/systemd/system/* /usr/local/*; echo evil > /etc/note"]]}}
END
}

@test "steps: a guest with links in place of mount points is refused before any step" {
    make_target
    guest --malicious --malicious-target "$TARGET"
    try '{run: {commands: [[ls]]}}'
    assert_equal "$status" 4
    assert_contains "ccbake: image $PWD/base.qcow2: /boot/grub2/grubenv leads to a file that is not on the root file system"
    guest
    change 'rmdir /var/tmp' "symlink /var/tmp $TARGET"
    try '{run: {commands: [[ls]]}}'
    assert_equal "$status ${lines[-1]}" '4 ccbake: /var/tmp in the guest is not a directory'
}

@test "steps: commands of a guest have no way to the host's kernel" {
    guest
    recipe <<'END'
steps:
  - run:
      commands:
        - - sh
          - -c
          - |
            can() { if "$@" >/dev/null 2>&1; then echo "$*"; fi; }
            touch /tmp/swap; mkdir -p /tmp/m /tmp/o
            {
              can unshare -U true
              can unshare -m true
              can mount -t tmpfs x /tmp/m
              can mount -o bind /tmp/m /tmp/o
              can swapon /tmp/swap
              can touch /sys/x
              can dmesg
              can chown 1:1 /tmp/swap
              can mknod /tmp/null c 1 3
              can chroot / true
            } >/opt-can
            for applet in unshare mount swapon dmesg; do
              command -v $applet >/dev/null || echo "no $applet" >>/opt-can
            done
END
    bake
    look t.qcow2
    content /opt-can $'chown 1:1 /tmp/swap\nmknod /tmp/null c 1 3\nchroot / true'
}

@test "steps: a program that can't run is named before it is tried" {
    guest
    recipe <<<'steps: [{files: [{path: /opt/plain, content: "echo hi"}]}, {run: {commands: [[/opt/plain]]}}]'
    run_ccbake 7 bake --backend=host --no-verify r.yaml
    assert_contains 'step 2/2 (run): /opt/plain in the image is no program: it may not be executed'
    assert_contains 'hint: give it mode 0755, in a step before this one'
    recipe <<<'steps: [{files: [{path: /opt/tool, content: "#! /usr/bin/pyton -u\n", mode: 0755}]}, {run: {commands: [[/opt/tool]]}}]'
    run_ccbake 7 bake --backend=host --no-verify r.yaml
    assert_contains "step 2/2 (run): /opt/tool can't run: the image lacks /usr/bin/pyton, which its first line names"
    printf '#!/usr/bin/pyton\n' >set-up.py
    recipe <<<'steps: [{run: {script: set-up.py}}]'
    run_ccbake 7 bake --backend=host --no-verify r.yaml
    assert_contains "step 1/1 (run): $PWD/set-up.py can't run: the image lacks /usr/bin/pyton, which its first line names"
    recipe <<<'steps: [{files: [{path: /opt/tool, content: "#!/bin/sh\necho fine >/opt-said\n", mode: 0755}]}, {run: {commands: [[/opt/tool]]}}]'
    bake
    look t.qcow2
    content /opt-said fine
}

@test "steps: the processes of a command are bounded where ccbake can make a cgroup" {
    guest
    recipe <<'END'
steps: [{run: {commands: [[sh, -c, "i=0; while [ $i -lt 3000 ]; do sleep 30 & i=$((i + 1)); done; echo many"]]}}]
END
    local own parent=/sys/fs/cgroup
    if [[ -e $parent/cgroup.controllers ]]; then
        own=$(sed -n 's/^0:://p' /proc/self/cgroup)
        parent+=$(dirname "$own")
    else
        parent+=/pids$(sed -n 's/^[0-9]*:pids://p' /proc/self/cgroup)
    fi
    if mkdir "$parent/bats-$$" 2>/dev/null && [[ -e $parent/bats-$$/pids.max ]]; then
        rmdir "$parent/bats-$$"
        mkdir "$parent/ccbake-99999999-0" # of one that was killed
        run_ccbake 7 bake --backend=host --no-verify r.yaml
        assert_contains "can't fork: Resource temporarily unavailable"
        assert_equal "$(find "$parent" -maxdepth 1 -name 'ccbake-9999*')" ''
    else
        bake
    fi
}

@test "steps: links that a command puts where the next one has its mounts do not lead out" {
    guest
    TARGET=$(mktemp -d)
    echo payload >payload.txt
    recipe <<EOF
payloads:
  p: {path: payload.txt, sha256: $(sha256sum <payload.txt | cut -d' ' -f1)}
steps:
  - run:
      payloads: [p]
      commands:
        - [sh, -c, "rm -rf /tmp/ccbake; mv /tmp/ccbake /tmp/away; ln -s /oldroot$TARGET /tmp/ccbake; true"]
        - [sh, -c, "cat /tmp/ccbake/payload.txt >/opt-seen"]
EOF
    bake
    look t.qcow2
    content /opt-seen payload
    assert_equal "$(ls -A "$TARGET")" ''

    recipe <<EOF
steps:
  - run:
      commands:
        - [sh, -c, "mv /var /v; ln -s /oldroot$TARGET /var"]
        - [echo, unreachable]
EOF
    run_ccbake 4 bake --backend=host --no-verify --force r.yaml
    assert_contains "/var in the guest is not a directory"
    assert_equal "$(ls -A "$TARGET")" ''
}

@test "steps: links that lead out of a guest dangle inside it" {
    make_target
    guest --size 1G --kernel-cmdline
    inject_links
    local step
    while read -r step; do
        try "$step"
        [[ $status =~ ^(0|4|7|11)$ ]] || fail "exit code $status, by $step" "$output"
        [[ $status == 0 || $output =~ ccbake:\ step\ 1/[12]\ .*(\ in\ the\ guest:\ |failed\ with\ exit\ code) ||
            $output == *'ccbake: problem: r.yaml:5:'*' in the guest is a link that leads nowhere'* ]] ||
            fail "no clear error, by $step" "$output"
    done < <(each_step)
}

@test "steps: links that lead out of a guest lead to the guest's own folder of that name" {
    make_target
    guest --size 1G --kernel-cmdline
    change 'mkdir /var/lib' "mkdir $TARGET" "mkdir $TARGET/multi-user.target.wants"
    inject_links
    # What the phony guest lacks for the initramfs step.
    local step tools='{run: {id: tools, commands: [[sh, -c, "rm -f /usr/sbin/depmod /usr/bin/dracut; ln -s busybox /usr/bin/dracut; ln -s /bin/true /usr/sbin/depmod; rm /usr/bin/dracut; printf \"#!/bin/sh\\n\" > /usr/bin/dracut; chmod 755 /usr/bin/dracut"]]}}'
    while read -r step; do
        try "$tools, $step"
        assert_equal "$step: $status" "$step: 0"
        look t.qcow2
        case $step in
            *nouveau*) [[ -f $ROOT$TARGET/ccbake-nouveau.conf ]] || fail "$step" ;;
            *modprobe:*) assert_equal "$(cat "$ROOT$TARGET/precious.conf")" evil ;;
            *units:*) [[ -L $ROOT$TARGET/multi-user.target.wants/a.service ]] || fail "$step" ;;
            *overlay*) content "$TARGET/sub/tool" evil ;;
            *run:*) entry "$TARGET" '0755 0:0 directory' ;;
        esac
        umount "$ROOT"
    done < <(each_step)
}
