// SPDX-License-Identifier: MIT
#include "linux_user/core_notes.h"

#include "common/text.h"
#include "isa/debug.h"
#include "linux_user/process.h"
#include "linux_user/siginfo.h"
#include "linux_user/thread.h"

#include <algorithm>
#include <unistd.h>

namespace emu::linux_user {
namespace {

// Note types, by the names of uapi/linux/elf.h.
constexpr u32 nt_prstatus = 1, nt_prpsinfo = 3, nt_auxv = 6, nt_siginfo = 0x53494749, nt_file = 0x46494c45;

void add_note(StructWriter& notes, std::string_view owner, u32 type, ConstBytes contents) {
    notes.put(owner.size() + 1, 4);
    notes.put(contents.size(), 4);
    notes.put(type, 4);
    notes.text(owner, owner.size() + 1);
    notes.align(4);
    notes.bytes(contents);
    notes.align(4);
}

/// struct elf_prstatus.
std::vector<u8> thread_status(Thread& thread, const SignalInfo& info) {
    const Abi& abi = thread.process().abi();
    const isa::RegisterFile registers(*abi.debug, abi.model.order);
    StructWriter w(abi.model);
    w.put(u32(info.si_signo), 4);
    w.put(u32(info.si_code), 4);
    w.put(u32(info.si_errno), 4);
    w.put(u16(info.si_signo), 2);
    w.align(abi.model.word);
    w.word(0); // pending signals
    w.word(thread.signal_mask());
    for (int id : {thread.tid, ::getppid(), ::getpgrp(), ::getsid(0)}) w.put(u32(id), 4);
    for (int i = 0; i < 8; i++) w.word(0); // times
    for (std::string_view name : split(abi.core_registers, ' ')) {
        std::array<u8, 8> value{};
        const auto number = registers.find(name);
        if (number) registers.read(thread.state(), *number, Bytes(value).first(registers.bytes(*number)));
        const u64 number_value = number && registers.bytes(*number) == 4 ? load<u32>(value, 0, abi.model.order) : load<u64>(value, 0, abi.model.order);
        w.word(number_value);
    }
    w.put(1, 4); // the FP registers follow in a note of their own
    w.align(abi.model.word);
    return std::move(w.data());
}

/// struct elf_prpsinfo.
std::vector<u8> process_info(Process& process, const SignalInfo&) {
    const unsigned id_width = process.abi().model.word == 4 ? 2 : 4; // __kernel_uid_t
    StructWriter w(process.abi().model);
    for (u8 each : {0, int('R'), 0, 0}) w.put(each, 1);
    w.align(process.abi().model.word);
    w.word(0); // flags
    w.put(::getuid(), id_width);
    w.put(::getgid(), id_width);
    for (int id : {::getpid(), ::getppid(), ::getpgrp(), ::getsid(0)}) w.put(u32(id), 4);
    const std::string& path = process.program().path;
    w.text(std::string_view(path).substr(path.rfind('/') + 1).substr(0, 15), 16);
    w.text(std::string_view(join(process.program().argv, " ")).substr(0, 79), 80);
    w.align(process.abi().model.word);
    return std::move(w.data());
}

std::vector<u8> file_table(const Abi& abi, std::span<const MappedFile> files) {
    StructWriter w(abi.model);
    w.word(files.size());
    w.word(abi.page);
    for (const MappedFile& file : files) {
        w.word(file.start);
        w.word(file.end);
        w.word(file.offset / abi.page);
    }
    for (const MappedFile& file : files) w.text(file.name, file.name.size() + 1);
    return std::move(w.data());
}

void add_thread(StructWriter& notes, Thread& thread, const SignalInfo& info) {
    const Abi& abi = thread.process().abi();
    add_note(notes, "CORE", nt_prstatus, thread_status(thread, info));
    for (const CoreNote& note : abi.core_notes) {
        std::vector<u8> contents;
        note.write(thread.state(), contents);
        if (!contents.empty()) add_note(notes, note.owner, note.type, contents);
    }
}

} // namespace

void StructWriter::put(u64 value, unsigned width) {
    align(width);
    out_.resize(out_.size() + width);
    put_field(Bytes(out_).last(width), FieldAt{0, u8(width)}, value, model_.order);
}

void StructWriter::text(std::string_view from, usize size) {
    out_.insert(out_.end(), from.begin(), from.end());
    out_.resize(out_.size() + size - from.size());
}

std::vector<u8> core_notes(Thread& dying, const SignalInfo& info, std::span<const MappedFile> files) {
    Process& process = dying.process();
    const Abi& abi = process.abi();
    StructWriter notes(abi.model);
    // The thread that died comes first, with what belongs to the process behind its status.
    add_note(notes, "CORE", nt_prstatus, thread_status(dying, info));
    add_note(notes, "CORE", nt_prpsinfo, process_info(process, info));
    std::array<u8, siginfo_size> signal{};
    put_siginfo(signal, info, abi.model);
    add_note(notes, "CORE", nt_siginfo, signal);
    add_note(notes, "CORE", nt_auxv, process.program().auxv);
    if (!files.empty()) add_note(notes, "CORE", nt_file, file_table(abi, files));
    for (const CoreNote& note : abi.core_notes) {
        std::vector<u8> contents;
        note.write(dying.state(), contents);
        if (!contents.empty()) add_note(notes, note.owner, note.type, contents);
    }
    // All say which signal it was, as the kernel has it: readers look at whichever comes last.
    process.for_each_thread([&](Thread& thread) {
        if (&thread != &dying) add_thread(notes, thread, info);
    });
    return std::move(notes.data());
}

} // namespace emu::linux_user
