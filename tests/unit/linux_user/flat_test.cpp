// SPDX-License-Identifier: MIT
#include "linux_user/flat.h"

#include <doctest/doctest.h>
#include <zlib.h>

using namespace emu;
using namespace emu::linux_user;

namespace {

constexpr u32 text_at = 0x10000, data_at = 0x20000;

struct Parts {
    u32 version = 4, flags = 1;
    std::vector<u32> text, data; ///< in the order that the words have in the file
    u32 bss = 16;
    std::vector<u32> relocations;
    bool gzip = false;
};

std::vector<u8> file_of(const Parts& parts, Endian words = Endian::big) {
    std::vector<u8> body, file(flat_header_size);
    auto add = [&](u32 value, Endian order) {
        body.resize(body.size() + 4);
        store<u32>(Bytes(body), body.size() - 4, value, order);
    };
    for (u32 each : parts.text) add(each, words);
    const u32 data = u32(flat_header_size + body.size());
    for (u32 each : parts.data) add(each, words);
    const u32 end = u32(flat_header_size + body.size());
    for (u32 each : parts.relocations) add(each, Endian::big);
    const u32 header[] = {0x62464c54, parts.version, flat_header_size, data, end, end + parts.bss, 4096, end, u32(parts.relocations.size()), parts.flags};
    for (usize i = 0; i < std::size(header); i++) store<u32>(Bytes(file), i * 4, header[i], Endian::big);
    if (!parts.gzip) {
        file.insert(file.end(), body.begin(), body.end());
        return file;
    }
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::vector<u8> packed(1000);
    stream.next_in = body.data();
    stream.avail_in = uInt(body.size());
    stream.next_out = packed.data();
    stream.avail_out = uInt(packed.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    file.insert(file.end(), packed.begin(), packed.begin() + std::ptrdiff_t(stream.total_out));
    deflateEnd(&stream);
    return file;
}

u32 word(const FlatImage& image, usize at) { return load<u32>(ConstBytes(image.bytes), flat_header_size + at, Endian::little); }

Result<FlatImage> relocated(const std::vector<u8>& file) {
    auto image = parse_flat(elf_source(ConstBytes(file)));
    if (!image) return image;
    EMU_CHECK(relocate_flat(*image, text_at, data_at, Endian::little));
    return image;
}

} // namespace

TEST_CASE("bFLT: words that are named become addresses of text, data and bss") {
    for (bool gzip : {false, true}) {
        auto image = relocated(file_of({.flags = gzip ? 5u : 1u, .text = {4, 8}, .data = {12, 16, 7}, .relocations = {0, 4, 8, 12}, .gzip = gzip}));
        REQUIRE(image);
        CHECK(word(*image, 0) == text_at + 64 + 4);
        CHECK(word(*image, 4) == data_at);
        CHECK(word(*image, 8) == data_at + 4);
        CHECK(word(*image, 12) == data_at + 8);
        CHECK(load<u32>(ConstBytes(image->bytes), 64 + 16, Endian::big) == 7);
    }
}

TEST_CASE("bFLT: the table of position-independent code ends with all ones") {
    auto image = relocated(file_of({.flags = 3, .text = {1, 2}, .data = {4, 0, 20, ~u32(0), 4}}, Endian::little));
    REQUIRE(image);
    CHECK(word(*image, 8) == text_at + 64 + 4);
    CHECK(word(*image, 12) == 0);
    CHECK(word(*image, 16) == data_at + 12);
    CHECK(word(*image, 24) == 4);
}

TEST_CASE("bFLT: version 2 says what a word is relative to") {
    auto image = relocated(file_of({.version = 2, .text = {1, 2}, .data = {3, 4, 5}, .relocations = {0x3ffffff8, 0x40000000, 0x80000004}}, Endian::little));
    REQUIRE(image);
    CHECK(word(*image, 0) == text_at + 64 + 1);
    CHECK(word(*image, 8) == data_at + 3);
    CHECK(word(*image, 12) == data_at + 12 + 4);
}

TEST_CASE("bFLT: what leads out of the file or the program is refused") {
    CHECK_FALSE(relocated(file_of({.text = {1}, .data = {2}, .relocations = {8}})));
    CHECK_FALSE(relocated(file_of({.text = {1}, .data = {100}, .relocations = {4}})));
    CHECK_FALSE(relocated(file_of({.flags = 3, .text = {1}, .data = {100}}, Endian::little)));
    CHECK_FALSE(relocated(file_of({.version = 3, .text = {1}, .data = {2}})));
    CHECK_FALSE(relocated(file_of({.version = 2, .text = {1}, .data = {2}, .relocations = {0xc0000000}})));
    auto file = file_of({.text = {1}, .data = {2}, .relocations = {4}});
    for (usize size = 0; size < file.size(); size++) CHECK_FALSE(relocated({file.begin(), file.begin() + std::ptrdiff_t(size)}));
    for (usize field : {12, 16, 20, 28, 32}) {
        auto damaged = file;
        store<u32>(Bytes(damaged), field, 0xfffffff0, Endian::big);
        CHECK_FALSE(relocated(damaged));
    }
}
