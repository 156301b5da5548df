// SPDX-License-Identifier: MIT
#include "ir/eval.h"

#include "common/result.h"

namespace emu::ir {

namespace {
/// See fp_standard. Half precision goes by the mode.
fp::Env standard_env(const fp::Env& env) {
    fp::Env standard = env;
    standard.round = fp::Round::nearest_even;
    standard.flush_inputs = standard.flush_outputs = standard.default_nan = true;
    standard.flags = 0;
    return standard;
}
} // namespace

V128 eval(Op op, Type type, u16 aux, Type arg_type, const V128* args, fp::Env& env) {
    V128 result;
    if (op < Op::fadd) {
        EMU_ASSERT(eval_integer(op, type, aux, arg_type, args, result));
    } else if (op < Op::vget) {
        EMU_ASSERT(eval_float(op, type, aux, arg_type, args, env, result));
    } else if (op < Op::vfadd) {
        EMU_ASSERT(eval_vector(op, aux, type, arg_type, args, result));
    } else if (op < Op::vaesenc) {
        if (aux & fp_standard) {
            fp::Env standard = standard_env(env);
            EMU_ASSERT(eval_vector_float(op, u16(aux & ~fp_standard), args, standard, result));
            env.flags |= standard.flags;
        } else {
            EMU_ASSERT(eval_vector_float(op, aux, args, env, result));
        }
    } else {
        EMU_ASSERT(eval_crypto(op, aux, args, result));
    }
    return result;
}

} // namespace emu::ir
