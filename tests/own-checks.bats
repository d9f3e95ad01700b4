#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The checks that a recipe brings itself: in a bake that fails one and then passes, and in verify and report afterwards.  Every
# kind in both outcomes is in tests/unit/test-check-own.c.
load helpers

setup_file() {
    use_file_directory
    must_have_host_backend
    small_guest base.qcow2 --size 1G
    recipe r 8080
    "$CCBAKE" bake --quiet --backend=host r.yaml
}

setup() {
    use_file_directory
}

# recipe NAME PORT: NAME.yaml, whose steps write that port.  A phony guest fails many checks of ccbake's own.
recipe() {
    printf '%s\n' 'format: 1' "name: $1" 'gpus: 1' "$(base_key base.qcow2)" >"$1.yaml"
    cat >>"$1.yaml" <<END
steps:
  - kernel-args: {set: ["swiotlb=4194304,any"]}
  - run:
      commands:
        - [sh, -c, "mkdir /etc/acme; echo port = $2 >/etc/acme/agent.conf; echo never >/etc/acme/written"]
checks:
  - name: port
    why: The agent answers at 8080 only.
    remedy: Write that port.
    file: {path: /etc/acme/agent.conf, mode: 0644, owner: root:root, contains: port = 8080}
  - name: writes
    command: {run: [sh, -c, "echo by the check >/etc/acme/written; cat /etc/acme/written /tmp/x; exit 3"], status: 3, output-contains: by the check}
  - name: reads
    severity: warn
    command: {run: [grep, nothing, /etc/acme/agent.conf]}
waivers:
$(printf '  - {check: %s, reason: a phony guest}\n' initramfs.drivers units.acyclic cloud-init.present import.size)
END
}

# result ID: "STATUS: DETAIL" in the JSON of a report on standard input.
result() {
    jq -r --arg id "$1" '.checks[] | select(.id == $id) | .status + ": " + .detail'
}

@test "a bake that fails an own check says why and what to do, and publishes nothing" {
    recipe wrong 80
    run_ccbake 8 bake --backend=host --json=results.json --tap=results.tap --junit=results.xml wrong.yaml
    assert_contains 'FAIL own.port  /etc/acme/agent.conf does not contain "port = 8080"
     why: The agent answers at 8080 only.
     remedy: Write that port.'
    assert_contains 'ccbake: the image is not right: own.port'
    [[ ! -e wrong.qcow2 ]] || fail 'the image was published'
    assert_equal "$(result own.port <results.json)" 'fail: /etc/acme/agent.conf does not contain "port = 8080"'
    assert_equal "$(result own.writes <results.json)" 'pass: sh ended with status 3'
    assert_equal "$(jq -r '.checks[] | select(.id == "own.reads") | .status + " " + .severity' results.json)" 'fail warning'
    grep -q '^not ok [0-9]* - own.port$' results.tap
    grep -q '^not ok [0-9]* - own.reads # TODO warning$' results.tap
    grep -A1 'classname="ccbake.own" name="own.port"' results.xml | grep -q '<failure'
    grep -q '<code>own.port</code>' wrong.failed.html
}

@test "a bake with the right content passes, and its manifest has the definitions" {
    assert_equal "$(jq .checks r.json | result own.port)" \
        'pass: /etc/acme/agent.conf: file 0644 0:0, content as expected'
    assert_equal "$(jq .checks r.json | result own.writes)" 'pass: sh ended with status 3'
    assert_equal "$(jq -c '[.expected.checks[].name]' r.json)" '["port","writes","reads"]'
    grep -q '<code>own.writes</code>' r.html
    run_ccbake bake --backend=host r.yaml
    assert_contains 'current  r.qcow2 is what this recipe bakes: nothing to do'
}

@test "a check that changes makes the image one that has not passed it" {
    sed 's/contains: port = 8080/contains: port/' r.yaml >changed.yaml
    run_ccbake 2 bake --backend=host -o r.qcow2 changed.yaml
    assert_contains 'has not passed all checks'
}

@test "verify --recipe runs the commands in a copy, and the image stays as it is" {
    local before
    before=$(sha256sum <r.qcow2)
    output=$("$CCBAKE" verify --backend=host --recipe r.yaml --json r.qcow2 2>/dev/null)
    assert_equal "$(result own.port <<<"$output")" 'pass: /etc/acme/agent.conf: file 0644 0:0, content as expected'
    assert_equal "$(result own.writes <<<"$output")" 'pass: sh ended with status 3'
    [[ $(result own.reads <<<"$output") == 'fail: grep failed with exit code 1'* ]] || fail "$output"
    assert_equal "$(sha256sum <r.qcow2)" "$before"
    assert_equal "$(content_of r.qcow2 /etc/acme/written)" never
    assert_equal "$(find "$CCBAKE_CACHE_DIR/work" -mindepth 1)" ''
    # The manifest beside the image has them, too, but may have come with it: its commands are not run.
    output=$("$CCBAKE" verify --backend=host --json r.qcow2 2>/dev/null) || [[ $? == 8 ]]
    assert_equal "$(result own.port <<<"$output")" 'pass: /etc/acme/agent.conf: file 0644 0:0, content as expected'
    [[ $(result own.writes <<<"$output") == *'not run'* ]] || fail "$output"
    output=$("$CCBAKE" verify --backend=host --no-manifest --json r.qcow2 2>/dev/null) || [[ $? == 8 ]]
    assert_equal "$(jq '[.checks[] | select(.id | startswith("own."))] | length' <<<"$output")" 0
}

@test "report has the manifest's checks, and runs no command of a manifest" {
    run_ccbake report --backend=host -o page.html r.qcow2
    grep -q '<code>own.port</code>' page.html
    grep -A2 '<code>own.writes</code>' page.html | grep -q 'not run: bake and'
}
