#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Needs no root, no stand-in and no network.
#
# ccbake fetch from a server that fails on purpose.  Its access log proves that the fault happened.

# shellcheck disable=SC2016 # what looks like a variable is meant for recipes, guests and messages

load helpers

setup_file() {
    export ROOT=$BATS_FILE_TMPDIR/root
    mkdir -p "$ROOT/payloads"
    head -c 300000 /dev/urandom >"$ROOT/a.raw"
    head -c 200000 /dev/urandom >"$ROOT/b.raw"
    head -c 100000 /dev/urandom >"$ROOT/payloads/NVIDIA-Linux-x86_64-1.2.run"
    head -c 4096 /dev/urandom >"$BATS_FILE_TMPDIR/base.raw"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    STANDIN=$ROOT start_server "$BATS_TEST_TMPDIR"
}

teardown() {
    stop_server
}

sha() {
    sha256sum <"$1" | cut -d' ' -f1
}

# recipe PAYLOAD...: r.yaml with payloads, each a line of YAML, all of them used.
recipe() {
    cat >r.yaml <<END
format: 1
name: t
gpus: 1
base: {path: $BATS_FILE_TMPDIR/base.raw, sha256: $(sha "$BATS_FILE_TMPDIR/base.raw"), os: o, version: 3, min-kernel: 5}
payloads:
$(printf '  %s\n' "$@")
steps:
  - run: {commands: [[ls]], payloads: [$(printf '%s, ' "${@%%:*}")]}
END
}

# stored FILE: the store has an object with the content of FILE, under its digest, and nothing half-done.
stored() {
    local digest
    digest=$(sha "$1")
    cmp "$1" "$CCBAKE_CACHE_DIR/store/${digest:0:2}/$digest" ||
        fail "not in the store: $1" "$(find "$CCBAKE_CACHE_DIR" -type f)"
    no_partials
}

no_partials() {
    assert_equal "$(find "$CCBAKE_CACHE_DIR/store/partial" -type f -size +0)" ''
}

objects() {
    find "$CCBAKE_CACHE_DIR/store" -type f -path '*/store/??/*' | wc -l
}

# column KEY LINE: where the value of a key begins in a line of r.yaml.
column() {
    local before
    before=$(sed -n "$2s/$1: .*//p" r.yaml)
    echo $((${#before} + ${#1} + 3))
}

# requests [N]: "status range bytes" of each request, in the order in which they came.  Waits for N of them: the server
# writes a line when a request ends for it, which may be after it ended for the client.
requests() {
    local log=$BATS_TEST_TMPDIR/access.log
    for _ in {1..200}; do
        (($(wc -l <"$log") < ${1:-0})) || break
        sleep 0.05
    done
    jq -rs 'sort_by(.number)[] | "\(.status) \(.range) \(.bytes)"' "$log"
}

@test "fetch: several payloads, each once, and the next time none" {
    recipe "a: {url: $SERVER/a.raw, sha256: $(sha "$ROOT/a.raw")}" \
        "b: {url: $SERVER/b.raw, sha256: $(sha "$ROOT/b.raw"), size: 200000}" \
        "d: {url: $SERVER/tesla/1.2/NVIDIA-Linux-x86_64-1.2.run, referer: 'https://www.nvidia.cn/', sha256: $(sha "$ROOT/payloads/NVIDIA-Linux-x86_64-1.2.run")}"
    run_ccbake fetch r.yaml
    stored "$ROOT/a.raw"
    stored "$ROOT/b.raw"
    stored "$ROOT/payloads/NVIDIA-Linux-x86_64-1.2.run"
    assert_equal "$(requests 3 | sort)" $'200 null 100000\n200 null 200000\n200 null 300000'
    run_ccbake fetch r.yaml
    run_ccbake fetch --offline r.yaml
    assert_equal "$(requests | wc -l)" 3
}

@test "fetch: a dropped connection is resumed where it ended" {
    recipe "a: {url: '$SERVER/fault/drop@100000:2/a.raw?t=1', sha256: $(sha "$ROOT/a.raw")}"
    run_ccbake fetch r.yaml
    assert_contains 'trying again in'
    stored "$ROOT/a.raw"
    assert_equal "$(requests 3)" $'200 null 100000\n206 bytes=100000- 100000\n206 bytes=200000- 100000'
}

# interrupted: runs `ccbake fetch r.yaml` of a slow payload and kills it in the middle.
interrupted() {
    local pid
    mkdir -p "$CCBAKE_CACHE_DIR/store/partial"
    "$CCBAKE" fetch r.yaml 3>&- &
    pid=$!
    for _ in {1..100}; do
        [[ -z $(find "$CCBAKE_CACHE_DIR/store/partial" -type f -size +4k) ]] || break
        sleep 0.05
    done
    kill -9 "$pid"
    wait "$pid" || assert_equal "$?" 137
    [[ -n $(find "$CCBAKE_CACHE_DIR/store/partial" -type f -size +4k) ]] || fail 'nothing was left behind'
}

# request_of FAULT: "status range bytes" of the request with that fault.
request_of() {
    for _ in {1..100}; do
        ! grep -q "/fault/$1/" "$BATS_TEST_TMPDIR/access.log" || break
        sleep 0.05
    done
    jq -r "select(.path | contains(\"/fault/$1/\")) | \"\(.status) \(.range) \(.bytes)\"" "$BATS_TEST_TMPDIR/access.log"
}

@test "fetch: what a killed run had loaded is not loaded again" {
    recipe "a: {url: $SERVER/fault/slow@60000/a.raw, sha256: $(sha "$ROOT/a.raw")}"
    interrupted
    sed -i 's|/fault/slow@60000/|/fault/slow@9000000/|' r.yaml
    run_ccbake fetch r.yaml
    stored "$ROOT/a.raw"
    local request from
    request=$(request_of slow@9000000)
    [[ $request =~ ^206\ bytes=([1-9][0-9]*)-\ ([0-9]+)$ ]] || fail "not resumed: $request"
    from=${BASH_REMATCH[1]}
    assert_equal "$((from + BASH_REMATCH[2]))" 300000
}

@test "fetch: a server without ranges is read from the start again" {
    recipe "a: {url: $SERVER/fault/slow@60000/a.raw, sha256: $(sha "$ROOT/a.raw")}"
    interrupted
    sed -i 's|/fault/slow@60000/|/fault/norange/|' r.yaml
    run_ccbake fetch r.yaml
    stored "$ROOT/a.raw"
    [[ $(request_of norange) =~ ^200\ bytes=[1-9][0-9]*-\ 300000$ ]] || fail "$(request_of norange)"
}

@test "fetch: wrong bytes are refused, shown, and not kept" {
    local expected got
    expected=$(sha "$ROOT/a.raw")
    got=$(python3 -c 'import sys,hashlib; d=bytearray(open(sys.argv[1],"rb").read()); d[7]^=255; print(hashlib.sha256(d).hexdigest())' "$ROOT/a.raw")
    recipe "a: {url: $SERVER/fault/wrongbytes@7/a.raw, sha256: $expected}" \
        "b: {url: $SERVER/b.raw, sha256: $(sha "$ROOT/b.raw")}"
    run_ccbake 6 fetch r.yaml
    assert_contains "ccbake: r.yaml:6:6: payload \"a\": $SERVER/fault/wrongbytes@7/a.raw: wrong content: expected sha256 $expected, got $got; no mirror is given
hint: update the digest at r.yaml:6:$(column sha256 6), or the file"
    no_partials
    # The good one is there already.
    stored "$ROOT/b.raw"
    assert_equal "$(objects)" 1
}

@test "fetch: a file of another size than the recipe says" {
    recipe "a: {url: $SERVER/a.raw, sha256: $(sha "$ROOT/a.raw"), size: 299999}"
    run_ccbake 6 fetch r.yaml
    assert_contains "wrong size: the server offers 300000 bytes, expected 299999
hint: update the digest at r.yaml:6:$(column sha256 6), or the file"
    assert_equal "$(objects)" 0
}

@test "fetch: 503 is tried again" {
    recipe "a: {url: '$SERVER/fault/status@503:2/a.raw?t=2', sha256: $(sha "$ROOT/a.raw")}"
    run_ccbake fetch r.yaml
    assert_contains 'HTTP 503; trying again in'
    stored "$ROOT/a.raw"
    assert_equal "$(requests 3 | cut -d' ' -f1)" $'503\n503\n200'
}

@test "fetch: 403 without a referer: the hint says what may be missing" {
    local url=$SERVER/tesla/1.2/NVIDIA-Linux-x86_64-1.2.run digest
    digest=$(sha "$ROOT/payloads/NVIDIA-Linux-x86_64-1.2.run")
    recipe "d: {url: $url, sha256: $digest}"
    run_ccbake 6 fetch r.yaml
    assert_contains "ccbake: r.yaml:6:6: payload \"d\": $url: HTTP 403
hint: the server refuses access: it may want credentials, or a \`referer:\` beside the URL, as some vendors do"
    assert_equal "$(requests 1 | wc -l)" 1
    # With the wrong referer it is not what is missing.
    recipe "d: {url: $url, sha256: $digest, referer: 'http://elsewhere/'}"
    run_ccbake 6 fetch r.yaml
    assert_contains 'hint: the server refuses access: it may want credentials'
    [[ $output != *referer* ]] || fail "a hint too many:" "$output"
    recipe "d: {url: $url, sha256: $digest, referer: 'https://www.nvidia.cn/'}"
    run_ccbake fetch r.yaml
    stored "$ROOT/payloads/NVIDIA-Linux-x86_64-1.2.run"
}

# requests_with TEXT: how many lines the private server noted that have TEXT.
requests_with() {
    grep -c "$1" private.log || [[ $? == 1 ]] # none
}

@test "fetch: credentials are sent, and are found nowhere afterwards" {
    cat >server.py <<'END'
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass
    def do_GET(self):
        with open("private.log", "a") as log:
            log.write(f"{self.path} {self.headers.items()}\n")
        good = self.headers.get("PRIVATE-TOKEN") == "s3cret" or self.headers.get("Authorization") == "Basic dXNlcjpzM2NyZXQ="
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"data")
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open("private.port", "w") as port:
    port.write(str(server.server_port))
server.serve_forever()
END
    python3 server.py 3>&- &
    local pid=$! url digest
    wait_for private.port
    url=http://127.0.0.1:$(cat private.port)
    digest=$(printf data | sha256sum | cut -d' ' -f1)
    recipe "a: {url: $url/a, header-file: token}" "b: {url: $url/b}"
    echo 'PRIVATE-TOKEN: s3cret' >token
    echo 'machine 127.0.0.1 login user password s3cret' >netrc
    chmod 600 token netrc
    run_ccbake 6 lock r.yaml
    assert_contains "payload \"b\": $url/b: HTTP 401
hint: the server wants to know who asks"
    CCBAKE_NETRC=$PWD/netrc run_ccbake lock r.yaml
    {
        echo "$output"
        planned=0
        "$CCBAKE" plan --json r.yaml || planned=$? # the base is no image
        "$CCBAKE" recipe r.yaml
        "$CCBAKE" fetch --offline r.yaml # without credentials: all is in the store
        cat r.lock.json
    } >seen 2>&1
    assert_equal "$planned" 4
    assert_equal "$(jq -r '.files[].sha256' r.lock.json)" "$digest"$'\n'"$digest"
    [[ $(requests_with s3cret) -ge 1 && $(requests_with dXNlcjpzM2NyZXQ=) -ge 1 ]] || fail "$(cat private.log)"
    ! grep -rE 's3cret|dXNlcjpzM2NyZXQ' seen r.lock.json cache || fail "a secret was written"
    kill "$pid"
}

@test "fetch: a mirror takes the place of what is missing or wrong" {
    recipe "a: {url: $SERVER/gone.raw, mirrors: ['$SERVER/fault/wrongbytes/a.raw', '$SERVER/a.raw'], sha256: $(sha "$ROOT/a.raw")}"
    run_ccbake fetch r.yaml
    assert_contains "a: $SERVER/gone.raw: HTTP 404; trying the next mirror"
    assert_contains "wrong content: expected sha256 $(sha "$ROOT/a.raw")"
    stored "$ROOT/a.raw"
    assert_equal "$(requests 3 | cut -d' ' -f1)" $'404\n200\n200'
}

@test "fetch: where no mirror has it, all of them are named" {
    recipe "a: {url: $SERVER/gone.raw, mirrors: ['$SERVER/lost.raw'], sha256: $(sha "$ROOT/a.raw")}"
    run_ccbake 6 fetch r.yaml
    assert_contains "ccbake: r.yaml:6:6: payload \"a\": $SERVER/gone.raw: HTTP 404; $SERVER/lost.raw: HTTP 404"
}

@test "fetch --offline: what is missing is named, and nothing is asked for" {
    recipe "a: {url: $SERVER/a.raw, sha256: $(sha "$ROOT/a.raw")}" "b: {url: $SERVER/b.raw, sha256: $(sha "$ROOT/b.raw")}"
    run_ccbake 6 fetch --offline r.yaml
    assert_equal "$output" "ccbake: 2 of 3 files can't be fetched:
  r.yaml:6:6: payload \"a\": not in the store, and offline: $SERVER/a.raw (sha256 $(sha "$ROOT/a.raw"))
  r.yaml:7:6: payload \"b\": not in the store, and offline: $SERVER/b.raw (sha256 $(sha "$ROOT/b.raw"))
hint: run \`ccbake fetch\` on a connected machine and copy its store to this one"
    assert_equal "$(requests)" ''
    run_ccbake fetch r.yaml
    # A store that was brought along is as good.
    cp -r "$CCBAKE_CACHE_DIR/store" elsewhere
    mkdir other
    mv elsewhere other/store
    : >"$BATS_TEST_TMPDIR/access.log"
    CCBAKE_CACHE_DIR=$PWD/other run_ccbake fetch --offline r.yaml
    assert_equal "$(requests)" ''
}

@test "fetch: a damaged object of the store is thrown away and loaded again" {
    local object digest
    digest=$(sha "$ROOT/a.raw")
    recipe "a: {url: $SERVER/a.raw, sha256: $digest}"
    run_ccbake fetch r.yaml
    object=$CCBAKE_CACHE_DIR/store/${digest:0:2}/$digest
    chmod u+w "$object"
    damage "$object" 1000
    run_ccbake 6 fetch --offline r.yaml
    assert_contains "$object is damaged (its content hashes to "
    [[ ! -e $object ]] || fail "the damaged object is still there"
    run_ccbake fetch r.yaml
    stored "$ROOT/a.raw"
}

@test "fetch: a local payload that was altered after the lock" {
    local before after
    head -c 5000 /dev/urandom >local.bin
    before=$(sha local.bin)
    recipe 'a: {path: local.bin}'
    run_ccbake lock r.yaml
    assert_equal "$(jq -c '[.files[] | .sha256 + " " + (.size | tostring)]' r.lock.json)" "[\"$before 5000\"]"
    run_ccbake fetch --offline r.yaml
    damage local.bin 100
    after=$(sha local.bin)
    run_ccbake 4 fetch r.yaml
    local changed="ccbake: r.yaml:6:6: payload \"a\": $PWD/local.bin is not the file of the lock (sha256 expected $before, is $after)
hint: where the file changed on purpose: \`ccbake lock --update=a r.yaml\`"
    assert_equal "$output" "$changed"
    # Before anything is baked, and whatever is cached.
    run_ccbake 4 bake r.yaml
    assert_equal "$output" "$changed"
    # To lock it again is a decision.
    run_ccbake 4 lock r.yaml
    assert_contains "$changed"
    run_ccbake lock --update=a r.yaml
    run_ccbake fetch r.yaml
    # The digest of the recipe.
    recipe "a: {path: local.bin, sha256: $before}"
    run_ccbake 4 fetch r.yaml
    assert_equal "$output" "ccbake: r.yaml:6:6: payload \"a\": $PWD/local.bin is not the file of the recipe (sha256 expected $before, is $after)
hint: update the digest at r.yaml:6:$(column sha256 6), or the file"
    recipe "a: {path: local.bin, sha256: $after, size: 17}"
    run_ccbake 4 fetch r.yaml
    assert_contains "payload \"a\": $PWD/local.bin: wrong size: 5000 bytes, expected 17"
}

@test "fetch: a local file that is missing: where the recipe names it" {
    recipe 'a: {path: local.bin}'
    local missing="ccbake: r.yaml:6:6: payload \"a\": $PWD/local.bin: No such file or directory
hint: put the file there, or correct its path"
    run_ccbake 4 lock r.yaml
    assert_equal "$output" "$missing"
    recipe "a: {url: 'file://$PWD/local.bin', sha256: $(sha "$ROOT/a.raw")}"
    run_ccbake 4 fetch r.yaml
    assert_equal "$output" "$missing"
    # A store that has it is as good; a file that is there must be right all the same.
    cp "$ROOT/a.raw" local.bin
    recipe "a: {url: $SERVER/a.raw, sha256: $(sha "$ROOT/a.raw")}"
    run_ccbake fetch r.yaml
    rm local.bin
    recipe "a: {path: local.bin, sha256: $(sha "$ROOT/a.raw")}"
    run_ccbake fetch r.yaml
    cp "$ROOT/b.raw" local.bin
    run_ccbake 4 fetch r.yaml
    assert_contains 'local.bin is not the file of the recipe'
}

@test "fetch: a base that was altered, of the recipe and of --base" {
    cp "$BATS_FILE_TMPDIR/base.raw" base.raw
    recipe "a: {url: $SERVER/a.raw, sha256: $(sha "$ROOT/a.raw")}"
    sed -i 's/^base: .*/base: {path: base.raw, os: o, version: 3, min-kernel: 5}/' r.yaml
    run_ccbake lock r.yaml
    printf X >>base.raw
    run_ccbake 4 fetch r.yaml
    assert_contains "ccbake: r.yaml:4:7: base: $PWD/base.raw is not the file of the lock (sha256 expected "
    assert_contains 'hint: where the file changed on purpose: `ccbake lock --update=base r.yaml`'
    cp "$BATS_FILE_TMPDIR/base.raw" other.raw
    run_ccbake lock --base=other.raw r.yaml
    printf X >>other.raw
    run_ccbake 4 fetch --base=other.raw r.yaml
    assert_contains "ccbake: --base: $PWD/other.raw is not the file of the lock (sha256 expected "
    assert_contains "hint: where the file changed on purpose: \`ccbake lock --update=base --base=$PWD/other.raw r.yaml\`"
}

@test "fetch: what helps depends on what failed" {
    recipe "a: {url: 'http://u:p@127.0.0.1:1/x/a.raw', sha256: $(sha "$ROOT/a.raw")}"
    local started=$EPOCHSECONDS
    run_ccbake 6 fetch r.yaml
    assert_contains 'hint: nothing listens there: does the server of http://127.0.0.1:1 run, and is the port right?'
    [[ $output != *"again in"* && $output != *"gave up"* ]] || fail "this host is asked once:" "$output"
    ((EPOCHSECONDS - started < 4)) || fail "it took $((EPOCHSECONDS - started)) s"
    # Without a digest there is none to update.
    recipe "a: {url: '$SERVER/driver/1.2/a.raw?token=secret'}"
    run_ccbake 6 lock r.yaml
    assert_contains "hint: the version may not exist, or no more: look at $SERVER/driver/1.2/"
    [[ $output != *secret* && $output != *--update* ]] || fail "$output"
    assert_equal "$(requests 1 | cut -d' ' -f1)" 404
}

@test "fetch: URLs that it does not read are refused before anything is fetched" {
    recipe "a: {url: $SERVER/a.raw, sha256: $(sha "$ROOT/a.raw")}" "b: {url: 'ftp://h/b', sha256: $(sha "$ROOT/b.raw")}"
    run_ccbake 3 fetch r.yaml
    assert_equal "$output" 'ccbake: r.yaml:7:6: payload "b": ftp://h/b: neither an http, https or file URL nor an absolute path'
    assert_equal "$(requests)" ''
}

# signed_rpm NAME KEY: NAME.rpm, signed with the key of that name, or with none.
signed_rpm() {
    printf '%s\n' "Name: $1" 'Version: 1' 'Release: 1' 'Summary: s' 'License: MIT' 'BuildArch: noarch' \
        '%description' 'd' '%files' >"$1.spec"
    rpmbuild --quiet -bb --define "_topdir $PWD/rpmbuild" --define "_rpmdir $PWD" --define "_rpmfilename $1.rpm" "$1.spec"
    [[ -z $2 ]] || rpmsign --define "__gpg $(command -v gpg)" --define "_gpg_name $2" --addsign "$1.rpm"
}

# A key of gpg, as NAME.asc.
signing_key() {
    gpg --batch --quiet --passphrase '' --quick-generate-key "$1" rsa2048 sign never
    gpg --batch --armor --output "$1.asc" --export "$1"
}

@test "lock, fetch: packages must be signed with the keys of the recipe" {
    must_have rpmsign command -v rpmsign rpmbuild gpg
    export GNUPGHOME=$PWD/gpg HOME=$PWD
    mkdir -m 700 gpg
    signing_key vendor
    signing_key stranger
    signed_rpm good vendor
    signed_rpm bad stranger
    signed_rpm plain ''
    gpgconf --kill all
    recipe 'a: {path: good.rpm, keys: [vendor.asc]}' 'b: {path: bad.rpm}' 'c: {path: plain.rpm}'
    run_ccbake lock r.yaml
    run_ccbake fetch r.yaml
    recipe 'a: {path: good.rpm}' 'b: {path: bad.rpm, keys: [vendor.asc]}'
    run_ccbake 4 fetch r.yaml
    assert_contains 'ccbake: b (bad.rpm): it is signed with key '
    assert_contains 'which is none of its `keys`'
    rm r.lock.json
    run_ccbake 4 lock r.yaml
    assert_contains 'ccbake: b (bad.rpm): it is signed with key '
    [[ ! -e r.lock.json ]] || fail 'a package of unknown origin is in the lock'
    # Another step wants a signature of what the first one takes as it is.
    recipe 'c: {path: plain.rpm}'
    run_ccbake lock r.yaml
    run_ccbake fetch r.yaml
    echo '  - rpm: {payloads: [c], keys: [vendor.asc]}' >>r.yaml
    run_ccbake 4 fetch r.yaml
    assert_contains 'ccbake: c (plain.rpm): it is not signed'
    sed -i 's/vendor.asc/plain.rpm/' r.yaml
    run_ccbake 3 fetch r.yaml
    assert_contains "r.yaml:9:32: \"keys\": $PWD/plain.rpm: no OpenPGP public key"
}

# --- what lock changes

# two_files: r.yaml with two local files and one of the server, none of them pinned, and their lock.
two_files() {
    echo one >one.bin
    echo two >two.bin
    recipe 'one: {path: one.bin}' 'two: {path: two.bin}' "web: {url: $SERVER/a.raw}"
    run_ccbake lock --quiet r.yaml
}

# changes: what `lock --format=json` said in $output of changes, as "change name" lines.
changes() {
    jq -r '.changes[] | .change + " " + (.name // .key)' <<<"$output"
}

@test "lock: says what it adds, changes and keeps, and rewrites nothing that did not change" {
    two_files
    assert_equal "$output" "added    one one.bin: sha256 $(sha one.bin | head -c 12)..., 4 bytes
added    two two.bin: sha256 $(sha two.bin | head -c 12)..., 4 bytes
added    web $SERVER/a.raw: sha256 $(sha "$ROOT/a.raw" | head -c 12)..., 300.0 kB
r.lock.json: 3 added, 0 changed, 0 removed, 0 unchanged"
    local before
    before=$(stat -c '%i %y' r.lock.json)
    run_ccbake lock --quiet r.yaml
    assert_equal "$output" 'r.lock.json: 0 added, 0 changed, 0 removed, 3 unchanged'
    run_ccbake lock --quiet --update r.yaml
    assert_equal "$output" 'r.lock.json: 0 added, 0 changed, 0 removed, 3 unchanged'
    assert_equal "$(stat -c '%i %y' r.lock.json)" "$before"
    run_ccbake lock --quiet --format=json r.yaml
    assert_equal "$(jq -c . <<<"$output")" '{"changes":[],"dry_run":false,"lock":"r.lock.json","unchanged":3,"unused":0}'
}

@test "lock --update=NAME renews that alone, and --dry-run nothing" {
    two_files
    local old new
    old=$(sha one.bin)
    echo changed >one.bin
    echo changed, too >two.bin
    new=$(sha one.bin)
    cp r.lock.json before.json
    # The other one is not passed over.
    run_ccbake 4 lock --update=one r.yaml
    assert_contains 'payload "two": '
    assert_contains 'hint: where the file changed on purpose: `ccbake lock --update=two r.yaml`'
    run_ccbake lock --quiet --dry-run --update=one --update=two r.yaml
    assert_contains "changed  one one.bin: sha256 $(head -c 12 <<<"$old")... -> $(head -c 12 <<<"$new")..., 8 bytes"
    assert_contains 'r.lock.json: 0 added, 2 changed, 0 removed, 1 unchanged; not written'
    cmp r.lock.json before.json
    echo two >two.bin
    run_ccbake lock --quiet -uone --format=json r.yaml
    assert_equal "$(changes)" 'changed one'
    assert_equal "$(jq -c '.changes[0] | [.old, .new]' <<<"$output")" \
        "[{\"sha256\":\"$old\",\"size\":4},{\"sha256\":\"$new\",\"size\":8}]"
    assert_equal "$(jq -r '.files["one.bin"].sha256' r.lock.json)" "$new"
    # What the recipe pins, and what there is not.
    run_ccbake 2 lock --update=ones r.yaml
    assert_equal "$output" $'ccbake: --update=ones: the lock has nothing of this name\nhint: did you mean "one"?'
    run_ccbake 2 lock --update=kernel r.yaml
    assert_contains 'hint: the lock may have: one, two, web'
    run_ccbake 2 lock --update=base r.yaml
    assert_equal "$output" 'ccbake: --update=base: the recipe has its sha256, and the lock nothing'
}

@test "lock: entries that nothing uses any more go with --update alone, those of other images stay" {
    two_files
    sed -i "s|^base|matrix: {file: [one, two]}\noutput: {name: \"t-\${file}\"}\nvariables: {file: one}\nbase|; s|{path: one.bin}|{path: \"\${file}.bin\"}|; /^  two:/d; s/\[one, two, web/[one, web/" r.yaml
    # The second image finds what the first has locked, also where nothing is written.
    rm r.lock.json
    run_ccbake lock --quiet --dry-run --format=json r.yaml
    assert_equal "$(changes)" $'added one\nadded web\nadded one'
    [[ ! -e r.lock.json ]] || fail "--dry-run wrote $(cat r.lock.json)"
    run_ccbake lock --quiet r.yaml
    assert_contains 'r.lock.json: 3 added, 0 changed, 0 removed, 0 unchanged'
    sed -i "s|$SERVER/a.raw|$SERVER/b.raw|" r.yaml
    run_ccbake lock --quiet r.yaml
    assert_contains 'r.lock.json: 1 added, 0 changed, 0 removed, 2 unchanged'
    assert_contains 'r.lock.json: 1 more that r.yaml does not use; `ccbake lock --update r.yaml` drops them'
    run_ccbake lock --quiet --update=web r.yaml
    assert_equal "$(jq -c '.files | length' r.lock.json)" 4
    # With --base it is another recipe: what its own base needs is not known.
    run_ccbake lock --quiet --update --base="$BATS_FILE_TMPDIR/base.raw" r.yaml
    assert_equal "$(jq -c '.files | length' r.lock.json)" 5
    run_ccbake lock --quiet --update --format=json r.yaml
    assert_equal "$(changes | sort)" "removed $BATS_FILE_TMPDIR/base.raw
removed $SERVER/a.raw"
    assert_equal "$(jq -c '.files | keys' r.lock.json)" "[\"$SERVER/b.raw\",\"one.bin\",\"two.bin\"]"
}
