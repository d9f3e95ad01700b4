#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The step selftest: the files that it writes into a small guest.

load helpers
load selftest

# write_recipe SETTING...: a recipe of a small guest whose last step is the self-test.
write_recipe() {
    printf '[Service]\nExecStart=/bin/true\n' | tee nvidia-persistenced.service >x.service
    cat >r.yaml <<END
format: 1
name: r
gpus: 8
variables: {slabs: "4194304"}
$(base_key base.qcow2)
steps:
  - kernel-args: {set: ["quiet", "swiotlb=\${slabs},any"]}
  - units:
      install: [nvidia-persistenced.service, x.service]
      wait-for: [{unit: nvidia-persistenced.service, later: [a.service, b.service]}, {unit: x.service, later: c.service}]
  - units: {id: more, wait-for: [{unit: nvidia-persistenced.service, consumers: x.service}]}
  - selftest: {$1}
${2:-}
END
}

bake_small() {
    run_ccbake bake --backend=host --no-verify --force r.yaml "$@"
}

# link_of IMAGE: where the link of the enabled unit points.
link_of() {
    local raw=$BATS_TEST_TMPDIR/link.raw start
    qemu-img convert -O raw "$1" "$raw"
    start=$(sfdisk --json "$raw" | jq '.partitiontable.partitions[2].start')
    debugfs -R "stat /etc/systemd/system/multi-user.target.wants/ccbake-selftest.service" "$raw?offset=$((start * 512))" \
        2>/dev/null | sed -n 's/^Fast link dest: //p'
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    small_guest base.qcow2
}

@test "step selftest: script, unit and expectations are in the image, and the manifest knows its key" {
    write_recipe 'attest: {command: [prove, --it], success: All well, failure: [not so, "no | proof"]}'
    bake_small
    content_of r.qcow2 /usr/libexec/ccbake/ccbake-selftest | cmp - "$SELFTEST"
    content_of r.qcow2 /usr/lib/systemd/system/ccbake-selftest.service | cmp - "$TOP/overlays/selftest/ccbake-selftest.service"
    assert_equal "$(content_of r.qcow2 /etc/ccbake/selftest.conf | grep -v '^#')" "gpus=8
driver=
fabric_manager=
nscq=
swiotlb=4194304
consumers=a.service b.service x.service
kernel=$(jq -r .kernel r.json)
attest=prove --it
attest_success=All well
attest_failure=not so
attest_failure=no | proof
baked=$(jq -r .key r.json)"
    assert_equal "$(jq -r '.steps[-1].key' r.json)" "$(jq -r .key r.json)"
    assert_equal "$(link_of r.qcow2)" ''

    # What it expects is part of its key: another step's setting, enable.
    bake_small --set slabs=8192
    assert_equal "$(content_of r.qcow2 /etc/ccbake/selftest.conf | grep '^swiotlb')" swiotlb=8192
    write_recipe 'enable: true'
    bake_small
    assert_equal "$(jq -r '[.steps[] | .cached] | join(" ")' r.json)" "true true true false"
    assert_equal "$(link_of r.qcow2)" '"/usr/lib/systemd/system/ccbake-selftest.service"'
    cp r.qcow2 enabled.qcow2
    write_recipe ''
    bake_small
    assert_equal "$(link_of r.qcow2)" ''

    # In a base where it is enabled it is not so any more, and the plan says that.
    mv enabled.qcow2 base.qcow2
    write_recipe ''
    run_ccbake plan --diff --backend=host r.yaml
    assert_contains '- enabled  ccbake-selftest.service'
    bake_small
    assert_equal "$(link_of r.qcow2)" ''
}

@test "step selftest: what can't be is refused" {
    write_recipe 'attest: {command: ["prove it"], success: x}'
    run_ccbake 3 plan r.yaml
    assert_contains '"command": "prove it" is empty or has spaces in it'
    write_recipe 'attest: {command: [a], success: "x\ny"}'
    run_ccbake 3 plan r.yaml
    assert_contains '"success": expected one line of text'
    write_recipe 'attest: {command: [a], success: x, failure: [y, ""]}'
    run_ccbake 3 plan r.yaml
    assert_contains '"failure": expected one line of text'
}
