// SPDX-License-Identifier: MIT
// What `info` says of an image, for programs and for people; check results in the same two forms.
#pragma once
#include "block/node.h"

namespace emu::block {

struct DescribeOptions {
    bool limits = false;
};
/// One image without its backing files.
Result<Json> describe_image(Node& node, DescribeOptions options);
/// The lines for people, from what describe_image() made.
std::string image_text(const Json& image);
/// The part about the format, from its {"type", "data"}; "" where there is nothing to say.
std::string specific_text(const Json& specific);
/// The table of internal snapshots, headed by its column names.
std::string snapshot_table(const std::vector<SnapshotInfo>& snapshots);

Json check_json(const CheckResult& result, const Node& node);
/// The summary lines below the messages.
std::string check_text(const CheckResult& result);

} // namespace emu::block
