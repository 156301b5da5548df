// SPDX-License-Identifier: MIT
// vvfat: a folder of the host as a FAT disk. "fat:[12:|16:|32:][floppy:][rw:][label=X:]DIR"; a FAT16 disk of 504 MiB as a rule.
//
// Tables and folders are made when the image is opened, files are read when their sectors are. What a guest writes goes to an
// unnamed temporary file. With rw=on, at each flush the disk's folders are read, and, if they are in order, the host's folder is
// made to say the same.
//
// Write ordering: a file of the host is written in full under a temporary name and then renamed; what the guest has not flushed,
// or has flushed in the midst of a change to its tables, is not there after a crash.
#include "block/formats/vvfat/tree.h"
#include "block/image.h"
#include "common/checked.h"
#include "common/fd.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <shared_mutex>
#include <sys/stat.h>

namespace emu::block {
namespace {

using namespace vvfat;

Result<void> pread_all(int fd, u64 at, Bytes to) {
    while (!to.empty()) {
        const ssize_t got = ::pread(fd, to.data(), to.size(), off_t(at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(errno, "read");
        if (got == 0) break; // shorter than it was
        at += u64(got);
        to = to.subspan(usize(got));
    }
    std::memset(to.data(), 0, to.size());
    return {};
}
Result<void> pwrite_all(int fd, u64 at, ConstBytes from) {
    while (!from.empty()) {
        const ssize_t put = ::pwrite(fd, from.data(), from.size(), off_t(at));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return fail_errno(put ? errno : EIO, "write");
        at += u64(put);
        from = from.subspan(usize(put));
    }
    return {};
}

class VvfatNode final : public Node {
public:
    VvfatNode(std::string folder, Export exported) : folder_(std::move(folder)), e_(std::move(exported)) {}
    Result<void> make_writable() {
        const char* place = std::getenv("TMPDIR");
        overlay_ = EMU_TRY(in("the temporary file", Fd::open(place ? place : "/var/tmp", O_TMPFILE | O_RDWR, 0600)));
        written_.resize(usize(e_.geometry.sectors()));
        dirty_.resize(usize(e_.geometry.clusters) + 2);
        read_only_ = false;
        return {};
    }
    std::string_view driver() const override { return "vvfat"; }
    Limits limits() const override {
        Limits out;
        out.request_alignment = u32(sector);
        return out;
    }

protected:
    u64 do_size() const override { return e_.geometry.sectors() * sector; }
    Result<void> do_read(u64 at, Bytes to) override {
        std::shared_lock lock(mutex_);
        return read_sectors(at / sector, to);
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags) override {
        if (!in_range(at, from.size(), do_size())) return fail(ENOSPC, "the disk has its size");
        std::unique_lock lock(mutex_);
        EMU_CHECK(pwrite_all(overlay_.get(), at, from));
        const Geometry& g = e_.geometry;
        for (u64 s = at / sector; s < (at + from.size()) / sector; s++) {
            written_[usize(s)] = true;
            if (s >= g.data_at() && (s - g.data_at()) / g.cluster < g.clusters) dirty_[usize((s - g.data_at()) / g.cluster + 2)] = true;
        }
        changed_ = true;
        return {};
    }
    Result<void> do_flush() override { return read_only_ ? Result<void>() : write_back(false); }
    Result<void> do_close() override { return read_only_ ? Result<void>() : write_back(true); }

private:
    Result<void> read_sectors(u64 first, Bytes to) {
        for (u64 s = first; !to.empty();) {
            const u64 length = run_length(s, to.size() / sector);
            EMU_CHECK(read_run(s, to.first(usize(length * sector))));
            s += length;
            to = to.subspan(usize(length * sector));
        }
        return {};
    }
    /// Sectors from `s` on that have one source.
    u64 run_length(u64 s, u64 most) const {
        const auto overlaid = [&](u64 n) { return !written_.empty() && written_[usize(n)]; };
        const bool is = overlaid(s);
        u64 length = 1;
        const u64 front = e_.front.size() / sector;
        const Mapped* file = is || s < front ? nullptr : mapped_at(s);
        while (length < most && overlaid(s + length) == is) {
            if (!is && (s < front) != (s + length < front)) break;
            if (!is && s >= front && mapped_at(s + length) != file) break;
            length++;
        }
        return length;
    }
    const Mapped* mapped_at(u64 s) const {
        const Geometry& g = e_.geometry;
        if (s < g.data_at()) return nullptr;
        const u64 number = (s - g.data_at()) / g.cluster + 2;
        auto behind = std::upper_bound(e_.mapped.begin(), e_.mapped.end(), number, [](u64 n, const Mapped& m) { return n < m.first; });
        if (behind == e_.mapped.begin()) return nullptr;
        const Mapped& m = *std::prev(behind);
        return number - m.first < m.count ? &m : nullptr;
    }
    Result<void> read_run(u64 s, Bytes to) {
        if (!written_.empty() && written_[usize(s)]) return pread_all(overlay_.get(), s * sector, to);
        if (s < e_.front.size() / sector) {
            std::memcpy(to.data(), e_.front.data() + s * sector, to.size());
            return {};
        }
        const Mapped* file = mapped_at(s);
        std::memset(to.data(), 0, to.size());
        if (!file) return {};
        const Fd fd = EMU_TRY(Fd::open(folder_ + "/" + file->path, O_RDONLY | O_NOFOLLOW));
        return pread_all(fd.get(), (s - e_.geometry.cluster_at(file->first)) * sector, to);
    }

    Result<void> write_back(bool closing);
    struct Plan {
        std::vector<std::string> folders, write, gone;             ///< paths
        std::vector<std::pair<std::string, std::string>> renamed; ///< from, to
    };
    Plan plan(const Items& now) const;
    bool untouched(const Item& item) const {
        return std::none_of(item.runs.begin(), item.runs.end(), [&](const Run& run) {
            for (u32 i = 0; i < run.count; i++)
                if (dirty_[run.first + i]) return true;
            return false;
        });
    }
    Result<void> keep_clusters(const std::string& path);
    Result<void> carry_out(const Plan& plan, const Items& now);
    Result<void> write_file(const std::string& path, const Item& item);

    std::string folder_;
    Export e_;
    std::shared_mutex mutex_;
    Fd overlay_;
    std::vector<bool> written_; ///< sectors that are in the overlay; empty: read-only
    std::vector<bool> dirty_;   ///< clusters written to since the host's folder was last brought up to date
    bool changed_ = false;
};

VvfatNode::Plan VvfatNode::plan(const Items& now) const {
    Plan out;
    std::vector<std::string> left; // names that are no more
    for (const auto& [path, item] : e_.items) {
        const auto found = now.find(path);
        if (found == now.end() || found->second.folder != item.folder) left.push_back(path);
    }
    for (const auto& one : now) {
        const std::string& path = one.first;
        const Item& item = one.second; // clang 14 lets no lambda capture a structured binding
        const auto known = e_.items.find(path);
        const bool is_known = known != e_.items.end() && known->second.folder == item.folder;
        if (item.folder) {
            if (!is_known) out.folders.push_back(path);
            continue;
        }
        const auto same = [&](const Item& old) { return !old.folder && old.runs == item.runs && old.size == item.size && untouched(item); };
        if (is_known && same(known->second)) continue;
        const auto from = is_known || item.runs.empty() ? left.end() : std::find_if(left.begin(), left.end(), [&](const std::string& name) { return same(e_.items.at(name)); });
        if (from != left.end() && known == e_.items.end()) {
            out.renamed.emplace_back(*from, path);
            left.erase(from);
        } else {
            out.write.push_back(path);
        }
    }
    out.gone = std::move(left);
    return out;
}

/// The host's file is about to change: what its clusters show must not.
Result<void> VvfatNode::keep_clusters(const std::string& path) {
    const auto file = std::find_if(e_.mapped.begin(), e_.mapped.end(), [&](const Mapped& m) { return m.path == path; });
    if (file == e_.mapped.end()) return {};
    const Geometry& g = e_.geometry;
    std::vector<u8> cluster(usize(g.cluster_bytes()));
    for (u32 i = 0; i < file->count; i++) {
        const u64 at = g.cluster_at(file->first + i);
        EMU_CHECK(read_sectors(at, cluster));
        EMU_CHECK(pwrite_all(overlay_.get(), at * sector, cluster));
        for (u64 s = 0; s < g.cluster; s++) written_[usize(at + s)] = true;
    }
    e_.mapped.erase(file);
    return {};
}

Result<void> VvfatNode::write_file(const std::string& path, const Item& item) {
    const std::string target = folder_ + "/" + path;
    std::string temporary = target.substr(0, target.rfind('/') + 1) + ".emu-vvfat-XXXXXX";
    Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd) return fail_errno(errno, temporary);
    const auto fill = [&]() -> Result<void> {
        u64 done = 0;
        std::vector<u8> bytes;
        for (const Run& run : item.runs) {
            for (u32 i = 0; i < run.count && done < item.size; i++) {
                bytes.resize(usize(e_.geometry.cluster_bytes()));
                EMU_CHECK(read_sectors(e_.geometry.cluster_at(run.first + i), bytes));
                const u64 length = std::min<u64>(bytes.size(), item.size - done);
                EMU_CHECK(pwrite_all(fd.get(), done, ConstBytes(bytes).first(usize(length))));
                done += length;
            }
        }
        const timespec times[2] = {{.tv_sec = item.changed, .tv_nsec = 0}, {.tv_sec = item.changed, .tv_nsec = 0}};
        ::futimens(fd.get(), times);
        if (::fchmod(fd.get(), item.read_only ? 0444 : 0644) != 0 || ::fdatasync(fd.get()) != 0) return fail_errno(errno, temporary);
        return ::rename(temporary.c_str(), target.c_str()) == 0 ? Result<void>() : Result<void>(fail_errno(errno, target));
    };
    auto filled = fill();
    if (!filled) ::unlink(temporary.c_str());
    return filled;
}

Result<void> VvfatNode::carry_out(const Plan& p, const Items& now) {
    for (const auto* list : {&p.write, &p.gone}) {
        for (const std::string& path : *list) EMU_CHECK(keep_clusters(path));
    }
    const auto host = [&](const std::string& path) { return folder_ + "/" + path; };
    // A file whose name is a folder's now makes room first.
    for (const std::string& path : p.gone) {
        if (!e_.items.at(path).folder && now.contains(path) && ::unlink(host(path).c_str()) != 0 && errno != ENOENT) return fail_errno(errno, host(path));
    }
    for (const std::string& path : p.folders) { // parents sort before what is in them
        if (::mkdir(host(path).c_str(), 0755) == 0) continue;
        struct stat found = {};
        if (errno != EEXIST || ::lstat(host(path).c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) return fail_errno(EEXIST, host(path));
    }
    for (const auto& [from, to] : p.renamed) {
        if (::rename(host(from).c_str(), host(to).c_str()) != 0) return fail_errno(errno, host(to));
        for (Mapped& m : e_.mapped) {
            if (m.path == from) m.path = to;
        }
    }
    for (auto path = p.gone.rbegin(); path != p.gone.rend(); ++path) { // members before their folders
        const bool folder = e_.items.at(*path).folder;
        if (!folder && now.contains(*path)) continue;
        const int status = folder ? ::rmdir(host(*path).c_str()) : ::unlink(host(*path).c_str());
        if (status != 0 && errno != ENOENT && errno != ENOTEMPTY) return fail_errno(errno, host(*path));
    }
    for (const std::string& path : p.write) EMU_CHECK(write_file(path, now.at(path)));
    return {};
}

Result<void> VvfatNode::write_back(bool closing) {
    std::unique_lock lock(mutex_);
    if (!changed_) return {};
    auto now = read_tree(e_.geometry, [this](u64 s, Bytes to) { return read_sectors(s, to); });
    if (!now) { // a guest in the middle of something: another flush will come
        if (!closing) return {};
        return fail(std::move(now.error()).in("the FAT file system is damaged, the folder is left as it is"));
    }
    EMU_CHECK(carry_out(plan(*now), *now));
    e_.items = std::move(*now);
    dirty_.assign(dirty_.size(), false);
    changed_ = false;
    return {};
}

Result<KeyValues> parse_fat_name(std::string_view name) {
    KeyValues out;
    if (!name.starts_with("fat:")) return fail(EINVAL, "File name string must start with 'fat:'");
    name.remove_prefix(4);
    for (bool more = true; more;) {
        const std::string_view word = name.substr(0, name.find(':'));
        more = word.size() < name.size();
        if (!more) break;
        if (word == "12" || word == "16" || word == "32") out.add("fat-type", word);
        else if (word == "floppy" || word == "rw") out.add(word, "on");
        else if (word.starts_with("label=")) out.add("label", word.substr(6));
        else break; // the folder's name has a colon
        name.remove_prefix(word.size() + 1);
    }
    out.add("dir", name);
    return out;
}

Result<NodePtr> open_vvfat(NodePtr, OpenArgs& args) {
    KeyValues& o = args.options;
    const auto dir = o.take("dir");
    if (!dir || dir->empty()) return fail(EINVAL, "vvfat block driver requires a 'dir' option");
    const unsigned bits = unsigned(EMU_TRY(o.take_number("fat-type")).value_or(0));
    if (bits != 0 && bits != 12 && bits != 16 && bits != 32) return fail(EINVAL, "Valid FAT types are only 12, 16 and 32");
    const bool floppy = EMU_TRY(o.take_bool("floppy")).value_or(false), rw = EMU_TRY(o.take_bool("rw")).value_or(false);
    const std::string label = o.take("label").value_or("EMU VVFAT");
    if (label.size() > 11) return fail(EINVAL, "vvfat label cannot be longer than 11 bytes");
    if (args.writable && !rw) return fail(EACCES, "Unable to open the directory for writing: rw=on is not given");
    const Geometry geometry = EMU_TRY(Geometry::choose(bits, floppy));
    Export exported = EMU_TRY(export_folder(*dir, geometry, label, [&](std::string_view text) { args.context->warn(text); }));
    auto node = std::make_shared<VvfatNode>(*dir, std::move(exported));
    if (args.writable) EMU_CHECK(node->make_writable());
    return NodePtr(std::move(node));
}

constexpr std::string_view prefixes[] = {"fat"};
constexpr CreateOption vvfat_options[] = {
    {"dir", CreateOption::Kind::string, "the directory to show"},
    {"fat-type", CreateOption::Kind::number, "12, 16 or 32", "16"},
    {"floppy", CreateOption::Kind::flag, "a floppy disk without a partition table", "off"},
    {"label", CreateOption::Kind::string, "volume label, up to 11 characters", "EMU VVFAT"},
    {"rw", CreateOption::Kind::flag, "changes go back to the directory", "off"},
};

} // namespace

extern const Driver vvfat_driver{.name = "vvfat", .kind = Driver::Kind::protocol, .open = open_vvfat, .parse_name = parse_fat_name, .prefixes = prefixes,
                                 .open_options = vvfat_options, .summary = "a directory of the host as a FAT disk"};

} // namespace emu::block
