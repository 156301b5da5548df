# SPDX-License-Identifier: MIT
# Shared by the scripts here: where the tree is, and how packages get installed. Sourced, not run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

build_packages="g++ cmake ninja-build pkg-config libfmt-dev libcli11-dev libexpected-dev nlohmann-json3-dev libxbyak-dev
libcapstone-dev zlib1g-dev libgnutls28-dev nettle-dev libpam0g-dev libdeflate-dev libbz2-dev libzstd-dev
libcurl4-openssl-dev libssh-dev libnfs-dev libiscsi-dev librbd-dev libglusterfs-dev
libnbd-dev liburing-dev"
test_packages="doctest-dev python3 qemu-user binutils-aarch64-linux-gnu gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross
gcc-i686-linux-gnu libc6-dev-i386-cross gdb-multiarch linux-libc-dev-arm64-cross
gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-arm-linux-gnueabi libc6-dev-armel-cross
mandoc git e2fsprogs
qemu-guest-agent qemu-utils gnutls-bin nginx-light openssh-server openssh-client tgt nfs-ganesha nfs-ganesha-vfs libvmdk-utils libvhdi-utils libqcow-utils
7zip cryptsetup-bin dosfstools mtools
libnbd-bin python3-libnbd nbdkit nbd-server fio fuse3
glusterfs-server ceph-mon ceph-osd ceph-common qemu-system-x86"
package_packages="dpkg-dev fakeroot lintian python3 gzip debootstrap"
fuzz_packages="clang-14 libclang-rt-14-dev"

say() { printf '\n== %s\n' "$*"; }

# install PACKAGE...: what of it is missing, through apt-get (by sudo if we are not root)
install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    say "installing ${missing[*]}"
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# configure_and_build PRESET [CMAKE-OPTION...]     with -B FOLDER as the first option, there instead of in build/PRESET
configure_and_build() {
    local preset=$1 folder=$root/build/$1 log
    shift
    [ "${1:-}" = -B ] && folder=$2
    log=$folder.configure.log
    mkdir -p "$root/build"
    cmake -S "$root" --preset "$preset" "$@" >"$log" 2>&1 || { cat "$log"; return 1; }
    cmake --build "$folder" || return 1
}
