#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a bake of a small guest says while it runs: plain lines, signs of life, --verbose, --debug, events.

# shellcheck disable=SC2016 # what looks like a variable is meant for the guest

load helpers

setup_file() {
    must_have_host_backend
    small_guest "$BATS_FILE_TMPDIR/base.qcow2"
}

setup() {
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    cd "$BATS_TEST_TMPDIR" || return 1
    ln -s "$BATS_FILE_TMPDIR/base.qcow2" base.qcow2
    cat >r.yaml <<EOF
format: 1
name: r
gpus: 1
$(base_key base.qcow2)
steps:
  - run: {id: slow, commands: [[sh, -c, "echo first; sleep 3; cat /root/say"]]}
  - run: {id: second, commands: [["true"]]}
EOF
    cat >overlay.yaml <<EOF
extends: r.yaml
steps:
  - overlay: {source: tree, target: /root}
  - run: {id: slow, commands: [[sh, -c, "echo first; sleep 3; cat /root/say"]]}
EOF
    mkdir tree
    printf 'a\033[31mred\nlast\n' >tree/say
}

bake() {
    run_ccbake "$1" bake --backend=host --no-verify "${@:2}"
}

@test "plain lines say that a step starts, that it still runs with its last output, and that it has ended" {
    CCBAKE_HEARTBEAT=1 bake 7 r.yaml
    assert_equal "$(sed -nE '/^1\/2/ { s/[0-9.]+ s( |;|$)/T\1/p; t; p }' <<<"$output" | uniq)" \
        '1/2      slow: run sh -c echo first; sleep 3; cat /root/say ...
1/2      slow: still running after T; last output: first
1/2      slow  T (failed)'
    bake 0 overlay.yaml
    assert_contains '2/2      slow: run sh -c echo first; sleep 3; cat /root/say ...'
    [[ $output != *'still running'* && $output != *'| first'* ]] || fail "$output"
    bake 0 --quiet --force --no-cache overlay.yaml
    assert_equal "$output" ''
}

@test "a bar on a terminal has neither of these lines" {
    CCBAKE_HEARTBEAT=1 run script -qec "$CCBAKE bake --backend=host --no-verify overlay.yaml" /dev/null
    assert_equal "$status" 0
    assert_contains '2/2      slow: run sh -c echo first; sleep 3; cat /root/say  3'
    [[ $output != *'still running'* && $output != *' ...'* ]] || fail "$output"
}

@test "--verbose prints the output as it comes, made printable, and the log has it as it was" {
    bake 0 --verbose overlay.yaml
    assert_contains '  | $ sh -c echo first; sleep 3; cat /root/say
  | first
  | a\x1b[31mred
  | last
2/2      slow  '
    grep -q $'^a\033\\[31mred$' r.log
    "$CCBAKE" bake --backend=host --no-verify --force --no-cache -v --progress=json overlay.yaml 2>events
    jq -se '(map(select(.event == "output" and .text == "first"))[0].time) as $first
        | (map(select(.event == "output" and .text == "last"))[0].time) as $last
        | $last - $first > 2' events
    bake 2 --verbose --quiet r.yaml
    assert_equal "$output" 'ccbake: --quiet and --verbose exclude each other'
}

@test "heartbeats are events, too" {
    CCBAKE_HEARTBEAT=1 "$CCBAKE" bake --backend=host --no-verify --progress=json overlay.yaml 2>events
    jq -se '[.[] | select(.event == "heartbeat" and .tag == "2/2")]
        | length >= 2 and all(.output == "first" and .seconds >= 1 and (.what | startswith("slow: run")))' events
}

@test "verify says that it starts" {
    CCBAKE_HEARTBEAT=1 run_ccbake 8 verify --backend=host base.qcow2
    assert_contains 'verify   base.qcow2 ...'
}

@test "--debug has a line for each access and process, without contents" {
    echo 'a s3cret' >tree/say
    bake 0 --debug overlay.yaml
    local line
    for line in 'process qemu-img create -q .*: exit 0' 'process qemu-storage-daemon .*: started' \
        'open .*/layers/.*\.part with the host backend' 'lstat /usr/local/sbin/sh: missing' 'read /etc/os-release' \
        'write /root/say, mode 0644' 'run sh -c .*: exit 0' "process sh -c 'echo first; sleep 3; cat /root/say': exit 0" close; do
        grep -qE "^debug: [0-9]+\.[0-9] ms $line\$" <<<"$output" || fail "no line: $line" "$output"
    done
    awk '/ run sh -c/ && $2 < 3000 { exit 1 }' <<<"$output" || fail 'a command of 3 s took less' "$output"
    [[ $output != *s3cret* ]] || fail "$output"
    "$CCBAKE" bake --backend=host --no-verify --force --no-cache --debug --progress=json overlay.yaml 2>events
    jq -se '[.[] | select(.event == "debug" and .ms >= 3000)] | map(.text) | any(startswith("run sh"))' events
    run_ccbake 8 verify --debug --backend=host base.qcow2
    assert_contains ' ms stat /etc/os-release'
}

@test "the images of a matrix: signs of life, output and accesses have the image's name" {
    cat >m.yaml <<EOF
extends: overlay.yaml
variables: {v: 1}
matrix: {v: [1]}
output: {name: "m-\${v}"}
EOF
    CCBAKE_HEARTBEAT=1 run_ccbake 0 bake --backend=host --no-verify --matrix --verbose --debug m.yaml
    assert_contains 'v=1  2/2      slow: run sh -c echo first; sleep 3; cat /root/say: still running after '
    assert_contains 'v=1  | first'
    grep -qE '^debug: v=1: [0-9.]+ ms run sh -c' <<<"$output" || fail "$output"
}
