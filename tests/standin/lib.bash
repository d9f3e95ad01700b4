# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib.bash - what the scripts of this directory share. Sourced, never run.
#
# Each artifact is built once. ARTIFACT.digest holds the digest of its inputs: the script,
# this library, the input files, and the versions of the Debian packages. While the digest
# matches, a script only prints the artifact's path.
#
#   . "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
#   standin_init NAME
#   standin_need COMMAND...
#   digest=$(standin_digest -i "INSTALLED-PACKAGES" -a "ARCHIVE-PACKAGES" -w WORD FILE...)
#   standin_make "$STANDIN_DIR/ARTIFACT" "$digest" FUNCTION ARGUMENT...
#
# FUNCTION is called as FUNCTION OUT WORK ARGUMENT...: it makes the file or directory OUT,
# and may use the empty directory WORK, which is removed afterwards. Its output goes to
# $STANDIN_DIR/log/NAME.log. On success OUT is renamed to ARTIFACT.
#
# Environment: CCBAKE_STANDIN_DIR, the directory of artifacts, absolute or relative to the
# repository (default: build/standin).

# The date of all stand-ins: 2025-01-17, that of the real image.
export SOURCE_DATE_EPOCH=1737072000

STANDIN_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) # this directory
STANDIN_TOP=$(cd "$STANDIN_HOME/../.." && pwd)             # the repository

# standin_init NAME: sets STANDIN_NAME, STANDIN_DIR and STANDIN_LOG.
standin_init() {
    STANDIN_NAME=$1
    STANDIN_DIR=${CCBAKE_STANDIN_DIR:-build/standin}
    [[ $STANDIN_DIR == /* ]] || STANDIN_DIR=$STANDIN_TOP/$STANDIN_DIR
    STANDIN_LOG=$STANDIN_DIR/log/$STANDIN_NAME.log
    mkdir -p "$STANDIN_DIR/log" "$STANDIN_DIR/work"
}

standin_say() {
    printf 'standin/%s: %s\n' "$STANDIN_NAME" "$*" >&2
}

standin_die() {
    standin_say "$@"
    exit 1
}

# standin_usage FILE: prints the head comment of a script as its help text.
standin_usage() {
    sed -n '/^# SPDX/d; /^#!/d; /^#/!q; s/^# \{0,1\}//p' "$1"
}

# standin_need COMMAND...: exits with a list of all missing commands, if any.
standin_need() {
    local command missing=()
    for command in "$@"; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    ((${#missing[@]} == 0)) ||
        standin_die "missing: ${missing[*]} (scripts/install-deps installs what is needed)"
}

standin_need_root() {
    ((EUID == 0)) || standin_die "needs root: it makes files of many owners"
}

# Prints the versions of packages in the archive. apt-cache takes a second, so the answer
# is kept until the archive's signed indexes change.
standin_archive_versions() {
    local packages=$1 key memo
    key=$(cat /var/lib/apt/lists/*_InRelease - <<<"$packages" 2>/dev/null | sha256sum)
    memo=$STANDIN_DIR/work/versions.${key:0:16}
    if [[ ! -s $memo ]]; then
        # shellcheck disable=SC2086 # a list of words
        apt-cache show --no-all-versions $packages |
            sed -n -e '/^Package: /p' -e '/^Version: /p' >"$memo.$$"
        [[ -s $memo.$$ ]] || standin_die "apt knows no packages: run apt-get update"
        mv "$memo.$$" "$memo"
    fi
    cat "$memo"
}

# standin_digest [-i PACKAGES] [-a PACKAGES] [-w WORD]... FILE...
# Prints the digest of the calling script, this library, the versions of installed (-i)
# and of archive (-a) packages, words, and the contents of files.
standin_digest() {
    local installed='' archive='' words=() option OPTIND=1 OPTARG
    while getopts i:a:w: option; do
        case $option in
            i) installed=$OPTARG ;;
            a) archive=$OPTARG ;;
            w) words+=("$OPTARG") ;;
            *) standin_die "standin_digest: bad option" ;;
        esac
    done
    shift $((OPTIND - 1))
    {
        # shellcheck disable=SC2086 # lists of words
        [[ -z $installed ]] || dpkg-query -W -f '${Package} ${Version}\n' $installed ||
            standin_die "not installed: some of $installed"
        [[ -z $archive ]] || standin_archive_versions "$archive"
        printf '%s\n' "${words[@]}"
        cat "$0" "${BASH_SOURCE[0]}" "$@"
    } | sha256sum | cut -d' ' -f1
}

# standin_cached ARTIFACT DIGEST
standin_cached() {
    [[ -e $1 && -f $1.digest && $(<"$1.digest") == "$2" ]]
}

# standin_make ARTIFACT DIGEST FUNCTION ARGUMENT...
standin_make() {
    local artifact=$1 digest=$2 status=0
    shift 2
    if standin_cached "$artifact" "$digest"; then
        echo "$artifact"
        return
    fi
    # If two runs want it at once, the second one waits, and finds it built.
    exec 9>"$STANDIN_DIR/work/.lock.$(basename "$artifact")"
    flock 9
    if ! standin_cached "$artifact" "$digest"; then
        standin_say "building ${artifact#"$STANDIN_TOP"/} (log: ${STANDIN_LOG#"$STANDIN_TOP"/})"
        SECONDS=0
        # Not "( ... ) || status=$?", which would disable -e inside.
        set +e
        (
            set -e
            standin_build "$artifact" "$digest" "$@"
        ) >"$STANDIN_LOG" 2>&1
        status=$?
        set -e
        if ((status != 0)); then
            tail -n 25 "$STANDIN_LOG" >&2
            standin_die "failed (exit status $status); the whole log: $STANDIN_LOG"
        fi
        standin_say "done in $SECONDS s"
    fi
    exec 9>&-
    echo "$artifact"
}

# The part of standin_make that runs in a subshell and writes to the log.
standin_build() {
    local artifact=$1 digest=$2 function=$3 work
    shift 3
    work=$(mktemp -d "$STANDIN_DIR/work/$STANDIN_NAME.XXXXXX")
    # shellcheck disable=SC2064 # expanded now, on purpose
    trap "rm -rf --one-file-system '$work'" EXIT
    mkdir "$work/tmp" "$work/publish"
    "$function" "$work/publish/out" "$work/tmp" "$@"
    # Removed first and written last, so that an interrupted publish does not match.
    rm -f "$artifact.digest"
    [[ ! -d $artifact ]] || rm -rf --one-file-system "$artifact"
    mkdir -p "$(dirname "$artifact")"
    mv -T "$work/publish/out" "$artifact"
    echo "$digest" >"$artifact.digest"
}
