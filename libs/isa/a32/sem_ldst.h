// SPDX-License-Identifier: MIT
// Semantic functions of loads and stores. The row's arg says what is moved (Access); fields P, U and W say how the address is made
// and whether the base changes; rows without them add and do not write back.
#pragma once
#include "isa/a32/translate.h"

namespace emu::isa::a32 {

namespace access {
enum : u32 {
    b = 0, h = 1, w = 2, d = 3,
    size = 7,
    store = 8,
    sign = 16,
    scaled = 32,         ///< the immediate counts units of the size
    sp_base = 64,        ///< rows without a field n: sp, else pc
    acquire = 128,
    release = 256,
    down = 512,          ///< of multiples without P and U: decrement before (else increment after)
    write_back = 1024,   ///< always
};
}

Semantic load_store_immediate, load_store_register;
Semantic dual_immediate, dual_register, dual_immediate_t32;
Semantic load_exclusive, store_exclusive, load_ordered, store_ordered;
Semantic swap;
Semantic multiple;                        // LDM, STM
Semantic push, pop, multiple_t16;
Semantic preload;

} // namespace emu::isa::a32
