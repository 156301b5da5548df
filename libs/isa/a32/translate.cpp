// SPDX-License-Identifier: MIT
// From guest code to one unit of IR: a superblock, as for A64 (isa/a64/translate.cpp). Instructions that share a condition are
// predicated or jumped around together; IT blocks are not split.
#include "isa/a32/translate.h"

#include "common/bytes.h"
#include "isa/superblock.h"

#include <algorithm>

namespace emu::isa::a32 {

namespace {

/// See isa/superblock.h; conditional instructions leave more often than A64's branches do.
constexpr usize most_conditional_exits = 4;
/// The helpers that the kernel gives programs at the top of memory use instructions that the CPU need not have.
constexpr u32 kernel_page = 0xffff0000;
/// A run of conditional instructions of this length is jumped around.
constexpr unsigned long_run = 4, longest_run = 16;
constexpr unsigned always = 14;

constexpr u8 advance_it(u8 it) { return it & 7 ? u8((it & 0xe0) | (it << 1 & 0x1f)) : u8(0); }

/// What is at an address, in an instruction set.
class Fetch {
public:
    Fetch(CodeReader& code, bool thumb, bool big) : code_(code), thumb_(thumb), big_(big) {}

    struct Word {
        u32 raw = 0;
        unsigned size = 0;      ///< 0: cannot be fetched
        u32 fault = 0;          ///< where, then
    };
    Word at(u32 pc) const {
        if (!thumb_) {
            u8 b[4];
            if (!code_.read(pc, b)) return {0, 0, pc};
            return {load<u32>(b, 0, order(pc)), 4, 0};
        }
        u32 first, second;
        if (!half(pc, first)) return {0, 0, pc};
        if (first >> 11 < 0x1d) return {first, 2, 0};
        if (!half(pc + 2, second)) return {0, 0, pc + 2};
        return {first << 16 | second, 4, 0};
    }

private:
    bool half(u32 pc, u32& value) const {
        u8 b[2];
        if (!code_.read(pc, b)) return false;
        value = load<u16>(b, 0, order(pc));
        return true;
    }
    /// The kernel's own code is little-endian always.
    Endian order(u32 pc) const { return big_ && pc < kernel_page ? Endian::big : Endian::little; }
    CodeReader& code_;
    bool thumb_, big_;
};

/// The condition field of an A32 instruction; `always` for unconditional encodings too.
unsigned a32_condition(u32 word) { return word >> 28 >= always ? always : word >> 28; }

/// How many instructions from here on share this one's condition, and the pc behind them.
unsigned run_of_condition(const Fetch& fetch, const Unit& u, unsigned cond, u64& behind) {
    u32 pc = u.pc + u.size;
    u8 it = u.next_it;
    unsigned count = 1;
    while (count < longest_run) {
        if (u.thumb && (!it || unsigned(it >> 4) != cond)) break;
        const Fetch::Word word = fetch.at(pc);
        if (!word.size || (!u.thumb && a32_condition(word.raw) != cond)) break;
        pc += word.size;
        it = advance_it(it);
        count++;
    }
    behind = u64(pc) | u64(u.thumb) | u64(it) << pc_it_shift;
    return count;
}

/// Set up u.pred. False: the condition is known not to hold.
bool condition(Unit& u, const Fetch& fetch) {
    u.pred = {};
    const unsigned cond = u.thumb ? (u.it ? u.it >> 4 : always) : a32_condition(u.raw);
    if (cond >= always) return true;
    const Val holds = u.ir.test(Cond(cond), u.nzcv());
    if (u64 k; u.ir.is_const(holds, k)) return k;
    if (u.assumed && holds == u.assumed) return true;
    if (u.assumed && u.ir.not_(holds) == u.assumed) return false;
    u.pred = holds;
    if (run_of_condition(fetch, u, cond, u.skip) >= long_run) u.commit();
    return true;
}

void translate_insn(Unit& u) {
    Found<Insn> row;
    if (!u.thumb) {
        row = decode_a32(u.raw, u.features);
    } else if (u.size == 2) {
        row = decode_t16(u16(u.raw), u.features);
    } else {
        row = decode_t32(u.raw, u.features);
    }
    if (row) row.semantic(u, row->fields(u.raw));
    else u.unallocated();
}

} // namespace

void Unit::branch_write_pc(Val to) {
    commit();
    if (u64 k; ir.is_const(to, k)) return jump(u32(k), thumb);
    Val address = thumb ? ir.or_(to, ir.imm32(1)) : ir.and_(to, ir.imm32(~u32(3)));
    ir.exit({ir::ExitKind::jump_indirect, 0, 0, 0}, ir.zext(address, Type::i64));
}

void Unit::bx_write_pc(Val to, bool returns) {
    commit();
    if (u64 k; ir.is_const(to, k)) return jump(u32(k), k & 1);
    ir.exit({returns ? ir::ExitKind::ret : ir::ExitKind::jump_indirect, 0, 0, 0}, ir.zext(to, Type::i64));
}

void Unit::check_alignment(Val address, unsigned bytes) {
    if (bytes == 1) return;
    commit();
    const Val misaligned = ir.ne(ir.and_(address, ir.imm64(bytes - 1)), ir.imm64(0));
    aarch::raise_alignment(ir, misaligned, trap_alignment, pc_key(), slot_fault_address, ir.trunc(address));
}

void translate(ir::Builder& builder, const TranslateRequest& request) {
    Unit u(builder, request);
    ir::Function& function = builder.function();
    function.pc = request.pc;
    function.insns = 0;
    function.end = 0;
    u64 key = request.pc;
    u.thumb = key & pc_thumb;
    const Fetch fetch(*request.code, u.thumb, request.mode & mode::big_code);
    if (!u.thumb && key & 2) return builder.trap(u32(Trap::misaligned), key, builder.imm64(u32(key)));
    while (builder.open()) {
        u.pc = code_address(key);
        u.it = u8(key >> pc_it_shift);
        const bool first = key == request.pc;
        const bool full = function.insns >= std::max(request.max_insns, 1u) || function.exits.size() >= most_conditional_exits;
        const bool known = request.known && request.known->has(key, request.mode);
        const bool leader = std::binary_search(request.leaders.begin(), request.leaders.end(), key);
        const bool single = request.max_insns == 1;
        const Fetch::Word word = fetch.at(u.pc);
        if (!word.size || (!first && (!u.it || single) && (full || known || leader))) {
            if (function.insns) builder.jump(key);
            else builder.trap(u32(Trap::fetch_fault), key, builder.imm64(word.fault));
            break;
        }
        u.raw = word.raw;
        u.size = word.size;
        u.next_it = advance_it(u.it);
        u.next = u.next_key();
        note_range(function, u.pc, u64(u.pc) + u.size);
        builder.insn(key, u.raw);
        u.features = u.pc >= kernel_page ? ~u64(0) : request.model->features;
        if (condition(u, fetch)) translate_insn(u);
        u.pred = {};
        key = u.next;
    }
    drop_unreached(function);
}

} // namespace emu::isa::a32
