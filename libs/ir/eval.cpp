// SPDX-License-Identifier: MIT
#include "ir/eval.h"

#include "common/result.h"

namespace emu::ir {

V128 eval(Op op, Type type, u16 aux, Type arg_type, const V128* args, fp::Env& env) {
    V128 result;
    if (op < Op::fadd) {
        EMU_ASSERT(eval_integer(op, type, aux, arg_type, args, result));
    } else if (op < Op::vget) {
        EMU_ASSERT(eval_float(op, type, aux, arg_type, args, env, result));
    } else if (op < Op::vfadd) {
        EMU_ASSERT(eval_vector(op, aux, type, arg_type, args, result));
    } else if (op < Op::vaesenc) {
        EMU_ASSERT(eval_vector_float(op, aux, args, env, result));
    } else {
        EMU_ASSERT(eval_crypto(op, aux, args, result));
    }
    return result;
}

} // namespace emu::ir
