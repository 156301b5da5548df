// SPDX-License-Identifier: MIT
// JSON values. A thin, ordered value type of our own in front of the library that parses and prints, so that headers stay
// light; texts from outside are bounded in size and nesting before anything is built from them.
#pragma once
#include "common/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace emu {

class Json {
public:
    using Array = std::vector<Json>;
    using Object = std::vector<std::pair<std::string, Json>>; ///< in the order of insertion

    Json() = default; ///< null
    Json(bool value) : value_(value) {}
    Json(double value) : value_(value) {}
    Json(s64 value) : value_(value) {}
    Json(u64 value) : value_(value) {}
    Json(int value) : value_(s64(value)) {}
    Json(std::string value) : value_(std::move(value)) {}
    Json(std::string_view value) : value_(std::string(value)) {}
    Json(const char* value) : value_(std::string(value)) {}
    static Json array(Array items = {}) { return Json(Value(std::move(items))); }
    static Json object(Object members = {}) { return Json(Value(std::move(members))); }

    bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
    template <class T> const T* get_if() const { return std::get_if<T>(&value_); }
    const Array* as_array() const { return get_if<Array>(); }
    const Object* as_object() const { return get_if<Object>(); }
    const std::string* as_string() const { return get_if<std::string>(); }

    /// The number as u64 or s64 if it is an integer in range.
    Result<u64> to_u64() const;
    Result<s64> to_s64() const;
    Result<bool> to_bool() const;

    /// Member `key` of an object, or null if it is not there (or this is no object).
    const Json* find(std::string_view key) const;
    /// Set a member, turning null into an object; replaces an earlier one of that name.
    Json& set(std::string_view key, Json value);
    /// Append to an array, turning null into one.
    Json& push(Json value);

    /// One line without spaces, or indented by `indent` > 0 spaces.
    std::string dump(int indent = 0) const;
    bool operator==(const Json&) const = default;

private:
    using Value = std::variant<std::monostate, bool, s64, u64, double, std::string, Array, Object>;
    explicit Json(Value value) : value_(std::move(value)) {}
    Value value_;
};

struct JsonLimits {
    usize bytes = usize(64) << 20;
    unsigned depth = 128;
    usize members = 4096;   ///< of one object: looking for duplicates takes time
};

/// Parse exactly one value. Invalid UTF-8, duplicate keys, excess size or depth are errors.
Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

/// Cuts a byte stream (a monitor connection) into top-level JSON objects and arrays by bracket depth, before any parsing.
/// What cannot start one is refused, and everything up to the end of its line with it; so is byte 0xFF, which is never part
/// of UTF-8: clients send it to make the reader start anew.
class JsonFramer {
public:
    explicit JsonFramer(JsonLimits limits = {}) : limits_(limits) {}
    /// Take bytes; calls `sink(text)` for every complete object and `refuse(error)` for what is none, in order.
    template <class Sink, class Refuse> void feed(std::string_view bytes, Sink sink, Refuse refuse) {
        for (char c : bytes)
            for (bool again = true; again;) {
                again = false;
                switch (take(c)) {
                case Step::more: break;
                case Step::whole: sink(std::string_view(pending_)), reset(); break;
                case Step::refused_before: again = true; [[fallthrough]];
                case Step::refused: refuse(std::exchange(error_, {})), reset(); break;
                }
            }
    }
    void reset();

private:
    enum class Step { more, whole, refused, refused_before };
    Step take(char c);
    Step take_inside(char c);
    Step take_word(char c);
    Step refused(std::string_view why, bool rest_of_line);
    JsonLimits limits_;
    std::string pending_;
    Error error_;
    unsigned depth_ = 0;
    bool in_string_ = false, escaped_ = false, skipping_ = false;
};

} // namespace emu
