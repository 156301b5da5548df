// SPDX-License-Identifier: MIT
#include "linux_user/core_dump.h"

#include "common/fd.h"
#include "common/text.h"
#include "linux_user/core_notes.h"
#include "linux_user/proc_files.h"
#include "linux_user/process.h"
#include "linux_user/thread.h"

#include <algorithm>
#include <ctime>
#include <elf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace emu::linux_user {
namespace {

/// Which pages of the host's memory were ever touched: /proc/self/pagemap, bits 63 (present) and 62 (swapped).
class TouchedPages {
public:
    explicit TouchedPages(u64 page) : page_(page), map_(Fd::open("/proc/self/pagemap", O_RDONLY)) {}
    bool touched(u64 host_address) {
        if (!map_) return true;
        const u64 number = host_address / page_;
        if (number < first_ || number >= first_ + entries_.size()) fill(number);
        return entries_.empty() || entries_[usize(number - first_)] >> 62;
    }

private:
    void fill(u64 number) {
        entries_.resize(512);
        first_ = number;
        const ssize_t n = ::pread(map_->get(), entries_.data(), entries_.size() * 8, off_t(number * 8));
        entries_.resize(n > 0 ? usize(n) / 8 : 0);
    }
    u64 page_, first_ = 0;
    std::vector<u64> entries_;
    Result<Fd> map_;
};

/// A region as the program headers have it.
struct Segment {
    Region region;
    u64 file_size = 0;
};

/// The host's lines about files, in guest addresses.
std::vector<MappedFile> mapped_files(Process& process) {
    std::vector<MappedFile> files;
    const std::string text = proc_maps(process);
    for (std::string_view line : split(text, '\n')) {
        const usize slash = line.find('/');
        unsigned long start, end, offset;
        char perms[5];
        if (slash == line.npos || std::sscanf(std::string(line).c_str(), "%lx-%lx %4s %lx", &start, &end, perms, &offset) != 4) continue;
        files.push_back({start, end, offset, std::string(line.substr(slash))});
    }
    return files;
}

/// What the kernel dumps by default (core(5), coredump_filter 0x33): memory of the process's own, not files that nobody wrote.
std::vector<Segment> segments_of(Process& process, std::span<const MappedFile> files) {
    std::vector<Segment> segments;
    for (const Region& region : process.space().regions()) {
        const bool whole = (region.props.prot & PROT_READ) && !region.props.shared;
        // Files split regions: their read-only parts are not in the dump but for the first page, which tells what they are.
        u64 at = region.start;
        auto add = [&](u64 end, u64 file_size) {
            if (at < end) segments.push_back({{at, end, region.props}, std::min(file_size, end - at)});
            at = std::max(at, end);
        };
        for (const MappedFile& file : files) {
            if (file.end <= region.start || file.start >= region.end) continue;
            add(file.start, whole ? ~u64(0) : 0);
            const bool kept = whole && (region.props.prot & PROT_WRITE);
            add(std::min(file.end, region.end), kept ? ~u64(0) : whole && file.offset == 0 ? process.abi().page : 0);
        }
        add(region.end, whole ? ~u64(0) : 0);
    }
    return segments;
}

/// Both classes have the same members; those of PT_LOAD come in another order.
void put_program_header(StructWriter& w, bool is64, u32 type, u32 flags, u64 offset, u64 address, u64 file_size, u64 memory_size, u64 align) {
    w.put(type, 4);
    if (is64) w.put(flags, 4);
    for (u64 each : {offset, address, u64(0), file_size, memory_size}) w.word(each);
    if (!is64) w.put(flags, 4);
    w.word(align);
}

std::vector<u8> file_headers(const Abi& abi, std::span<const Segment> segments, usize notes_size, u64& data_at) {
    const bool is64 = abi.elf64;
    const usize header_size = is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), entry_size = is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    const usize count = std::min<usize>(segments.size(), PN_XNUM - 2) + 1;
    const u64 notes_at = header_size + entry_size * count;
    data_at = (notes_at + notes_size + abi.page - 1) / abi.page * abi.page;
    StructWriter w(abi.model);
    w.text(ELFMAG, SELFMAG);
    for (u8 each : {is64 ? ELFCLASS64 : ELFCLASS32, abi.model.order == Endian::big ? ELFDATA2MSB : ELFDATA2LSB, EV_CURRENT}) w.put(each, 1);
    w.data().resize(EI_NIDENT);
    w.put(ET_CORE, 2);
    w.put(abi.elf_machine, 2);
    w.put(EV_CURRENT, 4);
    w.word(0);
    w.word(header_size);
    w.word(0);
    w.put(0, 4);
    for (usize each : {header_size, entry_size, count, usize(0), usize(0), usize(0)}) w.put(each, 2);
    put_program_header(w, is64, PT_NOTE, 0, notes_at, 0, notes_size, 0, 4);
    u64 at = data_at;
    for (usize i = 0; i + 1 < count; i++) {
        const Segment& s = segments[i];
        const u32 prot = s.region.props.prot;
        const u32 flags = (prot & PROT_READ ? PF_R : 0) | (prot & PROT_WRITE ? PF_W : 0) | (prot & PROT_EXEC ? PF_X : 0);
        put_program_header(w, is64, PT_LOAD, flags, at, s.region.start, s.file_size, s.region.end - s.region.start, abi.page);
        at += s.file_size;
    }
    return std::move(w.data());
}

bool write_all(int fd, ConstBytes bytes, u64 at) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), off_t(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes = bytes.subspan(usize(n));
        at += u64(n);
    }
    return true;
}

/// The memory, with holes where nothing was ever written.
void write_memory(int fd, Process& process, std::span<const Segment> segments, u64 at, u64 limit) {
    const u64 page = process.abi().page;
    TouchedPages pages(u64(::sysconf(_SC_PAGESIZE)));
    std::vector<u8> copy(page);
    for (const Segment& s : segments)
        for (u64 done = 0; done < s.file_size; done += page, at += page) {
            if (at + page > limit) return;
            const u8* host = process.space().host(s.region.start + done);
            if (!pages.touched(u64(host)) || host::safe_copy(copy.data(), host, page)) continue;
            if (!write_all(fd, copy, at)) return;
        }
    if (::ftruncate(fd, off_t(std::min(at, limit))) < 0) return;
}

u64 core_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_CORE, &limit) < 0) return 0;
    return limit.rlim_cur == RLIM_INFINITY ? ~u64(0) >> 1 : limit.rlim_cur;
}

} // namespace

std::string core_file_name(const std::string& program, long seconds, int pid) {
    const time_t when = seconds;
    tm local{};
    ::localtime_r(&when, &local);
    return fmt::format("emu_{}_{:04}{:02}{:02}-{:02}{:02}{:02}_{}.core", program.substr(program.rfind('/') + 1), local.tm_year + 1900,
                       local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, pid);
}

bool dump_core(Thread& dying, const SignalInfo& info) {
    Process& process = dying.process();
    const u64 limit = core_limit();
    if (limit == 0 || ::prctl(PR_GET_DUMPABLE) != 1 || process.abi().core_registers.empty() || !process.abi().debug) return false;
    process.halt_others(dying);
    const std::string name = core_file_name(process.program().path, ::time(nullptr), ::getpid());
    // Never over a file or through a link that somebody put there.
    auto fd = Fd::open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!fd) return false;
    const auto files = mapped_files(process);
    const auto segments = segments_of(process, files);
    const auto notes = core_notes(dying, info, files);
    u64 data_at = 0;
    auto headers = file_headers(process.abi(), segments, notes.size(), data_at);
    headers.insert(headers.end(), notes.begin(), notes.end());
    if (headers.size() > limit || !write_all(fd->get(), headers, 0)) {
        ::unlink(name.c_str());
        return false;
    }
    write_memory(fd->get(), process, std::span(segments).first(std::min<usize>(segments.size(), PN_XNUM - 2)), data_at, limit);
    return true;
}

} // namespace emu::linux_user
