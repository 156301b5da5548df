// SPDX-License-Identifier: MIT
// Memory calls; the work is AddressSpace's.
#include "linux_user/process.h"
#include "linux_user/syscall.h"
#include "linux_user/vectors.h"

#include <cerrno>
#include <sys/syscall.h>

namespace emu::linux_user {

s64 sys_brk(Call& call) { return s64(call.space.set_break(call.a[0])); }

s64 sys_mmap(Call& call) {
    return call.space.map(call.a[0], call.a[1], call.int_at(2), call.int_at(3), call.int_at(4), call.a[5]);
}
s64 sys_munmap(Call& call) { return call.space.unmap(call.a[0], call.a[1]); }
s64 sys_mprotect(Call& call) { return call.space.protect(call.a[0], call.a[1], call.int_at(2)); }

/// There are no keys but the one that everything has.
s64 sys_pkey_mprotect(Call& call) { return call.int_at(3) == -1 || call.int_at(3) == 0 ? sys_mprotect(call) : -EINVAL; }

s64 sys_mremap(Call& call) { return call.space.remap(call.a[0], call.a[1], call.a[2], call.int_at(3), call.a[4]); }
s64 sys_remap_file_pages(Call& call) {
    return call.int_at(2) ? -EINVAL : call.space.remap_pages(call.a[0], call.a[1], call.a[3], call.int_at(4));
}
s64 sys_madvise(Call& call) { return call.space.advise(call.a[0], call.a[1], call.int_at(2)); }
s64 sys_shmat(Call& call) { return call.space.attach_shared(call.int_at(0), call.a[1], call.int_at(2)); }
s64 sys_shmdt(Call& call) { return call.space.detach_shared(call.a[0]); }

s64 sys_process_madvise(Call& call) {
    std::vector<iovec> vectors;
    if (u32(call.a[4])) return -EINVAL;
    if (s64 result = load_vectors(call, call.a[1], u32(call.a[2]), Transfer::from_guest, vectors)) return result;
    return call.pass(call.a[0], host_pointer(vectors.data()), vectors.size(), call.a[3], 0);
}

} // namespace emu::linux_user
