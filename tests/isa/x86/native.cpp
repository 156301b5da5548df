// SPDX-License-Identifier: MIT
#include "native.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

namespace emu::lockstep_x86 {

namespace {
volatile bool inside = false;
u8* stub_32 = nullptr;
constexpr u16 code_64 = 0x33, code_32 = 0x23, data = 0x2b; // of the host's kernel
} // namespace

extern "C" {
// Used by the assembly below.
alignas(64) Registers lockstep_registers;
u64 lockstep_host_stack = 0, lockstep_entry = 0;
struct {
    u32 offset;
    u16 selector;
} lockstep_entry_32;

void lockstep_enter();
void lockstep_leave();
void lockstep_leave_after_signal();
void lockstep_to_32();
}

// The guest's registers are loaded last and stored first, relative to RIP, so that none is needed to reach them.
asm(R"(
    .text
    .globl lockstep_enter, lockstep_leave, lockstep_leave_after_signal
lockstep_enter:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, lockstep_host_stack(%rip)
    mov $7, %eax
    xor %edx, %edx
    xrstor64 lockstep_registers(%rip)
    lea lockstep_registers+1024(%rip), %rax
    push 128(%rax)
    popfq
    mov 8(%rax), %rcx
    mov 16(%rax), %rdx
    mov 24(%rax), %rbx
    mov 32(%rax), %rsp
    mov 40(%rax), %rbp
    mov 48(%rax), %rsi
    mov 56(%rax), %rdi
    mov 64(%rax), %r8
    mov 72(%rax), %r9
    mov 80(%rax), %r10
    mov 88(%rax), %r11
    mov 96(%rax), %r12
    mov 104(%rax), %r13
    mov 112(%rax), %r14
    mov 120(%rax), %r15
    mov (%rax), %rax
    jmp *lockstep_entry(%rip)
    .globl lockstep_to_32
lockstep_to_32:
    ljmp *lockstep_entry_32(%rip)
lockstep_leave:
    mov %rax, lockstep_registers+1024(%rip)
    mov %rcx, lockstep_registers+1032(%rip)
    mov %rdx, lockstep_registers+1040(%rip)
    mov %rbx, lockstep_registers+1048(%rip)
    mov %rsp, lockstep_registers+1056(%rip)
    mov %rbp, lockstep_registers+1064(%rip)
    mov %rsi, lockstep_registers+1072(%rip)
    mov %rdi, lockstep_registers+1080(%rip)
    mov %r8, lockstep_registers+1088(%rip)
    mov %r9, lockstep_registers+1096(%rip)
    mov %r10, lockstep_registers+1104(%rip)
    mov %r11, lockstep_registers+1112(%rip)
    mov %r12, lockstep_registers+1120(%rip)
    mov %r13, lockstep_registers+1128(%rip)
    mov %r14, lockstep_registers+1136(%rip)
    mov %r15, lockstep_registers+1144(%rip)
    mov lockstep_host_stack(%rip), %rsp
    pushfq
    pop lockstep_registers+1152(%rip)
    mov $7, %eax
    xor %edx, %edx
    xsave64 lockstep_registers(%rip)
lockstep_leave_after_signal:
    mov lockstep_host_stack(%rip), %rsp
    cld
    fninit
    movl $0x1f80, -4(%rsp)
    ldmxcsr -4(%rsp)
    vzeroupper
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
)");

namespace {

void keep(const ucontext_t& context, int signal) {
    constexpr int order[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                             REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    for (int n = 0; n < 16; n++) lockstep_registers.gpr[n] = u64(context.uc_mcontext.gregs[order[n]]);
    lockstep_registers.flags = u64(context.uc_mcontext.gregs[REG_EFL]);
    lockstep_registers.pc = u64(context.uc_mcontext.gregs[REG_RIP]);
    lockstep_registers.signal = signal;
    // An image of the kernel is in the standard format; components in their initial state are not written.
    const u8* image = reinterpret_cast<const u8*>(context.uc_mcontext.fpregs);
    u64 present;
    std::memcpy(&present, image + 512, 8);
    std::memcpy(lockstep_registers.area, image, 512);
    if (!(present & 2)) std::memset(lockstep_registers.area + 160, 0, 256);
    if (present & 4) std::memcpy(lockstep_registers.area + 576, image + 576, 256);
    else std::memset(lockstep_registers.area + 576, 0, 256);
}

} // namespace

u64 native_end_32() { return reinterpret_cast<u64>(stub_32); }

/// Is there a descriptor for 32-bit code (CONFIG_IA32_EMULATION)?
bool native_has_32() {
    u64 rights;
    bool there;
    asm("lar %2, %0" : "=r"(rights), "=@ccz"(there) : "r"(u64(code_32)) : "cc");
    return there && (rights & 0x8000);
}

u64 native_end() { return reinterpret_cast<u64>(&lockstep_leave); }

bool native_signal(int signal, void* context_pointer) {
    if (!inside) return false;
    auto& context = *static_cast<ucontext_t*>(context_pointer);
    keep(context, signal);
    context.uc_mcontext.gregs[REG_RIP] = greg_t(&lockstep_leave_after_signal);
    context.uc_mcontext.gregs[REG_EFL] = 0x202;
    context.uc_mcontext.gregs[REG_CSGSFS] = (context.uc_mcontext.gregs[REG_CSGSFS] & ~greg_t(0xffff)) | code_64;
    return true;
}

void native_prepare() {
    stack_t stack{};
    stack.ss_size = 1 << 16;
    stack.ss_sp = mmap(nullptr, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaltstack(&stack, nullptr);
    // jmp *0(%rip), and where to
    stub_32 = static_cast<u8*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    const u8 jump[] = {0xff, 0x25, 0, 0, 0, 0};
    const u64 to = native_end();
    std::memcpy(stub_32, jump, sizeof jump);
    std::memcpy(stub_32 + sizeof jump, &to, sizeof to);
}

void native_run(u64 entry, Registers& registers, bool wide) {
    registers.signal = 0, registers.pc = 0;
    lockstep_registers = registers;
    lockstep_entry = wide ? entry : reinterpret_cast<u64>(&lockstep_to_32);
    lockstep_entry_32 = {u32(entry), code_32};
    // 64-bit code has no use for these two, and a switch to another task keeps them.
    if (!wide) asm volatile("mov %0, %%ds\n\tmov %0, %%es" : : "r"(u32(data)));
    inside = true;
    lockstep_enter();
    inside = false;
    registers = lockstep_registers;
}

} // namespace emu::lockstep_x86
