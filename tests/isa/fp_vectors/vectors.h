// SPDX-License-Identifier: MIT
// Floating-point instructions of a guest, run as translated code over many operands, and what libs/fp says to the same.
//
// A guest is a table of rows: an instruction, what its operands are, and its function in libs/fp. The guest program is a loop
// over records; it clears the flags, loads the operands, executes the row's code, stores results and flags.
#pragma once
#include "../random.h"
#include "cpu/vcpu.h"
#include "fp/format.h"

#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace emu::fp_vectors {

using Random = lockstep::Random;

/// Guest programs know this layout.
struct Record {
    u8 operands[3][16];
    u8 result[16];           ///< of vector registers, or memory
    u64 integer;             ///< result in a general register
    u64 flags;               ///< the guest's status register
    u8 extended[16];         ///< result in an x87 register
};
static_assert(sizeof(Record) == 96);

/// Operands are lanes of one of these.
enum class Kind : u8 { f16, f32, f64, f80, i32, i64 };
template <class F> constexpr Kind kind_of() {
    if constexpr (std::is_same_v<F, fp::F16>) return Kind::f16;
    else if constexpr (std::is_same_v<F, fp::F32>) return Kind::f32;
    else if constexpr (std::is_same_v<F, fp::F64>) return Kind::f64;
    else if constexpr (std::is_same_v<F, fp::F80>) return Kind::f80;
    else return sizeof(F) == 4 ? Kind::i32 : Kind::i64;
}
void fill_operands(Record& record, Kind kind, Random& random);

enum class Place : u8 { vector, integer, extended };

/// What libs/fp makes of a record's operands; the flags go to `env`.
struct Answer {
    u8 bytes[16] = {};
    unsigned size = 0;       ///< how many of them there are to compare
    u64 flags = 0;           ///< of the guest's status register, besides those of `env`
};
using Expect = std::function<void(const Record&, fp::Env&, Answer&)>;

struct Row {
    std::string name;
    std::vector<u8> code;
    Kind kind;
    Place place;
    Expect expect;
    unsigned settings = 0;   ///< which of the guest's sets of settings it is tried with
    u8 ignored = 0;          ///< fp::Flag bits that the instruction does not raise
};

/// A value of the guest's control register, and what it means.
struct Setting {
    u32 control;
    fp::Env env;
};

struct Guest {
    std::string_view name;
    const isa::Isa* isa;
    const isa::CpuModel* model;
    std::vector<Row> rows;
    std::vector<std::vector<Setting>> settings;
    /// The loop around a row's code.
    std::vector<u8> (*program)(const Row& row);
    /// Before the program runs: where the records are and how many, and the control register's value.
    void (*start)(cpu::Vcpu& cpu, u64 code, Record* records, u64 count, u32 control);
    /// The status register's bits for fp::Flag bits; those to compare, once the expected ones are known.
    u64 (*status)(u8 flags);
    u64 (*compared)(const Row& row, u64 expected);
};

Guest a64_guest();
void add_a64_chains(std::vector<Row>& rows);
Guest x86_guest();

// --- for tables of rows
template <class T> T operand(const Record& r, unsigned which, unsigned lane = 0) {
    T value;
    std::memcpy(&value, r.operands[which] + lane * sizeof(T), std::is_same_v<T, fp::F80> ? 10 : sizeof(T));
    return value;
}
template <class T> void answer(Answer& a, T value) {
    const unsigned size = std::is_same_v<T, fp::F80> ? 10 : sizeof(T);
    std::memcpy(a.bytes + a.size, &value, size);
    a.size += size;
}
/// op(a, b, c, env) on each lane.
template <class F, class Op> Expect lanes(unsigned count, Op op) {
    return [=](const Record& r, fp::Env& env, Answer& a) {
        for (unsigned i = 0; i < count; i++) answer(a, op(operand<F>(r, 0, i), operand<F>(r, 1, i), operand<F>(r, 2, i), env));
    };
}

} // namespace emu::fp_vectors
