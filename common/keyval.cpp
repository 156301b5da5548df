// SPDX-License-Identifier: MIT
#include "common/keyval.h"

#include "common/sizes.h"

#include <algorithm>
#include <cerrno>

namespace emu {

namespace {

constexpr usize max_key = 128, max_list = 4096;

/// One item: everything up to the next single comma, with doubled ones collapsed in the value.
std::string next_item(std::string_view& rest) {
    std::string item;
    while (!rest.empty()) {
        if (rest[0] == ',') {
            if (rest.size() > 1 && rest[1] == ',') {
                item += ',';
                rest.remove_prefix(2);
                continue;
            }
            rest.remove_prefix(1);
            break;
        }
        item += rest[0];
        rest.remove_prefix(1);
    }
    return item;
}

bool is_index(std::string_view part) {
    return !part.empty() && part.size() <= 4 && (part == "0" || part[0] != '0') &&
           std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<void> insert(Json& node, std::string_view key, std::string_view whole, const std::string& value) {
    usize dot = key.find('.');
    std::string_view part = key.substr(0, dot);
    if (part.empty()) return fail(EINVAL, "empty part in option name '" + std::string(whole) + "'");
    if (!node.is_null() && !node.as_object())
        return fail(EINVAL, "option '" + std::string(whole) + "' is both a value and a group");
    const Json* there = node.find(part);
    if (dot == std::string_view::npos) {
        if (there && there->as_object()) return fail(EINVAL, "option '" + std::string(whole) + "' is both a value and a group");
        node.set(part, Json(value));
        return {};
    }
    Json child = there ? *there : Json();
    EMU_CHECK(insert(child, key.substr(dot + 1), whole, value));
    node.set(part, std::move(child));
    return {};
}

/// Objects whose members are all numbers become lists.
Result<Json> with_lists(const Json& node, std::string_view name) {
    const auto* object = node.as_object();
    if (!object) return node;
    bool list = !object->empty() && std::all_of(object->begin(), object->end(), [](const auto& m) { return is_index(m.first); });
    Json out = list ? Json::array() : Json::object();
    for (usize i = 0; i < object->size(); i++) {
        const auto& [key, value] = (*object)[i];
        const Json* child = &value;
        if (list) {
            child = node.find(std::to_string(i));
            if (!child || i >= max_list) return fail(EINVAL, "list '" + std::string(name) + "' has no element " + std::to_string(i));
        }
        Json converted = EMU_TRY(with_lists(*child, key));
        if (list) out.push(std::move(converted));
        else out.set(key, std::move(converted));
    }
    return out;
}

Result<void> flatten_into(KeyValues& out, const std::string& key, const Json& value) {
    auto below = [&](const std::string& part) { return key.empty() ? part : key + "." + part; };
    if (const auto* object = value.as_object()) {
        for (const auto& [name, member] : *object) EMU_CHECK(flatten_into(out, below(name), member));
    } else if (const auto* array = value.as_array()) {
        for (usize i = 0; i < array->size(); i++) EMU_CHECK(flatten_into(out, below(std::to_string(i)), (*array)[i]));
    } else if (key.empty()) {
        return fail(EINVAL, "options must be a JSON object");
    } else if (const auto* text = value.as_string()) {
        out.add(key, *text);
    } else if (const auto* flag = value.get_if<bool>()) {
        out.add(key, *flag ? "on" : "off");
    } else {
        out.add(key, value.is_null() ? std::string() : value.dump());
    }
    return {};
}

} // namespace

Result<KeyValues> flatten(const Json& tree) {
    KeyValues out;
    EMU_CHECK(flatten_into(out, "", tree));
    return out;
}

Result<bool> parse_switch(std::string_view text) {
    for (std::string_view yes : {"on", "yes", "true", "y"})
        if (text == yes) return true;
    for (std::string_view no : {"off", "no", "false", "n"})
        if (text == no) return false;
    return fail(Error{EINVAL, "'" + std::string(text) + "' is not a switch", "'on' or 'off'"});
}

Result<KeyValues> KeyValues::parse(std::string_view text, std::string_view implied_key) {
    KeyValues out;
    bool first = true;
    while (!text.empty()) {
        std::string item = next_item(text);
        usize equals = item.find('=');
        if (equals == std::string::npos) {
            if (first && !implied_key.empty()) out.items_.push_back({std::string(implied_key), item});
            else if (item.empty()) return fail(EINVAL, "empty option between commas");
            else out.items_.push_back({item, "on"});
        } else {
            if (equals == 0) return fail(EINVAL, "option without a name: '" + item + "'");
            out.items_.push_back({item.substr(0, equals), item.substr(equals + 1)});
        }
        if (out.items_.back().key.size() > max_key) return fail(EINVAL, "option name longer than 128 characters");
        first = false;
    }
    return out;
}

bool KeyValues::has(std::string_view key) const {
    return std::any_of(items_.begin(), items_.end(), [&](const KeyValue& kv) { return kv.key == key; });
}

std::optional<std::string> KeyValues::get(std::string_view key) const {
    auto at = std::find_if(items_.rbegin(), items_.rend(), [&](const KeyValue& kv) { return kv.key == key; });
    if (at == items_.rend()) return std::nullopt;
    return at->value;
}

KeyValues KeyValues::take_group(std::string_view prefix) {
    KeyValues group;
    std::erase_if(items_, [&](KeyValue& kv) {
        const bool inside = kv.key.size() > prefix.size() + 1 && kv.key.starts_with(prefix) && kv.key[prefix.size()] == '.';
        if (inside) group.add(std::string_view(kv.key).substr(prefix.size() + 1), kv.value);
        return inside;
    });
    return group;
}

std::vector<std::string> KeyValues::take_all(std::string_view key) {
    std::vector<std::string> values;
    std::erase_if(items_, [&](KeyValue& kv) {
        if (kv.key != key) return false;
        values.push_back(std::move(kv.value));
        return true;
    });
    return values;
}

std::optional<std::string> KeyValues::take(std::string_view key) {
    auto values = take_all(key);
    if (values.empty()) return std::nullopt;
    return std::move(values.back());
}

Result<std::optional<bool>> KeyValues::take_bool(std::string_view key) {
    std::string negated = "no" + std::string(key);
    if (!has(key) && has(negated)) {
        take_all(negated);
        return std::optional<bool>(false);
    }
    auto value = take(key);
    if (!value) return std::optional<bool>();
    return std::optional<bool>(EMU_TRY(in(key, parse_switch(*value))));
}

Result<std::optional<u64>> KeyValues::take_number(std::string_view key) {
    auto value = take(key);
    if (!value) return std::optional<u64>();
    return std::optional<u64>(EMU_TRY(in(key, parse_number(*value))));
}

Result<std::optional<u64>> KeyValues::take_size(std::string_view key, char default_suffix) {
    auto value = take(key);
    if (!value) return std::optional<u64>();
    return std::optional<u64>(EMU_TRY(in(key, parse_size(*value, default_suffix))));
}

Result<void> KeyValues::finish(std::string_view accepted) const {
    if (items_.empty()) return {};
    return fail(Error{EINVAL, "unknown option '" + items_.front().key + "'", std::string(accepted)});
}

Result<Json> KeyValues::tree() const {
    Json root = Json::object();
    for (const KeyValue& kv : items_) EMU_CHECK(insert(root, kv.key, kv.key, kv.value));
    Json out = EMU_TRY(with_lists(root, ""));
    if (!out.as_object()) return fail(EINVAL, "option names cannot be numbers");
    return out;
}

std::string KeyValues::text() const {
    std::string out;
    for (const KeyValue& kv : items_) {
        if (!out.empty()) out += ',';
        out += kv.key + '=';
        for (char c : kv.value) out += c == ',' ? std::string(",,") : std::string(1, c);
    }
    return out;
}

} // namespace emu
