// SPDX-License-Identifier: MIT
// The numbers of the NBD protocol, as its specification (NetworkBlockDevice/nbd, doc/proto.md) gives them. All are
// big-endian on the wire.
#pragma once
#include "common/bytes.h"

#include <string>
#include <string_view>
#include <vector>

namespace emu::nbd {

constexpr u64 init_magic = 0x4e42444d41474943;   // "NBDMAGIC"
constexpr u64 option_magic = 0x49484156454f5054; // "IHAVEOPT", both ways
constexpr u64 option_reply_magic = 0x3e889045565a9;
constexpr u32 request_magic = 0x25609513, extended_request_magic = 0x21e41c71;
constexpr u32 simple_reply_magic = 0x67446698, structured_reply_magic = 0x668e33ef, extended_reply_magic = 0x6e8a278c;

constexpr u16 handshake_fixed_newstyle = 1, handshake_no_zeroes = 2; // the client's answer has the same bits, 32 wide

enum class Option : u32 {
    export_name = 1,
    abort = 2,
    list = 3,
    peek_export = 4,
    starttls = 5,
    info = 6,
    go = 7,
    structured_reply = 8,
    list_meta_context = 9,
    set_meta_context = 10,
    extended_headers = 11,
};

enum class OptionReply : u32 {
    ack = 1,
    server = 2,
    info = 3,
    meta_context = 4,
    unsup = 0x80000001,
    policy,
    invalid,
    platform,
    tls_required,
    unknown,
    shutdown,
    block_size_required,
    too_big,
    extended_header_required,
};

enum class Info : u16 { export_, name, description, block_size };

enum TransmissionFlag : u16 {
    has_flags = 1 << 0,
    read_only_flag = 1 << 1,
    send_flush = 1 << 2,
    send_fua = 1 << 3,
    rotational = 1 << 4,
    send_trim = 1 << 5,
    send_write_zeroes = 1 << 6,
    send_df = 1 << 7,
    can_multi_conn = 1 << 8,
    send_resize = 1 << 9,
    send_cache = 1 << 10,
    send_fast_zero = 1 << 11,
    block_status_payload = 1 << 12,
};
/// "flush fua trim": the names of the flags beyond has_flags, as `emu-nbd --list` prints them.
std::string transmission_flag_names(u16 flags);

enum class Command : u16 { read, write, disconnect, flush, trim, cache, write_zeroes, block_status };
constexpr unsigned command_count = 8;
std::string_view command_name(Command command);

enum CommandFlag : u16 {
    fua = 1,
    no_hole = 2,
    dont_fragment = 4,
    request_one = 8,
    fast_zero = 16,
    payload_length = 32
};

enum class Chunk : u16 {
    none = 0,
    offset_data = 1,
    offset_hole = 2,
    block_status = 5,
    block_status_extended = 6,
    error = 0x8001,
    error_offset = 0x8002,
};
constexpr u16 chunk_done = 1; // flag of the last chunk of a reply

enum StateFlag : u32 { state_hole = 1, state_zero = 2 }; // base:allocation
constexpr u32 state_dirty = 1;                           // *:dirty-bitmap:NAME

constexpr usize max_string = 4096;               // names, descriptions, contexts
constexpr usize max_option_payload = 32u << 20;  // more and the client is dropped
constexpr u32 max_payload = 32u << 20;           // of reads and writes
constexpr usize max_status_descriptors = 131072; // in one chunk

constexpr usize option_header_size = 16; // client: magic, option, length
constexpr usize request_size = 28, extended_request_size = 32;
constexpr usize simple_reply_size = 16, structured_reply_size = 20, extended_reply_size = 32;

/// The protocol's few error numbers stand for our errno values; what has none becomes EINVAL.
u32 wire_error(int code);

/// Grows by big-endian numbers and text.
class Writer {
public:
    explicit Writer(std::vector<u8>& to) : to_(to) {}
    Writer& be16(u16 value) { return put(value); }
    Writer& be32(u32 value) { return put(value); }
    Writer& be64(u64 value) { return put(value); }
    Writer& text(std::string_view value) {
        to_.insert(to_.end(), value.begin(), value.end());
        return *this;
    }
    Writer& zeroes(usize count) {
        to_.resize(to_.size() + count);
        return *this;
    }

private:
    template <class T> Writer& put(T value) {
        const usize at = to_.size();
        to_.resize(at + sizeof value);
        store_bytes(to_.data() + at, value, Endian::big);
        return *this;
    }
    std::vector<u8>& to_;
};

} // namespace emu::nbd
