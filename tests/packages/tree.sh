#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tree.sh BUILD-FOLDER    what `cmake --install` puts below a prefix: programs that run from there under all their names, each with
# its page and completions.
set -u
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
die() { echo "tree.sh: $*" >&2; exit 1; }
cmake --install "$1" --prefix "$prefix" >"$prefix/log" 2>&1 || { cat "$prefix/log"; exit 1; }
count=0
for program in "$prefix"/bin/* "$prefix"/sbin/*; do
    name=$(basename "$program")
    text=$("$program" --version) || die "$name --version fails"
    case $text in *version*) ;; *) die "$name says $text" ;; esac
    ls "$prefix"/share/man/man[18]/"$name".[18].gz >/dev/null || die "$name has no page"
    for file in "bash-completion/completions/$name" "zsh/vendor-completions/_$name" "fish/vendor_completions.d/$name.fish"; do
        [ -s "$prefix/share/$file" ] || die "no $file"
    done
    count=$((count + 1))
done
[ $count -ge 5 ] || die "only $count programs"
grep -q '^| `ivshmem-server`' "$prefix/share/doc/emu-doc/options.md" || die "no index of programs"
find "$prefix" -xtype l | grep . && die "links to nowhere"
echo "$count programs"
