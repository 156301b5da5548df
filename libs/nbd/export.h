// SPDX-License-Identifier: MIT
// What a server offers: a block node, or a part of it, under a name, with the metadata contexts that can be asked
// about.
#pragma once
#include "block/node.h"
#include "nbd/wire.h"

#include <memory>

namespace emu::nbd {

/// One run of equal state; `state` means what the context says.
struct Status {
    u64 length = 0;
    u32 state = 0;
};

/// A metadata context of an export.
class MetaContext {
public:
    virtual ~MetaContext() = default;
    virtual std::string_view name() const = 0;
    /// Runs from `at` on, at most `most`, that together cover at most `length` bytes (> 0); at least one run.
    virtual Result<std::vector<Status>> status(u64 at, u64 length, usize most) const = 0;
};

struct ExportOptions {
    std::string name, description;
    u64 offset = 0; ///< where the export begins in the node
    bool writable = false;
    bool multi_conn = false;          ///< several clients at a time see each other's flushed writes
    bool allocation_depth = false;    ///< offer qemu:allocation-depth
    std::vector<std::string> bitmaps; ///< offer {qemu,emu}:dirty-bitmap:NAME
};

/// Immutable once made; its functions may be called from any thread.
class Export {
public:
    static Result<std::shared_ptr<Export>> create(block::NodePtr node, ExportOptions options);

    const std::string& name() const { return options_.name; }
    const std::string& description() const { return options_.description; }
    bool writable() const { return options_.writable; }
    u64 size() const { return size_; }
    block::Node& node() const { return *node_; }
    /// The export's byte 0 in the node.
    u64 offset() const { return options_.offset; }
    /// Host file whose bytes, from offset() on, are the export's; -1 where there is none.
    int native_fd() const { return node_->native_fd(); }

    /// Transmission flags for a client with these abilities.
    u16 flags(bool structured, bool extended) const;
    struct BlockSizes {
        u32 minimum, preferred, maximum;
    };
    BlockSizes block_sizes() const;

    const std::vector<std::unique_ptr<MetaContext>>& contexts() const { return contexts_; }
    /// The contexts that a query names: exactly one, or all of a namespace ("base:", "qemu:", "qemu:dirty-bitmap:").
    std::vector<const MetaContext*> find_contexts(std::string_view query) const;

private:
    Export(block::NodePtr node, ExportOptions options);
    block::NodePtr node_;
    ExportOptions options_;
    u64 size_;
    std::vector<std::unique_ptr<MetaContext>> contexts_;
};

/// The exports of one server by name; the first is the default (name "").
class Exports {
public:
    void add(std::shared_ptr<Export> one) { all_.push_back(std::move(one)); }
    const Export* find(std::string_view name) const;
    const std::vector<std::shared_ptr<Export>>& all() const { return all_; }

private:
    std::vector<std::shared_ptr<Export>> all_;
};

} // namespace emu::nbd
