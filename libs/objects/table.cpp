// SPDX-License-Identifier: MIT
#include "objects/table.h"

#include "common/text.h"
#include "crypto/hash.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu::objects {

namespace {

/// A scalar as an option string spells it.
Result<std::string> scalar(const Json& value) {
    if (const auto* text = value.as_string()) return *text;
    if (const auto* flag = value.get_if<bool>()) return std::string(*flag ? "on" : "off");
    if (value.as_array() || value.as_object() || value.is_null()) return fail(EINVAL, "a text, number or switch was expected");
    return value.dump();
}

std::string quoted(std::string_view value) {
    std::string out;
    for (char c : value) out += c == ',' ? ",," : std::string(1, c);
    return out;
}

/// JSON members as dotted keys.
Result<void> flatten(const Json& value, const std::string& prefix, std::string& out) {
    const auto item = [&](const std::string& key, const Json& member) -> Result<void> {
        const std::string name = prefix.empty() ? key : prefix + "." + key;
        if (member.as_object() || member.as_array()) return flatten(member, name, out);
        const std::string value_text = EMU_TRY(in(name, scalar(member)));
        out += fmt::format("{}{}={}", out.empty() ? "" : ",", name, quoted(value_text));
        return {};
    };
    if (const auto* object = value.as_object()) {
        for (const auto& [key, member] : *object) EMU_CHECK(item(key, member));
    } else if (const auto* array = value.as_array()) {
        for (usize i = 0; i < array->size(); i++) EMU_CHECK(item(std::to_string(i), (*array)[i]));
    }
    return {};
}

Result<KeyValues> parse_object(std::string_view text) {
    if (!text.empty() && text.front() == '{') {
        std::string flat;
        const Json parsed = EMU_TRY(parse_json(text));
        EMU_CHECK(flatten(parsed, "", flat));
        return KeyValues::parse(flat);
    }
    return KeyValues::parse(text, "qom-type");
}

bool good_id(std::string_view id) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !id.empty() && letter(id.front()) && std::all_of(id.begin(), id.end(), [&](char c) {
        return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    });
}

} // namespace

Secret::~Secret() { crypto::wipe(bytes); }

void Table::add_types(std::span<const Type> types) { more_.push_back(types); }

std::vector<const Type*> Table::types() const {
    std::vector<const Type*> all;
    for (const Type& type : own_types()) all.push_back(&type);
    for (auto span : more_) {
        for (const Type& type : span) all.push_back(&type);
    }
    std::sort(all.begin(), all.end(), [](const Type* a, const Type* b) { return a->name < b->name; });
    return all;
}

std::string Table::help() const {
    std::string text = "List of user creatable objects:\n";
    for (const Type* type : types()) text += fmt::format("  {}\n", type->name);
    return text;
}

Result<void> Table::add(std::string_view text) {
    KeyValues options = EMU_TRY(parse_object(text));
    const auto kind = options.take("qom-type");
    if (!kind) return fail(EINVAL, "Parameter 'qom-type' is missing");
    const auto all = types();
    const auto type = std::find_if(all.begin(), all.end(), [&](const Type* t) { return t->name == *kind; });
    if (type == all.end()) {
        std::vector<std::string_view> names;
        for (const Type* t : all) names.push_back(t->name);
        return fail(Error{EINVAL, fmt::format("Parameter 'qom-type' does not accept value '{}'", *kind), did_you_mean(*kind, names)});
    }
    const auto id = options.take("id");
    if (!id) return fail(EINVAL, "Parameter 'id' is missing");
    if (!good_id(*id))
        return fail(Error{EINVAL, "Parameter 'id' expects an identifier",
                          "letters, digits, '-', '.', '_', starting with a letter"});
    if (entries_.contains(*id)) return fail(EEXIST, fmt::format("attempt to add duplicate property '{}' to object (type 'container')", *id));
    Entry entry{*type, EMU_TRY((*type)->make(options, *this))};
    if (!options.empty()) return fail(EINVAL, fmt::format("Parameter '{}' is unexpected", options.items().front().key));
    entries_.emplace(*id, std::move(entry));
    return {};
}

Result<void> Table::remove(std::string_view id) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return fail(ENOENT, fmt::format("object '{}' not found", id));
    entries_.erase(found);
    return {};
}

Result<std::vector<u8>> Table::secret(std::string_view id) {
    const auto found = object(id, "secret");
    if (!found) return fail(ENOENT, fmt::format("No secret with id '{}'", id));
    return static_cast<const Secret*>(found.get())->bytes;
}

std::shared_ptr<void> Table::object(std::string_view id, std::string_view class_name) {
    const auto found = entries_.find(id);
    return found != entries_.end() && found->second.type->class_name == class_name ? found->second.value : nullptr;
}

} // namespace emu::objects
