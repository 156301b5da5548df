// SPDX-License-Identifier: MIT
#include "linux_user/elf_load.h"

#include "common/bits.h"
#include "common/fd.h"
#include "linux_user/flat.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>

namespace emu::linux_user {
namespace {

Error map_error(s64 result, std::string_view what) {
    return {int(-result), fmt::format("cannot map {}: {}", what, std::strerror(int(-result))), {}};
}

class SegmentMapper {
public:
    SegmentMapper(int fd, const ElfImage& image, AddressSpace& space) : fd_(fd), image_(image), space_(space) {}

    /// The whole image at its place, or anywhere (at `wish` if that is free) where it is position-independent.
    /// Returns what is to be added to its addresses.
    Result<u64> run(u64 wish) {
        u64 size = image_.high - image_.low;
        bool fixed = image_.header.type == elf_type_exec;
        // Take the room in one piece, so that segments cannot end up among other mappings.
        u64 alignment = std::max(image_.alignment, space_.page());
        u64 hint = fixed ? image_.low : align_up(wish, alignment);
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (fixed ? MAP_FIXED_NOREPLACE : 0);
        s64 at = space_.map(hint, size, PROT_NONE, flags, -1, 0);
        if (at < 0) {
            if (fixed && at == -EEXIST) return fail(ENOMEM, fmt::format("cannot load at {:#x}: the address is taken", image_.low));
            return fail(map_error(at, fmt::format("{:#x} bytes", size)));
        }
        bias_ = u64(at) - image_.low;
        for (usize i = 0; i < image_.segments.size(); i++) EMU_CHECK(segment(image_.segments[i]));
        return bias_;
    }

private:
    Result<void> segment(const ElfSegment& segment) {
        const u64 page = space_.page();
        u64 start = align_down(bias_ + segment.address, page);
        u64 file_end = bias_ + segment.address + segment.file_size, end = bias_ + segment.address + segment.memory_size;
        u64 mapped_end = segment.file_size ? align_up(file_end, page) : start;
        if (segment.file_size) {
            u64 offset = align_down(segment.offset, page);
            s64 at = space_.map(start, mapped_end - start, segment.prot, MAP_PRIVATE | MAP_FIXED, fd_, offset);
            if (at < 0) return fail(map_error(at, "a segment"));
            if (segment.memory_size > segment.file_size) EMU_CHECK(clear(file_end, mapped_end, segment.prot));
        }
        if (align_up(end, page) > mapped_end) {
            s64 at = space_.map(mapped_end, align_up(end, page) - mapped_end, segment.prot,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            if (at < 0) return fail(map_error(at, "the bss"));
        }
        return {};
    }

    /// The rest of the last file page: bss, and behind it what loaders take for zeroed memory.
    Result<void> clear(u64 from, u64 to, int prot) {
        if (from >= to) return {};
        u64 page = align_down(from, space_.page()), size = align_up(to, space_.page()) - page;
        bool writable = (prot & PROT_WRITE) != 0;
        if (!writable) space_.protect(page, size, PROT_READ | PROT_WRITE);
        std::memset(space_.host(from), 0, to - from);
        if (!writable) space_.protect(page, size, prot);
        return {};
    }

    int fd_;
    const ElfImage& image_;
    AddressSpace& space_;
    u64 bias_ = 0;
};

/// Text and data in one mapping; before the data are the words by which libraries would find each other's.
Result<LoadedProgram> load_flat(const ElfSource& source, const Abi& abi, AddressSpace& space) {
    constexpr u64 data_alignment = 32, library_words = 4;
    FlatImage image = EMU_TRY(parse_flat(source));
    const u64 data_offset = align_up(image.data_start + library_words * 4, data_alignment);
    const u64 size = data_offset + (image.bss_end - image.data_start);
    const s64 at = space.map(space.program_base(), align_up(size, space.page()), PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at < 0) return fail(map_error(at, "the program"));
    LoadedProgram program;
    const u64 text = u64(at), data = text + data_offset;
    EMU_CHECK(relocate_flat(image, u32(text), u32(data), abi.model.order));
    std::memcpy(space.host(text), image.bytes.data(), image.data_start);
    std::memcpy(space.host(data), image.bytes.data() + image.data_start, image.data_end - image.data_start);
    store<u32>(Bytes(space.host(data - 4), 4), 0, u32(data), abi.model.order);
    program.program_entry = program.entry = text + image.entry;
    program.end = text + size;
    program.executable_stack = true; // whose code has no other protection either
    program.flat_data = data;
    return program;
}

Result<ElfImage> parse_for(const ElfSource& source, const Abi& abi, const AddressSpace& space) {
    std::array<u8, elf_header_size> head{};
    usize available = usize(std::min<u64>(head.size(), source.size));
    if (!source.read(0, Bytes(head).first(available))) return fail(EIO, "cannot be read");
    ElfHeader header = EMU_TRY(parse_elf_header(ByteView(ConstBytes(head).first(available))));
    EMU_CHECK(check_architecture(header, abi));
    return parse_elf(source, space.page(), space.limit());
}

Result<void> load_interpreter(const std::string& name, const Abi& abi, AddressSpace& space, const PathMap& paths,
                              LoadedProgram& program) {
    std::string below = paths.below_prefix(name);
    auto fd = Fd::open(below.empty() ? name : below, O_RDONLY);
    if (!fd) {
        Error error{fd.error().code, fmt::format("interpreter {}: {}", name, std::strerror(fd.error().code)), {}};
        if (error.code == ENOENT) error.hint = "-L PATH names the root directory that holds it";
        return fail(std::move(error));
    }
    std::string context = "interpreter " + name;
    const ElfSource source = EMU_TRY(in(context, elf_source(fd->get())));
    ElfImage image = EMU_TRY(in(context, parse_for(source, abi, space)));
    u64 bias = EMU_TRY(in(context, SegmentMapper(fd->get(), image, space).run(0)));
    program.interpreter_base = bias + (image.header.type == elf_type_dyn ? 0 : image.low);
    program.entry = image.header.entry + bias;
    return {};
}

} // namespace

Result<void> check_architecture(const ElfHeader& header, const Abi& abi) {
    if (header.machine == abi.elf_machine && header.is64 == abi.elf64 && header.order == abi.model.order) return {};
    return fail(ENOEXEC, fmt::format("Invalid ELF image for this architecture: {}, {}-bit, {}-endian, where {} is {}-bit, {}-endian",
                                     elf_machine_name(header.machine), header.is64 ? 64 : 32,
                                     header.order == Endian::little ? "little" : "big", abi.name, abi.elf64 ? 64 : 32,
                                     abi.model.order == Endian::little ? "little" : "big"));
}

Result<LoadedProgram> load_program(int fd, const Abi& abi, AddressSpace& space, const PathMap& paths) {
    const ElfSource source = EMU_TRY(elf_source(fd));
    std::array<u8, 4> magic{};
    if (abi.start_flat && source.size >= magic.size() && source.read(0, magic) && is_flat(magic)) return load_flat(source, abi, space);
    ElfImage image = EMU_TRY(parse_for(source, abi, space));
    LoadedProgram program;
    u64 bias = EMU_TRY(SegmentMapper(fd, image, space).run(space.program_base()));
    program.program_entry = program.entry = image.header.entry + bias;
    program.headers = image.headers_address ? *image.headers_address + bias : 0;
    program.header_size = image.header.program_header_size;
    program.header_count = image.header.program_header_count;
    program.executable_stack = image.executable_stack;
    program.flags = image.header.flags;
    const ElfSegment& last = image.segments.back();
    program.end = bias + last.address + last.memory_size;
    if (image.interpreter) EMU_CHECK(load_interpreter(*image.interpreter, abi, space, paths, program));
    return program;
}

} // namespace emu::linux_user
