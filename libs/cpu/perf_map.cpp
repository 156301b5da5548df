// SPDX-License-Identifier: MIT
// Formats: linux/tools/perf/Documentation/jit-interface.txt and jitdump-specification.txt.
#include "cpu/perf_map.h"

#include "common/log.h"

#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace emu::cpu {

namespace {

constexpr u32 jitdump_magic = 0x4a695444, jitdump_version = 1, machine_x86_64 = 62, record_load = 0;

struct FileHeader {
    u32 magic, version, size, machine, pad, pid;
    u64 time, flags;
};
struct LoadRecord {
    u32 id, size;
    u64 time;
    u32 pid, tid;
    u64 vma, address, code_size, index;
};
static_assert(sizeof(FileHeader) == 40 && sizeof(LoadRecord) == 56);

u64 now() {
    timespec t;
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return u64(t.tv_sec) * 1'000'000'000 + u64(t.tv_nsec);
}

/// In one piece, so that what another process reads meanwhile is whole records.
bool put(const Fd& file, const void* from, usize size) { return ::write(file.get(), from, size) == ssize_t(size); }

Fd create(const std::string& path) {
    auto file = Fd::open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (!file) {
        log::warning(fmt::format("{}: {}", path, std::strerror(file.error().code)));
        return {};
    }
    return std::move(*file);
}

} // namespace

void PerfMap::open_dump() {
    dump_file_ = create(fmt::format("jit-{}.dump", pid_));
    if (!dump_file_) return;
    const FileHeader header{jitdump_magic, jitdump_version, sizeof(FileHeader), machine_x86_64, 0, u32(pid_), now(), 0};
    (void)put(dump_file_, &header, sizeof header);
    // perf record notices the file by a mapping of it that is executable.
    (void)::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, dump_file_.get(), 0);
}

void PerfMap::open_files() {
    pid_ = ::getpid();
    index_ = 0;
    if (map_) map_file_ = create(fmt::format("/tmp/perf-{}.map", pid_));
    if (dump_) open_dump();
}

void PerfMap::add(const void* address, ConstBytes code, std::string_view name) {
    if (pid_ != ::getpid()) open_files();
    if (map_file_) {
        const std::string line = fmt::format("{:x} {:x} {}\n", u64(address), code.size(), name);
        (void)put(map_file_, line.data(), line.size());
    }
    if (!dump_file_) return;
    const LoadRecord record{record_load, u32(sizeof(LoadRecord) + name.size() + 1 + code.size()), now(), u32(pid_),
                            u32(::syscall(SYS_gettid)), u64(address), u64(address), code.size(), index_++};
    std::vector<u8> bytes(record.size);
    std::memcpy(bytes.data(), &record, sizeof record);
    std::memcpy(bytes.data() + sizeof record, name.data(), name.size());
    std::memcpy(bytes.data() + sizeof record + name.size() + 1, code.data(), code.size());
    (void)put(dump_file_, bytes.data(), bytes.size());
}

} // namespace emu::cpu
