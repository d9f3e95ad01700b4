#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The cache of layers, on a small guest: which layers are reused, damaged layers, interrupted bakes and parallel bakes.
load helpers

setup_file() {
    small_guest "$BATS_FILE_TMPDIR/base.qcow2"
}

setup() {
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    cd "$BATS_TEST_TMPDIR" || return 1
    ln -s "$BATS_FILE_TMPDIR/base.qcow2" base.qcow2
    mkdir tree
    echo first >tree/motd
    write_recipe
}

teardown() {
    if mountpoint -q "$BATS_TEST_TMPDIR/disk"; then
        umount "$BATS_TEST_TMPDIR/disk"
    fi
}

# r.yaml: three commands that count their runs outside the image, and an overlay.
write_recipe() {
    cat >r.yaml <<EOF
format: 1
name: r
gpus: 1
variables: {one: "1", two: "2", three: "3", spare: "98"}
$(base_key base.qcow2)
steps:
  - run: {id: a, commands: [[sh, -c, "echo a \${one} >/opt-a"]]}
  - run: {id: b, commands: [[sh, -c, "echo b \${two} >/opt-b"]]}
  - run: {id: c, limit: "\${spare}", commands: [[sh, -c, "echo c \${three} >/opt-c"]]}
  - overlay: {source: tree, target: /etc}
EOF
}

bake() {
    run_ccbake bake --backend=host --no-verify --force r.yaml "$@"
}

# Which steps ran and which were cached, as "a:run b:cached ...".
steps() {
    jq -r '[.steps[] | .id + ":" + (if .cached then "cached" else "run" end)] | join(" ")' r.json
}

content() {
    content_of r.qcow2 "$1"
}

@test "a second bake does nothing, and says so" {
    bake
    assert_equal "$(steps)" "a:run b:run c:run overlay:run"
    local before
    before=$(stat -c '%i %Y' r.qcow2)
    bake
    assert_contains "current  r.qcow2 is what this recipe bakes: nothing to do"
    [[ $output != *warning* ]] || fail "$output"
    assert_equal "$(stat -c '%i %Y' r.qcow2)" "$before"
    rm r.html
    bake
    assert_contains "warning: there is no r.html; \`ccbake report r.qcow2\` writes it"
}

@test "what was baked without checks is neither current for a bake with them, nor just a file in the way" {
    bake
    run_ccbake 2 bake --backend=host r.yaml
    assert_contains "r.qcow2 exists already"
    assert_contains "hint: it is what this recipe bakes, but has not passed all checks of this ccbake on record; with --force it is made from the cache and checked, \`ccbake verify r.qcow2\` only checks it"
    run_ccbake 2 bake --backend=host --set one=11 r.yaml
    [[ $output != *"it is what this recipe bakes"* ]] || fail "$output"
}

@test "what another set of checks has passed is not current" {
    bake
    jq '.checks = {"checks": []} | .check_set = "another"' r.json >new.json
    mv new.json r.json
    run_ccbake 2 bake --backend=host r.yaml
    assert_contains "r.qcow2 exists already"
    assert_contains "hint: it is what this recipe bakes, but"
    run_ccbake plan --quiet --backend=host r.yaml
    [[ $output == "recipe r "* ]] || fail "$output"
    # What has passed these is, and the plan says so first.
    jq --arg set "$("$CCBAKE" verify --list | cut -f 1,2 | tr '\t' ' ' | sha256sum | cut -d ' ' -f 1)" '.check_set = $set' r.json >new.json
    mv new.json r.json
    run_ccbake bake --backend=host r.yaml
    assert_contains "nothing to do"
    mv r.qcow2 other.qcow2
    mv r.json other.json
    run_ccbake plan --quiet --backend=host -o other.qcow2 r.yaml
    [[ $output == "output other.qcow2 is current: a bake has nothing to do"* ]] || fail "$output"
    run_ccbake plan --quiet --backend=host r.yaml
    [[ $output == "recipe r "* ]] || fail "$output"
}

@test "the time that is left is learnt from the bakes before" {
    sed -i 's/echo b /sleep 3; echo b /' r.yaml
    "$CCBAKE" bake --backend=host --no-verify --progress=json r.yaml 2>first
    jq -se '[.[] | select(.event == "begin")] | length > 0 and all(has("left_s") | not)' first
    "$CCBAKE" bake --backend=host --no-verify --no-cache --force --progress=json r.yaml 2>second
    # Before a: what a, b and c took, b more than 3 s of it; after b less than before it by its time.
    jq -se '[.[] | select(.event == "begin" and .tag == "1/4") | .left_s] | .[0] > 3 and .[0] < 20' second
    jq -se '([.[] | select(.event == "begin" and .tag == "2/4") | .left_s][0]) -
            ([.[] | select(.event == "begin" and .tag == "3/4") | .left_s][0]) >= 3' second
    jq -se '[.[] | .fraction // empty] | . == sort and .[-1] > 0.9' second
}

@test "a local file that changed is refused, whatever is cached; one that is missing, where it is needed" {
    head -c 5000 /dev/urandom >p.bin
    cp p.bin good.bin
    sed -i 's/^steps:/payloads: {p: {path: p.bin}}\nsteps:/; s/run: {id: a,/& payloads: p,/' r.yaml
    run_ccbake lock --backend=host r.yaml
    bake
    printf X >>p.bin
    local changed
    changed="r.yaml:6:15: payload \"p\": $PWD/p.bin is not the file of the lock (sha256 expected $(sha256sum <good.bin | cut -d' ' -f1), is $(sha256sum <p.bin | cut -d' ' -f1))"
    local remedy="where the file changed on purpose: \`ccbake lock --update=p r.yaml\`"
    run_ccbake 4 bake --backend=host --no-verify r.yaml
    assert_equal "$output" "ccbake: $changed"$'\n'"hint: $remedy"
    run_ccbake 4 plan --backend=host r.yaml
    assert_contains "problem: $changed"$'\n'"     remedy: $remedy"
    rm p.bin
    bake
    assert_contains "nothing to do"
    run_ccbake plan --backend=host r.yaml
    run_ccbake 4 plan --backend=host --set one=11 r.yaml
    assert_contains "problem: r.yaml:6:15: payload \"p\": $PWD/p.bin: No such file or directory"
    cp good.bin p.bin
    run_ccbake plan --backend=host --set one=11 r.yaml
    # The base, too.
    rm base.qcow2
    cp "$BATS_FILE_TMPDIR/base.qcow2" base.qcow2
    bake
    assert_contains "nothing to do"
    printf X >>base.qcow2
    run_ccbake 4 bake --backend=host --no-verify r.yaml
    assert_contains "ccbake: r.yaml:5:7: base: $PWD/base.qcow2 is not the file of the recipe (sha256 expected "
    assert_contains "hint: update the digest at r.yaml:5:34, or the file"
}

@test "what is remembered of files is found by their state, and not asked with --paranoid" {
    local state entry check right wrong
    right=$(sha256sum <base.qcow2 | cut -d' ' -f1)
    wrong=$(sha256sum </dev/null | cut -d' ' -f1)
    run_ccbake plan --backend=host r.yaml
    state=$(printf '%s\n %s' "$(cat /proc/sys/kernel/random/boot_id)" "$(stat -L -c '%d %i %s %.9Y %.9Z' base.qcow2)")
    entry=cache/digests/$(printf %s "$state" | sha256sum | cut -d' ' -f1)
    check=$(printf '%s %s' "$state" "$right" | sha256sum | cut -d' ' -f1)
    assert_equal "$(cat "$entry")" "$right $check"
    check=$(printf '%s %s' "$state" "$wrong" | sha256sum | cut -d' ' -f1)
    echo "$wrong $check" >"$entry"
    run_ccbake 4 plan --backend=host r.yaml
    assert_contains "is not the file of the recipe (sha256 expected $right, is $wrong)"
    run_ccbake plan --backend=host --paranoid r.yaml
    run_ccbake plan --backend=host r.yaml
    echo "$wrong $check" >"$entry"
    bake --paranoid
    # Two digests of one line are no entry.
    echo "$wrong ${check//[0-9]/a}" >"$entry"
    run_ccbake plan --backend=host r.yaml
    assert_equal "$(cut -d' ' -f1 "$entry")" "$right"
}

@test "a changed overlay file redoes that step alone, and the image has the new file" {
    bake
    echo second >tree/motd
    bake
    assert_equal "$(steps)" "a:cached b:cached c:cached overlay:run"
    assert_equal "$(content /etc/motd)" second
    assert_equal "$(content /opt-a)" "a 1"
}

@test "a changed variable redoes the step that uses it and all after it" {
    bake
    bake --set two=22
    assert_equal "$(steps)" "a:cached b:run c:run overlay:run"
    assert_equal "$(content /opt-b)" "b 22"
}

@test "what the result does not depend on does not change the keys" {
    bake
    bake --set spare=99
    assert_contains "nothing to do"
    sed -i -e 's/^format: 1$/format: 1 # comment/' -e 's/id: a, commands: \(.*\)}$/limit: 99, commands: \1, id: other}/' r.yaml
    mv tree elsewhere
    sed -i 's/source: tree/source: elsewhere/' r.yaml
    touch -d 2001-01-01 elsewhere/motd
    chmod 664 elsewhere/motd
    cp base.qcow2 copy.qcow2
    sed -i 's/path: base.qcow2/path: copy.qcow2/' r.yaml
    bake
    assert_contains "nothing to do"
}

@test "what the result depends on changes the keys" {
    bake
    bake --set one=11
    assert_equal "$(steps)" "a:run b:run c:run overlay:run"
    chmod +x tree/motd
    bake --set one=11
    assert_equal "$(steps)" "a:cached b:cached c:cached overlay:run"
    sed -i 's/target: \/etc/target: \/etc, modes: {\/etc\/motd: "0600"}/' r.yaml
    bake --set one=11
    assert_equal "$(steps)" "a:cached b:cached c:cached overlay:run"
    sed -i 's/- run: {id: b/- run: {id: new, commands: [["true"]]}\n  - run: {id: b/' r.yaml
    bake --set one=11
    assert_equal "$(steps)" "a:cached new:run b:run c:run overlay:run"
}

@test "plan says what is cached and what has changed" {
    run_ccbake plan --backend=host r.yaml
    assert_contains "[runs: not in the cache]"
    bake
    run_ccbake plan --backend=host --set two=22 r.yaml
    [[ $(grep -c '\[cached\]' <<<"$output") == 1 ]] || fail "$output"
    assert_contains "[runs: its setting commands changed]"
    assert_contains "[runs: step 2 (b): its setting commands changed]"
    cp tree/motd motd
    echo other >tree/motd
    run_ccbake plan --backend=host r.yaml
    assert_contains "[runs: the file /etc/motd changed]"
    cp motd tree/motd
    [[ $output != *"nothing to do"* ]] || fail "$output"
    # As after a bake whose checks have passed.
    local checks
    checks=$("$CCBAKE" verify --list | cut -f 1,2 | tr '\t' ' ' | sha256sum | cut -d' ' -f1)
    jq --arg set "$checks" '.checks = {"checks": []} | .check_set = $set' r.json >new.json
    mv new.json r.json
    run_ccbake bake --backend=host r.yaml
    assert_contains "current  r.qcow2 is what this recipe bakes: nothing to do"
    run_ccbake plan --backend=host r.yaml
    assert_contains "output r.qcow2 is current: a bake has nothing to do"
    rm base.qcow2 # it is not needed for that
    run_ccbake plan --quiet --backend=host --json r.yaml
    assert_equal "$(jq -c '[.current, .problems]' <<<"$output")" '[true,[]]'
    run_ccbake 4 plan --backend=host --set one=11 r.yaml
    assert_contains "problem: r.yaml:5:7: base: $PWD/base.qcow2: No such file or directory"
}

@test "a failed bake begins at the step that failed" {
    sed -i 's/echo c /test -e \/etc\/pass \&\& echo c /' r.yaml
    run_ccbake 7 bake --backend=host --no-verify r.yaml
    assert_contains "step 3/4 (c): sh failed with exit code 1"
    [[ ! -e r.qcow2 ]] || fail "an output of a failed bake"
    sed -i 's/test -e \/etc\/pass && //' r.yaml
    bake
    assert_equal "$(steps)" "a:cached b:cached c:run overlay:run"
}

@test "--progress=json: a cached step is an event of its own, and the result is words alone" {
    bake
    "$CCBAKE" bake --backend=host --no-verify --force --progress=json --set three=33 r.yaml 2>events
    assert_equal "$(jq -rs '[.[] | select(.cached) | .event + " " + .tag + " " + (.what | split(":")[0])] | join(",")' events)" \
        "end 1/4 a,end 2/4 b"
    jq -se '[.[] | select(.event == "result").text] | length == 1 and (.[0] | startswith("in "))' events
}

@test "a command that takes longer than the step's limit: the message names the key and its place" {
    sed -i 's/echo c /sleep 9; echo c /' r.yaml
    run_ccbake 7 bake --backend=host --no-verify --set spare=1 r.yaml
    assert_contains "step 3/4 (c): sh did not end within its limit of 1 s"
    assert_contains "hint: --set spare (used at r.yaml:9:26): give the step a longer \"limit\" than 1 (seconds)"
}

@test "--from and --no-cache force" {
    bake
    bake --from=c
    assert_equal "$(steps)" "a:cached b:cached c:run overlay:run"
    bake --no-cache
    assert_equal "$(steps)" "a:run b:run c:run overlay:run"
    # The step is looked for before the output is.
    run_ccbake 2 bake --backend=host --from=overlya r.yaml
    assert_equal "$output" $'ccbake: --from=overlya: the recipe has no step "overlya"\nhint: did you mean "overlay"?'
    run_ccbake 2 bake --backend=host --from=nothing r.yaml
    assert_contains "hint: its steps: a, b, c, overlay"
    run_ccbake 2 bake --backend=host --from=c r.yaml
    assert_contains "r.qcow2 exists already"
    assert_contains "--force replaces it"
    [[ $output != *"what this recipe bakes"* ]] || fail "$output"
}

# The file of the layer that a step made.
layer_of() {
    local json
    json=$(grep -l "\"step\":\"$1\"" cache/layers/*.json)
    echo "${json%.json}.qcow2"
}

@test "truncated, altered and missing layers are dropped with a warning and made again" {
    bake
    truncate -s -512 "$(layer_of b)"
    bake --set three=33
    assert_contains "is truncated: dropped"
    assert_equal "$(steps)" "a:cached b:run c:run overlay:run"
    assert_equal "$(content /opt-c)" "c 33"

    damage "$(layer_of a)" 200000
    bake --set one=1 --set three=34
    assert_contains "is altered: dropped"
    assert_equal "$(steps)" "a:run b:run c:run overlay:run"
    assert_equal "$(content /opt-a)" "a 1"

    rm "$(layer_of b)"
    echo '{' >"$(layer_of a | sed 's/qcow2$/json/')"
    bake --set three=35
    assert_contains "is described by a damaged file: dropped"
    assert_equal "$(steps)" "a:run b:run c:run overlay:run"
    qemu-img check -q r.qcow2
}

@test "a layer that was made anew is not taken for the one that others lie on" {
    bake
    bake --from=a --set three=99
    rm r.json
    bake
    assert_equal "$(steps)" "a:cached b:cached c:run overlay:run"
    assert_equal "$(content /opt-c)" "c 3"
}

@test "two bakes at once share the cache and do not make a layer twice" {
    sed -i 's/echo a /sleep 2; echo a /' r.yaml
    "$CCBAKE" bake --backend=host --no-verify r.yaml -o one.qcow2 2>one.txt 3>&- &
    local first=$!
    "$CCBAKE" bake --backend=host --no-verify r.yaml -o two.qcow2 2>two.txt 3>&-
    wait "$first"
    assert_equal "$(jq -r '.steps[0].cached' one.json two.json | sort | xargs)" "false true"
    qemu-img compare -q one.qcow2 two.qcow2
}

@test "two bakes of recipes that overlap make what they share once, and each the rest" {
    sed -i 's/echo a /sleep 2; echo a /; s/echo b /sleep 2; echo b /' r.yaml
    sed 's/echo c /echo other /' r.yaml >other.yaml
    "$CCBAKE" bake --backend=host --no-verify r.yaml 2>one.txt 3>&- &
    local first=$!
    "$CCBAKE" bake --backend=host --no-verify other.yaml -o other.qcow2 2>two.txt 3>&-
    wait "$first"
    local step
    for step in 0 1; do # a and b; c and the overlay differ
        assert_equal "$(jq -r ".steps[$step].cached" r.json other.json | sort | xargs)" "false true"
    done
    assert_equal "$(jq -r '.steps[2, 3].cached' r.json other.json | xargs)" "false false false false"
    assert_equal "$(content_of r.qcow2 /opt-c) $(content_of other.qcow2 /opt-c)" "c 3 other 3"
    assert_equal "$(content_of r.qcow2 /opt-b)$(content_of other.qcow2 /etc/motd)" "b 2first"
    run_ccbake cache verify
    assert_contains "6 layers"
    assert_contains " 0 damaged"
}

@test "kill -9 at any moment leaves a cache from which a bake succeeds" {
    local started took pid status delay killed=0
    started=$(date +%s%N)
    bake
    took=$((($(date +%s%N) - started) / 1000000))
    "$TOP/tests/image-listing" r.qcow2 >undisturbed
    # Random moments of a bake's time; one that came after the end does not count.
    for _ in {1..100}; do
        ((killed < 20)) || break
        rm -f r.qcow2 r.json r.html
        "$CCBAKE" bake --backend=host --no-verify --no-cache r.yaml 2>/dev/null 3>&- &
        pid=$! status=0
        delay=$((RANDOM % took))
        sleep "$((delay / 1000)).$(printf '%03d' $((delay % 1000)))"
        kill -9 "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || status=$?
        [[ $status == 0 || $status == 137 ]] || fail "a bake that was not killed failed: $status"
        ((status == 0)) || killed=$((killed + 1))
    done
    ((killed == 20)) || fail "only $killed bakes were killed"
    for _ in {1..50}; do
        compgen -G 'cache/layers/*.part' >/dev/null || [[ -n $(ls cache/work) ]] || break
        sleep 0.1
    done
    [[ -z $(ls cache/work) ]] || fail "work directories are left: $(ls cache/work)"
    run pgrep -a -f "^bwrap .*$PWD/cache/"
    assert_equal "$output" ""
    rm -f r.qcow2 r.json
    bake
    diff undisturbed <("$TOP/tests/image-listing" r.qcow2)
    run_ccbake cache verify
}

@test "gc keeps within bounds, removes from the top, and nothing that is in use" {
    bake
    run_ccbake cache ls
    assert_contains "4 layers"
    touch -d '10 days ago' "$(layer_of overlay | sed 's/qcow2$/json/')"
    run_ccbake cache gc --max-age=5
    assert_contains "removed 1 ("
    touch -d '10 days ago' "$(layer_of a | sed 's/qcow2$/json/')"
    run_ccbake cache gc --max-age=5
    assert_contains "removed 0 ("
    sed -i 's/echo c /sleep 4; echo c /' r.yaml
    "$CCBAKE" bake --backend=host --no-verify --force r.yaml 2>/dev/null 3>&- &
    local pid=$!
    sleep 2
    touch -d '10 days ago' cache/layers/*.json
    run_ccbake cache gc --max-age=5
    assert_contains "in use"
    wait "$pid"
    assert_equal "$(content /opt-b)" "b 2"
    run_ccbake 2 cache gc
    assert_contains "give a bound"
    run_ccbake 2 cache gc --max-size=1.5G
    assert_contains "--max-size=1.5G: expected a number, with k, M or G"
    run_ccbake 2 cache gc --max-size=99999999999G
    run_ccbake cache gc --max-size=1500M
    assert_contains "removed 0 ("
    # The two lowest of the chain fit.
    run_ccbake cache gc --max-size=$(($(stat -c %s "$(layer_of a)") + $(stat -c %s "$(layer_of b)")))
    run_ccbake cache ls
    assert_contains "2 layers"
    run_ccbake cache gc --max-size=0
    run_ccbake cache ls
    assert_contains "0 layers"
}

@test "cache ls groups layers by recipe and image, with downloads; rm and --dry-run" {
    mkdir served
    head -c 5000 /dev/urandom >served/tool.raw
    STANDIN=$PWD/served start_server "$BATS_TEST_TMPDIR"
    sed -i "s|^steps:|payloads: {t: {url: '$SERVER/tool.raw?token=secret', sha256: $(sha256sum <served/tool.raw | cut -d' ' -f1)}}\nsteps:|" r.yaml
    sed -i 's|id: a, |id: a, payloads: [t], |' r.yaml
    bake
    stop_server
    touch -d '1 minute ago' cache/layers/*.json
    sed 's/^name: r$/name: other-recipe/; s|target: /etc|target: /opt|' r.yaml >other.yaml
    run_ccbake bake --backend=host --no-verify -o second.qcow2 other.yaml
    run_ccbake cache ls
    local squeezed
    squeezed=$(tr -s ' ' <<<"$output")
    # The most recently used first; what the first image shares with it is counted there.
    assert_equal "$(sed -nE 's/^( ?[a-z-]+)( \(to overlay\) [0-9]+)?( [0-9].*)?$/\1\2/p' <<<"$squeezed")" \
        $'other-recipe\n other-recipe (to overlay) 4\nr\n r (to overlay) 4\ndownloads'
    grep -E '^ [0-9a-f]{12} tool\.raw 5\.0 kB 20' <<<"$squeezed" || fail "$output"
    assert_contains "5 layers, 0 sets of built files, 1 download: "
    [[ $output != *secret* ]] || fail "$output"
    assert_equal "$(grep '.\{81\}' <<<"${output%$'\n'*}")" ''
    run_ccbake cache ls --format=json
    assert_equal "$(jq -c '[.layers[] | .recipe] | sort' <<<"$output")" '["other-recipe","r","r","r","r"]'
    assert_equal "$(jq -c '[.downloads[] | [.name, .size, .in_use]]' <<<"$output")" '[["tool.raw",5000,false]]'
    run_ccbake cache rm --dry-run other-recipe
    assert_contains "would remove 1 ("
    run_ccbake cache rm other-recipe
    assert_contains "removed 1 ("
    run_ccbake cache ls --all
    [[ $output != *other-recipe* ]] || fail "$output"
    [[ $(grep -cE '^    [0-9a-f]{12}  ' <<<"$output") == 4 ]] || fail "$output"
    # What the first step left, with all above it.
    run_ccbake cache rm "$(basename "$(layer_of a)" | cut -c 1-12)"
    assert_contains "removed 4 ("
    run_ccbake 2 cache rm nosuch
    assert_contains "hint: \`ccbake cache ls\` shows"
    run_ccbake 2 cache rm
    run_ccbake 2 cache ls r
    run_ccbake cache gc --dry-run --max-size=0
    assert_contains "tool.raw"
    assert_contains "would remove 1 (5.0 kB), keep 0, 0 of them in use"
}

@test "gc removes what a host that went down left half-made, and nothing that is under way" {
    bake
    mkdir -p cache/work/old/scratch cache/built/k.abcdef.part cache/work/new
    touch cache/digests/old cache/layers/k.part cache/layers/n.part cache/work/old/scratch/file
    touch -d @1000 cache/layers/k.part cache/built/k.abcdef.part cache/work/old cache/digests/old
    run_ccbake cache gc --max-age=5
    [[ ! -e cache/layers/k.part && ! -e cache/built/k.abcdef.part && ! -e cache/work/old ]] || fail "$(find cache)"
    [[ ! -e cache/digests/old && -n $(ls cache/digests) ]] || fail "$(find cache)"
    [[ -e cache/layers/n.part && -e cache/work/new ]] || fail "$(find cache)"
    assert_contains "kept 4"
}

@test "what the output and the bake need on one disk is added up before the start" {
    mkdir disk
    mount -t tmpfs -o size=500m none disk
    small_guest large.qcow2 --size 1G
    sed -i -e 's/^steps:/steps:\n  - initramfs/' -e 's/path: base.qcow2, sha256: [0-9a-f]*/path: large.qcow2/' r.yaml
    run_ccbake lock r.yaml
    # The initramfs step counts 200 MB in the image and 500 MB beside it.
    CCBAKE_CACHE_DIR=$PWD/disk/cache run_ccbake 5 bake --backend=host --no-verify r.yaml -o disk/r.qcow2
    assert_contains "too little space: it takes about "
    assert_contains " for the output in disk and about "
    assert_contains " for the bake in $PWD/disk/cache, and "
    assert_contains 'hint: `ccbake cache gc --max-age=DAYS` removes what was not used for so long; CCBAKE_CACHE_DIR puts the cache on another disk'
    [[ $output != *"1/5"* ]] || fail "a step ran:" "$output"
    # A plan says so too; of steps that are cached, and of an output that is there, nothing is needed.
    mkdir disk/here
    cd disk/here || return 1
    CCBAKE_CACHE_DIR=../cache run_ccbake 5 plan --backend=host ../../r.yaml
    assert_contains " for the output in . and about "
    touch r.qcow2
    CCBAKE_CACHE_DIR=../cache run_ccbake 5 plan --backend=host ../../r.yaml
    cd "$BATS_TEST_TMPDIR" || return 1
    assert_contains "problem: too little space: it takes about "
    [[ $output != *"for the output"* ]] || fail "$output"
}

@test "a disk that fills up under the cache fails the bake, and what was cached before stays" {
    local step
    mkdir disk
    mount -t tmpfs -o size=20m none disk
    export CCBAKE_CACHE_DIR=$PWD/disk/cache
    sed -i 's|sh, -c, "echo c|sh, -c, "head -c ${size} /dev/urandom >/opt-big; echo c|; s/spare: "98"/&, size: "40000000"/' r.yaml
    run_ccbake bake --backend=host --no-verify r.yaml --set size=10
    run_ccbake 9 bake --backend=host --no-verify r.yaml -o other.qcow2
    # The command, where the disk was full before it ended; else the writing back.
    [[ $output == *"step 3/4 (c): sh failed with "* || $output == *"after step c: writing the guest's file system back: "* ]] || fail "$output"
    assert_contains "hint: there is no space left in $CCBAKE_CACHE_DIR/work/"
    [[ ! -e other.qcow2 ]] || fail "an output of a failed bake"
    run find disk/cache/layers -name '*.part'
    assert_equal "$output" ""
    run_ccbake cache verify
    assert_contains "4 layers"
    assert_contains " 0 damaged"
    bake --set size=20
    assert_equal "$(steps)" "a:cached b:cached c:run overlay:run"
}

@test "a bake that fails in any step begins there the next time" {
    local step n=0
    for step in a b c; do
        sed -i "s/echo $step /test -e \/etc\/pass-$step \&\& echo $step /" r.yaml
    done
    for step in a b c; do
        n=$((n + 1))
        run_ccbake 7 bake --backend=host --no-verify r.yaml
        assert_contains "step $n/4 ($step): sh failed with exit code 1"
        [[ ! -e r.qcow2 && ! -e r.json ]] || fail "an output of a failed bake"
        sed -i "s/test -e \/etc\/pass-$step \&\& //" r.yaml
    done
    sed -i 's/target: \/etc/target: \/opt-a/' r.yaml # a file
    run_ccbake 4 bake --backend=host --no-verify r.yaml
    assert_contains "step 4/4 (overlay): r.yaml:10:5: /opt-a in the guest is not a directory"
    sed -i 's/target: \/opt-a/target: \/etc/' r.yaml
    bake
    assert_equal "$(steps)" "a:cached b:cached c:cached overlay:run"
    assert_equal "$(content /etc/motd)" first
}
