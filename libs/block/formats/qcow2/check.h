// SPDX-License-Identifier: MIT
// Consistency: counts every reference anew and compares with what the image has recorded.
#pragma once
#include "block/formats/qcow2/image.h"

namespace emu::block::qcow2 {

class Checker {
public:
    Checker(Image& image, CheckMode mode) : image_(image), h_(image.h_), mode_(mode) {}
    Result<CheckResult> run();

private:
    void error(std::string text);
    void refer(u64 offset, u64 length);
    Result<void> count_references();
    Result<void> count_l1(const std::vector<u64>& l1, bool active);
    Result<void> count_l2(u64 offset, bool active);
    void count_entry(u64 entry, u64 bitmap, bool active);
    Result<void> count_bitmaps();
    Result<void> count_refcount_blocks();
    Result<void> compare();
    Result<void> check_copied();
    Result<void> check_copied_l2(u64 l1_entry);
    Result<void> fix();

    Image& image_;
    const Header& h_;
    CheckMode mode_;
    CheckResult result_;
    std::vector<u16> references_;
    u64 next_contiguous_ = 0;
    bool rebuild_ = false, wrong_flags_ = false;
    u64 highest_ = 0;
};

} // namespace emu::block::qcow2
