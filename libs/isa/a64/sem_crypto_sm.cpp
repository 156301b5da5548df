// SPDX-License-Identifier: MIT
// Arm ARM C7.2: SM3 and SM4. The steps are IR ops.
#include "isa/a64/simd.h"

namespace emu::isa::a64 {

/// Rows without m, or with a fourth register a, are told by their fields.
void crypto_hash(Unit& u, const Fields& f) {
    Val n = u.v(f['n']), m = f.has('m') ? u.v(f['m']) : u.ir.vzero();
    if (f.has('a')) u.set_v(f['d'], u.ir.v3(Op::vhash, Lane::i32, n, m, u.v(f['a']), f.arg()));
    else u.set_v(f['d'], u.ir.v3(Op::vhash, Lane::i32, u.v(f['d']), n, m, f.arg()));
}

void crypto_hash_lane(Unit& u, const Fields& f) {
    u.set_v(f['d'], u.ir.v3(Op::vhash, Lane::i32, u.v(f['d']), u.v(f['n']), u.v(f['m']), f.arg() | f['i'] << 4));
}

} // namespace emu::isa::a64
