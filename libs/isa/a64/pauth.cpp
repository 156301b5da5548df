// SPDX-License-Identifier: MIT
// The code is 7 bits, in bits 54..48 of the pointer: 48-bit addresses, top byte ignored, as Linux runs its programs. It is
// the top of a product of the pointer, modifier and key, cheap enough to stand inline in every function's prologue.
#include "isa/a64/pauth.h"

#include "isa/a64/sem_dp_reg.h"

namespace emu::isa::a64 {

namespace {

constexpr unsigned code_lsb = 48, code_width = 7, extension_bit = 55;

Val key_half(Unit& u, u32 key, unsigned high) { return u.ir.get(slot_pac_keys + 2 * key + high); }

Val mix(Unit& u, Val pointer, Val modifier, u32 key) {
    auto& ir = u.ir;
    Val a = ir.mul(ir.xor_(pointer, key_half(u, key, 0)), ir.imm64(0x9e3779b97f4a7c15));
    Val b = ir.mul(ir.xor_(modifier, key_half(u, key, 1)), ir.imm64(0xd1b54a32d192ed03));
    return ir.mul(ir.xor_(a, ir.rotr(b, 31)), ir.imm64(0x8cb92ba72f3d8dd7));
}

Val code_of(Unit& u, Val pointer, Val modifier, u32 key) {
    return u.ir.ubfx(mix(u, pointer, modifier, key), 64 - code_width, code_width);
}

/// Seven copies of bit 55.
Val extension(Unit& u, Val pointer) { return u.ir.sbfx(pointer, extension_bit, 1); }

} // namespace

Val pac_strip_code(Unit& u, Val pointer) { return u.ir.bfi(pointer, extension(u, pointer), code_lsb, code_width); }

Val pac_sign(Unit& u, Val pointer, Val modifier, u32 key) {
    auto& ir = u.ir;
    Val canonical = pac_strip_code(u, pointer);
    Val code = code_of(u, canonical, modifier, key);
    // A pointer that is not canonical gets a code that will not authenticate.
    Val damage = ir.shl(ir.zext(ir.ne(canonical, pointer), Type::i64), code_width - 1);
    return ir.bfi(pointer, ir.xor_(code, damage), code_lsb, code_width);
}

Val pac_auth(Unit& u, Val pointer, Val modifier, u32 key) {
    auto& ir = u.ir;
    Val canonical = pac_strip_code(u, pointer);
    Val good = ir.eq(ir.ubfx(pointer, code_lsb, code_width), code_of(u, canonical, modifier, key));
    const u64 error = key == pac_ib || key == pac_db ? 2 : 1;
    return ir.select(good, canonical, ir.bfi(canonical, ir.imm64(error), 53, 2));
}

void pac_register(Unit& u, const Fields& f) {
    const u32 key = f.arg() & pac_key;
    Val pointer = u.x(f['d']);
    Val modifier = f.arg() & pac_zero ? u.ir.imm64(0) : u.x_or_sp(f['n']);
    u.set_x(f['d'], f.arg() & pac_authenticate ? pac_auth(u, pointer, modifier, key) : pac_sign(u, pointer, modifier, key));
}

void pac_strip(Unit& u, const Fields& f) { u.set_x(f['d'], pac_strip_code(u, u.x(f['d']))); }

void pac_generic(Unit& u, const Fields& f) {
    auto& ir = u.ir;
    Val h = mix(u, u.x(f['n']), u.x_or_sp(f['m']), pac_ga);
    u.set_x(f['d'], ir.and_(ir.xor_(h, ir.shl(h, 17)), ir.imm64(0xffffffff00000000)));
}

} // namespace emu::isa::a64
