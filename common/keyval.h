// SPDX-License-Identifier: MIT
// Option strings as users of such tools write them: "file=a,,b.img,if=virtio,cache.direct=on,x.0=first,x.1=second".
//
// ",," inside a value is a comma; a first item without '=' is the value of the implied key, others are switches ("ro" is
// ro=on, "noro" is ro=off when "no..." is allowed). Dotted keys make a tree, and numbered parts make lists.
#pragma once
#include "common/json.h"
#include "common/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace emu {

struct KeyValue {
    std::string key, value;
    bool operator==(const KeyValue&) const = default;
};

/// Options in the order written. Readers take what they know; finish() refuses the rest by name.
class KeyValues {
public:
    /// `implied_key`: key of a first item without '='; empty if there is none.
    static Result<KeyValues> parse(std::string_view text, std::string_view implied_key = {});

    const std::vector<KeyValue>& items() const { return items_; }
    bool has(std::string_view key) const;
    bool empty() const { return items_.empty(); }
    void add(std::string_view key, std::string_view value) { items_.push_back({std::string(key), std::string(value)}); }
    /// The value that counts, left in place.
    std::optional<std::string> get(std::string_view key) const;

    // Each removes the key (all its occurrences; the last one counts) and is empty if it was not given.
    std::optional<std::string> take(std::string_view key);
    std::vector<std::string> take_all(std::string_view key);
    /// What stands below "prefix.", with the prefix cut off: "file.driver" becomes "driver".
    KeyValues take_group(std::string_view prefix);
    /// on/off, yes/no, true/false, y/n.
    Result<std::optional<bool>> take_bool(std::string_view key);
    Result<std::optional<u64>> take_number(std::string_view key);
    Result<std::optional<u64>> take_size(std::string_view key, char default_suffix = 'b');

    /// An error if anything is left: names it and what would have been accepted.
    Result<void> finish(std::string_view accepted) const;

    /// The tree that dotted keys spell; a node that is both value and branch, or a list with holes, is an error.
    Result<Json> tree() const;
    /// Back to text, with the commas doubled.
    std::string text() const;

private:
    std::vector<KeyValue> items_;
};

/// The dotted keys that spell this tree (the inverse of tree()): true is "on", null is "".
Result<KeyValues> flatten(const Json& tree);

/// Parse one of the eight spellings of a switch.
Result<bool> parse_switch(std::string_view text);

} // namespace emu
