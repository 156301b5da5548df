// SPDX-License-Identifier: MIT
#include "block/formats/vvfat/tree.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>

namespace emu::block::vvfat {

namespace {

struct HostNode {
    Entry entry;
    std::string path; ///< below the exported folder
    u64 bytes = 0;    ///< of a folder: its entries
    std::vector<std::unique_ptr<HostNode>> members;
};

class Scanner {
public:
    Scanner(const std::string& root, const Geometry& g, const std::function<void(std::string_view)>& warn) : root_(root), g_(g), warn_(warn) {}

    Result<void> scan(HostNode& folder, unsigned depth) {
        if (depth > max_depth) return fail(ELOOP, "the folder is nested too deeply");
        std::vector<std::string> names;
        const std::string path = root_ + "/" + folder.path;
        struct Close {
            void operator()(DIR* d) const { ::closedir(d); }
        };
        const std::unique_ptr<DIR, Close> dir(::opendir(path.c_str()));
        if (!dir) return fail_errno(errno, path);
        while (const dirent* found = ::readdir(dir.get())) {
            const std::string_view name = found->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
        }
        std::sort(names.begin(), names.end());
        std::vector<std::string> taken;
        folder.bytes = (depth || g_.bits == 32 ? 2 : 1) * entry_bytes; // "." and "..", or the label
        for (const std::string& name : names) EMU_CHECK(add(folder, name, taken, depth));
        return {};
    }

private:
    Result<void> add(HostNode& folder, const std::string& name, std::vector<std::string>& taken, unsigned depth) {
        auto node = std::make_unique<HostNode>();
        node->path = folder.path.empty() ? name : folder.path + "/" + name;
        struct stat found = {};
        if (::lstat((root_ + "/" + node->path).c_str(), &found) != 0) return {}; // gone meanwhile
        const bool is_folder = S_ISDIR(found.st_mode);
        if (!is_folder && !S_ISREG(found.st_mode)) return left_out(node->path, "it is neither a file nor a folder");
        if (!is_folder && found.st_size > 0xffffffffll) return left_out(node->path, "FAT files are smaller than 4 GiB");
        if (++count_ > max_items) return fail(E2BIG, fmt::format("the folder has more than {} members", max_items));
        node->entry = {.name = name, .short_name = make_short_name(name, taken), .folder = is_folder, .read_only = !(found.st_mode & S_IWUSR),
                       .size = is_folder ? 0 : u32(found.st_size), .changed = found.st_mtime};
        const auto written = write_entry(node->entry);
        if (!written) return left_out(node->path, written.error().text);
        taken.push_back(node->entry.short_name);
        folder.bytes += written->size();
        if (is_folder) EMU_CHECK(scan(*node, depth + 1));
        folder.members.push_back(std::move(node));
        return {};
    }
    Result<void> left_out(const std::string& path, std::string_view why) {
        if (warn_) warn_(fmt::format("'{}' is left out: {}", path, why));
        return {};
    }
    const std::string& root_;
    const Geometry& g_;
    const std::function<void(std::string_view)>& warn_;
    usize count_ = 0;
};

/// Gives clusters to folders first, then to files, and writes tables and folders.
class Builder {
public:
    Builder(const Geometry& g, std::string_view label) : g_(g), label_(label) { out_.geometry = g; }

    Result<Export> build(HostNode& root) {
        if (g_.bits != 32 && root.bytes > g_.root_entries * entry_bytes)
            return fail(ENOSPC, fmt::format("the root folder has room for {} entries only", g_.root_entries));
        EMU_CHECK(place(root, true, true));
        const u32 folders_end = next_;
        EMU_CHECK(place(root, false, true));
        out_.front.resize(usize((g_.data_at() + u64(folders_end - 2) * g_.cluster) * sector));
        g_.write_boot(out_.front, 0xfabe1afd, label_, g_.clusters - (next_ - 2), next_);
        write_folder(root, nullptr);
        write_table();
        return std::move(out_);
    }

private:
    Result<void> place(HostNode& node, bool folders, bool root = false) {
        const bool in_data = !root || g_.bits == 32;
        const u64 bytes = node.entry.folder ? node.bytes : node.entry.size;
        if (node.entry.folder == folders && in_data && bytes) {
            const u64 count = (bytes + g_.cluster_bytes() - 1) / g_.cluster_bytes();
            if (count > g_.clusters - (next_ - 2))
                return fail(ENOSPC, fmt::format("Directory does not fit in FAT{} (capacity {:.2f} MB)", g_.bits, double(g_.clusters) * double(g_.cluster_bytes()) / 1e6));
            node.entry.cluster = next_;
            runs_.push_back({next_, u32(count)});
            if (!node.entry.folder) out_.mapped.push_back({next_, u32(count), node.path});
            next_ += u32(count);
        }
        if (!root && node.entry.folder == folders) {
            Item item{.folder = folders, .read_only = node.entry.read_only, .size = node.entry.size, .changed = node.entry.changed, .runs = {}};
            if (node.entry.cluster) item.runs.push_back(runs_.back());
            out_.items.emplace(node.path, std::move(item));
        }
        for (auto& member : node.members) {
            if (folders ? member->entry.folder : true) EMU_CHECK(place(*member, folders));
        }
        return {};
    }
    void write_folder(const HostNode& node, const HostNode* above) {
        std::vector<u8> bytes;
        const auto add = [&](const std::vector<u8>& entry) { bytes.insert(bytes.end(), entry.begin(), entry.end()); };
        if (above) {
            // The root is cluster 0 to its members, even where it has one.
            const bool above_root = above->path.empty();
            add(write_short_entry(".", a_folder, node.entry.cluster, 0, node.entry.changed));
            add(write_short_entry("..", a_folder, above_root ? 0 : above->entry.cluster, 0, node.entry.changed));
        } else {
            add(write_short_entry(label_, a_label, 0, 0, node.entry.changed));
        }
        for (const auto& member : node.members) {
            if (const auto entry = write_entry(member->entry)) add(*entry);
        }
        const u64 at = node.entry.cluster ? g_.cluster_at(node.entry.cluster) : g_.root_at();
        std::copy(bytes.begin(), bytes.end(), out_.front.begin() + long(at * sector));
        for (const auto& member : node.members) {
            if (member->entry.folder) write_folder(*member, &node);
        }
    }
    void write_table() {
        const Bytes table = Bytes(out_.front).subspan(usize(g_.tables_at() * sector), usize(g_.table * sector));
        put_entry(table, g_.bits, 0, (g_.end_mark() & ~u32(0xff)) | g_.media());
        put_entry(table, g_.bits, 1, g_.end_mark());
        for (const Run& run : runs_) {
            for (u32 i = 0; i < run.count; i++) put_entry(table, g_.bits, run.first + i, i + 1 < run.count ? run.first + i + 1 : g_.end_mark());
        }
        std::copy(table.begin(), table.end(), table.data() + table.size());
    }

    const Geometry& g_;
    std::string label_;
    Export out_;
    std::vector<Run> runs_;
    u32 next_ = 2;
};

class TreeReader {
public:
    TreeReader(const Geometry& g, const std::function<Result<void>(u64, Bytes)>& read) : g_(g), read_(read), used_(usize(g.clusters) + 2) {}
    Result<Items> run() {
        table_.resize(usize(g_.table * sector));
        EMU_CHECK(read_(g_.tables_at(), table_));
        std::vector<u8> root(g_.root_entries * entry_bytes);
        if (g_.bits == 32) {
            const std::vector<Run> runs = EMU_TRY(chain(2));
            root = EMU_TRY(bytes_of(runs));
        } else {
            EMU_CHECK(read_(g_.root_at(), root));
        }
        EMU_CHECK(folder("", root, 0));
        return std::move(items_);
    }

private:
    Result<std::vector<Run>> chain(u32 number) {
        std::vector<Run> runs;
        while (number < (g_.end_mark() & ~u32(7))) {
            if (!g_.is_cluster(number)) return fail(EINVAL, "a chain of clusters leads out of the disk");
            if (used_[number]) return fail(EINVAL, "two chains of clusters meet");
            used_[number] = true;
            if (!runs.empty() && runs.back().first + runs.back().count == number) runs.back().count++;
            else runs.push_back({number, 1});
            number = get_entry(table_, g_.bits, number);
        }
        return runs;
    }
    Result<std::vector<u8>> bytes_of(const std::vector<Run>& runs) {
        std::vector<u8> out;
        for (const Run& run : runs) {
            if (out.size() + run.count * g_.cluster_bytes() > (usize(4) << 20)) return fail(EINVAL, "a folder is too large");
            const usize at = out.size();
            out.resize(at + run.count * g_.cluster_bytes());
            EMU_CHECK(read_(g_.cluster_at(run.first), Bytes(out).subspan(at)));
        }
        return out;
    }
    Result<void> folder(const std::string& path, ConstBytes bytes, unsigned depth) {
        if (depth > max_depth) return fail(EINVAL, "folders are nested too deeply");
        const std::vector<Entry> entries = EMU_TRY(read_entries(bytes, g_.bits));
        for (const Entry& e : entries) {
            const std::string name = path.empty() ? e.name : path + "/" + e.name;
            Item item{.folder = e.folder, .read_only = e.read_only, .size = e.folder ? 0 : e.size, .changed = e.changed, .runs = {}};
            if (e.cluster) item.runs = EMU_TRY(chain(e.cluster));
            u64 clusters = 0;
            for (const Run& run : item.runs) clusters += run.count;
            if (e.folder ? item.runs.empty() : clusters * g_.cluster_bytes() < e.size) return fail(EINVAL, fmt::format("'{}' has too few clusters", name));
            const std::vector<Run> runs = item.runs;
            if (items_.size() >= max_items || !items_.emplace(name, std::move(item)).second) return fail(EINVAL, fmt::format("'{}' is there twice", name));
            if (!e.folder) continue;
            const std::vector<u8> inner = EMU_TRY(bytes_of(runs));
            EMU_CHECK(folder(name, inner, depth + 1));
        }
        return {};
    }

    const Geometry& g_;
    const std::function<Result<void>(u64, Bytes)>& read_;
    std::vector<bool> used_;
    std::vector<u8> table_;
    Items items_;
};

} // namespace

Result<Export> export_folder(const std::string& folder, const Geometry& geometry, std::string_view label,
                             const std::function<void(std::string_view)>& warn) {
    struct stat found = {};
    if (::stat(folder.c_str(), &found) != 0) return fail_errno(errno, folder);
    if (!S_ISDIR(found.st_mode)) return fail(ENOTDIR, fmt::format("'{}' is no directory", folder));
    HostNode root;
    root.entry.folder = true;
    root.entry.changed = found.st_mtime;
    EMU_CHECK(Scanner(folder, geometry, warn).scan(root, 0));
    return Builder(geometry, label).build(root);
}

Result<Items> read_tree(const Geometry& geometry, const std::function<Result<void>(u64, Bytes)>& read) { return TreeReader(geometry, read).run(); }

} // namespace emu::block::vvfat
