// SPDX-License-Identifier: MIT
#include "isa/x86/helpers.h"

#include "cpu/vcpu.h"
#include "ir/eval.h"
#include "ir/memory.h"
#include "isa/x86/models.h"
#include "isa/x86/string_op.h"
#include "isa/x86/x86.h"

#include <bit>
#include <cstring>
#include <ctime>
#include <random>
#include <utility>

namespace emu::isa::x86 {

using ir::StateHeader;
using ir::Type;

namespace {

State& of(StateHeader& header) { return static_cast<State&>(header); }
ir::Memory& memory(StateHeader& header) { return *static_cast<ir::Memory*>(header.memory); }
[[noreturn]] void raise(StateHeader& header, u32 trap, u64 value = 0) {
    static_cast<cpu::Vcpu*>(header.vcpu)->raise(Trap(trap), value);
}


// --- integers --------------------------------------------------------------------------------------------------------------------

__extension__ using u128 = unsigned __int128;
__extension__ using s128 = __int128;

u64 divide_u64(StateHeader& s, u64 high, u64 low, u64 divisor) {
    if (high >= divisor) raise(s, u32(Trap::divide_error)); // 0 included
    if (!high) return low / divisor;
    return u64((u128(high) << 64 | low) / divisor);
}
u64 divide_s64(StateHeader& s, u64 high, u64 low, u64 divisor) {
    if (!divisor) raise(s, u32(Trap::divide_error));
    const s128 dividend = s128(s64(high)) << 64 | low;
    if (s64(divisor) == -1) { // the host's own division would trap for the most negative dividend
        const s128 quotient = s128(0 - u128(dividend));
        if (quotient != s64(quotient)) raise(s, u32(Trap::divide_error));
        return u64(quotient);
    }
    const s128 quotient = dividend / s64(divisor);
    if (quotient != s64(quotient)) raise(s, u32(Trap::divide_error));
    return u64(quotient);
}

struct Rotated {
    u64 value;
    bool carry;
};
Rotated rotate_through(u64 value, u64 what, u64 cf) {
    const unsigned bits = what >> 8 & 0xff;
    const bool right = what >> 16 & 1;
    bool carry = cf & 1;
    const u64 top = u64(1) << (bits - 1);
    for (unsigned n = unsigned(what & 0xff) % (bits + 1); n; n--) {
        const bool out = right ? value & 1 : value & top;
        value = right ? (value >> 1 | (carry ? top : 0)) : ((value << 1 | carry) & (top | (top - 1)));
        carry = out;
    }
    return {value, carry};
}
u64 rotate_carry(StateHeader&, u64 value, u64 what, u64 cf) { return rotate_through(value, what, cf).value; }
u64 rotate_carry_out(StateHeader&, u64 value, u64 what, u64 cf) { return rotate_through(value, what, cf).carry; }

u64 pdep(StateHeader&, u64 value, u64 mask) {
    u64 out = 0;
    for (u64 bit = 1; mask; bit <<= 1, mask &= mask - 1)
        if (value & bit) out |= mask & (0 - mask);
    return out;
}
u64 pext(StateHeader&, u64 value, u64 mask) {
    u64 out = 0;
    for (u64 bit = 1; mask; bit <<= 1, mask &= mask - 1)
        if (value & mask & (0 - mask)) out |= bit;
    return out;
}

u32 flags_of_byte(u8 value) {
    u32 flags = 0;
    if (!value) flags |= eflags::zf;
    if (value & 0x80) flags |= eflags::sf;
    if (!(std::popcount(value) & 1)) flags |= eflags::pf;
    return flags;
}

/// DAA and DAS (SDM volume 2): the low digit, then the high one.
void adjust_decimal(u8& al, u32& flags, bool subtract) {
    const u8 old = al;
    const bool old_cf = flags & eflags::cf;
    u32 out = 0;
    if ((al & 15) > 9 || flags & eflags::af) {
        const unsigned adjusted = subtract ? unsigned(al) - 6 : unsigned(al) + 6;
        if (old_cf || adjusted > 0xff) out |= eflags::cf;
        al = u8(adjusted);
        out |= eflags::af;
    }
    if (old > 0x99 || old_cf) {
        al = u8(subtract ? al - 0x60 : al + 0x60);
        out |= eflags::cf;
    } else if (!subtract) {
        out &= ~eflags::cf;
    }
    flags = out | flags_of_byte(al);
}

u64 bcd(StateHeader&, u64 in, u64 which, u64 immediate) {
    u16 ax = u16(in);
    u32 flags = u32(in >> 16);
    u8 al = u8(ax), ah = u8(ax >> 8);
    const bool adjusts = (al & 15) > 9 || flags & eflags::af;
    switch (which) {
    case 0: case 1: adjust_decimal(al, flags, which == 1); break;
    case 2: case 3: { // AAA, AAS
        if (adjusts) ax = which == 2 ? u16(ax + 0x106) : u16(u16(ax - 6) - 0x100);
        al = u8(ax) & 15, ah = u8(ax >> 8);
        flags = (adjusts ? eflags::af | eflags::cf : 0) | flags_of_byte(al);
        break;
    }
    case 4: ah = u8(al / immediate), al = u8(al % immediate), flags = flags_of_byte(al); break;
    default: al = u8(al + ah * immediate), ah = 0, flags = flags_of_byte(al); break;
    }
    return u64(u16(al | ah << 8)) | u64(flags) << 16;
}

// --- flags, identification ---------------------------------------------------------------------------------------------------------

u64 read_flags(StateHeader& s) { return read_eflags(of(s)); }
u64 write_flags(StateHeader& s, u64 value, u64 mask) {
    State& state = of(s);
    const u32 allowed = u32(mask) & (eflags::status | eflags::df | eflags::ac | eflags::id | eflags::tf);
    write_eflags(state, (read_eflags(state) & ~allowed) | (u32(value) & allowed));
    return 0;
}

u64 cpuid(StateHeader& s) {
    State& state = of(s);
    const CpuidLeaf leaf = cpuid_leaf(*static_cast<const CpuModel*>(state.model), u32(state.gpr[rax]), u32(state.gpr[rcx]));
    state.gpr[rax] = leaf.eax, state.gpr[rbx] = leaf.ebx, state.gpr[rcx] = leaf.ecx, state.gpr[rdx] = leaf.edx;
    return 0;
}

u64 timestamp(StateHeader&) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return u64(now.tv_sec) * 1'000'000'000 + u64(now.tv_nsec);
#endif
}

u64 random(StateHeader&) {
    thread_local std::random_device device;
    return u64(device()) << 32 | device();
}

u64 set_segment(StateHeader& s, u64 segment, u64 selector) {
    if (!x86::load_segment(of(s), unsigned(segment), u16(selector))) raise(s, trap_general_protection, selector & 0xfffc);
    return 0;
}

u64 set_mxcsr(StateHeader& s, u64 value) {
    write_mxcsr(of(s), u32(value));
    return 0;
}
u64 get_mxcsr(StateHeader& s) { return read_mxcsr(of(s)); }

// An unmasked exception: the sticky flags are put aside for one instruction, so that it is seen what that one raises.
u64 simd_begin(StateHeader& s) {
    of(s).earlier_flags |= s.fp_flags; // there are some if memory faulted under an earlier instruction
    s.fp_flags = 0;
    return 0;
}
u64 simd_check(StateHeader& s) {
    const u32 raised = unmasked_flags(of(s));
    // What is found before an operation keeps it from being done, and so from raising the rest.
    constexpr u32 before = fp::invalid | fp::denormal_operand | fp::divide_by_zero;
    if (raised & before) s.fp_flags &= before;
    s.fp_flags |= std::exchange(of(s).earlier_flags, 0);
    return raised != 0;
}

u64 cas16(StateHeader& s, u64 address) {
    State& state = of(s);
    const ir::MemFlags flags{.size_log2 = 4, .order = ir::Order::seq_cst};
    const ir::V128 expected{state.gpr[rax], state.gpr[rdx]};
    const ir::V128 old = memory(s).cas(address, flags, expected, {state.gpr[rbx], state.gpr[rcx]});
    if (old == expected) return 1;
    state.gpr[rax] = old.lo, state.gpr[rdx] = old.hi;
    return 0;
}

// --- state areas ---------------------------------------------------------------------------------------------------------------------

void copy_out(StateHeader& s, u64 address, const u8* from, usize size) {
    for (usize at = 0; at < size; at += 16) {
        ir::V128 v;
        std::memcpy(&v, from + at, 16);
        memory(s).store(address + at, {.size_log2 = 4}, v);
    }
}
void copy_in(StateHeader& s, u64 address, u8* to, usize size) {
    for (usize at = 0; at < size; at += 16) {
        const ir::V128 v = memory(s).load(address + at, {.size_log2 = 4});
        std::memcpy(to + at, &v, 16);
    }
}

constexpr usize legacy_size = 512, header_size = 64, avx_size = 256, xmm_end = 416;
constexpr u64 area_x87 = 1, area_sse = 2, area_avx = 4, area_all = 7;

u64 save(StateHeader& s, u64 address, u64 form) {
    State& state = of(s);
    take_x87_from_host(state);
    u8 area[legacy_size] = {};
    const u64 wanted = form & 2 ? (state.gpr[rax] & area_all) : area_x87 | area_sse;
    copy_in(s, address, area, form & 2 ? legacy_size : 0);
    u8 fresh[legacy_size] = {};
    fxsave(state, fresh, form & 1);
    if (wanted & area_x87) std::memcpy(area, fresh, 24), std::memcpy(area + 32, fresh + 32, 128);
    if (wanted & (area_sse | area_avx)) std::memcpy(area + 24, fresh + 24, 8);
    if (wanted & area_sse) std::memcpy(area + 160, fresh + 160, 256);
    copy_out(s, address, area, xmm_end);
    if (!(form & 2)) return 0;
    u8 header[header_size] = {};
    copy_in(s, address + legacy_size, header, header_size);
    u64 present;
    std::memcpy(&present, header, 8);
    present = (present & ~wanted) | wanted;
    std::memcpy(header, &present, 8);
    copy_out(s, address + legacy_size, header, 16);
    if (wanted & area_avx) {
        u8 high[avx_size];
        store_halves(state, 1, 16, high);
        copy_out(s, address + legacy_size + header_size, high, sizeof high);
    }
    return 0;
}

u64 restore(StateHeader& s, u64 address, u64 form) {
    State& state = of(s);
    take_x87_from_host(state);
    u8 area[legacy_size];
    copy_in(s, address, area, legacy_size);
    u64 wanted = area_x87 | area_sse, present = wanted;
    if (form & 2) {
        u8 header[header_size];
        copy_in(s, address + legacy_size, header, header_size);
        std::memcpy(&present, header, 8);
        wanted = state.gpr[rax] & area_all;
    }
    u32 mxcsr;
    std::memcpy(&mxcsr, area + 24, 4);
    if (mxcsr >> 16) raise(s, trap_general_protection);
    u8 high[avx_size] = {};
    if (wanted & present & area_avx) copy_in(s, address + legacy_size + header_size, high, sizeof high);
    // Parts that the area does not hold go back to their initial state.
    u8 merged[legacy_size];
    fxsave(state, merged, form & 1);
    State initial;
    u8 fresh[legacy_size];
    fxsave(initial, fresh, form & 1);
    const u8* x87 = present & area_x87 ? area : fresh;
    const u8* sse = present & area_sse ? area : fresh;
    if (wanted & area_x87) std::memcpy(merged, x87, 24), std::memcpy(merged + 32, x87 + 32, 128);
    if (wanted & area_sse) std::memcpy(merged + 160, sse + 160, 256);
    if (wanted & (area_sse | area_avx)) std::memcpy(merged + 24, area + 24, 8);
    fxrstor(state, merged, form & 1);
    if (wanted & area_avx) load_halves(state, 1, 16, high);
    return 0;
}

// --- strings ---------------------------------------------------------------------------------------------------------------------------

/// One REP run. Registers are updated after each element, so that a fault leaves them as the processor does.
struct StringRun {
    StateHeader& header;
    State& state = of(header);
    StringOp op;
    unsigned bytes, address_bits;
    bool until_equal; ///< REPNE
    u64 base;
    s64 step = state.df ? -s64(bytes) : s64(bytes);

    u64 mask() const { return address_bits == 64 ? ~u64(0) : address_bits == 32 ? 0xffffffff : 0xffff; }
    u64 get(unsigned n) const { return state.gpr[n] & mask(); }
    void set(unsigned n, u64 value) {
        if (address_bits == 16) state.gpr[n] = (state.gpr[n] & ~u64(0xffff)) | (value & 0xffff);
        else state.gpr[n] = value & mask();
    }
    /// Sums wrap at 32 bits in 32-bit code.
    u64 linear(u64 offset, u64 segment) const { return state.selector[cs] == 0x23 ? u32(offset + segment) : offset + segment; }
    u64 load(u64 at) { return memory(header).load(at, {.size_log2 = u8(std::countr_zero(bytes))}).lo; }
    void store(u64 at, u64 value) { memory(header).store(at, {.size_log2 = u8(std::countr_zero(bytes))}, {value, 0}); }

    /// False: the run ends here.
    bool compare(u64 a, u64 b) {
        const ir::V128 args[3] = {{a, 0}, {b, 0}, {}};
        fp::Env env;
        state.flags = u32(ir::eval(ir::Op::eflags_sub, ir::Type::i32, u16(std::countr_zero(bytes)), ir::Type::i64, args, env).lo);
        return bool(state.flags & ir::eflag_zf) != until_equal;
    }
    bool element() {
        const u64 si = get(rsi), di = get(rdi);
        const u64 from = linear(si, base), to = linear(di, state.flat_base[es]);
        bool more = true;
        switch (op) {
        case StringOp::movs: store(to, load(from)); break;
        case StringOp::stos: store(to, state.gpr[rax]); break;
        case StringOp::lods: {
            const u64 v = load(from);
            const u64 all = bytes == 8 ? ~u64(0) : (u64(1) << (8 * bytes)) - 1;
            state.gpr[rax] = bytes == 4 ? v : (state.gpr[rax] & ~all) | v;
            break;
        }
        case StringOp::cmps: more = compare(load(from), load(to)); break;
        case StringOp::scas: more = compare(state.gpr[rax], load(to)); break;
        }
        if (op == StringOp::movs || op == StringOp::cmps || op == StringOp::lods) set(rsi, si + u64(step));
        if (op != StringOp::lods) set(rdi, di + u64(step));
        set(rcx, get(rcx) - 1);
        return more;
    }

    bool watched() const {
        const auto* vcpu = static_cast<const cpu::Vcpu*>(state.vcpu);
        return vcpu && vcpu->watched();
    }

    /// `count` elements that lie in the pages of the first ones, forward in flat memory: the registers need to be right only before
    /// and after them, because if any of them faults, the first does. False: the run goes on element by element.
    template <class T> bool elements(u64 from, u64 to, u64 count, bool& more) {
        const auto* source = reinterpret_cast<const u8*>(from + state.memory_base);
        auto* target = reinterpret_cast<u8*>(to + state.memory_base);
        auto at = [](const u8* place, u64 n) {
            T v;
            std::memcpy(&v, place + n * sizeof(T), sizeof v);
            return v;
        };
        const T a = T(state.gpr[rax]);
        u64 done = count;
        switch (op) {
        case StringOp::movs:
            if (to - from >= count * sizeof(T)) { // what is written is not read afterwards
                std::memmove(target, source, count * sizeof(T));
                break;
            }
            for (u64 n = 0; n < count; n++) {
                const T v = at(source, n);
                std::memcpy(target + n * sizeof(T), &v, sizeof v);
            }
            break;
        case StringOp::stos:
            if (sizeof(T) == 1) {
                std::memset(target, int(a), count);
                break;
            }
            for (u64 n = 0; n < count; n++) std::memcpy(target + n * sizeof(T), &a, sizeof a);
            break;
        case StringOp::cmps:
        case StringOp::scas: {
            const bool scan = op == StringOp::scas;
            u64 n = 0;
            do {
                const T left = scan ? a : at(source, n), right = at(target, n);
                more = (left == right) != until_equal;
                if (!more || n + 1 == count) compare(left, right);
                n++;
            } while (more && n < count);
            done = n;
            break;
        }
        case StringOp::lods: return false;
        }
        if (op == StringOp::movs || op == StringOp::cmps) set(rsi, get(rsi) + done * sizeof(T));
        set(rdi, get(rdi) + done * sizeof(T));
        set(rcx, get(rcx) - done);
        return true;
    }
    bool block(bool& more) {
        if (step < 0 || address_bits == 16 || state.tlb || watched()) return false;
        const u64 from = linear(get(rsi), base), to = linear(get(rdi), state.flat_base[es]);
        const bool reads = op == StringOp::movs || op == StringOp::cmps;
        auto room = [&](u64 at) { return (4096 - (at & 4095)) / bytes; };
        u64 count = std::min(get(rcx), room(to));
        if (reads) count = std::min(count, room(from));
        // Addresses wrap where the offset does, the linear address in 32-bit code too.
        const u64 last = mask() - 4096;
        if (!count || get(rdi) > last || (reads && get(rsi) > last)) return false;
        switch (bytes) {
        case 1: return elements<u8>(from, to, count, more);
        case 2: return elements<u16>(from, to, count, more);
        case 4: return elements<u32>(from, to, count, more);
        default: return elements<u64>(from, to, count, more);
        }
    }
};

u64 string(StateHeader& s, u64 what, u64 base) {
    StringRun run{.header = s, .op = StringOp(what & 0xff), .bytes = unsigned(what >> 8 & 0xff) / 8, .address_bits = unsigned(what >> 24 & 0xff),
                  .until_equal = (what >> 16 & 0xff) == 0xf2, .base = base};
    for (bool more = true; more && run.get(rcx);)
        if (!run.block(more)) more = run.element();
    return 0;
}

} // namespace

const Helper helper_divide_u64{"x86_divide_u64", ir::function_of(divide_u64), Type::i64, 3, false, false, true};
const Helper helper_divide_s64{"x86_divide_s64", ir::function_of(divide_s64), Type::i64, 3, false, false, true};
const Helper helper_rotate_carry{"x86_rotate_carry", ir::function_of(rotate_carry), Type::i64, 3};
const Helper helper_rotate_carry_out{"x86_rotate_carry_out", ir::function_of(rotate_carry_out), Type::i64, 3};
const Helper helper_bcd{"x86_bcd", ir::function_of(bcd), Type::i64, 3};
const Helper helper_pdep{"x86_pdep", ir::function_of(pdep), Type::i64, 2};
const Helper helper_pext{"x86_pext", ir::function_of(pext), Type::i64, 2};
const Helper helper_read_flags{"x86_read_flags", ir::function_of(read_flags), Type::i64, 0, true};
const Helper helper_write_flags{"x86_write_flags", ir::function_of(write_flags), Type::none, 2, true, true};
const Helper helper_cpuid{"x86_cpuid", ir::function_of(cpuid), Type::none, 0, true, true};
const Helper helper_timestamp{"x86_timestamp", ir::function_of(timestamp), Type::i64, 0};
const Helper helper_random{"x86_random", ir::function_of(random), Type::i64, 0};
const Helper helper_load_segment{"x86_load_segment", ir::function_of(set_segment), Type::none, 2, true, true, true};
const Helper helper_simd_begin{"x86_simd_begin", ir::function_of(simd_begin), Type::none, 0, true};
const Helper helper_simd_check{"x86_simd_check", ir::function_of(simd_check), Type::i64, 0, true};
const Helper helper_write_mxcsr{"x86_write_mxcsr", ir::function_of(set_mxcsr), Type::none, 1, true, true};
const Helper helper_read_mxcsr{"x86_read_mxcsr", ir::function_of(get_mxcsr), Type::i32, 0, true};
const Helper helper_fxsave{"x86_save", ir::function_of(save), Type::none, 2, true, false, true};
const Helper helper_fxrstor{"x86_restore", ir::function_of(restore), Type::none, 2, true, true, true};
const Helper helper_cas16{"x86_cas16", ir::function_of(cas16), Type::i64, 1, true, true, true};
const Helper helper_string{"x86_string", ir::function_of(string), Type::none, 2, true, true, true};

} // namespace emu::isa::x86
