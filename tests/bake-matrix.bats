#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # bats sets output and status
# `bake --matrix` on a small guest: its images, their common steps, failures; and lock and fetch with a matrix.
load helpers

setup_file() {
    small_guest "$BATS_FILE_TMPDIR/base.qcow2"
}

setup() {
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    cd "$BATS_TEST_TMPDIR" || return 1
    ln -s "$BATS_FILE_TMPDIR/base.qcow2" base.qcow2
    local v
    for v in 1 2 3; do
        echo "payload $v" >"p$v.bin"
    done
    write_recipe
}

teardown() {
    if mountpoint -q "$BATS_TEST_TMPDIR/disk"; then
        umount "$BATS_TEST_TMPDIR/disk"
    fi
}

# A step that all images share, one that differs, and a file of its own for each.
write_recipe() {
    cat >m.yaml <<EOF
format: 1
name: m
gpus: 1
variables: {v: "1", command: "cp /tmp/ccbake/p\${v}.bin /opt-v"}
$(base_key base.qcow2)
payloads:
  p: {path: "p\${v}.bin"}
steps:
  - run: {id: common, commands: [[sh, -c, "sleep 1; echo common >/opt-common"]]}
  - run: {id: own, payloads: [p], commands: [[sh, -c, "\${command}"]]}
  - run: {id: last, commands: [["true"]]}
matrix: {v: [1, 2, 3]}
output: {name: "m-\${v}"}
EOF
}

# One image is still at its own step when another has taken what they share from it, and outlasts it.
@test "every image is baked, what they share once, and a table says so" {
    sed -i 's|command: "cp |command: "sleep ${v}; cp |' m.yaml
    run_ccbake lock m.yaml
    run_ccbake bake --backend=host --matrix --no-verify m.yaml -o out
    assert_contains "matrix   3 images"
    local v
    for v in 1 2 3; do
        grep -qE "^v=$v  baked +[0-9.]+ s  out/m-$v.qcow2$" <<<"$output" || fail "$output"
        assert_equal "$(content_of "out/m-$v.qcow2" /opt-v)" "payload $v"
        assert_equal "$(content_of "out/m-$v.qcow2" /opt-common)" common
    done
    assert_equal "$(jq -s 'map(.steps[0] | select(.cached | not)) | length' out/m-?.json)" 1
    run_ccbake bake --backend=host --matrix --no-verify --quiet m.yaml -o out
    assert_equal "$(grep -c '  current  ' <<<"$output")" 3
    assert_equal "${#lines[@]}" 3
}

@test "an image that fails stops no other; the exit code and the table say which" {
    sed -i 's|command: "cp |command: "test ${v} != 2 \&\& cp |' m.yaml
    run_ccbake lock m.yaml
    run_ccbake 7 bake --backend=host --matrix --jobs=1 --no-verify m.yaml
    grep -qE '^v=2  FAILED 7 +[0-9.]+ s  step 2/3 \(own\): sh failed with exit code 1$' <<<"$output" || fail "$output"
    assert_contains "ccbake: 1 of 3 images failed"
    [[ -e m-1.qcow2 && ! -e m-2.qcow2 && -e m-3.qcow2 ]] || fail "$(ls)"
}

@test "--progress=json passes on each image's events" {
    run_ccbake lock m.yaml
    "$CCBAKE" bake --backend=host --matrix --no-verify --progress=json m.yaml 2>events >table
    assert_equal "$(jq -r 'select(.event == "result") | .image + " " + .result + " " + .path' events | sort | xargs)" \
        "v=1 baked m-1.qcow2 v=2 baked m-2.qcow2 v=3 baked m-3.qcow2"
    jq -e -s 'any(.[]; .event == "end" and .image == "v=2" and .tag == "2/3" and .fraction > 0)' events
    grep -q '^v=3  baked ' table
}

@test "lock and fetch see to every image" {
    run_ccbake lock m.yaml
    assert_equal "$(jq -r '[.. | objects | select(has("sha256")) | .sha256] | sort | join(" ")' m.lock.json)" \
        "$(sha256sum p1.bin p2.bin p3.bin | cut -d' ' -f1 | sort | xargs)"
    echo changed >p3.bin
    run_ccbake 4 fetch m.yaml
    assert_contains "p3.bin"
    rm m.lock.json
    run_ccbake 3 bake --backend=host --matrix m.yaml
    assert_contains "neither recipe nor lock has a sha256 for:"
}

@test "what can be refused is refused before anything is baked" {
    sed 's/name: "m-${v}"/name: m/' m.yaml >same.yaml
    run_ccbake 3 bake --backend=host --matrix same.yaml
    assert_contains "same.yaml:13:16: the images v=1 and v=2 of the matrix would both be m.qcow2"
    assert_contains "hint: use the matrix's variables in the output's name"
    run_ccbake 3 lock same.yaml
    run_ccbake lock m.yaml
    run_ccbake 2 bake --backend=host --matrix --set v=1 m.yaml
    assert_contains "--set=v=1: the matrix gives this variable its values"
    run_ccbake 2 bake --backend=host --jobs=2 m.yaml
    assert_contains "--jobs is for --matrix"
    sed -i 's/^matrix: .*/matrix: {v: [1, 9]}/' m.yaml
    sed -i 's/payloads: \[p\]/payloads: ["p${v}"]/; s/^  p: /  p1: /' m.yaml
    run_ccbake 3 recipe m.yaml
    assert_contains 'image v=9 of the matrix: m.yaml:'
    assert_contains 'there is no payload "p9"'
    sed -i '/^matrix/d' m.yaml
    run_ccbake 2 bake --backend=host --matrix m.yaml
    assert_contains "--matrix: m.yaml has no matrix"
    [[ ! -e cache/layers ]] || fail "something was baked"
}

@test "the space that all images need is added up before the first is baked" {
    mkdir disk
    truncate -s 30M p1.bin
    run_ccbake lock m.yaml
    run_ccbake plan --backend=host m.yaml # the base is known now
    mount -t tmpfs -o size=20m none disk
    TMPDIR=$PWD/disk run_ccbake 5 plan --backend=appliance m.yaml
    assert_contains " for the disk of payloads in $PWD/disk, and "
    run_ccbake 5 bake --backend=host --matrix --no-verify m.yaml -o disk # one would fit
    assert_contains "too little space: it takes about "
    assert_contains " for all images in disk, and "
    [[ -z $(ls disk) ]] || fail "something was baked"
    touch disk/m-1.qcow2 disk/m-2.qcow2 # which their bakes will look at
    run_ccbake 2 bake --backend=host --matrix --no-verify m.yaml -o disk
    assert_contains "m-1.qcow2 exists already"
    assert_equal "$(content_of disk/m-3.qcow2 /opt-v)" "payload 3"
}

@test "one image of a matrix without a warning, or with one" {
    run_ccbake lock m.yaml
    run_ccbake bake --backend=host --no-verify --set v=2 m.yaml
    [[ $output != *warning* ]] || fail "$output"
    run_ccbake bake --backend=host --no-verify m.yaml
    assert_contains "warning: the recipe has a matrix of 3 images, and this bakes one; --matrix bakes them all"
}

@test "SIGTERM ends all of them, and leaves nothing" {
    sed -i 's/sleep 1/sleep 30/' m.yaml
    run_ccbake lock m.yaml
    "$CCBAKE" bake --backend=host --matrix --no-verify m.yaml -o out 2>err 3>&- &
    local pid=$! status=0
    sleep 2
    kill "$pid"
    wait "$pid" || status=$?
    assert_equal "$status" 130
    grep -q 'stopped by SIGTERM' err
    run find out cache/work -mindepth 1 ! -name '*.log'
    assert_equal "$output" ""
    [[ -z $(pgrep -f -- "--output=out/m-") ]] || fail "still running: $(pgrep -af -- "--output=out/m-")"
}
