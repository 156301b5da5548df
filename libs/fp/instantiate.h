// SPDX-License-Identifier: MIT
// The lists that explicit instantiations walk over.
#pragma once

#define EMU_FP_FORMATS(X) X(F16) X(BF16) X(F32) X(F64) X(F80) X(F128)
/// The same with a fixed first argument.
#define EMU_FP_FORMATS_WITH(X, A) X(A, F16) X(A, BF16) X(A, F32) X(A, F64) X(A, F80) X(A, F128)
#define EMU_FP_INTEGERS_WITH(X, A) \
    X(A, s16) X(A, u16) X(A, s32) X(A, u32) X(A, s64) X(A, u64) X(A, s128) X(A, u128)
