#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# One bake writes an image in several formats.  (convert.bats tests the formats themselves.)
load helpers

setup_file() {
    small_guest "$BATS_FILE_TMPDIR/base.qcow2"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    ln -s "$BATS_FILE_TMPDIR/base.qcow2" base.qcow2
}

# same A FORMAT B FORMAT: both show the same disk.
same() {
    qemu-img compare -q -f "$2" -F "$4" "$1" "$3" || fail "$1 and $3 differ"
}

nothing_left() {
    run find . -name '.*.part*'
    [[ -z $output ]] || fail "left behind: $output"
}

# r.yaml: a small guest with the formats that are given.
write_recipe() {
    cat >r.yaml <<END
format: 1
name: r
gpus: 1
base: {path: base.qcow2, os: alinux, version: 3, min-kernel: 5.10.134-18.al8}
steps:
  - run: {commands: [[sh, -c, "echo one >/opt-one"]]}
output: {name: gpu, formats: $1}
END
    run_ccbake lock --quiet r.yaml
}

bake() {
    CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache run_ccbake bake --backend=host --no-verify r.yaml "$@"
}

@test "the ending of --output is the format of a single image; of several it must be one of them" {
    write_recipe '[qcow2]'
    bake -o t.raw
    assert_equal "$(qemu-img info --output=json -f raw t.raw | jq -r .format)/$(jq -r .image.format t.json)" raw/raw
    [[ $(stat -c %s t.raw) == 268435456 ]] || fail "t.raw is no raw image"
    bake -o v.vhd
    assert_equal "$(tail -c 512 v.vhd | head -c 8)" conectix
    write_recipe '[vhd, qcow2]'
    CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache run_ccbake 2 bake --backend=host --no-verify r.yaml -o u.raw
    assert_contains "u.raw: the name says raw, and vhd is written"
    run_ccbake 2 convert base.qcow2 --to vhd -o u.qcow2
    assert_contains "u.qcow2: the name says qcow2, and vhd is written"
    [[ ! -e u.raw && ! -e u.qcow2 && ! -e u.vhd ]] || fail "something was written"
}

@test "one bake gives several formats, which stand in the manifest and are current together" {
    write_recipe '[vhd, qcow2, raw]'
    bake --compress
    assert_contains "baked    gpu.vhd, gpu.qcow2, gpu.raw in "
    same gpu.qcow2 qcow2 gpu.vhd vpc
    same gpu.qcow2 qcow2 gpu.raw raw
    qemu-img check -q -f qcow2 gpu.qcow2
    assert_equal "$(content_of gpu.qcow2 /opt-one)" one
    assert_equal "$(jq -c '[.images[] | [.file, .format, .compressed]]' gpu.json)" \
        '[["gpu.vhd","vhd",false],["gpu.qcow2","qcow2",true],["gpu.raw","raw",false]]'
    assert_equal "$(jq -c '.images[0]' gpu.json)" "$(jq -c .image gpu.json)"
    local file
    for file in gpu.vhd gpu.qcow2 gpu.raw; do
        assert_equal "$(jq -r --arg f $file '.images[] | select(.file == $f) | .sha256, .size' gpu.json | paste -sd' ')" \
            "$(sha256sum <$file | cut -d' ' -f1) $(stat -c %s $file)"
    done
    assert_equal "$(jq -c '[.images[].virtual_size]' gpu.json)" '[268435456,268435456,268435456]'
    bake --compress
    assert_contains "current  gpu.vhd, gpu.qcow2, gpu.raw are what this recipe bakes: nothing to do"
    # One of them is gone: they are made anew, together.
    rm gpu.raw
    CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache run_ccbake 2 bake --backend=host --no-verify --compress r.yaml
    assert_contains "gpu.vhd exists already"
    bake --compress --force
    [[ -e gpu.raw ]] || fail "gpu.raw is not there"
    # As is a file that was changed, and a recipe that wants other formats.
    damage gpu.raw 99999
    bake --compress --force
    assert_contains "baked"
    write_recipe '[vhd, raw]'
    bake --compress --force
    assert_contains "baked    gpu.vhd, gpu.raw in "
    nothing_left
}

@test "an output that exists stops a bake before it begins, whichever it is" {
    write_recipe '[qcow2, raw]'
    echo precious >gpu.raw
    CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache run_ccbake 2 bake --backend=host --no-verify r.yaml
    assert_contains "gpu.raw exists already"
    [[ $output != *"1/1"* ]] || fail "it baked: $output"
    assert_equal "$(cat gpu.raw)" precious
}

@test "formats in a recipe are checked" {
    write_recipe qcow2
    sed -i 's/formats: .*}/formats: [raw, raw]}/' r.yaml
    run_ccbake 3 bake r.yaml
    assert_contains "r.yaml:7:30: \"formats\" has raw twice"
    sed -i 's/formats: .*}/formats: [raw, vmdk]}/' r.yaml
    run_ccbake 3 bake r.yaml
    assert_contains '"vmdk" is not one of qcow2|vhd|raw'
}

@test "what is planted at the log's name is refused, or replaced; it is never written through" {
    write_recipe '[qcow2]'
    mkfifo gpu.log
    CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache run timeout 60 "$CCBAKE" bake --backend=host --no-verify r.yaml
    [[ $status == 9 ]] || fail "with a FIFO: $status"
    assert_contains 'gpu.log is not a regular file'
    rm gpu.log
    echo precious >victim
    ln -s victim gpu.log
    CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache run_ccbake 9 bake --quiet --backend=host --no-verify r.yaml
    assert_contains 'gpu.log is not a regular file'
    assert_equal "$(cat victim)" precious
    rm gpu.log
    ln victim gpu.log
    umask 077
    bake --quiet
    assert_equal "$(cat victim)" precious
    assert_equal "$(stat -c %a gpu.log gpu.qcow2 gpu.json | sort -u)" 644
    umask 000
    rm -r cache gpu.*
    bake --quiet
    assert_equal "$(stat -c %a gpu.log gpu.qcow2 gpu.json | sort -u)" 644
    assert_equal "$(stat -c %a cache/layers cache/work | sort -u)" 700
    nothing_left
}
