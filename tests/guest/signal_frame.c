// SPDX-License-Identifier: MIT
// What a signal handler of arm64 finds in its frame, and what it may change there.
#define _GNU_SOURCE
#include <asm/sigcontext.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static int bad;
#define CHECK(what) do { if (!(what)) { printf("line %d: %s\n", __LINE__, #what); bad = 1; } } while (0)

static volatile uint64_t fault_address, esr, pc;
static volatile int fpsimd_seen, terminated;
static void on_fault(int signal, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    (void)signal;
    fault_address = uc->uc_mcontext.fault_address;
    CHECK(fault_address == (uint64_t)info->si_addr);
    pc = uc->uc_mcontext.pc;
    for (struct _aarch64_ctx *head = (void *)uc->uc_mcontext.__reserved;; head = (void *)((char *)head + head->size)) {
        if (head->magic == FPSIMD_MAGIC) {
            fpsimd_seen = head->size == sizeof(struct fpsimd_context);
            ((struct fpsimd_context *)head)->vregs[7] = 77; // the register is 77 after the return
        }
        if (head->magic == ESR_MAGIC) esr = ((struct esr_context *)head)->esr;
        if (head->magic == 0) {
            terminated = head->size == 0;
            break;
        }
    }
    uc->uc_mcontext.pc += 4; // step over the access
    uc->uc_mcontext.regs[5] = 55;
    uc->uc_mcontext.pstate ^= 1u << 30; // Z
}

static void on_illegal(int signal, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    (void)signal;
    CHECK(info->si_code == ILL_ILLOPC && (uint64_t)info->si_addr == uc->uc_mcontext.pc);
    uc->uc_mcontext.pc += 4;
}
static volatile int traps;
static void on_trap(int signal, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    (void)signal;
    CHECK(info->si_code == TRAP_BRKPT);
    traps++;
    uc->uc_mcontext.pc += 4;
}
static void *volatile stack_seen;
static uint64_t frame_pointer_chain;
static void on_usr1(int signal) {
    (void)signal;
    char here;
    stack_seen = &here;
    uint64_t *frame = __builtin_frame_address(0);
    frame_pointer_chain = *(uint64_t *)frame[0]; // handler's frame -> record in the signal frame -> interrupted function's
}

static void catch(int signal, void (*handler)(int, siginfo_t *, void *), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    sigaction(signal, &action, NULL);
}

int main(void) {
    catch(SIGSEGV, on_fault, 0);
    uint64_t x5 = 5, v7, z;
    __asm__ volatile("movi v7.2d, #0\n cmp xzr, xzr\n mov x5, #5\n mov x6, #0x1238\n str x5, [x6]\n"
                     "mov %0, x5\n umov %1, v7.d[0]\n cset %2, eq"
                     : "=r"(x5), "=r"(v7), "=r"(z)::"x5", "x6", "v7", "cc", "memory");
    CHECK(x5 == 55);
    CHECK(v7 == 77);
    CHECK(z == 0);
    CHECK(fault_address == 0x1238);
    CHECK(fpsimd_seen && terminated);
    CHECK(esr >> 26 == 0x24);

    catch(SIGILL, on_illegal, 0);
    __asm__ volatile(".word 0");
    catch(SIGTRAP, on_trap, 0);
    __asm__ volatile("brk #3\n brk #0");
    CHECK(traps == 2);

    // Executing what is not executable faults at the address itself.
    static sigjmp_buf back;
    static uint32_t code[4] __attribute__((aligned(4))) = {0xd65f03c0};
    catch(SIGSEGV, on_fault, 0);
    if (!sigsetjmp(back, 1)) {
        void handler(int s, siginfo_t *info, void *context) {
            (void)s, (void)context;
            CHECK(info->si_code == SEGV_ACCERR && info->si_addr == code);
            siglongjmp(back, 1);
        }
        catch(SIGSEGV, handler, 0);
        ((void (*)(void))code)();
        CHECK(!"reached");
    }

    static char alternate[65536];
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    sigaltstack(&stack, NULL);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_usr1;
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    CHECK((char *)stack_seen >= alternate && (char *)stack_seen < alternate + sizeof alternate);
    CHECK(frame_pointer_chain != 0);

    printf(bad ? "bad\n" : "ok\n");
    return bad;
}
