// SPDX-License-Identifier: MIT
// What a guest architecture is to the rest of Emu: a value of type Isa. Adding an architecture means adding a folder that
// defines one, and a row in the table of the tool that should offer it.
#pragma once
#include "common/result.h"
#include "ir/builder.h"
#include "ir/state.h"

#include <span>
#include <string>
#include <string_view>

namespace emu::isa {

/// Traps every ISA uses; those of one ISA start at `first_own`. The value that goes with it is in parentheses.
enum class Trap : u32 {
    none,
    syscall,          ///< system call instruction (its immediate)
    undefined,        ///< unallocated or disabled encoding (raw bits)
    breakpoint,       ///< (immediate)
    fetch_fault,      ///< instruction memory not executable or not there (address)
    load_fault,       ///< data access refused (address)
    store_fault,
    misaligned,       ///< alignment-checked access (address)
    divide_error,
    fp_error,         ///< (fp::Flag bits)
    halt,             ///< wait for interrupt
    interrupt,        ///< for take_exception: the interrupt line is raised (never a trap of translated code)
    first_own = 64,
};

/// A CPU model: a name for -cpu and what the ISA makes of it.
struct CpuModel {
    std::string_view name;
    std::string_view text;           ///< one line for `-cpu help`
    u64 features = 0;                ///< ISA-defined bits
    const void* details = nullptr;   ///< ISA-defined table of identification registers
};

/// Reads guest code. False where the bytes cannot be fetched; nothing is written then.
class CodeReader {
public:
    virtual ~CodeReader() = default;
    virtual bool read(u64 address, Bytes to) = 0;
};

/// Which units exist already. A superblock that runs into one ends there and links to it, instead of having its code twice.
class KnownUnits {
public:
    virtual ~KnownUnits() = default;
    virtual bool has(u64 pc, u32 mode) const = 0;
};

/// What a translator is asked for.
struct TranslateRequest {
    u64 pc = 0;
    u32 mode = 0;
    const CpuModel* model = nullptr;
    unsigned max_insns = 64;
    bool system = false;             ///< a whole machine: privileged instructions exist, accesses go through the MMU
    CodeReader* code = nullptr;
    const KnownUnits* known = nullptr; ///< null: nothing is
    std::span<const u64> leaders;    ///< sorted; the unit ends with a jump where it comes to one of these
};

struct Isa {
    std::string_view name;                    ///< "aarch64"
    ir::SlotTable slots;
    u32 state_size = 0;                       ///< bytes of the state struct, which starts with a StateHeader
    std::span<const CpuModel> models;         ///< the first is the default
    /// Null where there is none of that name.
    const CpuModel* find_model(std::string_view wanted) const {
        for (const CpuModel& model : models)
            if (model.name == wanted) return &model;
        return nullptr;
    }
    unsigned address_bits = 64;               ///< 32: guest addresses are zero-extended and wrap
    u64 pc_mask = ~u64(0);                    ///< bits of a pc that are the address of code (A32 keeps execution state in others)
    u64 address_mask = ~u64(0);               ///< bits of a data address that user mode looks at (A64: top byte ignored)

    /// Bring a zeroed state (header already set up) to the state at process start or power-on.
    void (*reset)(ir::StateHeader& state, const CpuModel& model) = nullptr;
    /// Mode bits of the current state: all that translation depends on besides pc (FP control, execution state, EL ...).
    u32 (*mode)(const ir::StateHeader& state) = nullptr;
    /// Leave a mode that is only there for speed, if the state is in one; false: it is not. Null: there is no such mode.
    bool (*settle)(ir::StateHeader& state) = nullptr;
    /// FP environment and the host MXCSR that go with a mode.
    fp::Env (*fp_env)(u32 mode) = nullptr;
    /// Translate from request.pc until an exit or request.max_insns; always ends the unit with an exit, sets
    /// function().pc/end/insns/ranges. Undecodable code becomes a trap, an unreadable first instruction a fetch_fault trap.
    void (*translate)(ir::Builder& builder, const TranslateRequest& request) = nullptr;
    /// What a new thread has from its maker besides slots, pc and the header's FP state. May be null.
    void (*inherit)(const ir::StateHeader& from, ir::StateHeader& to) = nullptr;
    /// One instruction as text; returns its length in bytes, 0 if unreadable. May be null.
    unsigned (*disassemble)(u64 pc, ConstBytes code, std::string& text) = nullptr;

    // System emulation; null for user-only ISAs.
    /// Translate a virtual address for an access kind (0 read, 1 write, 2 fetch) in MMU view `view` (0 = the current privilege).
    /// False: refused; the reason stays in the state for take_exception, which the trap that follows leads to.
    bool (*walk)(ir::StateHeader& state, u64 address, unsigned access, unsigned view, u64& physical, u64& page_size) = nullptr;
    /// Enter the guest's exception vector for a trap or an interrupt (code, value); false: cannot be taken now.
    bool (*take_exception)(ir::StateHeader& state, u32 code, u64 value) = nullptr;
    bool (*interrupt_enabled)(const ir::StateHeader& state) = nullptr;
};

} // namespace emu::isa
