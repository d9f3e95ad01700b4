#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `ccbake init`: a first recipe for a base image.
load helpers

setup_file() {
    export CCBAKE_CACHE_DIR=$BATS_FILE_TMPDIR/cache
    small_guest "$BATS_FILE_TMPDIR/base.qcow2"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    ln -s "$BATS_FILE_TMPDIR/base.qcow2" base.qcow2
}

init() {
    run_ccbake init --quiet --backend=host "$@"
    echo "$output" >acme.yaml
}

@test "the recipe has the image's digest, kernel and system, and a plan can be made of it at once" {
    must_have_host_backend
    init base.qcow2
    run_ccbake recipe --json acme.yaml
    assert_equal "$(jq -r '.recipe | [.name, .gpus, .base.path, .base.sha256, .base.os, .variables.kernel, .output.name] | join(" ")' <<<"$output")" \
        "acme-gpu 1 base.qcow2 $(sha256sum <base.qcow2 | cut -d' ' -f1) alinux 5.10.134-18.al8 acme-gpu"
    run_ccbake 3 plan --quiet acme.yaml # it is not locked
    assert_contains 'kernel 5.10.134-18.al8.x86_64, at least the minimum'
    assert_contains 'remedy: run `ccbake lock acme.yaml` where there is a network'
    # Only the small guest's own lack of space is wrong beside that.
    assert_contains 'problem: the image needs about 209.7 MB more and has '
    assert_equal "$(grep -c '^problem' <<<"$output")" 2
}

@test "for eight GPUs it extends the recipe for eight; a name that is no plain YAML is quoted" {
    must_have_host_backend
    ln -s base.qcow2 'b: #.qcow2'
    init --gpus=8 --name='"a b"' 'b: #.qcow2'
    run_ccbake recipe --json acme.yaml
    assert_equal "$(jq -r '.recipe | [.gpus, .name, .base.path] | join("|")' <<<"$output")" '8|"a b"|b: #.qcow2'
    run_ccbake 2 init --gpus=2 base.qcow2
    assert_contains '--gpus=2: expected one of 1|8'
}

@test "a kernel that is too old is a warning, another system an error" {
    must_have_host_backend
    small_guest old.qcow2 --kver 5.10.134-17.al8.x86_64
    run_ccbake init --quiet --backend=host old.qcow2
    assert_contains "warning: the image's kernel 5.10.134-17.al8.x86_64 is older than 5.10.134-18.al8: add packages to the step \"kernel\""
    small_guest other.qcow2 --os-id centos
    run_ccbake 4 init --quiet --backend=host other.qcow2
    assert_contains 'other.qcow2 is centos 3'
    assert_contains 'ccbake:gn8v-tee-1gpu is for alinux 3'
}

@test "a name is one of a file, without a directory" {
    for name in sub/name .. '' .hidden; do
        run_ccbake 2 init --quiet --backend=host --name="$name" base.qcow2
        assert_contains "--name=$name: not the name of a file"
    done
}
