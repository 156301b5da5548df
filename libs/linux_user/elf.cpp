// SPDX-License-Identifier: MIT
#include "linux_user/elf.h"

#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace emu::linux_user {
namespace {

enum : u32 { pt_load = 1, pt_interp = 3, pt_gnu_stack = 0x6474e551 };
enum : u32 { pf_x = 1, pf_w = 2, pf_r = 4 };
constexpr u64 longest_interpreter = 4096; // PATH_MAX
constexpr u64 most_header_bytes = 65536;  // the kernel's own bound

/// Where the fields of a class are: {offset in the 32-bit structure, in the 64-bit one}.
struct Field {
    u8 at32, at64;
};
namespace eh {
constexpr Field entry{24, 24}, phoff{28, 32}, flags{36, 48}, phentsize{42, 54}, phnum{44, 56};
}
namespace ph {
constexpr Field type{0, 0}, offset{4, 8}, vaddr{8, 16}, filesz{16, 32}, memsz{20, 40}, flags{24, 4}, align{28, 48};
}
constexpr usize header_bytes[2] = {52, 64}, program_header_bytes[2] = {32, 56};

struct Fields {
    ByteView view;
    bool is64;
    u16 half(Field f) const { return view.u16_at(is64 ? f.at64 : f.at32); }
    u32 word(Field f) const { return view.u32_at(is64 ? f.at64 : f.at32); }
    u64 address(Field f) const { return is64 ? view.u64_at(f.at64) : view.u32_at(f.at32); }
};

tl::unexpected<Error> invalid(std::string_view why) { return fail(ENOEXEC, fmt::format("invalid ELF file: {}", why)); }

class Parser {
public:
    Parser(const ElfSource& source, u64 page, u64 limit) : source_(source), page_(page), limit_(limit) {}

    Result<ElfImage> run() {
        std::array<u8, elf_header_size> head{};
        usize available = usize(std::min<u64>(head.size(), source_.size));
        if (!source_.read(0, Bytes(head).first(available))) return fail(EIO, "cannot read the ELF header");
        image_.header = EMU_TRY(parse_elf_header(ByteView(ConstBytes(head).first(available))));
        const ElfHeader& header = image_.header;
        if (header.type != elf_type_exec && header.type != elf_type_dyn) return invalid("not an executable");
        if (header.program_header_size != program_header_bytes[header.is64]) return invalid("bad program header size");
        EMU_CHECK(program_headers());
        if (image_.segments.empty()) return invalid("nothing to load");
        EMU_CHECK(arrange());
        return std::move(image_);
    }

private:
    Result<void> program_headers() {
        const ElfHeader& header = image_.header;
        u64 size = u64(header.program_header_size) * header.program_header_count;
        if (size > most_header_bytes) return invalid("too many program headers");
        if (!in_range(header.program_headers, size, source_.size)) return invalid("truncated in its program headers");
        std::vector<u8> bytes(size);
        if (!source_.read(header.program_headers, bytes)) return fail(EIO, "cannot read the program headers");
        ByteView all(bytes, header.order);
        for (u64 at = 0; at < size; at += header.program_header_size)
            EMU_CHECK(program_header({*all.sub(at, header.program_header_size), header.is64}));
        return {};
    }

    Result<void> program_header(const Fields& fields) {
        switch (fields.word(ph::type)) {
        case pt_load: return load(fields);
        case pt_interp: return interpreter(fields);
        case pt_gnu_stack: image_.executable_stack = (fields.word(ph::flags) & pf_x) != 0; return {};
        default: return {};
        }
    }

    Result<void> load(const Fields& fields) {
        ElfSegment segment{fields.address(ph::offset), fields.address(ph::vaddr), fields.address(ph::filesz),
                           fields.address(ph::memsz)};
        u32 flags = fields.word(ph::flags);
        segment.prot = (flags & pf_r ? PROT_READ : 0) | (flags & pf_w ? PROT_WRITE : 0) | (flags & pf_x ? PROT_EXEC : 0);
        if (segment.file_size > segment.memory_size) return invalid("a segment is larger in the file than in memory");
        if (segment.memory_size == 0) return {};
        if (!in_range(segment.offset, segment.file_size, source_.size))
            return invalid("truncated, a segment ends beyond the end of the file");
        if (!in_range(segment.address, segment.memory_size, limit_))
            return invalid(fmt::format("a segment of {:#x} bytes at {:#x} does not fit into memory", segment.memory_size,
                                       segment.address));
        if (segment.file_size && (segment.address - segment.offset) % page_ != 0)
            return invalid("a segment lies differently within its page in the file and in memory");
        u64 align = fields.address(ph::align);
        if (align > 1 && !is_power_of_two(align)) return invalid("a segment's alignment is no power of two");
        image_.alignment = std::max(image_.alignment, align);
        image_.segments.push_back(segment);
        return {};
    }

    Result<void> interpreter(const Fields& fields) {
        u64 at = fields.address(ph::offset), size = fields.address(ph::filesz);
        if (image_.interpreter) return {}; // the kernel looks at the first one only
        if (size < 2 || size > longest_interpreter) return invalid("bad interpreter name");
        std::string name(size, 0);
        if (!in_range(at, size, source_.size) || !source_.read(at, {reinterpret_cast<u8*>(name.data()), name.size()}))
            return invalid("truncated in its interpreter name");
        if (name.back() != 0) return invalid("bad interpreter name");
        name.resize(std::char_traits<char>::length(name.c_str()));
        image_.interpreter = std::move(name);
        return {};
    }

    /// Sort the segments, refuse overlaps, find the whole and where the program headers are in it.
    Result<void> arrange() {
        auto& segments = image_.segments;
        std::sort(segments.begin(), segments.end(),
                  [](const ElfSegment& a, const ElfSegment& b) { return a.address < b.address; });
        for (usize i = 1; i < segments.size(); i++)
            if (segments[i].address - segments[i - 1].address < segments[i - 1].memory_size)
                return invalid("overlapping segments");
        image_.low = align_down(segments.front().address, page_);
        u64 end = segments.back().address + segments.back().memory_size;
        image_.high = align_up(end, page_); // cannot wrap: end <= limit_
        if (image_.high > limit_) return invalid("a segment ends beyond the address space");
        const ElfHeader& header = image_.header;
        u64 size = u64(header.program_header_size) * header.program_header_count;
        for (const ElfSegment& segment : segments)
            if (header.program_headers >= segment.offset &&
                in_range(header.program_headers - segment.offset, size, segment.file_size))
                image_.headers_address = segment.address + (header.program_headers - segment.offset);
        return {};
    }

    const ElfSource& source_;
    u64 page_, limit_;
    ElfImage image_;
};

} // namespace

ElfSource elf_source(ConstBytes image) {
    return {image.size(), [image](u64 offset, Bytes to) {
                if (!in_range(offset, to.size(), image.size())) return false;
                std::copy_n(image.begin() + std::ptrdiff_t(offset), to.size(), to.begin());
                return true;
            }};
}

Result<ElfSource> elf_source(int fd) {
    struct stat about{};
    if (::fstat(fd, &about) < 0) return fail_errno(errno, "stat");
    if (S_ISDIR(about.st_mode)) return fail(EACCES, "Is a directory");
    if (!S_ISREG(about.st_mode)) return fail(EACCES, "not a regular file");
    return ElfSource{u64(about.st_size), [fd](u64 offset, Bytes to) {
                         while (!to.empty()) {
                             ssize_t n = ::pread(fd, to.data(), to.size(), off_t(offset));
                             if (n < 0 && errno == EINTR) continue;
                             if (n <= 0) return false;
                             to = to.subspan(usize(n));
                             offset += u64(n);
                         }
                         return true;
                     }};
}

Result<ElfHeader> parse_elf_header(ByteView head) {
    if (!head.starts_with("\177ELF")) return fail(ENOEXEC, "not an ELF file");
    if (head.size() < 16) return invalid("truncated in its header");
    u8 elf_class = head.u8_at(4), data = head.u8_at(5), version = head.u8_at(6);
    if (elf_class != 1 && elf_class != 2) return invalid(fmt::format("unknown class {}", elf_class));
    if (data != 1 && data != 2) return invalid(fmt::format("unknown byte order {}", data));
    if (version != 1) return invalid(fmt::format("unknown version {}", version));
    ElfHeader header;
    header.is64 = elf_class == 2;
    header.order = data == 1 ? Endian::little : Endian::big;
    if (head.size() < header_bytes[header.is64]) return invalid("truncated in its header");
    Fields fields{head.with_order(header.order), header.is64};
    header.os_abi = head.u8_at(7);
    header.type = fields.view.u16_at(16);
    header.machine = fields.view.u16_at(18);
    header.flags = fields.word(eh::flags);
    header.entry = fields.address(eh::entry);
    header.program_headers = fields.address(eh::phoff);
    header.program_header_size = fields.half(eh::phentsize);
    header.program_header_count = fields.half(eh::phnum);
    return header;
}

Result<ElfImage> parse_elf(const ElfSource& source, u64 page, u64 limit) { return Parser(source, page, limit).run(); }

std::string elf_machine_name(u16 machine) {
    struct Row {
        u16 machine;
        std::string_view name;
    };
    static constexpr Row rows[] = {
        {2, "sparc"},   {3, "i386"},     {4, "m68k"},     {8, "mips"},     {15, "hppa"},       {18, "sparc32plus"},
        {20, "ppc"},    {21, "ppc64"},   {22, "s390x"},   {40, "arm"},     {42, "sh4"},        {43, "sparc64"},
        {62, "x86_64"}, {92, "or1k"},    {94, "xtensa"},  {164, "hexagon"}, {183, "aarch64"},  {189, "microblaze"},
        {243, "riscv"}, {258, "loongarch"}, {0x9026, "alpha"},
    };
    for (const Row& row : rows)
        if (row.machine == machine) return std::string(row.name);
    return fmt::format("machine {}", machine);
}

} // namespace emu::linux_user
