// SPDX-License-Identifier: MIT
// mremap, madvise, System V segments and the program break.
#include "common/bits.h"
#include "common/checked.h"
#include "linux_user/address_space.h"

#include <algorithm>
#include <cerrno>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

namespace emu::linux_user {

s64 AddressSpace::remap(u64 address, u64 old_size, u64 new_size, int flags, u64 new_address) {
    auto old_rounded = checked_align_up<u64>(old_size, guest_page_), new_rounded = checked_align_up<u64>(new_size, guest_page_);
    if (!aligned(address) || new_size == 0 || !old_rounded || !new_rounded) return -EINVAL;
    if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) return -EINVAL;
    if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE)) return -EINVAL;
    if (!contains(address, *old_rounded)) return -EFAULT;
    if (*new_rounded > limit_) return -ENOMEM;
    if ((flags & MREMAP_FIXED) && (!aligned(new_address) || !contains(new_address, *new_rounded))) return -EINVAL;
    Lock lock(mutex_);
    s64 at = remap_locked(address, *old_rounded, *new_rounded, flags, new_address);
    if (at < 0) return at;
    bool old_code = forget_code(address, address + std::max(*old_rounded, *new_rounded));
    bool new_code = forget_code(u64(at), u64(at) + *new_rounded);
    guard_aliases(u64(at), u64(at) + *new_rounded);
    lock.unlock();
    if (old_code) drop_translations(address, address + std::max(*old_rounded, *new_rounded));
    if (new_code) drop_translations(u64(at), u64(at) + *new_rounded);
    return at;
}

s64 AddressSpace::remap_locked(u64 address, u64 old_size, u64 new_size, int flags, u64 new_address) {
    auto region = regions_.find(address);
    if (!region || (old_size && !regions_.covers(address, address + old_size))) return -EFAULT;
    if (old_size == 0 && !region->props.shared) return -EINVAL; // duplicating works for shared mappings only
    if (flags & MREMAP_FIXED) {
        if (new_address < address + old_size && address < new_address + new_size) return -EINVAL;
        if (s64 result = claim(new_address, new_address + new_size)) return result;
        return move(address, old_size, new_size, flags, new_address);
    }
    if (!(flags & MREMAP_DONTUNMAP) && old_size) {
        if (new_size < old_size) unmap_locked(address + new_size, address + old_size);
        if (new_size <= old_size) return s64(address);
        if (grow_in_place(address, old_size, new_size) == 0) return s64(address);
    }
    if (!(flags & MREMAP_MAYMOVE)) return -ENOMEM;
    for (u64 below = limit_;;) {
        auto to = pick(0, new_size, below);
        if (!to) return -ENOMEM;
        if (claim(*to, *to + new_size) == 0) return move(address, old_size, new_size, flags, *to);
        below = *to;
    }
}

s64 AddressSpace::grow_in_place(u64 address, u64 old_size, u64 new_size) {
    u64 old_end = address + old_size, new_end = address + new_size;
    auto region = regions_.find(address);
    if (!contains(address, new_size) || !regions_.free(old_end, new_end)) return -ENOMEM;
    if (reserved_) ::munmap(host(old_end), new_end - old_end); // the kernel wants the room to be empty
    void* at = ::mremap(host(address), old_size, new_size, 0);
    if (at == MAP_FAILED) {
        s64 result = -errno;
        if (reserved_) release(old_end, new_end);
        return result;
    }
    regions_.insert(old_end, new_end, region->props);
    return 0;
}

/// To claimed addresses.
s64 AddressSpace::move(u64 address, u64 old_size, u64 new_size, int flags, u64 to) {
    RegionProps props = regions_.find(address)->props;
    if (props.backing) props.delta += address - to;
    long at = ::syscall(SYS_mremap, host(address), old_size, new_size,
                        MREMAP_MAYMOVE | MREMAP_FIXED | (flags & MREMAP_DONTUNMAP), host(to));
    if (at == -1) {
        s64 result = -errno;
        for (const Region& hole : regions_.holes(to, to + new_size)) release(hole.start, hole.end);
        return result;
    }
    if (old_size && !(flags & MREMAP_DONTUNMAP)) {
        if (reserved_) release(address, address + old_size);
        regions_.erase(address, address + old_size);
    }
    regions_.insert(to, to + new_size, props);
    return s64(to);
}

s64 AddressSpace::advise(u64 address, u64 size, int advice) {
    auto rounded = checked_align_up<u64>(size, guest_page_);
    if (!aligned(address) || !rounded) return -EINVAL;
    if (!contains(address, *rounded)) return -ENOMEM;
    u64 end = address + *rounded;
    Lock lock(mutex_);
    s64 result = advise_parts(address, end, advice);
    // What was code may be zeros now.
    bool code = (advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE) && forget_code(address, end);
    lock.unlock();
    if (code) drop_translations(address, end);
    return result;
}

s64 AddressSpace::advise_parts(u64 start, u64 end, int advice) {
    if (start == end) return ::madvise(host(start), 0, advice) < 0 ? -errno : 0;
    for (const Region& part : regions_.within(start, end))
        if (::madvise(host(part.start), part.end - part.start, advice) < 0) return -errno;
    return regions_.covers(start, end) ? 0 : -ENOMEM;
}

s64 AddressSpace::attach_shared(int id, u64 address, int flags) {
    shmid_ds about{};
    if (::shmctl(id, IPC_STAT, &about) < 0) return -errno;
    u64 size = page_up(about.shm_segsz);
    if (address && !aligned(address)) {
        if (!(flags & SHM_RND)) return -EINVAL;
        address = align_down(address, guest_page_);
    }
    Lock lock(mutex_);
    u64 at = address;
    if (address) {
        if (!contains(address, size)) return -EINVAL;
        if (!(flags & SHM_REMAP) && !regions_.free(address, address + size)) return -EINVAL;
        if (claim(address, address + size)) return -ENOMEM;
    } else {
        for (u64 below = limit_;; below = at) {
            auto place = pick(0, size, below);
            if (!place) return -ENOMEM;
            at = *place;
            if (claim(at, at + size) == 0) break;
        }
    }
    if (::shmat(id, host(at), (flags & (SHM_RDONLY | SHM_EXEC)) | SHM_REMAP) == reinterpret_cast<void*>(-1)) {
        s64 result = -errno;
        for (const Region& hole : regions_.holes(at, at + size)) release(hole.start, hole.end);
        return result;
    }
    int prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
    if (flags & SHM_EXEC) ::mprotect(host(at), size, host_protection(prot));
    regions_.insert(at, at + size, {u8(prot), true, RegionKind::plain, backing_of({~u64(0), u64(id)}), 0 - at});
    shared_segments_[at] = size;
    bool code = forget_code(at, at + size);
    guard_aliases(at, at + size);
    lock.unlock();
    if (code) drop_translations(at, at + size);
    if (engine_) engine_->share_memory();
    return s64(at);
}

s64 AddressSpace::detach_shared(u64 address) {
    Lock lock(mutex_);
    auto segment = shared_segments_.find(address);
    if (segment == shared_segments_.end()) return -EINVAL;
    u64 end = address + segment->second;
    if (::shmdt(host(address)) < 0) return -errno;
    shared_segments_.erase(segment);
    if (reserved_) release(address, end);
    regions_.erase(address, end);
    bool code = forget_code(address, end);
    lock.unlock();
    if (code) drop_translations(address, end);
    return 0;
}

void AddressSpace::start_break(u64 address) {
    Lock lock(mutex_);
    break_start_ = break_ = address;
}

u64 AddressSpace::set_break(u64 wanted) {
    Lock lock(mutex_);
    if (wanted < break_start_ || !contains(wanted, 0)) return break_;
    u64 old_end = page_up(break_), new_end = page_up(wanted);
    bool code = false;
    if (new_end > old_end) {
        // A gap stays free below the next mapping, so that an overrun of the heap faults.
        if (!contains(new_end, guest_page_) || !regions_.free(old_end, new_end + guest_page_)) return break_;
        if (map_locked(old_end, new_end - old_end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0,
                       RegionKind::heap) < 0)
            return break_;
    } else if (new_end < old_end) {
        code = forget_code(new_end, old_end);
        unmap_locked(new_end, old_end);
    }
    break_ = wanted;
    lock.unlock();
    if (code) drop_translations(new_end, old_end);
    return wanted;
}

s64 AddressSpace::remap_pages(u64 address, u64 size, u64 offset, int flags) {
    size = page_up(size);
    if (!aligned(address) || size == 0 || !contains(address, size)) return -EINVAL;
    Lock lock(mutex_);
    const auto region = regions_.find(address);
    if (!region || !region->props.shared || region->end - address < size) return -EINVAL;
    if (::syscall(SYS_remap_file_pages, host(address), size, 0, offset, flags) < 0) return -errno;
    RegionProps props = region->props;
    props.delta = offset * guest_page_ - address;
    regions_.insert(address, address + size, props);
    const bool code = forget_code(address, address + size);
    guard_aliases(address, address + size);
    lock.unlock();
    if (code) drop_translations(address, address + size);
    return 0;
}

} // namespace emu::linux_user
