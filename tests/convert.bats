#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Needs no root, no stand-in and no network.
# ccbake convert: the results are checked by qemu-img; and its errors.
load helpers

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    # Data of 5 MiB in 20 GiB, some of it zeros that are written out, and a size of no whole MiB.
    qemu-img create -q -f qcow2 disk.qcow2 $((20 * 1024 * 1024 * 1024 + 512))
    qemu-io -f qcow2 -c 'write -P 1 0 512' -c 'write -P 2 5000000 3000000' -c 'write -P 0 1G 8M' \
        -c 'write -c -P 3 10G 1M' -c 'write -P 4 21474836480 512' disk.qcow2 >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    cp "$BATS_FILE_TMPDIR/disk.qcow2" disk.qcow2
}

# same A FORMAT B FORMAT: both show the same disk.
same() {
    qemu-img compare -q -f "$2" -F "$4" "$1" "$3" || fail "$1 and $3 differ"
}

virtual_size() {
    qemu-img info -f "$2" --output=json "$1" | jq '."virtual-size"'
}

nothing_left() {
    run find . -name '.*.part*'
    [[ -z $output ]] || fail "left behind: $output"
}

@test "an image in each format is the same disk to qemu-img" {
    run_ccbake convert disk.qcow2 --to vhd,raw,qcow2 --output out.qcow2 --compress
    assert_contains "made     out.vhd, which takes "
    same disk.qcow2 qcow2 out.vhd vpc
    same disk.qcow2 qcow2 out.raw raw
    same disk.qcow2 qcow2 out.qcow2 qcow2
    qemu-img check -q -f qcow2 out.qcow2
    assert_equal "$(virtual_size out.raw raw)" $((20 * 1024 * 1024 * 1024 + 512))
    assert_equal "$(virtual_size out.qcow2 qcow2)" $((20 * 1024 * 1024 * 1024 + 512))
    assert_equal "$(virtual_size out.vhd vpc)" $((20 * 1024 * 1024 * 1024 + 1024 * 1024))
    assert_equal "$(stat -c %s out.vhd)" $((20 * 1024 * 1024 * 1024 + 1024 * 1024 + 512))
    nothing_left
    # And back again.
    run_ccbake convert out.vhd --to raw --output again.raw
    same disk.qcow2 qcow2 again.raw raw
    run_ccbake convert out.raw --to qcow2 --output again.qcow2
    same disk.qcow2 qcow2 again.qcow2 qcow2
}

@test "the footer of a vhd is what qemu-img writes, and the same each time" {
    run_ccbake convert disk.qcow2 --to vhd
    qemu-img create -q -f vpc -o subformat=fixed,force_size=on theirs.vhd "$(virtual_size disk.vhd vpc)"
    # All but time, checksum and identity.
    cmp <(tail -c 512 disk.vhd | head -c 24) <(tail -c 512 theirs.vhd | head -c 24)
    cmp <(tail -c 484 disk.vhd | head -c 36) <(tail -c 484 theirs.vhd | head -c 36)
    cmp <(tail -c 428 disk.vhd) <(tail -c 428 theirs.vhd)
    tail -c 512 disk.vhd >first
    run_ccbake convert --force disk.qcow2 --to vhd
    cmp first <(tail -c 512 disk.vhd)
}

@test "a raw image takes no more disk than the data in it, and 20 GiB take little memory" {
    "$TOP/tests/peak-memory" 100 "$CCBAKE" convert -q disk.qcow2 --to raw,vhd
    local name taken
    for name in disk.raw disk.vhd; do
        taken=$(($(stat -c %b "$name") * 512))
        # 512, 3000000 and 512 bytes and 1 MiB in blocks of 4 KiB, and a footer
        ((taken <= 4096 + 3006464 + 4096 + (1 << 20) + 8192)) || fail "$name: $taken bytes"
    done
    # Zeros that are allocated in the source become holes.
    truncate -s 64M zeros.raw
    fallocate -l 64M zeros.raw
    run_ccbake convert zeros.raw --to raw --output out.raw
    assert_equal "$(stat -c %b out.raw)" 0
}

@test "names may hold spaces, colons and any characters" {
    local name='dir with space/größe: 镜像 v1.2.qcow2'
    mkdir 'dir with space'
    cp disk.qcow2 "$name"
    run_ccbake convert "$name" --to vhd,raw
    same "./$name" qcow2 "./${name%.qcow2}.vhd" vpc
    same "./$name" qcow2 "./${name%.qcow2}.raw" raw
    qemu-img convert -f qcow2 -O qcow2 -o compression_type=zstd -c disk.qcow2 zstd.qcow2
    mv zstd.qcow2 nbd:1 # a protocol, if it were not a file
    run_ccbake convert nbd:1 --to raw
    assert_contains "(by qemu-img)"
    same disk.qcow2 qcow2 ./nbd:1.raw raw
    nothing_left
}

@test "what exists is not replaced without --force, and the source never" {
    echo precious >disk.raw
    run_ccbake 2 convert disk.qcow2 --to vhd,raw
    assert_contains "disk.raw exists already"
    assert_contains "hint: --force"
    assert_equal "$(cat disk.raw)" precious
    [[ ! -e disk.vhd ]] || fail "a part of the outputs is there"
    run_ccbake convert --force disk.qcow2 --to vhd,raw
    same disk.qcow2 qcow2 disk.raw raw
    run_ccbake 2 convert --force disk.qcow2 --to qcow2
    assert_contains "would replace the image that it is made from"
    ln disk.qcow2 link.qcow2
    run_ccbake 2 convert --force disk.qcow2 --to qcow2 --output link.qcow2
    mkdir out.raw
    run_ccbake 2 convert --force disk.qcow2 --to raw --output out.raw
    assert_contains "out.raw is a directory"
    nothing_left
}

@test "all outputs get their names or none" {
    echo old >disk.vhd
    echo old >disk.raw
    # What something is mounted on can't be renamed.
    with_mount "mount --bind disk.raw disk.raw && exec '$CCBAKE' convert --force disk.qcow2 --to vhd,raw"
    assert_equal "$status" 9
    assert_contains "disk.raw: Device or resource busy"
    assert_equal "$(head -qc 4 disk.vhd disk.raw | paste -sd" ")" "old old"
    rm disk.vhd
    with_mount "mount --bind disk.raw disk.raw && exec '$CCBAKE' convert --force disk.qcow2 --to vhd,raw"
    assert_equal "$status" 9
    [[ ! -e disk.vhd ]] || fail "one of two outputs is there"
    nothing_left
}

@test "a disk that is full is refused at once where that can be known, and leaves nothing" {
    mkdir small
    with_mount "mount -t tmpfs -o size=2M tmpfs small && '$CCBAKE' convert disk.qcow2 --to raw --output small/out.raw || { echo \$?; ls -A small; }"
    assert_contains " for the output in "
    assert_equal "${lines[-1]}" 5
    qemu-img create -q -f raw random.raw 8M
    head -c 8M /dev/urandom | dd of=random.raw conv=notrunc status=none
    with_mount "mount -t tmpfs -o size=2M tmpfs small && '$CCBAKE' convert random.raw --to qcow2 --compress --output small/out.qcow2 || { echo \$?; ls -A small; }"
    assert_contains "No space left on device"
    assert_equal "${lines[-1]}" 9
}

@test "an image that a machine runs from is refused" {
    qemu-io -f qcow2 -c 'sleep 60000' disk.qcow2 >/dev/null 3>&- &
    local machine=$!
    for _ in {1..100}; do
        run "$CCBAKE" convert --force disk.qcow2 --to raw
        [[ $status == 0 ]] || break # until the machine is there
    done
    kill "$machine"
    wait "$machine" || [[ $? == 143 ]]
    assert_equal "$status" 10
    assert_contains "disk.qcow2 is being written to"
    run_ccbake convert --force disk.qcow2 --to raw
}

@test "damaged sources are refused, and nothing comes out" {
    cp disk.qcow2 cut.qcow2
    truncate -s 600000 cut.qcow2
    run_ccbake 4 convert cut.qcow2 --to raw
    assert_contains "cut.qcow2 is corrupt"
    run_ccbake convert disk.qcow2 --to vhd
    cp disk.vhd cut.vhd
    truncate -s -1M cut.vhd
    tail -c 512 disk.vhd >>cut.vhd # the footer says more than there is
    run_ccbake convert cut.vhd --to raw # and so it is none: the file is a raw disk
    rm cut.raw
    : >empty.qcow2
    run_ccbake 4 convert empty.qcow2 --to raw
    assert_contains "empty.qcow2 is no disk image: it is empty"
    run_ccbake 4 convert gone.qcow2 --to raw
    assert_contains "No such file"
    run compgen -G '*.raw'
    [[ -z $output ]] || fail "there is $output"
    nothing_left
}

@test "backing files are followed only where that is asked for" {
    qemu-img create -q -f qcow2 -b disk.qcow2 -F qcow2 top.qcow2
    qemu-io -f qcow2 -c 'write -P 7 0 70000' -c 'write -z 10G 64k' top.qcow2 >/dev/null
    run_ccbake 4 convert top.qcow2 --to raw
    assert_contains "it refers to another file"
    run_ccbake convert --chain top.qcow2 --to raw,vhd
    same top.qcow2 qcow2 top.raw raw
    same top.qcow2 qcow2 top.vhd vpc
}

@test "formats that are none, twice or missing are refused" {
    run_ccbake 2 convert disk.qcow2
    assert_contains "say the format with --to"
    run_ccbake 2 convert disk.qcow2 --to vmdk
    assert_contains 'there is no format "vmdk"; ccbake writes qcow2, vhd, raw'
    run_ccbake 2 convert disk.qcow2 --to raw,raw
    assert_contains "asked for twice"
    run_ccbake 2 convert disk.qcow2 --to raw,
    assert_contains 'there is no format ""'
}

@test "options of convert that can't be meant are refused" {
    run_ccbake 2 convert disk.qcow2 --to raw,vhd --compress
    assert_contains '--compress is for qcow2; --to=raw,vhd has none'
    run_ccbake 2 convert disk.qcow2 --to raw -o -
    assert_contains "--output=-: an image can't be written to standard output"
    assert_equal "$(ls)" disk.qcow2
}
