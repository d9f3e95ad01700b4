#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `ccbake diff` of small guests: a.qcow2 is a base with one step, b.qcow2 the same base with two more.
load helpers

# shellcheck disable=SC2016 # what looks like a variable is meant for the guest's shell

KVER=5.10.134-18.al8.x86_64
ID=20250117105006363114529432776998

setup_file() {
    use_file_directory
    small_guest base.qcow2
    cat >prepare.sh <<'END'
        set -e
        mkdir -p /opt/a/b/c /var/log /etc/systemd/system/multi-user.target.wants /usr/lib/modprobe.d
        echo one >/etc/plain
        echo secret >/etc/shadow
        chmod 600 /etc/shadow
        echo 1234 >/opt/faked
        echo same >/opt/anew
        echo 1 >/opt/a/gone
        echo '[Unit]' >/usr/lib/systemd/system/x.service
        ln -s /usr/lib/systemd/system/x.service /etc/systemd/system/multi-user.target.wants/x.service
        ln -s a /etc/link
END
    cat >change.sh <<'END'
        set -e
        printf 'one\ntwo\n' >/etc/plain
        echo hidden >/etc/shadow
        touch -r /opt/faked /tmp/stamp
        echo 4321 >/opt/faked
        touch -r /tmp/stamp /opt/faked
        echo same >/opt/anew
        rm /opt/a/gone /etc/systemd/system/multi-user.target.wants/x.service
        ln -s /dev/null /etc/systemd/system/y.service
        mkdir /etc/systemd/system/x.service.d
        printf '[Unit]\nAfter=z.service\n' >/etc/systemd/system/x.service.d/10-z.conf
        ln -sf b /etc/link
        chmod 4755 /etc/passwd
        head -c 100000 /dev/zero >/opt/a/b/c/large
        mkfifo /opt/fifo
        echo log >/var/log/new
        echo 'blacklist nouveau' >/usr/lib/modprobe.d/a.conf
END
    recipe a "steps: [run: {id: prepare, commands: [[sh, -c, $(jq -Rs . prepare.sh)]]}]"
    recipe b "steps:
  - run: {id: prepare, commands: [[sh, -c, $(jq -Rs . prepare.sh)]]}
  - run: {id: change, commands: [[sh, -c, $(jq -Rs . change.sh)]]}
  - kernel-args: {set: ['swiotlb=1,any'], remove: [rhgb]}"
}

setup() {
    use_file_directory
}

# recipe NAME STEPS: NAME.qcow2, baked.
recipe() {
    printf '%s\n' 'format: 1' "name: $1" 'gpus: 1' \
        "$(base_key base.qcow2)" \
        "$2" >"$1.yaml"
    "$CCBAKE" bake --quiet --backend=host --no-verify "$1.yaml"
}

# result A B [OPTION...]: the standard output alone, in $output.
result() {
    output=$("$CCBAKE" diff --quiet --backend=host "$@")
}

# member FILTER: of the JSON in $output.
member() {
    jq -r "$1" <<<"$output"
}

# PRETTY_NAME of every stand-in.
standin_name() {
    (
        . "$TOP/tests/standin/lib.bash"
        . "$TOP/tests/standin/image.bash"
        standin_os_release alinux | sed -n 's/^PRETTY_NAME="\(.*\)"$/\1/p'
    )
}

@test "an image and itself: no difference" {
    result a.qcow2 a.qcow2
    assert_equal "$(tail -n 1 <<<"$output")" "no difference"
    assert_equal "$(wc -l <<<"$output")" 3
    result --json a.qcow2 a.qcow2
    assert_equal "$(member '[.different, (.packages + .units + .configuration + .directories | length)] | tostring')" "[false,0]"
}

@test "packages are read from a Berkeley DB as from SQLite" {
    local left_out
    for left_out in '' make; do
        cp "$STANDIN/base.qcow2" berkeley.qcow2
        "$TOP/tests/mutate" berkeley.qcow2 <<<"$TOP/tests/berkeley-db var/lib/rpm $left_out"
        result --json "$STANDIN/base.qcow2" berkeley.qcow2
        assert_equal "$(member '[.packages[].name] | join(" ")')" "${left_out:+$left_out.x86_64}"
        assert_equal "$(member '.b.packages > 40')" true
    done
}

@test "the text has every change, and nothing else" {
    local expected
    result a.qcow2 b.qcow2
    # Of grubenv and /etc/default/grub only that they differ: their lines are long.
    expected="boot
  ~ $ID-$KVER
      - rhgb
      + swiotlb=1,any
units    2 added, 1 removed
  - enabled  x.service  /etc/systemd/system/multi-user.target.wants/x.service
  + drop-in  x.service  /etc/systemd/system/x.service.d/10-z.conf
  + masked   y.service  /etc/systemd/system/y.service
files    3 added, 6 changed
  ~ /boot/grub2/grubenv
  ~ /etc/default/grub
  ~ /etc/link link ► a ► link ► b
  ~ /etc/passwd file 0644 0:0 ► file 4755 0:0
  ~ /etc/plain
      @@ -1 +1,2 @@
       one
      +two
  ~ /etc/shadow (not shown: not everybody may read it)
  + /etc/systemd/system/x.service.d directory 0755 0:0
  + /etc/systemd/system/x.service.d/10-z.conf file 0644 0:0
      @@ -0,0 +1,2 @@
      +[Unit]
      +After=z.service
  + /usr/lib/modprobe.d/a.conf file 0644 0:0
      @@ -0,0 +1 @@
      +blacklist nouveau
  /opt/a/b  1 added, +100.0 kB
  /opt  1 added, 1 changed, +5 bytes, -5 bytes
  /opt/a  1 removed, -2 bytes
logs and caches: 1 added, +4 bytes"
    diff -u <(echo "$expected") <(tail -n +3 <<<"$output" | awk '
        /^  ~ \/(boot\/grub2\/grubenv|etc\/default\/grub)$/ { print; skip = 1; next }
        /^(other|  \/boot\/grub2) / { next }
        /^ ? ?[^ ]/ { skip = 0 }
        !skip')
}

@test "the other way round added is removed" {
    local back
    result --json a.qcow2 b.qcow2
    back=$(member '[(.units, .configuration)[] | {change, name, a, b}] | tostring')
    result --json b.qcow2 a.qcow2
    assert_equal "$(member '[(.units, .configuration)[] |
        {change: ({added: "removed", removed: "added"}[.change] // .change), name, a: .b, b: .a}] | tostring')" "$back"
}

@test "the JSON has what the text has" {
    result --json a.qcow2 b.qcow2
    assert_equal "$(member '[.different, .a.image, .b.image, .a.system] | join("|")')" \
        "true|a.qcow2|b.qcow2|$(standin_name)"
    assert_equal "$(member '.boot[] | [.change, .removed[0], .added[0]] | join(" ")')" "changed rhgb swiotlb=1,any"
    assert_equal "$(member '.configuration[] | select(.name == "/etc/plain") | .lines')" $'@@ -1 +1,2 @@\n one\n+two'
    assert_equal "$(member '.configuration[] | select(.name == "/etc/shadow") | has("lines")')" false
    assert_equal "$(member '.directories[] | select(.path == "/opt/a") | [.added, .removed, .changed, .added_bytes, .removed_bytes] | tostring')" "[0,1,0,0,2]"
    assert_equal "$(member '.volatile.added')" 1
    [[ $output != *hidden* && $output != *secret* ]] || fail "a secret is shown"
}

@test "a file that keeps its size and its mtime is not taken for the same" {
    result --json a.qcow2 b.qcow2
    assert_equal "$(member '.directories[] | select(.path == "/opt") | [.added, .changed] | tostring')" "[1,1]"
}

@test "both backends give the same, by their walk, digests and contents, and the appliance starts once an image" {
    local host
    result --json a.qcow2 b.qcow2
    host=$output
    # Under emulation, where KVM does not work, whatever else is said to libguestfs.
    export CCBAKE_TEST_KVM=broken CCBAKE_DEV_KVM=/dev/null
    export LIBGUESTFS_BACKEND=nonsense LIBGUESTFS_BACKEND_SETTINGS=network_bridge=virbr0
    count_launches "$CCBAKE" diff --quiet --json --backend=appliance a.qcow2 b.qcow2 >appliance.json
    assert_equal "$LAUNCHES $(grep -c 'accel=tcg' "$BATS_TEST_TMPDIR/launches/noted")" "2 2"
    diff <(echo "$host") appliance.json
}

@test "raw and VHD images are compared, too" {
    qemu-img convert -O raw b.qcow2 b.raw
    qemu-img convert -O vpc b.qcow2 b.vhd
    result b.raw b.vhd
    assert_equal "$(tail -n 1 <<<"$output")" "no difference"
    rm b.raw b.vhd
}

@test "names and lines of a guest move no cursor and pass for no line of ours" {
    recipe odd "steps: [run: {commands: [[sh, -c, $(jq -Rs . <<'END'
        cd /etc
        : >"$(printf 'a\npackages 9 added')"
        : >"$(printf 'b\033[2J\377\342\200\256')"
        ln -s "$(printf 'x\033]0;t\007')" link
        printf '\033[2J\rno difference\n' >c
        printf '[Unit' >systemd/system/broken.service
        mkdir -p "/opt/$(printf 'd\ne')"
        echo 1 >"/opt/$(printf 'd\ne')/f"
END
)]]}]"
    result base.qcow2 odd.qcow2
    [[ $output != *[$'\001'-$'\010\013'-$'\037']* ]] || fail "control characters:" "$(cat -v <<<"$output")"
    assert_contains "the order of the GPU's units is not compared: /etc/systemd/system/broken.service:1: section header"
    assert_contains '/etc/a\x0apackages 9 added '
    assert_contains '/etc/b\x1b[2J\xff\xe2\x80\xae '
    assert_contains 'link ► x\x1b]0;t\x07'
    assert_contains $'\n      +\\x1b[2J\\x0dno difference'
    assert_contains '/opt/d\x0ae  1 added'
    result --json base.qcow2 odd.qcow2
    assert_equal "$(member '.configuration[0].name')" '/etc/a\x0apackages 9 added'
}

@test "links that lead out of the guest are compared as links, and nothing behind them is read" {
    local target=$BATS_TEST_TMPDIR/target
    mkdir "$target"
    echo leaked >"$target/leaked.conf"
    recipe links "steps: [run: {commands: [[sh, -c, 'rm -r /etc/modprobe.d; ln -s $target /etc/modprobe.d;
        ln -s ../../../../../../../..$target /etc/up; ln -s up/leaked.conf /etc/file']]}]"
    result base.qcow2 links.qcow2
    assert_contains "~ /etc/modprobe.d directory 0755 0:0 ► link ► $target"
    assert_contains "+ /etc/file link ► up/leaked.conf"
    [[ $output != *"leaked "* && $output != *"+leaked"* ]] || fail "$output"
}

@test "an image that is no bootable system is compared as far as it can be" {
    local start
    qemu-img convert -O raw a.qcow2 bare.raw
    start=$(sfdisk --json bare.raw | jq '.partitiontable.partitions[2].start')
    debugfs -w -R "rm /boot/loader/entries/$ID-$KVER.conf" "bare.raw?offset=$((start * 512))" 2>debugfs.log
    result a.qcow2 bare.raw
    assert_contains "packages and boot entries are not compared: the image has no boot entry in /boot/loader/entries"
    assert_contains "files    1 removed"
    [[ $output != *"GPU's units"* ]] || fail "$output"
    result --json a.qcow2 bare.raw
    assert_equal "$(member '.a.problem, .b.problem' | xargs -d '\n' printf '%s|')" \
        "null|the image has no boot entry in /boot/loader/entries|"
    rm bare.raw
}

@test "--exit-code tells by the exit status; without it the status is 0" {
    run_ccbake diff --backend=host a.qcow2 b.qcow2
    run_ccbake diff --backend=host --exit-code a.qcow2 a.qcow2
    run_ccbake 8 diff --backend=host --exit-code a.qcow2 b.qcow2
    assert_contains "ccbake: a.qcow2 and b.qcow2 differ"
    # Contents of both had to be looked at, for which neither is opened again.
    assert_equal "$(grep '^read ' <<<"$output" | awk '{ print $2 }' | xargs)" "a.qcow2 b.qcow2"
}

@test "what is no image is refused before anything is read" {
    echo text >text
    : >empty
    run_ccbake 4 diff --backend=host a.qcow2 missing.qcow2
    assert_contains "image missing.qcow2: No such file or directory"
    [[ $output != *"read  "* ]] || fail "$output"
    run_ccbake 4 diff --backend=host empty a.qcow2
    assert_contains "empty is no disk image: it is empty"
    run_ccbake 4 diff --backend=host a.qcow2 text
    assert_contains "text is no disk image"
    run_ccbake 2 diff --backend=host a.qcow2
    assert_contains "usage: ccbake diff [OPTION]... IMAGE IMAGE"
}
