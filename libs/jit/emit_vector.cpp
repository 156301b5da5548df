// SPDX-License-Identifier: MIT
// Vector ops on bits and integer lanes. Ops that are one host instruction are rows of a table and have code for SSE and AVX; those
// that take a few instructions have code for AVX hosts only (others call ir::eval).
#include "jit/compiler.h"

#include "common/bits.h"

namespace emu::jit {

using ir::Lane;
using ir::Op;
using ir::Type;
using ir::V128;
using Code = Xbyak::CodeGenerator;

namespace {

using Legacy = void (Code::*)(const Xbyak::Mmx&, const Xbyak::Operand&);    // instructions that MMX had
using Sse = void (Code::*)(const Xbyak::Xmm&, const Xbyak::Operand&);
using Avx = void (Code::*)(const Xbyak::Xmm&, const Xbyak::Xmm&, const Xbyak::Operand&);

struct BinaryRow {
    Op op;
    u8 width;        ///< lane bits; 0: any
    Legacy legacy;
    Sse sse;
    Avx avx;
    bool exchanged = false;   ///< the host's operands are b, a
};
// clang-format off
constexpr BinaryRow binary_rows[] = {
    {Op::vand, 0, &Code::pand, nullptr, &Code::vpand},
    {Op::vor, 0, &Code::por, nullptr, &Code::vpor},
    {Op::vxor, 0, &Code::pxor, nullptr, &Code::vpxor},
    {Op::vandn, 0, &Code::pandn, nullptr, &Code::vpandn, true},
    {Op::vcat, 0, nullptr, &Code::punpcklqdq, &Code::vpunpcklqdq},
    {Op::vadd, 8, &Code::paddb, nullptr, &Code::vpaddb}, {Op::vadd, 16, &Code::paddw, nullptr, &Code::vpaddw},
    {Op::vadd, 32, &Code::paddd, nullptr, &Code::vpaddd}, {Op::vadd, 64, &Code::paddq, nullptr, &Code::vpaddq},
    {Op::vsub, 8, &Code::psubb, nullptr, &Code::vpsubb}, {Op::vsub, 16, &Code::psubw, nullptr, &Code::vpsubw},
    {Op::vsub, 32, &Code::psubd, nullptr, &Code::vpsubd}, {Op::vsub, 64, &Code::psubq, nullptr, &Code::vpsubq},
    {Op::vmul, 16, &Code::pmullw, nullptr, &Code::vpmullw}, {Op::vmul, 32, nullptr, &Code::pmulld, &Code::vpmulld},
    {Op::vqadds, 8, &Code::paddsb, nullptr, &Code::vpaddsb}, {Op::vqadds, 16, &Code::paddsw, nullptr, &Code::vpaddsw},
    {Op::vqaddu, 8, &Code::paddusb, nullptr, &Code::vpaddusb}, {Op::vqaddu, 16, &Code::paddusw, nullptr, &Code::vpaddusw},
    {Op::vqsubs, 8, &Code::psubsb, nullptr, &Code::vpsubsb}, {Op::vqsubs, 16, &Code::psubsw, nullptr, &Code::vpsubsw},
    {Op::vqsubu, 8, &Code::psubusb, nullptr, &Code::vpsubusb}, {Op::vqsubu, 16, &Code::psubusw, nullptr, &Code::vpsubusw},
    {Op::vrhaddu, 8, &Code::pavgb, nullptr, &Code::vpavgb}, {Op::vrhaddu, 16, &Code::pavgw, nullptr, &Code::vpavgw},
    {Op::vmins, 8, nullptr, &Code::pminsb, &Code::vpminsb}, {Op::vmins, 16, &Code::pminsw, nullptr, &Code::vpminsw},
    {Op::vmins, 32, nullptr, &Code::pminsd, &Code::vpminsd},
    {Op::vmaxs, 8, nullptr, &Code::pmaxsb, &Code::vpmaxsb}, {Op::vmaxs, 16, &Code::pmaxsw, nullptr, &Code::vpmaxsw},
    {Op::vmaxs, 32, nullptr, &Code::pmaxsd, &Code::vpmaxsd},
    {Op::vminu, 8, &Code::pminub, nullptr, &Code::vpminub}, {Op::vminu, 16, nullptr, &Code::pminuw, &Code::vpminuw},
    {Op::vminu, 32, nullptr, &Code::pminud, &Code::vpminud},
    {Op::vmaxu, 8, &Code::pmaxub, nullptr, &Code::vpmaxub}, {Op::vmaxu, 16, nullptr, &Code::pmaxuw, &Code::vpmaxuw},
    {Op::vmaxu, 32, nullptr, &Code::pmaxud, &Code::vpmaxud},
    {Op::veq, 8, &Code::pcmpeqb, nullptr, &Code::vpcmpeqb}, {Op::veq, 16, &Code::pcmpeqw, nullptr, &Code::vpcmpeqw},
    {Op::veq, 32, &Code::pcmpeqd, nullptr, &Code::vpcmpeqd}, {Op::veq, 64, nullptr, &Code::pcmpeqq, &Code::vpcmpeqq},
    {Op::vgts, 8, &Code::pcmpgtb, nullptr, &Code::vpcmpgtb}, {Op::vgts, 16, &Code::pcmpgtw, nullptr, &Code::vpcmpgtw},
    {Op::vgts, 32, &Code::pcmpgtd, nullptr, &Code::vpcmpgtd}, {Op::vgts, 64, nullptr, &Code::pcmpgtq, &Code::vpcmpgtq},
    {Op::vzip1, 8, &Code::punpcklbw, nullptr, &Code::vpunpcklbw}, {Op::vzip1, 16, &Code::punpcklwd, nullptr, &Code::vpunpcklwd},
    {Op::vzip1, 32, &Code::punpckldq, nullptr, &Code::vpunpckldq}, {Op::vzip1, 64, nullptr, &Code::punpcklqdq, &Code::vpunpcklqdq},
    {Op::vzip2, 8, &Code::punpckhbw, nullptr, &Code::vpunpckhbw}, {Op::vzip2, 16, &Code::punpckhwd, nullptr, &Code::vpunpckhwd},
    {Op::vzip2, 32, &Code::punpckhdq, nullptr, &Code::vpunpckhdq}, {Op::vzip2, 64, nullptr, &Code::punpckhqdq, &Code::vpunpckhqdq},
    {Op::vuzp1, 64, nullptr, &Code::punpcklqdq, &Code::vpunpcklqdq}, {Op::vuzp2, 64, nullptr, &Code::punpckhqdq, &Code::vpunpckhqdq},
    {Op::vtrn1, 64, nullptr, &Code::punpcklqdq, &Code::vpunpcklqdq}, {Op::vtrn2, 64, nullptr, &Code::punpckhqdq, &Code::vpunpckhqdq},
    {Op::vqnarrows, 8, &Code::packsswb, nullptr, &Code::vpacksswb}, {Op::vqnarrows, 16, &Code::packssdw, nullptr, &Code::vpackssdw},
    {Op::vqnarrowsu, 8, &Code::packuswb, nullptr, &Code::vpackuswb}, {Op::vqnarrowsu, 16, nullptr, &Code::packusdw, &Code::vpackusdw},
};
// clang-format on

const BinaryRow* binary_row(Op op, unsigned width) {
    for (const BinaryRow& row : binary_rows)
        if (row.op == op && (row.width == width || !row.width)) return &row;
    return nullptr;
}

/// A vector with every lane of `width` bits equal to `value`.
V128 splat(u64 value, unsigned width) {
    value &= ones(width);
    for (unsigned w = width; w < 64; w *= 2) value |= value << w;
    return {value, value};
}

} // namespace

bool Compiler::vector_binary(Id id) {
    const ir::Node& n = node(id);
    const BinaryRow* row = binary_row(n.op, ir::lane_bits(ir::aux_lane(n.aux)));
    if (!row) return vector_combined(id);
    const Reg first = use(row->exchanged ? n.b : n.a), second = use(row->exchanged ? n.a : n.b);
    if (avx()) {
        const Reg to = def(id);
        (a.*row->avx)(a.x(to), a.x(first), a.x(second));
        return true;
    }
    const Reg to = def_apart(id);
    a.movdqa(a.x(to), a.x(first));
    if (row->legacy) (a.*row->legacy)(a.x(to), a.x(second));
    else (a.*row->sse)(a.x(to), a.x(second));
    return true;
}

/// Two-operand ops without an instruction of their own.
bool Compiler::vector_combined(Id id) {
    if (!avx()) return false;
    const ir::Node& n = node(id);
    const unsigned width = ir::lane_bits(ir::aux_lane(n.aux)), imm = ir::aux_imm(n.aux);
    const bool is64 = width == 64;
    // Unsigned comparisons through minimum and maximum exist up to 32 bits.
    const auto pick = [&](Avx w8, Avx w16, Avx w32, Avx w64 = nullptr) { return width == 8 ? w8 : width == 16 ? w16 : width == 32 ? w32 : w64; };
    const Avx equal = pick(&Code::vpcmpeqb, &Code::vpcmpeqw, &Code::vpcmpeqd, &Code::vpcmpeqq);
    const Avx greater = pick(&Code::vpcmpgtb, &Code::vpcmpgtw, &Code::vpcmpgtd, &Code::vpcmpgtq);
    switch (n.op) {
    case Op::vges: {
        const Reg l = use(n.a), r = use(n.b), t = temp(true), to = def(id);
        (a.*greater)(a.x(t), a.x(r), a.x(l));
        a.vpxor(a.x(to), a.x(t), constant_address(splat(~u64(0), 64)));
        return true;
    }
    case Op::vgeu: case Op::vgtu: {
        const Reg l = use(n.a), r = use(n.b), t = temp(true), u = temp(true), to = def(id);
        if (is64) { // compare as signed numbers with the top bits flipped
            const V128 top = splat(u64(1) << 63, 64);
            a.vpxor(a.x(t), a.x(n.op == Op::vgtu ? l : r), constant_address(top));
            a.vpxor(a.x(u), a.x(n.op == Op::vgtu ? r : l), constant_address(top));
            a.vpcmpgtq(a.x(to), a.x(t), a.x(u));
            if (n.op == Op::vgeu) a.vpxor(a.x(to), a.x(to), constant_address(splat(~u64(0), 64)));
            return true;
        }
        const Avx maximum = pick(&Code::vpmaxub, &Code::vpmaxuw, &Code::vpmaxud), minimum = pick(&Code::vpminub, &Code::vpminuw, &Code::vpminud);
        if (n.op == Op::vgeu) { // max(a, b) == a
            (a.*maximum)(a.x(t), a.x(l), a.x(r));
            (a.*equal)(a.x(to), a.x(t), a.x(l));
        } else { // not min(a, b) == a
            (a.*minimum)(a.x(t), a.x(l), a.x(r));
            (a.*equal)(a.x(t), a.x(t), a.x(l));
            a.vpxor(a.x(to), a.x(t), constant_address(splat(~u64(0), 64)));
        }
        return true;
    }
    case Op::vabds: case Op::vabdu: {
        if (is64) return false;
        const bool s = n.op == Op::vabds;
        const Avx maximum = s ? pick(&Code::vpmaxsb, &Code::vpmaxsw, &Code::vpmaxsd) : pick(&Code::vpmaxub, &Code::vpmaxuw, &Code::vpmaxud);
        const Avx minimum = s ? pick(&Code::vpminsb, &Code::vpminsw, &Code::vpminsd) : pick(&Code::vpminub, &Code::vpminuw, &Code::vpminud);
        const Reg l = use(n.a), r = use(n.b), t = temp(true), u = temp(true), to = def(id);
        (a.*maximum)(a.x(t), a.x(l), a.x(r));
        (a.*minimum)(a.x(u), a.x(l), a.x(r));
        (a.*pick(&Code::vpsubb, &Code::vpsubw, &Code::vpsubd))(a.x(to), a.x(t), a.x(u));
        return true;
    }
    case Op::vmul: { // i8: even and odd bytes as words; i64: AVX-512
        if (is64 && !host().avx512vl) return false;
        const Reg l = use(n.a), r = use(n.b);
        if (is64) {
            const Reg to = def(id);
            a.vpmullq(a.x(to), a.x(l), a.x(r));
            return true;
        }
        const Reg t = temp(true), u = temp(true), to = def(id);
        a.vpsrlw(a.x(t), a.x(l), 8);
        a.vpsrlw(a.x(u), a.x(r), 8);
        a.vpmullw(a.x(t), a.x(t), a.x(u));
        a.vpsllw(a.x(t), a.x(t), 8);
        a.vpmullw(a.x(u), a.x(l), a.x(r));
        a.vpand(a.x(u), a.x(u), constant_address(splat(0xff, 16)));
        a.vpor(a.x(to), a.x(t), a.x(u));
        return true;
    }
    case Op::vmins: case Op::vmaxs: case Op::vminu: case Op::vmaxu: {
        if (!host().avx512vl) return false; // i64
        const Reg l = use(n.a), r = use(n.b), to = def(id);
        const Avx op = n.op == Op::vmins ? Avx(&Code::vpminsq) : n.op == Op::vmaxs ? Avx(&Code::vpmaxsq) : n.op == Op::vminu ? Avx(&Code::vpminuq) : Avx(&Code::vpmaxuq);
        (a.*op)(a.x(to), a.x(l), a.x(r));
        return true;
    }
    case Op::vext: {
        const Reg low = use(n.a), high = use(n.b), to = def(id);
        a.vpalignr(a.x(to), a.x(high), a.x(low), u8(imm));
        return true;
    }
    case Op::vtbl: {
        // PSHUFB gives zero for indices with the top bit set: adding 0x70 with saturation sets it for all above 15.
        const Reg bytes = use(n.a);
        if (const ir::Node& index = node(n.b); index.op == Op::vimm) {
            V128 picks = f_->vectors[index.a];
            for (unsigned i = 0; i < 16; i++)
                if (picks.lane<u8>(i) > 15) picks.set_lane(i, u8(0x80));
            const Reg to = def(id);
            a.vpshufb(a.x(to), a.x(bytes), constant_address(picks));
            return true;
        }
        const Reg index = use(n.b), t = temp(true), to = def(id);
        a.vpaddusb(a.x(t), a.x(index), constant_address(splat(0x70, 8)));
        a.vpshufb(a.x(to), a.x(bytes), a.x(t));
        return true;
    }
    case Op::vuzp1: case Op::vuzp2: case Op::vnarrow: {
        // vnarrow keeps even lanes of the result's width, as vuzp1 does.
        const bool odd = n.op == Op::vuzp2;
        const Reg l = use(n.a), r = use(n.b);
        if (width == 32) {
            const Reg to = def(id);
            a.vshufps(a.x(to), a.x(l), a.x(r), odd ? 0xdd : 0x88);
            return true;
        }
        const Reg t = temp(true), u = temp(true), to = def(id);
        for (auto [from, into] : {std::pair(l, t), std::pair(r, u)}) {
            if (odd && width == 8) a.vpsrlw(a.x(into), a.x(from), 8);
            else if (odd) a.vpsrld(a.x(into), a.x(from), 16);
            else a.vpand(a.x(into), a.x(from), constant_address(splat(ones(width), 2 * width)));
        }
        if (width == 8) a.vpackuswb(a.x(to), a.x(t), a.x(u));
        else a.vpackusdw(a.x(to), a.x(t), a.x(u));
        return true;
    }
    case Op::vtrn1: case Op::vtrn2: {
        const bool odd = n.op == Op::vtrn2;
        const Reg l = use(n.a), r = use(n.b), t = temp(true);
        if (width == 8) {
            const Reg u = temp(true), to = def(id);
            const V128 keep = splat(odd ? 0xff00 : 0x00ff, 16);
            if (odd) a.vpsrlw(a.x(t), a.x(l), 8);
            else a.vpsllw(a.x(t), a.x(r), 8);
            a.vpand(a.x(u), a.x(odd ? r : l), constant_address(keep));
            a.vpor(a.x(to), a.x(t), a.x(u));
            return true;
        }
        const Reg to = def(id);
        const u8 high = width == 16 ? 0xaa : 0xcc; // words taken from the second operand
        if (odd) {
            if (width == 16) a.vpsrld(a.x(t), a.x(l), 16);
            else a.vpsrlq(a.x(t), a.x(l), 32);
            a.vpblendw(a.x(to), a.x(t), a.x(r), high);
        } else {
            if (width == 16) a.vpslld(a.x(t), a.x(r), 16);
            else a.vpsllq(a.x(t), a.x(r), 32);
            a.vpblendw(a.x(to), a.x(l), a.x(t), high);
        }
        return true;
    }
    case Op::vqnarrowu: {
        if (width > 16) return false;
        const Reg l = use(n.a), r = use(n.b), t = temp(true), u = temp(true), to = def(id);
        const V128 limit = splat(ones(width), 2 * width);
        const Avx minimum = width == 8 ? Avx(&Code::vpminuw) : Avx(&Code::vpminud);
        (a.*minimum)(a.x(t), a.x(l), constant_address(limit));
        (a.*minimum)(a.x(u), a.x(r), constant_address(limit));
        if (width == 8) a.vpackuswb(a.x(to), a.x(t), a.x(u));
        else a.vpackusdw(a.x(to), a.x(t), a.x(u));
        return true;
    }
    case Op::vmulls: case Op::vmullu: {
        const bool s = n.op == Op::vmulls, high = imm & 1;
        const Reg l = use(n.a), r = use(n.b), t = temp(true), u = temp(true), to = def(id);
        if (width == 32) {
            const u8 spread = high ? 0xfa : 0x50;
            a.vpshufd(a.x(t), a.x(l), spread);
            a.vpshufd(a.x(u), a.x(r), spread);
            if (s) a.vpmuldq(a.x(to), a.x(t), a.x(u));
            else a.vpmuludq(a.x(to), a.x(t), a.x(u));
            return true;
        }
        widen(t, l, width, s, high);
        widen(u, r, width, s, high);
        if (width == 8) a.vpmullw(a.x(to), a.x(t), a.x(u));
        else a.vpmulld(a.x(to), a.x(t), a.x(u));
        return true;
    }
    case Op::vpmull: {
        if (!is64 || !host().pclmul) return false;
        const Reg l = use(n.a), r = use(n.b), to = def(id);
        a.vpclmulqdq(a.x(to), a.x(l), a.x(r), imm & 1 ? 0x11 : 0x00);
        return true;
    }
    case Op::vqrdmulh: {
        if (width != 16 || imm) return false;
        // Only -1 * -1 overflows, to 0x8000: flip that to 0x7fff.
        const Reg l = use(n.a), r = use(n.b), t = temp(true), u = temp(true), to = def(id);
        a.vpmulhrsw(a.x(t), a.x(l), a.x(r));
        a.vpcmpeqw(a.x(u), a.x(t), constant_address(splat(0x8000, 16)));
        a.vpxor(a.x(to), a.x(t), a.x(u));
        return true;
    }
    case Op::vshlvu: case Op::vshlvs: return vector_shift_by(id, width, n.op == Op::vshlvs);
    default: return false;
    }
}

/// Half a vector at double lane width.
void Compiler::widen(Reg to, Reg from, unsigned width, bool sign, bool high) {
    if (high) {
        a.vpsrldq(a.x(to), a.x(from), 8);
        from = to;
    }
    if (sign) {
        if (width == 8) a.vpmovsxbw(a.x(to), a.x(from));
        else if (width == 16) a.vpmovsxwd(a.x(to), a.x(from));
        else a.vpmovsxdq(a.x(to), a.x(from));
    } else {
        if (width == 8) a.vpmovzxbw(a.x(to), a.x(from));
        else if (width == 16) a.vpmovzxwd(a.x(to), a.x(from));
        else a.vpmovzxdq(a.x(to), a.x(from));
    }
}

/// Shifts by a vector of signed counts (their low bytes): the host's variable shifts give zero (or the sign) for counts that are
/// too large, so that shifting left by c and right by -c and joining the two is right for either sign.
bool Compiler::vector_shift_by(Id id, unsigned width, bool sign) {
    const bool v512 = host().avx512vl;
    if (width == 8 || !host().avx2 || (width != 32 && !v512)) return false;
    const ir::Node& n = node(id);
    const Reg v = use(n.a), by = use(n.b), count = temp(true), minus = temp(true), to = def_apart(id);
    const Avx left = width == 16 ? Avx(&Code::vpsllvw) : width == 32 ? Avx(&Code::vpsllvd) : Avx(&Code::vpsllvq);
    const Avx right = sign ? (width == 16 ? Avx(&Code::vpsravw) : width == 32 ? Avx(&Code::vpsravd) : Avx(&Code::vpsravq))
                           : (width == 16 ? Avx(&Code::vpsrlvw) : width == 32 ? Avx(&Code::vpsrlvd) : Avx(&Code::vpsrlvq));
    if (width == 16) a.vpsllw(a.x(count), a.x(by), 8), a.vpsraw(a.x(count), a.x(count), 8);
    else if (width == 32) a.vpslld(a.x(count), a.x(by), 24), a.vpsrad(a.x(count), a.x(count), 24);
    else a.vpsllq(a.x(count), a.x(by), 56), a.vpsraq(a.x(count), a.x(count), 56);
    a.vpxor(a.x(minus), a.x(minus), a.x(minus));
    if (width == 16) a.vpsubw(a.x(minus), a.x(minus), a.x(count));
    else if (width == 32) a.vpsubd(a.x(minus), a.x(minus), a.x(count));
    else a.vpsubq(a.x(minus), a.x(minus), a.x(count));
    (a.*left)(a.x(to), a.x(v), a.x(count));
    (a.*right)(a.x(minus), a.x(v), a.x(minus));
    if (!sign) {
        a.vpor(a.x(to), a.x(to), a.x(minus));
    } else { // a right shift by a huge count gives the sign, not zero: choose
        if (width == 16) { // VPBLENDVB looks at each byte's top bit: spread the count's sign
            a.vpsraw(a.x(count), a.x(count), 15);
            a.vpblendvb(a.x(to), a.x(to), a.x(minus), a.x(count));
        } else if (width == 32) {
            a.vblendvps(a.x(to), a.x(to), a.x(minus), a.x(count));
        } else {
            a.vblendvpd(a.x(to), a.x(to), a.x(minus), a.x(count));
        }
    }
    return true;
}

// --- one operand ---------------------------------------------------------------------------------------------------------

bool Compiler::vector_unary(Id id) {
    if (!avx()) return false;
    const ir::Node& n = node(id);
    const unsigned width = ir::lane_bits(ir::aux_lane(n.aux)), imm = ir::aux_imm(n.aux);
    switch (n.op) {
    case Op::vnot: {
        const Reg v = use(n.a), to = def(id);
        a.vpxor(a.x(to), a.x(v), constant_address(splat(~u64(0), 64)));
        return true;
    }
    case Op::vlow: {
        const Reg v = use(n.a), to = def(id);
        a.vmovq(a.x(to), a.x(v));
        return true;
    }
    case Op::vneg: {
        const Reg v = use(n.a), t = temp(true), to = def(id);
        a.vpxor(a.x(t), a.x(t), a.x(t));
        const Avx op = width == 8 ? Avx(&Code::vpsubb) : width == 16 ? Avx(&Code::vpsubw) : width == 32 ? Avx(&Code::vpsubd) : Avx(&Code::vpsubq);
        (a.*op)(a.x(to), a.x(t), a.x(v));
        return true;
    }
    case Op::vabs: {
        if (width == 64 && !host().avx512vl) return false;
        const Reg v = use(n.a), to = def(id);
        if (width == 8) a.vpabsb(a.x(to), a.x(v));
        else if (width == 16) a.vpabsw(a.x(to), a.x(v));
        else if (width == 32) a.vpabsd(a.x(to), a.x(v));
        else a.vpabsq(a.x(to), a.x(v));
        return true;
    }
    case Op::vwidens: case Op::vwidenu: {
        const Reg v = use(n.a), t = temp(true), to = def(id);
        widen(t, v, width, n.op == Op::vwidens, imm & 1);
        a.vmovdqa(a.x(to), a.x(t));
        return true;
    }
    case Op::vrev: {
        V128 picks;
        const unsigned bytes = width / 8;
        for (unsigned i = 0; i < 16; i++) {
            const unsigned lane = i / bytes, to = lane - lane % imm + (imm - 1 - lane % imm);
            picks.set_lane(i, u8(to * bytes + i % bytes));
        }
        const Reg v = use(n.a), to = def(id);
        a.vpshufb(a.x(to), a.x(v), constant_address(picks));
        return true;
    }
    case Op::vpaddls: case Op::vpaddlu: {
        const bool s = n.op == Op::vpaddls;
        if (width == 32 && s) return false;
        const Reg v = use(n.a), t = temp(true), u = temp(true), to = def(id);
        if (width == 8) { // PMADDUBSW: unsigned first operand, signed second
            a.vmovdqa(a.x(t), constant_address(splat(1, 8)));
            if (s) a.vpmaddubsw(a.x(to), a.x(t), a.x(v));
            else a.vpmaddubsw(a.x(to), a.x(v), a.x(t));
        } else if (width == 16 && s) {
            a.vpmaddwd(a.x(to), a.x(v), constant_address(splat(1, 16)));
        } else {
            a.vpand(a.x(t), a.x(v), constant_address(splat(ones(width), 2 * width)));
            if (width == 16) a.vpsrld(a.x(u), a.x(v), 16), a.vpaddd(a.x(to), a.x(t), a.x(u));
            else a.vpsrlq(a.x(u), a.x(v), 32), a.vpaddq(a.x(to), a.x(t), a.x(u));
        }
        return true;
    }
    case Op::vcnt: {
        if (width != 8) return false;
        // Counts of the two halves of each byte, from a table.
        V128 counts;
        for (unsigned i = 0; i < 16; i++) counts.set_lane(i, u8(std::popcount(i)));
        const Reg v = use(n.a), t = temp(true), u = temp(true), bits = temp(true), to = def(id);
        a.vmovdqa(a.x(bits), constant_address(counts));
        a.vpand(a.x(t), a.x(v), constant_address(splat(0x0f, 8)));
        a.vpsrlw(a.x(u), a.x(v), 4);
        a.vpand(a.x(u), a.x(u), constant_address(splat(0x0f, 8)));
        a.vpshufb(a.x(t), a.x(bits), a.x(t));
        a.vpshufb(a.x(u), a.x(bits), a.x(u));
        a.vpaddb(a.x(to), a.x(t), a.x(u));
        return true;
    }
    default: return false;
    }
}

/// vsel: (a & b) | (~a & c).
bool Compiler::vector_select(Id id) {
    if (!avx()) return false;
    const ir::Node& n = node(id);
    const Reg mask = use(n.a), yes = use(n.b), no = use(n.c), t = temp(true), u = temp(true), to = def(id);
    a.vpand(a.x(t), a.x(mask), a.x(yes));
    a.vpandn(a.x(u), a.x(mask), a.x(no));
    a.vpor(a.x(to), a.x(t), a.x(u));
    return true;
}

// --- shifts by immediate ---------------------------------------------------------------------------------------------------

/// to = v shifted; `to` may be v. Lanes of 8 bits shift as words, masked.
void Compiler::shift_lanes(Reg to, Reg v, unsigned width, unsigned count, bool left) {
    if (count >= width) {
        a.vpxor(a.x(to), a.x(to), a.x(to));
        return;
    }
    const u8 k = u8(count);
    if (width == 64) left ? a.vpsllq(a.x(to), a.x(v), k) : a.vpsrlq(a.x(to), a.x(v), k);
    else if (width == 32) left ? a.vpslld(a.x(to), a.x(v), k) : a.vpsrld(a.x(to), a.x(v), k);
    else left ? a.vpsllw(a.x(to), a.x(v), k) : a.vpsrlw(a.x(to), a.x(v), k);
    if (width == 8) a.vpand(a.x(to), a.x(to), constant_address(splat(left ? 0xffu << count : 0xffu >> count, 8)));
}

/// Arithmetic right shift: where the host has none, as an unsigned one whose sign bit is then extended by (x ^ m) - m.
void Compiler::shift_lanes_signed(Reg to, Reg v, unsigned width, unsigned count) {
    count = std::min(count, width - 1);
    if (width == 16) return a.vpsraw(a.x(to), a.x(v), u8(count));
    if (width == 32) return a.vpsrad(a.x(to), a.x(v), u8(count));
    if (width == 64 && host().avx512vl) return a.vpsraq(a.x(to), a.x(v), u8(count));
    shift_lanes(to, v, width, count, false);
    const V128 m = splat(u64(1) << (width - 1 - count), width);
    a.vpxor(a.x(to), a.x(to), constant_address(m));
    if (width == 8) a.vpsubb(a.x(to), a.x(to), constant_address(m));
    else a.vpsubq(a.x(to), a.x(to), constant_address(m));
}

bool Compiler::vector_shift(Id id) {
    if (!avx()) return false;
    const ir::Node& n = node(id);
    const unsigned width = ir::lane_bits(ir::aux_lane(n.aux)), count = ir::aux_imm(n.aux);
    const Reg v = use(n.a);
    const bool sign = n.op == Op::vshrs || n.op == Op::vrshrs;
    if (n.op == Op::vrshru || n.op == Op::vrshrs) {
        // The last bit shifted out is added.
        const Reg t = temp(true), u = temp(true), to = def(id);
        if (sign) shift_lanes_signed(t, v, width, count);
        else shift_lanes(t, v, width, count, false);
        shift_lanes(u, v, width, count - 1, false);
        a.vpand(a.x(u), a.x(u), constant_address(splat(1, width)));
        const Avx sum = width == 8 ? Avx(&Code::vpaddb) : width == 16 ? Avx(&Code::vpaddw) : width == 32 ? Avx(&Code::vpaddd) : Avx(&Code::vpaddq);
        (a.*sum)(a.x(to), a.x(t), a.x(u));
        return true;
    }
    const Reg to = def(id);
    if (sign) shift_lanes_signed(to, v, width, count);
    else shift_lanes(to, v, width, count, n.op == Op::vshl);
    return true;
}

// --- between registers of the two kinds --------------------------------------------------------------------------------------

bool Compiler::vector_get(Id id) {
    if (!avx()) return false;
    const ir::Node& n = node(id);
    const unsigned index = ir::aux_imm(n.aux), width = ir::lane_bits(ir::aux_lane(n.aux));
    if (ir::is_float(n.type)) { // what is above a scalar does not matter
        const Reg v = use(n.a), to = def(id);
        if (index == 0) a.vmovaps(a.x(to), a.x(v));
        else if (width == 64) a.vunpckhpd(a.x(to), a.x(v), a.x(v));
        else if (width == 32) a.vpshufd(a.x(to), a.x(v), u8(index));
        else a.vpsrldq(a.x(to), a.x(v), u8(2 * index));
        return true;
    }
    const Reg v = use(n.a), to = def(id);
    switch (width) {
    case 8: a.vpextrb(a.d(to), a.x(v), u8(index)); break;
    case 16: a.vpextrw(a.d(to), a.x(v), u8(index)); break;
    case 32: index ? a.vpextrd(a.d(to), a.x(v), u8(index)) : a.vmovd(a.d(to), a.x(v)); break;
    default:
        if (n.type == Type::i32) index ? a.vpextrd(a.d(to), a.x(v), 2) : a.vmovd(a.d(to), a.x(v));
        else if (index) a.vpextrq(a.q(to), a.x(v), 1);
        else a.vmovq(a.q(to), a.x(v));
    }
    return true;
}

bool Compiler::vector_set(Id id) {
    if (!avx()) return false;
    const ir::Node& n = node(id);
    const unsigned index = ir::aux_imm(n.aux), width = ir::lane_bits(ir::aux_lane(n.aux));
    const Type from = operand_type(id, 1);
    if (ir::is_float(from) && width != 32 && width != 64) return false;
    const Reg v = use(n.a), x = use(n.b), to = def(id);
    if (ir::is_float(from)) {
        if (width == 32) a.vinsertps(a.x(to), a.x(v), a.x(x), u8(index << 4));
        else if (index) a.vunpcklpd(a.x(to), a.x(v), a.x(x));
        else a.vmovsd(a.x(to), a.x(v), a.x(x));
        return true;
    }
    switch (width) {
    case 8: a.vpinsrb(a.x(to), a.x(v), a.d(x), u8(index)); break;
    case 16: a.vpinsrw(a.x(to), a.x(v), a.d(x), u8(index)); break;
    case 32: a.vpinsrd(a.x(to), a.x(v), a.d(x), u8(index)); break;
    default: a.vpinsrq(a.x(to), a.x(v), a.q(x), u8(index)); break;
    }
    return true;
}

bool Compiler::vector_dup(Id id) {
    if (!host().avx2) return false;
    const ir::Node& n = node(id);
    const unsigned width = ir::lane_bits(ir::aux_lane(n.aux));
    const bool integer = ir::is_int(operand_type(id, 0));
    const Reg x = use(n.a);
    const Reg t = integer ? temp(true) : x, to = def(id);
    if (integer) operand_type(id, 0) == Type::i64 ? a.vmovq(a.x(t), a.q(x)) : a.vmovd(a.x(t), a.d(x));
    if (width == 8) a.vpbroadcastb(a.x(to), a.x(t));
    else if (width == 16) a.vpbroadcastw(a.x(to), a.x(t));
    else if (width == 32) a.vpbroadcastd(a.x(to), a.x(t));
    else a.vpbroadcastq(a.x(to), a.x(t));
    return true;
}

bool Compiler::vector_zext(Id id) {
    if (!avx()) return false;
    const ir::Node& n = node(id);
    const Type from = operand_type(id, 0);
    const Reg x = use(n.a), to = def(id);
    switch (from) {
    case Type::f16: a.vpand(a.x(to), a.x(x), constant_address({0xffff, 0})); break;
    case Type::i32: a.vmovd(a.x(to), a.d(x)); break;
    case Type::i64: a.vmovq(a.x(to), a.q(x)); break;
    case Type::f64: a.vmovq(a.x(to), a.x(x)); break;
    default: a.vinsertps(a.x(to), a.x(x), a.x(x), 0x0e); break; // f32: lane 0 stays, the others become zero
    }
    return true;
}

// --- cryptography ----------------------------------------------------------------------------------------------------------

/// The AES steps from the host's rounds with a zero key; MixColumns alone as a round after the inverse of its other steps.
bool Compiler::vector_aes(Id id) {
    if (!avx() || !host().aes) return false;
    const ir::Node& n = node(id);
    const Reg v = use(n.a), zero = temp(true), to = def(id);
    a.vpxor(a.x(zero), a.x(zero), a.x(zero));
    switch (n.op) {
    case Op::vaesenc: a.vaesenclast(a.x(to), a.x(v), a.x(zero)); break;
    case Op::vaesdec: a.vaesdeclast(a.x(to), a.x(v), a.x(zero)); break;
    case Op::vaesmc:
        a.vaesdeclast(a.x(to), a.x(v), a.x(zero));
        a.vaesenc(a.x(to), a.x(to), a.x(zero));
        break;
    default: a.vaesimc(a.x(to), a.x(v)); break;
    }
    return true;
}

/// SHA-256. The host keeps the state as {A B E F} and {C D G H} (high to low lane) and does two rounds an instruction; Arm has
/// a..d and e..h in ascending lanes and does four. xmm0 holds the host's round input.
bool Compiler::vector_sha256(Id id) {
    if (!avx() || !host().sha) return false;
    const ir::Node& n = node(id);
    if (n.op == Op::vsha256su0) {
        const Reg v = use(n.a), next = use(n.b), to = def_apart(id);
        a.vmovdqa(a.x(to), a.x(v));
        a.sha256msg1(a.x(to), a.x(next));
        return true;
    }
    if (n.op == Op::vsha256su1) {
        const Reg v = use(n.a), second = use(n.b), third = use(n.c), to = def_apart(id);
        a.vpalignr(a.x(to), a.x(third), a.x(second), 4);
        a.vpaddd(a.x(to), a.x(to), a.x(v));
        a.sha256msg2(a.x(to), a.x(third));
        return true;
    }
    take(xmm0);
    const bool first_half = n.op == Op::vsha256h;
    const Reg p = use(n.a), q = use(n.b), w = use(n.c), abef = temp(true), cdgh = temp(true), to = def_apart(id);
    const Reg low = first_half ? p : q, high = first_half ? q : p; // a..d, e..h
    a.vshufps(a.x(abef), a.x(high), a.x(low), 0x11);
    a.vshufps(a.x(cdgh), a.x(high), a.x(low), 0xbb);
    a.vmovdqa(a.x(xmm0), a.x(w));
    a.sha256rnds2(a.x(cdgh), a.x(abef));    // the state after two rounds: {cdgh, abef} trade places
    a.vpsrldq(a.x(xmm0), a.x(xmm0), 8);
    a.sha256rnds2(a.x(abef), a.x(cdgh));
    a.vshufps(a.x(to), a.x(abef), a.x(cdgh), first_half ? 0xbb : 0x11);
    return true;
}

} // namespace emu::jit
