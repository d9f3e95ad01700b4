#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The same recipe through both backends gives the same tree: paths, types, modes, owners, sizes, contents.  The recipe uses no
# compiler and no dracut, which would take longer under emulation than all the other tests.
load helpers

setup_file() {
    needs_root
    standin base rpms
    start_server "$BATS_FILE_TMPDIR"
    cd "$BATS_FILE_TMPDIR" || return 1
    mkdir -p tree/etc/ccbake.d tree/usr/local/bin
    echo "secret" >tree/etc/ccbake.d/token
    printf '#!/bin/sh\necho hello\n' >tree/usr/local/bin/hello
    chmod 755 tree/usr/local/bin/hello
    ln -s ../ccbake.d/token tree/etc/ccbake.d/link
    cat >backends.yaml <<EOF
format: 1
name: backends
gpus: 8
base: {path: $STANDIN/base.qcow2, os: alinux, version: 3, min-kernel: 5.10.134-18.al8}
payloads:
  nscq: {path: $STANDIN/payloads/libnvidia-nscq-570-570.148.08-1.x86_64.rpm}
steps:
  - rpm: {payloads: [nscq]}
  - kernel-args: {set: ["swiotlb=4194304,any", "quiet"], remove: [rhgb]}
  - overlay:
      source: tree
      owner: "12:34"
      modes: {/etc/ccbake.d: "0700", /etc/ccbake.d/token: "0600"}
  - units:
      install: [$TOP/overlays/units/8gpu/nvidia-persistenced.service]
      wait-for: [{unit: nvidia-persistenced.service, later: [later.service]}]
      enable: [nvidia-persistenced.service]
      disable: [missing.service]
  - selftest: {enable: true, attest: {command: [a, b], success: c}}
  - run:
      commands:
        - [sh, -c, "id >/opt/who; umask >>/opt/who; env | sort >>/opt/who; hostname >>/opt/who; pwd >>/opt/who"]
        - [sh, -c, "touch /tmp/left /var/tmp/left /run/left"]
        - [rm, -rf, /etc/ccbake.d/link]
        - [install, -d, -m, "1777", -o, "3", -g, "4", /opt/owned]
EOF
    "$CCBAKE" lock --quiet backends.yaml
    "$CCBAKE" bake --quiet --backend=host --no-verify backends.yaml -o host.qcow2
    "$CCBAKE" bake --quiet --backend=appliance --no-verify backends.yaml -o appliance.qcow2
}

teardown_file() {
    stop_server
}

# One line a path: type, mode, owner, size, link target, digest; read natively, by neither backend.
listing() {
    "$TOP/tests/image-listing" "$BATS_FILE_TMPDIR/$1.qcow2"
}

@test "both backends give the same tree" {
    listing host >"$BATS_TEST_TMPDIR/host"
    listing appliance >"$BATS_TEST_TMPDIR/appliance"
    [[ $(wc -l <"$BATS_TEST_TMPDIR/host") -gt 5000 ]] || fail "the listing is too short to prove anything"
    # An rpm database notes the time of each installation, ldconfig's cache and logs the time of the run.
    filter='^(var/lib/rpm/|var/lib/dnf/|var/log/|var/cache/|lost\+found)'
    diff <(grep -vE "$filter" "$BATS_TEST_TMPDIR/host") <(grep -vE "$filter" "$BATS_TEST_TMPDIR/appliance")
}

@test "the layers of one backend are good for the other: their keys are the same" {
    cd "$BATS_FILE_TMPDIR"
    assert_equal "$(jq -r .backend host.json appliance.json | xargs)" "host appliance"
    assert_equal "$(jq -c '[.steps[].key]' host.json)" "$(jq -c '[.steps[].key]' appliance.json)"
    assert_equal "$(jq '[.steps[].key | select(test("^[0-9a-f]{64}$"))] | unique | length' host.json)" 6
}

@test "the tree is what the recipe asked for" {
    listing host >"$BATS_TEST_TMPDIR/host"
    grep -q '^etc/ccbake.d d 700 12:34 ' "$BATS_TEST_TMPDIR/host"
    grep -q '^etc/ccbake.d/token f 600 12:34 7$' "$BATS_TEST_TMPDIR/host"
    grep -q '^usr/local/bin/hello f 755 12:34 ' "$BATS_TEST_TMPDIR/host"
    grep -q '^opt/owned d 1777 3:4 ' "$BATS_TEST_TMPDIR/host"
    grep -q '^etc/systemd/system/later.service.d/10-ccbake-nvidia-persistenced.service.conf f 644 0:0 ' "$BATS_TEST_TMPDIR/host"
    run grep -E '(^tmp/|^var/tmp/|^run/)(left|ccbake)|^etc/ccbake.d/link' "$BATS_TEST_TMPDIR/host"
    [[ $status == 1 ]] || fail "left behind: $output"
}

@test "diff says so too" {
    local host=$BATS_FILE_TMPDIR/host.qcow2 other
    other=$("$CCBAKE" diff --quiet --json --backend=host "$host" "$STANDIN/base.qcow2" | jq .a.files)
    assert_equal "$other" "$(listing host | awk '$2 != "d" && $2 != "sha256"' | wc -l)"
    run "$CCBAKE" diff --quiet --backend=host "$host" "$BATS_FILE_TMPDIR/appliance.qcow2"
    assert_contains "no difference"
}
