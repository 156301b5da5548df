// SPDX-License-Identifier: MIT
// Says what it finds: arguments, environment, names, stack.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

static int deep(volatile int kib) {
    volatile char room[1024];
    memset((char *)room, kib, sizeof room);
    return kib > 1 ? deep(kib - 1) + room[5] : room[7];
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "argv";
    if (!strcmp(what, "env")) {
        printf("env");
        for (int i = 2; i < argc; i++) printf(" %s", getenv(argv[i]) ? getenv(argv[i]) : "-");
    } else if (!strcmp(what, "uname")) {
        struct utsname u;
        uname(&u);
        printf("uname %s %s", u.machine, u.release);
    } else if (!strcmp(what, "exit")) {
        exit(atoi(argv[2]));
    } else if (!strcmp(what, "stack")) {
        printf("stack %s", deep(atoi(argv[2]) * 3 / 4) ? "ok" : "?");
    } else if (!strcmp(what, "base")) {
        char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        FILE *f = fopen("/proc/self/maps", "r");
        unsigned long lo, hi;
        int seen = 0;
        while (f && fscanf(f, "%lx-%lx%*[^\n]", &lo, &hi) == 2) seen |= (unsigned long)p >= lo && (unsigned long)p < hi;
        char *volatile nowhere = (char *)8;
        memset(p, 1, 1 << 20);
        printf("base %s", p != MAP_FAILED && seen && write(1, nowhere, 1) < 0 ? "ok" : "wrong");
    } else if (!strcmp(what, "segv")) {
        *(volatile int *)16 = 1;
    } else {
        printf("argv %s", argv[0]);
        for (int i = 2; i < argc; i++) printf(" %s", argv[i]);
    }
    printf("\n");
    return 0;
}
