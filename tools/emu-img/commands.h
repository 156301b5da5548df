// SPDX-License-Identifier: MIT
// The commands of emu-img; each is a row for the tool's table with the variables that its options fill.
#pragma once
#include "session.h"

namespace emu::img {

cli::Command amend_command(Session& session);
cli::Command bench_command(Session& session);
cli::Command bitmap_command(Session& session);
cli::Command check_command(Session& session);
cli::Command commit_command(Session& session);
cli::Command compare_command(Session& session);
cli::Command convert_command(Session& session);
cli::Command create_command(Session& session);
cli::Command dd_command(Session& session);
cli::Command info_command(Session& session);
cli::Command map_command(Session& session);
cli::Command measure_command(Session& session);
cli::Command rebase_command(Session& session);
cli::Command resize_command(Session& session);
cli::Command snapshot_command(Session& session);

} // namespace emu::img
