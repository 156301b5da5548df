// SPDX-License-Identifier: MIT
#include "nbd/export.h"

#include "nbd/context.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::nbd {

Export::Export(block::NodePtr node, ExportOptions options) : node_(std::move(node)), options_(std::move(options)) {
    size_ = (node_->size() - options_.offset) & ~u64(511); // whole sectors, as clients expect of a disk
}

Result<std::shared_ptr<Export>> Export::create(block::NodePtr node, ExportOptions options) {
    if (options.name.size() > max_string)
        return fail(EINVAL, fmt::format("export name is longer than {} bytes", max_string));
    if (options.description.size() > max_string)
        return fail(EINVAL, fmt::format("export description is longer than {} bytes", max_string));
    if (options.offset > node->size())
        return fail(EINVAL,
                    fmt::format("Offset {} is beyond the end of the image of {} bytes", options.offset, node->size()));
    const bool writable = options.writable;
    std::shared_ptr<Export> out(new Export(node, std::move(options)));
    auto& contexts = out->contexts_;
    contexts.push_back(allocation_context(*node, out->offset()));
    if (out->options_.allocation_depth) contexts.push_back(depth_context(*node, out->offset()));
    for (const std::string& bitmap : out->options_.bitmaps)
        for (std::string_view prefix : {"qemu:dirty-bitmap:", "emu:dirty-bitmap:"})
            contexts.push_back(EMU_TRY(bitmap_context(*node, out->offset(), bitmap, prefix, writable)));
    return out;
}

u16 Export::flags(bool structured, bool extended) const {
    unsigned out = has_flags | send_flush | send_fua | send_cache;
    if (options_.multi_conn) out |= can_multi_conn;
    if (!options_.writable)
        out |= read_only_flag;
    else
        out |= send_trim | send_write_zeroes | send_fast_zero;
    if (structured || extended) out |= send_df;
    if (extended) out |= block_status_payload;
    return u16(out);
}

Export::BlockSizes Export::block_sizes() const {
    const block::Limits limits = node_->limits();
    const u64 preferred = std::clamp<u64>(std::max<u64>(4096, limits.cluster_size), 4096, max_payload);
    return {std::min<u32>(limits.request_alignment, 65536), u32(preferred), max_payload};
}

std::vector<const MetaContext*> Export::find_contexts(std::string_view query) const {
    std::vector<const MetaContext*> out;
    const bool whole = query == "base:" || query == "qemu:" || query == "emu:" || query == "qemu:dirty-bitmap:" ||
                       query == "emu:dirty-bitmap:";
    for (const auto& context : contexts_)
        if (context->name() == query || (whole && context->name().starts_with(query))) out.push_back(context.get());
    return out;
}

const Export* Exports::find(std::string_view name) const {
    for (const auto& one : all_)
        if (one->name() == name) return one.get();
    return nullptr;
}

} // namespace emu::nbd
