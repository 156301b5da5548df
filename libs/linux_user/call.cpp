// SPDX-License-Identifier: MIT
// Reading and writing guest memory for system calls, and the calls that need nothing but what their row says.
#include "linux_user/debugger.h"
#include "linux_user/process.h"
#include "linux_user/siginfo.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace emu::linux_user {
namespace {
constexpr usize largest_struct = 1024;
}

bool Call::load_struct(std::string_view format, u64 from, Bytes to) const {
    if (abi.model == host_model && format.find('p') == format.npos)
        return copy_in(to.data(), from, struct_size(format, host_model));
    std::array<u8, largest_struct> guest;
    usize size = struct_size(format, abi.model);
    EMU_ASSERT(size <= guest.size() && struct_size(format, host_model) <= to.size());
    if (!copy_in(guest.data(), from, size)) return false;
    convert_struct(format, guest, abi.model, to, host_model, space.base());
    return true;
}

bool Call::store_struct(std::string_view format, u64 to, ConstBytes from) const {
    if (abi.model == host_model && format.find('p') == format.npos)
        return copy_out(to, from.data(), struct_size(format, host_model));
    std::array<u8, largest_struct> guest;
    usize size = struct_size(format, abi.model);
    EMU_ASSERT(size <= guest.size());
    convert_struct(format, from, host_model, Bytes(guest).first(size), abi.model, u64(0) - space.base());
    return copy_out(to, guest.data(), size);
}

s64 Call::load_string(u64 from, std::string& to, usize most) const {
    to.clear();
    std::array<char, 512> chunk;
    while (to.size() < most) {
        // Up to the end of a page: what lies behind it need not be there.
        usize size = usize(std::min<u64>({chunk.size(), most - to.size(), space.page() - from % space.page()}));
        if (!copy_in(chunk.data(), from, size)) return -EFAULT;
        const void* end = std::memchr(chunk.data(), 0, size);
        if (end) {
            to.append(chunk.data(), usize(static_cast<const char*>(end) - chunk.data()));
            return 0;
        }
        to.append(chunk.data(), size);
        from += size;
    }
    return -ENAMETOOLONG;
}

s64 Call::load_path(u64 from, std::string& to, bool raw) const {
    s64 result = load_string(from, to);
    if (result == 0 && !to.empty() && to[0] == '/') to = process.paths().resolve(std::move(to), raw);
    return result;
}

s64 Call::as(Sys id, std::initializer_list<u64> arguments) {
    Call other{thread, process, abi, space, syscall_row(id), {}};
    std::copy(arguments.begin(), arguments.end(), other.a);
    return other.row.handler(other);
}

bool Call::load_siginfo(u64 from, SignalInfo& to) const {
    std::array<u8, siginfo_size> bytes;
    if (!copy_in(bytes.data(), from, bytes.size())) return false;
    to = get_siginfo(bytes, abi.model);
    return true;
}
bool Call::store_siginfo(u64 to, const SignalInfo& from) const {
    std::array<u8, siginfo_size> bytes;
    put_siginfo(bytes, from, abi.model);
    return copy_out(to, bytes.data(), bytes.size());
}

s64 Call::host_call(int number, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) const {
    Debugger* debugger = thread.debugger();
    if (debugger) debugger->enter_call(thread);
    const s64 result = host::safe_syscall(u64(number), {a0, a1, a2, a3, a4, a5}, thread.pending_flag());
    if (debugger) debugger->leave_call(thread);
    return result;
}
s64 Call::pass(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) const {
    return host_call(row.host_number, a0, a1, a2, a3, a4, a5);
}

namespace {

/// Converts the arguments of one call, and the structures it fills in afterwards.
class PassThrough {
public:
    explicit PassThrough(Call& call) : call_(call), same_(call.abi.model == host_model) { std::copy_n(call.a, most_arguments, host_); }

    s64 run() {
        for (unsigned i = 0; i < most_arguments && call_.row.arguments[i]; i++)
            if (s64 result = convert(i, arg_kind(call_.row.arguments[i]))) return result;
        s64 result = call_.pass(host_[0], host_[1], host_[2], host_[3], host_[4], host_[5]);
        if (result >= 0)
            for (unsigned i = 0; i < bounced_; i++)
                if (!call_.store_struct(bounce_[i].format, bounce_[i].guest, bounce_[i].bytes)) return -EFAULT;
        return result;
    }

private:
    struct Bounce {
        u64 guest;
        std::string_view format;
        alignas(16) std::array<u8, largest_struct> bytes;
    };

    s64 convert(unsigned i, const ArgKind& kind) {
        switch (kind.cls) {
        case ArgClass::word:
            if (call_.abi.model.word == 4) host_[i] = u64(s64(s32(call_.a[i])));
            return 0;
        case ArgClass::in: return pointer(i, 0, false);
        case ArgClass::out: return pointer(i, call_.space.page(), true);
        case ArgClass::in_next: return pointer(i, call_.a[i + 1], false);
        case ArgClass::out_next: return pointer(i, call_.a[i + 1], true);
        case ArgClass::in_prev: return pointer(i, call_.a[i - 1], false);
        case ArgClass::out_prev: return pointer(i, call_.a[i - 1], true);
        case ArgClass::out_ints: return pointer(i, u64(u32(call_.a[i - 1])) * 4, true);
        case ArgClass::struct_in:
        case ArgClass::struct_out:
        case ArgClass::struct_inout: return structure(i, kind);
        case ArgClass::path: return name(i, false);
        case ArgClass::raw_path: return name(i, true);
        case ArgClass::string: return text(i);
        default: return 0;
        }
    }

    /// The kernel checks that the memory is there; what it must not be is Emu's.
    s64 pointer(unsigned i, u64 size, bool written) {
        u64 address = call_.a[i];
        if (address == 0) return 0;
        if (!call_.space.contains(address, 1)) {
            host_[i] = nowhere(address);
            return 0;
        }
        if (written) call_.space.prepare_write(address, std::min(size, call_.space.limit() - address));
        host_[i] = host_pointer(call_.space.host(address));
        return 0;
    }

    s64 structure(unsigned i, const ArgKind& kind) {
        if (same_ && kind.format.find('p') == kind.format.npos)
            return pointer(i, struct_size(kind.format, host_model), kind.cls != ArgClass::struct_in);
        if (call_.a[i] == 0) return 0;
        Bounce& bounce = bounce_[bounced_];
        bounce.guest = call_.a[i];
        bounce.format = kind.format;
        if (kind.cls != ArgClass::struct_out && !call_.load_struct(kind.format, bounce.guest, bounce.bytes)) {
            host_[i] = nowhere(call_.a[i]);
            return 0;
        }
        host_[i] = host_pointer(bounce.bytes.data());
        // Structures that only go in stay where they are; the next one must not take their place.
        if (kind.cls == ArgClass::struct_in) bounce.format = {};
        bounced_++;
        return 0;
    }

    s64 name(unsigned i, bool raw) {
        if (call_.a[i] == 0) return 0;
        EMU_ASSERT(named_ < std::size(names_));
        std::string& path = names_[named_++];
        const s64 result = call_.load_path(call_.a[i], path, raw);
        if (result && result != -EFAULT) return result;
        host_[i] = result ? nowhere(call_.a[i]) : host_pointer(path.c_str());
        return 0;
    }

    s64 text(unsigned i) {
        // Some calls take any pointer here and look at it only for some commands: no refusal before the kernel's.
        return pointer(i, 0, false);
    }

    Call& call_;
    bool same_;
    u64 host_[most_arguments];
    std::string names_[2];
    Bounce bounce_[4];
    unsigned named_ = 0, bounced_ = 0;
};

} // namespace

s64 pass_through(Call& call) { return PassThrough(call).run(); }

} // namespace emu::linux_user
