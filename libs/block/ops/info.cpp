// SPDX-License-Identifier: MIT
#include "block/ops/info.h"

#include "block/image.h"
#include "common/sizes.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace emu::block {
namespace {

Json snapshot_json(const SnapshotInfo& s) {
    Json out = Json::object();
    if (s.icount) out.set("icount", *s.icount);
    out.set("vm-clock-nsec", s.vm_clock_nsec % 1000000000).set("name", s.name).set("date-sec", s.date_sec).set("date-nsec", u64(s.date_nsec));
    return out.set("vm-clock-sec", s.vm_clock_nsec / 1000000000).set("id", s.id).set("vm-state-size", s.vm_state_size);
}

SnapshotInfo snapshot_from(const Json& json) {
    auto number = [&](const char* key) { const Json* at = json.find(key); return at ? at->to_u64().value_or(0) : 0; };
    auto text = [&](const char* key) { const Json* at = json.find(key); return at && at->as_string() ? *at->as_string() : std::string(); };
    SnapshotInfo out;
    out.id = text("id");
    out.name = text("name");
    out.vm_state_size = number("vm-state-size");
    out.vm_clock_nsec = number("vm-clock-sec") * 1000000000 + number("vm-clock-nsec");
    out.date_sec = s64(number("date-sec"));
    if (json.find("icount")) out.icount = number("icount");
    return out;
}

Json limits_json(const Limits& l) {
    Json out = Json::object();
    out.set("request-alignment", u64(l.request_alignment)).set("max-transfer", l.max_transfer).set("cluster-size", l.cluster_size);
    out.set("pwrite-zeroes-alignment", l.zero_alignment).set("pdiscard-alignment", l.discard_alignment);
    return out.set("compressed-writes", l.can_write_compressed).set("fast-zeroes", l.fast_zero);
}

/// A backing file that is named relative to the image's folder, as it is opened.
void backing_json(const Node& node, Json& out) {
    const std::string& recorded = node.backing_file();
    if (recorded.empty()) return;
    auto full = backing_path(node.name(), recorded);
    if (full && recorded != *full) out.set("full-backing-filename", *full).set("backing-filename", recorded);
    else if (full) out.set("full-backing-filename", *full).set("backing-filename", recorded);
    else out.set("backing-filename", recorded);
    if (!node.backing_format().empty()) out.set("backing-filename-format", node.backing_format());
}

std::string plain(const Json& value) {
    if (const auto* text = value.as_string()) return *text;
    return value.dump();
}

/// Keys with blanks for dashes, nested objects indented, lists numbered.
void tree_text(const Json& value, unsigned depth, std::string& out) {
    const std::string indent(depth * 4, ' ');
    auto item = [&](const std::string& key, const Json& v) {
        const bool nested = (v.as_object() && !v.as_object()->empty()) || (v.as_array() && !v.as_array()->empty());
        out += fmt::format("{}{}:", indent, key);
        if (nested) {
            out += "\n";
            tree_text(v, depth + 1, out);
        } else {
            out += v.as_object() || v.as_array() ? "\n" : fmt::format(" {}\n", plain(v));
        }
    };
    if (const auto* object = value.as_object())
        for (const auto& [key, v] : *object) {
            std::string shown = key;
            std::replace(shown.begin(), shown.end(), '-', ' ');
            item(shown, v);
        }
    if (const auto* array = value.as_array())
        for (usize i = 0; i < array->size(); i++) item(fmt::format("[{}]", i), (*array)[i]);
}

/// What the n-th child is called in options and in `info`.
std::string child_name(const Node& node, usize n, usize count) {
    if (node.driver() == "quorum") return fmt::format("children.{}", n);
    if (node.driver() == "vmdk" && n) return fmt::format("extents.{}", n - 1);
    if (n == 0) return "file";
    return node.driver() == "qcow2" && count == 2 ? "data-file" : fmt::format("child.{}", n);
}

Result<Json> children_json(Node& node, DescribeOptions options) {
    Json out = Json::array();
    const std::vector<NodePtr> children = node.children();
    for (usize i = 0; i < children.size(); i++)
        if (children[i]) out.push(Json::object().set("name", child_name(node, i, children.size())).set("info", EMU_TRY(describe_image(*children[i], options))));
    return out;
}

std::string indented(std::string_view text) {
    std::string out;
    for (usize at = 0; at < text.size();) {
        const usize end = std::min(text.find('\n', at), text.size());
        out += fmt::format("    {}\n", text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

/// "Child node '/file':" and what is below it.
std::string children_text(const Json& image, const std::string& path) {
    std::string out;
    const Json* list = image.find("children");
    if (!list || !list->as_array()) return out;
    for (const Json& child : *list->as_array()) {
        const Json& info = *child.find("info");
        auto number = [&](const char* key) { return info.find(key) ? info.find(key)->to_u64().value_or(0) : 0; };
        const std::string where = path + "/" + plain(*child.find("name")), driver = plain(*info.find("format"));
        const Driver* row = find_driver(driver);
        const bool protocol = row && row->kind == Driver::Kind::protocol;
        std::string text = fmt::format("filename: {}\n{}: {}\n{}: {} ({} bytes)\n", plain(*info.find("filename")), protocol ? "protocol type" : "file format", driver,
                                       protocol ? "file length" : "virtual size", human_size(number("virtual-size")), number("virtual-size"));
        text += fmt::format("disk size: {}\n", info.find("actual-size") ? human_size(number("actual-size")) : "unavailable");
        if (const Json* specific = info.find("format-specific")) text += specific_text(*specific);
        out += fmt::format("Child node '{}':\n{}", where, indented(text)) + children_text(info, where);
    }
    return out;
}

} // namespace

Result<Json> describe_image(Node& node, DescribeOptions options) {
    const ImageInfo info = EMU_TRY(node.info());
    Json out = Json::object();
    out.set("children", EMU_TRY(children_json(node, options)));
    if (!info.snapshots.empty()) {
        Json list = Json::array();
        for (const SnapshotInfo& s : info.snapshots) list.push(snapshot_json(s));
        out.set("snapshots", list);
    }
    out.set("virtual-size", node.size()).set("filename", node.name());
    if (info.cluster_size) out.set("cluster-size", *info.cluster_size);
    out.set("format", node.driver());
    if (auto size = node.allocated_size()) out.set("actual-size", *size);
    if (info.encrypted) out.set("encrypted", true);
    if (info.compressed) out.set("compressed", true);
    if (!info.specific.is_null()) out.set("format-specific", info.specific);
    backing_json(node, out);
    out.set("dirty-flag", info.dirty);
    if (options.limits) out.set("limits", limits_json(node.limits()));
    return out;
}

std::string image_text(const Json& image) {
    auto text = [&](const char* key) { const Json* at = image.find(key); return at ? plain(*at) : std::string(); };
    auto number = [&](const char* key) { return image.find(key)->to_u64().value_or(0); };
    std::string out = fmt::format("image: {}\nfile format: {}\nvirtual size: {} ({} bytes)\n", text("filename"), text("format"),
                                  human_size(number("virtual-size")), number("virtual-size"));
    out += fmt::format("disk size: {}\n", image.find("actual-size") ? human_size(number("actual-size")) : "unavailable");
    if (image.find("encrypted")) out += "encrypted: yes\n";
    if (image.find("cluster-size")) out += fmt::format("cluster_size: {}\n", number("cluster-size"));
    if (text("dirty-flag") == "true") out += "cleanly shut down: no\n";
    if (image.find("backing-filename")) {
        out += fmt::format("backing file: {}", text("backing-filename"));
        if (!image.find("full-backing-filename")) out += " (cannot determine actual path)";
        else if (text("full-backing-filename") != text("backing-filename")) out += fmt::format(" (actual path: {})", text("full-backing-filename"));
        out += "\n";
        if (image.find("backing-filename-format")) out += fmt::format("backing file format: {}\n", text("backing-filename-format"));
    }
    if (const Json* list = image.find("snapshots")) {
        std::vector<SnapshotInfo> all;
        for (const Json& s : *list->as_array()) all.push_back(snapshot_from(s));
        out += "Snapshot list:\n" + snapshot_table(all);
    }
    if (const Json* specific = image.find("format-specific")) out += specific_text(*specific);
    if (const Json* limits = image.find("limits")) {
        out += "Limits:\n";
        tree_text(*limits, 1, out);
    }
    return out + children_text(image, "");
}

std::string specific_text(const Json& specific) {
    const Json* data = specific.find("data");
    if (!data || !data->as_object() || data->as_object()->empty()) return "";
    std::string out = "Format specific information:\n";
    tree_text(*data, 1, out);
    return out;
}

std::string snapshot_table(const std::vector<SnapshotInfo>& snapshots) {
    std::string out = fmt::format("{:<9} {:<16}{:>9}{:>20}{:>13}{:>11}\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
    for (const SnapshotInfo& s : snapshots) {
        const std::time_t when = std::time_t(s.date_sec);
        std::tm local{};
        char date[32] = "";
        if (::localtime_r(&when, &local)) std::strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &local);
        const u64 seconds = s.vm_clock_nsec / 1000000000;
        const std::string clock = fmt::format("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, s.vm_clock_nsec / 1000000 % 1000);
        out += fmt::format("{:<9} {:<16} {:>8} {:>19} {:>12} {:>10}\n", s.id, s.name, human_size(s.vm_state_size), date, clock,
                           s.icount ? std::to_string(*s.icount) : "");
    }
    return out;
}

Json check_json(const CheckResult& r, const Node& node) {
    Json out = Json::object();
    auto counted = [&](const char* key, u64 value) { if (value) out.set(key, value); };
    if (r.image_end_offset) counted("image-end-offset", *r.image_end_offset);
    if (r.total_clusters) counted("total-clusters", *r.total_clusters);
    out.set("check-errors", r.check_errors);
    counted("corruptions", r.corruptions);
    counted("leaks", r.leaks);
    counted("corruptions-fixed", r.corruptions_fixed);
    counted("leaks-fixed", r.leaks_fixed);
    counted("allocated-clusters", r.allocated_clusters.value_or(0));
    counted("fragmented-clusters", r.fragmented_clusters.value_or(0));
    counted("compressed-clusters", r.compressed_clusters.value_or(0));
    return out.set("filename", node.name()).set("format", node.driver());
}

std::string check_text(const CheckResult& r) {
    std::string out;
    if (!r.corruptions && !r.leaks && !r.check_errors) out += "No errors were found on the image.\n";
    if (r.corruptions)
        out += fmt::format("\n{} errors were found on the image.\nData may be corrupted, or further writes to the image may corrupt it.\n", r.corruptions);
    if (r.leaks) out += fmt::format("\n{} leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n", r.leaks);
    if (r.check_errors) out += fmt::format("\n{} internal errors have occurred during the check.\n", r.check_errors);
    if (const u64 total = r.total_clusters.value_or(0), allocated = r.allocated_clusters.value_or(0); total && allocated)
        out += fmt::format("{}/{} = {:.2f}% allocated, {:.2f}% fragmented, {:.2f}% compressed clusters\n", allocated, total, double(allocated) * 100 / double(total),
                           double(r.fragmented_clusters.value_or(0)) * 100 / double(allocated), double(r.compressed_clusters.value_or(0)) * 100 / double(allocated));
    if (r.image_end_offset && *r.image_end_offset) out += fmt::format("Image end offset: {}\n", *r.image_end_offset);
    return out;
}

} // namespace emu::block
