// SPDX-License-Identifier: MIT
// Scattered reads and writes, and waiting for many descriptors.
#include "linux_user/descriptor_sets.h"
#include "linux_user/syscall.h"
#include "linux_user/vectors.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <sys/epoll.h>
#include <sys/syscall.h>

namespace emu::linux_user {

s64 sys_vector(Call& call) {
    const int number = call.row.host_number;
    bool reads = number == SYS_readv || number == SYS_preadv || number == SYS_preadv2;
    std::vector<iovec> vectors;
    s64 result = load_vectors(call, call.a[1], u32(call.a[2]), reads ? Transfer::to_guest : Transfer::from_guest, vectors);
    // What is wrong with the descriptor counts first.
    const u64 at = result < 0 ? nowhere(call.a[1]) : host_pointer(vectors.data());
    // The offset is two words of the guest's, the low one first; the host's kernel looks at the first one only.
    const u64 offset = call.narrow() && number != SYS_vmsplice ? call.a[3] | call.a[4] << 32 : call.a[3];
    return call.pass(call.a[0], at, u32(call.a[2]), offset, call.a[4], call.a[5]);
}

s64 sys_process_vm(Call& call) {
    bool reads = call.row.host_number == SYS_process_vm_readv;
    std::vector<iovec> local, remote;
    if (call.a[5]) return -EINVAL;
    if (s64 result = load_vectors(call, call.a[1], call.a[2], reads ? Transfer::to_guest : Transfer::from_guest, local)) return result;
    // The other process is taken to be a guest of the same kind: same base.
    if (s64 result = load_vectors(call, call.a[3], call.a[4], Transfer::from_guest, remote)) return result;
    return call.pass(call.a[0], host_pointer(local.data()), local.size(), host_pointer(remote.data()), remote.size(), call.a[5]);
}

namespace {

constexpr int most_events = 4096; // more than that come with the next call

usize event_size(const Abi& abi) { return abi.packed_epoll ? 12 : 16; }
usize data_offset(const Abi& abi) { return abi.packed_epoll ? 4 : 8; }

s64 store_events(const Call& call, u64 to, const epoll_event* events, s64 count) {
    for (s64 i = 0; i < count; i++, to += event_size(call.abi))
        if (!call.store<u32>(to, events[i].events) || !call.store<u64>(to + data_offset(call.abi), events[i].data.u64))
            return -EFAULT;
    return count;
}

/// Where the kernel puts what epoll_wait finds. What is wrong with the numbers is for it to say.
struct Events {
    explicit Events(const Call& call)
        : list(usize(std::clamp(call.int_at(2), 1, most_events))), host(host_pointer(list.data())),
          most(call.int_at(2) > 0 && call.int_at(2) <= most_events ? u64(call.int_at(2)) : call.int_at(2) > 0 && u64(call.int_at(2)) <= kernel_most() ? u64(most_events) : call.a[2]) {
        if (!call.space.contains(call.a[1], event_size(call.abi))) host = nowhere(call.a[1]);
    }
    static constexpr u64 kernel_most() { return 0x7fffffff / sizeof(epoll_event); } // EP_MAX_EVENTS
    std::vector<epoll_event> list;
    u64 host, most;
};

/// An optional structure argument: its address on the host, or null, or nothing where it is not readable.
template <class T> bool load_optional(const Call& call, std::string_view format, u64 from, T& to, u64& host) {
    host = 0;
    if (!from) return true;
    host = host_pointer(&to);
    return call.load_struct(format, from, to);
}

/// A signal mask; what is wrong with its size comes first.
s64 load_mask(const Call& call, u64 from, u64 size, u64& mask, u64& host) {
    if (from && size != sizeof mask) return -EINVAL;
    return load_optional(call, "t", from, mask, host) ? 0 : -EFAULT;
}

/// The kernel writes the time that is left back.
void store_remaining(const Call& call, u64 to, const timespec& left) {
    if (to) call.store_struct(call.time_format(), to, left);
}

} // namespace

s64 sys_epoll_ctl(Call& call) {
    epoll_event event{};
    if (call.a[3]) {
        auto events = call.load<u32>(call.a[3]);
        auto data = call.load<u64>(call.a[3] + data_offset(call.abi));
        if (!events || !data) return -EFAULT;
        event.events = *events;
        event.data.u64 = *data;
    }
    return call.pass(call.a[0], call.a[1], call.a[2], call.a[3] ? host_pointer(&event) : 0);
}

s64 sys_epoll_pwait(Call& call) {
    u64 mask, mask_at;
    if (s64 result = load_mask(call, call.a[4], call.a[5], mask, mask_at)) return result;
    Events events(call);
    s64 count = call.pass(call.a[0], events.host, events.most, call.a[3], mask_at, call.a[5]);
    return count <= 0 ? count : store_events(call, call.a[1], events.list.data(), count);
}

s64 sys_epoll_pwait2(Call& call) {
    u64 mask, mask_at, timeout_at;
    timespec timeout;
    if (!load_optional(call, "qn", call.a[3], timeout, timeout_at)) return -EFAULT;
    if (s64 result = load_mask(call, call.a[4], call.a[5], mask, mask_at)) return result;
    Events events(call);
    s64 count = call.pass(call.a[0], events.host, events.most, timeout_at, mask_at, call.a[5]);
    return count <= 0 ? count : store_events(call, call.a[1], events.list.data(), count);
}

s64 sys_ppoll(Call& call) {
    u64 mask, mask_at, timeout_at;
    timespec timeout;
    if (!load_optional(call, call.time_format(), call.a[2], timeout, timeout_at)) return -EFAULT;
    if (s64 result = load_mask(call, call.a[3], call.a[4], mask, mask_at)) return result;
    u64 size = u64(u32(call.a[1])) * 8;
    const bool there = call.space.contains(call.a[0], size);
    if (there) call.space.prepare_write(call.a[0], size);
    s64 result = call.pass(there ? host_pointer(call.host(call.a[0])) : nowhere(call.a[0]), call.a[1], timeout_at, mask_at, call.a[4]);
    store_remaining(call, call.a[2], timeout);
    return result;
}

s64 sys_pselect6(Call& call) {
    DescriptorSets sets;
    if (s64 result = sets.load(call, call.int_at(0), {call.a[1], call.a[2], call.a[3]})) return result;
    u64 timeout_at, mask_at = 0, mask, masking[2] = {0, 0};
    timespec timeout;
    if (!load_optional(call, call.time_format(), call.a[4], timeout, timeout_at)) return -EFAULT;
    if (call.a[5]) {
        if (!call.load_struct("ww", call.a[5], masking)) return -EFAULT;
        if (!load_optional(call, "t", masking[0], mask, mask_at)) return -EFAULT;
    }
    u64 host_masking[2] = {mask_at, masking[1]};
    s64 result = call.pass(call.a[0], sets.host(0), sets.host(1), sets.host(2), timeout_at, call.a[5] ? host_pointer(host_masking) : 0);
    store_remaining(call, call.a[4], timeout);
    return result >= 0 && !sets.store(call) ? -EFAULT : result;
}

} // namespace emu::linux_user
