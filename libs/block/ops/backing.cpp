// SPDX-License-Identifier: MIT
#include "block/ops/backing.h"

#include "block/chain.h"
#include "common/bits.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <thread>

namespace emu::block {
namespace {

constexpr u64 max_piece = u64(2) << 20;
constexpr unsigned max_layers = 200;

} // namespace

Result<NodePtr> open_down_to(Node& top, std::string_view base, Context& context, CacheMode cache) {
    Node* layer = &top;
    for (unsigned depth = 0; depth < max_layers && !layer->backing_file().empty(); depth++) {
        const std::string recorded = layer->backing_file(), path = EMU_TRY(backing_path(layer->name(), recorded));
        const bool found = base.empty() || base == recorded || base == path;
        OpenRequest request{.name = path, .format = layer->backing_format(), .writable = found, .no_backing = !found, .cache = cache, .context = &context};
        NodePtr below = EMU_TRY(in(fmt::format("Could not open '{}': Could not open backing file", top.name()), open_image(request)));
        layer->set_backing(below);
        if (found) return below;
        layer = skip_filters(below.get());
    }
    return fail(EINVAL, fmt::format("Did not find '{}' in the backing chain of '{}'", base, top.name()));
}

Result<void> commit_into(Node& top, Node& base, u64 rate, Progress* progress) {
    const u64 size = top.size();
    if (base.size() < size) EMU_CHECK(in("could not resize the base image", base.truncate(size)));
    std::vector<u8> buffer;
    const auto start = std::chrono::steady_clock::now();
    for (u64 at = 0, copied = 0; at < size;) {
        const ChainExtent e = EMU_TRY(chain_extent(top, &base, at, size - at));
        u64 step = e.length;
        if (e.allocated && e.zero) {
            EMU_CHECK(base.write_zeroes(at, step, WriteFlags::may_unmap));
        } else if (e.allocated) {
            step = std::min(step, max_piece);
            if (buffer.size() < step) buffer.resize(step);
            EMU_CHECK(top.read(at, Bytes(buffer).first(step)));
            EMU_CHECK(base.write(at, ConstBytes(buffer).first(step)));
            copied += step;
            if (rate) std::this_thread::sleep_until(start + std::chrono::milliseconds(copied * 1000 / rate));
        }
        at += step;
        if (progress) progress->add(step);
    }
    return base.flush();
}

namespace {

/// Contents of a (possibly shorter, possibly missing) backing image.
Result<void> read_short(Node* node, u64 at, Bytes to) {
    const u64 there = node ? node->size() : 0, real = at < there ? std::min<u64>(to.size(), there - at) : 0;
    if (real) EMU_CHECK(node->read(at, to.first(real)));
    if (real < to.size()) std::memset(to.data() + real, 0, to.size() - real);
    return {};
}

/// The state of a backing image: zero where it ends.
Result<Extent> state_of(Node* node, u64 at, u64 length) {
    const u64 there = node ? node->size() : 0;
    if (at >= there) return Extent{.length = length, .zero = true};
    ChainExtent e = EMU_TRY(chain_extent(*node, nullptr, at, std::min(length, there - at)));
    if (!e.allocated && !e.data) e.zero = true;
    return static_cast<Extent>(e);
}

Result<void> copy_differences(Node& top, u64 at, ConstBytes before, ConstBytes after, u64 unit, WriteFlags flags) {
    for (usize begin = 0; begin < before.size();) {
        auto next = [&](usize x) { return std::min<usize>(before.size(), usize(align_down(at + x, unit) + unit - at)); };
        auto equal = [&](usize from, usize to) { return after.empty() ? is_zero(before.subspan(from, to - from)) : std::memcmp(before.data() + from, after.data() + from, to - from) == 0; };
        usize end = next(begin);
        if (equal(begin, end)) {
            begin = end;
            continue;
        }
        while (end < before.size() && !equal(end, next(end))) end = next(end);
        const ConstBytes part = before.subspan(begin, end - begin);
        if (is_zero(part)) EMU_CHECK(top.write_zeroes(at + begin, part.size()));
        else EMU_CHECK(top.write(at + begin, part, flags));
        begin = end;
    }
    return {};
}

} // namespace

Result<void> rebase_contents(Node& top, const RebaseOptions& options) {
    Node* old_backing = backing_of(&top);
    Node* new_backing = skip_filters(options.new_backing.get());
    const u64 size = top.size();
    const Limits limits = top.limits();
    const u64 unit = std::max<u64>(4096, limits.cluster_size);
    const WriteFlags flags = options.compress && limits.can_write_compressed ? WriteFlags::compressed : WriteFlags::none;
    std::vector<u8> before, after;
    for (u64 at = 0; at < size;) {
        const Extent e = EMU_TRY(top.extent(at, size - at));
        u64 step = e.length;
        if (!e.allocated) {
            const Extent old_state = EMU_TRY(state_of(old_backing, at, step));
            const Extent new_state = EMU_TRY(state_of(new_backing, at, old_state.length));
            step = new_state.length;
            if (!(old_state.zero && new_state.zero)) {
                step = std::min(step, max_piece);
                if (!options.new_backing && step < size - at && step > unit) step = align_down(at + step, unit) - at;
                before.resize(step);
                EMU_CHECK(read_short(old_backing, at, before));
                after.resize(new_state.zero ? 0 : step);
                if (!after.empty()) EMU_CHECK(read_short(new_backing, at, after));
                EMU_CHECK(copy_differences(top, at, before, after, unit, flags));
            }
        }
        at += step;
        if (options.progress) options.progress->add(step);
    }
    return {};
}

} // namespace emu::block
