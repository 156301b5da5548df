// SPDX-License-Identifier: MIT
#include "program.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <elf.h>

namespace emu::lockstep {

namespace {

constexpr unsigned sys_write = 4, sys_exit_group = 248, sys_sigaltstack = 186, sys_rt_sigaction = 174;
constexpr unsigned at_cpsr = 60, at_d = 64, at_fpscr = 320, at_entry = 324, at_illegal = 328;
constexpr u32 sigaltstack_at = data_at, sigaction_at = data_at + 32, contexts_at = data_at + 0x1000;
// struct ucontext of 32-bit arm Linux: r0 at 32.
constexpr unsigned ucontext_r0 = 32, ucontext_pc = ucontext_r0 + 60, ucontext_cpsr = ucontext_r0 + 64;

// The few encodings that the driver needs.
u32 ldr(unsigned t, unsigned n, unsigned offset) { return 0xe5900000 | n << 16 | t << 12 | offset; }
u32 str(unsigned t, unsigned n, unsigned offset) { return 0xe5800000 | n << 16 | t << 12 | offset; }
u32 branch(u32 from, u32 to) { return 0xea000000 | (((to - from - 8) >> 2) & 0xffffff); }
u32 branch_ne(u32 from, u32 to) { return 0x1a000000 | (((to - from - 8) >> 2) & 0xffffff); }
u32 add_immediate(unsigned d, unsigned n, u32 byte) { return 0xe2800000 | n << 16 | d << 12 | byte; }
constexpr u32 svc = 0xef000000, bx_lr = 0xe12fff1e;
constexpr unsigned c = context_register;

class Assembler {
public:
    u32 here() const { return code_at + u32(bytes_.size()); }
    void operator()(u32 word) { put(word, 4); }
    void put(u32 value, unsigned size) {
        for (unsigned i = 0; i < size; i++) bytes_.push_back(u8(value >> 8 * i));
    }
    void align(unsigned n) {
        while (bytes_.size() % n) bytes_.push_back(0);
    }
    void load_constant(unsigned d, u32 value) {
        (*this)(0xe3000000 | (value & 0xf000) << 4 | d << 12 | (value & 0xfff));
        (*this)(0xe3400000 | (value >> 16 & 0xf000) << 4 | d << 12 | (value >> 16 & 0xfff));
    }
    void syscall(unsigned number, u32 a, u32 b, u32 third = 0, u32 fourth = 0) {
        const u32 args[] = {a, b, third, fourth};
        for (unsigned i = 0; i < 4; i++) load_constant(i, args[i]);
        load_constant(7, number);
        (*this)(svc);
    }
    std::vector<u8> take() { return std::move(bytes_); }

private:
    std::vector<u8> bytes_;
};

void load_registers(Assembler& a) {
    a(add_immediate(0, c, at_d));
    a(0xecb00b20), a(0xecf00b20);                                     // vldmia r0!, {d0-d15}, {d16-d31}
    a(ldr(0, c, at_fpscr)), a(0xeee10a10);                            // vmsr fpscr, r0
    a(ldr(0, c, at_cpsr)), a(0xe12cf000);                             // msr cpsr_fs, r0
    for (unsigned n : {13u, 14u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 10u, 12u, 0u}) a(ldr(n, c, 4 * n));
    a(ldr(15, c, at_entry));
}

void store_registers(Assembler& a) {
    for (unsigned n : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 10u, 12u, 13u, 14u}) a(str(n, c, 4 * n));
    a(0xe10f0000), a(str(0, c, at_cpsr));                             // mrs r0, cpsr
    a(0xeef10a10), a(str(0, c, at_fpscr));                            // vmrs r0, fpscr
    a(add_immediate(0, c, at_d));
    a(0xeca00b20), a(0xece00b20);                                     // vstmia r0!
}

u32 assemble_driver(Assembler& a, usize runs, u32& handler) {
    a.syscall(sys_sigaltstack, sigaltstack_at, 0);
    for (u32 signal : {SIGILL, SIGTRAP, SIGBUS, SIGSEGV}) a.syscall(sys_rt_sigaction, signal, sigaction_at, 0, 8);
    a.load_constant(c, contexts_at);
    const u32 loop = a.here();
    load_registers(a);
    const u32 epilogue = a.here();
    store_registers(a);
    a.load_constant(0, sizeof(Context)), a(0xe08bb000);               // add r11, r11, r0
    a.load_constant(0, contexts_at + u32(runs * sizeof(Context)));
    a(0xe15b0000), a(branch_ne(a.here(), loop));                      // cmp r11, r0
    a.syscall(sys_write, 1, contexts_at, u32(runs * sizeof(Context)));
    a.syscall(sys_write, 1, scratch_at, scratch_size);
    a.syscall(sys_exit_group, 0, 0);
    handler = a.here();
    a(ldr(1, 2, ucontext_r0 + 4 * c)), a(ldr(3, 2, ucontext_pc));
    a(str(3, 1, at_illegal)), a(str(0, 1, at_illegal + 4));
    a.load_constant(3, epilogue), a(str(3, 2, ucontext_pc));
    a(ldr(3, 2, ucontext_cpsr)), a(0xe3c33020);                       // bic r3, r3, #T
    a(0xe3c33406), a(0xe3c33cfc);                                     // and IT
    a(str(3, 2, ucontext_cpsr));
    a(bx_lr);
    return epilogue;
}

template <class T> void put(std::vector<u8>& bytes, usize offset, const T& value) {
    if (bytes.size() < offset + sizeof(T)) bytes.resize(offset + sizeof(T));
    std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

std::vector<u8> data_segment(const Program& program, const Image& image, u32 handler) {
    std::vector<u8> data;
    const u32 altstack[] = {stack_at, 0, stack_size};
    const u32 action[] = {handler, 0x4 | 0x0800'0000 | 0x4000'0000, 0, 0, 0};   // SA_SIGINFO, SA_ONSTACK, SA_NODEFER
    put(data, 0, altstack);
    put(data, 32, action);
    for (usize i = 0; i < program.runs.size(); i++) {
        Context context = program.runs[i].input;
        context.r[context_register] = context_address(i);
        context.entry = image.block_at[program.runs[i].block] | program.blocks[program.runs[i].block].thumb;
        put(data, context_address(i) - data_at, context);
    }
    return data;
}

} // namespace

u32 context_address(usize index) { return contexts_at + u32(index * sizeof(Context)); }

Image build(const Program& program) {
    Image image;
    Assembler a;
    u32 handler;
    image.runs = program.runs.size();
    image.epilogue = assemble_driver(a, program.runs.size(), handler);
    a.align(256);
    for (const Block& block : program.blocks) {
        image.block_at.push_back(a.here());
        for (const Code& code : block.insns) {
            if (block.thumb && code.size == 4) a.put(code.word >> 16, 2), a.put(code.word & 0xffff, 2);
            else a.put(code.word, code.size);
        }
        image.block_end.push_back(a.here());
        // Forward branches may lead past the last instruction.
        if (block.thumb) {
            for (unsigned i = 0; i < 8; i++) a.put(0xbf00, 2);
            if (a.here() & 2) a.put(0xbf00, 2);
            a.put(0xf8df, 2), a.put(0xf000, 2);                       // ldr pc, [pc]: the word behind
            a(image.epilogue);
        } else {
            for (unsigned i = 0; i < 6; i++) a(0xe320f000);
            a(branch(a.here(), image.epilogue));
        }
    }
    image.entry = code_at;
    image.segments.push_back({code_at, PF_R | PF_X, a.take()});
    image.segments.push_back({data_at, PF_R | PF_W, data_segment(program, image, handler)});
    image.segments.push_back({scratch_at, PF_R | PF_W, program.scratch});
    image.segments.push_back({stack_at, PF_R | PF_W, std::vector<u8>(stack_size)});
    return image;
}

bool write_elf(const Image& image, const std::string& path) {
    constexpr u32 page = 0x10000, eabi5 = 0x05000000;
    std::vector<u8> file;
    Elf32_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS32;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_ARM;
    header.e_version = EV_CURRENT;
    header.e_entry = image.entry;
    header.e_phoff = sizeof(Elf32_Ehdr);
    header.e_flags = eabi5;
    header.e_ehsize = sizeof(Elf32_Ehdr);
    header.e_phentsize = sizeof(Elf32_Phdr);
    header.e_phnum = u16(image.segments.size());
    put(file, 0, header);
    for (usize i = 0; i < image.segments.size(); i++) {
        const Segment& s = image.segments[i];
        const u32 size = u32(s.bytes.size());
        const u32 offset = std::max<u32>((u32(file.size()) + page - 1) & ~(page - 1), page);
        put(file, sizeof(Elf32_Ehdr) + i * sizeof(Elf32_Phdr), Elf32_Phdr{PT_LOAD, offset, s.address, s.address, size, size, s.flags, page});
        file.resize(offset);
        file.insert(file.end(), s.bytes.begin(), s.bytes.end());
    }
    FILE* out = std::fopen(path.c_str(), "wb");
    if (!out) return false;
    const bool good = std::fwrite(file.data(), 1, file.size(), out) == file.size();
    return (std::fclose(out) == 0) & good;
}

Outcome parse_output(const std::vector<u8>& bytes, usize runs) {
    Outcome outcome;
    const usize contexts = runs * sizeof(Context);
    if (bytes.size() != contexts + scratch_size) {
        outcome.trouble = "output of " + std::to_string(bytes.size()) + " bytes, not " + std::to_string(contexts + scratch_size);
        return outcome;
    }
    outcome.complete = true;
    outcome.contexts.resize(runs);
    std::memcpy(outcome.contexts.data(), bytes.data(), contexts);
    for (Context& context : outcome.contexts) {
        context.cpsr &= 0xf80f0000;
        context.fpscr &= 0xffc8009f;   // reserved bits are the emulator's business
    }
    outcome.scratch.assign(bytes.begin() + s64(contexts), bytes.end());
    return outcome;
}

} // namespace emu::lockstep
