// SPDX-License-Identifier: MIT
#include "cpu/dump.h"

#include "common/checked.h"
#include "common/sizes.h"
#include "common/text.h"
#include "cpu/capstone.h"
#include "isa/debug_text.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <memory>
#include <optional>
#include <sys/syscall.h>
#include <unistd.h>

namespace emu::cpu {

const Capstone* linked_capstone = nullptr;

namespace {

/// Capstone's name for the code of an ISA where a pc has these bits (of those that are no address); the first that fits. Where
/// there is none, raw bytes are printed.
struct Machine {
    std::string_view isa;
    u64 pc_bits;
    cs_arch arch;
    cs_mode mode;
    usize shortest; ///< instruction
};
constexpr Machine machines[] = {
    {"aarch64", 0, CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, 4},
    {"arm", 1, CS_ARCH_ARM, CS_MODE_THUMB, 2},
    {"arm", 0, CS_ARCH_ARM, CS_MODE_ARM, 4},
    {"i386", 0, CS_ARCH_X86, CS_MODE_32, 1},
    {"x86_64", 0, CS_ARCH_X86, CS_MODE_64, 1},
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

std::string disassemble_host(ConstBytes code, u64 address) {
    return listing(Disassembler::open(CS_ARCH_X86, CS_MODE_64), code, address, 1);
}

std::string disassemble_guest(const isa::Isa& isa, ConstBytes code, u64 address, u64 pc) {
    const u64 bits = pc & ~isa.pc_mask;
    for (const Machine& m : machines)
        if (m.isa == isa.name && !(m.pc_bits & ~bits)) return listing(Disassembler::open(m.arch, m.mode), code, address, m.shortest);
    return listing(std::nullopt, code, address, 4);
}

namespace {

struct Range {
    u64 first, last; ///< both inside
};
std::vector<Range> filter;
std::unique_ptr<isa::RegisterFile> registers;

bool wanted(CodeRanges ranges) {
    if (filter.empty()) return true;
    for (auto [first, last] : ranges)
        for (const Range& range : filter)
            if (first <= range.last && range.first < last) return true;
    return false;
}

/// "first..last", "first+size" and "first-size", the size bytes up to `first`.
Result<Range> parse_range(std::string_view text) {
    auto refuse = [&](std::string_view why) { return fail(EINVAL, fmt::format("'{}': {}", text, why)); };
    const usize at = text.find_first_of(".+-"), skip = at != text.npos && text.substr(at).starts_with("..") ? 2 : 1;
    if (at == text.npos || (text[at] == '.' && skip == 1)) return refuse("not first..last, first+size or first-size");
    const u64 first = EMU_TRY(in(text, parse_number(text.substr(0, at))));
    const u64 second = EMU_TRY(in(text, parse_number(text.substr(at + skip))));
    if (skip == 2) return first <= second ? Result<Range>(Range{first, second}) : refuse("an empty range");
    if (second == 0) return refuse("an empty range");
    const auto other = text[at] == '+' ? checked_add(first, second - 1) : checked_sub(first, second - 1);
    if (!other) return refuse("more than there are addresses");
    return Range{std::min(first, *other), std::max(first, *other)};
}

} // namespace

Result<void> set_dump_filter(std::string_view ranges) {
    filter.clear();
    if (ranges.empty()) return {};
    for (std::string_view each : split(ranges, ',')) filter.push_back(EMU_TRY(parse_range(each)));
    return {};
}

namespace {

std::string list_guest(const isa::Isa& isa, u64 pc, CodeRanges ranges, isa::CodeReader& code) {
    std::string text;
    for (auto [first, last] : ranges) {
        std::vector<u8> bytes(usize(last - first));
        if (code.read(first, bytes)) text += disassemble_guest(isa, bytes, first, pc);
    }
    return text;
}

} // namespace

void dump_unit(const isa::Isa& isa, const ir::Function& function, isa::CodeReader& code, ConstBytes host, const void* host_address,
               const MakeText& optimised) {
    if (!wanted(function.ranges)) return;
    std::string text;
    if (log::enabled(log::Item::in_asm))
        text += fmt::format("IN: {} instructions at {:#x}, mode {:#x}\n{}\n", function.insns, function.pc, function.mode,
                            list_guest(isa, function.pc, function.ranges, code));
    if (log::enabled(log::Item::op)) text += "OP:\n" + ir::print(function) + '\n';
    if (log::enabled(log::Item::op_opt)) text += "OP after optimisation:\n" + optimised() + '\n';
    if (log::enabled(log::Item::out_asm) && !host.empty())
        text += fmt::format("OUT: {} bytes for {:#x}\n{}\n", host.size(), function.pc, disassemble_host(host, u64(host_address)));
    if (!text.empty()) log::write(text);
}

void dump_region(const isa::Isa& isa, const ir::Region& region, isa::CodeReader& code, ConstBytes host, const void* host_address,
                 const MakeText& optimised) {
    if (!wanted(region.ranges)) return;
    std::string text = fmt::format("REGION: {} instructions in {} blocks at {:#x}, mode {:#x}\n", region.insns, region.blocks.size(), region.pc, region.mode);
    if (log::enabled(log::Item::in_asm)) text += list_guest(isa, region.pc, region.ranges, code) + '\n';
    if (log::enabled(log::Item::op)) text += "OP:\n" + ir::print(region) + '\n';
    if (log::enabled(log::Item::op_opt)) text += "OP after optimisation:\n" + optimised() + '\n';
    if (log::enabled(log::Item::out_asm)) text += fmt::format("OUT: {} bytes\n{}\n", host.size(), disassemble_host(host, u64(host_address)));
    log::write(text);
}

void set_dump_registers(const isa::DebugView* view) {
    registers = view ? std::make_unique<isa::RegisterFile>(*view, Endian::little) : nullptr;
}

void dump_entry(const isa::Isa& isa, const ir::StateHeader& state, u32 insns, CodeRanges ranges) {
    if (!wanted(ranges)) return;
    std::string text;
    if (log::enabled(log::Item::exec))
        text += fmt::format("Trace {}: {:#x}, {} instructions, mode {:#x}\n", ::syscall(SYS_gettid), state.pc & isa.pc_mask, insns,
                            state.mode);
    if (registers && log::enabled(log::Item::cpu)) text += isa::registers_text(*registers, state, log::enabled(log::Item::fpu));
    if (!text.empty()) log::write(text);
}

} // namespace emu::cpu
