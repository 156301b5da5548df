// SPDX-License-Identifier: MIT
#include "ir/memory.h"

#include <cstring>
#include <emmintrin.h>

namespace emu::ir {

namespace {

template <class U> U apply(AtomicOp op, U old, U operand) {
    using S = std::make_signed_t<U>;
    switch (op) {
    case AtomicOp::swap: return operand;
    case AtomicOp::add: return U(old + operand);
    case AtomicOp::and_: return old & operand;
    case AtomicOp::andn: return U(old & U(~operand));
    case AtomicOp::or_: return old | operand;
    case AtomicOp::xor_: return old ^ operand;
    case AtomicOp::smax: return S(old) > S(operand) ? old : operand;
    case AtomicOp::smin: return S(old) < S(operand) ? old : operand;
    case AtomicOp::umax: return old > operand ? old : operand;
    default: return old < operand ? old : operand;
    }
}

template <class U> u64 rmw_at(void* host, AtomicOp op, u64 operand, bool big_endian) {
    auto swap = [&](U x) {
        if constexpr (sizeof(U) == 1) return x;
        else if constexpr (sizeof(U) == 2) return big_endian ? __builtin_bswap16(x) : x;
        else if constexpr (sizeof(U) == 4) return big_endian ? __builtin_bswap32(x) : x;
        else return big_endian ? __builtin_bswap64(x) : x;
    };
    auto* p = static_cast<U*>(host);
    U old = __atomic_load_n(p, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(p, &old, swap(apply<U>(op, swap(old), U(operand))), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {}
    return swap(old);
}

template <class U> u64 cas_at(void* host, u64 expected, u64 desired) {
    U old = U(expected);
    __atomic_compare_exchange_n(static_cast<U*>(host), &old, U(desired), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return old;
}

V128 cas16(void* host, V128 expected, V128 desired) {
    // cmpxchg16b is part of x86-64-v2.
    V128 old = expected;
    asm volatile("lock cmpxchg16b %0"
                 : "+m"(*static_cast<V128*>(host)), "+a"(old.lo), "+d"(old.hi)
                 : "b"(desired.lo), "c"(desired.hi)
                 : "cc", "memory");
    return old;
}

/// The instructions themselves: a compiler may make something else of the intrinsics.
__m128i aligned_load(const __m128i* from) {
    __m128i v;
    asm volatile("movaps %1, %0" : "=x"(v) : "m"(*from));
    return v;
}
void aligned_store(__m128i* to, __m128i v) { asm volatile("movaps %1, %0" : "=m"(*to) : "x"(v)); }

} // namespace

V128 FlatMemory::load(u64 address, MemFlags flags) {
    const void* host = reinterpret_cast<const void*>(base_ + (address & mask_));
    V128 v;
    switch (flags.size_log2) { // one access each, so that aligned ones are single-copy atomic
    case 0: v.lo = *static_cast<const volatile u8*>(host); break;
    case 1: v.lo = *static_cast<const volatile u16*>(host); break;
    case 2: v.lo = *static_cast<const volatile u32*>(host); break;
    case 3: v.lo = *static_cast<const volatile u64*>(host); break;
    default: {
        u64 halves[2];
        // What the host does to a misaligned access is what is asked for: a general protection fault.
        const auto* vector = static_cast<const __m128i*>(host);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(halves), flags.aligned ? aligned_load(vector) : _mm_loadu_si128(vector));
        v = {halves[0], halves[1]};
        break;
    }
    }
    return v;
}

void FlatMemory::store(u64 address, MemFlags flags, V128 value) {
    void* host = reinterpret_cast<void*>(base_ + (address & mask_));
    switch (flags.size_log2) {
    case 0: *static_cast<volatile u8*>(host) = u8(value.lo); break;
    case 1: *static_cast<volatile u16*>(host) = u16(value.lo); break;
    case 2: *static_cast<volatile u32*>(host) = u32(value.lo); break;
    case 3: *static_cast<volatile u64*>(host) = value.lo; break;
    default: {
        __m128i x;
        std::memcpy(&x, &value, sizeof x);
        if (flags.aligned) aligned_store(static_cast<__m128i*>(host), x);
        else _mm_storeu_si128(static_cast<__m128i*>(host), x);
        break;
    }
    }
    if (flags.order == Order::seq_cst) __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

u64 FlatMemory::rmw(u64 address, MemFlags flags, AtomicOp op, u64 operand) {
    void* host = reinterpret_cast<void*>(base_ + (address & mask_));
    switch (flags.size_log2) {
    case 0: return rmw_at<u8>(host, op, operand, false);
    case 1: return rmw_at<u16>(host, op, operand, flags.big_endian);
    case 2: return rmw_at<u32>(host, op, operand, flags.big_endian);
    default: return rmw_at<u64>(host, op, operand, flags.big_endian);
    }
}

V128 FlatMemory::cas(u64 address, MemFlags flags, V128 expected, V128 desired) {
    void* host = reinterpret_cast<void*>(base_ + (address & mask_));
    switch (flags.size_log2) {
    case 0: return {cas_at<u8>(host, expected.lo, desired.lo), 0};
    case 1: return {cas_at<u16>(host, expected.lo, desired.lo), 0};
    case 2: return {cas_at<u32>(host, expected.lo, desired.lo), 0};
    case 3: return {cas_at<u64>(host, expected.lo, desired.lo), 0};
    default: return cas16(host, expected, desired);
    }
}

} // namespace emu::ir
