#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bad input, a bad host, a killed bake: ccbake gives a clear error, loses nothing and leaves nothing behind.

# shellcheck disable=SC2016 # what looks like a variable is meant for recipes, guests and messages

load helpers

setup_file() {
    export GUEST=$BATS_FILE_TMPDIR/guest.qcow2
    must_have_host_backend
    small_guest "$GUEST"
    SHA=$(sha "$GUEST")
    export SHA
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    PID=
}

teardown() {
    [[ -z $PID ]] || ! kill -0 "$PID" 2>/dev/null || kill -9 "$PID"
    ! mountpoint -q "$BATS_TEST_TMPDIR/small" || umount "$BATS_TEST_TMPDIR/small"
}

sha() {
    sha256sum <"$1" | cut -d' ' -f1
}

# recipe BASE [SHA256]: r.yaml with steps (and more) from standard input.
recipe() {
    printf '%s\n' 'format: 1' 'name: t' 'gpus: 1' \
        "base: {path: $1, sha256: ${2:-$SHA}, os: alinux, version: 3, min-kernel: 5.10.134-18.al8}" >r.yaml
    cat >>r.yaml
}

bake() {
    local expected=0
    [[ ! ${1:-} =~ ^[0-9]+$ ]] || { expected=$1 && shift; }
    run_ccbake "$expected" bake --backend=host --no-verify "$@" r.yaml
}

# base_refused FILE MESSAGE [HINT]: the base FILE, with its own digest.
base_refused() {
    recipe "$1" "$(sha "$1")" <<<'steps: [kernel]'
    bake 4
    assert_contains "ccbake: $2${3:+
hint: $3}"
    [[ ! -e t.qcow2 && ! -e .t.qcow2.part ]] || fail "something was left behind" "$(ls -A)"
    nothing_left
}

# nothing_left: no process, loop device, mount, temporary or work directory of this test; waits a little.
nothing_left() {
    local left
    for _ in {1..60}; do
        left=$(leavings)
        [[ -n $left ]] || return 0
        sleep 0.1
    done
    fail "left behind:" "$left"
}

# The exported disk is a file system of its own, so that its device number tells bakes apart.
loops() {
    losetup -ln -O NAME,BACK-MAJ:MIN,BACK-INO,BACK-FILE | grep -E '/disk|/$' | sort
}

# The guest's commands and the daemon have the cache in their command line, ccbake itself has not.
leavings() {
    local file words
    grep -F " $BATS_TEST_TMPDIR/cache" /proc/mounts || [[ $? == 1 ]]
    for file in $(grep -las -- "${BATS_TEST_TMPDIR}[/]cache" /proc/[0-9]*/cmdline); do
        ! mapfile -d '' words 2>/dev/null <"$file" || echo "$file: ${words[0]:-ended}"
    done
    [[ ! -d $CCBAKE_CACHE_DIR/work ]] || find "$CCBAKE_CACHE_DIR/work" -mindepth 1
    find . -maxdepth 1 -name '.*.part*'
}

# --- the base ---

@test "bake: a base that is not there" {
    recipe gone.qcow2 <<<'steps: [kernel]'
    bake 4
    assert_equal "$(grep -v '^backend' <<<"$output")" \
        "ccbake: r.yaml:4:7: base: $PWD/gone.qcow2: No such file or directory
hint: put the file there, or correct its path"
}

@test "bake: a base that is not what the recipe pins" {
    cp "$GUEST" base.qcow2
    damage base.qcow2 1000000
    recipe base.qcow2 <<<'steps: [kernel]'
    bake 4
    assert_contains "ccbake: r.yaml:4:7: base: $PWD/base.qcow2 is not the file of the recipe (sha256 expected $SHA, is $(sha base.qcow2))"
    # --base FILE takes it deliberately: what it is, not which one, is still checked.
    echo text >other
    run_ccbake 3 bake --backend=host --base=other r.yaml
    assert_contains "base: $PWD/other"
}

@test "bake: a base that is no image" {
    echo 'this is text, not an image' >text
    base_refused text "$PWD/text is no disk image: it is text"
    : >empty
    base_refused empty "$PWD/empty is no disk image: it is empty"
    seq 100000 >numbers
    base_refused numbers "$PWD/numbers is no disk image: it is text"
    truncate -s 10M zeros
    base_refused zeros "image $PWD/zeros: the image has no partition table"
    mkdir dir
    recipe dir <<<'steps: [kernel]'
    bake 4
    assert_contains "$PWD/dir"
}

@test "bake: a qcow2 that is cut off or damaged" {
    head -c 1500000 "$GUEST" >cut.qcow2
    base_refused cut.qcow2 "image $PWD/cut.qcow2"
    head -c 100000 "$GUEST" >shorter.qcow2
    base_refused shorter.qcow2 "image $PWD/shorter.qcow2"
    # A refcount table that lies.
    cp "$GUEST" bent.qcow2
    head -c 4096 /dev/zero | dd of=bent.qcow2 bs=1 seek=131072 conv=notrunc status=none
    base_refused bent.qcow2 "image $PWD/bent.qcow2"
    # A version that there is not.
    cp "$GUEST" newer.qcow2
    printf '\x09' | dd of=newer.qcow2 bs=1 seek=7 conv=notrunc status=none
    base_refused newer.qcow2 "image $PWD/newer.qcow2: it can't be read as a disk image: qemu-img failed with exit code 1"
}

@test "verify: for a lack of memory the image is not blamed" {
    local limit backend
    for limit in 100000 150000; do
        for backend in reader host; do
            run bash -c 'ulimit -v "$1" && exec "$2" verify --backend="$3" --quiet "$4"' - "$limit" "$CCBAKE" "$backend" "$GUEST"
            [[ $output != *"no operating system"* ]] || fail "$backend, $limit kB: $output"
        done
    done
}

@test "bake: a qcow2 that refers to another file" {
    cp "$GUEST" below.qcow2
    qemu-img create -q -f qcow2 -F qcow2 -b below.qcow2 above.qcow2
    base_refused above.qcow2 "image $PWD/above.qcow2: it refers to another file (below.qcow2)" \
        "an image from elsewhere may name any file of this host, and converting it would copy that file into the result"
    qemu-img create -q -f qcow2 -F raw -b /etc/shadow secret.qcow2 100M
    base_refused secret.qcow2 "image $PWD/secret.qcow2: it refers to another file (/etc/shadow)"
    qemu-img create -q -f qcow2 -o data_file="$PWD/data" outside.qcow2 10M
    base_refused outside.qcow2 "image $PWD/outside.qcow2: it refers to another file"
}

@test "bake: a format that is none of ours" {
    qemu-img convert -O vmdk "$GUEST" base.vmdk
    base_refused base.vmdk "$PWD/base.vmdk is a VMDK image; ccbake reads qcow2, raw and VHD" \
        "convert it: qemu-img convert -O qcow2 $PWD/base.vmdk $PWD/base.vmdk.qcow2"
}

@test "bake: raw and vhd bases are as good as qcow2" {
    local format
    for format in raw vpc; do
        qemu-img convert -O "$format" "$GUEST" "base.$format"
        recipe "base.$format" "$(sha "base.$format")" <<<'steps: [{run: {commands: [[touch, /root/here]]}}]'
        bake
        qemu-img info t.qcow2 | grep -q 'file format: qcow2'
        # The base is never written.
        assert_equal "$(sha "base.$format")" "$(sed -n 's/.*sha256: \([0-9a-f]*\).*/\1/p' r.yaml)"
        rm t.qcow2
    done
}

@test "bake: another system, two systems, a file system with errors" {
    small_guest other.qcow2 --os-id centos
    base_refused other.qcow2 "the base $PWD/other.qcow2 is centos 3 (Alibaba Cloud Linux 3.2104 U11 (OpenAnolis Edition)); the recipe wants alinux 3" \
        'take a base image of that system, or change "os" and "version" of the recipe'"'s"' "base"'
    # What is known of it is enough for a lock, too.
    sed -i 's/sha256: [0-9a-f]*, //' r.yaml
    run_ccbake 4 lock --backend=host r.yaml
    assert_contains "other.qcow2 is centos 3"
    [[ ! -e r.lock.json ]] || fail "a lock of it was written"
    small_guest old.qcow2 --kver 5.10.134-17.3.al8.x86_64
    base_refused old.qcow2 "the base's kernel 5.10.134-17.3.al8.x86_64 is older than 5.10.134-18.al8" \
        'take a newer base image, or add a "kernel" step with newer packages'
    small_guest dirty.qcow2 --dirty
    base_refused dirty.qcow2 "image $PWD/dirty.qcow2: the file system of partition 3 (ext4) has errors noted" \
        'shut the machine it came from down properly, or repair a copy of the image with e2fsck'
    small_guest two.qcow2 --size 1G --two-roots
    base_refused two.qcow2 "image $PWD/two.qcow2: the image has 2 operating systems, on partitions 3, 4; ccbake bakes images with one"
}

@test "bake: a file in the image that says it is as large as it likes does not fill the host" {
    local start
    qemu-img convert -O raw "$GUEST" base.raw
    start=$(sfdisk --json base.raw | jq '.partitiontable.partitions[2].start')
    echo tiny >tiny
    printf '%s\n' 'mkdir /var/lib/rpm' 'write tiny /var/lib/rpm/Packages' \
        'sif /var/lib/rpm/Packages size 1000000000000' |
        debugfs -w -f - "base.raw?offset=$((start * 512))" >log 2>&1
    base_refused base.raw "image $PWD/base.raw: /var/lib/rpm in the image is larger than any RPM database"
}

# --- the output ---

@test "bake: an output that exists is not touched, and replaced by --force on success only" {
    echo precious >t.qcow2
    recipe "$GUEST" <<<'steps: [kernel]'
    bake 2
    assert_equal "$output" 'ccbake: t.qcow2 exists already
hint: --force replaces it once the new image is verified'
    assert_equal "$(cat t.qcow2)" precious
    recipe "$GUEST" <<<'steps: [{run: {commands: [["false"]]}}]'
    bake 7 --force
    assert_equal "$(cat t.qcow2)" precious
    [[ ! -e t.json ]] || fail 'a manifest without an image'
    recipe "$GUEST" <<<'steps: [kernel]'
    bake --force
    qemu-img check -q t.qcow2
    nothing_left
}

@test "bake: what lies beside the output and is not of it stays, and a version in its name is no ending" {
    recipe "$GUEST" <<<'steps: [kernel]'
    echo '{"dependencies": {}}' >t.json
    bake 2
    assert_equal "$output" 'ccbake: t.json exists but is not the manifest of t.qcow2; it is not overwritten
hint: give the image another name, or use --force'
    assert_equal "$(cat t.json)" '{"dependencies": {}}'
    rm t.json
    bake
    rm t.qcow2
    bake # its own manifest is in nobody's way
    bake 2 -o t.raw
    assert_contains 't.json exists but is not the manifest of t.raw'
    bake -o t-1.2.03
    bake -o t-1.2.04
    assert_equal "$(jq -r '.images[0].file' t-1.2.03.json t-1.2.04.json | xargs)" 't-1.2.03 t-1.2.04'
    nothing_left
}

@test "bake: commas and colons in the names of base, cache and output" {
    cp "$GUEST" base,x:1.qcow2
    recipe '"base,x:1.qcow2"' <<<'steps: [{run: {commands: [[touch, /root/here]]}}]'
    CCBAKE_CACHE_DIR=$PWD/a,b:c bake -o t,1:2.qcow2
    run_ccbake convert t,1:2.qcow2 --to raw
    qemu-img compare -q file:t,1:2.qcow2 file:t,1:2.raw
    nothing_left
}

@test "bake: an output directory that is missing or can't be written" {
    recipe "$GUEST" <<<'steps: [kernel]'
    bake 2 -o gone/t.qcow2
    assert_equal "$output" $'ccbake: gone/t.qcow2: there is no directory gone\nhint: mkdir -p gone'
    echo file >file
    bake 9 -o file/t.qcow2
    assert_contains 'file/.t.qcow2.part: Not a directory'
    mkdir small
    mount -t tmpfs -o ro,size=1m none small
    bake 9 -o small/t.qcow2
    assert_equal "$output" 'ccbake: creating small/.t.qcow2.part: Read-only file system'
    nothing_left
}

@test "bake: an output directory without the space is known before the bake" {
    mkdir small
    mount -t tmpfs -o size=2m none small
    recipe "$GUEST" <<<'steps: [{run: {commands: [[touch, /root/ran]]}}]'
    bake 5 -o small/t.qcow2
    assert_contains 'ccbake: too little space: it takes about '
    assert_contains ' is free there'
    [[ $output != *1/1* ]] || fail 'the step ran:' "$output"
    assert_equal "$(find small -name '*qcow2*')" ''
    # Space that went away meanwhile: nothing half-written is left.
    umount small
    mount -t tmpfs -o size=20m none small
    recipe "$GUEST" <<<'steps: [{run: {commands: [[sh, -c, "head -c 36000000 /dev/urandom > /root/big"]]}}]'
    bake 9 -o small/t.qcow2
    assert_contains 'No space left on device'
    assert_equal "$(find small -name '*qcow2*')" ''
    nothing_left
}

@test "bake: two bakes of one output at a time" {
    recipe "$GUEST" <<<'steps: [{run: {commands: [[sleep, "20"]]}}]'
    begin
    run_ccbake 10 bake --backend=host --no-verify --force r.yaml
    assert_equal "$output" 'ccbake: another ccbake is making t.qcow2'
    kill "$PID"
    ended 130
    nothing_left
}

# --- payloads ---

@test "bake: payloads that are missing, cut off or altered between lock and bake" {
    head -c 5000 /dev/urandom >p.bin
    cp p.bin good.bin
    recipe "$GUEST" <<<$'payloads: {p: {path: p.bin}}\nsteps: [{run: {commands: [[cmp, /tmp/ccbake/p.bin, /tmp/ccbake/p.bin]], payloads: p}}]'
    run_ccbake lock --backend=host r.yaml
    head -c 4000 good.bin >p.bin
    bake 4
    assert_contains "payload \"p\": $PWD/p.bin is not the file of the lock (sha256 expected $(sha good.bin), is $(sha p.bin))"
    assert_contains 'hint: where the file changed on purpose: `ccbake lock --update=p r.yaml`'
    head -c 5000 /dev/urandom >p.bin
    bake 4
    assert_contains "payload \"p\": $PWD/p.bin is not the file of the lock (sha256 expected $(sha good.bin), is $(sha p.bin))"
    rm p.bin
    bake 4
    assert_contains "payload \"p\": $PWD/p.bin: No such file or directory"
    mkdir p.bin
    bake 4
    assert_contains "$PWD/p.bin: not a regular file"
    rmdir p.bin
    cp good.bin p.bin
    bake
}

# --- steps ---

@test "bake: a command that fails: its last lines, the log, exit 7" {
    recipe "$GUEST" <<'END'
steps:
  - run: {id: fine, commands: [[echo, all is well]]}
  - run: {commands: [[sh, -c, "for i in $(seq 30); do echo line $i; done; echo the reason >&2; exit 3"]]}
END
    bake 7
    assert_contains 'ccbake: step 2/2 (run): sh failed with exit code 3
its last lines:'
    assert_contains '  | line 30'
    assert_contains '  | the reason'
    [[ $output != *'| line 5'$'\n'* ]] || fail 'too many lines:' "$output"
    assert_contains 'hint: the whole log is t.log'
    grep -qx 'all is well' t.log
    grep -qx 'line 5' t.log
    grep -qx 'the reason' t.log
    assert_equal "$(ls -A | tr '\n' ' ')" 'cache r.yaml t.log '
    nothing_left
}

@test "bake: a command that is not there" {
    recipe "$GUEST" <<<'steps: [{run: {commands: [[no-such-program]]}}]'
    bake 7
    assert_contains 'step 1/1 (run): the image has no command "no-such-program"'
    [[ $output != *bwrap* && $output != *'list of words'* ]] || fail "$output"
    recipe "$GUEST" <<<'steps: [{run: {commands: [["echo hi"]]}}]'
    bake 3
    assert_contains '"commands": "echo hi" is one word, the name of a program
hint: a command is a list of words: [echo, hi]; a shell takes a text: [sh, -c, "echo hi"]'
    recipe "$GUEST" <<<'steps: [{run: {commands: [[/usr/bin/none, x]]}}]'
    bake 7
    assert_contains 'step 1/1 (run): the image has no command "/usr/bin/none"'
    # What only the command sees: a program that a step unpacked.
    recipe "$GUEST" <<<'steps: [{run: {commands: [[cp, /usr/bin/busybox, /tmp/touch], [/tmp/touch, /root/here]]}}]'
    bake
    nothing_left
}

@test "bake: a command that hangs is ended at its limit, with its children" {
    recipe "$GUEST" <<<'steps: [{run: {limit: 2, commands: [[sh, -c, "trap : TERM INT; (trap : TERM; sleep 100) & sleep 100"]]}}]'
    local started=$SECONDS
    bake 7
    ((SECONDS - started < 20)) || fail "it took $((SECONDS - started)) s"
    assert_contains 'step 1/1 (run): sh'
    assert_contains '2 s'
    nothing_left
}

@test "bake: a command that fills the image" {
    recipe "$GUEST" <<<'steps: [{run: {commands: [[dd, if=/dev/urandom, of=/root/big, bs=1M, count=500]]}}]'
    bake 7
    assert_contains 'No space left on device'
    nothing_left
}

# --- ends in the middle ---

# begin: a bake in the background, until its first step runs.
begin() {
    "$CCBAKE" bake --backend=host --no-verify r.yaml >bake.out 2>&1 3>&- &
    PID=$!
    for _ in {1..200}; do
        if [[ -e t.log ]] && grep -q '^\$ ' t.log; then
            sleep 0.3
            return
        fi
        kill -0 "$PID" 2>/dev/null || break
        sleep 0.05
    done
    fail 'the bake did not get to its step:' "$(cat bake.out)"
}

# ended RC: waits for the bake of begin().
ended() {
    local rc=0
    wait "$PID" || rc=$?
    PID=
    assert_equal "$rc" "$1"
}

@test "bake: SIGKILL in the middle of a step leaves nothing, and the next bake works" {
    recipe "$GUEST" <<<'steps: [{run: {commands: [[sleep, "60"]]}}]'
    loops >loops
    begin
    # The test must be able to see what it looks for.
    local now loop
    now=$(leavings)
    [[ $now == *bwrap* && $now == *qemu-storage-daemon* && $now == *cache/work/* && $now == *.t.qcow2.part* ]] ||
        fail 'the middle of a bake does not look like one:' "$now"
    loop=$(loops | comm -13 loops -)
    [[ -n $loop ]] || fail 'no loop device' "$(losetup -l)"
    kill -9 "$PID"
    ended 137
    nothing_left
    for _ in {1..60}; do
        [[ -n $(loops | comm -12 <(echo "$loop") -) ]] || break
        sleep 0.1
    done
    assert_equal "$(loops | comm -12 <(echo "$loop") -)" ''
    assert_equal "$(find . -name '*.qcow2*')" ''
    recipe "$GUEST" <<<'steps: [kernel]'
    bake
    qemu-img check -q t.qcow2
}

@test "bake: SIGTERM and SIGINT: exit 130, nothing left" {
    local signal
    recipe "$GUEST" <<<'steps: [{run: {commands: [[sh, -c, "trap : TERM INT; sleep 60; sleep 60"]]}}]'
    for signal in TERM INT; do
        rm -f t.log
        # In a shell without job control, what runs in the background ignores SIGINT unless it asks for it.
        begin
        kill "-$signal" "$PID"
        ended 130
        grep -q "stopped by $([[ $signal == INT ]] && echo Ctrl-C || echo SIGTERM)\$" bake.out || fail "$(cat bake.out)"
        nothing_left
        assert_equal "$(find . -name '*.qcow2*')" ''
    done
}

# --- the host ---

@test "bake: the host backend without root" {
    recipe "$GUEST" <<<'steps: [kernel]'
    mkdir home
    chown 65534:65534 home
    # The directories above the test's belong to root alone.
    local work
    work=$(mktemp -d /var/tmp/ccbake-test.XXXXXX)
    chown 65534:65534 "$work"
    cp "$CCBAKE" r.yaml "$work"
    run env -C "$work" CCBAKE_CACHE_DIR="$work/cache" setpriv --reuid 65534 --regid 65534 --clear-groups \
        ./ccbake bake --backend=host --no-verify r.yaml
    local left
    left=$(ls -A "$work")
    rm -rf "$work"
    assert_equal "$status: $output" "5: ccbake: the host backend can't be used: it needs root
hint: run as root on a host with fuse and loop, or use --backend=appliance; \`ccbake doctor\` says more"
    [[ $left != *qcow2* ]] || fail "$left"
}

@test "bake: the host backend without its programs" {
    recipe "$GUEST" <<<'steps: [kernel]'
    mkdir bin
    local program
    for program in qemu-img qemu-storage-daemon bwrap; do
        ln -s "$(command -v "$program")" "bin/$program"
    done
    PATH=$PWD/bin bake
    rm t.qcow2
    mv bin/bwrap bin/away
    PATH=$PWD/bin:$PWD bake_without 'bwrap (bubblewrap)'
    mv bin/away bin/bwrap
    rm bin/qemu-storage-daemon
    PATH=$PWD/bin bake_without qemu-storage-daemon
}

# bake_without PROGRAM, with the PATH of the caller for ccbake only.
bake_without() {
    run_ccbake 5 bake --backend=host --no-verify r.yaml
    assert_equal "$output" "ccbake: the host backend can't be used: $1 is not installed
hint: run as root on a host with fuse and loop, or use --backend=appliance; \`ccbake doctor\` says more"
    [[ ! -e t.qcow2 && ! -e .t.qcow2.part ]] || fail 'something was left'
}

@test "bake: qemu-img is not there" {
    recipe "$GUEST" <<<'steps: [kernel]'
    mkdir bin
    ln -s "$(command -v qemu-storage-daemon)" "$(command -v bwrap)" bin
    PATH=$PWD/bin bake 5
    assert_contains "qemu-img can't be run (is it installed?)"
}

@test "bake: the appliance backend without an appliance" {
    recipe "$GUEST" <<<'steps: [kernel]'
    LIBGUESTFS_PATH=/nonexistent run_ccbake 5 bake --backend=appliance --no-verify r.yaml
    assert_contains 'appliance'
    [[ ! -e t.qcow2 && ! -e .t.qcow2.part ]] || fail 'something was left'
    nothing_left
}

@test "bake: a cache that can't be written" {
    recipe "$GUEST" <<<'steps: [kernel]'
    mkdir small
    mount -t tmpfs -o ro,size=1m none small
    CCBAKE_CACHE_DIR=$PWD/small/cache bake 9
    assert_contains 'small/cache'
    assert_contains 'Read-only file system'
    assert_equal "$(find . -name '*.qcow2*')" ''
}
