// SPDX-License-Identifier: MIT
// Arm ARM DDI 0406C A6.2: 16-bit Thumb, in the low half of the word.
#include "isa/a32/sem_branch.h"
#include "isa/a32/sem_dp.h"
#include "isa/a32/sem_ldst.h"
#include "isa/table_check.h"

namespace emu::isa::a32 {

namespace {

// clang-format off
constexpr Line rows[] = {
    {"lsl", "Rd, Rm, #i", "0000000000000000 000 00 iiiii mmm ddd", dp_shifted, alu::mov | alu::lsl | alu::flags_outside_it},
    {"lsr", "Rd, Rm, #i", "0000000000000000 000 01 iiiii mmm ddd", dp_shifted, alu::mov | alu::lsr | alu::flags_outside_it},
    {"asr", "Rd, Rm, #i", "0000000000000000 000 10 iiiii mmm ddd", dp_shifted, alu::mov | alu::asr | alu::flags_outside_it},
    {"add", "Rd, Rn, Rm", "0000000000000000 000 11 00 mmm nnn ddd", dp_shifted, alu::add | alu::flags_outside_it},
    {"sub", "Rd, Rn, Rm", "0000000000000000 000 11 01 mmm nnn ddd", dp_shifted, alu::sub | alu::flags_outside_it},
    {"add", "Rd, Rn, #i", "0000000000000000 000 11 10 iii nnn ddd", dp_plain, alu::add | alu::flags_outside_it},
    {"sub", "Rd, Rn, #i", "0000000000000000 000 11 11 iii nnn ddd", dp_plain, alu::sub | alu::flags_outside_it},
    {"mov", "Rd, #i", "0000000000000000 001 00 ddd iiiiiiii", dp_plain, alu::mov | alu::flags_outside_it},
    {"cmp", "Rd, #i", "0000000000000000 001 01 ddd iiiiiiii", dp_plain, alu::cmp},
    {"add", "Rd, #i", "0000000000000000 001 10 ddd iiiiiiii", dp_plain, alu::add | alu::flags_outside_it},
    {"sub", "Rd, #i", "0000000000000000 001 11 ddd iiiiiiii", dp_plain, alu::sub | alu::flags_outside_it},
    {"and", "Rd, Rm", "0000000000000000 010000 0000 mmm ddd", dp_shifted, alu::and_ | alu::flags_outside_it},
    {"eor", "Rd, Rm", "0000000000000000 010000 0001 mmm ddd", dp_shifted, alu::eor | alu::flags_outside_it},
    {"lsl", "Rd, Rs", "0000000000000000 010000 0010 sss ddd", dp_shifted_register, alu::mov | alu::lsl | alu::flags_outside_it},
    {"lsr", "Rd, Rs", "0000000000000000 010000 0011 sss ddd", dp_shifted_register, alu::mov | alu::lsr | alu::flags_outside_it},
    {"asr", "Rd, Rs", "0000000000000000 010000 0100 sss ddd", dp_shifted_register, alu::mov | alu::asr | alu::flags_outside_it},
    {"adc", "Rd, Rm", "0000000000000000 010000 0101 mmm ddd", dp_shifted, alu::adc | alu::flags_outside_it},
    {"sbc", "Rd, Rm", "0000000000000000 010000 0110 mmm ddd", dp_shifted, alu::sbc | alu::flags_outside_it},
    {"ror", "Rd, Rs", "0000000000000000 010000 0111 sss ddd", dp_shifted_register, alu::mov | alu::ror | alu::flags_outside_it},
    {"tst", "Rd, Rm", "0000000000000000 010000 1000 mmm ddd", dp_shifted, alu::tst},
    {"rsb", "Rd, Rn, #0", "0000000000000000 010000 1001 nnn ddd", dp_plain, alu::rsb | alu::flags_outside_it},
    {"cmp", "Rd, Rm", "0000000000000000 010000 1010 mmm ddd", dp_shifted, alu::cmp},
    {"cmn", "Rd, Rm", "0000000000000000 010000 1011 mmm ddd", dp_shifted, alu::cmn},
    {"orr", "Rd, Rm", "0000000000000000 010000 1100 mmm ddd", dp_shifted, alu::orr | alu::flags_outside_it},
    {"mul", "Rd, Rn", "0000000000000000 010000 1101 nnn ddd", multiply, alu::flags_outside_it},
    {"bic", "Rd, Rm", "0000000000000000 010000 1110 mmm ddd", dp_shifted, alu::bic | alu::flags_outside_it},
    {"mvn", "Rd, Rm", "0000000000000000 010000 1111 mmm ddd", dp_shifted, alu::mvn | alu::flags_outside_it},
    {"add", "Rd, Rm", "0000000000000000 010001 00 d mmmm ddd", dp_shifted, alu::add},
    {"cmp", "Rd, Rm", "0000000000000000 010001 01 d mmmm ddd", dp_shifted, alu::cmp},
    {"mov", "Rd, Rm", "0000000000000000 010001 10 d mmmm ddd", dp_shifted, alu::mov},
    {"bx", "Rm", "0000000000000000 010001 110 mmmm ...", branch_exchange, 0},
    {"blx", "Rm", "0000000000000000 010001 111 mmmm ...", branch_link_exchange_register, 0, feature::v5},
    {"ldr", "Rt, label", "0000000000000000 01001 ttt iiiiiiii", load_store_immediate, access::w | access::scaled},
    {"str", "Rt, [Rn, Rm]", "0000000000000000 0101 000 mmm nnn ttt", load_store_register, access::w | access::store},
    {"strh", "Rt, [Rn, Rm]", "0000000000000000 0101 001 mmm nnn ttt", load_store_register, access::h | access::store},
    {"strb", "Rt, [Rn, Rm]", "0000000000000000 0101 010 mmm nnn ttt", load_store_register, access::b | access::store},
    {"ldrsb", "Rt, [Rn, Rm]", "0000000000000000 0101 011 mmm nnn ttt", load_store_register, access::b | access::sign},
    {"ldr", "Rt, [Rn, Rm]", "0000000000000000 0101 100 mmm nnn ttt", load_store_register, access::w},
    {"ldrh", "Rt, [Rn, Rm]", "0000000000000000 0101 101 mmm nnn ttt", load_store_register, access::h},
    {"ldrb", "Rt, [Rn, Rm]", "0000000000000000 0101 110 mmm nnn ttt", load_store_register, access::b},
    {"ldrsh", "Rt, [Rn, Rm]", "0000000000000000 0101 111 mmm nnn ttt", load_store_register, access::h | access::sign},
    {"str", "Rt, [Rn, #i]", "0000000000000000 011 0 0 iiiii nnn ttt", load_store_immediate, access::w | access::store | access::scaled},
    {"ldr", "Rt, [Rn, #i]", "0000000000000000 011 0 1 iiiii nnn ttt", load_store_immediate, access::w | access::scaled},
    {"strb", "Rt, [Rn, #i]", "0000000000000000 011 1 0 iiiii nnn ttt", load_store_immediate, access::b | access::store | access::scaled},
    {"ldrb", "Rt, [Rn, #i]", "0000000000000000 011 1 1 iiiii nnn ttt", load_store_immediate, access::b | access::scaled},
    {"strh", "Rt, [Rn, #i]", "0000000000000000 1000 0 iiiii nnn ttt", load_store_immediate, access::h | access::store | access::scaled},
    {"ldrh", "Rt, [Rn, #i]", "0000000000000000 1000 1 iiiii nnn ttt", load_store_immediate, access::h | access::scaled},
    {"str", "Rt, [sp, #i]", "0000000000000000 1001 0 ttt iiiiiiii", load_store_immediate, access::w | access::store | access::scaled | access::sp_base},
    {"ldr", "Rt, [sp, #i]", "0000000000000000 1001 1 ttt iiiiiiii", load_store_immediate, access::w | access::scaled | access::sp_base},
    {"adr", "Rd, label", "0000000000000000 1010 0 ddd iiiiiiii", address_of_words, 0},
    {"add", "Rd, sp, #i", "0000000000000000 1010 1 ddd iiiiiiii", adjust_sp, alu::add},
    {"add", "sp, #i", "0000000000000000 1011 0000 0 iiiiiii", adjust_sp, alu::add},
    {"sub", "sp, #i", "0000000000000000 1011 0000 1 iiiiiii", adjust_sp, alu::sub},
    {"cbz", "Rn, label", "0000000000000000 1011 o 0 i 1 iiiii nnn", compare_branch, 0, feature::v6t2},
    {"sxth", "Rd, Rm", "0000000000000000 1011 0010 00 mmm ddd", extend, extend_arg::half, feature::v6},
    {"sxtb", "Rd, Rm", "0000000000000000 1011 0010 01 mmm ddd", extend, extend_arg::byte, feature::v6},
    {"uxth", "Rd, Rm", "0000000000000000 1011 0010 10 mmm ddd", extend, extend_arg::half | extend_arg::is_unsigned, feature::v6},
    {"uxtb", "Rd, Rm", "0000000000000000 1011 0010 11 mmm ddd", extend, extend_arg::byte | extend_arg::is_unsigned, feature::v6},
    {"push", "{l}", "0000000000000000 1011 010 M llllllll", push, 0},
    {"pop", "{l}", "0000000000000000 1011 110 M llllllll", pop, 0},
    {"setend", "#E", "0000000000000000 1011 0110 0101 E ...", set_endianness, 0, feature::v6},
    {"cps", "", "0000000000000000 1011 0110 011 . ....", hint, 0, feature::v6},
    {"rev", "Rd, Rm", "0000000000000000 1011 1010 00 mmm ddd", reverse, u32(Op::bswap), feature::v6},
    {"rev16", "Rd, Rm", "0000000000000000 1011 1010 01 mmm ddd", reverse, u32(Op::bswap16), feature::v6},
    {"revsh", "Rd, Rm", "0000000000000000 1011 1010 11 mmm ddd", reverse_signed_half, 0, feature::v6},
    {"bkpt", "#i", "0000000000000000 1011 1110 iiiiiiii", breakpoint, 0, feature::v5},
    {"it", "c", "0000000000000000 1011 1111 cccc mmmm", if_then, 0, feature::v6t2},
    {"nop", "", "0000000000000000 1011 1111 .... 0000", hint, 0, feature::v6t2},
    {"stm", "Rn, {l}", "0000000000000000 1100 0 nnn llllllll", multiple_t16, access::store},
    {"ldm", "Rn, {l}", "0000000000000000 1100 1 nnn llllllll", multiple_t16, 0},
    {"b", "label", "0000000000000000 1101 cccc iiiiiiii", branch_conditional_t16, 0},
    {"udf", "#i", "0000000000000000 1101 1110 iiiiiiii", undefined, 0},
    {"svc", "#i", "0000000000000000 1101 1111 iiiiiiii", supervisor_call, 0},
    {"b", "label", "0000000000000000 11100 iiiiiiiiiii", branch_t16, 0},
};
// clang-format on
static_assert(unambiguous<Line>(rows));

} // namespace

const Table t16_rows = table_of<rows>;

} // namespace emu::isa::a32
