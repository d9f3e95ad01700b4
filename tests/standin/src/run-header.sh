#!/bin/sh
# @LABEL@
# STAND-IN, made for the tests of ccbake; not a product of NVIDIA.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A self-extracting archive in the manner of makeself: this script, then a tar
# archive from line @SKIP@ on. Its own options are below (--help); all the others
# go to @INSTALLER@, inside, without a "--" between.

label='@LABEL@'
skip=@SKIP@
md5=@MD5@
unpacked_kb=@UNPACKED_KB@
decompress='@DECOMPRESS@'
target_name='@TARGET@'
installer='@INSTALLER@'

say() {
    [ "$quiet" = yes ] || echo "$*"
}

die() {
    echo "$*" >&2
    exit 1
}

archive_data() {
    tail -n +"$skip" "$self"
}

verify() {
    say "Verifying archive integrity... "
    actual=$(archive_data | md5sum | cut -d ' ' -f 1)
    [ "$actual" = "$md5" ] ||
        die "Error in MD5 checksums: $actual is different from $md5. The archive is damaged or incomplete."
    say "OK"
}

# enough_space DIR: as df counts it; an unknown amount counts as enough.
enough_space() {
    free_kb=$(df -kP "$1" 2>/dev/null | tail -n 1 | awk '{ print $4 }')
    case $free_kb in
        '' | *[!0-9]*) return 0 ;;
    esac
    [ "$free_kb" -ge "$unpacked_kb" ]
}

# unpack DIR
unpack() {
    enough_space "$1" ||
        die "Not enough space left in $1 ($free_kb KB) to decompress $self ($unpacked_kb KB). Please use the --tmpdir option."
    say "Uncompressing $label"
    # The status of the decompressor is lost in a pipe, but not what it fails to give.
    archive_data | $decompress | (cd "$1" && tar xf - --no-same-owner) ||
        die "Extraction failed."
}

show_help() {
    cat <<USAGE
$label (STAND-IN)

  --help            this text, then that of $installer
  --info            about this archive
  --check           check its integrity
  -x, --extract-only  unpack into ./$target_name, do not run $installer
  --target DIR      unpack there instead
  --keep            keep the unpacked files
  --tmpdir=DIR      unpack into a temporary directory there (default: \$TMPDIR or /tmp)
All other options go to $installer.
USAGE
}

show_info() {
    echo "  label:     $label (STAND-IN)"
    echo "  target:    $target_name"
    echo "  unpacked:  $unpacked_kb KB"
    echo "  md5:       $md5"
    echo "  runs:      $installer"
}

self=$0
case $self in
    /*) ;;
    *) self=$(pwd)/$self ;;
esac
[ -r "$self" ] || die "Cannot read $self: run it by its path."

tmproot=${TMPDIR:-/tmp}
mode=run keep=no target='' quiet=no
count=$#
while [ "$count" -gt 0 ]; do
    option=$1
    shift
    count=$((count - 1))
    case $option in
        -x | --extract-only) mode=extract ;;
        --keep) keep=yes ;;
        --info) mode=info ;;
        --check) mode=check ;;
        --target | --tmpdir)
            [ "$count" -gt 0 ] || die "$option needs a directory."
            if [ "$option" = --target ]; then target=$1 keep=yes; else tmproot=$1; fi
            shift
            count=$((count - 1))
            ;;
        --target=*) target=${option#*=} keep=yes ;;
        --tmpdir=*) tmproot=${option#*=} ;;
        --help | -h)
            show_help
            set -- "$@" "$option"
            ;;
        -s | --silent)
            quiet=yes
            set -- "$@" "$option"
            ;;
        *) set -- "$@" "$option" ;;
    esac
done

case $mode in
    info)
        show_info
        exit 0
        ;;
    check)
        verify
        exit 0
        ;;
esac

verify
if [ "$mode" = extract ] || [ -n "$target" ]; then
    directory=${target:-$target_name}
    [ ! -e "$directory" ] || die "Directory $directory already exists: not unpacking into it."
    mkdir -p "$directory" || die "Cannot create the target directory $directory."
else
    [ -d "$tmproot" ] || die "Cannot use the temporary directory $tmproot: no such directory."
    directory=$(mktemp -d "$tmproot/selfgz.XXXXXX") || die "Cannot create a directory in $tmproot."
fi

# shellcheck disable=SC2317 # called by the trap
clean_up() {
    cd /
    [ "$keep" = yes ] || rm -rf "$directory"
}
if [ "$mode" = run ]; then
    trap clean_up EXIT
    trap 'exit 1' HUP INT TERM
fi

unpack "$directory"
[ "$mode" = run ] || exit 0

TMPDIR=$tmproot
export TMPDIR
cd "$directory" || exit 1
"./$installer" "$@"
exit $?
