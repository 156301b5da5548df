#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Guest programs execute guest programs, scripts and programs of the host, and the options travel along.
. "$(dirname "$0")/lib.sh"
emu=$EMU_TOOLS/emu-aarch64
guest report -static
guest run -static

is 'argv name' "$("$emu" ./run ./report name)"
is 'argv name x y' "$("$emu" ./run ./report name argv x y)"
printf '#!%s/report argv\n' "$PWD" >script
chmod +x script
is "argv $PWD/report ./script one" "$("$emu" ./run ./script ignored one)"
is "argv $PWD/report ./script one" "$("$emu" ./script one)"
is "native" "$("$emu" ./run "$(type -P echo)" echo native)"
is 'uname aarch64 1.2.3' "$("$emu" -r 1.2.3 ./run ./report name uname)"
is 'env /guest/lib' "$("$emu" -E LD_LIBRARY_PATH=/guest/lib ./run ./report name env LD_LIBRARY_PATH)"
is 'errno 2' "$("$emu" ./run ./missing x)"
: >noexec
is 'errno 13' "$("$emu" ./run ./noexec x)"
is 'errno 13' "$("$emu" ./run . x)"
chmod +x noexec
is 'errno 8' "$("$emu" ./run ./noexec x)"
printf '#!./loop\n' >loop
chmod +x loop
is 'errno 40' "$("$emu" ./run ./loop x)"
"$emu" -strace -D log ./run ./report name >/dev/null
has "$(cat log)" 'execve("./report", ["name"], 0x'
has "$(cat log)" 'write(1, "argv name\n", 10) = 10'

# Without /proc, as in a root directory that is being made.
if [ "$(id -u)" = 0 ] && mkdir root && cp "$(readlink -f "$EMU_TOOLS/emu-user-static")" root/emu-aarch64 2>/dev/null; then
    cp report run root
    is 'argv name' "$(chroot root /emu-aarch64 /run /run /run /report name)"
fi
# The descriptor by which a program that is executed finds Emu is not there for the program.
cat >descriptors.c <<'END'
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char** argv) {
    struct stat about;
    for (int fd = 900; fd < 2000; fd++)
        if (fstat(fd, &about) == 0 || dup(fd) >= 0) return printf("%d is open\n", fd), 1;
    return argc > 1 ? execv(argv[0], (char*[]){argv[0], NULL}) : puts("none");
}
END
aarch64-linux-gnu-gcc -static -o descriptors descriptors.c || die "cannot compile"
is none "$("$EMU_TOOLS/emu-aarch64" ./descriptors again)"

# The kernel opens a program before it closes descriptors: one that closes by itself can be executed, what has no name too.
cat >by_descriptor.c <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char** argv) {
    char* arguments[] = {"name", "argv", "x", NULL}; // of report
    int directory = strcmp(argv[1], "directory") == 0;
    int fd = open(directory ? "." : argv[2], (directory ? O_PATH | O_DIRECTORY : O_RDONLY) | O_CLOEXEC);
    if (strcmp(argv[1], "memory") == 0) {
        int memory = memfd_create("program", MFD_CLOEXEC);
        struct stat about;
        if (fstat(fd, &about) || sendfile(memory, fd, NULL, about.st_size) != about.st_size) return 1;
        fd = memory;
    }
    if (strcmp(argv[1], "deleted") == 0) unlink(argv[2]);
    syscall(SYS_execveat, fd, directory ? argv[2] : "", arguments, (char*[]){NULL}, directory ? 0 : AT_EMPTY_PATH);
    printf("errno %d\n", errno);
}
END
aarch64-linux-gnu-gcc -static -o by_descriptor by_descriptor.c || die "cannot compile"
for how in file directory memory; do is 'argv name x' "$("$emu" ./by_descriptor $how report)" $how; done
cp report gone
is 'argv name x' "$("$emu" ./by_descriptor deleted gone)"
is 'errno 2' "$("$emu" ./by_descriptor file script)"
# Nor is that descriptor there for the program.
ln -s descriptors name
is none "$("$emu" ./by_descriptor file descriptors)"
