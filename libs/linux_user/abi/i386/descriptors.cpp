// SPDX-License-Identifier: MIT
// Segment descriptors that programs make: set_thread_area(2), get_thread_area(2), modify_ldt(2); struct user_desc of
// arch/x86/include/uapi/asm/ldt.h.
#include "isa/x86/x86.h"
#include "linux_user/abi/i386/abi.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <cerrno>
#include <mutex>

namespace emu::linux_user::i386 {
namespace {

using namespace isa::x86;

struct UserDescriptor {
    u32 entry, base, limit, flags;
};
constexpr usize user_size = 16;
constexpr u32 read_exec_only = 1 << 3;
/// What asks for a descriptor to be removed (LDT_empty): all zero, or only "not present" and "read-only" set.
bool is_empty(const UserDescriptor& d) {
    const bool marked = (d.flags & 0x7f) == (Descriptor::not_present | read_exec_only);
    return d.base == 0 && d.limit == 0 && (marked || (d.flags & 0x7f) == 0);
}
Descriptor made_of(const UserDescriptor& d) {
    if (is_empty(d)) return {};
    return {d.base, d.limit, d.flags | 1u << 31}; // never 0
}

bool load(const Call& call, u64 at, UserDescriptor& d) { return call.load_struct("4i", at, d); }

/// Segment registers that hold the selector get the new base.
void reload(State& state, u32 index, bool local) {
    for (unsigned segment : {es, ss, ds, fs, gs}) {
        const u16 selector = state.selector[segment];
        if (selector >> 3 != index || bool(selector & 4) != local) continue;
        if (!load_segment(state, segment, selector) && segment >= fs) load_segment(state, segment, 0);
    }
}

s64 set_thread_area(Call& call) {
    State& state = static_cast<State&>(call.thread.state());
    UserDescriptor wish;
    if (!load(call, call.a[0], wish)) return -EFAULT;
    if (wish.entry == ~u32(0)) {
        unsigned free = 0;
        while (free < State::tls_entries && state.tls[free].flags) free++;
        if (free == State::tls_entries) return -ESRCH;
        wish.entry = State::first_tls + free;
        if (!call.store<u32>(call.a[0], wish.entry)) return -EFAULT;
    }
    if (wish.entry - State::first_tls >= State::tls_entries) return -EINVAL;
    state.tls[wish.entry - State::first_tls] = made_of(wish);
    reload(state, wish.entry, false);
    return 0;
}

s64 get_thread_area(Call& call) {
    const State& state = static_cast<State&>(call.thread.state());
    auto index = call.load<u32>(call.a[0]);
    if (!index) return -EFAULT;
    if (*index - State::first_tls >= State::tls_entries) return -EINVAL;
    const Descriptor& d = state.tls[*index - State::first_tls];
    const UserDescriptor out{*index, d.base, d.limit, d.flags ? d.flags & 0x7f : Descriptor::not_present | read_exec_only};
    return call.store_struct("4i", call.a[0], out) ? 0 : -EFAULT;
}

/// One table a process; made when it is first written, and never moved.
std::mutex ldt_mutex;
Ldt* process_ldt = nullptr;

/// The eight bytes of the processor's own format (SDM volume 3, 3.4.5).
u64 encoded(const Descriptor& d) {
    if (!d.flags) return 0;
    const u32 seg32 = d.flags & 1, contents = d.flags >> 1 & 3, writable = !(d.flags & read_exec_only), pages = d.flags >> 4 & 1;
    const u32 present = !(d.flags & Descriptor::not_present), useable = d.flags >> 6 & 1;
    const u32 low = (d.base & 0xffff) << 16 | (d.limit & 0xffff);
    const u32 high = (d.base & 0xff000000) | (d.base >> 16 & 0xff) | (d.limit & 0xf0000) | writable << 9 | contents << 10 | present << 15 |
                     seg32 << 22 | pages << 23 | useable << 20 | 0x7000;
    return low | u64(high) << 32;
}

s64 read_ldt(Call& call) {
    std::lock_guard lock(ldt_mutex);
    if (!process_ldt) return 0;
    unsigned count = Ldt::size;
    while (count && !process_ldt->entries[count - 1].flags) count--;
    const u64 size = std::min<u64>(u32(call.a[2]), count * 8);
    for (u64 i = 0; i < size / 8; i++)
        if (!call.store<u64>(call.a[1] + i * 8, encoded(process_ldt->entries[i]))) return -EFAULT;
    return s64(size);
}

s64 write_ldt(Call& call, bool old_mode) {
    UserDescriptor wish;
    if (u32(call.a[2]) != user_size) return -EINVAL;
    if (!load(call, call.a[1], wish)) return -EFAULT;
    if (wish.entry >= Ldt::size) return -EINVAL;
    constexpr u32 conforming = 3 << 1;
    if ((wish.flags & conforming) == conforming && (old_mode || !(wish.flags & Descriptor::not_present))) return -EINVAL;
    State& state = static_cast<State&>(call.thread.state());
    {
        std::lock_guard lock(ldt_mutex);
        if (!process_ldt) return -ENOMEM;
        process_ldt->entries[wish.entry] = made_of(wish);
    }
    reload(state, wish.entry, true);
    return 0;
}

s64 modify_ldt(Call& call) {
    switch (call.int_at(0)) {
    case 0: return read_ldt(call);
    case 1: return write_ldt(call, true);
    case 2: return 0; // the default table is empty
    case 0x11: return write_ldt(call, false);
    default: return -ENOSYS;
    }
}

} // namespace

const isa::x86::Ldt* shared_ldt() {
    std::lock_guard lock(ldt_mutex);
    if (!process_ldt) process_ldt = new Ldt; // lives as long as the process
    return process_ldt;
}

s64 own_call(Call& call) {
    if (call.row.name == "set_thread_area") return set_thread_area(call);
    if (call.row.name == "get_thread_area") return get_thread_area(call);
    return call.row.name == "modify_ldt" ? modify_ldt(call) : -ENOSYS;
}

void set_child_tls(ir::StateHeader& header, AddressSpace& space, u64 address) {
    State& state = static_cast<State&>(header);
    u8 bytes[user_size];
    if (!space.contains(address, user_size) || host::safe_copy(bytes, space.host(address), user_size)) return;
    const UserDescriptor wish{load_bytes<u32>(bytes, Endian::little), load_bytes<u32>(bytes + 4, Endian::little),
                              load_bytes<u32>(bytes + 8, Endian::little), load_bytes<u32>(bytes + 12, Endian::little)};
    if (wish.entry - State::first_tls >= State::tls_entries) return;
    state.tls[wish.entry - State::first_tls] = made_of(wish);
    reload(state, wish.entry, false);
}

} // namespace emu::linux_user::i386
