// SPDX-License-Identifier: MIT
// The guest's memory: its mappings are host mappings at `base + guest address`, made and undone only here.
//
// Two ways to share the host's address space with Emu itself:
//  - open (64-bit guests): guest addresses are host addresses (base 0, or -B). Nothing is reserved; every new mapping is
//    made so that the kernel refuses to put it over something of Emu's, which lives above `limit()` anyway.
//  - reserved (-R, and 32-bit guests): one inaccessible mapping of the whole size is taken at the start, guest mappings are
//    cut out of it and given back to it. For 32-bit guests it is the host's own first 4 GiB where they are free, so that
//    guest addresses are host addresses there too.
//
// The guest's PROT_EXEC never reaches the host, it only makes pages readable for the translator. A page that code was
// translated from loses the host's write permission (watch), in all shared mappings that show it; the write that faults on it gives the permission back and drops
// the translations (handle_write_fault). The kernel's own writes, on behalf of system calls, are announced by prepare_write.
//
// Lock order: the engine's lock, then this one. Translations are therefore dropped after this lock is released.
// Guest memory is never touched with the lock held.
#pragma once
#include "common/result.h"
#include "cpu/vcpu.h"
#include "linux_user/region_map.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <set>

namespace emu::linux_user {

struct SpaceOptions {
    u64 base = 0;               ///< -B: host address of guest address 0
    u64 reserve = 0;            ///< -R: bytes reserved for the guest; 0: open
    unsigned address_bits = 64; ///< 32: always reserved
    u64 guest_page = 4096;
    u64 host_page = 0;          ///< 0: what the host has; larger for tests
};

class AddressSpace final : public cpu::CodeMemory {
public:
    static Result<std::unique_ptr<AddressSpace>> create(SpaceOptions options);
    ~AddressSpace() override;

    u64 base() const { return base_; }
    /// The first address that no guest mapping may reach.
    u64 limit() const { return limit_; }
    u64 page() const { return guest_page_; }
    u8* host(u64 address) const { return reinterpret_cast<u8*>(base_ + address); }
    u64 guest(const void* host_address) const { return u64(host_address) - base_; }
    /// Can [address, address + size) be the guest's at all? (Mapped or not: the kernel or safe_copy finds that out.)
    bool contains(u64 address, u64 size) const { return address <= limit_ && size <= limit_ - address; }
    /// Where position-independent programs are loaded, and the highest address for the stack.
    u64 program_base() const;
    u64 stack_top() const { return limit_ - guest_page_ * 16; }

    /// System calls: guest addresses in and out, -errno on refusal.
    s64 map(u64 address, u64 size, int prot, int flags, int fd, u64 offset, RegionKind kind = RegionKind::plain);
    s64 unmap(u64 address, u64 size);
    s64 protect(u64 address, u64 size, int prot);
    s64 remap(u64 address, u64 old_size, u64 new_size, int flags, u64 new_address);
    s64 advise(u64 address, u64 size, int advice);
    /// remap_file_pages(2): show other pages of a shared mapping's file, from page `offset` on.
    s64 remap_pages(u64 address, u64 size, u64 offset, int flags);
    s64 attach_shared(int id, u64 address, int flags);
    s64 detach_shared(u64 address);
    /// brk(2): the new break, or the old one where it cannot be had.
    u64 set_break(u64 wanted);
    /// Where the heap starts: after the program's bss.
    void start_break(u64 address);

    std::vector<Region> regions() const;
    std::optional<Region> find(u64 address) const;

    /// The kernel is about to write here for the guest.
    void prepare_write(u64 address, u64 size) {
        if (guarded_.load(std::memory_order_relaxed) != 0) release_guards(address, size);
    }
    /// For the SIGSEGV handler: was this a write to a page that only lacks permission because of translated code? The
    /// permission is back then, and the write can be tried again.
    bool handle_write_fault(u64 host_address);

    bool read(u64 address, Bytes to) override;
    void watch(u64 first, u64 last) override;
    /// Whose translations to drop; set once, before guest code runs.
    void set_engine(cpu::Engine* engine) { engine_ = engine; }

    /// The lock, for fork(2): held across it, so that the child does not inherit it from a thread that it does not have.
    std::mutex& fork_lock() { return mutex_; }

private:
    explicit AddressSpace(const SpaceOptions& options);
    Result<void> reserve(u64 size, u64 at, u64 from = 0);
    using Lock = std::unique_lock<std::mutex>;

    u64 page_up(u64 value) const { return (value + guest_page_ - 1) & ~(guest_page_ - 1); }
    bool aligned(u64 value) const { return (value & (guest_page_ - 1)) == 0; }
    void prepare(u64 start, u64 size, bool fresh);
    s64 map_locked(u64 address, u64 size, int prot, int flags, int fd, u64 offset, RegionKind kind);
    s64 map_anywhere(u64 hint, u64 size, int prot, int flags, int fd, u64 offset);
    s64 map_at(u64 address, u64 size, int prot, int flags, int fd, u64 offset);
    std::optional<u64> pick(u64 hint, u64 size, u64 below) const;
    s64 claim(u64 start, u64 end);
    void release(u64 start, u64 end);
    void unmap_locked(u64 start, u64 end);
    s64 remap_locked(u64 address, u64 old_size, u64 new_size, int flags, u64 new_address);
    s64 grow_in_place(u64 address, u64 old_size, u64 new_size);
    s64 move(u64 address, u64 old_size, u64 new_size, int flags, u64 to);
    s64 advise_parts(u64 start, u64 end, int advice);
    /// Forget the code pages of a range; true if there were any (the caller drops the translations, without the lock).
    bool forget_code(u64 start, u64 end);
    void guard_again(u64 start, u64 end);
    /// The other pages of the guest that show the same memory as this one.
    std::vector<u64> aliases(u64 page) const;
    void guard_aliases(u64 start, u64 end);
    u32 backing_of(std::pair<u64, u64> identity);
    void release_guards(u64 address, u64 size);
    void drop_translations(u64 start, u64 end);

    u64 base_ = 0, limit_ = 0, guest_page_, host_page_;
    bool reserved_ = false;
    cpu::Engine* engine_ = nullptr;

    mutable std::mutex mutex_;
    RegionMap regions_;
    std::map<u64, u64> shared_segments_; ///< start to size, of attached System V segments
    std::set<u64> code_pages_;           ///< host-page-aligned guest addresses that translations were made from, and their aliases
    std::map<std::pair<u64, u64>, u32> backings_; ///< (device, inode) or (~0, segment) to Region::backing
    std::atomic<usize> guarded_{0};      ///< how many of them the guest may write to
    u64 break_start_ = 0, break_ = 0;
};

/// The host protection for a guest one: executable means readable, and nothing is executable.
int host_protection(int guest);

} // namespace emu::linux_user
