#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Shells and commands in throw-away copies of a small guest: `ccbake shell`, and `ccbake bake --shell-on-error`.

# shellcheck disable=SC2016 # what looks like a variable is meant for the guest

load helpers

setup_file() {
    must_have_host_backend
    small_guest "$BATS_FILE_TMPDIR/base.qcow2"
    sha256sum "$BATS_FILE_TMPDIR/base.qcow2" >"$BATS_FILE_TMPDIR/base.sha256"
}

setup() {
    export CCBAKE_CACHE_DIR=$BATS_TEST_TMPDIR/cache
    cd "$BATS_TEST_TMPDIR" || return 1
    ln -s "$BATS_FILE_TMPDIR/base.qcow2" base.qcow2
    echo 'the payload' >p.txt
    cat >r.yaml <<EOF
format: 1
name: r
gpus: 1
$(base_key base.qcow2)
payloads: {p: {path: p.txt, sha256: $(sha256sum <p.txt | cut -d' ' -f1)}}
variables: {word: fails}
steps:
  - run: {id: one, commands: [[sh, -c, "echo one >/root/one"]]}
  - run: {id: two, payloads: p, commands: [[sh, -c, "echo two >/root/two; echo \${word}; cat /root/none"]]}
  - run: {id: three, commands: [["true"]]}
EOF
}

# The base and the layers are as they were, and nothing is mounted or left.
teardown() {
    sha256sum --check --quiet "$BATS_FILE_TMPDIR/base.sha256"
    [[ ! -e layers.sha256 ]] || sha256sum --check --quiet layers.sha256
    assert_equal "$(find cache/work -mindepth 1 2>/dev/null)" ''
    assert_equal "$(pgrep -f "$BATS_TEST_TMPDIR/cache")" ''
}

# A bake that fails in step two: the layer of step one is in the cache.
failed_bake() {
    run_ccbake 7 bake --backend=host --no-verify r.yaml
    sha256sum cache/layers/*.qcow2 >layers.sha256
}

shell() {
    local expected=0
    [[ ! $1 =~ ^[0-9]+$ ]] || { expected=$1 && shift; }
    run_ccbake "$expected" shell --backend=host --quiet "$@"
}

@test "shell IMAGE -- COMMAND: the exit status, input and output are the command's, and nothing is kept" {
    shell base.qcow2 -- sh -c 'echo new >/root/new; cat /root/new; exit 0'
    assert_equal "$output" new
    shell 1 base.qcow2 -- ls /root/new
    shell 3 base.qcow2 -- sh -c 'exit 3'
    assert_equal "$output" ''
    shell 137 base.qcow2 -- sh -c 'kill -9 $$'
    "$CCBAKE" shell --backend=host -q base.qcow2 -- sh -c 'tr a-z A-Z; echo problem >&2' <<<'typed in' >out 2>err
    assert_equal "$(cat out)" 'TYPED IN'
    assert_equal "$(cat err)" 'problem'
    # Options of the command are its own, and its first -- is ccbake's.
    shell base.qcow2 -- printf '%s;' --after -- -q
    assert_equal "$output" '--after;--;-q;'
    shell base.qcow2 -- env
    assert_equal "$(sort <<<"$output" | grep -v '^PWD=\|^SHLVL=' | tr '\n' ' ')" \
        'HOME=/root LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/tmp '
}

@test "shell takes any format, and changes none" {
    local format
    for format in raw vpc; do
        qemu-img convert -O "$format" base.qcow2 "image.$format"
        sha256sum "image.$format" >image.sha256
        shell "image.$format" -- sh -c 'echo x >/root/x; cat /etc/os-release'
        assert_contains 'ID="alinux"'
        sha256sum --check --quiet image.sha256
    done
}

@test "shell RECIPE STEP: the image before the step or after it, with its payloads and scratch space" {
    failed_bake
    assert_contains 'hint: the whole log is r.log; `ccbake shell --backend=host r.yaml two` opens a shell in the image before this step'
    shell r.yaml two -- sh -c 'ls /root; cat /tmp/ccbake/p.txt; echo x >/tmp/x; df -P /tmp | tail -n 1 | cut -d " " -f 1'
    assert_equal "$output" $'one\nthe payload\nccbake'
    shell r.yaml one -- ls /root # before the first step: the base
    assert_equal "$output" ''
    shell --after r.yaml one -- ls /root
    assert_equal "$output" one
    shell 4 --after r.yaml two -- true
    assert_equal "$output" 'ccbake: the cache has no layer of step "two"
hint: `ccbake bake --backend=host` makes one of each step, also if a later one fails'
    shell 4 r.yaml three -- true
    assert_contains 'ccbake: the cache has no layer of step "two"'
    shell 2 r.yaml four -- true
    assert_equal "$output" 'ccbake: the recipe has no step "four"
hint: its steps: one, two, three'
}

@test "the hint of a failed step is the command that works" {
    run_ccbake 7 bake --backend=host --no-verify --set word='two words' r.yaml
    local command
    command=$(sed -nE 's/^hint: .*; `ccbake (shell [^`]*)`.*/\1/p' <<<"$output")
    eval "run_ccbake 0 $command -q -- cat /root/one"
    assert_equal "$output" one
    assert_equal "$command" "shell '--set=word=two words' --backend=host r.yaml two"
}

@test "shell has the network of its own only, unless --network is given" {
    shell base.qcow2 -- sh -c 'ls /sys/class/net 2>/dev/null; grep -c : /proc/net/dev'
    assert_equal "$output" 1 # lo
    shell --network base.qcow2 -- sh -c 'cat /proc/net/dev; cat /etc/resolv.conf'
    assert_contains "$(cat /etc/resolv.conf)"
    assert_contains "$(sed -nE 's/^ *([^:]+):.*/\1:/p' /proc/net/dev | grep -v lo: | head -n 1)"
}

@test "shell: what is wrong with the command line" {
    shell 2 r.yaml -- true
    assert_equal "$output" 'ccbake: shell: name a step of r.yaml, too'
    shell 2 --after base.qcow2 -- true
    assert_equal "$output" 'ccbake: shell: --after is for a step of a recipe'
    shell 2 base.qcow2 --
    assert_equal "$output" 'ccbake: shell: there is no command after --'
    shell 2 base.qcow2 </dev/null
    assert_equal "$output" 'ccbake: a shell needs a terminal
hint: `ccbake shell ... -- COMMAND` runs a command without one'
    shell 2 a b c -- true
    assert_contains 'too many arguments'
    shell 7 base.qcow2 -- no-such-program
    assert_equal "$output" 'ccbake: the image has no command "no-such-program"'
    run_ccbake 2 bake --shell-on-error r.yaml </dev/null
    assert_equal "$output" 'ccbake: --shell-on-error needs a terminal'
    run_ccbake 2 bake --shell-on-error --matrix r.yaml
    assert_equal "$output" 'ccbake: --shell-on-error is for one image of the matrix: choose it by --set'
    run script -qec "$CCBAKE shell --backend=appliance base.qcow2" /dev/null
    assert_equal "$status" 5
    assert_contains "a shell needs the host backend: libguestfs's appliance has no terminal for a shell"
    run script -qec "$CCBAKE bake --backend=appliance --shell-on-error r.yaml" /dev/null
    assert_equal "$status" 5
    assert_contains "--shell-on-error needs the host backend"
}

# on_terminal SCRIPT ARGUMENT...: runs ccbake on a terminal; SCRIPT is Python that types and reads: until(), keys(), size(),
# end(STATUS).
on_terminal() {
    python3 - "$CCBAKE" "$@" 3>&- <<'END'
import os, pty, select, signal, struct, sys, termios, time, fcntl
ccbake, script, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
master, slave = pty.openpty()
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.login_tty(slave)
    os.execv(ccbake, [ccbake, *arguments])
seen = b""

# Reads up to a word; what was read before does not count.
def until(word, seconds=30):
    global seen
    end, word = time.monotonic() + seconds, word.encode()
    while word not in seen:
        assert time.monotonic() < end, (word, seen[-2000:])
        if select.select([master], [], [], 1)[0]:
            seen += os.read(master, 65536)
    text, seen = seen.split(word, 1)
    return text.decode()

def keys(text):
    os.write(master, text.encode())

def size(rows, columns):
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

def end(status, seconds=30):
    deadline, ended = time.monotonic() + seconds, 0
    while ended == 0:
        assert time.monotonic() < deadline, "it does not end"
        if select.select([master], [], [], 0.1)[0]:
            os.read(master, 65536)
        ended, wait_status = os.waitpid(pid, os.WNOHANG)
    code = os.waitstatus_to_exitcode(wait_status)
    assert code == status, code
    assert termios.tcgetattr(slave) == before, "the terminal is not as it was"

exec(script)
END
}

@test "shell on a terminal: a terminal of its own, with job control and the size of ours" {
    failed_bake
    on_terminal '
size(33, 99)
until("Nothing that you change is kept")
until("[two] / # ")
keys("stty size; tty; ls /root; echo x >/root/x\r")
until("33 99"); until("/dev/console"); until("one"); until("# ")
size(44, 111)
time.sleep(0.5)
keys("stty size\r")
until("44 111")
# Ctrl-C ends what runs in front, and neither the shell nor ccbake; Ctrl-Z stops it.
keys("sleep 100\r"); time.sleep(0.5); keys("\x03")
keys("echo a$((1 + 1))b\r"); until("a2b")
keys("sleep 100\r"); time.sleep(0.5); keys("\x1a"); until("Stopped")
keys("kill -9 %1; echo c$((1 + 1))d\r"); until("c2d")
keys("seq 20000 | tail -n 1; exit 3\r")
until("20000\r\n")
end(3)' shell --backend=host -q r.yaml two
    shell r.yaml two -- ls /root
    assert_equal "$output" one
}

@test "shell: SIGTERM gives the terminal back" {
    on_terminal '
until("# ")
while termios.tcgetattr(slave) == before:
    time.sleep(0.1)
os.kill(pid, signal.SIGTERM)
end(130)' shell --backend=host -q base.qcow2
}

# Else it could type into it.
@test "shell: no command has the terminal of ccbake for its controlling one" {
    local try='true </dev/tty && echo opened; echo tried'
    run script -qec "$CCBAKE shell --backend=host -q base.qcow2 -- sh -c '$try' | cat" /dev/null
    assert_contains tried
    [[ $output != *opened* ]] || fail "$output"
    run script -qec "$CCBAKE shell --backend=host -q base.qcow2 -- sh -c '$try; tty'" /dev/null # its own
    assert_contains opened
    assert_contains /dev/console
}

@test "bake --shell-on-error: the image as the step left it, and then the step's error" {
    on_terminal '
until("\r\nstep 2/3 (two): sh failed with exit code 1")
until("cat: can")
until("This shell is in the image as step \"two\" left it.")
until("[two] / # ")
keys("cat /root/two /tmp/ccbake/p.txt; grep -c : /proc/net/dev; echo x >/root/x; exit 5\r")
until("two\r\n"); until("the payload\r\n"); until("1\r\n")
until("\x1b[31mccbake: \x1b[0mstep 2/3 (two): sh failed with exit code 1")
until("hint: the whole log is r.log")
end(7)' bake --backend=host --no-verify --shell-on-error r.yaml
    [[ ! -e r.qcow2 ]] || fail 'an image of a failed bake'
    sha256sum cache/layers/*.qcow2 >layers.sha256
    shell r.yaml two -- ls /root
    assert_equal "$output" one
    # A bake in which nothing fails opens none.
    sed -i 's|; cat /root/none||' r.yaml
    run script -qec "$CCBAKE bake --backend=host --no-verify --shell-on-error r.yaml" /dev/null
    assert_equal "$status" 0
    [[ $output != *'This shell'* ]] || fail "$output"
    assert_contains '; kernel 5.10.134-18.al8.x86_64; report r.html, log r.log'
}

@test "bake --shell-on-error: a bake that is stopped opens no shell" {
    sed -i 's|cat /root/none|sleep 60|' r.yaml
    on_terminal '
until("two: run sh -c")
time.sleep(1)
keys("\x03")
assert "This shell" not in until("stopped by Ctrl-C")
end(130)' bake --backend=host --no-verify --shell-on-error r.yaml
}

@test "shell: SIGKILL leaves nothing" {
    on_terminal '
until("# ")
keys("sleep 1000 &\r"); until("# ")
os.kill(pid, signal.SIGKILL)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert code == -9, code
time.sleep(1)' shell --backend=host -q base.qcow2
}
