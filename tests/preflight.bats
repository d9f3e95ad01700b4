#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `ccbake preflight`: good images, and images or requests that the cloud would refuse.
load helpers

setup_file() {
    images_to_change
    # Small, and far from right; but what the request asks for can be seen from it.
    small_guest "$BATS_FILE_TMPDIR/small.qcow2" --size 1G
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
}

preflight() {
    local expected=$1
    shift
    run_ccbake "$expected" preflight --backend=host "$@"
}

@test "each image fits the instance types of its recipe, and no others" {
    preflight 0 1.qcow2 --region cn-beijing --instance-type ecs.gn8v-tee.4xlarge --name acme-gpu
    assert_row "PASS import.esp" "partition 2, vfat, 200 MiB, with EFI/BOOT/BOOTX64.EFI"
    assert_row "PASS request.region" "cn-beijing"
    assert_row "PASS request.name" "acme-gpu"
    assert_row "PASS request.format" "QCOW2"
    preflight 0 1.qcow2 --instance-type ecs.gn8v-tee.6xlarge
    assert_contains "N/A  request.name"
    preflight 0 8.qcow2 --instance-type ecs.gn8v-tee-8x.16xlarge --zone cn-beijing-l
    preflight 0 8.qcow2 --instance-type ecs.gn8v-tee-8x.48xlarge
    preflight 8 1.qcow2 --instance-type ecs.gn8v-tee-8x.16xlarge
    assert_row "FAIL request.gpus" "an image for 1 GPU, and ecs.gn8v-tee-8x.16xlarge has 8"
    assert_contains "the image is not right: request.gpus"
    preflight 8 8.qcow2 --instance-type ecs.gn8v-tee.4xlarge
    assert_contains "an image for 8 GPUs, and ecs.gn8v-tee.4xlarge has 1"
}

@test "another region, zone or name is refused; so is a type that nobody knows" {
    preflight 8 1.qcow2 --region cn-hangzhou --zone cn-beijing-k --name 'aliyun gpu' --instance-type ecs.gn8v-tee.4xlarge
    assert_contains "the image is not right: request.region, request.zone, request.name"
    assert_contains "ecs.gn8v-tee.4xlarge is in cn-beijing, and not in cn-hangzhou"
    preflight 8 1.qcow2 --instance-type ecs.gn8v-tee.4xlarge --name 'größe 1'
    assert_contains 'holds " "'
    preflight 0 1.qcow2 --instance-type ecs.gn8v-tee.4xlarge --name '镜像-1'
    preflight 2 1.qcow2 --instance-type ecs.gn8v-tee.8xlarge
    assert_contains '--instance-type=ecs.gn8v-tee.8xlarge is none of the confidential GPU instance types'
    assert_contains "ecs.gn8v-tee-8x.48xlarge"
    preflight 2 1.qcow2
    assert_contains "--instance-type is missing"
}

@test "the report as JSON" {
    "$CCBAKE" preflight --json --backend=host 1.qcow2 --instance-type ecs.gn8v-tee-8x.16xlarge >report.json 2>/dev/null && fail "it passed"
    assert_equal "$(jq -c '[.good, [.checks[] | select(.status == "fail") | .id]]' report.json)" '[false,["request.gpus"]]'
}

@test "a disk of another size and formats that an import may not read are refused" {
    preflight 8 small.qcow2 --instance-type ecs.gn8v-tee.4xlarge
    assert_row "FAIL import.size" "1024 MiB, expected 5 to 2048 GiB"
    assert_row "PASS request.format" "QCOW2"
    qemu-img convert -f qcow2 -O vpc -o subformat=dynamic small.qcow2 dynamic.vhd
    preflight 8 dynamic.vhd --instance-type ecs.gn8v-tee.4xlarge
    assert_row "FAIL request.format" "dynamic.vhd: a VHD that is not of fixed size"
    assert_contains "ccbake convert IMAGE"
    qemu-img convert -f qcow2 -O qcow2 -c -o compression_type=zstd small.qcow2 zstd.qcow2
    preflight 8 zstd.qcow2 --instance-type ecs.gn8v-tee.4xlarge
    assert_row "FAIL request.format" "zstd.qcow2: extended L2 entries or not zlib"
    run_ccbake convert zstd.qcow2 --to vhd
    preflight 8 zstd.vhd --instance-type ecs.gn8v-tee.4xlarge
    assert_row "PASS request.format" "VHD"
}

ESP='ESP="$DISK@@$(($(sfdisk --json "$DISK" | jq ".partitiontable.partitions[1].start") * 512))"'
NO_PROGRAM='echo "MZ, but nothing" >"$dir/text" && mcopy -o -i "$ESP" "$dir/text" ::/EFI/BOOT/BOOTX64.EFI'

# mutant DETAIL: edits on standard input; only import.esp fails, with that detail.
mutant() {
    qemu-img snapshot -a right 1.qcow2
    { echo "$ESP" && cat; } | "$TOP/tests/mutate" 1.qcow2
    preflight 8 1.qcow2 --instance-type ecs.gn8v-tee.4xlarge
    assert_contains "the image is not right: import.esp"
    assert_contains "$1"
}

@test "an EFI system partition without a boot loader is seen" {
    mutant "there is no EFI/BOOT/BOOTX64.EFI" <<<'mdel -i "$ESP" ::/EFI/BOOT/BOOTX64.EFI'
    run_ccbake 8 verify --backend=host --gpus=1 1.qcow2
    assert_contains "the image is not right: import.esp"
    mutant "EFI/BOOT/BOOTX64.EFI is no EFI program for x86-64" <<<"$NO_PROGRAM"
}

NAMED_BY_TABLE=$(cat <<'EOF'
sfdisk --quiet --no-reread --no-tell-kernel --part-label "$DISK" 2 'EFI: disk'
root=$(sfdisk --part-uuid "$DISK" 3)
change etc/fstab "s/^UUID=\S+ (\/boot\/efi )/PARTLABEL=EFI:\\\\040disk \1/; s/^UUID=\S+/PARTUUID=$root/"
change_grubenv "s/root=UUID=\S+/root=PARTUUID=$root/"
EOF
)

@test "partitions named by their entries in the table are right" {
    qemu-img snapshot -a right 1.qcow2
    "$TOP/tests/mutate" 1.qcow2 <<<"$NAMED_BY_TABLE"
    run_ccbake verify --backend=host --gpus=1 1.qcow2
    assert_row "PASS kernel.root-uuid" "PARTUUID="
    assert_row "PASS import.fstab" "2 lines"
}

@test "the appliance sees partition and table as the host does" {
    qemu-img snapshot -a right 1.qcow2
    printf '%s\n' "$ESP" "$NO_PROGRAM" "$NAMED_BY_TABLE" | "$TOP/tests/mutate" 1.qcow2
    run_ccbake 8 verify --backend=appliance --gpus=1 1.qcow2
    assert_contains "the image is not right: import.esp"
    assert_contains "EFI/BOOT/BOOTX64.EFI is no EFI program for x86-64"
    assert_row "PASS kernel.root-uuid" "PARTUUID="
    assert_row "PASS import.fstab" "2 lines"
}

@test "an initramfs without the driver of the disk is seen" {
    qemu-img snapshot -a right 1.qcow2
    "$TOP/tests/mutate" 1.qcow2 <<<"change_initrd 's/nvme\.ko/nvmX.ko/g'"
    preflight 8 1.qcow2 --instance-type ecs.gn8v-tee.4xlarge
    assert_contains "the image is not right: initramfs.drivers"
    assert_contains "no nvme.ko for "
}
