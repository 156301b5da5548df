// SPDX-License-Identifier: MIT
// Images that are written in one pass, front to back, because their storage is a pipe. Formats whose tables stand in front of the
// data lay the image out before the first byte goes: they are told which ranges will hold data.
#pragma once
#include "block/driver.h"

#include <functional>
#include <vector>

namespace emu::block {

struct Range {
    u64 at = 0, length = 0;
};

struct StreamArgs {
    u64 size = 0;
    KeyValues options;       ///< create options, as given; what the driver leaves is an error of the driver's
    std::vector<Range> data; ///< ascending; everything else reads as zeroes
    std::string name;        ///< what formats record as the name of the image
    std::function<Result<void>(ConstBytes)> sink;
};

/// The base of what Driver::stream returns: writes come in ascending order, close() ends the image.
class StreamNode : public Node {
public:
    explicit StreamNode(StreamArgs args);
    Limits limits() const override { return {.fast_zero = true, .zero_after_create = true}; }

protected:
    u64 do_size() const override { return size_; }
    Result<void> do_read(u64 at, Bytes to) override;
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override;
    Result<void> do_write_zeroes(u64, u64, WriteFlags) override { return {}; }
    Result<void> do_flush() override { return {}; }
    Result<void> do_close() override;

    /// The next bytes of the image's contents, not in front of those before.
    virtual Result<void> take(u64 at, ConstBytes from) = 0;
    virtual Result<void> finish() = 0;
    Result<void> in_order(u64 at, u64 length);
    Result<void> put(ConstBytes bytes);
    Result<void> put_zeroes(u64 length);

private:
    u64 size_, next_ = 0;
    std::function<Result<void>(ConstBytes)> sink_;
    bool failed_ = false;
};

} // namespace emu::block
