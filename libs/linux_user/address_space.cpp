// SPDX-License-Identifier: MIT
#include "linux_user/address_space.h"

#include "common/arena.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

namespace emu::linux_user {
namespace {

constexpr u64 open_limit = u64(1) << 46; // Emu, its heap and its libraries are above on a 47-bit host
constexpr u64 lowest_address = 0x10000;  // vm.mmap_min_addr
constexpr u64 largest_32 = u64(1) << 32, kernel_32 = 0xffffe000; // where the memory of 32-bit programs ends (IA32_PAGE_OFFSET)

/// mmap flags that reach the host. What is left out: MAP_32BIT and other bits of one architecture, MAP_GROWSDOWN (growth
/// behind our back), and the fixed ones, which are decided here.
constexpr int passed_flags = MAP_TYPE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_LOCKED |
                             MAP_HUGETLB | (0x3f << 26) /* huge page size */ | MAP_SYNC | MAP_STACK;

s64 host_map(u64 host, u64 size, int prot, int flags, int fd, u64 offset) {
    void* at = ::mmap(reinterpret_cast<void*>(host), size, prot, flags, fd, off_t(offset));
    if (at == MAP_FAILED) return -errno;
    if (u64(at) == host) return 0;
    ::munmap(at, size); // a kernel before 4.17 takes MAP_FIXED_NOREPLACE for a hint
    return -EEXIST;
}

constexpr int nothing_flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

} // namespace

int host_protection(int guest) {
    int prot = guest & (PROT_READ | PROT_WRITE);
    return guest & PROT_EXEC ? prot | PROT_READ : prot;
}

AddressSpace::AddressSpace(const SpaceOptions& options)
    : base_(options.base), guest_page_(options.guest_page),
      host_page_(options.host_page ? options.host_page : u64(::sysconf(_SC_PAGESIZE))) {}

Result<std::unique_ptr<AddressSpace>> AddressSpace::create(SpaceOptions options) {
    u64 host_page = u64(::sysconf(_SC_PAGESIZE));
    if (options.base % host_page)
        return fail(EINVAL, fmt::format("guest base {:#x} is not a multiple of the page size {:#x}", options.base, host_page));
    auto space = std::unique_ptr<AddressSpace>(new AddressSpace(options));
    if (options.address_bits == 32 && !options.reserve) options.reserve = largest_32;
    if (!options.reserve) {
        space->limit_ = open_limit;
        if (!in_range(options.base, open_limit, u64(1) << 47))
            return fail(EINVAL, fmt::format("guest base {:#x} leaves no room for the guest", options.base));
        return space;
    }
    // Where the guest's addresses are the host's, translated code need not add anything.
    // What is below `lowest_address` is not Emu's to take: the kernel hands it out to nobody who does not insist.
    const bool may_be_low = !options.base && options.address_bits == 32 && options.reserve <= largest_32;
    if (may_be_low && space->reserve(options.reserve, 0, lowest_address)) return space;
    EMU_CHECK(space->reserve(options.reserve, options.base));
    return space;
}

/// All guest addresses from `from` on, with guest address 0 at `at`; both 0: anywhere.
Result<void> AddressSpace::reserve(u64 size, u64 at, u64 from) {
    auto rounded = checked_align_up<u64>(size, host_page_);
    if (!rounded || *rounded > open_limit || *rounded < (u64(1) << 20))
        return fail(EINVAL, fmt::format("cannot reserve {:#x} bytes for the guest", size));
    // One more page after the end catches accesses that start inside and run over.
    const u64 wanted = at + from, length = *rounded + host_page_ - from;
    void* host = ::mmap(reinterpret_cast<void*>(wanted), length, PROT_NONE, nothing_flags | (wanted ? MAP_FIXED_NOREPLACE : 0), -1, 0);
    if (host != MAP_FAILED && wanted && u64(host) != wanted) { // a kernel that does not know MAP_FIXED_NOREPLACE
        ::munmap(host, length);
        host = MAP_FAILED;
        errno = EEXIST;
    }
    if (host == MAP_FAILED)
        return fail(errno, fmt::format("cannot reserve {:#x} bytes for the guest{}", size,
                                       at ? fmt::format(" at {:#x}", at) : std::string()));
    base_ = u64(host) - from;
    limit_ = *rounded;
    reserved_ = true;
    return {};
}

AddressSpace::~AddressSpace() {
    if (reserved_)
        ::munmap(host(0), limit_ + host_page_);
    else
        for (const Region& region : regions_.within(0, limit_)) ::munmap(host(region.start), region.end - region.start);
}

u64 AddressSpace::program_base() const { return reserved_ ? align_down(limit_ / 3 * 2, u64(0x10000)) : open_limit / 2; }

std::vector<Region> AddressSpace::regions() const {
    Lock lock(mutex_);
    return regions_.within(0, limit_);
}
std::optional<Region> AddressSpace::find(u64 address) const {
    Lock lock(mutex_);
    return regions_.find(address);
}

/// A place for a new mapping: the hint where it is free, else as high as possible (as Linux does) below `below`.
std::optional<u64> AddressSpace::pick(u64 hint, u64 size, u64 below) const {
    if (hint >= lowest_address && contains(hint, size) && hint + size <= below && regions_.free(hint, hint + size)) return hint;
    u64 alignment = std::max(guest_page_, host_page_);
    return regions_.gap_below(std::min({below, limit_ - host_page_, limit_ == largest_32 ? kernel_32 : limit_}), lowest_address, size, alignment);
}

/// Make sure that MAP_FIXED over [start, end) cannot hit anything of Emu's: take the holes first.
s64 AddressSpace::claim(u64 start, u64 end) {
    if (reserved_) return 0;
    auto holes = regions_.holes(start, end);
    for (usize i = 0; i < holes.size(); i++) {
        s64 result = host_map(u64(host(holes[i].start)), holes[i].end - holes[i].start, PROT_NONE,
                              nothing_flags | MAP_FIXED_NOREPLACE, -1, 0);
        if (result == 0) continue;
        for (usize k = 0; k < i; k++) ::munmap(host(holes[k].start), holes[k].end - holes[k].start);
        return -ENOMEM;
    }
    return 0;
}

/// Give host memory back: to nobody, or to the reservation.
void AddressSpace::release(u64 start, u64 end) {
    if (reserved_)
        ::mmap(host(start), end - start, PROT_NONE, nothing_flags | MAP_FIXED, -1, 0);
    else
        ::munmap(host(start), end - start);
}

s64 AddressSpace::map_at(u64 address, u64 size, int prot, int flags, int fd, u64 offset) {
    int host_prot = host_protection(prot);
    if (!reserved_ && regions_.free(address, address + size))
        return host_map(u64(host(address)), size, host_prot, flags | MAP_FIXED_NOREPLACE, fd, offset);
    auto holes = reserved_ ? std::vector<Region>() : regions_.holes(address, address + size);
    if (s64 result = claim(address, address + size)) return result;
    s64 result = host_map(u64(host(address)), size, host_prot, flags | MAP_FIXED, fd, offset);
    if (result)
        for (const Region& hole : holes) ::munmap(host(hole.start), hole.end - hole.start);
    return result;
}

s64 AddressSpace::map_anywhere(u64 hint, u64 size, int prot, int flags, int fd, u64 offset) {
    u64 below = limit_;
    while (auto at = pick(hint, size, below)) {
        s64 result = map_at(*at, size, prot, flags, fd, offset);
        if (result == 0) return s64(*at);
        if (result != -EEXIST) return result;
        if (*at == hint)
            hint = 0; // something of Emu's is there: forget the wish
        else
            below = *at;
    }
    return -ENOMEM;
}

/// Memory of the guest's own, or the data of a program: it is likely to write there soon, and would fault on each page. What is
/// large comes in huge pages, where the kernel has some; what is larger still is mostly an area to put things in over time.
void AddressSpace::prepare(u64 start, u64 size, bool fresh) {
    static constexpr u64 huge_page = u64(2) << 20, most_huge = u64(128) << 20;
    if (size < huge_page) populate(host(start), size);
    else if (fresh && size <= most_huge) (void)::madvise(host(start), size, MADV_HUGEPAGE);
}

s64 AddressSpace::map_locked(u64 address, u64 size, int prot, int flags, int fd, u64 offset, RegionKind kind) {
    bool fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
    int host_flags = flags & passed_flags;
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
    s64 at = s64(address);
    if (fixed) {
        if ((flags & MAP_FIXED_NOREPLACE) && !regions_.free(address, address + size)) return -EEXIST;
        s64 result = map_at(address, size, prot, host_flags, fd, offset);
        if (result) return result == -EEXIST && !(flags & MAP_FIXED_NOREPLACE) ? -ENOMEM : result;
    } else {
        at = map_anywhere(align_down(address, guest_page_), size, prot, host_flags, fd, offset);
        if (at < 0) return at;
    }
    bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
    constexpr int on_its_own = MAP_NORESERVE | MAP_STACK | MAP_GROWSDOWN | MAP_LOCKED | MAP_POPULATE | MAP_HUGETLB;
    if (!shared && (prot & PROT_WRITE) && !(flags & on_its_own)) prepare(u64(at), size, flags & MAP_ANONYMOUS);
    RegionProps props{u8(prot), shared, kind};
    struct stat about;
    if (shared && !(flags & MAP_ANONYMOUS) && ::fstat(fd, &about) == 0)
        props.backing = backing_of({u64(about.st_dev), u64(about.st_ino)}), props.delta = offset - u64(at);
    regions_.insert(u64(at), u64(at) + size, props);
    return at;
}

namespace {
/// Can another process see what is written to such a mapping, now or after an mprotect()?
bool may_be_shared(int flags, int fd) {
    if ((flags & MAP_TYPE) == MAP_PRIVATE) return false;
    return flags & MAP_ANONYMOUS || (::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}
} // namespace

s64 AddressSpace::map(u64 address, u64 size, int prot, int flags, int fd, u64 offset, RegionKind kind) {
    auto rounded = checked_align_up<u64>(size, guest_page_);
    if (size == 0 || !aligned(offset)) return -EINVAL;
    if (!rounded || *rounded > limit_) return -ENOMEM;
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (!aligned(address)) return -EINVAL;
        if (!contains(address, *rounded)) return -ENOMEM;
    }
    Lock lock(mutex_);
    s64 at = map_locked(address, *rounded, prot, flags, fd, offset, kind);
    bool code = at >= 0 && forget_code(u64(at), u64(at) + *rounded);
    if (at >= 0) guard_aliases(u64(at), u64(at) + *rounded);
    lock.unlock();
    if (code) drop_translations(u64(at), u64(at) + *rounded);
    if (at >= 0 && engine_ && may_be_shared(flags, fd)) engine_->share_memory();
    return at;
}

void AddressSpace::unmap_locked(u64 start, u64 end) {
    for (const Region& part : regions_.within(start, end)) release(part.start, part.end);
    regions_.erase(start, end);
}

s64 AddressSpace::unmap(u64 address, u64 size) {
    auto rounded = checked_align_up<u64>(size, guest_page_);
    if (!aligned(address) || size == 0 || !rounded || !contains(address, *rounded)) return -EINVAL;
    u64 end = address + *rounded;
    if (limit_ == largest_32 && end > kernel_32) return -EINVAL;
    Lock lock(mutex_);
    bool code = forget_code(address, end);
    if (code) {
        // Dropped before the addresses are free as well, so that a thread that is given them cannot meet old code.
        lock.unlock();
        drop_translations(address, end);
        lock.lock();
        forget_code(address, end);
    }
    unmap_locked(address, end);
    lock.unlock();
    if (code) drop_translations(address, end);
    return 0;
}

s64 AddressSpace::protect(u64 address, u64 size, int prot) {
    auto rounded = checked_align_up<u64>(size, guest_page_);
    if (!aligned(address)) return -EINVAL;
    if (!rounded || !contains(address, *rounded)) return -ENOMEM;
    if (size == 0) return 0;
    Lock lock(mutex_);
    u64 end = address + *rounded;
    if (prot & PROT_GROWSDOWN) {
        auto region = regions_.find(address);
        if (!region || region->props.kind != RegionKind::stack) return -EINVAL;
        address = region->start;
    }
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
    if (!regions_.covers(address, end)) return -ENOMEM;
    if (::mprotect(host(address), end - address, host_protection(prot)) < 0) return -errno;
    for (const Region& part : regions_.within(address, end)) {
        RegionProps props = part.props;
        props.prot = u8(prot);
        regions_.insert(part.start, part.end, props);
    }
    // Writable again does not mean that the code changes: translations stay until something is written, as in programs that
    // switch pages between writable and executable. Neither writable nor executable ends them.
    bool code = !(prot & (PROT_EXEC | PROT_WRITE)) && forget_code(address, end);
    if (!code) guard_again(address, end);
    lock.unlock();
    if (code) drop_translations(address, end);
    return 0;
}

} // namespace emu::linux_user
