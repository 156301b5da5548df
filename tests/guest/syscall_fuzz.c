// SPDX-License-Identifier: MIT
// System calls with bad pointers, absurd sizes and odd alignment: each gives an error or works, and this program is still
// there at the end. Calls that would stop it, signal somebody or change the machine are left out.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t seed = 88172645463325252ull;
static uint64_t rnd(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static const int left_out[] = {
    SYS_exit, SYS_exit_group, SYS_clone, SYS_clone3, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
    SYS_pidfd_send_signal, SYS_rt_sigreturn, SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_reboot, SYS_munmap, SYS_mmap, SYS_mremap, SYS_mprotect,
    SYS_brk, SYS_madvise, SYS_pkey_mprotect, SYS_shmat, SYS_shmdt, SYS_mlockall, SYS_ppoll, SYS_pselect6, SYS_epoll_pwait, SYS_epoll_pwait2,
    SYS_nanosleep, SYS_clock_nanosleep, SYS_futex, SYS_futex_waitv, SYS_wait4, SYS_waitid, SYS_unlinkat, SYS_renameat, SYS_renameat2,
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_sethostname, SYS_setdomainname, SYS_settimeofday, SYS_clock_settime,
    SYS_adjtimex, SYS_clock_adjtime, SYS_swapon, SYS_swapoff, SYS_acct, SYS_syslog, SYS_vhangup, SYS_setrlimit, SYS_prlimit64, SYS_prctl,
    SYS_setitimer, SYS_timer_create, SYS_timer_settime, SYS_setpgid, SYS_setsid, SYS_setpriority, SYS_sched_setscheduler, SYS_sched_setattr,
    SYS_sched_setparam, SYS_sched_setaffinity, SYS_ioprio_set, SYS_unshare, SYS_setns, SYS_capset, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid,
    SYS_setresuid, SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_close, SYS_close_range, SYS_dup3, SYS_fcntl, SYS_ioctl,
    SYS_read, SYS_readv, SYS_preadv, SYS_preadv2, SYS_vmsplice, SYS_splice, SYS_tee, SYS_accept, SYS_accept4, SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_process_vm_writev, SYS_process_mrelease,
    SYS_landlock_restrict_self, SYS_quotactl, SYS_quotactl_fd, SYS_keyctl, SYS_mq_timedsend, SYS_mq_timedreceive, SYS_msgsnd, SYS_msgrcv, SYS_semop, SYS_semtimedop, SYS_flock,
    SYS_fchmodat, SYS_fchmod, SYS_fchownat, SYS_fchown, SYS_truncate, SYS_ftruncate, SYS_fallocate, SYS_sync, SYS_syncfs, SYS_migrate_pages, SYS_set_mempolicy, SYS_mbind,
    SYS_move_mount, SYS_fsmount, SYS_open_tree, SYS_mount_setattr, SYS_umask, SYS_chdir, SYS_fchdir, SYS_utimensat, SYS_sched_yield, SYS_execve, SYS_execveat, SYS_personality, SYS_copy_file_range, SYS_sendfile, SYS_fanotify_init, SYS_fanotify_mark,
};
static int skipped(long number) {
    for (unsigned i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (left_out[i] == number) return 1;
    return 0;
}

static char *page; // the last one before a hole
static uint64_t value(void) {
    switch (rnd() % 14) {
    case 0: return 0;
    case 1: return rnd() % 8;
    case 2: return ~0ull;
    case 3: return 8;                                   // unmapped
    case 4: return 0xffffffffffff0000ull + rnd() % 65536; // beyond any address space
    case 5: return 1ull << (rnd() % 64);
    case 6: return (uint64_t)page + rnd() % 64;
    case 7: return (uint64_t)page + 4096 - rnd() % 64;  // runs into the hole
    case 8: return (uint64_t)page + 4096;               // the hole
    case 9: return (uint64_t)&skipped;                  // read-only
    case 10: return 0x7fffffffffffull - rnd() % 0x10000000; // where Emu itself may be
    case 11: return rnd();
    case 12: return -100 + rnd() % 200;                 // AT_FDCWD, small numbers
    default: return rnd() % 4096;
    }
}

int main(void) {
    page = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    int null = open("/dev/null", O_RDWR);
    for (int round = 0; round < 40; round++) {
        pid_t child = fork();
        if (child == 0) {
            // In a child of its own, because some calls change what the next rounds rely on (the directory, descriptors).
            dup2(null, 0), dup2(null, 2);
            alarm(20);
            seed += (uint64_t)round * 0x9e3779b97f4a7c15ull;
            for (int i = 0; i < 700; i++) {
                long number = rnd() % 470;
                if (skipped(number)) continue;
                syscall(number, value(), value(), value(), value(), value(), value());
            }
            _exit(33);
        }
        int status;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 33) {
            printf("round %d: status %#x\n", round, status);
            return 1;
        }
    }
    printf("ok\n");
    return 0;
}
