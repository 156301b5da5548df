// SPDX-License-Identifier: MIT
// The verifier: what every producer of IR promises and every consumer relies on.
#include "ir/ir.h"

#include <fmt/format.h>

namespace emu::ir {

namespace {

class Verifier {
public:
    explicit Verifier(const Function& function) : f_(function) {}

    std::string run() {
        if (f_.nodes.size() < 2) return "empty function";
        for (Id id = 1; id < f_.nodes.size(); id++)
            if (std::string text = check(id); !text.empty()) return fmt::format("{}  ; {}", print(f_, id), text);
        const Node& last = f_.nodes.back();
        if (last.op != Op::exit) return "the last node is not an exit";
        return {};
    }

private:
    Type type_of(u32 id) const { return f_.nodes[id].type; }

    std::string check(Id id) {
        const Node& n = f_.nodes[id];
        const u32 fields[3] = {n.a, n.b, n.c};
        Type same_int = Type::none, same_float = Type::none, same_any = Type::none;
        for (unsigned i = 0; i < info(n.op).args.size(); i++) {
            if (!is_operand(n.op, i)) continue;
            if (!fields[i] || fields[i] >= id) return fmt::format("operand {} does not stand before its user", i);
            Type t = type_of(fields[i]);
            if (!operand_fits(info(n.op).args[i], t, same_int, same_float, same_any)) return fmt::format("operand {} is {}", i, type_names[unsigned(t)]);
        }
        if (!result_fits(n, same_int, same_float, same_any)) return "result type";
        return check_fields(id, n);
    }

    static bool agree(Type& first, Type t) {
        if (first == Type::none) first = t;
        return first == t;
    }

    static bool operand_fits(char letter, Type t, Type& same_int, Type& same_float, Type& same_any) {
        switch (letter) {
        case 'I': return (t == Type::i32 || t == Type::i64) && agree(same_int, t);
        case 'J': return t == Type::i32 || t == Type::i64;
        case 'N': return is_int(t) && agree(same_int, t);
        case 'B': return t == Type::i1;
        case 'W': return t == Type::i32;
        case 'L': return t == Type::i64;
        case 'F': return is_float(t) && agree(same_float, t);
        case 'G': return is_float(t);
        case 'V': return t == Type::v128;
        case 'S': return t != Type::none && t != Type::i1 && t != Type::v128;
        case 'A': return t != Type::none && agree(same_any, t);
        default: return false;
        }
    }

    static bool result_fits(const Node& n, Type same_int, Type same_float, Type same_any) {
        const Type t = n.type;
        // zext, sext and the conversions have a result of their own; the rest of 'I' and 'F' follow their operands.
        const bool own = n.op == Op::zext || n.op == Op::sext || n.op == Op::fcvt || n.op == Op::bitsf || n.op == Op::s2f || n.op == Op::u2f;
        switch (info(n.op).result) {
        case '_': return t == Type::none;
        case 'I': return (t == Type::i32 || t == Type::i64) && (own || same_int == Type::none || t == same_int);
        case 'N': return is_int(t) && t == same_int;
        case 'B': return t == Type::i1;
        case 'W': return t == Type::i32;
        case 'L': return t == Type::i64;
        case 'F': return is_float(t) && (own || t == same_float);
        case 'V': return t == Type::v128;
        case 'S': return t != Type::none && t != Type::i1 && t != Type::v128;
        case 'A': return n.op == Op::call || (t != Type::none && (same_any == Type::none || t == same_any));
        default: return false;
        }
    }

    std::string check_fields(Id id, const Node& n) const {
        switch (n.op) {
        case Op::get: case Op::set: {
            if (n.a >= f_.slots.size()) return "no such slot";
            Type t = n.op == Op::get ? n.type : type_of(n.b);
            return t == f_.slots[n.a].type ? "" : "slot of another type";
        }
        case Op::vimm: return n.a < f_.vectors.size() ? "" : "no such vector";
        case Op::call: return check_call(id, n);
        case Op::exit_if: return n.b < f_.exits.size() ? "" : "no such exit";
        case Op::exit:
            if (id + 1 != f_.nodes.size()) return "nodes after the final exit";
            if (n.b && n.b >= id) return "value does not stand before the exit";
            return n.a < f_.exits.size() ? "" : "no such exit";
        case Op::ubfx: case Op::sbfx: case Op::bfi:
            return field_width(n.aux) && field_lsb(n.aux) + field_width(n.aux) <= bit_width(n.type) ? "" : "field outside the value";
        default: return {};
        }
    }

    std::string check_call(Id id, const Node& n) const {
        if (n.a >= f_.helpers.size()) return "no such helper";
        const Helper& helper = *f_.helpers[n.a];
        if (helper.result != n.type || n.b + helper.args > f_.extra.size()) return "call does not match its helper";
        for (unsigned i = 0; i < helper.args; i++) {
            u32 arg = f_.extra[n.b + i];
            if (!arg || arg >= id || !is_int(type_of(arg))) return "call argument";
        }
        return {};
    }

    const Function& f_;
};

} // namespace

std::string verify(const Function& function) { return Verifier(function).run(); }

} // namespace emu::ir
