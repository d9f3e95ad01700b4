#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Both images of the guide from stand-ins, end to end: baked, verified, compared with their recipes, one of them booted.
load helpers

setup_file() {
    baked_images
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
}

# said N: what the bake of the image for N GPUs said, in $output.
said() {
    output=$(<"$IMAGES/$1.said")
}

# with_images: their directory and their cache.
with_images() {
    export CCBAKE_CACHE_DIR=$IMAGES/cache
    cd "$IMAGES" || return 1
}

@test "the single-GPU image bakes in two formats, both are compared, one is verified" {
    with_images
    said 1
    assert_contains "10/10"
    assert_contains "compare  1.qcow2"
    assert_contains "compare  1.vhd"
    assert_contains "verify   1.qcow2"
    assert_contains ", 0 failed)"
    assert_contains "baked    1.qcow2, 1.vhd"
    [[ $output != *$'\r'* ]] || fail "a bar was drawn without a terminal: $output"
    qemu-img compare -q -f qcow2 -F vpc 1.qcow2 1.vhd
    run_ccbake preflight 1.vhd --backend=host --instance-type ecs.gn8v-tee.6xlarge --name acme-gpu_1.0
    assert_row "PASS request.format" VHD
}

@test "the manifest says what was baked from what" {
    with_images
    assert_equal "$(jq -r .image.sha256 1.json)" "$(sha256sum <1.qcow2 | cut -d' ' -f1)"
    assert_equal "$(jq -r .base.sha256 1.json)" "$(cut -d' ' -f1 base.sha256)"
    assert_equal "$(jq -r '.payloads[] | select(.label=="driver").sha256' 1.json)" \
        "$(sha256sum <"$STANDIN/payloads/NVIDIA-Linux-x86_64-550.144.03.run" | cut -d' ' -f1)"
    assert_equal "$(jq -r .kernel 1.json)" 5.10.134-18.al8.x86_64
    assert_equal "$(jq -r .driver 1.json)" 550.144.03
    assert_equal "$(jq -r '.steps | length' 1.json)" 10
    assert_equal "$(jq -r '.packages_added | map(select(startswith("openssl3-3"))) | length' 1.json)" 1
    assert_equal "$(jq -r '.recipe.variables.driver' 1.json)" 550.144.03
    qemu-img check -q 1.qcow2
    assert_equal "$(qemu-img info --output=json 1.qcow2 | jq -r '."format-specific".data.compat')" 1.1
    assert_equal "$(qemu-img info --output=json 1.qcow2 | jq -r '."backing-filename"')" null
}

@test "the report has verdict, picture, time line, sizes and changes" {
    local part
    with_images
    for part in '✓ PASS</strong>' '<dt>Driver</dt><dd>550.144.03</dd>' '<dt>CUDA</dt><dd>12.4.1</dd>' \
        ">nvidia-persistenced.service</text>" '<code>nvidia-driver</code><small>install driver 550.144.03' \
        '<code>/usr/local/cuda-12.4</code>' '<code>swiotlb=4194304,any</code>' "$(cut -d' ' -f1 base.sha256)"; do
        grep -qF -- "$part" 1.html || fail "not in the report: $part"
    done
}

@test "the log holds every command and what it said" {
    with_images
    grep -q '^=== step 7/10 nvidia-driver: ' 1.log
    grep -q '^\$ sh /tmp/ccbake/NVIDIA-Linux-x86_64-550.144.03.run -m kernel-open -k 5.10.134-18.al8.x86_64 ' 1.log
    grep -q '^PASS kernel.minimum ' 1.log
}

@test "the 8-GPU image bakes without a network, compressed, and passes its checks" {
    with_images
    said 8
    assert_contains ", 0 failed)"
    assert_equal "$(cut -d' ' -f1 8.requests)" "$(cut -d' ' -f2 8.requests)"
    assert_equal "$(jq -r .driver 8.json)" 570.148.08
    [[ $(stat -c %s 8.qcow2) -lt $(stat -c %s 1.qcow2) ]] || fail "the compressed image is not smaller"
}

@test "a bake with its check starts no appliance" {
    assert_equal "$(<"$IMAGES/8.launches")" 0
}

@test "the base was never written" {
    sha256sum --check --quiet "$IMAGES/base.sha256"
}

@test "diff of base and image says what the recipe did" {
    "$CCBAKE" diff --quiet --json --backend=host "$STANDIN/base.qcow2" "$IMAGES/1.qcow2" >1.diff.json
    member() {
        jq -r "$1" 1.diff.json
    }
    assert_equal "$(member '[.modules[] | select(.change == "added") | .b] | unique | tostring')" '["550.144.03"]'
    assert_equal "$(member '.modules | length')" 5
    assert_equal "$(member '.boot[].added | tostring')" '["swiotlb=4194304,any"]'
    assert_equal "$(member '.packages[] | select(.name == "openssl3.x86_64") | .change')" added
    assert_equal "$(member '.units[] | select(.what == "enabled") | .name')" nvidia-persistenced.service
    assert_equal "$(member '.order[] | select(.name | endswith("ollama.service")) | .name')" \
        "nvidia-persistenced.service ► ollama.service"
    assert_equal "$(member '.directories[0].path')" /usr/local/cuda-12.4
}

# plan_diff GPUS [OPTION...]: the JSON of `ccbake plan --diff`.
plan_diff() {
    "$CCBAKE" plan --quiet --json --diff --backend=host "$IMAGES/$1.yaml"
}

@test "plan shows of what is cached exactly what the recipe did" {
    local gpus
    export CCBAKE_CACHE_DIR=$IMAGES/cache
    "$CCBAKE" diff --quiet --json --backend=host "$STANDIN/base.qcow2" "$IMAGES/8.qcow2" >8.diff.json
    for gpus in 1 8; do
        plan_diff "$gpus" >"$gpus.plan.json"
        assert_equal "$(jq -r '[.steps[].basis] | unique[]' "$gpus.plan.json")" exact
        diff <(jq '.exact | del(.a.image, .b.image)' "$gpus.plan.json") \
            <(jq 'del(.a.image, .b.image)' "$gpus.diff.json")
    done
}

@test "plan shows of what is not cached what comes true" {
    local gpus declared
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    for gpus in 1 8; do
        plan_diff "$gpus" >"$gpus.plan.json"
        assert_equal "$(jq -r '[.steps[].basis] | unique[]' "$gpus.plan.json")" declared
        for declared in packages modules units boot configuration; do
            assert_equal "$(jq -n --arg list "$declared" --slurpfile plan "$gpus.plan.json" \
                --slurpfile diff "$gpus.diff.json" -c '[$plan[0].steps[].diff[$list][]] - $diff[0][$list]')" "[]"
        done
    done
    count() {
        jq -c '[.steps[].diff | .packages, .modules, .units, .boot | length] | _nwise(4)' "$1.plan.json" | sort -u
        jq -r '.steps[].unknown[].path | select(. != null)' "$1.plan.json"
    }
    assert_equal "$(count 1)" '[0,0,0,0]
[0,0,0,1]
[0,0,1,0]
[0,0,5,0]
[0,5,0,0]
[7,0,0,0]
/usr/local/cuda-12.4
/usr/bin/python3
/lib/modules/5.10.134-18.al8.x86_64
/boot/initramfs-5.10.134-18.al8.x86_64.img'
    assert_equal "$(count 8 | grep -c '^\[1,0,0,0\]$')" 1 # Fabric Manager and NSCQ
    jq -e '[.steps[].unknown[].what] | index("the links that enable nvidia-fabricmanager.service: its file is not known yet")' \
        8.plan.json
}

@test "an image of the wrong kind fails the checks, each by its id" {
    local status=0
    "$CCBAKE" verify --json --backend=host --no-manifest --gpus=1 "$IMAGES/8.qcow2" >report.json 2>/dev/null || status=$?
    assert_equal "$status" 8
    status_of() {
        jq -r --arg id "$1" '.checks[] | select(.id == $id).status' report.json
    }
    assert_equal "$(status_of modprobe.no-protected-pcie)" fail
    assert_equal "$(status_of fabric.disabled)" fail
    assert_equal "$(status_of driver.modules)" pass
}

@test "the 8-GPU image boots, its units start in the guide's order, and its self-test says where it is" {
    local text
    cp --sparse=always "$IMAGES/8.qcow2" booted.qcow2
    # The machine is gone before /run can be looked at: a drop-in says what is there.
    "$TOP/tests/mutate" booted.qcow2 <<'END'
ln -s "/$VENDOR/ccbake-selftest.service" "$UNITS/multi-user.target.wants/"
printf '%s\n' '[Service]' 'ExecStopPost=/bin/cat /run/ccbake/selftest.json' | put "$UNITS/ccbake-selftest.service.d/show.conf"
END
    run_ccbake boot booted.qcow2 --log=boot.log
    assert_contains "multi-user.target after"
    assert_contains "nvidia-fabricmanager.service, then nvidia-persistenced.service"
    assert_contains "nvidia-persistenced.service, then ccbake-selftest.service"
    assert_contains "ccbake-selftest.service (exit-code) failed: expected here, there is no GPU"
    output=$(tr -d '\r' <boot.log | sed 's/^.*ccbake-selftest\[[0-9]*\]: //; s/^.*cat\[[0-9]*\]: //')
    for text in 'TAP version 13' 'not ok 1 - guest.tdx: not a TDX guest' 'not ok 3 - gpu.present: no GPU' \
        'ok 4 - kernel.version: 5.10.134-18.al8.x86_64 runs' 'not ok 5 - kernel.swiotlb: the bounce buffer is 0 MiB' \
        '"verdict": "not a gn8v-tee instance",' '"exit": 3,' \
        'ok 16 - fabric.version: 570.148.08' 'ok 17 - fabric.nscq: 570.148.08' \
        "# not a gn8v-tee instance; baked as $(jq -r '.steps[-1].key' "$IMAGES/8.json")" 'code=exited, status=3/'; do
        assert_contains "$text"
    done
}

# A recipe with the stand-in base and one step that installs a driver.
write_driver_recipe() {
    cat >"$1.yaml" <<EOF
format: 1
name: $1
gpus: 1
base: {path: $STANDIN/base.qcow2, os: alinux, version: 3, min-kernel: 5.10.134-18.al8}
payloads:
  driver: {path: $STANDIN/payloads/NVIDIA-Linux-x86_64-550.144.03-fault-$1.run}
steps:
  - nvidia-driver: {payload: driver, version: 550.144.03, limit: 3}
  - initramfs
  - selftest
EOF
    "$CCBAKE" lock --backend=host --quiet --update "$1.yaml"
}

@test "an installer that fails, does nothing or hangs fails the bake, and nothing comes out" {
    "$TOP/tests/standin/driver" --fault exit1 550.144.03
    "$TOP/tests/standin/driver" --fault noop 550.144.03
    "$TOP/tests/standin/driver" --fault hang 550.144.03
    write_driver_recipe exit1
    run_ccbake 7 bake --backend=host --no-verify exit1.yaml
    assert_contains "step 1/3 (nvidia-driver): sh failed with exit code 1"
    assert_contains "its last lines:"
    assert_contains "hint: the whole log is exit1.log"
    write_driver_recipe noop
    run_ccbake 7 bake --backend=host --no-verify noop.yaml
    assert_contains "the installer said that all went well, but /lib/modules/5.10.134-18.al8.x86_64/kernel/drivers/video/nvidia.ko is missing"
    write_driver_recipe hang
    run_ccbake 7 bake --backend=host --no-verify hang.yaml
    assert_contains "sh did not end within its limit of 3 s"
    assert_contains "hint: hang.yaml:8:66: give the step a longer \"limit\" than 3 (seconds)"
    run compgen -G "*exit1.qcow2 *noop.qcow2 *hang.qcow2 .*.part"
    [[ -z $output ]] || fail "left behind: $output"
}

# Everything but the installer's record, caches that hold times, what names the bake, and what was made to differ.
comparable_listing() {
    "$TOP/tests/image-listing" "$1" |
        grep -vE '^(var/lib/nvidia/log|var/cache/ldconfig/aux-cache|etc/before|etc/ccbake/selftest\.conf|boot/initramfs[^ ]*) '
}

@test "a driver is compiled once for images that differ in what stands before it" {
    local name
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    for name in one two three; do
        cat >"$name.yaml" <<EOF
format: 1
name: $name
gpus: 1
base: {path: $STANDIN/base.qcow2, os: alinux, version: 3, min-kernel: 5.10.134-18.al8}
payloads:
  driver: {path: $STANDIN/payloads/NVIDIA-Linux-x86_64-550.144.03.run}
steps:
  - run: {id: no-dracut, commands: [[sh, -c, "echo '#!/bin/sh' >/usr/bin/dracut"]]} # it takes longer than the rest
  - run: {commands: [[sh, -c, "echo $name >/etc/before"]]}
  - nvidia-driver: {payload: driver, version: 550.144.03}
  - initramfs
  - selftest
EOF
        run_ccbake lock --backend=host --quiet "$name.yaml"
    done
    run_ccbake bake --backend=host --no-verify one.yaml
    grep -q -- "--no-kernel-module" one.log && fail "the first bake compiled nothing"
    run_ccbake cache ls
    assert_contains "1 set of built files"
    run_ccbake bake --backend=host --no-verify two.yaml
    grep -q -- "--no-kernel-module" two.log || fail "the second bake compiled again"
    diff <(comparable_listing one.qcow2) <(comparable_listing two.qcow2)

    # Other headers are another kernel to compile for; a damaged module is not used.
    printf 'X' >>"$(echo "$CCBAKE_CACHE_DIR"/built/*/nvidia.ko)"
    run_ccbake bake --backend=host --no-verify three.yaml
    assert_contains "is damaged: dropped"
    grep -q -- "--no-kernel-module" three.log && fail "a damaged module was used"
    sed -i 's|echo three >/etc/before|echo CONFIG_MORE=y >>/lib/modules/5.10.134-18.al8.x86_64/build/.config|' three.yaml
    run_ccbake lock --backend=host --quiet three.yaml
    run_ccbake bake --backend=host --no-verify --force three.yaml
    grep -q -- "--no-kernel-module" three.log && fail "modules for other headers were used"
    run_ccbake cache ls
    assert_contains "2 sets of built files"
}

@test "a base whose kernel is too old gets the recipe's newer one, and boots it by default" {
    "$TOP/tests/standin/kernel" --release 19.1.al8 >/dev/null
    cat >newer.yaml <<EOF
format: 1
name: newer
gpus: 1
base: {path: $STANDIN/base.qcow2, os: alinux, version: 3, min-kernel: 5.10.134-19.al8}
payloads:
  core: {path: $STANDIN/kernel-19.1.al8/kernel-core-5.10.134-19.1.al8.x86_64.rpm}
  modules: {path: $STANDIN/kernel-19.1.al8/kernel-modules-5.10.134-19.1.al8.x86_64.rpm}
steps:
  # dracut runs once for each kernel and once more: one that only leaves a file takes no minute.
  - run: {commands: [[sh, -c, "printf '#!/bin/sh\\\\nfor a; do case \$a in /boot/*) : >\$a ;; esac; done\\\\n' >/usr/bin/dracut"]]}
  - kernel: {packages: [core, modules]}
  - kernel-args: {set: ["swiotlb=4194304,any"]}
  - initramfs
EOF
    run_ccbake lock --backend=host newer.yaml
    run_ccbake bake --backend=host --no-verify newer.yaml
    assert_contains "kernel 5.10.134-19.1.al8.x86_64"
    assert_equal "$(jq -r .kernel newer.json)" 5.10.134-19.1.al8.x86_64
    run "$TOP/tests/image-listing" newer.qcow2
    assert_contains "boot/initramfs-5.10.134-19.1.al8.x86_64.img f "
    assert_contains "boot/initramfs-5.10.134-18.al8.x86_64.img f "
}

@test "a waived check is in the manifest, and without its waiver the image is neither current nor right" {
    cat >waived.yaml <<EOF
format: 1
name: waived
gpus: 1
base: {path: $STANDIN/base.qcow2, os: alinux, version: 3, min-kernel: 5.10.134-18.al8}
steps:
  - kernel-args: {set: ["swiotlb=4194304,any"]}
  - run: {commands: [[sh, -c, "echo 'ssh-ed25519 AAAA admin' >/root/.ssh/authorized_keys"]]}
  - initramfs
waivers: [{check: hygiene.authorized-keys, reason: the key of our bastion}]
EOF
    run_ccbake lock --backend=host --quiet waived.yaml
    run_ccbake bake --backend=host waived.yaml
    assert_contains " 0 failed, 1 waived)"
    assert_equal "$(jq -r '.checks.checks[] | select(.waiver) | .id + ": " + .waiver' waived.json)" \
        "hygiene.authorized-keys: the key of our bastion"
    grep -q '^WAIVED hygiene.authorized-keys ' waived.log
    run_ccbake bake --backend=host waived.yaml
    assert_contains "nothing to do"
    sed -i '/^waivers:/d' waived.yaml
    run_ccbake 2 bake --backend=host waived.yaml
    assert_contains "waived.qcow2 exists already"
    run_ccbake 8 verify --backend=host --recipe waived.yaml waived.qcow2
    assert_contains "the image is not right: hygiene.authorized-keys"
}
