// SPDX-License-Identifier: MIT
// System calls of Arm's old ABI: the number is in the instruction, 64-bit arguments are in any two registers, and 64-bit members at
// any word (arch/arm/kernel/sys_oabi-compat.c). Compiled as Arm code.
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD_CALL(n, a0, a1, a2, a3, a4)                                                                                  \
    ({                                                                                                                   \
        register long r0 __asm__("r0") = (long)(a0);                                                                     \
        register long r1 __asm__("r1") = (long)(a1);                                                                     \
        register long r2 __asm__("r2") = (long)(a2);                                                                     \
        register long r3 __asm__("r3") = (long)(a3);                                                                     \
        register long r4 __asm__("r4") = (long)(a4);                                                                     \
        __asm__ volatile("swi %6" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r3), "r"(r4), "0"(r0), "i"(0x900000 + (n)) : "memory", "lr"); \
        r0;                                                                                                              \
    })
#define CHECK(what)                                                                                                      \
    do {                                                                                                                 \
        if (!(what)) {                                                                                                   \
            printf("line %d: %s\n", __LINE__, #what);                                                                    \
            return 1;                                                                                                    \
        }                                                                                                                \
    } while (0)

struct old_stat64 {
    uint64_t dev;
    uint32_t pad1, ino_low, mode, nlink, uid, gid;
    uint64_t rdev;
    uint32_t pad2;
    int64_t size;
    uint32_t blksize;
    uint64_t blocks;
    uint32_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
    uint64_t ino;
} __attribute__((packed, aligned(4)));
struct old_epoll_event {
    uint32_t events;
    uint64_t data;
} __attribute__((packed, aligned(4)));
struct old_flock64 {
    int16_t type, whence;
    int64_t start, len;
    int32_t pid;
} __attribute__((packed, aligned(4)));

static volatile int handled;
static void handler(int number) { handled = number; }

int main(void) {
    char name[] = "old_abi.XXXXXX", text[8] = "";
    const int fd = mkstemp(name);
    CHECK(fd >= 0);
    CHECK(OLD_CALL(20, 0, 0, 0, 0, 0) == getpid());
    CHECK(OLD_CALL(4, fd, "0123456789", 10, 0, 0) == 10);
    CHECK(OLD_CALL(180, fd, text, 3, 4, 0) == 3 && memcmp(text, "456", 3) == 0); // pread64
    CHECK(OLD_CALL(181, fd, "xy", 2, 0, 1) == 2);                                 // pwrite64 at 4 GiB
    CHECK(OLD_CALL(4, -1, "", 1, 0, 0) == -EBADF);
    struct stat about;
    struct old_stat64 old;
    CHECK(fstat(fd, &about) == 0 && about.st_mtime > 0);
    CHECK(sizeof old == 96 && OLD_CALL(197, fd, &old, 0, 0, 0) == 0);
    CHECK(old.size == 0x100000002ll && old.mtime == (uint32_t)about.st_mtime && old.ino == about.st_ino && old.mode == about.st_mode);
    CHECK(OLD_CALL(194, fd, 5, 0, 0, 0) == 0); // ftruncate64
    CHECK(lseek(fd, 0, SEEK_END) == 5);
    struct old_flock64 lock = {F_WRLCK, SEEK_SET, 0x100000001ll, 7, 0};
    CHECK(sizeof lock == 24 && OLD_CALL(221, fd, F_GETLK64, &lock, 0, 0) == 0 && lock.type == F_UNLCK && lock.start == 0x100000001ll);

    int ends[2];
    CHECK(OLD_CALL(42, ends, 0, 0, 0, 0) == 0 && write(ends[1], "", 1) == 1);
    const int poll = epoll_create1(0);
    struct old_epoll_event event = {EPOLLIN, 0x123456789abcdefull}, events[2];
    CHECK(OLD_CALL(251, poll, EPOLL_CTL_ADD, ends[0], &event, 0) == 0);
    CHECK(OLD_CALL(252, poll, events, 2, 0, 0) == 1 && events[0].data == event.data && events[0].events == EPOLLIN);

    signal(SIGUSR1, handler);
    CHECK(OLD_CALL(37, getpid(), SIGUSR1, 0, 0, 0) == 0 && handled == SIGUSR1);
    unlink(name);
    puts("ok");
    return 0;
}
