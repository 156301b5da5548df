// SPDX-License-Identifier: MIT
// "-" in the place of an image.
#pragma once
#include "session.h"

namespace emu::img {

/// A path for what comes in on standard input: itself where it is a file, otherwise a file without a name that keeps it.
Result<std::string> input_image();

/// Standard output as the target of a conversion.
class OutputPipe {
public:
    ~OutputPipe();
    /// There is somebody to write to.
    Result<void> check() const;
    /// A node that sends the image in one pass; null where the format cannot do that with these options.
    Result<block::NodePtr> stream(const std::string& format, block::StreamArgs args) const;
    /// Otherwise: a file that is poured out in the end.
    Result<std::string> spool();
    Result<void> send() const;

private:
    std::string path_;
};

} // namespace emu::img
