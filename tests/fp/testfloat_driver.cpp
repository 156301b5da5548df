// SPDX-License-Identifier: MIT
// Checks libs/fp against TestFloat vectors read from standard input (what `testfloat_gen FUNCTION` prints: operands,
// result and flags in hexadecimal, one case a line).
//
//     testfloat_gen -rmin -tininessafter f64_add | fp_testfloat -rules x86 -rmin -tininessafter f64_add
//
// -rules arm|riscv|x86|x87|any: whose NaNs and integer results to expect; "any" accepts every NaN for every other.
#include "fp/fp.h"

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

using namespace emu;
using namespace emu::fp;

namespace {

struct Case {
    u128 words[5];
    unsigned count;
};
struct Settings {
    Rules rules = rules::riscv;
    Round round = Round::nearest_even;
    bool exact = false;
    bool any_nan = false;
    unsigned precision = 64;
};

template <class F> F unpack_word(u128 w) {
    if constexpr (std::is_same_v<F, F80>) return {u64(w), u16(w >> 64)};
    else if constexpr (std::is_same_v<F, F128>) return {u64(w), u64(w >> 64)};
    else return {decltype(F::bits)(w)};
}
template <class F> u128 pack_word(F a) {
    if constexpr (std::is_same_v<F, F80>) return u128(a.sign_exponent) << 64 | a.fraction;
    else if constexpr (std::is_same_v<F, F128>) return u128(a.hi) << 64 | a.lo;
    else return a.bits;
}

unsigned testfloat_flags(const Env& env) {
    return unsigned(bool(env.flags & invalid)) << 4 | unsigned(bool(env.flags & divide_by_zero)) << 3 |
           unsigned(bool(env.flags & overflow)) << 2 | unsigned(bool(env.flags & underflow)) << 1 |
           unsigned(bool(env.flags & inexact));
}
void print_word(u128 w) {
    if (w >> 64) std::printf(" %llx%016llx", (unsigned long long)(w >> 64), (unsigned long long)w);
    else std::printf(" %llx", (unsigned long long)w);
}

/// Runs one case; false on end of input.
class Checker {
public:
    explicit Checker(const Settings& s) : settings_(s) {}

    template <class Op, class IsNan> void run(Op op, IsNan both_nan) {
        Case c;
        while (read(c)) {
            Env env{&settings_.rules, settings_.round};
            env.f80_precision = u8(settings_.precision);
            u128 result = op(c, env);
            u128 expected = c.words[c.count - 2];
            bool same = result == expected || (settings_.any_nan && both_nan(result, expected));
            cases_++;
            if (same && testfloat_flags(env) == unsigned(c.words[c.count - 1])) continue;
            if (wrong_++ >= 10) continue;
            for (unsigned i = 0; i + 2 < c.count; i++) print_word(c.words[i]);
            std::printf(" : got");
            print_word(result);
            std::printf(" %02x expected", testfloat_flags(env));
            print_word(expected);
            std::printf(" %02x\n", unsigned(c.words[c.count - 1]));
        }
    }
    int report(const char* what) const {
        std::printf("%s: %llu cases, %llu wrong\n", what, cases_, wrong_);
        return wrong_ || !cases_ ? 1 : 0;
    }

private:
    Settings settings_;
    unsigned long long cases_ = 0, wrong_ = 0;

    static bool read(Case& c) {
        c.count = 0;
        u128 word = 0;
        bool digits = false;
        for (int ch; (ch = getc_unlocked(stdin)) != EOF;) {
            int digit = ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
            if (digit >= 0) {
                word = word << 4 | unsigned(digit);
                digits = true;
                continue;
            }
            if (digits && c.count < 5) c.words[c.count++] = word;
            word = 0;
            digits = false;
            if (ch == '\n' && c.count >= 3) return true;
        }
        return false;
    }
};

template <class F> bool nan_words(u128 a, u128 b) { return is_nan(unpack_word<F>(a)) && is_nan(unpack_word<F>(b)); }
bool never(u128, u128) { return false; }

template <class F> bool run_to_integer(std::string_view to, Checker& checker, const Settings& s) {
    auto go = [&]<class Int, class Unsigned>(Int, Unsigned) {
        checker.run([&](const Case& c, Env& env) {
            return u128(Unsigned(to_int<Int>(unpack_word<F>(c.words[0]), s.round, 0, env, s.exact)));
        }, never);
        return true;
    };
    if (to == "i32") return go(s32{}, u32{});
    if (to == "ui32") return go(u32{}, u32{});
    if (to == "i64") return go(s64{}, u64{});
    if (to == "ui64") return go(u64{}, u64{});
    return false;
}
template <class F> bool run_convert(std::string_view to, Checker& checker, const Settings& s) {
    auto go = [&]<class To>(To) {
        checker.run([&](const Case& c, Env& env) { return pack_word(convert<To>(unpack_word<F>(c.words[0]), env)); },
                    nan_words<To>);
        return true;
    };
    if (to == "f16") return go(F16{});
    if (to == "bf16") return go(BF16{});
    if (to == "f32") return go(F32{});
    if (to == "f64") return go(F64{});
    if (to == "extF80") return go(F80{});
    if (to == "f128") return go(F128{});
    return run_to_integer<F>(to, checker, s);
}

template <class F> bool run_float(std::string_view op, Checker& checker, const Settings& s) {
    if (op.starts_with("to_")) return run_convert<F>(op.substr(3), checker, s);
    auto floats = [&](auto f) {
        checker.run([&](const Case& c, Env& env) {
            return pack_word(f(unpack_word<F>(c.words[0]), unpack_word<F>(c.words[1]), unpack_word<F>(c.words[2]), env));
        }, nan_words<F>);
        return true;
    };
    auto order = [&](bool signaling, auto f) {
        checker.run([&](const Case& c, Env& env) {
            return u128(f(compare(unpack_word<F>(c.words[0]), unpack_word<F>(c.words[1]), signaling, env)));
        }, never);
        return true;
    };
    auto is_equal = [](Order o) { return o == Order::equal; };
    auto is_less = [](Order o) { return o == Order::less; };
    auto is_less_equal = [](Order o) { return o == Order::less || o == Order::equal; };
    if (op == "add") return floats([](F a, F b, F, Env& env) { return add(a, b, env); });
    if (op == "sub") return floats([](F a, F b, F, Env& env) { return sub(a, b, env); });
    if (op == "mul") return floats([](F a, F b, F, Env& env) { return mul(a, b, env); });
    if (op == "div") return floats([](F a, F b, F, Env& env) { return div(a, b, env); });
    if (op == "rem") return floats([](F a, F b, F, Env& env) { return rem(a, b, env); });
    if (op == "mulAdd") return floats([](F a, F b, F c, Env& env) { return fma(a, b, c, env); });
    if (op == "sqrt") return floats([](F a, F, F, Env& env) { return fp::sqrt(a, env); });
    if (op == "roundToInt")
        return floats([&](F a, F, F, Env& env) { return round_to_int(a, s.round, s.exact, env); });
    if (op == "eq") return order(false, is_equal);
    if (op == "eq_signaling") return order(true, is_equal);
    if (op == "lt") return order(true, is_less);
    if (op == "lt_quiet") return order(false, is_less);
    if (op == "le") return order(true, is_less_equal);
    if (op == "le_quiet") return order(false, is_less_equal);
    return false;
}

template <class Int> bool run_from_integer(std::string_view to, Checker& checker) {
    auto go = [&]<class To>(To) {
        checker.run([&](const Case& c, Env& env) { return pack_word(from_int<To>(Int(c.words[0]), 0, env)); }, nan_words<To>);
        return true;
    };
    if (to == "f16") return go(F16{});
    if (to == "f32") return go(F32{});
    if (to == "f64") return go(F64{});
    if (to == "extF80") return go(F80{});
    return to == "f128" && go(F128{});
}

bool run_function(std::string_view name, Checker& checker, const Settings& s) {
    usize split = name.find('_');
    if (split == name.npos) return false;
    std::string_view type = name.substr(0, split), op = name.substr(split + 1);
    if (type == "f16") return run_float<F16>(op, checker, s);
    if (type == "bf16") return run_float<BF16>(op, checker, s);
    if (type == "f32") return run_float<F32>(op, checker, s);
    if (type == "f64") return run_float<F64>(op, checker, s);
    if (type == "extF80") return run_float<F80>(op, checker, s);
    if (type == "f128") return run_float<F128>(op, checker, s);
    std::string_view to = op.starts_with("to_") ? op.substr(3) : "";
    if (type == "i32") return run_from_integer<s32>(to, checker);
    if (type == "ui32") return run_from_integer<u32>(to, checker);
    if (type == "i64") return run_from_integer<s64>(to, checker);
    return type == "ui64" && run_from_integer<u64>(to, checker);
}

bool parse_option(std::string_view a, std::string_view value, Settings& s) {
    struct Rounding {
        std::string_view name;
        Round round;
    };
    static constexpr Rounding roundings[] = {{"-rnear_even", Round::nearest_even}, {"-rminMag", Round::toward_zero},
                                             {"-rmin", Round::down},               {"-rmax", Round::up},
                                             {"-rnear_maxMag", Round::nearest_away}, {"-rodd", Round::to_odd}};
    for (const Rounding& r : roundings)
        if (a == r.name) return s.round = r.round, true;
    if (a == "-exact" || a == "-notexact") return s.exact = a == "-exact", true;
    if (a == "-precision32" || a == "-precision64" || a == "-precision80")
        return s.precision = a == "-precision32" ? 24 : a == "-precision64" ? 53 : 64, true;
    if (a == "-tininessbefore" || a == "-tininessafter") return s.rules.tininess_before_rounding = a == "-tininessbefore", true;
    if (a != "-rules") return false;
    s.any_nan = value == "any";
    if (value == "arm") s.rules = rules::arm;
    else if (value == "x86") s.rules = rules::x86_sse;
    else if (value == "x87") s.rules = rules::x87;
    else if (value != "riscv" && value != "any") return false;
    return true;
}

} // namespace

int main(int argc, char** argv) {
    Settings settings;
    const char* function = nullptr;
    for (int i = 1; i < argc; i++) {
        std::string_view a = argv[i];
        bool takes_value = a == "-rules" && i + 1 < argc;
        if (a.starts_with("-")) {
            if (!parse_option(a, takes_value ? argv[i + 1] : "", settings)) {
                std::fprintf(stderr, "fp_testfloat: unknown option '%s'\n", argv[i]);
                return 2;
            }
            i += takes_value;
        } else {
            function = argv[i];
        }
    }
    Checker checker(settings);
    if (!function || !run_function(function, checker, settings)) {
        std::fprintf(stderr, "fp_testfloat: unknown function '%s'\n", function ? function : "");
        return 2;
    }
    return checker.report(function);
}
