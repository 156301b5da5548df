// SPDX-License-Identifier: MIT
// Storage that forgets what is written: for measurements, and for questions about formats that need no storage.
#include "block/image.h"

#include <chrono>
#include <cstring>
#include <thread>

namespace emu::block {
namespace {

class NullNode final : public Node {
public:
    NullNode(std::string_view driver, u64 size, u64 latency, bool zeroes)
        : driver_(driver), size_(size), latency_(latency), zeroes_(zeroes) {}
    std::string_view driver() const override { return driver_; }
    Limits limits() const override { return {.fast_zero = true, .zero_after_create = zeroes_}; }
    std::optional<u64> allocated_size() const override { return 0; }

protected:
    u64 do_size() const override { return size_; }
    Result<void> do_read(u64, Bytes to) override {
        if (zeroes_) std::memset(to.data(), 0, to.size());
        return wait();
    }
    Result<void> do_write(u64, ConstBytes, WriteFlags) override { return wait(); }
    Result<void> do_write_zeroes(u64, u64, WriteFlags) override { return wait(); }
    Result<void> do_flush() override { return wait(); }
    Result<Extent> do_extent(u64 at, u64 length) override {
        return Extent{.length = length, .data = !zeroes_, .zero = zeroes_, .allocated = true, .offset = at, .file = this};
    }

private:
    Result<void> wait() const {
        if (latency_) std::this_thread::sleep_for(std::chrono::nanoseconds(latency_));
        return {};
    }
    std::string_view driver_;
    u64 size_, latency_;
    bool zeroes_;
};

Result<NodePtr> open_null(OpenArgs& args, std::string_view driver) {
    args.options.take("filename");
    const u64 size = EMU_TRY(args.options.take_size("size")).value_or(u64(1) << 30);
    const u64 latency = EMU_TRY(args.options.take_number("latency-ns")).value_or(0);
    const bool zeroes = EMU_TRY(args.options.take_bool("read-zeroes")).value_or(false);
    return NodePtr(std::make_shared<NullNode>(driver, size, latency, zeroes));
}
Result<NodePtr> open_co(NodePtr, OpenArgs& args) { return open_null(args, "null-co"); }
Result<NodePtr> open_aio(NodePtr, OpenArgs& args) { return open_null(args, "null-aio"); }

constexpr std::string_view co_prefix[] = {"null-co"}, aio_prefix[] = {"null-aio"};
constexpr CreateOption options[] = {
    {"size", CreateOption::Kind::size, "size of the device", "1G"},
    {"latency-ns", CreateOption::Kind::number, "nanoseconds that every request takes", "0"},
    {"read-zeroes", CreateOption::Kind::flag, "reads return zeroes, not whatever the buffer held", "off"},
};

} // namespace

extern const Driver null_co_driver{.name = "null-co", .kind = Driver::Kind::protocol, .open = open_co, .prefixes = co_prefix,
                                   .open_options = options, .summary = "storage that forgets what is written"};
extern const Driver null_aio_driver{.name = "null-aio", .kind = Driver::Kind::protocol, .open = open_aio, .prefixes = aio_prefix,
                                    .open_options = options, .summary = "the same as null-co"};

} // namespace emu::block
