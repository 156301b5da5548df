// SPDX-License-Identifier: MIT
// A folder as a FAT disk: what it shows, and what comes back from a guest that writes.
#include "block/formats/vvfat/tree.h"
#include "memory_node.h"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <sys/stat.h>

using namespace emu;
using namespace emu::block;
using namespace emu::block::test;
namespace fs = std::filesystem;

namespace {

struct Folder {
    Folder() {
        char name[] = "/tmp/emu-fat-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { fs::remove_all(path); }
    fs::path path;
    void put(const std::string& name, std::string_view text) const {
        fs::create_directories((path / name).parent_path());
        std::ofstream(path / name, std::ios::binary) << text;
    }
    std::map<std::string, std::string> all() const {
        std::map<std::string, std::string> out;
        for (const auto& entry : fs::recursive_directory_iterator(path)) {
            std::ifstream file(entry.path(), std::ios::binary);
            out[fs::relative(entry.path(), path)] = entry.is_directory() ? "/" : std::string(std::istreambuf_iterator<char>(file), {});
        }
        return out;
    }
};

std::string noise(usize length, unsigned seed) {
    std::mt19937 random(seed);
    std::string out(length, ' ');
    for (char& c : out) c = char(random());
    return out;
}

Result<NodePtr> open_folder(const Folder& f, const std::string& options, bool writable, Context& context) {
    OpenArgs args{.writable = writable, .options = options_of("dir=" + f.path.string() + options), .name = "fat", .context = &context};
    return find_driver("vvfat")->open(nullptr, args);
}

void fill(const Folder& f) {
    f.put("README.TXT", "plain short name\n");
    f.put("lower.txt", "needs a long name\n");
    f.put("A rather long name with spaces.document", noise(100'000, 1));
    f.put("A rather long name with colours.document", noise(20'000, 2));
    f.put("sub/deep/er/file", noise(8192, 3));
    f.put("sub/empty", "");
    f.put("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80", "not ASCII");
}

/// Everything of one disk that is in use, written onto another.
void copy_disk(Node& from, Node& to, u64 bytes) {
    std::vector<u8> part(1 << 20);
    for (u64 at = 0; at < bytes; at += part.size()) {
        const Bytes now = Bytes(part).first(usize(std::min<u64>(part.size(), bytes - at)));
        REQUIRE(from.read(at, now));
        const auto written = to.write(at, now);
        REQUIRE_MESSAGE(written, (written ? "" : written.error().text));
    }
}

} // namespace

TEST_CASE("vvfat: the tables and folders describe the host's folder") {
    TestContext context;
    Folder f;
    fill(f);
    fs::create_symlink("lower.txt", f.path / "link");
    for (const auto& [options, bits, size] : {std::tuple{"", 16u, 528482304u}, std::tuple{",fat-type=12", 12u, 33030144u}, std::tuple{",fat-type=32", 32u, 528482304u},
                                              std::tuple{",floppy=on", 12u, 2949120u}, std::tuple{",floppy=on,fat-type=12", 12u, 1474560u},
                                              std::tuple{",floppy=on,fat-type=16", 16u, 2949120u}}) {
        CAPTURE(options);
        auto node = open_folder(f, options, false, context);
        REQUIRE_MESSAGE(node, (node ? "" : node.error().text));
        CHECK((*node)->size() == size);
        const bool floppy = std::string_view(options).find("floppy") != std::string_view::npos;
        const auto geometry = vvfat::Geometry::choose(std::string_view(options).find("fat-type") == std::string_view::npos ? 0 : bits, floppy).value();
        CHECK(geometry.bits == bits);
        const auto items = vvfat::read_tree(geometry, [&](u64 s, Bytes to) { return (*node)->read(s * 512, to); });
        REQUIRE_MESSAGE(items, (items ? "" : items.error().text));
        auto expected = f.all();
        expected.erase("link");
        CHECK(items->size() == expected.size());
        for (const auto& [name, text] : expected) {
            CAPTURE(name);
            REQUIRE(items->contains(name));
            const vvfat::Item& item = items->at(name);
            CHECK(item.folder == (text == "/"));
            if (item.folder) continue;
            REQUIRE(item.size == text.size());
            std::string got(text.size(), ' ');
            for (usize at = 0; at < got.size(); at += geometry.cluster_bytes()) {
                const usize length = std::min<usize>(got.size() - at, geometry.cluster_bytes());
                REQUIRE((*node)->read(geometry.cluster_at(item.runs.front().first) * 512 + at, Bytes(reinterpret_cast<u8*>(got.data()) + at, length)));
            }
            CHECK(got == text);
        }
    }
    CHECK(!open_folder(f, ",floppy=on,fat-type=32", false, context));
    CHECK(!open_folder(f, ",label=far too long a label", false, context));
    CHECK(!open_folder(f, "", true, context));
    f.put("big", noise(3 << 20, 9));
    CHECK(!open_folder(f, ",floppy=on", false, context));
}

TEST_CASE("vvfat: what a guest writes comes back to the host") {
    TestContext context;
    for (const char* type : {",fat-type=16", ",fat-type=32", ",fat-type=12"}) {
        CAPTURE(type);
        Folder host, wanted;
        fill(host);
        fill(wanted);
        wanted.put("lower.txt", "changed\n");
        wanted.put("new folder/one", noise(30'000, 4));
        fs::remove(wanted.path / "README.TXT");
        fs::remove_all(wanted.path / "sub/deep");
        wanted.put("sub/deep", "a file where a folder was");
        fs::rename(wanted.path / "A rather long name with spaces.document", wanted.path / "sub/moved.bin");
        auto source = open_folder(wanted, type, false, context).value();
        auto target = open_folder(host, std::string(",rw=on") + type, true, context).value();
        copy_disk(*source, *target, 4 << 20);
        REQUIRE(target->flush());
        CHECK(host.all() == wanted.all());
        // A second round over the same node, back to what it was.
        Folder first;
        fill(first);
        copy_disk(*open_folder(first, type, false, context).value(), *target, 4 << 20);
        const auto closed = target->close();
        REQUIRE_MESSAGE(closed, (closed ? "" : closed.error().text));
        CHECK(host.all() == first.all());
    }
}

TEST_CASE("vvfat: a rename keeps the file, a damaged disk keeps the folder") {
    TestContext context;
    Folder f;
    f.put("BEFORE.TXT", noise(50'000, 5));
    f.put("OTHER.TXT", "other");
    struct Inode {
        static u64 of(const fs::path& path) {
            struct stat found = {};
            return ::stat(path.c_str(), &found) == 0 ? found.st_ino : 0;
        }
    };
    const u64 inode = Inode::of(f.path / "BEFORE.TXT");
    const auto geometry = vvfat::Geometry::choose(16, false).value();
    auto node = open_folder(f, ",rw=on", true, context).value();
    std::vector<u8> root(512);
    REQUIRE(node->read(geometry.root_at() * 512, root));
    const std::string_view text(reinterpret_cast<const char*>(root.data()), root.size());
    const usize at = text.find("BEFORE  TXT");
    REQUIRE(at != std::string_view::npos);
    std::copy_n("AFTER   TXT", 11, root.begin() + long(at));
    REQUIRE(node->write(geometry.root_at() * 512, root));
    REQUIRE(node->flush());
    CHECK(Inode::of(f.path / "AFTER.TXT") == inode);
    CHECK(!fs::exists(f.path / "BEFORE.TXT"));
    const auto before = f.all();
    put_le16(root, at + 26, 60'000); // its first cluster is one that is free: the chain is too short
    REQUIRE(node->write(geometry.root_at() * 512, root));
    CHECK(node->flush());
    CHECK(!node->close());
    CHECK(f.all() == before);
}
