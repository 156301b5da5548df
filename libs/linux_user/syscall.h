// SPDX-License-Identifier: MIT
// One system call on its way from the guest to the host: what a handler gets, and the tables that find the handler.
#pragma once
#include "linux_user/abi.h"
#include "linux_user/address_space.h"
#include "linux_user/arg_kind.h"
#include "linux_user/host_asm.h"

#include <string>

namespace emu::linux_user {

class Process;
class Thread;

enum class Restart : u8 { none, restart, nohand, always };

struct Call;
using Handler = s64 (*)(Call& call);

struct Syscall {
    std::string_view name;
    Handler handler;        ///< null: refused
    ArgList arguments;
    Restart restart = Restart::none;
    int host_number = -1;   ///< for handlers that pass on
    int refused = 0;        ///< errno
    std::string_view reason;
    bool time64 = false;    ///< a 32-bit ABI's call with 64-bit times
    u8 descriptors = 0;     ///< bit i: argument i is a file descriptor
};
const Syscall& syscall_row(Sys id);
/// Arguments from registers: 64-bit ones of 32-bit ABIs come in two.
void gather_arguments(const Abi& abi, const Syscall& row, u64 (&arguments)[6]);

/// Number to row for one ABI: a dense array, made once.
class SyscallTable {
public:
    explicit SyscallTable(const Abi& abi);
    const Syscall* find(u64 number) const { return number < rows_.size() ? rows_[number] : nullptr; }

private:
    std::vector<const Syscall*> rows_;
};

/// Results of handlers beside -errno. The call is made again after pending signals are dealt with:
inline constexpr s64 interrupted = -host::interrupted;
/// ... and this one leaves the registers alone (rt_sigreturn, execve).
inline constexpr s64 registers_set = -513;

struct Call {
    Thread& thread;
    Process& process;
    const Abi& abi;
    AddressSpace& space;
    const Syscall& row;
    u64 a[6];

    int int_at(unsigned i) const { return int(u32(a[i])); }
    /// The host pointer for a guest one; null stays null.
    void* host(u64 address) const { return address ? space.host(address) : nullptr; }

    // Guest memory: false or nothing where it is not there.
    bool copy_in(void* to, u64 from, usize size) const {
        return space.contains(from, size) && host::safe_copy(to, space.host(from), size) == 0;
    }
    bool copy_out(u64 to, const void* from, usize size) const {
        return space.contains(to, size) && host::safe_copy(space.host(to), from, size) == 0;
    }
    template <class T> std::optional<T> load(u64 from) const {
        T value;
        if (!copy_in(&value, from, sizeof value)) return std::nullopt;
        return load_bytes<T>(&value, abi.model.order);
    }
    template <class T> bool store(u64 to, T value) const {
        u8 bytes[sizeof(T)];
        store_bytes(bytes, value, abi.model.order);
        return copy_out(to, bytes, sizeof bytes);
    }
    std::optional<u64> load_word(u64 from) const {
        if (abi.model.word == 8) return load<u64>(from);
        auto value = load<u32>(from);
        return value ? std::optional<u64>(*value) : std::nullopt;
    }
    /// A structure of the host from the guest's, by its description.
    template <class T> bool load_struct(std::string_view format, u64 from, T& to) const {
        return load_struct(format, from, Bytes(reinterpret_cast<u8*>(&to), sizeof to));
    }
    template <class T> bool store_struct(std::string_view format, u64 to, const T& from) const {
        return store_struct(format, to, ConstBytes(reinterpret_cast<const u8*>(&from), sizeof from));
    }
    bool load_struct(std::string_view format, u64 from, Bytes to) const;
    bool store_struct(std::string_view format, u64 to, ConstBytes from) const;
    /// The layout of timespecs and timevals of this call.
    std::string_view time_format() const { return row.time64 ? "qn" : "WW"; }
    /// siginfo_t in the guest's layout.
    bool load_siginfo(u64 from, SignalInfo& to) const;
    bool store_siginfo(u64 to, const SignalInfo& from) const;
    /// Is the guest's `long` narrower than the host's?
    bool narrow() const { return abi.model.word == 4; }
    /// The same call by another name, with these arguments.
    s64 as(Sys id, std::initializer_list<u64> arguments);
    /// A NUL-terminated string of at most `most` bytes; the error is EFAULT or ENAMETOOLONG.
    s64 load_string(u64 from, std::string& to, usize most = 4096) const;
    /// A file name, looked up below -L where that has it (unless raw), and with /proc/self standing for the guest.
    s64 load_path(u64 from, std::string& to, bool raw = false) const;

    /// The host's system call of this row, or another, restartable.
    s64 pass(u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0) const;
    s64 host_call(int number, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0) const;
};

/// A host address where no memory can be, for a guest's that is no good: the kernel says EFAULT when it comes to look, and not
/// before it has found whatever else is wrong with the call. What is beyond all user memory stays as it is: sums with it overflow.
constexpr u64 nowhere(u64 guest) { return guest >> 47 ? guest : u64(1) << 63 | (guest & 4095); }

template <class T> u64 host_pointer(T* pointer) { return u64(reinterpret_cast<std::uintptr_t>(pointer)); }

/// sigreturn() and rt_sigreturn(): registers and mask from the frame.
s64 return_from_signal(Call& call, decltype(Abi::pop_frame) pop_frame);

/// The handler of most rows: converts by the kinds of its arguments.
s64 pass_through(Call& call);

#define EMU_SYSCALL(name, handler, ...) s64 handler(Call& call);
#define EMU_SYSCALL_AS(name, host, handler, ...) s64 handler(Call& call);
#define EMU_REFUSED(...)
#include "linux_user/syscalls.def"
#undef EMU_SYSCALL
#undef EMU_SYSCALL_AS
#undef EMU_REFUSED

} // namespace emu::linux_user
