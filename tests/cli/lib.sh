# SPDX-License-Identifier: MIT
# Sourced by the tests here. A test is one behaviour of one tool; it runs in a directory of its own that goes away, and
# finds the programs in $EMU_TOOLS. Exit status 77: skipped.
set -u
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
: "${EMU_TOOLS:?where the programs are}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset $(env | sed -n 's/^\(EMU_[A-Z_]*\)=.*/\1/p' | grep -v '^EMU_TOOLS$') 2>/dev/null

die() { echo "$0: $*" >&2; exit 1; }
requires() { for program in "$@"; do command -v "$program" >/dev/null || { echo "needs $program"; exit 77; }; done; }
# is EXPECTED ACTUAL
is() { [ "$1" = "$2" ] || die "expected: $1
but got:  $2"; }
# has TEXT PART
has() { case $1 in *"$2"*) ;; *) die "not there: $2
in:        $1" ;; esac; }
# status N COMMAND...   exit status N, nothing on stdout, one line on stderr, which is left in $line
status() {
    local want=$1 got
    shift
    "$@" >out 2>err
    got=$?
    line=$(cat err)
    [ "$got" = "$want" ] || die "exit status $got instead of $want of $*: $line"
    [ ! -s out ] || die "output on stdout of $*"
    [ "$(wc -l <err)" = 1 ] || die "not one line of $*: $line"
}
# guest NAME [OPTION...]   compile tests/guest/NAME.c for arm64 as ./NAME
guest() {
    local name=$1
    shift
    requires aarch64-linux-gnu-gcc
    aarch64-linux-gnu-gcc -O1 -Wall -o "$name" "$here/../guest/$name.c" "$@" || die "cannot compile $name.c"
}
