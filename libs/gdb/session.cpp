// SPDX-License-Identifier: MIT
// Packets by gdb's manual, "Packets", "Stop Reply Packets", "General Query Packets".
#include "gdb/session.h"

#include "gdb/packet.h"
#include "gdb/signals.h"
#include "gdb/target_xml.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu::gdb {
namespace {

const std::string ok = "OK", bad_packet = "E01", bad_address = "E0e", no_thread = "E03";
constexpr u64 every_thread = ~u64(0);

/// "-1": all, "0": any; "pPID.TID" of the multiprocess form means the thread.
std::optional<u64> parse_thread(std::string_view text) {
    if (take_prefix(text, "p")) {
        const usize dot = text.find('.');
        if (dot == text.npos) return every_thread;
        text.remove_prefix(dot + 1);
    }
    if (text == "-1") return every_thread;
    const auto number = take_number(text);
    return number && text.empty() ? number : std::nullopt;
}

/// "address,length" and what follows a separator behind it.
struct Place {
    u64 address, size;
};
std::optional<Place> take_place(std::string_view& text) {
    const auto address = take_number(text);
    if (!address || !take_prefix(text, ",")) return std::nullopt;
    const auto size = take_number(text);
    if (!size) return std::nullopt;
    return Place{*address, *size};
}

std::string xml_text(std::string_view text) {
    std::string out;
    for (char c : text) {
        switch (c) {
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '&': out += "&amp;"; break;
        case '"': out += "&quot;"; break;
        default: out += u8(c) < 32 || u8(c) > 126 ? '?' : c;
        }
    }
    return out;
}

} // namespace

// --- stops ------------------------------------------------------------------------------------------------------------------

std::string Session::stop_reply(const StopEvent& event) {
    running_ = false;
    last_ = event;
    using Kind = StopEvent::Kind;
    if (event.kind == Kind::exited) return fmt::format("W{:02x}", event.value & 0xff);
    if (event.kind == Kind::killed) return fmt::format("X{:02x}", signal_to_gdb(event.signal));
    general_ = event.thread;
    std::string reply = fmt::format("T{:02x}thread:{:x};", signal_to_gdb(event.signal), event.thread);
    if (const ir::StateHeader* state = target_.state(event.thread)) {
        const isa::RegisterFile& registers = target_.registers();
        for (std::string_view name : {registers.view().stack_pointer, registers.view().frame_pointer}) {
            const auto number = registers.find(name);
            if (!number) continue;
            std::vector<u8> value(registers.bytes(*number));
            registers.read(*state, *number, value);
            reply += fmt::format("{:x}:{};", *number, to_hex(value));
        }
    }
    static constexpr std::string_view watches[] = {"watch", "rwatch", "awatch"};
    switch (event.kind) {
    case Kind::breakpoint: return reply + "swbreak:;";
    case Kind::watch: return reply + fmt::format("{}:{:x};", watches[usize(event.watch)], event.value);
    case Kind::syscall_entry: return reply + fmt::format("syscall_entry:{:x};", event.value);
    case Kind::syscall_return: return reply + fmt::format("syscall_return:{:x};", event.value);
    default: return reply;
    }
}

Session::Reply Session::why_stopped(std::string_view) {
    if (last_.thread == 0 && last_.kind == StopEvent::Kind::signal) {
        const auto threads = target_.threads();
        if (threads.empty()) return "W00";
        last_.thread = threads.front();
    }
    return stop_reply(last_);
}

// --- registers ----------------------------------------------------------------------------------------------------------------

u64 Session::thread_for_registers() {
    if (general_ != 0 && general_ != every_thread) return general_;
    if (last_.thread) return last_.thread;
    const auto threads = target_.threads();
    return threads.empty() ? 0 : threads.front();
}

Session::Reply Session::read_registers(std::string_view) {
    const ir::StateHeader* state = target_.state(thread_for_registers());
    if (!state) return no_thread;
    std::string reply;
    const isa::RegisterFile& registers = target_.registers();
    for (usize i = 0; i < registers.count(); i++) {
        std::vector<u8> value(registers.bytes(i));
        registers.read(*state, i, value);
        reply += to_hex(value);
    }
    return reply;
}

Session::Reply Session::write_registers(std::string_view rest) {
    ir::StateHeader* state = target_.state(thread_for_registers());
    if (!state) return no_thread;
    const auto bytes = from_hex(rest);
    if (!bytes) return bad_packet;
    const isa::RegisterFile& registers = target_.registers();
    usize at = 0;
    for (usize i = 0; i < registers.count() && registers.bytes(i) <= bytes->size() - at; at += registers.bytes(i), i++)
        registers.write(*state, i, ConstBytes(*bytes).subspan(at, registers.bytes(i)));
    return ok;
}

Session::Reply Session::read_register(std::string_view rest) {
    const auto number = take_number(rest);
    const isa::RegisterFile& registers = target_.registers();
    if (!number || *number >= registers.count()) return bad_packet;
    const ir::StateHeader* state = target_.state(thread_for_registers());
    if (!state) return no_thread;
    std::vector<u8> value(registers.bytes(usize(*number)));
    registers.read(*state, usize(*number), value);
    return to_hex(value);
}

Session::Reply Session::write_register(std::string_view rest) {
    const auto number = take_number(rest);
    const isa::RegisterFile& registers = target_.registers();
    if (!number || *number >= registers.count() || !take_prefix(rest, "=")) return bad_packet;
    ir::StateHeader* state = target_.state(thread_for_registers());
    if (!state) return no_thread;
    const auto value = from_hex(rest);
    if (!value || value->size() != registers.bytes(usize(*number))) return bad_packet;
    registers.write(*state, usize(*number), *value);
    return ok;
}

// --- memory ---------------------------------------------------------------------------------------------------------------

Session::Reply Session::read_memory(std::string_view rest) {
    const auto place = take_place(rest);
    if (!place || !rest.empty()) return bad_packet;
    std::vector<u8> bytes(usize(std::min<u64>(place->size, most_payload / 2)));
    const usize got = target_.read(place->address, bytes);
    return got || bytes.empty() ? to_hex(ConstBytes(bytes).first(got)) : bad_address;
}

Session::Reply Session::write_memory_hex(std::string_view rest) {
    const auto place = take_place(rest);
    if (!place || !take_prefix(rest, ":")) return bad_packet;
    const auto bytes = from_hex(rest);
    if (!bytes || bytes->size() != place->size) return bad_packet;
    return bytes->empty() || target_.write(place->address, *bytes) ? ok : bad_address;
}

Session::Reply Session::write_memory(std::string_view rest) {
    const auto place = take_place(rest);
    if (!place || !take_prefix(rest, ":") || rest.size() != place->size) return bad_packet;
    return rest.empty() || target_.write(place->address, ConstBytes(reinterpret_cast<const u8*>(rest.data()), rest.size())) ? ok : bad_address;
}

// --- going on -----------------------------------------------------------------------------------------------------------------

Session::Reply Session::go_on(std::string_view rest, bool step, bool with_signal) {
    Resume action{.thread = resuming_ == every_thread ? 0 : resuming_, .step = step};
    if (with_signal) {
        const auto signal = take_number(rest);
        if (!signal) return bad_packet;
        action.signal = signal_from_gdb(int(*signal & 0xff));
        take_prefix(rest, ";");
    }
    if (!rest.empty()) return bad_packet; // "go on at this address": gdb writes the program counter instead
    // One thread is stepped, the others run meanwhile.
    std::vector<Resume> actions{action};
    if ((step || action.signal) && action.thread == 0) actions[0].thread = thread_for_registers();
    if (actions[0].thread) actions.push_back({});
    running_ = true;
    target_.resume(actions);
    return std::nullopt;
}

Session::Reply Session::vcont_query(std::string_view) { return "vCont;c;C;s;S;t;r"; }

Session::Reply Session::vcont(std::string_view rest) {
    std::vector<Resume> actions;
    while (take_prefix(rest, ";")) {
        std::string_view one = rest.substr(0, rest.find(';'));
        rest.remove_prefix(one.size());
        if (one.empty()) return bad_packet;
        const char what = one[0];
        one.remove_prefix(1);
        Resume action{.step = what == 's' || what == 'S' || what == 'r'};
        if (what == 'C' || what == 'S') {
            const auto signal = take_number(one);
            if (!signal) return bad_packet;
            action.signal = signal_from_gdb(int(*signal & 0xff));
        } else if (what == 'r') {
            const auto range = take_place(one);
            if (!range) return bad_packet;
            action.range_start = range->address;
            action.range_end = range->size;
        } else if (what != 'c' && what != 's' && what != 't') {
            return bad_packet;
        }
        if (take_prefix(one, ":")) {
            const auto thread = parse_thread(one);
            if (!thread) return bad_packet;
            action.thread = *thread == every_thread ? 0 : *thread;
        } else if (!one.empty()) {
            return bad_packet;
        }
        // What stands still stays so.
        if (what != 't') actions.push_back(action);
    }
    if (actions.empty()) return bad_packet;
    running_ = true;
    target_.resume(actions);
    return std::nullopt;
}

Session::Reply Session::interrupt(std::string_view) {
    target_.interrupt();
    return ok;
}

Session::Reply Session::change_point(std::string_view rest, bool present) {
    const auto type = take_number(rest);
    if (!type || !take_prefix(rest, ",")) return bad_packet;
    const auto place = take_place(rest);
    if (!place) return bad_packet;
    switch (*type) {
    case 0:
    case 1: return target_.set_breakpoint(place->address, present) ? ok : bad_address;
    case 2: return target_.set_watch(WatchKind::write, place->address, place->size, present) ? ok : bad_address;
    case 3: return target_.set_watch(WatchKind::read, place->address, place->size, present) ? ok : bad_address;
    case 4: return target_.set_watch(WatchKind::access, place->address, place->size, present) ? ok : bad_address;
    default: return "";
    }
}

// --- threads ------------------------------------------------------------------------------------------------------------------

Session::Reply Session::select_thread(std::string_view rest) {
    if (rest.empty()) return bad_packet;
    const char what = rest[0];
    const auto thread = parse_thread(rest.substr(1));
    if (!thread || (what != 'g' && what != 'c')) return bad_packet;
    if (*thread != 0 && *thread != every_thread && !target_.state(*thread)) return no_thread;
    (what == 'g' ? general_ : resuming_) = *thread;
    return ok;
}

Session::Reply Session::thread_alive(std::string_view rest) {
    const auto thread = parse_thread(rest);
    return thread && target_.state(*thread) ? ok : no_thread;
}

Session::Reply Session::current_thread(std::string_view) { return fmt::format("QC{:x}", thread_for_registers()); }

Session::Reply Session::first_threads(std::string_view) {
    std::string reply;
    for (u64 thread : target_.threads()) reply += fmt::format("{}{:x}", reply.empty() ? "m" : ",", thread);
    return reply.empty() ? "l" : reply;
}
Session::Reply Session::more_threads(std::string_view) { return "l"; }

Session::Reply Session::thread_extra(std::string_view rest) {
    take_prefix(rest, ",");
    const auto thread = parse_thread(rest);
    if (!thread || !target_.state(*thread)) return no_thread;
    return to_hex(target_.thread_name(*thread));
}

std::string Session::threads_xml() {
    std::string xml = "<?xml version=\"1.0\"?>\n<threads>\n";
    for (u64 thread : target_.threads())
        xml += fmt::format("<thread id=\"{:x}\" name=\"{}\"/>\n", thread, xml_text(target_.thread_name(thread)));
    return xml + "</threads>\n";
}

// --- queries ------------------------------------------------------------------------------------------------------------------

Session::Reply Session::supported(std::string_view) {
    std::string reply = fmt::format("PacketSize={:x};qXfer:features:read+;qXfer:threads:read+;vContSupported+;QStartNoAckMode+;"
                                    "QPassSignals+;swbreak+", most_payload);
    for (std::string_view name : target_.objects()) reply += fmt::format(";qXfer:{}:read+", name);
    if (target_.has_syscalls()) reply += ";QCatchSyscalls+";
    return reply;
}

/// "object:read:annex:offset,length": a part of it, 'l' before the last.
Session::Reply Session::transfer(std::string_view rest) {
    const usize colon = rest.find(':');
    if (colon == rest.npos) return bad_packet;
    const std::string_view name = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
    const bool writes = take_prefix(rest, "write:");
    if (!writes && !take_prefix(rest, "read:")) return bad_packet;
    const usize annex_end = rest.find(':');
    if (annex_end == rest.npos) return bad_packet;
    const std::string_view annex = rest.substr(0, annex_end);
    rest.remove_prefix(annex_end + 1);
    if (writes) {
        const auto at = take_number(rest);
        if (!at || !take_prefix(rest, ":")) return bad_packet;
        const ConstBytes bytes(reinterpret_cast<const u8*>(rest.data()), rest.size());
        return target_.write_object(name, thread_for_registers(), *at, bytes) ? fmt::format("{:x}", rest.size()) : bad_packet;
    }
    const auto part = take_place(rest);
    if (!part || !rest.empty()) return bad_packet;
    std::optional<std::string> contents;
    if (name == "features") {
        if (annex == "target.xml") contents = target_xml(target_.registers(), os_abi_);
    } else if (name == "threads") {
        contents = threads_xml();
    } else {
        contents = target_.object(name, thread_for_registers());
    }
    if (!contents) return name == "features" ? "E00" : "";
    if (part->address >= contents->size()) return "l";
    // Escapes may double what is sent.
    const std::string_view piece = std::string_view(*contents).substr(usize(part->address), usize(std::min<u64>(part->size, most_payload / 2 - 8)));
    return (part->address + piece.size() == contents->size() ? "l" : "m") + std::string(piece);
}

Session::Reply Session::attached(std::string_view) { return "0"; } // made for it: gdb kills the target when it ends

Session::Reply Session::no_acknowledgements(std::string_view) {
    acknowledges_ = false;
    return ok;
}

Session::Reply Session::pass_signals(std::string_view rest) {
    u64 mask = 0;
    while (const auto number = take_number(rest)) {
        const int signal = *number < 256 ? signal_from_gdb(int(*number)) : 0;
        if (signal >= 1 && signal <= 64) mask |= u64(1) << (signal - 1);
        if (!take_prefix(rest, ";")) break;
    }
    if (!rest.empty()) return bad_packet;
    target_.pass_signals(mask);
    return ok;
}

Session::Reply Session::catch_syscalls(std::string_view rest) {
    if (!target_.has_syscalls()) return "";
    if (rest == "0") {
        target_.catch_syscalls(std::nullopt);
        return ok;
    }
    if (!take_prefix(rest, "1")) return bad_packet;
    std::vector<u64> numbers;
    while (take_prefix(rest, ";")) {
        const auto number = take_number(rest);
        if (!number) return bad_packet;
        numbers.push_back(*number);
    }
    if (!rest.empty()) return bad_packet;
    target_.catch_syscalls(std::move(numbers));
    return ok;
}

Session::Reply Session::start_tracking(std::string_view) { return ok; }

Session::Reply Session::detach(std::string_view) {
    over_ = true;
    target_.detach();
    return ok;
}

Session::Reply Session::kill(std::string_view) {
    over_ = true;
    target_.kill();
    return std::nullopt;
}
Session::Reply Session::kill_answered(std::string_view) {
    over_ = true;
    return ok; // the server ends the target once this is sent
}

// --- dispatch ---------------------------------------------------------------------------------------------------------------

// clang-format off
std::span<const Session::Row> Session::table() {
    static constexpr Row rows[] = {
        {"?", &Session::why_stopped}, {"g", &Session::read_registers}, {"G", &Session::write_registers},
        {"p", &Session::read_register}, {"P", &Session::write_register},
        {"m", &Session::read_memory}, {"M", &Session::write_memory_hex}, {"X", &Session::write_memory},
        {"c", &Session::cont}, {"C", &Session::cont_signal}, {"s", &Session::step}, {"S", &Session::step_signal},
        {"vCont?", &Session::vcont_query}, {"vCont", &Session::vcont, true}, {"vCtrlC", &Session::interrupt, true},
        {"vKill", &Session::kill_answered, true},
        {"Z", &Session::insert}, {"z", &Session::remove}, {"H", &Session::select_thread}, {"T", &Session::thread_alive},
        {"qC", &Session::current_thread, true}, {"qfThreadInfo", &Session::first_threads}, {"qsThreadInfo", &Session::more_threads},
        {"qThreadExtraInfo", &Session::thread_extra, true}, {"qSupported", &Session::supported, true}, {"qXfer:", &Session::transfer},
        {"qAttached", &Session::attached, true}, {"QStartNoAckMode", &Session::no_acknowledgements, true},
        {"QPassSignals:", &Session::pass_signals}, {"QCatchSyscalls:", &Session::catch_syscalls},
        {"D", &Session::detach}, {"k", &Session::kill}, {"!", &Session::start_tracking},
    };
    return rows;
}
// clang-format on

std::optional<std::string> Session::handle(std::string_view payload) {
    for (const Row& row : table()) {
        if (!payload.starts_with(row.name)) continue;
        const std::string_view rest = payload.substr(row.name.size());
        if (row.whole && !rest.empty() && std::string_view(":,;").find(rest[0]) == std::string_view::npos) continue;
        return (this->*row.handler)(rest);
    }
    return ""; // not supported
}

} // namespace emu::gdb
