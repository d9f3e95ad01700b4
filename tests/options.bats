# SPDX-License-Identifier: GPL-2.0-or-later
# Needs no root, no stand-in and no network.
# shellcheck shell=bash disable=SC2154 # bats sets output and status
# Option tables, --help, completion, manual pages, schema, step kinds, exit codes and examples agree.  Wrong command lines give
# clear errors.
load helpers

MANUAL=$TOP/bake/man/ccbake.pod
RECIPE_MANUAL=$TOP/bake/man/ccbake-recipe.pod

# Fields apart by a character that `read` does not collapse where one is empty.
tables() {
    "$CCBAKE" --tables | tr '\t' '\037'
}

verbs() {
    "$CCBAKE" --tables | cut -f 1 | uniq
}

schema() {
    "$CCBAKE" recipe --schema
}

kinds() {
    "$CCBAKE" recipe --kinds | sed -nE 's/^([a-z][a-z-]*) - .*/\1/p'
}

# section FILE HEADING: the text below "=head1 HEADING" or "=head2 HEADING", up to the next heading of its level or above.
section() {
    awk -v wanted="$2" '
        /^=head[12] / {
            level = substr($1, 6) + 0; title = $0; sub(/^=head[12] /, "", title)
            if (inside && level <= inside) exit
            if (title == wanted) { inside = level; next }
        }
        inside' "$1" | grep . || fail "$(basename "$1") has no section \"$2\""
}

# The section of a verb in ccbake(1), whose heading is "ccbake VERB ARGUMENT", and that of the options of every verb.
verb_section() {
    section "$MANUAL" "$(sed -nE "s/^=head2 (ccbake $1( .*)?)\$/\1/p" "$MANUAL")"
    section "$MANUAL" "Options of every verb"
}

# The settings that a section lists: "name" or "name required".
listed_settings() {
    sed -nE 's/^=item B<([a-z][a-z0-9-]*)>( \((required)\))?$/\1 \3/p' | sed 's/ $//'
}

# The settings of a schema object and of all objects in it, save those of $common at the top.
schema_settings() {
    jq -r --arg common "${common:-}" '
        def settings(except): (.required // []) as $required | .properties | keys[]
            | select(IN(except[]) | not)
            | if IN($required[]) then . + " required" else . end;
        settings($common | split(" ")),
        (.properties[] | .. | objects | select((.properties? | type) == "object") | settings([]))'
}

# The schema of a kind's settings.
kind_schema() {
    schema | jq --arg kind "$1" \
        '.properties.steps.items | (.oneOf // .anyOf)[] | .properties? // {} | .[$kind] // empty'
}

# same WHAT FOUND WANTED: two lists of lines, in any order.
same() {
    local differences
    [[ -n $3 ]] || fail "$1: nothing to compare with"
    differences=$(diff <(sort -u <<<"$2") <(sort -u <<<"$3")) || fail "$1 (< found, > wanted):" "$differences"
}

# complete_words WORD...: what the completion offers for the last word, in REPLY_WORDS.
complete_words() {
    # shellcheck source=/dev/null # the completion is checked by itself
    source "$TOP/bake/completions/ccbake.bash"
    COMP_WORDS=("$CCBAKE" "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _ccbake
    REPLY_WORDS=$(printf '%s\n' "${COMPREPLY[@]}")
}

# Prints a directory with the files that the examples name.
example_dir() {
    local dir=$BATS_TEST_TMPDIR/example
    mkdir -p "$dir/acme/rootfs"
    cp -r "$TOP/recipes" "$TOP/overlays" "$dir"
    echo "$dir"
}

@test "--help of every verb has every option with its argument and text" {
    local verb option argument shown help
    while IFS=$'\037' read -r verb option argument help; do
        shown=${argument:+=$argument}
        [[ $argument != \[* ]] || shown="[=${argument:1}"
        run_ccbake "$verb" --help
        [[ " $(tr -s ' \n' ' ' <<<"$output")" == *" $option$shown $help "* ]] ||
            fail "$verb --help lacks: $option$shown $help" "$output"
    done < <(tables)
}

@test "help is no wider than 80 columns, and no name runs into its text" {
    local verb
    for verb in "" $(verbs); do
        # shellcheck disable=SC2086 # without a verb it is the list of them
        run_ccbake $verb --help
        [[ $(awk 'length > 80' <<<"$output" | grep -v ^usage) == "" ]] || fail "$verb --help is too wide:" "$output"
        [[ $(grep -E '^ +(-., )?--[^ ]+ [^ ]' <<<"$output") == "" ]] || fail "$verb --help:" "$output"
    done
    run_ccbake recipe --kinds
    [[ $(grep '^ ' <<<"$output" | awk 'length > 80') == "" ]] || fail "$output"
}

@test "ccbake(1) has the options of every verb, with their arguments, and no others" {
    local verb
    for verb in $(verbs); do
        same "the options of $verb in ccbake(1)" \
            "$(verb_section "$verb" | sed -nE 's/^(=item B<--[a-z-]+>)\[=([A-Z]+)\]/\1=[\2]/
                s/^=item B<(--[a-z-]+)>(=([^,]+))?(, .*)?$/\1 \3/p')" \
            "$(tables | awk -F '\037' -v verb="$verb" '$1 == verb { print $2 " " $3 }')"
    done
}

@test "ccbake(1) has the letters of the options" {
    local verb
    for verb in $(verbs); do
        run_ccbake "$verb" --help
        same "the letters of $verb in ccbake(1)" \
            "$(verb_section "$verb" | sed -nE 's/^=item B<--([a-z-]+)>(\[?=[^,]+)?, B<-([a-z])>.*/\3 \1/p')" \
            "$(sed -nE 's/^  -([a-z]), --([a-z-]+).*/\1 \2/p' <<<"$output")"
    done
}

@test "a letter means the same option with every verb" {
    local verb letters
    letters=$(for verb in $(verbs); do
        "$CCBAKE" "$verb" --help | sed -nE 's/^  -([a-z]), --([a-z-]+).*/\1 \2/p'
    done | sort -u)
    assert_equal "$(cut -d' ' -f1 <<<"$letters" | uniq -d)" ""
    [[ $letters == *"h help"* ]] || fail "$letters"
}

@test "--json is short for --format=json with every verb that has both" {
    local verb
    for verb in plan verify boot diff graph preflight upload request doctor; do
        tables | awk -F '\037' -v verb="$verb" '$1 == verb && $2 == "--format" { print $3 }' | grep -q '^text|json' ||
            fail "$verb has no --format=text|json"
        tables | grep -q "^$verb"$'\037--json\037\037the same as --format=json$' || fail "$verb has no --json"
    done
    run "$CCBAKE" doctor --json
    assert_equal "$(jq .ready <<<"${output%%ccbake:*}")" "$([[ $status == 0 ]] && echo true || echo false)"
}

@test "every verb is in --help and has its section in ccbake(1), and no other has" {
    run_ccbake --help
    same "the verbs of --help" "$(sed -nE 's/^  ([a-z]+) .*/\1/p' <<<"$output")" "$(verbs)"
    same "the sections of ccbake(1)" "$(sed -nE 's/^=head2 ccbake ([a-z]+).*/\1/p' "$MANUAL")" "$(verbs)"
    same "the synopsis of ccbake(1)" \
        "$(section "$MANUAL" SYNOPSIS | sed -nE 's/^ ccbake ([a-z]+) .*/\1/p')" "$(verbs)"
}

@test "ccbake(1) has every exit code" {
    local wanted
    wanted=$(sed -nE 's/.*CCB_ERR_[A-Z]+ = ([0-9]+).*/\1/p' "$TOP/bake/base/error.h")
    same "the exit codes of ccbake(1)" \
        "$(section "$MANUAL" "EXIT STATUS" | sed -nE 's/^=item B<([0-9]+)>$/\1/p')" $'0\n'"$wanted"
}

@test "ccbake(1) has every check with its severity, and no others" {
    same "the checks of ccbake(1)" \
        "$(section "$MANUAL" CHECKS | sed -nE 's/^=item B<([a-z0-9.-]+)>( \((warning)\))?$/\1 \3/p')" \
        "$("$CCBAKE" verify --list | awk -F '\t' '{ print $1 " " ($2 == "error" ? "" : $2) }')"
}

@test "verify --list says of every check why and what to do" {
    run_ccbake verify --list
    awk -F '\t' 'NF != 4 || $2 !~ /^(error|warning)$/ || $3 !~ /\.$/ || $4 !~ /\.$/ { print; bad = 1 }
        END { exit bad }' <<<"$output"
}

@test "ccbake-recipe(5) and the schema have every step kind, and no others" {
    same "the kinds of ccbake-recipe(5)" \
        "$(section "$RECIPE_MANUAL" STEPS | sed -nE 's/^=head2 //p')" "$(kinds)"
    same "the kinds of the schema" \
        "$(schema | jq -r '.properties.steps.items | (.oneOf // .anyOf)[] | .properties? // {} | keys[]')" "$(kinds)"
}

@test "ccbake-recipe(5) has the settings of every kind, and no others" {
    local kind common="id limit"
    same "what every kind has" \
        "$(section "$RECIPE_MANUAL" STEPS | sed '/^=head2/,$d' | listed_settings)" $'id\nlimit'
    for kind in $(kinds); do
        [[ $kind != nouveau-blacklist ]] || continue # it has none of its own
        same "the settings of $kind in ccbake-recipe(5)" \
            "$(section "$RECIPE_MANUAL" "$kind" | listed_settings)" "$(kind_schema "$kind" | schema_settings)"
    done
}

@test "recipe --kinds and the schema have the same settings" {
    local kind
    for kind in $(kinds); do
        run_ccbake recipe --kinds
        same "the settings of $kind in --kinds" \
            "$(awk -v kind="$kind" '/^[a-z]/ { inside = $1 == kind; next }
                inside && /^    [a-z]/ { printf "%s%s", between, $1; between = "\n" }
                inside && / \(required\)$/ { printf " required" }' <<<"$output")" \
            "$(kind_schema "$kind" | jq 'del(.properties[].items?, .properties[].properties?)' | schema_settings)"
    done
}

@test "ccbake-recipe(5) has the keys of the top level, base, payloads and output, and no others" {
    same "the top-level keys" "$(section "$RECIPE_MANUAL" "TOP-LEVEL KEYS" | listed_settings)" \
        "$(schema | jq '.required = .then.required | del(.properties[].properties?, .properties[].additionalProperties?, .properties[].items?)' |
            schema_settings)"
    same "the keys of base" "$(section "$RECIPE_MANUAL" BASE | listed_settings)" \
        "$(schema | jq .properties.base | schema_settings)"
    same "the keys of a payload" "$(section "$RECIPE_MANUAL" PAYLOADS | listed_settings)" \
        "$(schema | jq .properties.payloads.additionalProperties | schema_settings)"
    same "the keys of a waiver" "$(section "$RECIPE_MANUAL" WAIVERS | listed_settings)" \
        "$(schema | jq .properties.waivers.items | schema_settings)"
    same "the keys of a check" "$(section "$RECIPE_MANUAL" CHECKS | listed_settings)" \
        "$(schema | jq .properties.checks.items | schema_settings)"
    same "the keys of a map of steps" "$(section "$RECIPE_MANUAL" EXTENDS | listed_settings)" \
        "$(schema | jq '.properties.steps | del(.items, .properties.replace.additionalProperties, .properties.insert.items.properties.steps.items)' | schema_settings)"
    same "the keys of output" "$(section "$RECIPE_MANUAL" OUTPUT | listed_settings)" \
        "$(schema | jq .properties.output | schema_settings)"
}

@test "the manual pages are clean" {
    run podchecker -warnings "$MANUAL" "$RECIPE_MANUAL"
    assert_equal "$status" 0
    [[ $output != *WARNING* ]] || fail "$output"
}

@test "the recipe of README.md is one" {
    local dir
    dir=$(example_dir)
    awk '/^```yaml$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$TOP/README.md" >"$dir/acme.yaml"
    run_ccbake 3 plan "$dir/acme.yaml" # nothing is locked
    assert_contains "recipe acme-gpu (1 GPU)"
    assert_contains "lay acme/rootfs over /"
}

@test "the recipes of ccbake-recipe(5) are ones" {
    local dir
    dir=$(example_dir)
    section "$RECIPE_MANUAL" EXAMPLE | awk -v dir="$dir" \
        '/^ format: / { n++ } /^ / { print substr($0, 2) > (dir "/" n ".yaml") }'
    run_ccbake 3 plan "$dir/1.yaml" # nothing is locked
    assert_contains "recipe acme-gpu (1 GPU)"
    run_ccbake 3 plan "$dir/2.yaml"
    assert_contains "recipe plain (1 GPU)"
}

@test "--help and --version succeed; no verb is an error with the same help" {
    local verb
    run_ccbake --version
    [[ $output =~ ^ccbake\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$output"
    for verb in $(verbs); do
        run_ccbake "$verb" --help
        assert_contains "usage: ccbake $verb [OPTION]..."
        run_ccbake "$verb" -h
    done
    run_ccbake --help
    local help=$output
    run_ccbake -h
    assert_equal "$output" "$help"
    run_ccbake 2
    assert_equal "$output" "$help"
}

@test "a reader that has enough is no error; a full disk is one" {
    # shellcheck disable=SC2016 # for that shell
    run bash -c '{ sleep 0.2; "$0" recipe --schema; echo "$?" >&2; } | true' "$CCBAKE"
    assert_equal "$output" 141
    # shellcheck disable=SC2016
    run bash -c '"$0" recipe --schema >/dev/full' "$CCBAKE"
    assert_equal "$status $output" "9 ccbake: standard output: No space left on device"
}

@test "an unknown verb is an error with a suggestion" {
    run_ccbake 2 bak
    assert_equal "$output" $'ccbake: there is no verb "bak"\nhint: did you mean "bake"?'
    run_ccbake 2 frobnicate
    assert_equal "$output" $'ccbake: there is no verb "frobnicate"\nhint: `ccbake --help` lists them'
}

@test "an unknown option is an error" {
    run_ccbake 2 bake --frobnicate recipe.yaml
    assert_equal "$output" $'ccbake: bake: --frobnicate is not an option\nhint: see `ccbake bake --help`'
    run_ccbake 2 bake --ofline=x recipe.yaml
    assert_equal "$output" $'ccbake: bake: --ofline=x is not an option\nhint: did you mean --offline?'
    run_ccbake 2 bake -z recipe.yaml
    assert_equal "$output" $'ccbake: bake: -z is not an option\nhint: see `ccbake bake --help`'
}

@test "an option without its value is an error" {
    run_ccbake 2 bake recipe.yaml --output
    assert_equal "$output" $'ccbake: bake: --output needs a value\nhint: see `ccbake bake --help`'
    run_ccbake 2 bake recipe.yaml -o
    assert_equal "$output" $'ccbake: bake: -o needs a value\nhint: see `ccbake bake --help`'
}

@test "a choice that is none and a number that is none are errors" {
    run_ccbake 2 bake --backend=window recipe.yaml
    assert_equal "$output" "ccbake: --backend=window: expected one of auto|appliance|host"
    run_ccbake 2 graph --format=sgv image.qcow2
    assert_contains $'\nhint: did you mean --format=svg?'
    run_ccbake 2 verify --gpus 4 image.qcow2
    assert_equal "$output" "ccbake: --gpus=4: expected one of 1|8"
    run_ccbake 2 boot --memory=2G image.qcow2
    assert_equal "$output" "ccbake: --memory=2G: expected a number"
}

@test "a file in a directory that is not there is refused before any work" {
    local refused=$'no/x: there is no directory no\nhint: mkdir -p no'
    cd "$BATS_TEST_TMPDIR"
    run_ccbake 2 boot --log=no/x image.qcow2
    assert_equal "$output" "ccbake: $refused"
    run_ccbake 2 report --output=no/x image.qcow2
    assert_equal "$output" "ccbake: $refused"
    run_ccbake 2 bake --junit=no/x recipe.yaml
    assert_equal "$output" "ccbake: $refused"
    run_ccbake 2 convert --to=raw --output=no/x image.qcow2
    assert_equal "$output" "ccbake: $refused"
}

@test "too few and too many arguments are errors" {
    run_ccbake 2 bake
    assert_equal "$output" $'ccbake: bake: an argument is missing\nhint: usage: ccbake bake [OPTION]... RECIPE'
    run_ccbake 2 boot
    assert_equal "$output" $'ccbake: boot: an argument is missing\nhint: usage: ccbake boot [OPTION]... IMAGE'
    run_ccbake 2 verify
    assert_contains "verify: name an image, or use --list"
    run_ccbake 2 recipe
    assert_contains "recipe: name a recipe, or use --list, --schema or --kinds"
    run_ccbake 2 plan one.yaml two.yaml
    assert_equal "$output" $'ccbake: plan: too many arguments\nhint: usage: ccbake plan [OPTION]... RECIPE'
    run_ccbake 2 doctor one
    assert_contains "ccbake: doctor: too many arguments"
}

@test "options may stand behind the argument, and -- ends them" {
    run_ccbake recipe --json "$TOP/recipes/demo-1gpu.yaml" --set server=http://example.com
    assert_contains '"server": "http://example.com"'
    run_ccbake 3 recipe -- --kinds
    assert_contains "recipe --kinds: No such file or directory"
}

@test "completion offers the verbs" {
    complete_words ""
    same "the completion" "$REPLY_WORDS" "$(verbs; printf '%s\n' --help --version)"
    complete_words ver
    assert_equal "$REPLY_WORDS" verify
}

@test "completion offers the options of each verb" {
    local verb
    for verb in $(verbs); do
        complete_words "$verb" --
        same "the completion of $verb" "$REPLY_WORDS" \
            "$(tables | awk -F '\037' -v verb="$verb" '$1 == verb { print $2 }')"
    done
    complete_words bake --off
    assert_equal "$REPLY_WORDS" --offline
}

@test "completion offers the choices of an option, written either way" {
    complete_words bake --backend ""
    assert_equal "$REPLY_WORDS" $'auto\nappliance\nhost'
    complete_words bake --backend =
    assert_equal "$REPLY_WORDS" $'auto\nappliance\nhost'
    complete_words bake --backend = h
    assert_equal "$REPLY_WORDS" host
    complete_words boot --disk n
    assert_equal "$REPLY_WORDS" nvme
    complete_words cache ""
    assert_equal "$REPLY_WORDS" $'ls\ngc\nrm\nverify'
}

@test "completion offers files for arguments and FILE options, and nothing for NAME=VALUE" {
    cd "$BATS_TEST_TMPDIR"
    mkdir images && touch acme.yaml images/a.qcow2
    complete_words bake ac
    assert_equal "$REPLY_WORDS" acme.yaml
    complete_words bake --base im
    assert_equal "$REPLY_WORDS" images
    complete_words verify images/
    assert_equal "$REPLY_WORDS" images/a.qcow2
    complete_words bake --offline ac
    assert_equal "$REPLY_WORDS" acme.yaml
    complete_words bake --set ac
    assert_equal "$REPLY_WORDS" ""
    touch acme.txt
    complete_words plan acm
    assert_equal "$REPLY_WORDS" acme.yaml
    complete_words request ""
    assert_equal "$REPLY_WORDS" $'import\nrun'
    complete_words convert --to q
    assert_equal "$REPLY_WORDS" qcow2
    # A value that may be left out must be joined.
    complete_words lock --update ac
    assert_equal "$REPLY_WORDS" acme.yaml
    complete_words lock --update = ac
    assert_equal "$REPLY_WORDS" ""
}

@test "completion offers the recipes that came with ccbake, however the colon splits them" {
    cd "$BATS_TEST_TMPDIR"
    complete_words plan cc
    assert_equal "$REPLY_WORDS" $'ccbake:demo-1gpu\nccbake:demo-8gpu\nccbake:gn8v-tee-1gpu\nccbake:gn8v-tee-8gpu'
    complete_words recipe ccbake :
    assert_equal "$REPLY_WORDS" $'demo-1gpu\ndemo-8gpu\ngn8v-tee-1gpu\ngn8v-tee-8gpu'
    complete_words recipe ccbake : d
    assert_equal "$REPLY_WORDS" $'demo-1gpu\ndemo-8gpu'
    complete_words verify cc # takes an image
    assert_equal "$REPLY_WORDS" ""
    touch cc.yaml
    complete_words plan cc
    assert_equal "$REPLY_WORDS" cc.yaml
}

@test "completion offers the steps and the variables of the recipe" {
    local recipe=$TOP/recipes/demo-1gpu.yaml
    complete_words bake "$recipe" --from ""
    same "the steps" "$REPLY_WORDS" "$("$CCBAKE" recipe --json "$recipe" |
        jq -r '.recipe.steps[] | if type == "string" then . else to_entries[0] | .value.id? // .key end')"
    complete_words bake "$recipe" --set = driv
    same "a variable" "$REPLY_WORDS" "$("$CCBAKE" recipe --json "$recipe" | jq -r '.recipe.variables | keys[] | select(startswith("driv")) + "="')"
}
