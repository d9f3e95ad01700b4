#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `ccbake graph` of a small guest with the GPU units.
load helpers

setup_file() {
    use_file_directory
    small_guest base.qcow2
    printf '%s\n' '[Unit]' 'DefaultDependencies=no' >multi-user.target
    printf '%s\n' '[Unit]' 'Requires=basic.target' '[Service]' 'ExecStart=/bin/true' >ollama.service
    cat >unit.yaml <<END
format: 1
name: unit
gpus: 8
$(base_key base.qcow2)
steps:
  - units:
      install: [multi-user.target, ollama.service, $TOP/overlays/units/8gpu/nvidia-persistenced.service]
      wait-for: [{unit: nvidia-persistenced.service, later: [later.service, ollama.service]}]
      enable: [nvidia-persistenced.service]
END
    "$CCBAKE" bake --quiet --backend=host --no-verify unit.yaml
}

setup() {
    use_file_directory
}

# graph [OPTION...]: the standard output alone, in $output.
graph() {
    output=$("$CCBAKE" graph --quiet --backend=host unit.qcow2 "$@")
}

@test "the text has the units in their order, each relation with its reason" {
    local persistenced=/etc/systemd/system/nvidia-persistenced.service before after
    before=$(grep -n ^Before= "$TOP/overlays/units/8gpu/nvidia-persistenced.service" | cut -d: -f1)
    after=$(grep -n ^After= "$TOP/overlays/units/8gpu/nvidia-persistenced.service" | cut -d: -f1)
    graph
    assert_contains "
      started by multi-user.target: /etc/systemd/system/multi-user.target.wants/nvidia-persistenced.service
      after nvidia-fabricmanager.service: $persistenced:$after: After=nvidia-fabricmanager.service"
    assert_contains "ollama.service (not started)
      after nvidia-persistenced.service: $persistenced:$before: Before=ollama.service
      after nvidia-persistenced.service: /etc/systemd/system/ollama.service.d/10-ccbake-nvidia-persistenced.service.conf:3: After="
    assert_contains "later.service (not installed)
      after nvidia-persistenced.service: /etc/systemd/system/later.service.d/10-ccbake-nvidia-persistenced.service.conf:3: After="
    assert_equal "$(grep -oE '^ +[0-9]+  nvidia-[a-z]+\.service' <<<"$output" | awk '{ print $2 }' | xargs)" \
        "nvidia-fabricmanager.service nvidia-persistenced.service"
    [[ $(grep -n '  ollama.service' <<<"$output" | cut -d: -f1) -gt $(grep -n '  nvidia-persistenced.service$' <<<"$output" | cut -d: -f1) ]] ||
        fail "$output"
}

@test "--all has what the boot starts, and nothing else" {
    graph --all
    assert_contains "  multi-user.target"
    assert_contains "  nvidia-persistenced.service"
    [[ $output != *ollama* ]] || fail "$output"
}

@test "one unit: what is related to it, and with --all what starts before and after it" {
    graph --unit=ollama
    assert_contains "  nvidia-persistenced.service"
    assert_contains "  basic.target"
    assert_contains "  ollama.service (not started)"
    [[ $output != *later.service* ]] || fail "$output"
    graph --all --unit=nvidia-persistenced.service
    assert_equal "$output" "   1  nvidia-persistenced.service" # the boot starts nothing that it waits for
    run_ccbake 2 graph --quiet --backend=host --all --unit=ollama unit.qcow2
    assert_contains "--unit=ollama.service: the boot does not start it"
    run_ccbake 2 graph --quiet --backend=host --unit=olama unit.qcow2
    assert_contains $'--unit=olama.service: there is no such unit\nhint: did you mean "ollama.service"?'
}

@test "JSON has the file and the line of each relation" {
    graph --json
    assert_equal "$(jq -r '.relations[] | select(.to == "later.service") | "\(.from) \(.relation) \(.reasons[0] | .file, .line)"' <<<"$output" | xargs)" \
        "nvidia-persistenced.service before /etc/systemd/system/later.service.d/10-ccbake-nvidia-persistenced.service.conf nvidia-persistenced.service before 3"
    assert_equal "$(jq -c '.units[] | select(.name == "later.service") | [.installed, .started]' <<<"$output")" "[false,false]"
}

@test "DOT is understood by dot, and the SVG has the units" {
    must_have graphviz command -v dot
    graph --format=dot
    dot -Tplain <<<"$output" >plain
    assert_equal "$(grep -c '^node .*nvidia-persistenced' plain)" 1
    graph --format=svg
    [[ $output == '<?xml'* ]] || fail "$output"
    assert_contains "nvidia&#45;persistenced.service"
    graph --format=svg --all
    assert_contains "multi&#45;user.target"
}

@test "without graphviz the SVG is refused before the image is opened, with the remedy" {
    mkdir -p bin
    PATH=$PWD/bin run_ccbake 5 graph --backend=host --format=svg unit.qcow2
    assert_equal "$output" "ccbake: dot is not installed, which --format=svg needs
hint: install graphviz, or take --format=dot or --format=text"
}

@test "both backends give the same graph" {
    local host
    graph --format=dot
    host=$output
    output=$("$CCBAKE" graph --quiet --backend=appliance --format=dot unit.qcow2)
    assert_equal "$output" "$host"
}

@test "a guest without units of a GPU, and what is no image" {
    output=$("$CCBAKE" graph --quiet --backend=host base.qcow2)
    assert_equal "$output" "nothing here knows nvidia-persistenced.service or nvidia-fabricmanager.service"
    run_ccbake 4 graph --backend=host missing.qcow2
    assert_contains "image missing.qcow2: No such file or directory"
    run_ccbake 2 graph --format=png unit.qcow2
}
