// SPDX-License-Identifier: MIT
// What every pure op computes. One definition: the interpreter runs it, the builder folds constants with it, the JIT calls it
// for the ops it has no code for, and exact state after a fault is rebuilt with it.
#pragma once
#include "ir/ir.h"

namespace emu::ir {

/// The value of pure node `node` (not imm/vimm) for the given operand values. Scalars are zero-extended in the low bits of a
/// V128. `arg_type` is the type of operand a (b for `select`). FP ops use env and raise flags in it.
V128 eval(Op op, Type type, u16 aux, Type arg_type, const V128* args, fp::Env& env);

/// frintw of one number: 64 bits or 32. Every finite f16 fits, so that it is rounded like any other.
template <class F> F round_sized(F a, u16 aux, fp::Round rounding, fp::Env& env) {
    if constexpr (sizeof(F) < 4) return fp::round_to_int(a, rounding, true, env);
    else return fp::round_to_int_sized(a, rounding, aux_arg(aux) & 64 ? 64 : 32, env);
}

// The parts of eval, by chapter (eval_*.cpp); each returns false for an op that is not its own.
bool eval_integer(Op op, Type type, u16 aux, Type arg_type, const V128* args, V128& result);
bool eval_float(Op op, Type type, u16 aux, Type arg_type, const V128* args, fp::Env& env, V128& result);
bool eval_vector(Op op, u16 aux, Type type, Type arg_type, const V128* args, V128& result);
bool eval_vector_float(Op op, u16 aux, const V128* args, fp::Env& env, V128& result);
V128 eval_hash(HashStep step, unsigned index, const V128& a, const V128& b, const V128& c);
bool eval_crypto(Op op, u16 aux, const V128* args, V128& result);

} // namespace emu::ir
