// SPDX-License-Identifier: MIT
// run FILE ARGV0 ARGUMENT...: executes FILE.
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    execv(argv[1], argv + 2);
    printf("errno %d\n", errno);
    return 0;
}
