// SPDX-License-Identifier: MIT
#include "common/bytes.h"
#include "crypto/luks.h"

#include <algorithm>
#include <array>

namespace emu::crypto {

namespace {

/// Replace the block by the hashes of its numbered pieces, so that every bit of it depends on the others of its piece.
void diffuse(HashAlg alg, Bytes block) {
    const usize piece = digest_size(alg);
    Hash h(alg);
    for (usize at = 0, index = 0; at < block.size(); at += piece, index++) {
        const Bytes part = block.subspan(at, std::min(piece, block.size() - at));
        std::array<u8, 4> number;
        put_be32(number, 0, u32(index));
        h.update(number);
        h.update(part);
        h.finish(part);
    }
}

void xor_with(Bytes to, ConstBytes with) {
    for (usize i = 0; i < to.size(); i++) to[i] ^= with[i];
}

} // namespace

Result<std::vector<u8>> af_split(HashAlg alg, ConstBytes key, u32 stripes) {
    const usize n = key.size();
    std::vector<u8> out(n * stripes);
    const usize random = n * (stripes - 1);
    EMU_CHECK(random_bytes(Bytes(out).first(random)));
    SecretBytes sum(n);
    for (usize at = 0; at < random; at += n) {
        xor_with(sum.bytes(), ConstBytes(out).subspan(at, n));
        diffuse(alg, sum.bytes());
    }
    const Bytes last = Bytes(out).subspan(random, n);
    std::copy(key.begin(), key.end(), last.begin());
    xor_with(last, sum.bytes());
    return out;
}

SecretBytes af_merge(HashAlg alg, ConstBytes split, usize key_bytes, u32 stripes) {
    EMU_ASSERT(split.size() == key_bytes * stripes && stripes > 0);
    SecretBytes sum(key_bytes);
    const usize last = key_bytes * (stripes - 1);
    for (usize at = 0; at < last; at += key_bytes) {
        xor_with(sum.bytes(), split.subspan(at, key_bytes));
        diffuse(alg, sum.bytes());
    }
    xor_with(sum.bytes(), split.subspan(last, key_bytes));
    return sum;
}

} // namespace emu::crypto
