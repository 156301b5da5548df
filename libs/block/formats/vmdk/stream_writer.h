// SPDX-License-Identifier: MIT
// Stream-optimized VMDK in one pass, for pipes and uploads: grains in the disk's order, each table behind its grains, the
// directory and the footer at the end. Nothing is written twice and nothing needs seeking.
#pragma once
#include "block/formats/vmdk/sparse.h"

#include <functional>

namespace emu::block::vmdk {

class StreamWriter {
public:
    using Sink = std::function<Result<void>(ConstBytes)>;
    static constexpr u64 grain_bytes = 65536;
    /// `name`: what the descriptor calls the extent.
    StreamWriter(u64 disk_bytes, std::string name, Sink sink);
    Result<void> start();
    /// Grains in ascending order; at is a multiple of grain_bytes, data at most one grain. Zero grains are left out.
    Result<void> add(u64 at, ConstBytes data);
    /// The same for a grain that pack_grain() has made (by a worker thread).
    Result<void> add_packed(u64 at, ConstBytes packed);
    Result<void> finish();

private:
    Result<void> put(ConstBytes bytes);
    Result<void> end_table();
    std::string name_;
    Sink sink_;
    SparseHeader header_;
    u64 position_ = 0; ///< sectors
    u64 table_ = 0, next_ = 0;
    bool table_used_ = false;
    std::vector<u8> entries_, directory_;
};

} // namespace emu::block::vmdk
