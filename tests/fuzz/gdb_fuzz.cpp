// SPDX-License-Identifier: MIT
// Whatever a client of the gdb stub sends.
#include "gdb_target.h"

#include "gdb/packet.h"
#include "gdb/session.h"

using namespace emu;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size) {
    gdb::ToyTarget target;
    gdb::Session session(target);
    // As the wire has it, and each line as the payload of a good packet.
    gdb::PacketReader reader;
    reader.feed(ConstBytes(data, size));
    while (auto item = reader.next())
        if (item->kind == gdb::PacketReader::Kind::packet) (void)session.handle(item->payload);
    std::string_view text(reinterpret_cast<const char*>(data), size);
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const auto reply = session.handle(line);
        if (!reply) (void)session.stop_reply({.thread = 1});
        else if (gdb::packet(*reply).size() > 4 * gdb::most_payload) __builtin_trap();
    }
    return 0;
}
