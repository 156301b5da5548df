// SPDX-License-Identifier: MIT
#include "cpu/dump.h"

#include "common/log.h"
#include "common/text.h"
#include "cpu/capstone.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <iterator>
#include <optional>

namespace emu::cpu {

const Capstone* linked_capstone = nullptr;

namespace {

/// Capstone's name for an ISA; empty where it has none (then the ISA's own disassemble, or raw words, are printed).
struct Machine {
    std::string_view isa;
    cs_arch arch;
    cs_mode mode;
};
constexpr Machine machines[] = {
    {"aarch64", CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN},
    {"arm", CS_ARCH_ARM, CS_MODE_ARM},
    {"i386", CS_ARCH_X86, CS_MODE_32},
    {"x86_64", CS_ARCH_X86, CS_MODE_64},
};

/// Null, and a warning once: it cannot be loaded, and listings are without text.
const Capstone* find_capstone() {
    if (linked_capstone) return linked_capstone;
    static const Result<const Capstone*> loaded = [] {
        auto capstone = Capstone::get();
        if (!capstone) log::warning("listings have no instructions' texts: " + capstone.error().text);
        return capstone;
    }();
    return loaded ? *loaded : nullptr;
}

class Disassembler {
public:
    static std::optional<Disassembler> open(cs_arch arch, cs_mode mode) {
        const Capstone* capstone = find_capstone();
        csh handle;
        if (!capstone || capstone->cs_open(arch, mode, &handle) != CS_ERR_OK) return std::nullopt;
        return Disassembler(*capstone, handle);
    }
    Disassembler(Disassembler&& other) noexcept : capstone_(other.capstone_), handle_(std::exchange(other.handle_, 0)) {}
    ~Disassembler() {
        if (handle_) capstone_.cs_close(&handle_);
    }

    /// Text of the instruction at the start of `code`; its length, 0 if it is none.
    usize one(ConstBytes code, u64 address, std::string& text) const {
        cs_insn* insn = nullptr;
        if (capstone_.cs_disasm(handle_, code.data(), code.size(), address, 1, &insn) != 1) return 0;
        text = insn->op_str[0] ? fmt::format("{:<8}{}", insn->mnemonic, insn->op_str) : insn->mnemonic;
        const usize size = insn->size;
        capstone_.cs_free(insn, 1);
        return size;
    }

private:
    Disassembler(const Capstone& capstone, csh handle) : capstone_(capstone), handle_(handle) {}
    const Capstone& capstone_;
    csh handle_;
};

std::string listing(const std::optional<Disassembler>& disassembler, ConstBytes code, u64 address, usize unit) {
    std::string out;
    while (!code.empty()) {
        std::string text;
        usize size = disassembler ? disassembler->one(code, address, text) : 0;
        if (!size) {
            size = std::min(unit, code.size());
            text = "?";
        }
        std::string bytes;
        for (u8 byte : code.first(size)) bytes += fmt::format("{:02x}", byte);
        fmt::format_to(std::back_inserter(out), "{:#014x}: {:<20} {}\n", address, bytes, text);
        code = code.subspan(size);
        address += size;
    }
    return out;
}

} // namespace

bool wants_dump() { return log::enabled(log::Item::in_asm) || log::enabled(log::Item::op) || log::enabled(log::Item::out_asm); }

std::string disassemble_host(ConstBytes code, u64 address) {
    return listing(Disassembler::open(CS_ARCH_X86, CS_MODE_64), code, address, 1);
}

std::string disassemble_guest(const isa::Isa& isa, ConstBytes code, u64 address) {
    auto at = std::find_if(std::begin(machines), std::end(machines), [&](const Machine& m) { return m.isa == isa.name; });
    return listing(at == std::end(machines) ? std::nullopt : Disassembler::open(at->arch, at->mode), code, address, 4);
}

namespace {

struct Range {
    u64 first, last; ///< both inside
};
std::vector<Range> filter;

bool wanted(const std::vector<std::pair<u64, u64>>& ranges) {
    if (filter.empty()) return true;
    for (auto [first, last] : ranges)
        for (const Range& range : filter)
            if (first <= range.last && range.first < last) return true;
    return false;
}

Result<Range> parse_range(std::string_view text) {
    const std::string copy(text);
    char* end = nullptr;
    const u64 first = std::strtoull(copy.c_str(), &end, 0);
    const std::string_view rest = std::string_view(end);
    const usize skip = rest.starts_with("..") ? 2 : 1;
    if (end == copy.c_str() || rest.size() <= skip) return fail(EINVAL, copy + ": not first..last, first+size or first-size");
    const u64 second = std::strtoull(end + skip, &end, 0);
    if (*end) return fail(EINVAL, copy + ": not first..last, first+size or first-size");
    Range range{first, second};
    if (rest[0] == '+') range.last = first + second - 1;
    else if (rest[0] == '-') range = {first - second + 1, first};
    else if (skip != 2) return fail(EINVAL, copy + ": not first..last, first+size or first-size");
    if (range.last < range.first) return fail(EINVAL, copy + ": an empty range");
    return range;
}

} // namespace

Result<void> set_dump_filter(std::string_view ranges) {
    filter.clear();
    if (ranges.empty()) return {};
    for (std::string_view each : split(ranges, ',')) filter.push_back(EMU_TRY(parse_range(each)));
    return {};
}

void dump_unit(const isa::Isa& isa, const ir::Function& function, isa::CodeReader& code, ConstBytes host, const void* host_address) {
    if (!wanted(function.ranges)) return;
    std::string text;
    if (log::enabled(log::Item::in_asm)) {
        text += fmt::format("IN: {} instructions at {:#x}, mode {:#x}\n", function.insns, function.pc, function.mode);
        for (auto [first, last] : function.ranges) {
            std::vector<u8> bytes(usize(last - first));
            if (code.read(first, bytes)) text += disassemble_guest(isa, bytes, first);
        }
        text += '\n';
    }
    if (log::enabled(log::Item::op)) text += "OP:\n" + ir::print(function) + '\n';
    if (log::enabled(log::Item::out_asm) && !host.empty())
        text += fmt::format("OUT: {} bytes for {:#x}\n{}\n", host.size(), function.pc, disassemble_host(host, u64(host_address)));
    log::write(text);
}

void dump_region(const isa::Isa& isa, const ir::Region& region, isa::CodeReader& code, ConstBytes host, const void* host_address) {
    if (!wanted(region.ranges)) return;
    std::string text = fmt::format("REGION: {} instructions in {} blocks at {:#x}, mode {:#x}\n", region.insns, region.blocks.size(), region.pc, region.mode);
    if (log::enabled(log::Item::in_asm)) {
        for (auto [first, last] : region.ranges) {
            std::vector<u8> bytes(usize(last - first));
            if (code.read(first, bytes)) text += disassemble_guest(isa, bytes, first) + '\n';
        }
    }
    if (log::enabled(log::Item::op)) text += "OP:\n" + ir::print(region) + '\n';
    if (log::enabled(log::Item::out_asm)) text += fmt::format("OUT: {} bytes\n{}\n", host.size(), disassemble_host(host, u64(host_address)));
    log::write(text);
}

} // namespace emu::cpu
