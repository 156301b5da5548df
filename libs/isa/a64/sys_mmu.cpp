// SPDX-License-Identifier: MIT
// Stage 1 translation of the EL1&0 regime (Arm ARM D5.2 - D5.4): 4 KiB granule, up to 48-bit addresses, no hardware update of the
// access flag or dirty state, memory types without effect.
#include "cpu/soft_mmu.h"
#include "cpu/vcpu.h"
#include "isa/a64/sys.h"
#include "isa/isa.h"

#include <cstring>

namespace emu::isa::a64 {

namespace {

enum Access : unsigned { read_access, write_access, fetch_access };

namespace sctlr {
constexpr u64 m = 1, wxn = 1 << 19;
}

// Fault status codes; the level goes into the low bits of the first four.
enum Status : u64 { address_size = 0x00, translation = 0x04, access_flag = 0x08, permission = 0x0c, external_walk = 0x14, external = 0x10 };

// Descriptor bits.
constexpr u64 valid = 1, table_or_page = 2, ap_el0 = 1 << 6, ap_read_only = 1 << 7, accessed = 1 << 10;
constexpr u64 pxn = 1ull << 53, uxn = 1ull << 54;
constexpr u64 table_pxn = 1ull << 59, table_uxn = 1ull << 60, table_no_el0 = 1ull << 61, table_read_only = 1ull << 62;
constexpr u64 output_mask = 0x0000'ffff'ffff'f000;

struct Walk {
    State& state;
    u64 address;
    Access access;
    bool el1;
    u64 physical = 0, size = 0;

    bool fail(u64 status, unsigned level) {
        state.sys.fault_status = status + level;
        return false;
    }

    static bool read_descriptor(const State& state, u64 at, u64& descriptor) {
        auto* vcpu = static_cast<cpu::Vcpu*>(state.vcpu);
        const u8* host = vcpu->engine().options().bus->ram(at & ~u64(0xfff));
        if (!host) return false;
        std::memcpy(&descriptor, host + (at & 0xfff), 8);
        return true;
    }

    bool permitted(u64 leaf, u64 tables) const {
        const bool el0_may = leaf & ap_el0 && !(tables & table_no_el0);
        const bool writable = !(leaf & ap_read_only) && !(tables & table_read_only);
        const bool execute_never_w = state.sys.sctlr_el1 & sctlr::wxn;
        if (el1) {
            if (access == fetch_access) return !(leaf & pxn) && !(tables & table_pxn) && !(el0_may && writable) && !(execute_never_w && writable);
            if (el0_may && state.sys.pan) return false;
            return access == read_access || writable;
        }
        if (access == fetch_access) return !(leaf & uxn) && !(tables & table_uxn) && !(execute_never_w && writable && el0_may);
        return el0_may && (access == read_access || writable);
    }

    bool run() {
        const SystemRegs& sys = state.sys;
        if (!(sys.sctlr_el1 & sctlr::m)) return flat();
        // Bit 55 chooses the half; the bits above the region's size must all be like it, less the ignored top byte.
        const bool high = address >> 55 & 1;
        const unsigned tsz = unsigned(high ? sys.tcr_el1 >> 16 & 63 : sys.tcr_el1 & 63);
        const bool disabled = sys.tcr_el1 >> (high ? 23 : 7) & 1, top_ignored = sys.tcr_el1 >> (high ? 38 : 37) & 1;
        if (disabled || tsz < 16 || tsz > 39) return fail(translation, 0);
        const unsigned region = 64 - tsz, used = top_ignored ? 56 : 64;
        const u64 above = (address & (used == 64 ? ~u64(0) : (u64(1) << used) - 1)) >> region;
        if (above != (high ? (u64(1) << (used - region)) - 1 : 0)) return fail(translation, 0);

        u64 table = (high ? sys.ttbr1_el1 : sys.ttbr0_el1) & 0x0000'ffff'ffff'fffe, tables = 0;
        unsigned level = 4 - (region - 12 + 8) / 9, top = region;
        for (;; level++) {
            const unsigned shift = 12 + 9 * (3 - level);
            const u64 index = address >> shift & ((u64(1) << (top - shift)) - 1);
            u64 descriptor;
            if (!read_descriptor(state, table + 8 * index, descriptor)) return fail(external_walk, level);
            const bool leaf = level == 3 || !(descriptor & table_or_page);
            if (!(descriptor & valid) || (level == 3 && !(descriptor & table_or_page)) || (level == 0 && leaf)) return fail(translation, level);
            if (!leaf) {
                tables |= descriptor;
                table = descriptor & output_mask;
                top = shift;
                continue;
            }
            if (!(descriptor & accessed)) return fail(access_flag, level);
            if (!permitted(descriptor, tables)) return fail(permission, level);
            size = u64(1) << shift;
            physical = (descriptor & output_mask & ~(size - 1)) | (address & (size - 1));
            return true;
        }
    }

    bool flat() {
        physical = address & 0x00ff'ffff'ffff'ffff;
        size = 4096;
        return physical >> 48 ? fail(address_size, 0) : true;
    }
};

u64 do_flush_tlb(ir::StateHeader& header, u64, u64, u64, u64) {
    auto* vcpu = static_cast<cpu::Vcpu*>(header.vcpu);
    vcpu->mmu()->flush();
    vcpu->engine().invalidate(0, ~u64(0));
    return 0;
}

/// AT S1E1R and the like: PAR_EL1 is the answer (D13.2.90).
u64 do_address_translate(ir::StateHeader& header, u64 address, u64 kind, u64, u64) {
    State& state = static_cast<State&>(header);
    Walk w{state, address, kind & 1 ? write_access : read_access, bool(kind & 2)};
    state.sys.par_el1 = w.run() ? (w.physical & output_mask) | 0x80 : 1 | state.sys.fault_status << 1;
    return 0;
}

} // namespace

bool walk(ir::StateHeader& header, u64 address, unsigned access, unsigned view, u64& physical, u64& page_size) {
    State& state = static_cast<State&>(header);
    const bool el1 = access == fetch_access ? state.sys.el != 0 : view != 0;
    Walk w{state, address, Access(access), el1};
    if (!w.run()) return false;
    physical = w.physical;
    page_size = w.size;
    state.sys.fault_status = external;   // what it is if nothing answers there
    return true;
}

const ir::Helper helper_flush_tlb{"a64_flush_tlb", reinterpret_cast<void*>(do_flush_tlb), ir::Type::none, 0, false, false, false};
const ir::Helper helper_address_translate{"a64_address_translate", reinterpret_cast<void*>(do_address_translate), ir::Type::none, 2, true, true, false};

} // namespace emu::isa::a64
