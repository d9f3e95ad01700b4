#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Secrets that a recipe puts into a small guest: the checks find them, and nothing shows them.
load helpers

# Made up, and put together here, so that no scanner takes this file for a leak.
TOKEN=ghp_Ab3dEf7hIjK1
TOKEN+=mNoPqRsTuVwXyZ0a2c4e6gHi
PASSWORD=k3jx92ncv8

setup_file() {
    use_file_directory
    small_guest base.qcow2
    mkdir -p tree/etc/acme
    openssl genpkey -algorithm ed25519 -out tree/etc/acme/identity
    printf '# settings\nname=acme\ntoken=%s\n' "$TOKEN" >tree/etc/acme/acme.conf
    chmod -R a+rX tree
    cat >r.yaml <<END
format: 1
name: r
gpus: 1
variables: {registry_password: $PASSWORD}
$(base_key base.qcow2)
steps:
  - kernel-args: {set: ["acme.token=$TOKEN"]}
  - overlay: {source: tree}
  - run: {commands: [[sh, -c, "cat /etc/acme/*; echo password=\${registry_password}; echo the end"]]}
END
    "$CCBAKE" plan --diff --backend=host r.yaml >plan.txt
    "$CCBAKE" plan --diff --backend=host --json r.yaml >plan.json
    "$CCBAKE" bake --quiet --backend=host --no-verify r.yaml
    cp r.json baked.json
    cp r.html baked.html
}

setup() {
    use_file_directory
}

# shows_none FILE...: that none of the secrets is in them.
shows_none() {
    local file body
    body=$(sed -n 2p tree/etc/acme/identity)
    [[ ${#body} -gt 40 ]] || fail "the key is not as expected"
    for file in "$@"; do
        [[ -s $file ]] || fail "$file is missing or empty"
        if grep -nF -e "$body" -e "$TOKEN" -e "$PASSWORD" "$file" >"$BATS_TEST_TMPDIR/shown"; then
            fail "$file shows a secret" "$(cut -c1-400 "$BATS_TEST_TMPDIR/shown")"
        fi
    done
}

@test "a plan, its diff and its JSON show no secret" {
    shows_none plan.txt plan.json
    assert_equal "$(grep -c 'identity .*(not shown: a private key)' plan.txt)" 1
    assert_equal "$(grep -A1 '+name=acme' plan.txt | tr -d ' ' | tail -n 1)" '+[linewithaGitHubtoken,notshown]'
    grep -qF 'acme.token=[a GitHub token, not shown]' plan.txt || fail "the argument is not there"
    # That it would be seen:
    run shows_none tree/etc/acme/acme.conf
    [[ $status != 0 ]] || fail "a token is no secret"
}

@test "log, manifest and report of a bake show no secret" {
    shows_none r.log baked.html
    jq 'del(.expected)' baked.json >inputs.json
    shows_none inputs.json
    assert_equal "$(grep -c '^\[line of a private key, not shown\]$' r.log)" 3
    grep -q '^token=\[a GitHub token, not shown\]$' r.log || fail "$(cat r.log)"
    grep -q '^password=\[a password or token, not shown\]$' r.log || fail "$(cat r.log)"
    grep -q '^the end$' r.log || fail "the log ends with the key"
    assert_equal "$(jq -r .recipe.content.steps[0][].set[0] baked.json)" 'acme.token=[a GitHub token, not shown]'
}

@test "a comparison and the report of an image show no secret" {
    run_ccbake diff --quiet --backend=host base.qcow2 r.qcow2
    printf '%s\n' "$output" >diff.txt
    run_ccbake diff --quiet --backend=host --json base.qcow2 r.qcow2
    printf '%s\n' "$output" >diff.json
    run_ccbake 8 report --quiet --backend=host r.qcow2
    shows_none diff.txt diff.json r.html
    assert_equal "$(jq -r '.configuration[] | select(.name == "/etc/acme/identity") | .note' diff.json)" \
        "not shown: a private key"
    assert_equal "$(jq -r '[.boot[].added[]] | unique | tostring' diff.json)" '["acme.token=[a GitHub token, not shown]"]'
}

@test "the check says where they are, and not what they are" {
    local status=0
    "$CCBAKE" verify --backend=host --json r.qcow2 >verify.json 2>verify.err || status=$?
    assert_equal "$status" 8
    jq -r '.checks[] | select(.id == "hygiene.secrets") | .status, .detail' verify.json >check.txt
    shows_none check.txt
    grep -q '^fail$' check.txt || fail "$(cat check.txt)"
    grep -qF '/etc/acme/identity:1: a private key, and everybody may read the file (mode 0644)' check.txt || fail "$(cat check.txt)"
    grep -qF '/etc/acme/acme.conf:3: a GitHub token' check.txt || fail "$(cat check.txt)"
}
