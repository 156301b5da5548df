// SPDX-License-Identifier: MIT
#include "isa/debug.h"

#include <algorithm>
#include <cstring>

namespace emu::isa {

RegisterFile::RegisterFile(const DebugView& view, Endian order) : view_(view), order_(order) {
    for (const DebugFeature& feature : view.features)
        for (const DebugRegister& row : feature.registers)
            for (u32 i = 0; i < row.count; i++) {
                std::string name(row.name);
                if (row.count > 1) name += std::to_string(i) + std::string(row.suffix);
                registers_.push_back({std::move(name), &row, &feature, row.get ? row.offset + i : row.offset + i * row.stride});
            }
}

std::optional<usize> RegisterFile::find(std::string_view name) const {
    for (usize i = 0; i < registers_.size(); i++)
        if (registers_[i].name == name) return i;
    return std::nullopt;
}

void RegisterFile::read(const ir::StateHeader& state, usize number, Bytes to) const {
    const Register& r = registers_[number];
    const usize size = bytes(number);
    EMU_ASSERT(to.size() >= size);
    if (r.row->get) r.row->get(state, r.which, to.first(size));
    else std::memcpy(to.data(), reinterpret_cast<const u8*>(&state) + r.which, size);
    if (order_ == Endian::big) std::reverse(to.begin(), to.begin() + std::ptrdiff_t(size));
}

void RegisterFile::write(ir::StateHeader& state, usize number, ConstBytes from) const {
    const Register& r = registers_[number];
    const usize size = bytes(number);
    EMU_ASSERT(from.size() >= size);
    std::vector<u8> value(from.begin(), from.begin() + std::ptrdiff_t(size));
    if (order_ == Endian::big) std::reverse(value.begin(), value.end());
    if (r.row->set) r.row->set(state, r.which, value);
    else if (!r.row->get) std::memcpy(reinterpret_cast<u8*>(&state) + r.which, value.data(), size);
}

} // namespace emu::isa
