// SPDX-License-Identifier: MIT
// The objects that `--object TYPE,id=ID,key=value...` (or the same as JSON) makes for one run of a tool: secrets, credentials,
// authorization lists, throttle groups. It is the Context that images are opened with.
#pragma once
#include "block/image.h"

#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace emu::objects {

class Table;

/// A kind of object: takes its options and leaves the unknown ones, which the table refuses by name.
struct Type {
    std::string_view name;
    std::string_view summary;
    Result<std::shared_ptr<void>> (*make)(KeyValues& options, Table& table);
    /// The class name under which object() gives it out; several types may share one ("tls-creds").
    std::string_view class_name;
};

class Table : public block::Context {
public:
    /// `warn` takes one line, `notice` one that needs no prefix; null: they are dropped.
    explicit Table(std::function<void(std::string_view)> warn = {}, std::function<void(std::string_view)> notice = {})
        : warn_(std::move(warn)), notice_(std::move(notice)) {}

    /// Types beyond the table's own; the rows must outlive it.
    void add_types(std::span<const Type> types);
    /// "secret,id=s0,data=x" or {"qom-type":"secret","id":"s0","data":"x"}.
    Result<void> add(std::string_view text);
    Result<void> remove(std::string_view id);
    /// "List of user creatable objects": names and summaries, one a line.
    std::string help() const;

    Result<std::vector<u8>> secret(std::string_view id) override;
    std::shared_ptr<void> object(std::string_view id, std::string_view class_name) override;
    void warn(std::string_view text) override {
        if (warn_) warn_(text);
    }
    void notice(std::string_view text) override {
        if (notice_) notice_(text);
    }

private:
    struct Entry {
        const Type* type;
        std::shared_ptr<void> value;
    };
    std::vector<const Type*> types() const;
    std::function<void(std::string_view)> warn_, notice_;
    std::vector<std::span<const Type>> more_;
    std::map<std::string, Entry, std::less<>> entries_;
};

/// The bytes of a secret; class name "secret".
struct Secret {
    std::vector<u8> bytes;
    ~Secret();
};

/// An object by its class, which says its own name: find<crypto::TlsCreds>(context, "tls0"), find<crypto::Authz>(...).
template <class T> Result<std::shared_ptr<const T>> find(block::Context& context, std::string_view id) {
    auto found = context.object(id, T::class_name);
    if (!found) return fail(ENOENT, "No " + std::string(T::class_name) + " object with id '" + std::string(id) + "'");
    return std::static_pointer_cast<const T>(std::move(found));
}

/// Types of this module: secret, secret_keyring, tls-creds-*, authz-*.
std::span<const Type> own_types();

} // namespace emu::objects
