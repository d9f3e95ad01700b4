#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `ccbake plan --diff`: for cached steps it agrees with `ccbake diff`, for others the bake does what they declare.  On a small
# guest, with the steps that need only files; bake.bats has the others.
load helpers

setup_file() {
    use_file_directory
    small_guest base.qcow2 --size 1G --kernel-cmdline
    write_tree
    write_recipe
    "$CCBAKE" bake --quiet --backend=host --no-verify r.yaml
    "$CCBAKE" diff --quiet --json --backend=host base.qcow2 r.qcow2 >actual.json
}

setup() {
    use_file_directory
}

# New files, a replaced one, one below a link of the image (/lib), modes, and a dracut, which the guest has not.
write_tree() {
    mkdir -p tree/lib/modprobe.d tree/opt/new/deep tree/etc tree/usr/bin
    echo 'blacklist floppy' >tree/lib/modprobe.d/floppy.conf
    echo 'Another release' >tree/etc/alinux-release
    head -c 1000000 /dev/zero >tree/opt/new/deep/large
    ln -s new tree/opt/link
    # shellcheck disable=SC2016 # meant for the guest
    printf '%s\n' '#!/bin/sh' 'for image; do :; done' 'echo anew >"$image"' >tree/usr/bin/dracut
    chmod 755 tree/usr/bin/dracut
    # shellcheck disable=SC2016 # for ccbake
    echo 'argument = ${argument}' >a.template
    echo 'echo 2 >/opt/by-script' >x.sh
    printf '%s\n' '[Service]' 'ExecStart=/bin/true' '[Install]' 'WantedBy=multi-user.target' \
        'Alias=first.service' >x.service
}

# r.yaml: every kind that needs no payload.
write_recipe() {
    cat >r.yaml <<EOF
format: 1
name: r
gpus: 1
variables: {argument: "swiotlb=4194304,any", text: options a b=1}
$(base_key base.qcow2)
steps:
  - kernel
  - kernel-args: {set: ["\${argument}"], remove: [rhgb]}
  - nouveau-blacklist
  - overlay: {source: tree, modes: {/opt/new: "0700", /etc/alinux-release: "0600"}}
  - units:
      install: [x.service]
      wait-for: [{unit: x.service, later: [later.service]}]
      enable: [x.service]
      disable: [none.service]
  - files:
      - {path: /etc/acme/agent.conf, content: "a = 1\n", mode: 0640, owner: "7:8"}
      - {path: /etc/acme/t.conf, source: a.template, template: true}
  - chmod:
      - {path: /etc/fstab, mode: 0600, owner: "7:8"}
      - {path: /etc/yum.repos.d, mode: 0640, recursive: true}
  - remove: [/etc/redhat-release]
  - run: {commands: [[sh, -c, "echo 1 >/opt/by-command"]]}
  - run: {id: script, script: x.sh}
  - initramfs
  - modprobe: {file: a.conf, content: "\${text}\n"}
  - initramfs: {id: again}
EOF
}

# plan [OPTION...]: the JSON alone, in $output.
plan() {
    output=$("$CCBAKE" plan --quiet --diff --json --backend=host r.yaml "$@")
}

# An empty cache, so that nothing is cached.
forget() {
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
}

member() {
    jq -r "$1" <<<"$output"
}

# What two comparisons say, without which images they are of.
without_names='del(.a.image, .b.image)'

@test "everything cached: exactly what diff says of base and image" {
    plan
    assert_equal "$(member '[.steps[].basis] | unique | tostring')" '["exact"]'
    assert_equal "$(member '[.steps[] | select(has("diff") or has("unknown"))] | length')" 0
    diff <(member ".exact | $without_names") <(jq "$without_names" actual.json)
    run_ccbake plan --quiet --diff --backend=host r.yaml
    assert_contains "step 13  again              cached: exact"
    [[ $output != *declared* ]] || fail "$output"
    diff <(sed -n '/^packages\|^boot$/,$p' <<<"$output") \
        <("$CCBAKE" diff --quiet --backend=host base.qcow2 r.qcow2 | sed -n '/^packages\|^boot$/,$p')
}

@test "nothing cached: what the steps declare is all that comes, save what they say nobody knows" {
    forget
    plan
    assert_equal "$(member '[.steps[].basis] | unique | tostring')" '["declared"]'
    assert_equal "$(member .exact)" null
    diff <(member '[.steps[].diff | .packages, .kernels, .boot, .units, .modules, .configuration] | map(.[]) | sort') \
        <(jq '[.packages, .kernels, .boot, .units, .modules, .configuration] | map(.[]) | sort' actual.json)
    # Of other files the command's, the initramfs and depmod's lists are not declared.
    local known='map(select(IN(.path; "/opt", "/boot", "/usr/lib/modules") | not)) | sort'
    diff <(member "[.steps[].diff.directories[]] | $known") <(jq ".directories | $known" actual.json)
    assert_equal "$(member '[.steps[].diff.directories[] | select(.path == "/opt").added] | tostring')" "[2]"
    assert_equal "$(jq '.directories[] | select(.path == "/opt").added' actual.json)" 4
    assert_equal "$(member '.steps[] | select(.id == "run").unknown[] | .what')" "what its commands do"
    assert_equal "$(member '[.steps[] | select(.id == "again").unknown[] | .path] | tostring')" \
        '["/lib/modules/5.10.134-18.al8.x86_64","/boot/initramfs-5.10.134-18.al8.x86_64.img"]'
    jq -e '.directories[] | select(.path == "/boot").changed == 1' actual.json
}

@test "each kind declares what it does" {
    forget
    plan
    of() {
        member "[.steps[] | select(.id == \"$1\").diff | $2] | tostring"
    }
    assert_equal "$(of kernel '.different')" "[false]"
    assert_equal "$(of kernel-args '.boot[] | .removed[0], .added[0]')" '["rhgb","swiotlb=4194304,any"]'
    assert_equal "$(of kernel-args '.configuration[].name')" \
        '["/boot/grub2/grubenv","/etc/default/grub","/etc/kernel/cmdline"]'
    assert_equal "$(of nouveau-blacklist '.configuration[].name')" \
        '["/etc/dracut.conf.d/ccbake-nouveau.conf","/etc/modprobe.d/ccbake-nouveau.conf"]'
    assert_equal "$(of overlay '.configuration[] | .change, .name, .b')" \
        '["changed","/etc/alinux-release","file 0600 0:0","added","/usr/lib/modprobe.d/floppy.conf","file 0644 0:0"]'
    assert_equal "$(of units '.units[] | .what + " " + .name')" \
        '["alias first.service","drop-in later.service","enabled x.service","unit x.service"]'
    assert_equal "$(of modprobe '.configuration[] | .name, .lines')" \
        '["/etc/dracut.conf.d/ccbake-a.conf","@@ -0,0 +1,2 @@\n+# Written by ccbake, for later initramfs images.\n+install_items+=\" /etc/modprobe.d/a.conf \"\n","/etc/modprobe.d/a.conf","@@ -0,0 +1 @@\n+options a b=1\n"]'
}

@test "kinds that install payloads declare packages, modules, and what nobody knows" {
    local old=5.10.134-17.al8.x86_64
    small_guest old.qcow2 --size 1G --kver "$old"
    touch kernel-core-5.10.134-18.al8.x86_64.rpm a-1.0-1.noarch.rpm NVIDIA.run cuda.run
    cat >payloads.yaml <<EOF
format: 1
name: payloads
gpus: 1
base: {path: old.qcow2, os: alinux, version: 3, min-kernel: 5.10.134-18.al8}
payloads:
  core: {path: kernel-core-5.10.134-18.al8.x86_64.rpm}
  a: {path: a-1.0-1.noarch.rpm}
  driver: {path: NVIDIA.run}
  cuda: {path: cuda.run}
steps:
  - nvidia-driver: {id: before, payload: driver, version: 550.144.03}
  - kernel: {packages: [core]}
  - rpm: {payloads: [a]}
  - packages: {install: [b], repos: [{id: r, url: "http://127.0.0.1:9"}]}
  - python-packages: {install: [c], make-default: true}
  - cuda-toolkit: {payload: cuda, version: 12.4.1}
  - nvidia-driver: {payload: driver, version: 550.144.03}
  - initramfs
  - selftest
EOF
    run_ccbake 3 plan --quiet --diff --backend=host payloads.yaml # nothing is locked
    assert_contains "  + $old/kernel/drivers/video/nvidia-uvm.ko 550.144.03"
    assert_contains $'kernel             not cached: declared\npackages 1 added\n  + kernel-core.x86_64 5.10.134-18.al8\n'
    assert_contains "  ? the boot entry of kernel-core-5.10.134-18.al8.x86_64"
    assert_contains $'rpm                not cached: declared\npackages 1 added\n  + a.noarch 1.0-1\n  ? files and scripts of 1 package'
    assert_contains $'packages           not cached: declared\n  ? files that the lock will name (ccbake lock)'
    assert_contains $'python-packages    not cached: declared\n  ? files that the lock will name (ccbake lock)\n  ? /usr/bin/python3: python3.11, by alternatives'
    assert_contains "  ? /usr/local/cuda-12.4: CUDA toolkit 12.4.1"
    assert_contains $'  ? modules of driver 550.144.03, for a kernel not known yet\n'
    assert_contains "  ? /boot/initramfs-$old.img: made anew, with nvme"
    assert_contains "  ? an initramfs for a kernel not known yet"
    [[ $output != *"of 0 packages"* ]] || fail "$output"
}

# files_recipe BASE: every kind that only changes files.
files_recipe() {
    cat <<EOF
format: 1
name: files
gpus: 1
base: {path: $1, sha256: $(sha256sum <"$1" | cut -d' ' -f1), os: alinux, version: 3, min-kernel: 5.10.134-18.al8}
steps:
  - kernel
  - kernel-args: {set: ["swiotlb=4194304,any"], remove: [rhgb]}
  - nouveau-blacklist
  - modprobe: {file: a.conf, content: "options a b=1\n"}
  - overlay: {source: tree, modes: {/opt/new: "0700", /etc/alinux-release: "0600"}}
  - units:
      install: [x.service]
      wait-for: [{unit: x.service, later: [later.service]}]
      enable: [x.service]
      mask: [firewalld.service]
  - remove: {paths: [/etc/selinux, /opt/new/deep, /lib/modprobe.d/missing.conf]}
  - selftest: {enable: true}
  - initramfs
EOF
}

@test "what plan says of kinds that only change files is, member for member, what diff says after the bake; on three bases" {
    local name union='[.packages, .kernels, .boot, .units, .modules, .configuration] | map(.[]) | sort'
    "$TOP/tests/standin/guest" --options literal --out literal.qcow2 >/dev/null
    "$TOP/tests/standin/guest" --kver 5.10.134-18.al8.x86_64 --kver 5.10.134-19.1.al8.x86_64 \
        --default 5.10.134-18.al8.x86_64 --out two.qcow2 >/dev/null
    for name in base literal two; do
        export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/$name
        files_recipe "$name.qcow2" >files.yaml
        "$CCBAKE" plan --quiet --diff --json --backend=host files.yaml >planned.json
        assert_equal "$(jq '[.steps[] | select(.id != "initramfs").unknown[]] | length' planned.json)" 0
        "$CCBAKE" bake --quiet --backend=host --no-verify --force -o files.qcow2 files.yaml
        "$CCBAKE" diff --quiet --json --backend=host "$name.qcow2" files.qcow2 >baked.json
        diff <(jq "[.steps[].diff] | map($union) | add | sort" planned.json) <(jq "$union" baked.json)
        # What the initramfs step makes only the bake shows; a tree that one step brings and another removes is no difference.
        local known='[.[] | select(IN(.path; "/boot", "/usr/lib/modules") | not) | {path, left: (.added - .removed), changed,
                      bytes: (.added_bytes - .removed_bytes)}
                     | select(.left != 0 or .changed != 0 or .bytes != 0)]'
        diff <(jq "[.steps[].diff.directories[]] | group_by(.path) | map({path: .[0].path, added: map(.added) | add,
                   removed: map(.removed) | add, changed: map(.changed) | add, added_bytes: map(.added_bytes) | add,
                   removed_bytes: map(.removed_bytes) | add}) | $known" planned.json) \
            <(jq ".directories | sort_by(.path) | $known" baked.json)
        jq -e '.configuration | any(.change == "removed" and .name == "/etc/selinux/config")' baked.json >/dev/null
    done
}

@test "a changed step: those before it exact, it and those after it declared" {
    plan --set "text=options a b=2"
    assert_equal "$(member '[.steps[] | .id + " " + .basis] | tostring')" \
        '["kernel exact","kernel-args exact","nouveau-blacklist exact","overlay exact","units exact","files exact","chmod exact","remove exact","run exact","script exact","initramfs exact","modprobe declared","again declared"]'
    assert_equal "$(member '[.steps[].state] | .[11:] | tostring')" \
        '["runs: its setting content changed","runs: step 12 (modprobe): its setting content changed"]'
    # The layer of the step before it, against the image.
    diff <(member '.exact.configuration[], .exact.units[], .exact.boot[]') \
        <(jq '.configuration[], .units[], .boot[] | select(.name // "" | endswith("a.conf") | not)' actual.json)
    assert_equal "$(member '.steps[11].diff.configuration[1] | .change, .lines')" $'added\n@@ -0,0 +1 @@\n+options a b=2'
    plan --set "argument=swiotlb=1,any"
    assert_equal "$(member '[.steps[] | select(.basis == "exact").id] | tostring')" '["kernel"]'
    assert_equal "$(member '.exact.different')" false
    assert_equal "$(member '.steps[1].diff.boot[].added | tostring')" '["swiotlb=1,any"]'
}

@test "the text says what is exact and what is declared" {
    run_ccbake plan --quiet --diff --backend=host --set "text=options a b=2" r.yaml
    assert_contains "change to the base: + added, - removed, ~ changed, ? only the bake will show"
    assert_contains $'step 11  initramfs          cached: exact\na        '
    assert_contains $'step 12  modprobe           not cached: declared\nfiles    2 added\n  + /etc/dracut.conf.d/ccbake-a.conf file 0644 0:0\n      @@ -0,0 +1,2 @@\n      +# Written by ccbake, for later initramfs images.\n      +install_items+=" /etc/modprobe.d/a.conf "\n  + /etc/modprobe.d/a.conf file 0644 0:0\n      @@ -0,0 +1 @@\n      +options a b=2'
    assert_contains $'step 13  again              not cached: declared, about 209.7 MB more in the image\n  ? /lib/modules/5.10.134-18.al8.x86_64: the lists of depmod\n  ? /boot/initramfs-5.10.134-18.al8.x86_64.img: made anew, with nvme'
}

@test "a base that is not at hand is not compared, and the change is shown all the same" {
    forget
    sed "s,path: base.qcow2,url: http://127.0.0.1:9/base.qcow2," r.yaml >far.yaml
    run_ccbake plan --quiet --diff --backend=host far.yaml
    assert_contains "The base is not at hand: all that is written counts as added."
    assert_contains "+ /etc/alinux-release file 0600 0:0"
    assert_contains "? whether the kernel is older than 5.10.134-18.al8"
    assert_contains "? argument swiotlb=4194304,any set in every boot entry"
    assert_contains "? argument rhgb removed from every boot entry"
    assert_contains "? /etc/default/grub: edited if it exists"
    assert_contains "? none.service disabled if it is enabled"
    assert_contains "+ enabled  x.service  /etc/systemd/system/multi-user.target.wants/x.service"
}

@test "a base that is not the locked one is not compared" {
    forget
    sed -E 's/sha256: ./sha256: /; s/sha256: [0-9a-f]*/&0/' r.yaml >other.yaml
    run_ccbake 4 plan --quiet --diff --backend=host other.yaml
    assert_contains "The base is not at hand"
    assert_contains "problem: other.yaml:5:7: base: "
    assert_contains " is not the file of the recipe (sha256 expected "
}

# Everything that counts, with its times; a layer that is used is younger then.
listing() {
    find . "$CCBAKE_CACHE_DIR" ! -path '*/digests*' ! -path '*/facts*' ! -path '*/layers/*.json' -printf '%p %s %T@ %C@\n' | sort
    sha256sum "$CCBAKE_CACHE_DIR"/layers/*.json
}

@test "nothing is written" {
    listing >"$BATS_TEST_TMPDIR/before"
    plan
    plan --set "text=other"
    diff "$BATS_TEST_TMPDIR/before" <(listing)
}

@test "the collector leaves the layers that are being read" {
    local lock status=0 left
    cp -a cache "$BATS_TEST_TMPDIR/cache"
    forget
    lock=$(grep -l '"step":"again"' "$CCBAKE_CACHE_DIR"/layers/*.json)
    lock=${lock%.json}.lock
    "$CCBAKE" plan --quiet --diff --json --backend=host r.yaml >in-use.json 3>&- &
    until grep -q ":$(stat -c %i "$lock") " /proc/locks; do
        kill -0 $! || fail "the plan held no layer"
    done
    kill -STOP $!
    find "$CCBAKE_CACHE_DIR/layers" -name '*.json' -exec touch -d '3 days ago' {} +
    left=$("$CCBAKE" cache gc --max-age=1)
    kill -CONT $!
    wait $! || status=$?
    [[ "$status: $left" == "0: removed 0 (0 bytes), kept 13, "* ]] || fail "$status: $left"
    assert_equal "$(jq '[.steps[] | select(.basis == "exact")] | length' in-use.json)" 13
}

@test "a damaged layer counts as none" {
    local layer
    cp -a cache "$BATS_TEST_TMPDIR/cache"
    forget
    layer=$(grep -l '"step":"again"' "$CCBAKE_CACHE_DIR"/layers/*.json)
    damage "${layer%.json}.qcow2" 70000
    plan
    assert_equal "$(member '[.steps[] | select(.basis == "declared") | .id, .state] | tostring')" \
        '["again","runs: not in the cache"]'
}

@test "without --diff nothing is opened" {
    output=$(env PATH=/nonexistent "$CCBAKE" plan --json r.yaml)
    assert_equal "$(member '[has("exact"), (.steps[0] | has("basis"))] | tostring')" "[false,false]"
    assert_equal "$(member .base.size)" "$(stat -c %s base.qcow2)"
    output=$(env PATH=/nonexistent "$CCBAKE" plan r.yaml)
    [[ $output != *"size unknown"* ]] || fail "$output"
}

@test "without --diff it says in a line what each step declares" {
    run_ccbake plan --quiet --backend=host r.yaml
    assert_contains $'[cached]\n       change     nothing\n'
    assert_contains $'\n       change     -rhgb, +swiotlb=4194304,any, ? /boot/loader/entries/'
    assert_contains $', ? /etc/default/grub: edited if it exists, ? /etc/kernel/cmdline: edited if it exists\n'
    assert_contains $'\n       change     2 files\n'
    assert_contains $'\n       change     2 files, 4 units or links, ? none.service disabled if it is enabled\n'
    assert_contains $'\n       change     ? what its commands do\n'
    assert_contains "\`?\` = known only after the bake. For file contents: plan --diff."
    run_ccbake plan --quiet --diff --backend=host r.yaml
    [[ $output != *"       change "* ]] || fail "$output"
}

@test "what the bake would fail at is a problem with its place; a bake does not start" {
    forget
    mkdir -p bad/etc
    echo x >bad/etc/selinux # a directory of the image
    sed 's/^  - initramfs$/  - overlay: {id: bad, source: bad}\n&/; /commands:/d; /script:/d' r.yaml >bad.yaml
    run_ccbake 11 plan --quiet --diff --backend=host bad.yaml
    assert_contains $'\nproblem: bad.yaml:23:5: /etc/selinux in the guest is a directory
     why: The bake would fail in step 9 (bad).
     remedy: choose another path, or remove the directory in an earlier step: {remove: [/etc/selinux]}
ccbake: 1 problem prevents this bake'
    output=$("$CCBAKE" plan --quiet --json --diff --backend=host bad.yaml) || assert_equal "$?" 11
    assert_equal "$(member '.problems | map([.place, .what, .check, .certain, .exit_code]) | tostring')" \
        '[["bad.yaml:23:5","/etc/selinux in the guest is a directory",null,true,11]]'
    run_ccbake 11 bake --quiet --backend=host --no-verify bad.yaml -o bad.qcow2
    assert_contains "ccbake: problem: bad.yaml:23:5: /etc/selinux in the guest is a directory"
    [[ ! -e bad.qcow2 && ! -e bad.log ]] || fail "a bake that did not start left files"
}

@test "a base that lacks what the driver needs: the checks say so before the bake, and not with --no-verify" {
    forget
    touch NVIDIA.run
    cat >gpu.yaml <<EOF
format: 1
name: gpu
gpus: 1
$(base_key base.qcow2)
payloads: {driver: {path: NVIDIA.run, sha256: $(sha256sum <NVIDIA.run | cut -d' ' -f1)}}
steps:
  - kernel-args: {set: ["swiotlb=4194304,any"]}
  - nvidia-driver: {payload: driver, version: 550.144.03}
  - initramfs
  - selftest
EOF
    run_ccbake 11 plan --quiet --backend=host gpu.yaml
    assert_contains "problem: gpu.yaml:7:3: no step brings nvidia-persistenced.service, and the base does not have it (units.persistenced)"
    run_ccbake 11 bake --quiet --backend=host gpu.yaml
    assert_contains "(units.persistenced)"
    assert_contains "hint: \`ccbake plan --diff gpu.yaml\` shows the whole plan"
    run_ccbake 4 bake --quiet --backend=host --no-verify gpu.yaml # it begins, and the guest has no headers

    # What a later step removes is no longer there.
    cat >later.yaml <<'EOF'
extends: gpu.yaml
steps:
  insert:
    - before: nvidia-driver
      steps:
        - files: [{path: /lib/modules/5.10.134-18.al8.x86_64/kernel/drivers/gpu/drm/nouveau/nouveau.ko, content: x}]
        - nouveau-blacklist
    - after: nvidia-driver
      steps: [{remove: [/etc/modprobe.d/ccbake-nouveau.conf]}]
EOF
    run_ccbake 11 plan --quiet --diff later.yaml
    assert_contains "(modprobe.nouveau)"
    sed -i '/remove:/d; /after: nvidia-driver/d' later.yaml
    run_ccbake 11 plan --quiet --diff later.yaml
    [[ $output != *"(modprobe.nouveau)"* ]] || fail "$output"
}

@test "a matrix: which image the plan is of, and a line for each of them" {
    forget
    sed 's/^variables:.*/variables: {text: "a", argument: "swiotlb=4194304,any"}\nmatrix: {text: [a, b]}/; s/^name: r/&\noutput: {name: "m-${text}"}/' \
        r.yaml >m.yaml
    run_ccbake plan --quiet --backend=host m.yaml
    assert_contains "matrix 2 images; this is text=a; --matrix shows all"
    "$CCBAKE" bake --quiet --backend=host --no-verify --set text=b m.yaml -o m-b.qcow2
    run_ccbake plan --quiet --backend=host --matrix m.yaml
    assert_equal "$output" $'text=a  11 cached,  2 to run  no problem  m-a.qcow2\ntext=b  13 cached,  0 to run  no problem  m-b.qcow2'
    run_ccbake plan --quiet --backend=host --matrix --json m.yaml
    assert_equal "$(jq -c '.images[] | [.image, .output, .current, (.steps | length)]' <<<"$output" | head -n 2)" \
        '["text=a","m-a.qcow2",false,'"$(jq '.images[0].steps | length' <<<"$output")"$']\n["text=b","m-b.qcow2",false,'"$(jq '.images[0].steps | length' <<<"$output")"']'
    sed 's/m-${text}/m/' m.yaml >same.yaml
    run_ccbake 3 plan --matrix same.yaml
    assert_contains 'the images text=a and text=b of the matrix would both be m.qcow2'
    run_ccbake 2 plan --matrix r.yaml
    assert_contains "--matrix: r.yaml has no matrix"
}

@test "without a lock, the plan says what to run" {
    forget
    sed 's/sha256: [0-9a-f]*, //' r.yaml >unlocked.yaml
    run_ccbake 3 plan --quiet --backend=host unlocked.yaml
    assert_contains "[runs: not locked: run ccbake lock]"
}

@test "a damaged entry of the facts is found out and made again" {
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/facts-cache
    run_ccbake plan --backend=host r.yaml
    local right=$output facts
    facts=$(echo "$CCBAKE_CACHE_DIR"/facts/*.json)
    cp "$facts" "$BATS_TEST_TMPDIR/facts.json"
    for change in 's/"free_bytes"/"free_bytet"/' 's/5\.10\.134-18/4.10.134-18/g' 's/"digest"/"digesu"/' '1s/{/[/'; do
        sed "$change" "$BATS_TEST_TMPDIR/facts.json" >"$facts"
        run_ccbake plan --backend=host r.yaml
        assert_equal "$(grep -v ^inspect <<<"$output")" "$(grep -v ^inspect <<<"$right")"
        cmp "$facts" "$BATS_TEST_TMPDIR/facts.json"
    done
}
