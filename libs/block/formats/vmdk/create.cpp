// SPDX-License-Identifier: MIT
// Making VMDK images, and the driver's row.
#include "block/formats/vmdk/image.h"
#include "block/image.h"
#include "common/bits.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <sys/random.h>

namespace emu::block {

using namespace vmdk;

namespace {

constexpr u64 split_bytes = u64(2) << 30, descriptor_sectors = 20;

struct Plan {
    std::string subformat = "monolithicSparse";
    bool zeroed_grain = false;
    DescriptorOptions text;
    Descriptor descriptor;
    bool flat() const { return subformat == "monolithicFlat" || subformat == "twoGbMaxExtentFlat"; }
    bool split() const { return subformat.starts_with("twoGbMaxExtent"); }
    bool compressed() const { return subformat == "streamOptimized"; }
};

/// Header, descriptor, and, at the end, a directory that has no tables yet.
Result<void> make_stream(Node& file, SparseHeader h, const std::string& descriptor) {
    h.version = 3;
    h.flags = SparseHeader::f_newlines | SparseHeader::f_compressed | SparseHeader::f_markers;
    h.compression = 1;
    h.descriptor_at = 1;
    h.descriptor_sectors = descriptor_sectors;
    h.directory_at = SparseHeader::at_end;
    h.overhead = h.grain;
    if (descriptor.size() > descriptor_sectors * sector) return fail(EINVAL, "VMDK descriptor is too long");
    if (h.directory_entries() > (u64(1) << 24)) return fail(EFBIG, "VMDK image is too large");
    std::vector<u8> head = h.serialise();
    head.resize(usize(h.overhead * sector));
    std::copy(descriptor.begin(), descriptor.end(), head.begin() + long(sector));
    const std::vector<u8> directory(usize(h.directory_entries() * 4)), tail = make_stream_end(head.size(), directory, h);
    EMU_CHECK(file.truncate(head.size() + tail.size()));
    EMU_CHECK(file.write(0, head));
    EMU_CHECK(file.write(head.size(), tail));
    return file.flush();
}

/// Header, descriptor, two directories and their empty tables; grains start on a grain's boundary.
Result<void> make_sparse(Node& file, u64 bytes, const Plan& plan, const std::string& descriptor) {
    SparseHeader h;
    h.capacity = (bytes + sector - 1) / sector;
    h.version = plan.zeroed_grain ? 2 : 1;
    if (plan.compressed()) return make_stream(file, std::move(h), descriptor);
    if (plan.zeroed_grain) h.flags |= SparseHeader::f_zero_grains;
    const u64 tables = h.directory_entries(), table_sectors = h.table_entries * 4 / sector;
    const u64 directory_sectors = (tables * 4 + sector - 1) / sector, set = directory_sectors + tables * table_sectors;
    h.descriptor_at = 1;
    h.descriptor_sectors = descriptor_sectors;
    h.redundant_at = h.descriptor_at + h.descriptor_sectors;
    h.directory_at = h.redundant_at + set;
    h.overhead = align_up(h.directory_at + set, h.grain);
    if (h.overhead > 0xffffffffu || tables > (u64(1) << 24)) return fail(EFBIG, "VMDK image is too large");
    if (descriptor.size() > descriptor_sectors * sector) return fail(EINVAL, "VMDK descriptor is too long");
    EMU_CHECK(file.truncate(h.overhead * sector));
    EMU_CHECK(file.write_zeroes(0, h.overhead * sector));
    for (const u64 at : {h.redundant_at, h.directory_at}) {
        std::vector<u8> directory(usize(directory_sectors * sector));
        for (u64 i = 0; i < tables; i++) put_le32(directory, usize(i * 4), u32(at + directory_sectors + i * table_sectors));
        EMU_CHECK(file.write(at * sector, directory));
    }
    EMU_CHECK(file.write(h.descriptor_at * sector, ConstBytes(reinterpret_cast<const u8*>(descriptor.data()), descriptor.size())));
    EMU_CHECK(file.write(0, h.serialise()));
    return file.flush();
}

/// "dir/x.vmdk" and its parts: "dir/", "x".
struct Names {
    std::string folder, base;
    explicit Names(std::string_view path) {
        if (path.starts_with("file:")) path.remove_prefix(5);
        const usize slash = path.rfind('/');
        if (slash != std::string_view::npos) folder = path.substr(0, slash + 1);
        std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
        if (name.ends_with(".vmdk")) name.remove_suffix(5);
        base = name;
    }
};

Result<void> make_parts(const CreateArgs& args, Plan& plan) {
    const Names names(args.name);
    const u64 step = plan.split() ? split_bytes : std::max<u64>(args.size, 1);
    if (args.size / step > 4000) return fail(EFBIG, "VMDK image is too large for extents of 2 GiB");
    for (u64 at = 0, number = 1; at < args.size || number == 1; at += step, number++) {
        const u64 bytes = align_up(std::min(step, args.size - at), sector);
        const std::string name = plan.split() ? fmt::format("{}-{}{:03}.vmdk", names.base, plan.flat() ? 'f' : 's', number)
                                              : fmt::format("{}-flat.vmdk", names.base);
        EMU_CHECK(create_storage(names.folder + name, plan.flat() ? bytes : 0, args.context));
        if (!plan.flat()) {
            OpenArgs open{.writable = true, .cache = {.no_flush = true}, .context = args.context};
            KeyValues options;
            options.add("driver", "file");
            options.add("filename", names.folder + name);
            NodePtr file = EMU_TRY(open_options(std::move(options), open));
            EMU_CHECK(make_sparse(*file, bytes, plan, ""));
            EMU_CHECK(file->close());
        }
        plan.descriptor.extents.push_back({"RW", bytes / sector, plan.flat() ? "FLAT" : "SPARSE", name, 0});
    }
    return {};
}

Result<void> take_parent(CreateArgs& args, Plan& plan) {
    const std::string backing = args.options.take("backing_file").value_or("");
    const std::string format = args.options.take("backing_fmt").value_or("");
    if (backing.empty()) return {};
    if (!format.empty() && format != "vmdk") return fail(EINVAL, fmt::format("backing_file must be a vmdk image"));
    if (plan.flat()) return fail(ENOTSUP, "Flat image can't have backing file");
    const std::string path = EMU_TRY(backing_path(args.name, backing));
    NodePtr parent = EMU_TRY(open_image({.name = path, .format = "vmdk", .no_io = true, .no_backing = true, .context = args.context}));
    const auto* node = dynamic_cast<const VmdkNode*>(parent.get());
    if (!node) return fail(EINVAL, "Invalid backing file format: must be vmdk");
    plan.descriptor.parent_cid = node->cid();
    plan.descriptor.parent_hint = backing;
    return parent->close();
}

Result<Plan> parse_create(CreateArgs& args) {
    Plan plan;
    KeyValues& o = args.options;
    plan.subformat = o.take("subformat").value_or(plan.subformat);
    static constexpr std::string_view known[] = {"monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "streamOptimized"};
    if (std::find(std::begin(known), std::end(known), plan.subformat) == std::end(known)) return fail(EINVAL, fmt::format("invalid parameter value: {}", plan.subformat));
    plan.zeroed_grain = EMU_TRY(o.take_bool("zeroed_grain")).value_or(false);
    const bool compat6 = EMU_TRY(o.take_bool("compat6")).value_or(false);
    plan.text.adapter = o.take("adapter_type").value_or("ide");
    static constexpr std::string_view adapters[] = {"ide", "lsilogic", "buslogic", "legacyESX"};
    if (std::find(std::begin(adapters), std::end(adapters), plan.text.adapter) == std::end(adapters))
        return fail(EINVAL, fmt::format("invalid parameter value: {}", plan.text.adapter));
    const std::string version = o.take("hwversion").value_or("undefined");
    if (version != "undefined" && compat6) return fail(EINVAL, "compat6 cannot be enabled with hwversion set");
    plan.text.hw_version = version != "undefined" ? version : compat6 ? "6" : "4";
    plan.text.tools_version = o.take("toolsversion").value_or(plan.text.tools_version);
    for (const std::string* text : {&plan.text.hw_version, &plan.text.tools_version}) {
        if (text->find_first_not_of("0123456789") != std::string::npos) return fail(EINVAL, "hwversion and toolsversion are numbers");
    }
    if (args.size > (u64(1) << 60)) return fail(EFBIG, "VMDK image is too large");
    EMU_CHECK(take_parent(args, plan));
    if (getrandom(&plan.descriptor.cid, sizeof plan.descriptor.cid, 0) != sizeof plan.descriptor.cid) return fail(EIO, "no random bytes");
    if (plan.descriptor.cid >= 0xfffffffe) plan.descriptor.cid = 1;
    plan.descriptor.create_type = plan.subformat;
    return plan;
}

int probe(ConstBytes head, std::string_view) {
    if (is_sparse_extent(head)) return 100;
    return looks_like_descriptor({reinterpret_cast<const char*>(head.data()), head.size()}) ? 100 : 0;
}

Result<void> create(NodePtr file, CreateArgs& args) {
    Plan plan = EMU_TRY(parse_create(args));
    const u64 sectors = (args.size + sector - 1) / sector;
    if (plan.flat() || plan.split()) {
        EMU_CHECK(make_parts(args, plan));
        const std::string text = make_descriptor(plan.descriptor, sectors, plan.text);
        EMU_CHECK(file->truncate(text.size()));
        EMU_CHECK(file->write(0, ConstBytes(reinterpret_cast<const u8*>(text.data()), text.size())));
        return file->flush();
    }
    const usize slash = args.name.rfind('/');
    plan.descriptor.extents.push_back({"RW", sectors, "SPARSE", slash == std::string::npos ? args.name : args.name.substr(slash + 1), 0});
    return make_sparse(*file, args.size, plan, make_descriptor(plan.descriptor, sectors, plan.text));
}

constexpr CreateOption vmdk_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
    {"adapter_type", CreateOption::Kind::string, "Virtual adapter type, can be one of ide (default), lsilogic, buslogic or legacyESX"},
    {"backing_file", CreateOption::Kind::string, "File name of a base image"},
    {"backing_fmt", CreateOption::Kind::string, "Must be 'vmdk' if present"},
    {"compat6", CreateOption::Kind::flag, "VMDK version 6 image", "off"},
    {"hwversion", CreateOption::Kind::string, "VMDK hardware version", "undefined"},
    {"toolsversion", CreateOption::Kind::string, "VMware guest tools version"},
    {"subformat", CreateOption::Kind::string,
     "VMDK flat extent format, can be one of {monolithicSparse (default) | monolithicFlat | twoGbMaxExtentSparse | twoGbMaxExtentFlat | streamOptimized} "},
    {"zeroed_grain", CreateOption::Kind::flag, "Enable efficient zero writes using the zeroed-grain GTE feature"},
};

} // namespace

extern const Driver vmdk_driver{.name = "vmdk", .probe = probe, .open = VmdkNode::open, .create = create, .create_options = vmdk_options,
                                .stream = vmdk::stream, .has_backing = true, .summary = "VMware disk image"};

} // namespace emu::block
