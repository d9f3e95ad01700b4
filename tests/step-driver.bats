#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The step nvidia-driver on the stand-in base: its tests before the compilation, and the errors of a failed compilation.
load helpers

HEADERS=/usr/src/kernels/5.10.134-18.al8.x86_64

setup_file() {
    needs_root
    standin base driver
    export CCBAKE_CACHE_DIR=$BATS_FILE_TMPDIR/cache
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export CCBAKE_CACHE_DIR=$BATS_FILE_TMPDIR/cache
}

# driver EXPECTED COMMAND: what a bake of the driver says after that command, in $output.
driver() {
    cat >r.yaml <<EOF
format: 1
name: r
gpus: 1
base: {path: $STANDIN/base.qcow2, os: alinux, version: 3, min-kernel: 5.10.134-18.al8}
payloads:
  driver: {path: $STANDIN/payloads/NVIDIA-Linux-x86_64-550.144.03.run}
steps:
  - run: {commands: [[sh, -c, $(jq -Rn --arg c "$2" '$c')]]}
  - nvidia-driver: {payload: driver, version: 550.144.03}
  - initramfs
  - selftest
EOF
    run_ccbake lock --quiet r.yaml
    run_ccbake "$1" bake --backend=host --no-verify --no-cache r.yaml
    [[ ! -e r.qcow2 ]] || fail "an output of a failed bake"
}

# not_compiled: the installer did not run.
not_compiled() {
    ! grep -q '^\$ sh /tmp/ccbake/NVIDIA' r.log || fail "it was compiled first"
}

@test "step nvidia-driver: without kernel-devel, and with that of another release" {
    driver 4 "rm -r $HEADERS"
    assert_contains "the image has no kernel-devel for 5.10.134-18.al8.x86_64"
    assert_contains "hint: install kernel-devel-5.10.134-18.al8.x86_64 in a step before this one"
    not_compiled
    driver 4 "echo 5.10.134-17.3.al8.x86_64 >$HEADERS/include/config/kernel.release"
    assert_contains "the headers in /lib/modules/5.10.134-18.al8.x86_64/build are those of 5.10.134-17.3.al8.x86_64, and the image's kernel is 5.10.134-18.al8.x86_64"
    not_compiled
}

@test "step nvidia-driver: without a setting or a header that the confidential mode needs" {
    driver 4 "sed -i '/^CONFIG_CRYPTO_RSA=/d' $HEADERS/.config"
    assert_contains "the driver would have no confidential mode: /lib/modules/5.10.134-18.al8.x86_64/build/.config has CONFIG_CRYPTO_RSA=n, not y or m"
    not_compiled
    driver 4 "rm $HEADERS/include/crypto/internal/ecc.h"
    assert_contains "build/include/crypto/internal/ecc.h is missing, which its compile test includes"
    not_compiled
    driver 4 "rm $HEADERS/include/linux/cc_platform.h"
    assert_contains "build/include/linux/cc_platform.h is missing, by which it knows an encrypted guest"
    not_compiled
}

@test "step nvidia-driver: without compiler, make, linker or libelf it says which packages to add" {
    local tool
    for tool in cc make ld; do
        driver 7 "rm -f \$(readlink -f /usr/bin/$tool) /usr/bin/$tool"
        assert_contains "step 2/4 (nvidia-driver): the driver can't be compiled in the image: the image has no command \"$tool\""
        assert_contains "hint: install gcc, make, binutils and elfutils-libelf-devel in a step before this one"
        not_compiled
    done
    driver 7 "rm /usr/lib/x86_64-linux-gnu/libelf*"
    assert_contains "objtool: error while loading shared libraries: libelf.so.1"
    not_compiled
}

@test "step nvidia-driver: the reason of a failed compilation is shown, and the installer's whole log is kept" {
    driver 7 "echo '#error no good' >>$HEADERS/include/linux/cdev.h"
    assert_contains "the first errors of the installer's log:"
    assert_contains "include/linux/cdev.h:"
    assert_contains "error: #error no good"
    grep -q 'CONFTEST: lkca' r.log || fail "the log has no result of conftest"
}

# A copy of the base without kernel-devel, base.qcow2, and a repository that has it.
base_without_headers() {
    cp "$STANDIN/base.qcow2" base.qcow2
    "$TOP/tests/mutate" base.qcow2 <<'END'
rpm --root "$PWD" --dbpath /var/lib/rpm -e --nodeps --noscripts kernel-devel
rm -rf usr/src/kernels
END
    mkdir -p root/repo
    cp "$STANDIN"/kernel/kernel-devel-*.rpm root/repo
    createrepo_c --quiet root/repo
}

@test "step nvidia-driver: a base without kernel-devel gets that of its kernel by the lock, and what it has stays" {
    base_without_headers
    cat >p.yaml <<EOF
format: 1
name: p
gpus: 1
variables: {kernel: 5.10.134-18.al8}
base: {path: base.qcow2, os: alinux, version: 3, min-kernel: 5.10.134-18.al8}
steps:
  - packages:
      install: [gcc, make, "kernel-devel-\${kernel}"]
      repos: [{id: r, url: "file:///repo"}]
EOF
    STANDIN=$PWD/root start_server "$BATS_FILE_TMPDIR"
    sed -i "s|file:///repo|$SERVER/alinux/3/os/x86_64/|" p.yaml
    run_ccbake lock --backend=host p.yaml
    assert_equal "$(jq -r '[.. | objects | select(has("label")) | .label] | join(" ")' p.lock.json)" \
        kernel-devel-5.10.134-18.al8.x86_64
    run_ccbake 7 lock --backend=host --set kernel=5.10.134-99.al8 p.yaml
    stop_server
    assert_contains "no repository has kernel-devel-5.10.134-99.al8"
}
