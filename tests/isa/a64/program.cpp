// SPDX-License-Identifier: MIT
#include "program.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <elf.h>

namespace emu::lockstep {

namespace {

// --- the few encodings that the driver needs -----------------------------------------------------------------------------

u32 ldp_x(unsigned t, unsigned u, unsigned n, unsigned offset) { return 0xa9400000 | (offset / 8) << 15 | u << 10 | n << 5 | t; }
u32 stp_x(unsigned t, unsigned u, unsigned n, unsigned offset) { return 0xa9000000 | (offset / 8) << 15 | u << 10 | n << 5 | t; }
u32 ldp_q(unsigned t, unsigned u, unsigned n, unsigned offset) { return 0xad400000 | (offset / 16) << 15 | u << 10 | n << 5 | t; }
u32 stp_q(unsigned t, unsigned u, unsigned n, unsigned offset) { return 0xad000000 | (offset / 16) << 15 | u << 10 | n << 5 | t; }
u32 ldr_x(unsigned t, unsigned n, unsigned offset) { return 0xf9400000 | (offset / 8) << 10 | n << 5 | t; }
u32 str_x(unsigned t, unsigned n, unsigned offset) { return 0xf9000000 | (offset / 8) << 10 | n << 5 | t; }
u32 add_imm(unsigned d, unsigned n, unsigned imm) { return 0x91000000 | imm << 10 | n << 5 | d; }
u32 compare(unsigned n, unsigned m) { return 0xeb00001f | m << 16 | n << 5; }
u32 branch(s64 from, s64 to) { return 0x14000000 | (u32((to - from) >> 2) & 0x3ffffff); }
u32 branch_ne(s64 from, s64 to) { return 0x54000001 | (u32((to - from) >> 2) & 0x7ffff) << 5; }
constexpr u32 svc = 0xd4000001, ret = 0xd65f03c0, nop = 0xd503201f;
enum SystemRegister : u32 { reg_nzcv = 0x1b4200, reg_fpcr = 0x1b4400, reg_fpsr = 0x1b4420 };
u32 msr(SystemRegister reg, unsigned t) { return 0xd5000000 | reg | t; }
u32 mrs(unsigned t, SystemRegister reg) { return 0xd5200000 | reg | t; }

constexpr unsigned sys_write = 64, sys_exit_group = 94, sys_sigaltstack = 132, sys_rt_sigaction = 134;
constexpr unsigned at_sp = 248, at_v = 256, at_nzcv = 768, at_fpcr = 776, at_fpsr = 784, at_illegal = 792;
constexpr u64 sigaltstack_at = data_at, sigaction_at = data_at + 32, contexts_at = data_at + 0x1000;
// struct ucontext of arm64 Linux: pc, and x27.
constexpr unsigned ucontext_pc = 440, ucontext_x27 = 184 + 8 * context_register;

class Assembler {
public:
    u64 here() const { return code_at + 4 * words_.size(); }
    void operator()(u32 word) { words_.push_back(word); }
    void load_constant(unsigned d, u64 value) {
        (*this)(0xd2800000 | u32(value & 0xffff) << 5 | d);
        for (unsigned part = 1; part < 4; part++)
            if (u32 half = value >> 16 * part & 0xffff) (*this)(0xf2800000 | part << 21 | half << 5 | d);
    }
    void syscall(unsigned number, u64 a, u64 b, u64 c = 0, u64 d = 0) {
        const u64 args[] = {a, b, c, d};
        for (unsigned i = 0; i < 4; i++) load_constant(i, args[i]);
        load_constant(8, number);
        (*this)(svc);
    }
    std::vector<u32> take() { return std::move(words_); }
    u32& at(u64 address) { return words_[(address - code_at) / 4]; }

private:
    std::vector<u32> words_;
};

void load_registers(Assembler& a) {
    for (unsigned n = 0; n < 32; n += 2) a(ldp_q(n, n + 1, context_register, at_v + 16 * n));
    a(ldr_x(0, context_register, at_nzcv)), a(msr(reg_nzcv, 0));
    a(ldr_x(0, context_register, at_fpcr)), a(msr(reg_fpcr, 0));
    a(ldr_x(0, context_register, at_fpsr)), a(msr(reg_fpsr, 0));
    a(ldr_x(0, context_register, at_sp)), a(add_imm(31, 0, 0));
    for (unsigned n = 0; n < 26; n += 2) a(ldp_x(n, n + 1, context_register, 8 * n));
    for (unsigned n : {26, 28, 29, 30}) a(ldr_x(n, context_register, 8 * n));
    a(0xd61f0000 | block_register << 5);
}

void store_registers(Assembler& a) {
    for (unsigned n = 0; n < 26; n += 2) a(stp_x(n, n + 1, context_register, 8 * n));
    for (unsigned n : {26, 28, 29, 30}) a(str_x(n, context_register, 8 * n));
    a(add_imm(0, 31, 0)), a(str_x(0, context_register, at_sp));
    a(mrs(0, reg_nzcv)), a(str_x(0, context_register, at_nzcv));
    a(mrs(0, reg_fpcr)), a(str_x(0, context_register, at_fpcr));
    a(mrs(0, reg_fpsr)), a(str_x(0, context_register, at_fpsr));
    for (unsigned n = 0; n < 32; n += 2) a(stp_q(n, n + 1, context_register, at_v + 16 * n));
}

/// Returns the address of the epilogue. The signal handler's address is wanted by the data segment.
u64 assemble_driver(Assembler& a, usize runs, u64& handler) {
    a.syscall(sys_sigaltstack, sigaltstack_at, 0);
    for (u64 signal : {SIGILL, SIGTRAP, SIGBUS, SIGSEGV}) a.syscall(sys_rt_sigaction, signal, sigaction_at, 0, 8);
    a.load_constant(context_register, contexts_at);
    const u64 loop = a.here();
    load_registers(a);
    const u64 epilogue = a.here();
    store_registers(a);
    a(add_imm(context_register, context_register, sizeof(Context)));
    a.load_constant(0, contexts_at + runs * sizeof(Context));
    a(compare(context_register, 0));
    a(branch_ne(s64(a.here()), s64(loop)));
    a.syscall(sys_write, 1, contexts_at, runs * sizeof(Context));
    a.syscall(sys_write, 1, scratch_at, scratch_size);
    a.syscall(sys_exit_group, 0, 0);
    handler = a.here();
    a(ldr_x(1, 2, ucontext_x27));
    a(ldr_x(3, 2, ucontext_pc)), a(0xaa00e063) /* orr x3, x3, x0, lsl 56 */, a(str_x(3, 1, at_illegal));
    a.load_constant(3, epilogue), a(str_x(3, 2, ucontext_pc));
    a(ret);
    return epilogue;
}

template <class T> void put(std::vector<u8>& bytes, u64 offset, const T& value) {
    if (bytes.size() < offset + sizeof(T)) bytes.resize(offset + sizeof(T));
    std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

std::vector<u8> data_segment(const Program& program, const Image& image, u64 handler) {
    std::vector<u8> data;
    const u64 altstack[] = {stack_at, 0, stack_size};
    const u64 action[] = {handler, 0x4 | 0x0800'0000 | 0x4000'0000, 0, 0};   // SA_SIGINFO, SA_ONSTACK, SA_NODEFER
    put(data, 0, altstack);
    put(data, 32, action);
    for (usize i = 0; i < program.runs.size(); i++) {
        Context context = program.runs[i].input;
        context.x[context_register] = context_address(i);
        context.x[block_register] = image.block_at[program.runs[i].block];
        put(data, context_address(i) - data_at, context);
    }
    return data;
}

} // namespace

u64 context_address(usize index) { return contexts_at + index * sizeof(Context); }

u64 first_block_address() {
    Assembler a;
    u64 handler;
    assemble_driver(a, 0xffff, handler);
    return (a.here() + 255) & ~u64(63);
}

Image build(const Program& program) {
    Image image;
    Assembler a;
    u64 handler;
    image.runs = program.runs.size();
    image.epilogue = assemble_driver(a, program.runs.size(), handler);
    while (a.here() < first_block_address()) a(nop);
    for (const auto& block : program.blocks) {
        image.block_at.push_back(a.here());
        for (u32 word : block) a(word);
        for (unsigned i = 0; i < 6; i++) a(nop);   // forward branches may lead past the last instruction
        a(branch(s64(a.here()), s64(image.epilogue)));
    }
    image.end_of_code = a.here();
    image.entry = code_at;
    std::vector<u32> words = a.take();
    std::vector<u8> code(words.size() * 4);
    std::memcpy(code.data(), words.data(), code.size());
    image.segments.push_back({code_at, PF_R | PF_X, std::move(code)});
    image.segments.push_back({data_at, PF_R | PF_W, data_segment(program, image, handler)});
    image.segments.push_back({scratch_at, PF_R | PF_W, program.scratch});
    image.segments.push_back({stack_at, PF_R | PF_W, std::vector<u8>(stack_size)});
    return image;
}

bool write_elf(const Image& image, const std::string& path) {
    constexpr u64 page = 0x10000;
    std::vector<u8> file;
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_AARCH64;
    header.e_version = EV_CURRENT;
    header.e_entry = image.entry;
    header.e_phoff = sizeof(Elf64_Ehdr);
    header.e_ehsize = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = u16(image.segments.size());
    put(file, 0, header);
    for (usize i = 0; i < image.segments.size(); i++) {
        const Segment& s = image.segments[i];
        const u64 size = s.bytes.size();
        const u64 offset = std::max<u64>((file.size() + page - 1) & ~(page - 1), page);
        put(file, sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr), Elf64_Phdr{PT_LOAD, s.flags, offset, s.address, s.address, size, size, page});
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
    for (Context& c : outcome.contexts) c.fpsr &= 0x0800009f;   // reserved bits are the emulator's business
    outcome.scratch.assign(bytes.begin() + s64(contexts), bytes.end());
    return outcome;
}

} // namespace emu::lockstep
