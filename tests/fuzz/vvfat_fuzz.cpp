// SPDX-License-Identifier: MIT
// What a guest may have written over a FAT disk, read back as folders and files. The input is
//   kind, patches...   kind & 1: a floppy with FAT12, otherwise FAT16 or (& 2) FAT32; a patch is an offset (3 bytes, of the part with
//                      tables and folders), a length (1), bytes
// Whatever is found has names that stay inside the folder, and clusters that belong to it alone.
#include "block/formats/vvfat/tree.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <unistd.h>

using namespace emu;
using namespace emu::block::vvfat;

namespace {

Export make(unsigned bits, bool floppy) {
    char name[] = "/tmp/emu-vvfat-fuzz-XXXXXX";
    const std::filesystem::path folder = ::mkdtemp(name);
    std::filesystem::create_directory(folder / "folder");
    for (const char* file : {"a", "a file with a long name.text", "folder/B.TXT"}) std::ofstream(folder / file) << std::string(3000, 'x');
    Export out = export_folder(folder, Geometry::choose(bits, floppy).value(), "LABEL", [](std::string_view) {}).value();
    std::filesystem::remove_all(folder);
    return out;
}

bool harmless(const std::string& path) {
    for (usize at = 0; at <= path.size();) {
        const usize end = std::min(path.find('/', at), path.size());
        const std::string part = path.substr(at, end - at);
        if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos) return false;
        at = end + 1;
    }
    return true;
}

void judge(const Items& items, const Geometry& g) {
    std::set<u32> used;
    for (const auto& [path, item] : items) {
        if (!harmless(path)) std::abort();
        for (const Run& run : item.runs)
            for (u32 i = 0; i < run.count; i++)
                if (!g.is_cluster(run.first + i) || !used.insert(run.first + i).second) std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Export disks[] = {make(16, false), make(12, true), make(32, false), make(12, true)};
    if (size < 1) return 0;
    const Export& disk = disks[data[0] & 3];
    std::vector<u8> front = disk.front;
    for (usize at = 1; at + 4 <= size;) {
        const usize offset = (data[at] | usize(data[at + 1]) << 8 | usize(data[at + 2]) << 16) % front.size();
        const usize length = std::min({usize(data[at + 3]), size - at - 4, front.size() - offset});
        std::copy_n(data + at + 4, length, front.begin() + long(offset));
        at += 4 + usize(data[at + 3]);
    }
    const auto read = [&](u64 first, Bytes to) -> Result<void> {
        for (usize i = 0; i < to.size(); i++) to[i] = first * sector + i < front.size() ? front[usize(first * sector + i)] : 0;
        return {};
    };
    const auto tree = read_tree(disk.geometry, read);
    if (tree) judge(*tree, disk.geometry);
    else if (tree.error().text.empty()) std::abort();
    return 0;
}
