# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For `run`: time things and write down what was found.
#
#   say TEXT...                        a line of progress
#   timed KEY COMMAND...               runs it and notes the seconds under KEY
#   timed_peak KEY COMMAND...          the peak memory of a process of the program too, in kB, under KEY-peak; while it
#                                      runs, $in_background is its number
#   note KEY NUMBER                    notes a number
#   last KEY                           the number noted last
#   repeat N KEY COMMAND...            runs COMMAND N times, where COMMAND notes seconds under KEY; once if it takes long
#
# Numbers go to $FIGURES, one line each, "KEY NUMBER"; output of the commands to $LOG.

LONG_S=600 # a run that takes longer is not done again

say() {
    printf '%(%H:%M:%S)T  %s\n' -1 "$*"
}

note() {
    printf '%s %s\n' "$1" "$2" >>"$FIGURES"
}

last() {
    awk -v key="$1" '$1 == key { value = $2 } END { print value }' "$FIGURES"
}

show_log_and_fail() {
    tail -n 40 "$LOG" >&2
    printf 'bench: failed: %s\n' "$*" >&2
    printf 'bench: the whole log: %s\n' "$LOG" >&2
    exit 1
}

# note_seconds KEY START END, both as EPOCHREALTIME has them
note_seconds() {
    local micro=$((${3/./} - ${2/./})) seconds
    printf -v seconds '%d.%03d' $((micro / 1000000)) $((micro / 1000 % 1000))
    note "$1" "$seconds"
    say "    $1: $seconds s"
}

# What the run before left unwritten must not be paid by this one: hence sync.
timed() {
    local key=$1 started status=0
    shift
    printf '\n=== %s: %s\n' "$key" "$*" >>"$LOG"
    sync
    started=$EPOCHREALTIME
    "$@" >>"$LOG" 2>&1 || status=$?
    note_seconds "$key" "$started" "$EPOCHREALTIME"
    ((status == 0)) || show_log_and_fail "$*"
}

# The kernel's high-water mark of the process, and of those of a matrix that it starts, whichever is the largest:
# getrusage and time(1) would give the compilers and QEMU too. It only rises, and what a bake does last is short and
# small, so looking at it five times a second misses nothing.
watch_peak() {
    local field value rest pid peak=0
    while [[ -r /proc/$1/status ]]; do
        for pid in "$1" $(cat "/proc/$1/task/"*/children 2>/dev/null); do
            [[ /proc/$pid/exe -ef /proc/$1/exe ]] || continue
            while read -r field value rest; do
                [[ $field != VmHWM: ]] || peak=$((value > peak ? value : peak))
            done < <(cat "/proc/$pid/status" 2>/dev/null)
        done
        sleep 0.2
    done
    echo "$peak"
}

# shellcheck disable=SC2034 # in_background is for `run`
timed_peak() {
    local key=$1 started pid watcher status=0
    shift
    printf '\n=== %s: %s\n' "$key" "$*" >>"$LOG"
    sync
    started=$EPOCHREALTIME
    "$@" >>"$LOG" 2>&1 &
    pid=$!
    watch_peak "$pid" >"$WORK/peak" &
    watcher=$!
    in_background=$pid
    wait "$pid" || status=$?
    note_seconds "$key" "$started" "$EPOCHREALTIME"
    in_background=
    ((status == 0)) || show_log_and_fail "$*"
    wait "$watcher"
    note "$key-peak" "$(<"$WORK/peak")"
}

repeat() {
    local runs=$1 key=$2 run
    shift 2
    for ((run = 1; run <= runs; run++)); do
        say "$key, run $run of $runs"
        "$@"
        awk -v seconds="$(last "$key")" -v long=$LONG_S 'BEGIN { exit !(seconds < long) }' || break
    done
}
