// SPDX-License-Identifier: MIT
// Consistency: counts every reference anew and compares with what the image has recorded. Tables that are named many times, as
// snapshots do by right and hostile images at will, are read once and counted many times: the work is bounded by the file's size.
#pragma once
#include "block/formats/qcow2/image.h"

#include <functional>
#include <unordered_map>

namespace emu::block::qcow2 {

class Checker {
public:
    Checker(Image& image, CheckMode mode) : image_(image), h_(image.h_), mode_(mode) {}
    Result<CheckResult> run();

private:
    void error(std::string text);
    struct Range { ///< a table of 8-byte entries
        u64 offset, length;
    };
    void refer(u64 offset, u64 length, u64 times = 1);
    Result<void> count_references();
    void count_l1_entry(u64 entry, u64 times, bool active);
    Result<void> count_l2(u64 offset, u64 times, bool active);
    void count_entry(u64 entry, u64 bitmap, u64 times, bool active);
    std::vector<Range> snapshot_tables();
    std::vector<Range> bitmap_tables();
    Result<void> count_tables(const std::vector<Range>& tables, const std::function<void(u64 entry, u64 times)>& each);
    Result<void> count_refcount_blocks();
    Result<void> compare();
    Result<void> check_copied();
    Result<void> check_copied_l2(u64 offset);
    Result<void> fix();

    Image& image_;
    const Header& h_;
    CheckMode mode_;
    CheckResult result_;
    std::vector<u16> references_;
    std::unordered_map<u64, u64> l2_times_; ///< L2 tables by offset, and how often they are named
    std::vector<u64> active_l2_;            ///< those of the active L1 table, in its order, each once
    u64 next_contiguous_ = 0;
    bool rebuild_ = false, wrong_flags_ = false;
    u64 highest_ = 0;
};

} // namespace emu::block::qcow2
