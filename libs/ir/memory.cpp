// SPDX-License-Identifier: MIT
#include "ir/memory.h"

#include <bit>
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

/// One access, so that it is single-copy atomic if it is aligned. What races with what is the guest's business.
template <class U> u64 load_at(const void* host) { return __atomic_load_n(static_cast<const U*>(host), __ATOMIC_RELAXED); }
template <class U> void store_at(void* host, u64 value) { __atomic_store_n(static_cast<U*>(host), U(value), __ATOMIC_RELAXED); }

/// The instructions themselves: a compiler may make something else of the intrinsics, and what the host does to a misaligned access
/// of the one kind, a general protection fault, is what is asked for.
V128 load_vector(const void* host, bool aligned) {
    const auto* from = static_cast<const __m128i*>(host);
    __m128i x;
    if (aligned) asm volatile("movaps %1, %0" : "=x"(x) : "m"(*from));
    else asm volatile("movups %1, %0" : "=x"(x) : "m"(*from));
    return std::bit_cast<V128>(x);
}
void store_vector(void* host, V128 v, bool aligned) {
    auto* to = static_cast<__m128i*>(host);
    const auto x = std::bit_cast<__m128i>(v);
    if (aligned) asm volatile("movaps %1, %0" : "=m"(*to) : "x"(x));
    else asm volatile("movups %1, %0" : "=m"(*to) : "x"(x));
}

} // namespace

V128 FlatMemory::load(u64 address, MemFlags flags) {
    const void* host = reinterpret_cast<const void*>(base_ + (address & mask_));
    switch (flags.size_log2) {
    case 0: return {load_at<u8>(host), 0};
    case 1: return {load_at<u16>(host), 0};
    case 2: return {load_at<u32>(host), 0};
    case 3: return {load_at<u64>(host), 0};
    default: return load_vector(host, flags.aligned);
    }
}

void FlatMemory::store(u64 address, MemFlags flags, V128 value) {
    void* host = reinterpret_cast<void*>(base_ + (address & mask_));
    switch (flags.size_log2) {
    case 0: store_at<u8>(host, value.lo); break;
    case 1: store_at<u16>(host, value.lo); break;
    case 2: store_at<u32>(host, value.lo); break;
    case 3: store_at<u64>(host, value.lo); break;
    default: store_vector(host, value, flags.aligned); break;
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
