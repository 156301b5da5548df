// SPDX-License-Identifier: MIT
#include "ir/text.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <map>

namespace emu::ir {

namespace {

constexpr usize max_nodes = 1u << 20;

class Parser {
public:
    Parser(std::string_view text, SlotTable slots, std::span<const Helper* const> helpers) : rest_(text), helpers_(helpers) {
        f_.slots = slots;
        f_.nodes.push_back({Op::imm, Type::none});
    }

    Result<Function> run() {
        EMU_CHECK(at_line(header()));
        while (!rest_.empty()) EMU_CHECK(at_line(node()));
        if (std::string wrong = verify(f_); !wrong.empty()) return fail(EINVAL, wrong);
        return std::move(f_);
    }

private:
    Result<void> at_line(Result<void> result) const { return in(fmt::format("line {}", line_number_), std::move(result)); }

    // --- words of the current line
    void next_line() {
        auto end = rest_.find('\n');
        line_ = rest_.substr(0, end);
        rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
        line_number_++;
    }
    std::string_view word() {
        auto start = line_.find_first_not_of(" ,");
        if (start == std::string_view::npos) return line_ = {};
        auto end = line_.find_first_of(" ,", start);
        std::string_view w = line_.substr(start, end == std::string_view::npos ? end : end - start);
        line_ = end == std::string_view::npos ? std::string_view() : line_.substr(end);
        return w;
    }
    std::string_view peek() {
        std::string_view saved = line_, w = word();
        line_ = saved;
        return w;
    }
    static Result<u64> number(std::string_view w, std::string_view prefix, int base = 16) {
        if (!w.starts_with(prefix)) return fail(EINVAL, fmt::format("'{}' instead of {}number", w, prefix));
        w.remove_prefix(prefix.size());
        if (base == 16 && w.starts_with("0x")) w.remove_prefix(2);
        u64 value = 0;
        auto [end, error] = std::from_chars(w.data(), w.data() + w.size(), value, base);
        if (error != std::errc() || end != w.data() + w.size()) return fail(EINVAL, fmt::format("bad number '{}'", w));
        return value;
    }
    Result<u32> value_ref() {
        u64 id = EMU_TRY(number(word(), "%", 10));
        auto at = ids_.find(id);
        if (at == ids_.end()) return fail(EINVAL, fmt::format("%{} is not defined here", id));
        return at->second;
    }

    // --- lines
    Result<void> header() {
        next_line();
        if (word() != "unit") return fail(EINVAL, "text does not start with 'unit'");
        f_.pc = EMU_TRY(number(word(), ""));
        if (word() != "end") return fail(EINVAL, "no 'end'");
        f_.end = EMU_TRY(number(word(), ""));
        if (word() != "mode") return fail(EINVAL, "no 'mode'");
        f_.mode = u32(EMU_TRY(number(word(), "")));
        return {};
    }

    Result<void> node() {
        next_line();
        if (peek().empty()) return {};
        if (f_.nodes.size() > max_nodes) return fail(E2BIG, "too many nodes");
        Node n{Op::imm, Type::none};
        u64 id = 0;
        if (peek().starts_with("%")) {
            id = EMU_TRY(number(word(), "%", 10));
            if (word() != "=") return fail(EINVAL, "no '=' after the value");
            auto type = std::find(std::begin(type_names), std::end(type_names), word());
            if (type == std::end(type_names)) return fail(EINVAL, "unknown type");
            n.type = Type(type - std::begin(type_names));
        }
        EMU_CHECK(op_name(n));
        EMU_CHECK(fields(n));
        if (id && !ids_.emplace(id, u32(f_.nodes.size())).second) return fail(EINVAL, fmt::format("%{} is defined twice", id));
        f_.nodes.push_back(n);
        if (n.op == Op::insn) f_.insns++;
        return {};
    }

    Result<void> op_name(Node& n) {
        std::string_view w = word(), name = w.substr(0, w.find('.'));
        auto at = std::find_if(op_table.begin(), op_table.end(), [&](const OpInfo& o) { return o.name == name; });
        if (at == op_table.end()) return fail(EINVAL, fmt::format("unknown op '{}'", name));
        n.op = Op(at - op_table.begin());
        if (name.size() < w.size()) n.aux = u16(EMU_TRY(number(w.substr(name.size()), ".")));
        return {};
    }

    Result<void> fields(Node& n) {
        switch (n.op) {
        case Op::imm: {
            u64 x = EMU_TRY(number(word(), "#"));
            n.a = u32(x), n.b = u32(x >> 32);
            return {};
        }
        case Op::vimm: {
            std::string_view w = word();
            auto colon = std::min(w.find(':'), w.size());
            V128 v;
            v.hi = EMU_TRY(number(w.substr(0, colon), "#"));
            v.lo = EMU_TRY(number(w.substr(colon), ":"));
            n.a = u32(f_.vectors.size());
            f_.vectors.push_back(v);
            return {};
        }
        case Op::insn: {
            u64 pc = EMU_TRY(number(word(), "#"));
            n.a = u32(pc), n.b = u32(pc >> 32);
            n.c = u32(EMU_TRY(number(word(), "#")));
            return {};
        }
        case Op::get: n.a = EMU_TRY(slot()); return {};
        case Op::set: n.a = EMU_TRY(slot()); n.b = EMU_TRY(value_ref()); return {};
        case Op::call: return call(n);
        case Op::exit_if: n.a = EMU_TRY(value_ref()); n.b = EMU_TRY(exit()); return {};
        case Op::exit:
            n.a = EMU_TRY(exit());
            if (!peek().empty()) n.b = EMU_TRY(value_ref());
            return {};
        default: break;
        }
        u32* const field[3] = {&n.a, &n.b, &n.c};
        for (unsigned i = 0; i < info(n.op).args.size(); i++) *field[i] = EMU_TRY(value_ref());
        return {};
    }

    Result<u32> slot() {
        std::string_view name = word();
        auto at = std::find_if(f_.slots.begin(), f_.slots.end(), [&](const Slot& s) { return s.name == name; });
        if (at == f_.slots.end()) return fail(EINVAL, fmt::format("no state slot '{}'", name));
        return u32(at - f_.slots.begin());
    }

    Result<void> call(Node& n) {
        std::string_view name = word();
        auto at = std::find_if(helpers_.begin(), helpers_.end(), [&](const Helper* h) { return h->name == name; });
        if (at == helpers_.end()) return fail(EINVAL, fmt::format("no helper '{}'", name));
        n.a = u32(f_.helpers.size());
        f_.helpers.push_back(*at);
        n.b = u32(f_.extra.size());
        for (unsigned i = 0; i < (*at)->args; i++) f_.extra.push_back(EMU_TRY(value_ref()));
        return {};
    }

    Result<u32> exit() {
        Exit e;
        auto kind = std::find(std::begin(exit_names), std::end(exit_names), word());
        if (kind == std::end(exit_names)) return fail(EINVAL, "unknown exit kind");
        e.kind = ExitKind(kind - std::begin(exit_names));
        e.pc = EMU_TRY(number(word(), "pc="));
        if (peek().starts_with("code=")) e.code = u32(EMU_TRY(number(word(), "code=", 10)));
        if (peek().starts_with("ret=")) e.ret = EMU_TRY(number(word(), "ret="));
        f_.exits.push_back(e);
        return u32(f_.exits.size() - 1);
    }

    std::string_view rest_, line_;
    unsigned line_number_ = 0;
    std::span<const Helper* const> helpers_;
    std::map<u64, u32> ids_;
    Function f_;
};

} // namespace

Result<Function> parse(std::string_view text, SlotTable slots, std::span<const Helper* const> helpers) {
    return Parser(text, slots, helpers).run();
}

} // namespace emu::ir
