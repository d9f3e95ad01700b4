#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# base.grow: a larger disk, as sgdisk, e2fsck and growpart see it.
load helpers

readonly ROOT_START=$((415744 * 512)) # tests/standin/image.bash

setup_file() {
    export CCBAKE_CACHE_DIR=$BATS_FILE_TMPDIR/cache
    small_guest "$BATS_FILE_TMPDIR/base.qcow2"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    ln -s "$BATS_FILE_TMPDIR/base.qcow2" base.qcow2
}

# write_recipe SIZE [STEPS]
write_recipe() {
    local large='[{run: {commands: [[sh, -c, "head -c 419430400 /dev/zero >/root/large"]]}}]'
    cat >r.yaml <<END
format: 1
name: r
gpus: 1
base:
  path: base.qcow2
  sha256: $(sha256sum <base.qcow2 | cut -d' ' -f1)
  os: alinux
  version: 3
  min-kernel: 5.10.134-18.al8
  grow: $1
steps: ${2:-$large}
END
}

# disk_is_good IMAGE BYTES: size, both GPTs, a file system that fills the partition.
disk_is_good() {
    qemu-img convert -f qcow2 -O raw "$1" disk.raw
    assert_equal "$(stat -c %s disk.raw)" "$2"
    run sgdisk --verify disk.raw
    assert_contains "No problems found"
    local end
    end=$(sfdisk --json disk.raw | jq '.partitiontable.partitions | max_by(.start) | (.start + .size) * 512')
    assert_equal "$end" "$(($2 - (1 << 20)))"
    dd if=disk.raw of=root.ext4 bs=1M skip="$((ROOT_START >> 20))" count="$(((end - ROOT_START) >> 20))" status=none
    e2fsck -fn root.ext4 || fail "e2fsck: $output"
    assert_equal "$(dumpe2fs -h root.ext4 2>/dev/null | awk -F': *' '/^Block (count|size)/ { n = n ? n * $2 : $2 } END { print n }')" \
        "$((end - ROOT_START))"
}

@test "the host backend grows disk, partition and file system before the first step" {
    must_have_host_backend
    write_recipe 1G
    run_ccbake plan --quiet r.yaml
    assert_contains 'grows to 1.1 GB: the disk, its last partition and the root file system'
    run_ccbake bake --backend=host --no-verify r.yaml
    disk_is_good r.qcow2 $((1 << 30))
    assert_equal "$(jq '.images[0].virtual_size' r.json)" $((1 << 30))
    assert_equal "$(debugfs -R 'stat /root/large' root.ext4 2>/dev/null | grep -m1 -o 'Size: [0-9]*')" "Size: $((400 << 20))"
}

@test "at the first boot growpart grows the partition further" {
    must_have_host_backend
    write_recipe 1G
    run_ccbake bake --backend=host --no-verify r.yaml
    qemu-img convert -f qcow2 -O raw r.qcow2 disk.raw
    truncate -s 2G disk.raw
    run growpart disk.raw 3
    assert_contains "CHANGED: partition=3"
}

@test "the appliance does the same" {
    write_recipe 1G
    run_ccbake bake --backend=appliance --no-cache --no-verify r.yaml
    disk_is_good r.qcow2 $((1 << 30))
}

@test "another size is another image; without it the disk stays as it was" {
    must_have_host_backend
    write_recipe 512M '[{run: {commands: [[touch, /root/small]]}}]'
    run_ccbake bake --backend=host --no-verify r.yaml
    disk_is_good r.qcow2 $((512 << 20))
    write_recipe 768M '[{run: {commands: [[touch, /root/small]]}}]'
    run_ccbake bake --backend=host --no-verify --force r.yaml
    disk_is_good r.qcow2 $((768 << 20))
    sed -i /grow:/d r.yaml
    run_ccbake bake --backend=host --no-verify --force r.yaml
    assert_equal "$(qemu-img info --output=json r.qcow2 | jq '."virtual-size"')" $((256 << 20))
}

@test "what can't grow is refused before the first step, with the place in the recipe" {
    must_have_host_backend
    write_recipe 100M
    run_ccbake 4 bake --backend=host --no-verify r.yaml
    assert_contains 'r.yaml:10:9: "grow": the disk can'\''t shrink: it has 268.4'
    write_recipe many
    run_ccbake 3 plan r.yaml
    assert_contains 'r.yaml:10:9: "grow": expected a size, as 80G or 81920M'
    write_recipe 1G '[]'
    run_ccbake 3 plan r.yaml
    small_guest two.qcow2 --two-roots --size 1G
    ln -sf two.qcow2 base.qcow2
    write_recipe 4G
    run_ccbake 4 bake --backend=host --no-verify r.yaml
}
