// SPDX-License-Identifier: MIT
#include "guest_agent/session.h"

namespace emu::guest_agent {

namespace {
constexpr char sync_byte = char(0xff);
constexpr usize enough_output = 64 << 10;
}

void Session::answer(std::string_view request, std::string& out) {
    if (waiting_) {
        std::optional<Json> id;
        const auto parsed = parse_request(request, id);
        if (!parsed || !parsed->command.starts_with("guest-sync")) return;
        waiting_ = false;
    }
    out += agent_.answer(request);
}

void Session::feed(std::string_view part, std::string& out) {
    const bool was_waiting = waiting_;
    framer_.feed(
        part, [&](std::string_view request) { answer(request, out); },
        [&](Error error) {
            if (!was_waiting) out += Agent::refuse(std::move(error));
        });
    if (part.back() == sync_byte) waiting_ = false;
}

usize Session::take(std::string_view bytes, std::string& out) {
    usize taken = 0;
    while (taken < bytes.size() && out.size() < enough_output) {
        // No request ends anywhere else, and no synchronisation does: one at most in each part.
        const usize end = std::min(bytes.find_first_of("}]\n\xff", taken), bytes.size() - 1) + 1;
        feed(bytes.substr(taken, end - taken), out);
        taken = end;
    }
    return taken;
}

} // namespace emu::guest_agent
