#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Each check has a mutant in mutants.table, a baked image with one defect, and only this check fails on it.  Most run through
# the host backend, which takes half a second; a few also through the appliance.
load helpers

TABLE=$TOP/tests/mutants.table

setup_file() {
    images_to_change
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return 1
}

# Prints the names of the mutants: CHECK or CHECK/VARIANT.
mutants() {
    sed -nE 's/^([a-z]\S+) .*/\1/p' "$TABLE"
}

heading() {
    awk -v id="$1" '$1 == id { sub(/ *#.*/, ""); print }' "$TABLE"
}

edits() {
    awk -v id="$1" '/^[^ ]/ { inside = $1 == id; next } inside' "$TABLE"
}

# flagged IMAGE OPTION...: prints the checks that do not pass, one a line.
flagged() {
    local image=$1 status=0
    shift
    "$CCBAKE" verify --json "$@" "$image" 2>verify.log >"$image.json" || status=$?
    [[ $status == 0 || $status == 8 ]] || { cat verify.log && return 1; }
    jq -r '.checks[] | select(.status == "fail" or .status == "unreadable")
        | .id + (if .status == "unreadable" then " (unreadable)" else "" end)' "$image.json" | sort
}

# judge_mutant CHECK OPTION...: makes the mutant, and prints what is wrong with the results; nothing if they are right.
judge_mutant() {
    local id=$1 image gpus together options=() found wanted
    shift
    read -r _ gpus together <<<"$(heading "$id")"
    image=$gpus.qcow2
    options=("--gpus=$gpus")
    if [[ $together == recipe* ]]; then
        options=(--recipe "$TOP/recipes/demo-${gpus}gpu.yaml")
        together=${together#recipe}
    fi
    wanted=$(printf '%s\n' "${id%%/*}" ${together//+/ } | sort)
    qemu-img snapshot -a right "$image"
    edits "$id" | "$TOP/tests/mutate" "$image" || { echo "$id: the mutant could not be made" && return; }
    found=$(flagged "$image" "${options[@]}" "$@") || { echo "$id: $found" && return; }
    [[ $found == "$wanted" ]] || echo "$id: flagged were: ${found//$'\n'/, }"
}

# Tests the mutants of one image in sequence: writes errors to IMAGE.wrong, and the names of the mutants to IMAGE.judged.
judge_mutants_of() {
    local ids id gpus
    mapfile -t ids < <(mutants)
    for id in "${ids[@]}"; do
        read -r _ gpus _ <<<"$(heading "$id")"
        [[ $gpus == "$1" ]] || continue
        judge_mutant "$id" --backend=host >>"$1.wrong"
        echo "$id" >>"$1.judged"
    done
}

@test "every check has a mutant, and every mutant a check" {
    diff <("$CCBAKE" verify --list | cut -f 1 | sort) <(mutants | cut -d / -f 1 | sort -u)
    assert_equal "$(mutants | sort | uniq -d)" ""
    while read -r id; do
        printf '# %-36s %s\n' "$id" "$(edits "$id" | grep -v '^ *#' | sed 's/^ *//' | paste -sd ';')" >&3
    done < <(mutants)
}

@test "the images that are not mutants have nothing wrong, with their recipes and without" {
    local gpus
    for gpus in 1 8; do
        assert_equal "$(flagged "$gpus.qcow2" --backend=host)" ""
        assert_equal "$(flagged "$gpus.qcow2" --backend=host --recipe "$TOP/recipes/demo-${gpus}gpu.yaml")" ""
    done
}

@test "each mutant is seen by its check and by no other" {
    local lane
    judge_mutants_of 1 3>&- &
    lane=$! # which a process substitution sets anew
    judge_mutants_of 8 3>&-
    wait "$lane"
    [[ ! -s 1.wrong && ! -s 8.wrong ]] || fail "$(cat 1.wrong 8.wrong)"
    diff <(cat 1.judged 8.judged | sort) <(mutants | sort)
}

@test "the appliance sees them as well" {
    local id seen=(driver.vermagic hygiene.filesystem import.esp modprobe.nouveau-initramfs)
    qemu-img snapshot -a right 8.qcow2
    for id in "${seen[@]}"; do
        # None of them depends on the number of GPUs; the file system is soiled last.
        [[ $id == hygiene.filesystem ]] || edits "$id"
    done >all.edits
    edits hygiene.filesystem >>all.edits
    "$TOP/tests/mutate" 8.qcow2 <all.edits
    assert_equal "$(flagged 8.qcow2 --backend=appliance --gpus=8)" "$(printf '%s\n' "${seen[@]}")"
}

# A recipe that extends the demo recipe for 1 GPU, with the waivers on standard input.
waiving_recipe() {
    printf '%s\n' 'format: 1' 'name: waiving' "extends: $TOP/recipes/demo-1gpu.yaml" >waiving.yaml
    cat >>waiving.yaml
}

@test "a waived check that fails does not fail the image, and says why" {
    qemu-img snapshot -a right 1.qcow2
    edits import.clock | "$TOP/tests/mutate" 1.qcow2
    run_ccbake 8 verify --backend=host 1.qcow2
    waiving_recipe <<'EOF'
waivers:
  - {check: import.clock, reason: a special host}
  - {check: import.size, reason: one that is not needed}
EOF
    run_ccbake verify --backend=host --recipe waiving.yaml 1.qcow2
    assert_contains "WAIVED import.clock "
    assert_contains "waived: a special host"
    assert_contains "waiver not needed: import.size passes"
    assert_contains " 0 failed, 1 waived, "
    "$CCBAKE" verify --json --backend=host --recipe waiving.yaml 1.qcow2 2>/dev/null >waived.json
    assert_equal "$(jq -c '[.good, .counts.waived, (.checks[] | select(.id == "import.clock") | .waiver)]' waived.json)" \
        '[true,1,"a special host"]'
}

@test "the report as TAP and as JUnit, and warnings that count" {
    qemu-img snapshot -a right 1.qcow2
    edits hygiene.host-name | "$TOP/tests/mutate" 1.qcow2
    run_ccbake verify --backend=host --format=tap 1.qcow2
    assert_contains "not ok $("$CCBAKE" verify --list | grep -n '^hygiene.host-name' | cut -d: -f1) - hygiene.host-name # TODO warning"
    run_ccbake 8 verify --backend=host --strict 1.qcow2
    assert_contains "the image is not right: hygiene.host-name"
    "$CCBAKE" verify --backend=host --format=junit 1.qcow2 2>/dev/null >junit.xml
    python3 - <<'EOF'
import xml.etree.ElementTree as tree
suite = tree.parse("junit.xml").getroot().find("testsuite")
assert suite.get("name") == "1.qcow2" and suite.get("failures") == "0", suite.attrib
assert len(suite.findall("testcase")) == int(suite.get("tests"))
assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped"))
EOF
}
