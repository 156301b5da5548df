// SPDX-License-Identifier: MIT
#include "common/json.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace emu {

namespace {

using Library = nlohmann::ordered_json;

/// Builds our value from the library's parse events, so that limits hold while parsing and not after it.
class Builder : public nlohmann::json_sax<Library> {
public:
    explicit Builder(JsonLimits limits) : limits_(limits) {}

    bool null() override { return put({}); }
    bool boolean(bool x) override { return put(Json(x)); }
    bool number_integer(std::int64_t x) override { return put(Json(s64(x))); }
    bool number_unsigned(std::uint64_t x) override { return put(x <= u64(std::numeric_limits<s64>::max()) ? Json(s64(x)) : Json(u64(x))); }
    bool number_float(double x, const std::string&) override { return put(Json(x)); }
    bool string(std::string& x) override { return put(Json(std::move(x))); }
    bool binary(Library::binary_t&) override { return false; }
    bool start_object(usize) override { return open(Json::object()); }
    bool start_array(usize) override { return open(Json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(std::string& name) override {
        if (stack_.back().value.find(name)) return refuse("duplicate key '" + name + "'");
        if (stack_.back().value.as_object()->size() >= limits_.members) return refuse("object with more than " + std::to_string(limits_.members) + " members");
        stack_.back().key = std::move(name);
        return true;
    }
    bool parse_error(usize position, const std::string&, const nlohmann::detail::exception&) override {
        return refuse("invalid JSON at byte " + std::to_string(position));
    }

    Json result;
    std::string error;

private:
    struct Level {
        Json value;
        std::string key;
    };
    bool refuse(std::string why) {
        if (error.empty()) error = std::move(why);
        return false;
    }
    bool open(Json empty) {
        if (stack_.size() >= limits_.depth) return refuse("JSON nested deeper than " + std::to_string(limits_.depth));
        stack_.push_back({std::move(empty), {}});
        return true;
    }
    bool close() {
        Json done = std::move(stack_.back().value);
        stack_.pop_back();
        return put(std::move(done));
    }
    bool put(Json value) {
        if (stack_.empty()) result = std::move(value);
        else if (stack_.back().value.as_object()) stack_.back().value.set(stack_.back().key, std::move(value));
        else stack_.back().value.push(std::move(value));
        return true;
    }

    JsonLimits limits_;
    std::vector<Level> stack_;
};

Library to_library(const Json& json) {
    if (const auto* object = json.as_object()) {
        Library out = Library::object();
        for (const auto& [key, value] : *object) out[key] = to_library(value);
        return out;
    }
    if (const auto* array = json.as_array()) {
        Library out = Library::array();
        for (const auto& value : *array) out.push_back(to_library(value));
        return out;
    }
    if (const auto* text = json.as_string()) return *text;
    if (const auto* x = json.get_if<bool>()) return *x;
    if (const auto* x = json.get_if<s64>()) return *x;
    if (const auto* x = json.get_if<u64>()) return *x;
    if (const auto* x = json.get_if<double>()) return *x;
    return nullptr;
}

} // namespace

Result<u64> Json::to_u64() const {
    if (const auto* x = get_if<u64>()) return *x;
    if (const auto* x = get_if<s64>(); x && *x >= 0) return u64(*x);
    return fail(EINVAL, "not an unsigned integer");
}

Result<s64> Json::to_s64() const {
    if (const auto* x = get_if<s64>()) return *x;
    if (const auto* x = get_if<u64>(); x && *x <= u64(std::numeric_limits<s64>::max())) return s64(*x);
    return fail(EINVAL, "not an integer");
}

Result<bool> Json::to_bool() const {
    if (const auto* x = get_if<bool>()) return *x;
    return fail(EINVAL, "not a boolean");
}

const Json* Json::find(std::string_view key) const {
    const auto* object = as_object();
    if (!object) return nullptr;
    auto at = std::find_if(object->begin(), object->end(), [&](const auto& member) { return member.first == key; });
    return at == object->end() ? nullptr : &at->second;
}

Json& Json::set(std::string_view key, Json value) {
    if (is_null()) value_ = Object{};
    auto& object = std::get<Object>(value_);
    auto at = std::find_if(object.begin(), object.end(), [&](const auto& member) { return member.first == key; });
    if (at != object.end()) at->second = std::move(value);
    else object.emplace_back(key, std::move(value));
    return *this;
}

Json& Json::push(Json value) {
    if (is_null()) value_ = Array{};
    std::get<Array>(value_).push_back(std::move(value));
    return *this;
}

std::string Json::dump(int indent) const {
    return to_library(*this).dump(indent > 0 ? indent : -1, ' ', false, Library::error_handler_t::replace);
}

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
    if (text.size() > limits.bytes) return fail(E2BIG, "JSON text larger than " + std::to_string(limits.bytes) + " bytes");
    Builder builder(limits);
    if (!Library::sax_parse(text.begin(), text.end(), &builder))
        return fail(EINVAL, builder.error.empty() ? "invalid JSON" : builder.error);
    return std::move(builder.result);
}

void JsonFramer::reset() {
    pending_.clear();
    depth_ = 0;
    in_string_ = escaped_ = false;
}

JsonFramer::Step JsonFramer::refused(std::string_view why, bool rest_of_line) {
    error_ = Error{EINVAL, std::string(why), {}};
    skipping_ = rest_of_line;
    return Step::refused;
}

JsonFramer::Step JsonFramer::take(char c) {
    if (u8(c) == 0xff) {
        if (!depth_ && !pending_.empty()) { // a word in front of it is refused first
            (void)take_word('\n');
            return Step::refused_before;
        }
        return refused("stray '\xef\xbf\xbd'", false);
    }
    if (skipping_) {
        skipping_ = c != '\n';
        return Step::more;
    }
    if (depth_) return take_inside(c);
    if (!pending_.empty()) return take_word(c);
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') return Step::more;
    pending_ += c;
    if (c == '{' || c == '[') depth_ = 1;
    return Step::more;
}

/// A word that starts no object: kept to be named, up to a length, and the rest of its line skipped.
JsonFramer::Step JsonFramer::take_word(char c) {
    constexpr usize longest_named = 40;
    const auto of_word = [](char x) { return (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || (x >= '0' && x <= '9'); };
    if (of_word(pending_[0]) && of_word(c) && pending_.size() < longest_named) {
        pending_ += c;
        return Step::more;
    }
    if (u8(pending_[0]) & 0x80) return refused("stray bytes", c != '\n');
    return refused((of_word(pending_[0]) ? "invalid keyword '" : "stray '") + pending_ + "'", c != '\n');
}

JsonFramer::Step JsonFramer::take_inside(char c) {
    if (pending_.size() >= limits_.bytes) return refused("JSON object larger than " + std::to_string(limits_.bytes) + " bytes", c != '\n');
    pending_ += c;
    if (in_string_) {
        if (c == '\n') return refused("line end in a string", false);
        if (escaped_) escaped_ = false;
        else if (c == '\\') escaped_ = true;
        else if (c == '"') in_string_ = false;
        return Step::more;
    }
    if (c == '"') in_string_ = true;
    else if (c == '{' || c == '[') {
        if (++depth_ > limits_.depth) return refused("JSON nested deeper than " + std::to_string(limits_.depth), true);
    } else if (c == '}' || c == ']') {
        return --depth_ == 0 ? Step::whole : Step::more;
    }
    return Step::more;
}

} // namespace emu
