// SPDX-License-Identifier: MIT
// The protocol between a client and a sheep (Sheepdog's "internal/sheepdog_proto.h" as described in its wiki, protocol version 2):
// requests and answers of 48 bytes, little endian, each with an optional body.
#pragma once
#include "common/fd.h"
#include "common/bytes.h"
#include "common/result.h"

#include <array>
#include <memory>
#include <string>

namespace emu::block::sheepdog {

inline constexpr u8 protocol_version = 2;
inline constexpr usize header_size = 48, name_size = 256;
inline constexpr u64 vdi_bit = u64(1) << 63;

enum class Op : u8 {
    create_and_write = 0x01, read = 0x02, write = 0x03, discard = 0x05, new_vdi = 0x11, lock_vdi = 0x12, release_vdi = 0x13, get_vdi_info = 0x14,
    flush_vdi = 0x16,
};
inline constexpr u16 flag_write = 1, flag_cow = 2;
inline constexpr u32 ok = 0, no_object = 2, exists = 4, invalid = 5, locked = 7, no_vdi = 8, no_tag = 14;

/// The inode of a disk: where its fields are.
namespace inode {
inline constexpr usize snap_time = 520, size = 536, copy_policy = 552, copies = 554, block_shift = 555, snap_id = 556, vdi_id = 560, objects = 4664;
inline constexpr u32 max_objects = 1u << 20;
} // namespace inode

/// What the 32 bytes behind the common part of a request say.
struct Object {
    u64 id = 0, copied_from = 0;
    u8 copies = 0, copy_policy = 0;
    u64 offset = 0;
};
struct Disk {
    u64 size = 0;
    u32 base_id = 0;
    u8 copies = 0;
    u32 snapshot = 0;
};
struct Answer {
    u32 result = ok, disk_id = 0;
};

struct Address {
    std::string host, port, path; ///< path: a UNIX socket
};

/// One connection; a request at a time.
class Connection {
public:
    static Result<std::unique_ptr<Connection>> open(const Address& address);
    /// `to`: filled with what is read. The answer's result is the caller's to judge.
    Result<Answer> object(Op op, u16 flags, const Object& what, ConstBytes from, Bytes to);
    Result<Answer> disk(Op op, u16 flags, const Disk& what, ConstBytes from);

private:
    using Header = std::array<u8, header_size>;
    explicit Connection(Fd socket) : socket_(std::move(socket)) {}
    Result<Answer> exchange(Header& header, Op op, u16 flags, ConstBytes from, Bytes to);
    Result<void> send_all(ConstBytes from);
    Result<void> receive_all(Bytes to);
    Fd socket_;
    u32 next_id_ = 1;
};

/// The text of a result code, as an error.
Error error_of(u32 result, std::string_view what);

} // namespace emu::block::sheepdog
