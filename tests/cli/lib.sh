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
# lines GREP-ARGUMENT...   how many lines fit, 0 included
lines() { grep -c "$@" || true; }
# status N COMMAND...   exit status N, nothing on stdout, one line on stderr, which is left in $line
status() {
    local want=$1 got
    shift
    "$@" >out 2>err
    got=$?
    line=$(cat err)
    [ "$got" = "$want" ] || die "exit status $got instead of $want of $*: $line"
    [ ! -s out ] || die "output on stdout of $*"
    # A pointer to --help, as other people's tools give it, is not counted.
    [ "$(sed "\$!b; /Try .* --help/d" err | wc -l)" = 1 ] || die "not one line of $*: $line"
}
# guest NAME [OPTION...]   compile tests/guest/NAME.c for arm64 as ./NAME
guest() {
    local name=$1
    shift
    requires aarch64-linux-gnu-gcc
    aarch64-linux-gnu-gcc -O1 -Wall -o "$name" "$here/../guest/$name.c" "$@" || die "cannot compile $name.c"
}
# The guests whose programs can be compiled with a cross compiler: emulator and compiler.
guests='aarch64 aarch64-linux-gnu-gcc
x86_64 x86_64-linux-gnu-gcc
i386 i686-linux-gnu-gcc
arm arm-linux-gnueabihf-gcc'
# each_guest COMMAND   COMMAND ARCH COMPILER for each of $guests that there is; skipped if there is none
each_guest() {
    local arch compiler ran=0
    while read -r arch compiler <&3; do
        command -v "$compiler" >/dev/null || { echo "no $compiler: $arch not tried"; continue; }
        [ -e "$EMU_TOOLS/emu-$arch" ] || continue
        "$1" "$arch" "$compiler" 3<&-
        ran=1
    done 3<<<"$guests"
    [ $ran = 1 ] || { echo "needs a cross compiler"; exit 77; }
}
