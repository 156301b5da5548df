// SPDX-License-Identifier: MIT
// The x87: register stack, exceptions and instructions (SDM volume 1, chapter 8). Arithmetic is the host's (x87_host.h).
#include "isa/x86/x87_op.h"

#include "cpu/vcpu.h"
#include "ir/host_x87.h"
#include "ir/memory.h"
#include "isa/x86/helpers.h"
#include "isa/x86/x86.h"
#include "isa/x86/x87_host.h"

#include <cstring>

namespace emu::isa::x86 {

using fp::F80;
using ir::StateHeader;
using ir::Type;

namespace {

namespace sw = x87_status;

constexpr F80 indefinite{0xc000000000000000, 0xffff};
constexpr u64 integer_bit = u64(1) << 63;

/// One instruction at work.
class Fpu {
public:
    Fpu(StateHeader& header, u64 what, u64 pc) : header_(header), x_(static_cast<State&>(header).x87), what_(what) {
        take_x87_from_host(static_cast<State&>(header));
        static_cast<State&>(header).x87_once = 0;
        op_ = x87_arg::op(what);
        if (!(what & x87_arg::no_wait)) {
            if (x_.status & sw::summary) raise(trap_fpu);
            x_.instruction = pc;
        }
    }
    u64 run(u64 condition);
    u64 run_memory(u64 address);

private:
    [[noreturn]] void raise(u32 trap) { static_cast<cpu::Vcpu*>(header_.vcpu)->raise(Trap(trap), 0); }
    ir::Memory& memory() { return *static_cast<ir::Memory*>(header_.memory); }
    u64 load(u64 at, unsigned log2) { return memory().load(at, {.size_log2 = u8(log2)}).lo; }
    void store(u64 at, unsigned log2, u64 value) { memory().store(at, {.size_log2 = u8(log2)}, {value, 0}); }
    /// Ten bytes in two pages: where one of them cannot be written, the other is not.
    template <class Wide> void store_wide(u64 at, const Wide& value) {
        if ((at & 4095) > 4096 - 10) (void)memory().rmw(at, {.size_log2 = 0}, ir::AtomicOp::or_, 0);
        store(at + 8, 1, value.sign_exponent);
        store(at, 3, value.fraction);
    }

    // --- exceptions
    /// The host is made ready for an operation of the guest.
    void begin() {
        host::set_control(x_.control);
        // Sticky bits stay in the host as in the guest, unless each operation's own are wanted or the guest cleared its.
        if (!x_.host_current || (~x_.control & sw::exceptions)) host::clear_exceptions();
        x_.host_current = true;
    }
    /// Take over what an operation raised; false: an unmasked exception forbids its result.
    bool accept(u16 status, u16 codes = sw::c1) {
        x_.status = u16((x_.status & ~codes) | (status & codes));
        return note(status & sw::exceptions);
    }
    bool note(u16 exceptions) {
        x_.status |= exceptions & (sw::exceptions | sw::stack_fault);
        const u16 unmasked = exceptions & ~x_.control & sw::exceptions;
        if (!unmasked) return true;
        x_.status |= sw::summary | sw::busy;
        return !(unmasked & (sw::invalid | sw::denormal | sw::zero_divide));
    }
    void refresh_summary() {
        const bool pending = x_.status & ~x_.control & sw::exceptions;
        x_.status = u16((x_.status & ~(sw::summary | sw::busy)) | (pending ? sw::summary | sw::busy : 0));
        x_.host_current = false;
    }

    /// FNINIT leaves the registers' contents.
    void init() {
        F80 kept[8];
        std::memcpy(kept, x_.reg, sizeof kept);
        x_ = X87{};
        std::memcpy(x_.reg, kept, sizeof kept);
    }

    // --- the stack
    unsigned physical(unsigned i) const { return (x_.top() + i) & 7; }
    bool empty(unsigned i) const { return x_.empty >> physical(i) & 1; }
    void set_top(unsigned top) { x_.status = u16((x_.status & ~0x3800) | (top & 7) << 11); }
    void pop() {
        x_.empty |= u8(1u << x_.top());
        set_top(x_.top() + 1);
    }
    void pops() {
        for (unsigned n = x87_arg::pops(what_); n; n--) pop();
    }
    /// A register as operand: an empty one is a stack underflow and reads as the indefinite.
    bool get(unsigned i, F80& value) {
        value = x_.st(i);
        return !empty(i) || fault(false, value);
    }
    bool fault(bool overflow, F80& value) {
        x_.status = u16((x_.status & ~sw::c1) | (overflow ? sw::c1 : 0));
        value = indefinite;
        faulted_ = true;
        return note(sw::invalid | sw::stack_fault);
    }
    void set(unsigned i, F80 value) {
        x_.st(i) = value;
        x_.empty &= u8(~(1u << physical(i)));
    }
    void push(F80 value) {
        const unsigned to = (x_.top() - 1) & 7;
        if (!(x_.empty >> to & 1) && !faulted_) {
            if (!fault(true, value)) return;
        }
        set_top(to);
        set(0, value);
    }

    // --- groups of instructions
    void arithmetic(F80 other, unsigned to);
    u64 compare(F80 other);
    void examine();
    void unary();
    void beside();
    void pushing();
    void replace_two();
    bool operand(u64 bits, u16 tail, F80& value);
    void arithmetic_float(u64 bits);
    void store_value(u64 address);
    void control(u64 address);
    unsigned env_size() const { return what_ & x87_arg::op16 ? 14 : 28; }
    void put_env(u64 address);
    void take_env(u64 address);

    StateHeader& header_;
    X87& x_;
    u64 what_;
    X87Op op_;
    bool faulted_ = false;
};

void Fpu::arithmetic(F80 other, unsigned to) {
    F80 top, result;
    if (!get(0, top)) return;
    u16 status = 0;
    if (faulted_) {
        set(to, indefinite);
        return pops();
    }
    begin();
    switch (op_) {
    case X87Op::add: result = host::add(top, other, status); break;
    case X87Op::mul: result = host::mul(top, other, status); break;
    case X87Op::sub: result = host::sub(top, other, status); break;
    case X87Op::subr: result = host::sub(other, top, status); break;
    case X87Op::div: result = host::div(top, other, status); break;
    default: result = host::div(other, top, status); break;
    }
    if (!accept(status)) return;
    set(to, result);
    pops();
}

/// FCOM and its kin; FCOMI's answer is CF, PF and ZF at bits 0, 2 and 6.
u64 Fpu::compare(F80 other) {
    F80 top;
    if (!get(0, top)) return 0;
    const bool to_flags = op_ == X87Op::comi || op_ == X87Op::ucomi;
    u16 status = sw::c0 | sw::c2 | sw::c3;
    if (!faulted_) {
        begin();
        host::compare(top, other, op_ == X87Op::ucom || op_ == X87Op::ucomi, status);
        if (!note(status & sw::exceptions)) return u64(1) << 8;
        if (!to_flags) x_.status &= u16(~sw::c1);
    }
    u64 flags = 0;
    if (to_flags) flags = (status & sw::c0 ? 1 : 0) | (status & sw::c2 ? 4 : 0) | (status & sw::c3 ? 64 : 0);
    else x_.status = u16((x_.status & ~(sw::c0 | sw::c2 | sw::c3)) | (status & (sw::c0 | sw::c2 | sw::c3)));
    pops();
    return flags;
}

void Fpu::examine() {
    const F80 v = x_.st(0);
    const unsigned exponent = v.sign_exponent & 0x7fff;
    u16 codes = 0;
    if (empty(0)) codes = sw::c3 | sw::c0;
    else if (exponent == 0) codes = !v.fraction ? sw::c3 : sw::c3 | sw::c2;
    else if (!(v.fraction & integer_bit)) codes = 0;
    else if (exponent == 0x7fff) codes = v.fraction << 1 ? sw::c0 : sw::c2 | sw::c0;
    else codes = sw::c2;
    if (v.sign_exponent & 0x8000) codes |= sw::c1;
    x_.status = u16((x_.status & ~sw::codes) | codes);
}

void Fpu::unary() {
    F80 top, result;
    if (!get(0, top)) return;
    if (faulted_) return set(0, indefinite);
    if (op_ == X87Op::chs || op_ == X87Op::abs) {
        x_.status &= u16(~sw::c1);
        top.sign_exponent = op_ == X87Op::chs ? top.sign_exponent ^ 0x8000 : top.sign_exponent & 0x7fff;
        return set(0, top);
    }
    u16 status = 0;
    begin();
    switch (op_) {
    case X87Op::sqrt: result = host::sqrt(top, status); break;
    case X87Op::round: result = host::round(top, status); break;
    case X87Op::f2xm1: result = host::f2xm1(top, status); break;
    case X87Op::sin: result = host::sin(top, status); break;
    default: result = host::cos(top, status); break;
    }
    const bool range = op_ == X87Op::sin || op_ == X87Op::cos;
    if (accept(status, range ? sw::c1 | sw::c2 : sw::c1)) set(0, result);
}

/// FPREM, FPREM1, FSCALE: st(0) with st(1), which stays.
void Fpu::beside() {
    F80 top, below, result;
    if (!get(0, top) || !get(1, below)) return;
    if (faulted_) {
        if (op_ != X87Op::scale) x_.status &= u16(~(sw::c1 | sw::c2));
        return set(0, indefinite);
    }
    u16 status = 0;
    begin();
    switch (op_) {
    case X87Op::scale: result = host::scale(top, below, status); break;
    case X87Op::prem: result = host::prem(top, below, status); break;
    default: result = host::prem1(top, below, status); break;
    }
    // Of a NaN there is no quotient: C0 and C3 stay.
    const bool nan = (result.sign_exponent & 0x7fff) == 0x7fff && result.fraction << 1;
    const bool remainder = op_ != X87Op::scale;
    if (nan && remainder) x_.status &= u16(~(sw::c1 | sw::c2));
    if (accept(status, !remainder ? sw::c1 : nan ? u16(0) : sw::codes)) set(0, result);
}

/// FYL2X, FYL2XP1, FPATAN: st(1) with st(0), popped.
void Fpu::replace_two() {
    F80 top, below, result;
    if (!get(0, top) || !get(1, below)) return;
    u16 status = 0;
    if (faulted_) {
        result = indefinite;
    } else {
        begin();
        switch (op_) {
        case X87Op::yl2x: result = host::yl2x(below, top, status); break;
        case X87Op::yl2xp1: result = host::yl2xp1(below, top, status); break;
        default: result = host::atan(below, top, status); break;
        }
        if (!accept(status)) return;
    }
    pop();
    set(0, result);
}

/// FXTRACT, FPTAN, FSINCOS: one operand, two results.
void Fpu::pushing() {
    F80 top, lower = indefinite, upper = indefinite;
    if (!get(0, top)) return;
    if (!faulted_ && !empty(7)) {
        F80 ignored;
        if (!fault(true, ignored)) return;
    }
    if (!faulted_) {
        const unsigned exponent = top.sign_exponent & 0x7fff;
        if (op_ != X87Op::extract && exponent >= 0x3fff + 63 && exponent != 0x7fff) { // out of range: C2, nothing else
            x_.status |= sw::c2;
            return;
        }
        u16 status = 0;
        begin();
        switch (op_) {
        case X87Op::extract: upper = host::extract(top, lower, status); break;
        case X87Op::tan: upper = host::tan(top, lower, status); break;
        default: upper = host::sincos(top, lower, status); break;
        }
        if (!accept(status, op_ == X87Op::extract ? sw::c1 : sw::c1 | sw::c2)) return;
    }
    set(0, lower);
    set_top(x_.top() - 1);
    set(0, upper);
}

u64 Fpu::run(u64 condition) {
    const unsigned i = x87_arg::index(what_);
    F80 other;
    switch (op_) {
    case X87Op::add: case X87Op::mul: case X87Op::sub: case X87Op::subr: case X87Op::div: case X87Op::divr:
        if (get(i, other)) arithmetic(other, what_ & x87_arg::to_sti ? i : 0);
        return 0;
    case X87Op::com: case X87Op::comp: case X87Op::ucom: case X87Op::comi: case X87Op::ucomi:
        return get(i, other) ? compare(other) : 0;
    case X87Op::tst: return compare({0, 0});
    case X87Op::xam: examine(); return 0;
    case X87Op::load:
        if (!get(i, other)) return 0;
        if (!faulted_) x_.status &= u16(~sw::c1);
        push(other);
        return 0;
    case X87Op::store:
        if ((what_ & x87_arg::unchecked) && empty(0)) {
            x_.status &= u16(~sw::c1);
            pop();
            return 0;
        }
        if (!get(0, other)) return 0;
        if (!faulted_) x_.status &= u16(~sw::c1);
        set(i, other);
        pops();
        return 0;
    case X87Op::exchange: {
        F80 top;
        if (!get(0, top) || !get(i, other)) return 0;
        if (!faulted_) x_.status &= u16(~sw::c1);
        set(0, other), set(i, top);
        return 0;
    }
    case X87Op::cmov: {
        F80 top;
        if (!get(0, top) || !get(i, other)) return 0;
        if (faulted_) set(0, indefinite);
        else if (condition) set(0, other);
        return 0;
    }
    case X87Op::free:
        x_.empty |= u8(1u << physical(i));
        x_.status &= u16(~sw::c1);
        pops();
        return 0;
    case X87Op::chs: case X87Op::abs: case X87Op::sqrt: case X87Op::round: case X87Op::f2xm1: case X87Op::sin: case X87Op::cos:
        unary();
        return 0;
    case X87Op::scale: case X87Op::prem: case X87Op::prem1: beside(); return 0;
    case X87Op::yl2x: case X87Op::yl2xp1: case X87Op::atan: replace_two(); return 0;
    case X87Op::extract: case X87Op::tan: case X87Op::sincos: pushing(); return 0;
    case X87Op::constant:
        begin();
        x_.status &= u16(~sw::c1);
        push(host::constant(i));
        return 0;
    case X87Op::dec_top: case X87Op::inc_top:
        x_.status &= u16(~sw::c1);
        set_top(op_ == X87Op::dec_top ? x_.top() - 1 : x_.top() + 1);
        return 0;
    case X87Op::store_status_ax: return x_.status;
    case X87Op::clear:
        x_.status &= u16(~(sw::exceptions | sw::stack_fault | sw::summary | sw::busy));
        x_.host_current = false;
        return 0;
    case X87Op::init: init(); return 0;
    default: return 0;
    }
}

/// A memory operand, extended; a stack fault comes before it is looked at, and whoever uses it raises that.
bool Fpu::operand(u64 bits, u16 tail, F80& value) {
    u16 status = 0;
    value = {};
    if (op_ != X87Op::load ? empty(0) : !(x_.empty >> ((x_.top() - 1) & 7) & 1)) return true;
    begin();
    switch (x87_arg::format(what_)) {
    case X87Format::f32: value = host::load_f32(u32(bits), status); break;
    case X87Format::f64: value = host::load_f64(bits, status); break;
    case X87Format::i16: value = host::load_i16(s16(bits), status); break;
    case X87Format::i32: value = host::load_i32(s32(bits), status); break;
    case X87Format::i64: value = host::load_i64(s64(bits), status); break;
    case X87Format::f80: value = {bits, tail}; break;
    default: value = host::load_bcd(F80{bits, tail}, status); break;
    }
    return accept(status, 0);
}

/// Arithmetic with a float in memory, which is converted as part of the operation: its exceptions depend on both operands.
void Fpu::arithmetic_float(u64 bits) {
    using F32Op = F80(F80, u32, u16&);
    using F64Op = F80(F80, u64, u16&);
    static constexpr F32Op* on_f32[] = {host::add_f32, host::mul_f32, host::com_f32, host::com_f32, host::sub_f32, host::subr_f32, host::div_f32, host::divr_f32};
    static constexpr F64Op* on_f64[] = {host::add_f64, host::mul_f64, host::com_f64, host::com_f64, host::sub_f64, host::subr_f64, host::div_f64, host::divr_f64};
    F80 top;
    const bool compares = op_ == X87Op::com || op_ == X87Op::comp;
    constexpr u16 unordered = sw::c0 | sw::c2 | sw::c3;
    if (!get(0, top)) return;
    if (faulted_) {
        if (compares) x_.status |= unordered;
        else set(0, indefinite);
        return pops();
    }
    u16 status = 0;
    begin();
    const F80 result = x87_arg::format(what_) == X87Format::f32 ? on_f32[unsigned(op_)](top, u32(bits), status) : on_f64[unsigned(op_)](top, bits, status);
    if (!accept(status, compares ? sw::codes : sw::c1)) return;
    if (!compares) set(0, result);
    pops();
}

void Fpu::store_value(u64 at) {
    F80 top;
    const bool trunc = op_ == X87Op::store_trunc;
    const u16 before = x_.status;
    const bool wanted = get(0, top), faulted = faulted_;
    const u16 after_get = x_.status;
    x_.status = before; // a fault of the access leaves nothing changed
    u16 status = 0;
    u64 bits = 0;
    F80 wide = top;
    unsigned log2 = 3;
    begin();
    switch (x87_arg::format(what_)) {
    case X87Format::f32: bits = host::store_f32(top, status), log2 = 2; break;
    case X87Format::f64: bits = host::store_f64(top, status); break;
    case X87Format::i16: bits = trunc ? host::trunc_i16(top, status) : host::store_i16(top, status), log2 = 1; break;
    case X87Format::i32: bits = trunc ? host::trunc_i32(top, status) : host::store_i32(top, status), log2 = 2; break;
    case X87Format::i64: bits = trunc ? host::trunc_i64(top, status) : host::store_i64(top, status); break;
    case X87Format::bcd: wide = host::store_bcd(top, status), log2 = 4; break;
    default: log2 = 4; break;
    }
    // Nothing is stored for an unmasked exception other than precision.
    const u16 unmasked = status & ~x_.control & sw::exceptions;
    const bool stores = wanted && (faulted || !(unmasked & ~sw::precision));
    if (stores) {
        if (log2 == 4) store_wide(at, wide);
        else store(at, log2, bits);
    }
    if (faulted) x_.status = after_get;
    else accept(status);
    if (stores) pops();
}

/// FSTENV (SDM volume 1, figures 8-9 and 8-11), protected mode.
void Fpu::put_env(u64 at) {
    const u32 words[] = {x_.control, x_.status, x87_tags(x_), u32(x_.instruction), u32(x_.opcode) << 16, u32(x_.operand), 0};
    const bool small = what_ & x87_arg::op16;
    const u32 unused = small ? 0 : 0xffff0000;
    for (unsigned n = 0; n < 7; n++) store(at + n * (small ? 2 : 4), small ? 1 : 2, words[n] | (n < 3 || n == 6 ? unused : 0));
}
void Fpu::take_env(u64 at) {
    const bool small = what_ & x87_arg::op16;
    u32 words[7];
    for (unsigned n = 0; n < 7; n++) words[n] = u32(load(at + n * (small ? 2 : 4), small ? 1 : 2));
    x_.control = u16(words[0]) | 0x40;
    x_.status = u16(words[1]);
    x_.empty = 0;
    for (unsigned n = 0; n < 8; n++)
        if ((words[2] >> (2 * n) & 3) == 3) x_.empty |= u8(1u << n);
    x_.instruction = words[3];
    x_.operand = words[5];
    refresh_summary();
}

void Fpu::control(u64 at) {
    switch (op_) {
    case X87Op::load_control:
        x_.control = u16(load(at, 1)) | 0x40;
        refresh_summary();
        break;
    case X87Op::store_control: store(at, 1, x_.control); break;
    case X87Op::store_status: store(at, 1, x_.status); break;
    case X87Op::store_env:
        put_env(at);
        x_.control |= sw::exceptions;
        refresh_summary();
        break;
    case X87Op::load_env: take_env(at); break;
    case X87Op::save:
        put_env(at);
        for (unsigned i = 0; i < 8; i++) {
            store(at + env_size() + 10 * i, 3, x_.st(i).fraction);
            store(at + env_size() + 10 * i + 8, 1, x_.st(i).sign_exponent);
        }
        init();
        break;
    default: { // FRSTOR
        F80 values[8];
        for (unsigned i = 0; i < 8; i++)
            values[i] = {load(at + env_size() + 10 * i, 3), u16(load(at + env_size() + 10 * i + 8, 1))};
        take_env(at);
        for (unsigned i = 0; i < 8; i++) x_.st(i) = values[i];
        break;
    }
    }
}

u64 Fpu::run_memory(u64 at) {
    if (op_ == X87Op::store || op_ == X87Op::store_trunc) return store_value(at), 0;
    if (op_ > X87Op::divr && op_ != X87Op::load) return control(at), 0;
    // The access comes first: its fault leaves nothing changed.
    static constexpr u8 log2[] = {0, 2, 3, 3, 1, 2, 3, 3};
    const X87Format format = x87_arg::format(what_);
    const u64 bits = load(at, log2[unsigned(format)]);
    const u16 tail = format == X87Format::f80 || format == X87Format::bcd ? u16(load(at + 8, 1)) : u16(0);
    F80 value;
    if (op_ != X87Op::load && (format == X87Format::f32 || format == X87Format::f64)) return arithmetic_float(bits), 0;
    if (!operand(bits, tail, value)) return 0;
    if (op_ == X87Op::load) x_.status &= u16(~sw::c1), push(value);
    else if (op_ == X87Op::com || op_ == X87Op::comp) compare(value);
    else arithmetic(value, 0);
    return 0;
}

u64 x87(StateHeader& s, u64 what, u64 condition, u64 pc) { return Fpu(s, what, pc).run(condition); }
u64 x87_memory(StateHeader& s, u64 what, u64 address, u64 pc) { return Fpu(s, what, pc).run_memory(address); }


// FNSAVE's image: seven words of 32 bits, then st(0) to st(7), ten bytes each (SDM volume 1, figure 8-9).
constexpr usize control_at = 0, status_at = 4, tags_at = 8, registers_at = 28, register_size = 10;

void to_image(State& state) {
    const X87& x = state.x87;
    u8* image = state.host_x87.image;
    std::memset(image, 0, sizeof state.host_x87.image);
    const u16 tags = x87_tags(x);
    std::memcpy(image + control_at, &x.control, 2);
    std::memcpy(image + status_at, &x.status, 2);
    std::memcpy(image + tags_at, &tags, 2);
    for (unsigned i = 0; i < 8; i++) {
        std::memcpy(image + registers_at + i * register_size, &x.st(i).fraction, 8);
        std::memcpy(image + registers_at + i * register_size + 8, &x.st(i).sign_exponent, 2);
    }
    state.host_x87.live = 1;
}

u64 x87_enter(StateHeader& s) {
    State& state = static_cast<State&>(s);
    to_image(state);
    if (s.in_jit) asm volatile("frstor %0" : : "m"(state.host_x87.image));
    return 0;
}

/// What the interpreter does where translated code has the instruction itself.
u64 native(StateHeader& s, u64 what, u64 second, bool memory) {
    State& state = static_cast<State&>(s);
    Fpu fpu(s, what >> 16, 0);
    const u64 result = memory ? fpu.run_memory(second) : fpu.run(second);
    to_image(state);
    return result;
}
u64 native_stack(StateHeader& s, u64 what, u64 condition) { return native(s, what, condition, false); }
u64 native_compare(StateHeader& s, u64 what) { return native(s, what, 0, false) << 8 | ir::eflag_fixed; }
u64 native_memory(StateHeader& s, u64 what, u64 address) { return native(s, what, address, true); }

u64 enter_mmx(StateHeader& s) {
    State& state = static_cast<State&>(s);
    take_x87_from_host(state);
    X87& x = state.x87;
    x.status &= u16(~0x3800);
    x.empty = 0;
    for (unsigned n = 0; n < 8; n++) state.mmx[n] = x.reg[n].fraction;
    state.mmx_written = 0;
    state.mmx_mode = true;
    return 0;
}
u64 leave_mmx(StateHeader& s) {
    leave_mmx_mode(static_cast<State&>(s));
    return 0;
}
u64 emms(StateHeader& s) {
    State& state = static_cast<State&>(s);
    take_x87_from_host(state);
    leave_mmx_mode(state);
    state.x87.status &= u16(~0x3800); // the manual does not say so; processors do it
    state.x87.empty = 0xff;
    return 0;
}

} // namespace

u16 x87_tags(const X87& x) {
    u16 tags = 0;
    for (unsigned n = 0; n < 8; n++) {
        const F80 v = x.reg[n];
        const unsigned exponent = v.sign_exponent & 0x7fff;
        unsigned tag = 0;
        if (x.empty >> n & 1) tag = 3;
        else if (exponent == 0 && !v.fraction) tag = 1;
        else if (exponent == 0 || exponent == 0x7fff || !(v.fraction & integer_bit)) tag = 2;
        tags |= u16(tag << (2 * n));
    }
    return tags;
}

X87 x87_of(const State& state) {
    X87 x = state.x87;
    if (!state.host_x87.live) return x;
    const u8* image = state.host_x87.image;
    u16 tags;
    std::memcpy(&x.control, image + control_at, 2);
    std::memcpy(&x.status, image + status_at, 2);
    std::memcpy(&tags, image + tags_at, 2);
    x.empty = 0;
    for (unsigned n = 0; n < 8; n++)
        if ((tags >> (2 * n) & 3) == 3) x.empty |= u8(1u << n);
    for (unsigned i = 0; i < 8; i++) {
        std::memcpy(&x.st(i).fraction, image + registers_at + i * register_size, 8);
        std::memcpy(&x.st(i).sign_exponent, image + registers_at + i * register_size + 8, 2);
    }
    x.host_current = false;
    return x;
}

void take_x87_from_host(State& state) {
    if (!state.host_x87.live) return;
    if (state.in_jit) asm volatile("fnsave %0" : "=m"(state.host_x87.image));
    state.x87 = x87_of(state);
    state.host_x87.live = 0;
}

void leave_mmx_mode(State& state) {
    if (!state.mmx_mode) return;
    for (unsigned n = 0; n < 8; n++)
        if (state.mmx_written >> n & 1) state.x87.reg[n] = {state.mmx[n], 0xffff};
    state.mmx_mode = false;
}

// The x87 is no part of the state slots: translated code keeps its values over these calls.
const Helper helper_x87{"x86_x87", ir::function_of(x87), Type::i64, 3, false, false, true};
const Helper helper_x87_memory{"x86_x87_memory", ir::function_of(x87_memory), Type::i64, 3, false, false, true};
const Helper helper_x87_enter{"x86_x87_enter", ir::function_of(x87_enter), Type::none, 0, true, true};
constexpr std::string_view name_of(ir::X87Form form) { return ir::x87_helper_names[unsigned(form)]; }
const Helper native_x87{name_of(ir::X87Form::stack), ir::function_of(native_stack), Type::none, 1};
const Helper native_x87_memory{name_of(ir::X87Form::memory), ir::function_of(native_memory), Type::none, 2, false, false, true};
const Helper native_x87_move_if{name_of(ir::X87Form::move_if), ir::function_of(native_stack), Type::none, 2};
const Helper native_x87_compare{name_of(ir::X87Form::compare), ir::function_of(native_compare), Type::i32, 1};
const Helper native_x87_status{name_of(ir::X87Form::status), ir::function_of(native_stack), Type::i32, 1};
const Helper helper_enter_mmx{"x86_enter_mmx", ir::function_of(enter_mmx), Type::none, 0, true, true};
const Helper helper_leave_mmx{"x86_leave_mmx", ir::function_of(leave_mmx), Type::none, 0, true, true};
const Helper helper_emms{"x86_emms", ir::function_of(emms), Type::none, 0, true, true};

} // namespace emu::isa::x86
