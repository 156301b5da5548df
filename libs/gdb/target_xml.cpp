// SPDX-License-Identifier: MIT
#include "gdb/target_xml.h"

#include <fmt/format.h>

namespace emu::gdb {

std::string target_xml(const isa::RegisterFile& registers, std::string_view os_abi) {
    std::string xml = "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n";
    xml += fmt::format("<architecture>{}</architecture>\n", registers.view().architecture);
    if (!os_abi.empty()) xml += fmt::format("<osabi>{}</osabi>\n", os_abi);
    const isa::DebugFeature* open = nullptr;
    for (usize i = 0; i < registers.count(); i++) {
        const isa::DebugFeature& feature = registers.feature(i);
        if (&feature != open) {
            if (open) xml += "</feature>\n";
            xml += fmt::format("<feature name=\"{}\">\n{}{}", feature.name, feature.types, feature.types.empty() ? "" : "\n");
            open = &feature;
        }
        const isa::DebugRegister& row = registers.row(i);
        xml += fmt::format("<reg name=\"{}\" bitsize=\"{}\" type=\"{}\" regnum=\"{}\"", registers.name(i), row.bits, row.type, i);
        if (!row.group.empty()) xml += fmt::format(" group=\"{}\"", row.group);
        xml += "/>\n";
    }
    return xml + (open ? "</feature>\n" : "") + "</target>\n";
}

} // namespace emu::gdb
