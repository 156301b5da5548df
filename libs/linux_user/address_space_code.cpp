// SPDX-License-Identifier: MIT
// The translator's side of the address space: fetching code, and noticing when it changes.
#include "common/bits.h"
#include "linux_user/address_space.h"
#include "linux_user/host_asm.h"

#include <sys/mman.h>

namespace emu::linux_user {

bool AddressSpace::read(u64 address, Bytes to) {
    if (!contains(address, to.size())) return false;
    {
        Lock lock(mutex_);
        if (!regions_.covers(address, address + to.size(), PROT_EXEC)) return false;
    }
    return host::safe_copy(to.data(), host(address), to.size()) == 0;
}

void AddressSpace::watch(u64 first, u64 last) {
    Lock lock(mutex_);
    for (u64 page = align_down(first, host_page_); page < last; page += host_page_)
        if (code_pages_.insert(page).second) {
            guard_again(page, page + host_page_);
            for (u64 alias : aliases(page))
                if (code_pages_.insert(alias).second) guard_again(alias, alias + host_page_);
        }
}

u32 AddressSpace::backing_of(std::pair<u64, u64> identity) {
    return backings_.try_emplace(identity, u32(backings_.size() + 1)).first->second;
}

std::vector<u64> AddressSpace::aliases(u64 page) const {
    std::vector<u64> pages;
    const auto region = regions_.find(page);
    if (!region || !region->props.backing) return pages;
    const u64 position = page + region->props.delta;
    for (const Region& other : regions_.within(0, limit_)) {
        const u64 there = position - other.props.delta;
        if (other.props.backing == region->props.backing && there != page && there >= other.start && there < other.end) pages.push_back(there);
    }
    return pages;
}

/// A new mapping may show memory that code was translated from elsewhere.
void AddressSpace::guard_aliases(u64 start, u64 end) {
    const auto region = regions_.find(start);
    if (code_pages_.empty() || !region || !region->props.backing) return;
    for (u64 page = align_down(start, host_page_); page < end; page += host_page_)
        for (u64 alias : aliases(page)) {
            if (!code_pages_.count(alias)) continue;
            code_pages_.insert(page);
            guard_again(page, page + host_page_);
            break;
        }
}

/// Count afresh the code pages of a range that the guest may write, and take the host's permission from them.
void AddressSpace::guard_again(u64 start, u64 end) {
    for (auto at = code_pages_.lower_bound(align_down(start, host_page_)); at != code_pages_.end() && *at < end; ++at) {
        auto region = regions_.find(*at);
        if (!region || !(region->props.prot & PROT_WRITE)) continue;
        ::mprotect(host(*at), host_page_, host_protection(region->props.prot) & ~PROT_WRITE);
        guarded_.fetch_add(1, std::memory_order_relaxed); // an upper bound: never counted down, only reset with the set
    }
}

bool AddressSpace::forget_code(u64 start, u64 end) {
    auto first = code_pages_.lower_bound(align_down(start, host_page_)), last = code_pages_.lower_bound(end);
    if (first == last) return false;
    code_pages_.erase(first, last);
    if (code_pages_.empty()) guarded_.store(0, std::memory_order_relaxed);
    return true;
}

void AddressSpace::drop_translations(u64 start, u64 end) {
    if (engine_) engine_->invalidate(align_down(start, host_page_), align_up(end, host_page_));
}

/// Translations go before the permission comes back, and none is made in between: once one thread may write, all may.
bool AddressSpace::handle_write_fault(u64 host_address) {
    if (host_address < base_ || !contains(host_address - base_, 1)) return false;
    const u64 address = host_address - base_, page = align_down(address, host_page_);
    std::vector<cpu::Engine::Range> ranges;
    auto permit = [&](bool code) {
        auto region = regions_.find(address);
        if (!region || !(region->props.prot & PROT_WRITE)) return false;
        if (code != (code_pages_.count(page) != 0)) return true; // meanwhile; the store faults again if need be
        for (auto [first, last] : ranges) code_pages_.erase(first); // guarded again with their next translation
        // Without code another thread was here first, and the permission is there already.
        ::mprotect(host(page), host_page_, host_protection(region->props.prot));
        return true;
    };
    {
        Lock lock(mutex_);
        const bool code = code_pages_.count(page) != 0;
        ranges.emplace_back(page, page + host_page_);
        if (!code || !engine_) return permit(code);
        for (u64 other : aliases(page)) ranges.emplace_back(other, other + host_page_);
    }
    bool permitted = false;
    engine_->invalidate(ranges, [&] {
        Lock lock(mutex_);
        permitted = permit(true);
    });
    return permitted;
}

void AddressSpace::release_guards(u64 address, u64 size) {
    if (!contains(address, size) || size == 0) return;
    Lock lock(mutex_);
    std::vector<u64> pages;
    for (auto at = code_pages_.lower_bound(align_down(address, host_page_));
         at != code_pages_.end() && *at < address + size; ++at)
        pages.push_back(*at);
    lock.unlock();
    for (u64 page : pages) handle_write_fault(u64(host(page)));
}

} // namespace emu::linux_user
