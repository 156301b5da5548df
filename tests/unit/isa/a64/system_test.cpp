// SPDX-License-Identifier: MIT
// EL1: page walk, exceptions, system registers, on a machine of nothing but RAM.
#include "cpu/soft_mmu.h"
#include "cpu/vcpu.h"
#include "isa/a64/a64.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

using namespace emu;
using isa::Trap;
using isa::a64::State;

namespace {

constexpr u64 ram_base = 0x40000000, ram_size = 1 << 20;
constexpr u64 level0 = ram_base + 0x10000, level1 = ram_base + 0x11000, level2 = ram_base + 0x12000, level3 = ram_base + 0x13000;

// Descriptor bits.
constexpr u64 table = 3, block = 1, page = 3, accessed = 1 << 10, el0 = 1 << 6, read_only = 1 << 7, pxn = 1ull << 53, uxn = 1ull << 54;

class Machine final : public cpu::PhysicalBus, public cpu::CodeMemory {
public:
    Machine() : ram_(ram_size + 4096) {
        engine_ = std::move(*cpu::Engine::create(isa::a64::a64_isa, isa::a64::a64_isa.models[0],
                                                 {.execution = cpu::Execution::interpreter, .system = true, .bus = this}, *this));
        cpu_ = std::make_unique<cpu::Vcpu>(*engine_);
        state().pc = ram_base;
    }
    u8* ram(u64 physical) override {
        return physical >= ram_base && physical - ram_base < ram_size ? ram_.data() + (physical - ram_base) : nullptr;
    }
    bool read(u64, unsigned, u64&) override { return false; }
    bool write(u64, unsigned, u64) override { return false; }
    bool read(u64 address, Bytes to) override { return cpu_->mmu()->fetch(address, to); }
    void watch(u64, u64) override {}

    State& state() { return cpu_->state_as<State>(); }
    void put(u64 physical, u64 value) { std::memcpy(ram(physical), &value, 8); }
    void code(u64 physical, std::initializer_list<u32> words) {
        for (u32 word : words) std::memcpy(ram(physical), &word, 4), physical += 4;
    }
    cpu::Stop run() { return cpu_->run(); }

    /// 48-bit addresses in both halves; page `n` of the first 2 MiB is described by level3[n].
    void enable_mmu() {
        put(level0, level1 | table);
        put(level0 + 8 * 511, level1 | table);
        put(level1, level2 | table);
        put(level1 + 8, (ram_base & ~0x3fffffffull) | block | accessed);       // identity for the RAM
        put(level1 + 8 * 511, level2 | table);
        put(level2, level3 | table);
        put(level2 + 8 * 511, level3 | table);
        state().sys.ttbr0_el1 = state().sys.ttbr1_el1 = level0;
        state().sys.tcr_el1 = 16 | 16 << 16 | 1ull << 37;
        state().sys.sctlr_el1 |= 1;
    }
    void map(unsigned n, u64 bits) { put(level3 + 8 * n, ram_base + 0x20000 + bits); }

    /// "" if the access is allowed, else the fault status in hexadecimal.
    std::string access(u64 address, unsigned kind, unsigned view) {
        u64 physical = 0, size = 0;
        state().sys.el = view;
        if (isa::a64::a64_isa.walk(state(), address, kind, view, physical, size)) {
            last = physical;
            return "";
        }
        char text[8];
        std::snprintf(text, sizeof text, "%02x", unsigned(state().sys.fault_status));
        return text;
    }
    u64 last = 0;

private:
    std::vector<u8> ram_;
    std::unique_ptr<cpu::Engine> engine_;
    std::unique_ptr<cpu::Vcpu> cpu_;
};

enum { rd, wr, ex };

} // namespace

TEST_CASE("a64 mmu: off means flat") {
    Machine m;
    CHECK(m.access(0x1234, wr, 1) == "");
    CHECK(m.last == 0x1234);
}

TEST_CASE("a64 mmu: faults name kind and level") {
    Machine m;
    m.enable_mmu();
    m.map(1, page | accessed | el0);
    CHECK(m.access(0x1008, rd, 0) == "");
    CHECK(m.last == ram_base + 0x20008);
    CHECK(m.access(0x2000, rd, 0) == "07");                      // level 3 entry is zero
    CHECK(m.access(0x200000, rd, 0) == "06");
    CHECK(m.access(0x80000000, rd, 0) == "05");
    CHECK(m.access(0x80'0000'0000, rd, 0) == "04");
    CHECK(m.access(0x1'0000'0000'0000, rd, 0) == "04");          // beyond the region
    CHECK(m.access(0xab00'0000'0000'1008, rd, 0) == "");         // TBI0
    CHECK(m.access(0xffff'ffff'ffe0'1000, rd, 0) == "");         // TTBR1
    CHECK(m.access(0xfeff'ffff'ffe0'1000, rd, 0) == "04");       // no TBI1
    m.map(1, page | el0);
    CHECK(m.access(0x1008, rd, 0) == "0b");                      // access flag
    m.put(level2, 0x7fff'0000 | table);
    CHECK(m.access(0x1008, rd, 0) == "17");                      // table not in RAM
    m.state().sys.tcr_el1 |= 1 << 7;
    CHECK(m.access(0x1008, rd, 0) == "04");                      // EPD0
}

TEST_CASE("a64 mmu: permissions of both levels") {
    struct Row {
        u64 bits;
        const char *el0_rd, *el0_wr, *el0_ex, *el1_rd, *el1_wr, *el1_ex;
    };
    const Row rows[] = {
        {0, "0f", "0f", "", "", "", ""},
        {el0, "", "", "", "", "", "0f"},                         // writable at EL0: not executable at EL1
        {read_only, "0f", "0f", "", "", "0f", ""},
        {el0 | read_only, "", "0f", "", "", "0f", ""},
        {uxn, "0f", "0f", "0f", "", "", ""},
        {pxn | read_only, "0f", "0f", "", "", "0f", "0f"},
    };
    for (const Row& row : rows) {
        Machine m;
        m.enable_mmu();
        m.map(1, page | accessed | row.bits);
        CAPTURE(row.bits);
        CHECK(m.access(0x1000, rd, 0) == row.el0_rd);
        CHECK(m.access(0x1000, wr, 0) == row.el0_wr);
        CHECK(m.access(0x1000, ex, 0) == row.el0_ex);
        CHECK(m.access(0x1000, rd, 1) == row.el1_rd);
        CHECK(m.access(0x1000, wr, 1) == row.el1_wr);
        CHECK(m.access(0x1000, ex, 1) == row.el1_ex);
    }
}

TEST_CASE("a64 mmu: PAN keeps EL1 from EL0's pages, tables narrow permissions") {
    Machine m;
    m.enable_mmu();
    m.map(1, page | accessed | el0);
    m.state().sys.pan = 1;
    CHECK(m.access(0x1000, rd, 1) == "0f");
    m.state().sys.pan = 0;
    m.put(level2, level3 | table | 1ull << 62);                  // APTable: read-only
    CHECK(m.access(0x1000, rd, 0) == "");
    CHECK(m.access(0x1000, wr, 0) == "0f");
    m.put(level2, level3 | table | 1ull << 61);                  // no EL0
    CHECK(m.access(0x1000, rd, 0) == "0f");
}

TEST_CASE("a64 exceptions: svc from EL0 and eret back keep stacks and PSTATE apart") {
    Machine m;
    State& s = m.state();
    s.sys.vbar_el1 = ram_base + 0x800;
    s.sys.sp_el0 = 0x1111;
    s.sp = 0x2222;
    s.sys.spsr_el1 = 0x6000'0000;                                // to EL0, Z and C set
    s.sys.elr_el1 = ram_base + 0x100;
    m.code(ram_base, {0xd69f03e0 /* eret */});
    m.code(ram_base + 0x100, {0x910003e0 /* mov x0, sp */, 0xd4000021 /* svc #1 */});
    m.code(ram_base + 0x800 + 0x400, {0x910003e1 /* mov x1, sp */, 0xd5384242 /* mrs x2, currentel */, 0xd5385203 /* mrs x3, esr_el1 */,
                                      0xd5384004 /* mrs x4, spsr_el1 */, 0xd53b4225 /* mrs x5, daif */, 0xd503207f /* wfi */});
    cpu::Stop stop = m.run();
    CHECK(stop.trap == Trap::halt);
    CHECK(s.x[0] == 0x1111);
    CHECK(s.x[1] == 0x2222);
    CHECK(s.x[2] == 4);
    CHECK(s.x[3] == 0x56000001);
    CHECK(s.x[4] == 0x6000'0000);
    CHECK(s.x[5] == 0x3c0);
    CHECK(s.sys.elr_el1 == ram_base + 0x108);
}

TEST_CASE("a64 exceptions: aborts report class, address and direction") {
    Machine m;
    m.enable_mmu();
    State& s = m.state();
    s.sys.vbar_el1 = ram_base + 0x800;
    s.x[0] = 0x5008;
    m.code(ram_base, {0xf9000001 /* str x1, [x0] */});
    m.code(ram_base + 0x800 + 0x200, {0xd503207f});
    CHECK(m.run().trap == Trap::halt);
    CHECK(s.sys.esr_el1 == (0x25u << 26 | 1u << 25 | 1u << 6 | 7));
    CHECK(s.sys.far_el1 == 0x5008);
    CHECK(s.sys.elr_el1 == ram_base);
    CHECK((s.sys.spsr_el1 & 15) == 5);
}

TEST_CASE("a64 exceptions: FP is refused until CPACR_EL1 allows it") {
    Machine m;
    State& s = m.state();
    s.sys.vbar_el1 = ram_base + 0x800;
    m.code(ram_base, {0x4e080c20 /* dup v0.2d, x1 */});
    m.code(ram_base + 0x800 + 0x200, {0xd503207f});
    CHECK(m.run().trap == Trap::halt);
    CHECK((s.sys.esr_el1 >> 26) == 7);
    s.pc = ram_base + 0x200;
    s.x[0] = 3 << 20;
    s.x[1] = 9;
    m.code(ram_base + 0x200, {0xd5181040 /* msr cpacr_el1, x0 */, 0xd5033fdf /* isb */, 0x4e080c20, 0xd503207f});
    CHECK(m.run().trap == Trap::halt);
    CHECK(s.pc == ram_base + 0x210);
    CHECK(s.v[0].hi == 9);
}

TEST_CASE("a64 exceptions: interrupts wait for PSTATE.I and return to where they came in") {
    Machine m;
    State& s = m.state();
    CHECK_FALSE(isa::a64::a64_isa.interrupt_enabled(s));
    s.sys.vbar_el1 = ram_base + 0x800;
    m.code(ram_base, {0xd50342ff /* msr daifclr, #2 */, 0xd503207f});
    CHECK(m.run().trap == Trap::halt);
    CHECK(isa::a64::a64_isa.interrupt_enabled(s));
    const u64 pc = s.pc;
    CHECK(isa::a64::a64_isa.take_exception(s, u32(Trap::interrupt), 0));
    CHECK(s.pc == ram_base + 0x800 + 0x280);
    CHECK(s.sys.elr_el1 == pc);
    CHECK_FALSE(isa::a64::a64_isa.interrupt_enabled(s));
}

TEST_CASE("a64 exceptions: an illegal return stays at EL1 and says so") {
    Machine m;
    State& s = m.state();
    s.sys.vbar_el1 = ram_base + 0x800;
    s.sys.spsr_el1 = 0x10;                                       // AArch32
    s.sys.elr_el1 = 0x1000;
    m.code(ram_base, {0xd69f03e0});
    m.code(ram_base + 0x800 + 0x200, {0xd503207f});
    CHECK(m.run().trap == Trap::halt);
    CHECK((s.sys.esr_el1 >> 26) == 0x0e);
}
