#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Needs no root, no stand-in and no network.
#
# Good and bad recipes and locks: errors name the place and the remedy.

# shellcheck disable=SC2016 # what looks like a variable is meant for recipes, guests and messages

load helpers

setup_file() {
    export CCBAKE_CACHE_DIR=$BATS_FILE_TMPDIR/cache
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    GPUS=1
}

# recipe FILE: standard input behind four lines that every recipe needs; so its first line is line 5.
recipe() {
    printf '%s\n' 'format: 1' 'name: t' "gpus: $GPUS" \
        'base: {path: base.qcow2, os: alinux, version: 3, min-kernel: 5.10.134-18.al8}' >"$1"
    cat >>"$1"
}

# answers RC MESSAGE [OPTION...]: `ccbake recipe r.yaml` ends with that exit code and says exactly that.
answers() {
    local rc=$1 message=$2
    shift 2
    run_ccbake "$rc" recipe "$@" r.yaml
    assert_equal "$output" "ccbake: $message"
}

# refused MESSAGE [OPTION...]: the recipe on standard input is refused, exactly so.
refused() {
    recipe r.yaml
    answers 3 "$@"
}

# raw_refused MESSAGE: as refused(), of a file without the four lines.
raw_refused() {
    cat >r.yaml
    answers 3 "$@"
}

# digest FILE [OPTION...]
digest() {
    "$CCBAKE" recipe --json "$@" | jq -r .digest
}

# value FILTER FILE [OPTION...]
value() {
    local filter=$1
    shift
    "$CCBAKE" recipe --json "$@" | jq -c "$filter"
}

# --- good recipes ---

@test "recipe: the four recipes of the project resolve" {
    local name gpus driver
    while read -r name gpus driver; do
        run_ccbake recipe --json "$TOP/recipes/$name.yaml"
        assert_equal "$(jq -r '.recipe.name + " " + (.recipe.gpus | tostring) + " " + .recipe.variables.driver' <<<"$output")" \
            "$name $gpus $driver"
        # Nothing is left unexpanded, whichever file it came from.
        [[ $output != *'${'* ]] || fail "unexpanded: $output"
    done <<'END'
gn8v-tee-1gpu 1 550.144.03
gn8v-tee-8gpu 8 570.148.08
demo-1gpu 1 550.144.03
demo-8gpu 8 570.148.08
END
}

@test "recipe: a bare word in an extending recipe is the parent's step, in the child's order" {
    assert_equal "$(value '[.recipe.steps[] | if type == "object" then keys[0] else "bare " + . end]' \
        "$TOP/recipes/demo-8gpu.yaml")" \
        '["kernel","packages","cuda-toolkit","python-packages","kernel-args","nouveau-blacklist","modprobe","fabric-manager","nscq","nvidia-driver","units","initramfs","selftest"]'
    # The inherited driver step has the child's version.
    assert_equal "$(value '.recipe.steps[] | .["nvidia-driver"] // empty | .version' "$TOP/recipes/demo-8gpu.yaml")" \
        '"570.148.08"'
}

@test "recipe: extends: maps are merged, other keys replaced, and steps by the child's list" {
    recipe parent.yaml <<'END'
variables: {a: 1, b: 2}
payloads: {x: {url: "http://h/x", size: 5}, y: {url: "http://h/y"}}
output: {name: parent, compress: true}
steps:
  - run: {id: first, commands: [[echo, "${a}"]], payloads: [x]}
  - run: {id: second, commands: [[echo, "${b}"]]}
END
    cat >r.yaml <<'END'
extends: parent.yaml
name: child
variables: {b: 3}
payloads: {x: {url: "http://h/other"}}
steps: [second, kernel, first]
output: {name: other}
END
    assert_equal "$(value .recipe.name r.yaml)" '"child"'
    assert_equal "$(value .recipe.gpus r.yaml)" 1
    assert_equal "$(value .recipe.output r.yaml)" '{"compress":true,"name":"other"}'
    assert_equal "$(value '.recipe | has("extends")' r.yaml)" false
    assert_equal "$(value .recipe.payloads r.yaml)" '{"x":{"url":"http://h/other"},"y":{"url":"http://h/y"}}'
    assert_equal "$(value .recipe.steps r.yaml)" \
        '[{"run":{"commands":[["echo","3"]],"id":"second"}},"kernel",{"run":{"commands":[["echo","1"]],"id":"first","payloads":["x"]}}]'
}

@test "recipe: a path is relative to the file that names it" {
    mkdir below files below/files
    echo x >files/x
    recipe parent.yaml <<'END'
payloads: {x: {path: files/x}}
steps: [{run: {commands: [[a]], payloads: [x]}}]
END
    printf 'extends: ../parent.yaml\n' >below/r.yaml
    # Nothing is pinned, which the plan calls a problem; it is shown all the same.
    "$CCBAKE" plan --json below/r.yaml >plan.json 2>plan.log || assert_equal "$?" 3
    assert_equal "$(jq -r '.base.url + " " + .steps[0].payloads[0].url' plan.json)" "$PWD/base.qcow2 $PWD/files/x"
}

@test "recipe: --set reaches every place, and must name a variable" {
    recipe r.yaml <<'END'
variables: {driver: 550.144.03, name: "d-${driver}"}
steps: [{run: {commands: [["${name}", "$${driver}", "${driver}.${driver}"]]}}]
output: {name: "out-${driver}"}
END
    assert_equal "$(value .recipe.steps[0].run.commands r.yaml --set driver=7)" '[["d-7","${driver}","7.7"]]'
    assert_equal "$(value .recipe.output.name r.yaml -s driver=7 -s name=x)" '"out-7"'
    assert_equal "$(value .recipe.variables.name r.yaml --set 'name=a=b')" '"a=b"'
    answers 2 '--set drivr=7: the recipe has no variable "drivr"
hint: did you mean "driver"?' --set drivr=7
    answers 2 '--set driver: expected NAME=VALUE' --set driver
    answers 2 '--set =7: expected NAME=VALUE' --set =7
}

@test "recipe: --set on a recipe whose variables are no map" {
    recipe r.yaml <<<$'variables:\nsteps: []'
    answers 2 '--set a=b: the recipe has no variable "a"' --set a=b
    recipe r.yaml <<<$'variables: [a]\nsteps: []'
    answers 2 '--set a=b: the recipe has no variable "a"' --set a=b
}

@test "recipe: the cells of a matrix, the last variable turning fastest" {
    recipe r.yaml <<'END'
variables: {driver: 1, cuda: 2}
steps: [{run: {commands: [[a, "${driver}", "${cuda}"]]}}]
matrix: {driver: [570.148.08, 580.65.06], cuda: [12.8, 13.0, 13.1]}
output: {name: "t-${driver}-${cuda}"}
END
    assert_equal "$(value '[.cells[] | .driver + "+" + .cuda]' r.yaml)" \
        '["570.148.08+12.8","570.148.08+13.0","570.148.08+13.1","580.65.06+12.8","580.65.06+13.0","580.65.06+13.1"]'
    run_ccbake 3 plan r.yaml
    assert_contains 'matrix 6 images'
}

@test "recipe: the digest stands for what a recipe says, not for how it is written" {
    recipe a.yaml <<'END'
variables: {x: 1, y: 2}
steps: [{run: {id: one, commands: [[a, "${x}", "${y}"]]}}, kernel]
END
    cat >b.yaml <<'END'
# another order, other quotes, comments
steps:
  - run:
      commands:
        - ["a", '${x}', "${y}"] # block style
      id: one
  - kernel
variables:
  y: "2"
  x: '1'
base: {min-kernel: 5.10.134-18.al8, version: "3", os: alinux, path: base.qcow2}
gpus: 1
name: t
format: 1
END
    local first
    first=$(digest a.yaml)
    [[ $first =~ ^[0-9a-f]{64}$ ]] || fail "no digest: $first"
    assert_equal "$(digest b.yaml)" "$first"
    local change
    for change in 's/\[a,/[b,/' 's/kernel\]/kernel, initramfs]/' 's/id: one/id: two/' 's/gpus: 1/gpus: 8/' \
        's/y: 2/y: 3/' 's/^name: t/name: u/'; do
        sed "$change" a.yaml >c.yaml
        ! cmp -s a.yaml c.yaml || fail "no change: $change"
        [[ $(digest c.yaml) != "$first" ]] || fail "the same digest after $change"
    done
    # The order of steps is content.
    sed 's/steps: \[\(.*\), kernel\]/steps: [kernel, \1]/' a.yaml >c.yaml
    grep -q 'steps: \[kernel, {run' c.yaml
    [[ $(digest c.yaml) != "$first" ]] || fail "the same digest with the steps exchanged"
    # A variable given on the command line counts as if it were written.
    sed 's/x: 1/x: 5/' a.yaml >c.yaml
    assert_equal "$(digest a.yaml --set x=5)" "$(digest c.yaml)"
}

@test "recipe: --schema is JSON Schema with every step kind; --kinds lists them" {
    run_ccbake recipe --kinds
    local kinds
    kinds=$(grep -oE '^[a-z-]+ - ' <<<"$output" | cut -d' ' -f1 | sort)
    run_ccbake recipe --schema
    assert_equal "$(jq -r '.properties.steps.items.oneOf[].required[0] // empty' <<<"$output" | sort)" "$kinds"
    assert_equal "$(wc -l <<<"$kinds")" 20
    # Only a recipe that extends another one may have a map of steps.
    assert_equal "$(jq -c '[.properties.steps.type, .then.properties.steps.type]' <<<"$output")" '[["array","object"],"array"]'
}

# --- what `ccbake recipe` prints ---

# same_in_one_piece FILE: what is printed of a recipe is a recipe with its digest, that extends none.
same_in_one_piece() {
    local flat=${1%.yaml}-flat.yaml
    "$CCBAKE" recipe "$1" >"$flat"
    ! grep -q '^extends' "$flat" || fail "$(cat "$flat")"
    assert_equal "$(digest "$flat")" "$(digest "$1")"
}

@test "recipe: what is printed is a recipe again, with the same digest" {
    mkdir -p own/rootfs/etc
    echo x >own/rootfs/etc/x
    cat >own/acme.yaml <<'END'
format: 1
name: acme
extends: ccbake:gn8v-tee-1gpu
variables: {driver: 570.148.08, driver_sha256: ""}
steps:
  remove: [cuda-toolkit] # its payload is not needed then
  insert: [{after: units, steps: [{overlay: {source: rootfs}}, {run: {commands: [[sh, -c, 'echo $${HOME} "#"']]}}]}]
END
    same_in_one_piece own/acme.yaml
    mkdir below
    printf '%s\n' 'extends: ../own/acme.yaml' 'matrix: {driver: [570.148.08, 580.65.06]}' >below/matrix.yaml
    same_in_one_piece below/matrix.yaml
    assert_equal "$(value '[.cells[].driver]' below/matrix-flat.yaml)" '["570.148.08","580.65.06"]'
    assert_equal "$(value .recipe.output.name below/matrix-flat.yaml --set driver=580.65.06 2>&1)" \
        "$(value .recipe.output.name below/matrix.yaml --set driver=580.65.06 2>&1)"
    assert_equal "$(value '[.recipe.steps[].overlay.source // empty]' below/matrix-flat.yaml)" '["../own/rootfs"]'
    local name
    cp -r "$TOP/recipes" "$TOP/overlays" .
    for name in gn8v-tee-1gpu gn8v-tee-8gpu demo-1gpu demo-8gpu; do
        same_in_one_piece "recipes/$name.yaml"
    done
}

@test "recipe: every line that is of elsewhere says so" {
    recipe parent.yaml <<'END'
variables: {a: 1, b: 2}
steps:
  - run: {id: first, limit: "${b}", commands: [[echo, "${a}"]]}
END
    cat >r.yaml <<'END'
extends: parent.yaml
name: child
variables: {b: 3}
END
    run_ccbake recipe r.yaml --set a=4
    assert_equal "$(sed -E '1,2d; s/ +#/ #/' <<<"$output")" 'format: 1 # parent.yaml:1
name: child
gpus: 1 # parent.yaml:3
base: # parent.yaml:4
  path: base.qcow2 # parent.yaml:4
  os: alinux # parent.yaml:4
  version: "3" # parent.yaml:4
  min-kernel: 5.10.134-18.al8 # parent.yaml:4
steps: # parent.yaml:6
  - run: # parent.yaml:7
      id: first # parent.yaml:7
      limit: 3 # parent.yaml:7, ${b} of r.yaml:3
      commands: # parent.yaml:7
        - - echo # parent.yaml:7
          - "4" # parent.yaml:7, ${a} of --set'
    assert_contains "# r.yaml in one piece, digest $(digest r.yaml --set a=4)."
}

@test "recipe: --json has numbers, booleans and texts" {
    recipe r.yaml <<'END'
variables: {yes: "true", n: 5}
payloads: {x: {url: "http://h/x", size: "7"}}
steps:
  - kernel: {exclude-updates: "${yes}", limit: "${n}"}
  - run: {commands: [[echo, 1, true]], payloads: x}
  - python-packages: {install: ["a==1"], find-links: ["http://h/"], no-index: false}
output: {compress: true}
END
    assert_equal "$(value '[.recipe | .format, .gpus, .base.version, .payloads.x.size, .output.compress, .variables.n]' r.yaml)" \
        '[1,1,"3",7,true,"5"]'
    assert_equal "$(value '.recipe.steps | [.[0].kernel, .[1].run.commands, .[2]["python-packages"]["no-index"]]' r.yaml)" \
        '[{"exclude-updates":true,"limit":5},[["echo","1","true"]],false]'
}

# --- recipes that came with ccbake ---

@test "recipe: ccbake:NAME, from the tree and installed, on the command line and in extends" {
    run_ccbake recipe --list
    assert_equal "$(cut -d' ' -f1 <<<"$output" | xargs)" \
        'ccbake:demo-1gpu ccbake:demo-8gpu ccbake:gn8v-tee-1gpu ccbake:gn8v-tee-8gpu'
    assert_contains 'ccbake:gn8v-tee-1gpu   Alibaba Cloud Linux 3 for gn8v-tee, one GPU in confidential mode'
    assert_equal "$(digest ccbake:gn8v-tee-8gpu)" "$(digest "$TOP/recipes/gn8v-tee-8gpu.yaml")"
    # As `make install` puts it.
    mkdir -p root/bin root/share/ccbake/overlays root/share/ccbake/recipes
    cp "$CCBAKE" root/bin/ccbake
    recipe root/share/ccbake/recipes/own.yaml <<<$'summary: mine\nsteps: [kernel]'
    run root/bin/ccbake recipe --list
    assert_equal "$output" 'ccbake:own             mine'
    printf '%s\n' 'extends: ccbake:own' 'steps: {insert: [{after: kernel, steps: [{kernel: {id: x, packges: a}}]}]}' >r.yaml
    run root/bin/ccbake recipe r.yaml
    assert_contains 'r.yaml:2:59: kernel has no key "packges"'
    run root/bin/ccbake recipe ccbake:demo-1gpu
    assert_equal "$status $output" "3 ccbake: there is no recipe ccbake:demo-1gpu
hint: the recipes in $PWD/root/share/ccbake/recipes are ccbake:own"
    rm -r root/share
    run root/bin/ccbake recipe ccbake:own
    assert_equal "$status $output" '3 ccbake: there is no recipe ccbake:own
hint: no recipes are installed with this ccbake'
}

@test "recipe: the lock of ccbake:NAME is here, that of X.yml is X.lock.json" {
    echo nonsense >demo-1gpu.lock.json
    run_ccbake 3 recipe ccbake:demo-1gpu
    assert_contains 'demo-1gpu.lock.json:1:'
    recipe r.yml <<<'steps: []'
    echo nonsense >r.lock.json
    run_ccbake 3 recipe r.yml
    assert_contains 'r.lock.json:1:'
    cp r.yml r.yaml
    run_ccbake 3 recipe r.yml
    assert_equal "$output" 'ccbake: the lock r.lock.json would be that of r.yml and of r.yaml
hint: give one of the recipes another name, or use --lock'
    run_ccbake 3 recipe r.yaml
    assert_contains 'r.lock.json:1:'
    run_ccbake recipe --lock=own.json r.yml
}

# --- keys and types ---

@test "recipe: a variable or payload that nothing uses is refused, in the recipe itself" {
    refused $'r.yaml:6:13: nothing uses the variable "drvier"\nhint: did you mean "driver"?' \
        <<<$'steps: [{run: {commands: [[a, "${driver}"]]}}]\nvariables: {drvier: 1, driver: 2}'
    refused $'r.yaml:6:13: nothing uses the variable "a"\nhint: use it as ${a}, or take it out' \
        <<<$'steps: [kernel]\nvariables: {a: 1, b: "${a}"}'
    refused $'r.yaml:6:15: no step uses the payload "x"\nhint: name it in a step, or take it out' \
        <<<$'steps: [kernel]\npayloads: {x: {url: "http://h/x"}}'
    # Of a recipe that is extended, what is left out here may have used it.
    recipe parent.yaml <<'END'
variables: {a: 1, b: 2}
payloads: {x: {url: "http://h/x"}}
steps: [{run: {id: first, commands: [["${a}"]], payloads: [x]}}, {run: {id: second, commands: [["${b}"]]}}]
END
    printf '%s\n' 'extends: parent.yaml' 'steps: [second]' >r.yaml
    run_ccbake recipe r.yaml
    printf '%s\n' 'extends: parent.yaml' 'variables: {aa: 5}' >r.yaml
    run_ccbake 3 recipe r.yaml
    assert_contains 'r.yaml:2:13: nothing uses the variable "aa"'
}

@test "recipe: unknown keys, with what was probably meant" {
    refused 'r.yaml:6:1: recipe has no key "stepz"
hint: did you mean "steps"?' <<<$'steps: [kernel]\nstepz: 1'
    refused 'r.yaml:6:14: kernel has no key "pakages"
hint: did you mean "packages"?' <<<$'steps:\n  - kernel: {pakages: a}'
    refused 'r.yaml:6:24: a has no key "sha265"
hint: did you mean "sha256"?' <<<$'steps: []\npayloads: {a: {url: u, sha265: 1}}'
    refused 'r.yaml:6:10: output has no key "zzzzzz"
hint: keys of output: name, formats, compress' <<<$'steps: []\noutput: {zzzzzz: 1}'
    refused 'r.yaml:6:1: recipe has no key "<<"
hint: keys of recipe: format, name, summary, extends, gpus, variables, base, payloads, steps, matrix, waivers, checks, output' \
        <<<$'steps: []\n<<: {a: 1}'
}

@test "recipe: duplicate keys" {
    refused 'r.yaml:6:1: duplicate key "steps"' <<<$'steps: []\nsteps: []'
    refused 'r.yaml:5:27: duplicate key "id"' <<<'steps: [{kernel: {id: a, "id": b}}]'
}

@test "recipe: wrong types" {
    refused 'r.yaml:6:10: "summary": expected a value, found a list' <<<$'steps: []\nsummary: [a]'
    refused 'r.yaml:6:10: "summary": expected a value, found a map' <<<$'steps: []\nsummary: {a: b}'
    refused 'r.yaml:5:8: "steps": expected a list of steps, found a map' <<<'steps: {kernel: {}}'
    refused 'r.yaml:6:12: "variables": expected a map, found a value' <<<$'steps: []\nvariables: foo'
    refused 'r.yaml:6:16: "x": expected a value, found a list' <<<$'steps: []\nvariables: {x: [1]}'
    refused 'r.yaml:5:18: "kernel": expected a map, found a list' <<<'steps: [{kernel: [a]}]'
    refused 'r.yaml:5:29: "limit": expected a whole number, found "soon"' <<<'steps: [{initramfs: {limit: soon}}]'
    refused 'r.yaml:5:29: "limit": expected a whole number, found "-1"' <<<'steps: [{initramfs: {limit: -1}}]'
    refused 'r.yaml:5:29: "limit": expected a whole number, found a list' <<<'steps: [{initramfs: {limit: [1]}}]'
    refused 'r.yaml:6:20: "compress": expected true or false, found "yes"' <<<$'steps: []\noutput: {compress: yes}'
    refused 'r.yaml:5:27: "commands": expected a command as a list of words, found a value
hint: a command is a list of words: [ls]' <<<'steps: [{run: {commands: [ls]}}]'
    refused 'r.yaml:5:27: "commands": expected a command as a list of words, found a value
hint: a command is a list of words: [echo, hi]; a shell takes a text: [sh, -c, "echo hi"]' \
        <<<'steps: [{run: {commands: [echo hi]}}]'
    refused 'r.yaml:5:29: "commands": "echo hi" is one word, the name of a program
hint: a command is a list of words: [echo, hi]; a shell takes a text: [sh, -c, "echo hi"]' \
        <<<'steps: [{run: {commands: [["echo hi"]]}}]'
    refused 'r.yaml:5:29: "commands": "echo "$HOME"" is one word, the name of a program
hint: a command is a list of words; a shell takes a text: [sh, -c, "echo \"$HOME\""]' \
        <<<'steps: [{run: {commands: [["echo \"$HOME\""]]}}]'
    recipe r.yaml <<<'steps: [{run: {commands: [[sh, -c, "echo hi"], ["/opt/my program", x]]}}]'
    run_ccbake recipe r.yaml
    refused 'r.yaml:5:9: a step is a map with one key, its kind ("- nvidia-driver: {...}")' <<<'steps: [{a: 1, b: 2}]'
    raw_refused 'r.yaml:1:1: a recipe is a map of keys' <<<'- a'
}

@test "recipe: choices" {
    GPUS=3 refused 'r.yaml:3:7: "gpus": "3" is not one of 1|8' <<<'steps: []'
    GPUS=eight refused 'r.yaml:3:7: "gpus": expected a whole number, found "eight"' <<<'steps: []'
    refused 'r.yaml:6:20: "formats": "tar" is not one of qcow2|vhd|raw' <<<$'steps: []\noutput: {formats: [tar]}'
    refused 'r.yaml:6:16: the output'\''s name "a/b" must not hold a slash' <<<$'steps: []\noutput: {name: a/b}'
}

@test "recipe: missing values point at the key that has none" {
    refused 'r.yaml:5:1: "steps": expected a list of steps, found nothing' <<<'steps:'
    refused 'r.yaml:6:1: "summary": expected a value, found nothing' <<<$'steps: []\nsummary:'
    refused 'r.yaml:6:10: "summary": expected a value, found nothing' <<<$'steps: []\nsummary: ~'
    refused 'r.yaml:6:12: "a" needs "url" or "path"' <<<$'steps: []\npayloads: {a: }'
    refused 'r.yaml:6:3: a step is a map with one key, its kind ("- nvidia-driver: {...}")' <<<$'steps:\n  -'
}

@test "recipe: missing required keys" {
    raw_refused 'r.yaml:1:1: recipe needs "format" (version of the recipe format: 1)' <<<'name: t'
    raw_refused 'r.yaml:4:7: base needs "os" (ID of the image'\''s os-release)' \
        <<<$'format: 1\nname: t\ngpus: 1\nbase: {path: a, version: 3, min-kernel: 5}\nsteps: []'
    refused 'r.yaml:1:1: recipe needs "steps" (what is done, in this order)' <<<'summary: a'
    refused 'r.yaml:5:20: modprobe needs "content" (its text)' <<<'steps: [{modprobe: {file: a.conf}}]'
    refused 'r.yaml:5:9: modprobe needs "file" (file name in /etc/modprobe.d; ends in .conf)' <<<'steps: [modprobe]'
}

# --- variables, matrix and extends ---

@test "recipe: variables: undefined, unterminated, in a circle" {
    refused 'r.yaml:6:29: undefined variable "drivr"
hint: did you mean "driver"?' <<<$'variables: {driver: 1}\nsteps: [{run: {commands: [["${drivr}"]]}}]'
    refused 'r.yaml:5:10: undefined variable "x"
hint: give it a default under `variables`' <<<$'summary: ${x}\nsteps: []'
    refused 'r.yaml:5:17: "${" without "}" (write $${ for a literal one)' <<<$'variables: {a: "${b"}\nsteps: []'
    refused 'r.yaml:5:17: variable "b" refers to itself' <<<$'variables: {a: "${b}", b: "${a}"}\nsteps: []'
    refused 'r.yaml:5:17: variable "a" refers to itself' <<<$'variables: {a: "${a}"}\nsteps: []'
}

@test "recipe: matrix: of variables that exist, with lists, and not without bounds" {
    refused 'r.yaml:6:10: "matrix": there is no variable "driver"' <<<$'steps: []\nmatrix: {driver: [1]}'
    refused 'r.yaml:7:18: "matrix": "driver" needs a list of values' \
        <<<$'variables: {driver: 1}\nsteps: []\nmatrix: {driver: 1}'
    local list
    list=$(seq -s, 40)
    refused 'r.yaml:9:3: "matrix" has more than 1024 images' \
        <<<$'variables: {a: 1, b: 1}\nsteps: []\nmatrix:\n  a: ['"$list"$']\n  b: ['"$list]"
}

@test "recipe: extends: missing, in a circle, not a name; errors name the file they are in" {
    local hint="hint: the recipes in $TOP/recipes are ccbake:demo-1gpu, ccbake:demo-8gpu, ccbake:gn8v-tee-1gpu, ccbake:gn8v-tee-8gpu"
    refused "r.yaml:5:10: \"extends\": there is no nope.yaml
$hint" <<<'extends: nope.yaml'
    refused "r.yaml:5:10: \"extends\": there is no ccbake:nope
$hint" <<<'extends: ccbake:nope'
    refused 'r.yaml:5:10: "extends" runs in a circle: r.yaml is already being read' <<<'extends: r.yaml'
    echo 'extends: r.yaml' >other.yaml
    refused 'other.yaml:1:10: "extends" runs in a circle: r.yaml is already being read' <<<'extends: other.yaml'
    refused 'r.yaml:5:10: "extends": expected the name of a recipe file' <<<'extends: [a]'
    recipe parent.yaml <<<$'steps:\n  - kernel: {limit: soon}'
    raw_refused 'parent.yaml:6:21: "limit": expected a whole number, found "soon"' <<<$'extends: parent.yaml\nname: c'
}

# --- steps ---

@test "recipe: unknown step kinds and payloads, and two steps with one id" {
    refused 'r.yaml:5:9: there is no step kind "nvidia-drivr"
hint: did you mean "nvidia-driver"?' <<<'steps: [nvidia-drivr]'
    refused 'r.yaml:5:9: there is no step kind "defragmentation"
hint: step kinds: kernel, packages, rpm, kernel-args, modprobe, nouveau-blacklist, tdx-guest, nvidia-driver, cuda-toolkit, fabric-manager, nscq, units, python-packages, overlay, files, chmod, remove, initramfs, selftest, run' \
        <<<'steps: [defragmentation]'
    refused 'r.yaml:6:26: there is no payload "drivr"
hint: did you mean "driver"?' <<<$'payloads: {driver: {url: u}}\nsteps: [{rpm: {payloads: [drivr]}}]'
    refused 'r.yaml:5:26: there is no payload "a"
hint: describe it under "payloads"' <<<'steps: [{rpm: {payloads: [a]}}]'
    refused 'r.yaml:5:17: there are two steps with the id "kernel"
hint: give this one an "id" of its own' <<<'steps: [kernel, kernel]'
    refused 'r.yaml:5:28: there are two steps with the id "a"
hint: give this one an "id" of its own' <<<'steps: [{kernel: {id: a}}, {initramfs: {id: a}}]'
}

# driver_refused VERSION MESSAGE [HINT]
driver_refused() {
    refused "r.yaml:6:52: $2${3:+
hint: $3}" <<<$'payloads: {driver: {url: u}}\nsteps: [{nvidia-driver: {payload: driver, version: '"$1}}, initramfs]"
}

driver_accepted() {
    recipe r.yaml <<<$'payloads: {driver: {url: u}}\nsteps: [{nvidia-driver: {payload: driver, version: '"$1}}, initramfs, selftest]"
    run_ccbake recipe r.yaml
}

@test "recipe: drivers: the guide's minimum, known bad ones, branches without confidential computing" {
    local hint='versions that will do: 550.144.03 or newer, of the branches 550, 570, 575, 580, 590, 595, 610 and newer ones'
    driver_accepted 550.144.03
    driver_accepted 570.86.10
    driver_accepted 615.10
    driver_refused 550.144.02 'driver 550.144.02 is older than 550.144.03, the minimum for 1 GPU (gpus at r.yaml:3:7)' "$hint"
    driver_refused 535.216.01 'driver 535.216.01 is older than 550.144.03, the minimum for 1 GPU (gpus at r.yaml:3:7)' "$hint"
    driver_refused 550.90.07 'driver 550.90.07 is known bad: 550 up to 550.90.12 fails attestation' "$hint"
    driver_refused 550.113.01 'driver 550.113.01 is known bad: 550.113 fails attestation' "$hint"
    driver_refused 560.35.03 'driver 560.35.03 is of a branch without confidential computing' "$hint"
    driver_refused 565.77 'driver 565.77 is of a branch without confidential computing' "$hint"
    driver_refused latest "\"version\": 'latest' is no driver version: expected something like 550.144.03"
    GPUS=8
    hint='versions that will do: 570.148.08 or newer, of the branches 570, 575, 580, 590, 595, 610 and newer ones'
    driver_accepted 570.148.08
    driver_refused 550.144.03 'driver 550.144.03 is older than 570.148.08, the minimum for 8 GPUs (gpus at r.yaml:3:7)' "$hint"
    driver_refused 570.148.07 'driver 570.148.07 is older than 570.148.08, the minimum for 8 GPUs (gpus at r.yaml:3:7)' "$hint"
    driver_refused 550.90.07 'driver 550.90.07 is known bad: 550 up to 550.90.12 fails attestation' "$hint"
}

@test "recipe: --set driver= is judged as if it were written" {
    run_ccbake 3 recipe "$TOP/recipes/gn8v-tee-1gpu.yaml" --set driver=550.113.02
    assert_contains '--set driver: driver 550.113.02 is known bad: 550.113 fails attestation (used at '
    printf '%s\n' 'extends: ccbake:gn8v-tee-1gpu' 'variables: {driver: 570.148.08, driver_sha256: ""}' \
        'matrix: {driver: [570.148.08, 535.104.05]}' >r.yaml
    run_ccbake 3 recipe r.yaml
    assert_contains 'image driver=535.104.05 of the matrix: r.yaml:3:31: driver 535.104.05 is older than 550.144.03'
}

@test "recipe: Fabric Manager and NSCQ are of the driver's version" {
    GPUS=8 refused 'r.yaml:7:43: Fabric Manager 570.148.07 does not go with driver 570.148.08: the versions must be equal
hint: write "version: ${driver}" in both, with one variable' <<'END'
payloads: {a: {url: u}, b: {url: v}}
steps:
  - fabric-manager: {payload: a, version: 570.148.07}
  - nvidia-driver: {payload: b, version: 570.148.08}
  - initramfs
END
    GPUS=8 refused 'r.yaml:8:33: NSCQ 570.148.7 does not go with driver 570.148.08: the versions must be equal
hint: write "version: ${driver}" in both, with one variable' <<'END'
payloads: {a: {url: u}, b: {url: v}}
steps:
  - nvidia-driver: {payload: b, version: 570.148.08}
  - nscq: {payload: a, version: 570.148.7}
  - initramfs
END
}

@test "recipe: an image with the driver carries the self-test" {
    refused 'r.yaml:6:9: there is no selftest step, and what step "nvidia-driver" brings is tested on the instance by the self-test of the image
hint: end the steps with "- selftest"' <<<$'payloads: {driver: {url: u}}\nsteps: [{nvidia-driver: {payload: driver, version: 550.144.03}}, initramfs]'
}

@test "recipe: what belongs to 8 GPUs is refused for one" {
    refused 'r.yaml:7:5: a single-GPU instance has no NVSwitch: Fabric Manager would fail there' <<'END'
payloads: {a: {url: u}}
steps:
  - fabric-manager: {payload: a, version: 570.148.08}
END
    local steps='steps:
  - modprobe:
      file: a.conf
      content: options nvidia NVreg_RegistryDwords="RmEnableProtectedPcie=0x1"
  - initramfs'
    refused 'r.yaml:8:16: RmEnableProtectedPcie makes the GPU of a single-GPU instance unusable
hint: it belongs to recipes with "gpus: 8" only' <<<"$steps"
    GPUS=8 recipe r.yaml <<<"$steps"
    run_ccbake recipe r.yaml
}

@test "recipe: what belongs in the initramfs comes before the initramfs step" {
    local hint='hint: end the steps with "- initramfs: {}"'
    refused "r.yaml:5:9: no initramfs step follows step \"nouveau-blacklist\", whose result must be in the initramfs
$hint" <<<'steps: [nouveau-blacklist]'
    refused "r.yaml:5:39: no initramfs step follows step \"m\", whose result must be in the initramfs
$hint" <<<'steps: [nouveau-blacklist, initramfs, {modprobe: {id: m, file: a.conf, content: x}}]'
    recipe r.yaml <<<'steps: [nouveau-blacklist, initramfs, {run: {commands: [[ls]]}}]'
    run_ccbake recipe r.yaml
    # The list that forgot it is the one to mend, not the recipe that has the step.
    recipe parent.yaml <<<'steps: [nouveau-blacklist, initramfs]'
    printf '%s\n' 'format: 1' 'name: child' 'extends: parent.yaml' 'steps:' '  - initramfs' '  - nouveau-blacklist' >r.yaml
    run_ccbake 3 recipe r.yaml
    assert_contains "r.yaml:6:5: no initramfs step follows step \"nouveau-blacklist\""
    printf '%s\n' 'extends: parent.yaml' 'name: child' 'steps: {remove: [initramfs]}' >r.yaml
    run_ccbake 3 recipe r.yaml
    assert_contains "r.yaml:3:1: no initramfs step follows step \"nouveau-blacklist\""
    printf '%s\n' 'extends: parent.yaml' 'steps:' '  insert: [{after: initramfs, steps: [{modprobe: {file: a.conf, content: x}}]}]' >r.yaml
    run_ccbake 3 recipe r.yaml
    assert_contains 'r.yaml:3:39: no initramfs step follows step "modprobe"'
    printf '%s\n' 'extends: r.yaml' 'name: grandchild' >top.yaml
    run_ccbake 3 recipe top.yaml
    assert_contains 'r.yaml:3:39: no initramfs step follows step "modprobe"'
    printf '%s\n' "extends: $TOP/recipes/demo-1gpu.yaml" 'steps: {remove: selftest}' >r.yaml
    run_ccbake 3 recipe r.yaml
    assert_contains 'r.yaml:2:1: there is no selftest step'
    printf '%s\n' 'format: 1' 'name: child' 'extends: parent.yaml' 'steps: [nouveau-blacklist, initramfs, initramfs]' >r.yaml
    run_ccbake 3 recipe r.yaml
    assert_contains 'r.yaml:4:39: there are two steps with the id "initramfs"'
}

@test "recipe: settings of steps that no image can follow" {
    refused 'r.yaml:5:31: "options": "tsm api" is not NAME=VALUE' <<<'steps: [{tdx-guest: {options: [tsm api]}}, initramfs]'
    refused 'r.yaml:5:31: "options": a is set to two values' <<<'steps: [{tdx-guest: {options: [a=1, a=2]}}, initramfs]'
    refused "r.yaml:5:27: \"install\": can't read the unit file $PWD/gone.service" \
        <<<'steps: [{units: {install: [gone.service]}}]'
    refused "r.yaml:5:28: \"source\": there is no directory $PWD/gone" <<<'steps: [{overlay: {source: gone}}]'
    local names=$'\nhint: names of users are the image\'s own: write numbers, or root'
    refused 'r.yaml:5:38: "owner": "acme" is not like 0:0'"$names" <<<'steps: [{overlay: {source: ., owner: acme}}]'
    refused 'r.yaml:5:39: "owner": "0:-1" is not like 0:0'"$names" <<<'steps: [{overlay: {source: ., owner: "0:-1"}}]'
    refused 'r.yaml:5:39: "target": "etc" is not an absolute path' <<<'steps: [{overlay: {source: ., target: etc}}]'
    refused 'r.yaml:5:47: "modes": "0999" is not an octal mode' <<<'steps: [{overlay: {source: ., modes: {/etc/a: 0999}}}]'
    refused 'r.yaml:5:47: "modes": "10000" is not an octal mode' \
        <<<'steps: [{overlay: {source: ., modes: {/etc/a: 10000}}}]'
    refused 'r.yaml:5:39: "modes": etc/a is not an absolute path in the image' \
        <<<'steps: [{overlay: {source: ., modes: {etc/a: 0644}}}]'
    mkdir -p tree/etc/acme
    touch tree/etc/acme/token
    refused 'r.yaml:5:42: "modes": the tree puts nothing at /etc/acme/tokn
hint: did you mean "/etc/acme/token"?' <<<'steps: [{overlay: {source: tree, modes: {/etc/acme/tokn: 0600}}}]'
    refused 'r.yaml:5:56: "modes": the tree puts nothing at /etc/acme/token
hint: did you mean "/opt/etc/acme/token"?' <<<'steps: [{overlay: {source: tree, target: /opt, modes: {/etc/acme/token: 0600}}}]'
    refused 'r.yaml:5:30: "a b" is more than one argument' <<<'steps: [{kernel-args: {set: "a b"}}]'
    refused 'r.yaml:5:30: "" is no argument' <<<'steps: [{kernel-args: {set: ""}}]'
    refused 'r.yaml:5:29: "=5" is no argument' <<<'steps: [{kernel-args: {set: ["=5"]}}]'
    refused 'r.yaml:5:10: kernel-args needs arguments under "set" or "remove"' <<<'steps: [{kernel-args: {}}]'
    refused 'r.yaml:5:27: "commands": a command has no words' <<<'steps: [{run: {commands: [[]]}}]'
    refused 'r.yaml:6:16: the variable "a" must have one value' \
        <<<$'steps: [{run: {commands: [["${a}"]]}}]\nvariables: {a: [1, 2]}'
    refused 'r.yaml:5:47: "version": ".." is not like 12.4.1
hint: quote it where it looks like a number' <<<$'steps: [{cuda-toolkit: {payload: c, version: ".."}}]\npayloads: {c: {url: "http://h/c"}}'
    refused 'r.yaml:5:27: "file": "../a.conf" is not a file name that ends in .conf; modprobe reads no other' \
        <<<'steps: [{modprobe: {file: ../a.conf, content: x}}, initramfs]'
    refused 'r.yaml:5:27: "file": "a.cnf" is not a file name that ends in .conf; modprobe reads no other' \
        <<<'steps: [{modprobe: {file: a.cnf, content: x}}, initramfs]'
}

@test "recipe: units have names with a type, and none waits for itself" {
    refused 'r.yaml:5:26: "enable": "acme" is not the name of a unit
hint: with its type, as in acme.service' <<<'steps: [{units: {enable: [acme]}}]'
    refused 'r.yaml:5:24: "mask": "a.servic" is not the name of a unit' <<<'steps: [{units: {mask: [a.servic]}}]'
    refused 'r.yaml:5:36: "unit": "acme" is not the name of a unit
hint: with its type, as in acme.service' <<<'steps: [{units: {wait-for: [{unit: acme, later: [b.service]}]}}]'
    refused "r.yaml:5:29: a.service can't wait for itself" \
        <<<'steps: [{units: {wait-for: [{unit: a.service, consumers: [b.service, a.service]}]}}]'
}

@test "recipe: files and chmod: what no image can have" {
    refused 'r.yaml:5:17: files needs "files" (a list of files)' <<<'steps: [{files: {}}]'
    refused 'r.yaml:5:18: files needs "path" (absolute path in the image)' <<<'steps: [{files: [{content: a}]}]'
    refused 'r.yaml:5:25: "path": "etc/a" is not an absolute path without "..", "//" and a slash at its end' \
        <<<'steps: [{files: [{path: etc/a, content: a}]}]'
    refused 'r.yaml:5:18: /etc/a needs "content" or "source"' <<<'steps: [{files: [{path: /etc/a}]}]'
    refused 'r.yaml:5:18: /etc/a has both "content" and "source"' \
        <<<'steps: [{files: [{path: /etc/a, content: a, source: r.yaml}]}]'
    refused "r.yaml:5:41: \"source\": there is no file $PWD/gone" \
        <<<'steps: [{files: [{path: /etc/a, source: gone}]}]'
    refused 'r.yaml:5:51: "mode": "rw" is not an octal mode' \
        <<<'steps: [{files: [{path: /etc/a, content: a, mode: rw}]}]'
    refused 'r.yaml:5:55: "template" is for "source": in "content" variables are replaced in any case' \
        <<<'steps: [{files: [{path: /etc/a, content: a, template: true}]}]'
    refused 'r.yaml:5:53: /etc/a is there twice' \
        <<<'steps: [{files: [{path: /etc/a, content: a}, {path: /etc/a, content: b}]}]'
    refused 'r.yaml:5:18: /etc/a needs "mode" or "owner"' <<<'steps: [{chmod: [{path: /etc/a}]}]'
    refused 'r.yaml:5:51: the whole image can'\''t have one mode or owner' \
        <<<'steps: [{chmod: [{path: /, mode: 0755, recursive: true}]}]'
    refused 'r.yaml:5:18: "kernel": expected a map, found a list' <<<'steps: [{kernel: [a]}]'
    # A list is short for the setting that it stands for.
    refused 'r.yaml:5:18: "paths": /usr can'"'"'t be removed; name what to remove inside it' <<<'steps: [{remove: [/usr]}]'
    refused 'r.yaml:5:18: "paths": /var/log/*.log is a pattern, and no path
hint: name each path, or use a run step: [sh, -c, "rm /var/log/*.log"]' <<<'steps: [{remove: ["/var/log/*.log"]}]'
}

@test "recipe: the short list of a kind in a recipe that extends another" {
    recipe other.yaml <<'END'
steps:
  - files: {id: a, files: [{path: /etc/a, content: a}]}
  - remove: [/srv/x]
  - chmod: {id: c, paths: [/etc/a], owner: root}
END
    cat >r.yaml <<'END'
extends: other.yaml
steps:
  replace:
    a: {files: [{path: /etc/b, content: b}]}
    c: {remove: [/srv/c]}
  change:
    remove: {paths: [/srv/y, /srv/z]}
END
    run_ccbake 0 recipe --format=json r.yaml
    assert_equal "$(jq -c '.recipe.steps' <<<"$output")" \
        '[{"files":{"files":[{"content":"b","path":"/etc/b"}],"id":"a"}},{"remove":{"paths":["/srv/y","/srv/z"]}},{"remove":{"id":"c","paths":["/srv/c"]}}]'
    printf '%s\n' 'extends: r.yaml' 'steps: {change: {c: {paths: [/srv/d]}}}' >top.yaml
    run_ccbake 0 recipe --format=json top.yaml
    assert_equal "$(jq -c '.recipe.steps[2]' <<<"$output")" '{"remove":{"id":"c","paths":["/srv/d"]}}'
}

@test "recipe: templates: variables of the recipe, and no others" {
    printf '%s\n' 'port = ${port}' '  name = ${nmae}' >agent.conf
    recipe r.yaml <<'END'
variables: {port: 80, name: a}
steps: [{files: [{path: /etc/a, source: agent.conf, template: true}]}]
END
    answers 3 "$PWD/agent.conf:2:10: undefined variable \"nmae\"
hint: did you mean \"name\"?"
    sed -i 's/nmae/name/' agent.conf
    run_ccbake recipe r.yaml # both are used
    echo 'port = ${port}' >agent.conf
    answers 3 'r.yaml:5:23: nothing uses the variable "name"
hint: use it as ${name}, or take it out'
}

@test "recipe: scripts: missing files, and settings that go with commands" {
    refused "r.yaml:5:24: \"script\": there is no file $PWD/gone.sh" <<<'steps: [{run: {script: gone.sh}}]'
    refused 'r.yaml:5:9: run needs "commands" or "script"' <<<'steps: [run]'
    refused 'r.yaml:5:15: run needs "commands" or "script"' <<<'steps: [{run: {env: {A: b}}}]'
    echo 'exit 0' >x.sh
    refused 'r.yaml:5:44: run has both "commands" and "script"
hint: make the commands a step of their own' <<<'steps: [{run: {commands: [[true]], script: x.sh}}]'
    refused 'r.yaml:5:42: "args" is for "script"' <<<'steps: [{run: {commands: [[true]], args: [a]}}]'
    refused 'r.yaml:5:36: "env": "A-B" is not the name of a variable' \
        <<<'steps: [{run: {script: x.sh, env: {A-B: c}}}]'
    printf 'exit\0' >x.sh
    refused "$PWD/x.sh is no script: it has a NUL byte" <<<'steps: [{run: {script: x.sh}}]'
}

@test "recipe: payloads: digest, one source, and two that would have one name" {
    refused 'r.yaml:6:32: "sha256": expected 64 lower-case hexadecimal digits' \
        <<<$'steps: []\npayloads: {a: {url: u, sha256: 12AB}}'
    refused 'r.yaml:6:15: "a" has both "url" and "path"' <<<$'steps: []\npayloads: {a: {url: u, path: x}}'
    refused 'r.yaml:6:15: "a" needs "url" or "path"' <<<$'steps: []\npayloads: {a: {sha256: ""}}'
    local one two
    one=$(printf '1%.0s' {1..64})
    two=$(printf '2%.0s' {1..64})
    refused 'r.yaml:8:11: two different payloads have the file name f.rpm' <<END
payloads:
  a: {url: "http://h/1/f.rpm", sha256: $one}
  b: {url: "http://h/2/f.rpm?x=1", sha256: $two}
steps: [{ rpm: {payloads: [a, b]}}]
END
}

# --- the file itself ---

@test "recipe: a newer format says so before anything else" {
    raw_refused 'r.yaml:1:9: recipe format "2" is not one that this ccbake reads (1)
hint: it is newer: update ccbake' <<<$'format: 2\nfuture: {a: [b]}'
    raw_refused 'r.yaml:1:9: recipe format "one" is not one that this ccbake reads (1)' <<<'format: one'
    raw_refused 'r.yaml:1:9: recipe format "0" is not one that this ccbake reads (1)' <<<'format: 0'
}

@test "recipe: YAML that a recipe does not need is refused" {
    refused 'r.yaml:6:13: anchors (&name) are not allowed in recipes' <<<$'steps: []\nsummary: &x 1'
    refused 'r.yaml:6:15: anchors (&name) are not allowed in recipes' <<<$'steps: []\nvariables: &x {a: 1}'
    refused 'r.yaml:6:11: aliases (*name) are not allowed in recipes' <<<$'steps: []\nsummary: *x'
    refused 'r.yaml:6:16: tags (!name) are not allowed in recipes' <<<$'steps: []\nsummary: !!str 1'
    refused 'r.yaml:6:3: a key must be a word' <<<$'steps: []\n? [a, b]\n: c'
    refused 'r.yaml:6:1: the file has more than one document' <<<$'steps: []\n---\nsteps: []'
}

@test "recipe: syntax errors are where they are" {
    refused 'r.yaml:7:1: flow sequence without a closing bracket' <<<$'steps: []\na: ['
    refused 'r.yaml:6:2: double-quoted scalar without closing quote' <<<$'steps: []\n"a'
    refused 'r.yaml:6:1: tab character may not be used as indentation' <<<$'steps: []\n\ta: b'
}

@test "recipe: files that are no recipes" {
    raw_refused 'r.yaml:1:1: the file is empty' </dev/null
    raw_refused 'r.yaml:2:1: the file is empty' <<<'# only a comment'
    raw_refused 'r.yaml is no recipe: it is binary data
hint: a recipe is YAML and names its base image; `ccbake verify r.yaml` checks an image' < <(printf 'format: 1\0\n')
    raw_refused 'r.yaml:1:1: not UTF-8' < <(printf 'format: 1\nname: \xff\xfe\n')
    raw_refused 'recipe r.yaml: larger than 1048576 bytes' < <(head -c 1048577 /dev/zero | tr '\0' a)
    raw_refused 'r.yaml:1:41: nested too deeply' < <(printf 'summary: %s' "$(printf '[%.0s' {1..5000})")
    rm r.yaml
    answers 3 'recipe r.yaml: No such file or directory'
    mkdir r.yaml
    answers 3 'recipe r.yaml: is a directory'
}

@test "waivers: unknown checks, empty reasons, twice the same" {
    recipe r.yaml <<'END'
waivers: [{check: hygiene.history, reason: "it is meant"}]
steps: []
END
    assert_equal "$(value .recipe.waivers r.yaml)" '[{"check":"hygiene.history","reason":"it is meant"}]'
    refused 'r.yaml:6:12: "waivers": there is no check "hygiene.histroy"
hint: did you mean "hygiene.history"?' <<'END'
waivers:
  - check: hygiene.histroy
    reason: it is meant
steps: []
END
    refused 'r.yaml:5:20: "waivers": there is no check "frobnicate"
hint: `ccbake verify --list --recipe=r.yaml` lists them' <<'END'
waivers: [{ check: frobnicate, reason: x }]
steps: []
END
    refused 'r.yaml:6:5: "waivers": the reason for hygiene.history is empty' <<'END'
waivers:
  - check: hygiene.history
    reason: " "
steps: []
END
    refused 'r.yaml:7:12: "waivers": hygiene.history is waived twice' <<'END'
waivers:
  - {check: hygiene.history, reason: a}
  - check: hygiene.history
    reason: b
steps: []
END
    refused 'r.yaml:6:5: waivers needs "reason" (why its failure is right here)' <<'END'
waivers:
  - check: hygiene.history
steps: []
END
    # Every verb that takes a recipe knows.
    recipe r.yaml <<<$'waivers: [{check: no.such, reason: x}]\nsteps: []'
    run_ccbake 3 plan r.yaml
    assert_contains 'r.yaml:5:19: "waivers": there is no check "no.such"'
    run_ccbake 3 verify --recipe=r.yaml image.qcow2
    assert_contains 'r.yaml:5:19: "waivers": there is no check "no.such"'
}

# wrong_check CHECK COLUMN MESSAGE: a recipe with this check alone is refused, exactly so.
wrong_check() {
    refused "r.yaml:6:$2: $3" <<<$'steps: []\n'"checks: [$1]"
}

@test "checks: what can't be checked" {
    wrong_check '{file: {path: /x}}' 10 'checks needs "name" (the check is own.NAME)'
    wrong_check '{name: A b, file: {path: /x}}' 17 '"name": "A b" can'\''t be part of an id
hint: use lower-case letters, digits, ".", "_" and "-"'
    wrong_check '{name: a, fil: {path: /x}}' 20 'checks has no key "fil"
hint: did you mean "file"?'
    wrong_check '{name: a, why: so}' 10 'the check "a" does not say what it looks at
hint: give it one of file, unit, package, kernel-argument, command'
    wrong_check '{name: a, file: {path: /x}, unit: {name: a.service}}' 44 \
        'the check "a" has two kinds: make it two checks'
    wrong_check '{name: a, file: {path: /x}}, {name: a, file: {path: /y}}' 46 \
        '"checks": there are two with the name "a"'
    wrong_check '{name: a, severity: warning, file: {path: /x}}' 30 \
        '"severity": "warning" is not one of error|warn'
}

@test "checks: files" {
    wrong_check '{name: a, file: {pth: /x}}' 27 'file has no key "pth"
hint: did you mean "path"?'
    wrong_check '{name: a, file: {path: /x/../y}}' 33 \
        '"path": "/x/../y" is not an absolute path without "..", "//" and a slash at its end'
    wrong_check '{name: a, file: {path: /x, exists: no}}' 45 '"exists": expected true or false, found "no"'
    wrong_check '{name: a, file: {path: /x, exists: false, mode: 0600}}' 52 \
        '"mode" can'\''t be together with "exists: false"'
    wrong_check '{name: a, file: {path: /x, type: link, contains: a}}' 59 '"contains": a link has no content'
    wrong_check '{name: a, file: {path: /x, mode: 0888}}' 43 '"mode": "0888" is not an octal mode'
    wrong_check '{name: a, file: {path: /x, owner: acme:acme}}' 44 '"owner": "acme:acme" is not like 0:0
hint: names of users are the image'\''s own: write numbers, or root'
    wrong_check '{name: a, file: {path: /x, sha256: abc}}' 45 \
        '"sha256": expected 64 lower-case hexadecimal digits'
    recipe r.yaml <<<$'steps: []\nchecks: [{name: a, file: {path: /x, matches: "a("}}]'
    run_ccbake 3 recipe r.yaml
    assert_contains 'r.yaml:6:47: "matches": Error while compiling regular expression'
}

@test "checks: units, packages, arguments, commands" {
    wrong_check '{name: a, unit: {name: acme}}' 33 '"name": "acme" is not the name of a unit
hint: with its type, as in acme.service'
    wrong_check '{name: a, unit: {name: a.service, after: [b]}}' 51 '"after": "b" is not the name of a unit
hint: with its type, as in b.service'
    wrong_check '{name: a, unit: {name: a.service, enabled: yes}}' 53 \
        '"enabled": "yes" is not one of true|false|masked'
    wrong_check '{name: a, package: {name: a, version: "=> 1"}}' 49 '"version": "=> 1" is not a version
hint: write 1.2, 1.2-3 or 1:1.2-3, or a comparison, as in ">= 1.2"'
    wrong_check '{name: a, package: {name: a, version: 1, absent: true}}' 48 \
        '"version": an absent package has none'
    wrong_check '{name: a, kernel-argument: {name: a=1}}' 44 '"name": "a=1" is not the name of one argument'
    wrong_check '{name: a, kernel-argument: {name: a, value: 1, absent: true}}' 54 \
        '"value": an absent argument has none'
    wrong_check '{name: a, command: {run: echo hi}}' 35 '"run": expected a list of words
hint: for a shell, write [sh, -c, "..."]'
    wrong_check '{name: a, command: {run: []}}' 35 '"run": a command has no words'
    wrong_check '{name: a, command: {run: [a], status: 200}}' 48 '"status": expected 0 to 126, found 200'
}

@test "checks: a child's are added to its parent's, and replace those of the same name" {
    recipe parent.yaml <<'END'
steps: []
variables: {port: 80}
checks:
  - {name: one, file: {path: /one}}
  - {name: two, file: {path: /two, contains: "port = ${port}"}}
END
    cat >r.yaml <<'END'
format: 1
name: child
extends: parent.yaml
variables: {port: 81}
checks:
  - {name: three, file: {path: /three}}
  - {name: one, package: {name: one}}
waivers: [{check: own.two, reason: not here}]
END
    assert_equal "$(value .recipe.checks r.yaml)" '[{"name":"one","package":{"name":"one"}},{"file":{"contains":"port = 81","path":"/two"},"name":"two"},{"file":{"path":"/three"},"name":"three"}]'
    run_ccbake verify --list --recipe r.yaml
    assert_equal "${lines[-3]}"$'\n'"${lines[-2]}"$'\n'"${lines[-1]}" "$(printf 'own.%s\terror\tThe recipe asks for it.\tCorrect the step of the recipe that it depends on.\n' one two three)"
    echo '  - {name: one, file: {path: /1}}' >twice
    sed -i '/name: one/r twice' r.yaml
    answers 3 'r.yaml:8:12: "checks": there are two with the name "one"'
    # A waiver of a check that neither ccbake nor the recipe has.
    sed -i '8d; s/own.two/own.tow/' r.yaml
    answers 3 'r.yaml:8:19: "waivers": there is no check "own.tow"
hint: did you mean "own.two"?'
}

# --- locks ---

@test "lock: garbage, another format, damaged entries" {
    recipe r.yaml <<<'steps: []'
    local hint='hint: --lock names the file that `ccbake lock` writes: give another name' text
    printf '{"lock": 1,\n  oops}' >r.lock.json
    answers 3 "r.lock.json:2:6: string or '}' expected near 'oops'
hint: resolve the conflict if a merge left one, or restore the file from version control"
    echo '{"lock": 2, "files": {}, "steps": {}}' >r.lock.json
    answers 3 'r.lock.json: not a lock file that this ccbake reads: a newer one wrote it'
    for text in '{"files": {}, "steps": {}}' '{"lock": 1, "files": [], "steps": {}}' '[]'; do
        echo "$text" >r.lock.json
        answers 3 "r.lock.json: not a lock file
$hint"
    done
    rm r.lock.json
    mkfifo r.lock.json
    answers 9 "$PWD/r.lock.json is not a regular file
hint: see what put it there (\`ls -l\`), and remove it"
    rm r.lock.json
    echo '{"lock": 1, "lock": 1, "files": {}, "steps": {}}' >r.lock.json
    run_ccbake 3 recipe r.yaml
    assert_contains 'duplicate object key'
    # Only the lock that is asked for is read.
    echo '{"lock": 1, "files": {}, "steps": {}}' >good.json
    run_ccbake recipe --lock=good.json r.yaml
}

@test "lock: a bake and a fetch without pins name everything that lacks one" {
    recipe r.yaml <<'END'
payloads:
  one: {url: "http://h/one.rpm"}
  two: {path: two.rpm}
  pinned: {url: "http://h/three.rpm", sha256: 6a4838e2cdb26e4c0e07367ac0d3bcf799d56b5286f68fa201be3d3ddb88aac4}
steps:
  - rpm: {payloads: [one, two, pinned]}
  - packages: {id: tools, install: [a], repos: [{id: r, url: "http://h/r"}]}
END
    local verb message="ccbake: r.yaml: neither recipe nor lock has a sha256 for:
  base: $PWD/base.qcow2
  payload one: http://h/one.rpm
  payload two: $PWD/two.rpm
  step tools: the files it installs
hint: run \`ccbake lock r.yaml\` where there is a network"
    for verb in bake fetch; do
        run_ccbake 3 "$verb" r.yaml
        assert_equal "$output" "$message"
    done
    run_ccbake 3 plan r.yaml
    assert_contains 'problem: r.yaml: neither recipe nor lock has a sha256 for:'
    # A digest that is none pins nothing.
    echo '{"lock": 1, "files": {"http://h/one.rpm": {"sha256": "xyz", "size": 1}}, "steps": {}}' >r.lock.json
    run_ccbake 3 fetch r.yaml
    assert_contains 'payload one: http://h/one.rpm'
    assert_equal "$(ls)" $'r.lock.json\nr.yaml'
}
