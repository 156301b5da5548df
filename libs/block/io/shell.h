// SPDX-License-Identifier: MIT
// The command language that exercises one image: read, write, discard, reopen ... line by line, with results as text that
// test suites compare (emu-io; `hmp qemu-io` of the monitor).
#pragma once
#include "block/image.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace emu::block::io {

/// How an image is opened; reopen changes parts of it.
struct OpenSpec {
    std::string name, format;
    bool image_opts = false, read_only = false, force_share = false, temporary = false, copy_on_read = false;
    CacheMode cache;
    bool unmap = false;
    KeyValues options;
};

class Background;

class Shell {
public:
    /// `program` stands in front of error messages.
    Shell(Context& context, std::string program);
    ~Shell();
    Shell(const Shell&) = delete;

    Result<void> open(OpenSpec spec);
    void close();
    Node* node() const { return node_.get(); }
    /// Hold on to a node that is open already.
    void use(NodePtr node) { node_ = std::move(node); }

    /// One command with its arguments. False: it failed (and has said so).
    bool run(const std::string& line);
    /// "quit" was said.
    bool done() const { return done_; }
    /// Wait for the requests of aio_read and aio_write.
    void drain();

    // For the commands.
    using Words = std::vector<std::string>;
    Background& background() { return *background_; }
    const OpenSpec& spec() const { return spec_; }
    Result<void> reopen(OpenSpec spec);
    void quit() { done_ = true; }
    bool complain(std::string_view text) const; ///< "emu-io: text" on stderr; returns false

private:
    Context& context_;
    std::string program_;
    OpenSpec spec_;
    NodePtr node_;
    std::unique_ptr<Background> background_;
    bool done_ = false;
};

/// Sizes as these commands print them: "64 KiB", "1.500 KiB", "32 bytes".
std::string size_text(double bytes);

} // namespace emu::block::io
