// SPDX-License-Identifier: MIT
#include "nbd/context.h"

#include "block/chain.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fmt/format.h>

namespace emu::nbd {
namespace {

/// Append a run, or lengthen the last one. False when `most` runs are there already and the state changes.
bool add_run(std::vector<Status>& runs, u64 length, u32 state, usize most) {
    if (!runs.empty() && runs.back().state == state) {
        runs.back().length += length;
        return true;
    }
    if (runs.size() == most) return false;
    runs.push_back({length, state});
    return true;
}

class ChainContext final : public MetaContext {
public:
    using State = u32 (*)(const block::ChainExtent&);
    ChainContext(block::Node& node, u64 offset, std::string_view name, State state)
        : node_(node), offset_(offset), name_(name), state_(state) {}
    std::string_view name() const override { return name_; }
    Result<std::vector<Status>> status(u64 at, u64 length, usize most) const override {
        std::vector<Status> runs;
        while (length) {
            const block::ChainExtent extent = EMU_TRY(block::chain_extent(node_, nullptr, offset_ + at, length));
            if (!add_run(runs, extent.length, state_(extent), most)) break;
            at += extent.length;
            length -= extent.length;
        }
        return runs;
    }

private:
    block::Node& node_;
    u64 offset_;
    std::string_view name_;
    State state_;
};

u32 allocation_state(const block::ChainExtent& extent) {
    // What no layer decides reads as zeroes.
    const bool nowhere = !extent.allocated && !extent.data;
    return (extent.data ? 0u : u32(state_hole)) | (extent.zero || nowhere ? u32(state_zero) : 0u);
}
u32 depth_state(const block::ChainExtent& extent) { return extent.allocated ? extent.depth + 1 : 0; }

class BitmapContext final : public MetaContext {
public:
    /// `recording`: the layer whose bitmap takes down the writes to this export, asked anew each time; null: none does.
    BitmapContext(std::string prefix, std::string bitmap, u64 offset, u64 granularity, block::SparseBits bits,
                  block::Node* recording)
        : bitmap_(std::move(bitmap)), name_(std::move(prefix) + bitmap_), offset_(offset), granularity_(granularity),
          bits_(std::move(bits)), recording_(recording) {}
    std::string_view name() const override { return name_; }
    Result<std::vector<Status>> status(u64 at, u64 length, usize most) const override {
        block::SparseBits now;
        if (recording_) now = EMU_TRY(recording_->bitmap_bits(bitmap_));
        const block::SparseBits& bits = recording_ ? now : bits_;
        std::vector<Status> runs;
        while (length) {
            const u64 place = offset_ + at;
            const u64 index = place / granularity_, last = (place + length - 1) / granularity_;
            const bool dirty = bits.get(index);
            u64 end = index;
            while (end <= last && bits.get(end) == dirty) end += std::min(bits.alike(end), last + 1 - end);
            const u64 step = std::min(length, end * granularity_ - place);
            if (!add_run(runs, step, dirty ? state_dirty : 0, most)) break;
            at += step;
            length -= step;
        }
        return runs;
    }

private:
    std::string bitmap_, name_;
    u64 offset_, granularity_;
    block::SparseBits bits_;
    block::Node* recording_;
};

} // namespace

std::unique_ptr<MetaContext> allocation_context(block::Node& node, u64 offset) {
    return std::make_unique<ChainContext>(node, offset, "base:allocation", allocation_state);
}
std::unique_ptr<MetaContext> depth_context(block::Node& node, u64 offset) {
    return std::make_unique<ChainContext>(node, offset, "qemu:allocation-depth", depth_state);
}

Result<std::unique_ptr<MetaContext>> bitmap_context(block::Node& node, u64 offset, const std::string& name,
                                                    std::string_view prefix, bool writable) {
    for (block::Node* layer = block::skip_filters(&node); layer; layer = block::backing_of(layer)) {
        for (const block::BitmapInfo& info : EMU_TRY(layer->bitmaps())) {
            if (info.name != name) continue;
            if (info.inconsistent)
                return fail(EINVAL, fmt::format("Bitmap '{}' is inconsistent and cannot be used", name));
            if (prefix.size() + name.size() > max_string)
                return fail(EINVAL, fmt::format("the name of bitmap '{}' is too long", name.substr(0, 32)));
            const bool moves = info.enabled && writable && layer == block::skip_filters(&node);
            return std::unique_ptr<MetaContext>(
                std::make_unique<BitmapContext>(std::string(prefix), name, offset, info.granularity,
                                                EMU_TRY(layer->bitmap_bits(name)), moves ? layer : nullptr));
        }
    }
    return fail(ENOENT, fmt::format("Bitmap '{}' is not found", name));
}

} // namespace emu::nbd
