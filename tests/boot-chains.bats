#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# GRUB itself judges the boot chains of tests/unit/test-bootchain.c: grub-emu runs each stub on a disk with both file systems.

setup() {
    load helpers
    must_have grub-emu command -v grub-emu
    cd "$BATS_TEST_TMPDIR" || return 1
    make -s -C "$TOP" build/unit/test-bootchain
}

# judge DIR: prints what GRUB starts from DIR/esp and DIR/root, as DIR/expected has it.
judge() {
    local dir=$1 disk=$1/disk.img esp=$1/esp.img
    truncate -s 8M "$esp"
    mkfs.vfat "$esp" >/dev/null
    mcopy -s -i "$esp" "$dir/esp/EFI" ::/
    truncate -s 20M "$disk"
    printf 'label: gpt\nstart=2048,size=16384,type=uefi\nstart=18432,size=20480\n' | sfdisk -q "$disk"
    dd if="$esp" of="$disk" bs=512 seek=2048 conv=notrunc status=none
    mke2fs -q -t ext4 -L root -U 5d3a8f0e-20c7-4b53-9c11-a11b0c100d03 -d "$dir/root" -E offset=$((18432 * 512)) \
        "$disk" 10240k
    echo "(hd0) $disk" >"$dir/device.map"
    mkdir "$dir/grub"
    # It has no commands linux and initrd, so that these are called. All entries end with initrd.
    cat >"$dir/grub/grub.cfg" <<'END'
function linux { echo; echo "= $root KERNEL $*"; }
function initrd { echo "= $root INITRD $*"; exit; }
set timeout=0
export timeout
set root=hd0,gpt1
set prefix=(hd0,gpt1)/EFI/alinux
configfile (hd0,gpt1)/EFI/alinux/grub.cfg
echo
echo "= - prompt"
exit
END
    TERM=dumb COLUMNS=500 timeout 20 script -qec "stty cols 500 rows 50; grub-emu -m $dir/device.map -d $dir/grub" /dev/null \
        </dev/null | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | tr -d '\r' | sed -n 's/^= //p' |
        awk '$2 == "prompt" { print $2 }
            $2 == "KERNEL" || $2 == "INITRD" {
                root = $1
                sub(/^[^ ]+ [A-Z]+ /, "")
                n = split($0, words, " ")
                if (seen++) { # all words are files
                    out = ""
                    for (i = 1; i <= n; i++) out = out " " (words[i] ~ /^\// ? "(" root ")" : "") words[i]
                    print kernel " |" out
                } else
                    kernel = ($0 ~ /^\// ? "(" root ")" : "") $0
            }' | head -n 1
}

@test "GRUB starts what the table of boot chains says" {
    local dir said wrong=0 count=0
    "$TOP/build/unit/test-bootchain" "$PWD/chains"
    for dir in "$PWD"/chains/*; do
        said=$(judge "$dir")
        count=$((count + 1))
        # The kernel's words are printed without the quotes that keep blanks in one of them.
        [[ $said == "$(tr -d '"' <"$dir/expected")" ]] || {
            echo "$(<"$dir/what"): expected $(<"$dir/expected"), GRUB says $said"
            wrong=$((wrong + 1))
        }
    done
    ((count >= 20)) && ((wrong == 0))
}
