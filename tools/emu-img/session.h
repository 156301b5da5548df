// SPDX-License-Identifier: MIT
// What the commands of emu-img share: the objects of the run, options that mean the same everywhere, opening, progress.
#pragma once
#include "block/image.h"
#include "common/cli.h"
#include "common/progress.h"
#include "objects/table.h"

#include <memory>
#include <string>
#include <vector>

namespace emu::img {

struct Session {
    Session();
    objects::Table objects;
    bool quiet = false, show_progress = false;
    bool acting = false; ///< the command line was understood
};

/// How a command's image is to be opened, filled in by the rows below.
struct Source {
    std::string format;
    bool image_opts = false, force_share = false;
    block::CacheMode cache;
};

/// "Expecting ...": a wrong number of arguments, with the pointer to the help that such errors carry.
Error usage_error(std::string_view text);
tl::unexpected<Error> usage(std::string_view text);
/// "Invalid WHAT specified. You may use ...": not a size.
tl::unexpected<Error> bad_size(std::string_view what);

// Rows of the option tables.
cli::Option object_row(Session& session);
cli::Option quiet_row(Session& session);
cli::Option progress_row(Session& session);
cli::Option format_row(std::string& format, std::string_view names = "f,format", std::string_view help = "format of the image; guessed from its contents if not given");
cli::Option image_opts_row(Source& source);
cli::Option force_share_row(Source& source);
cli::Option untrusted_row(Session& session);
cli::Option cache_row(block::CacheMode& mode, std::string_view names, std::string_view help);
cli::Option output_row(bool& json);
cli::Option options_row(std::string& text);
cli::Option number_row(std::string_view names, std::string_view metavar, std::string_view help, std::string_view what, u64 low, u64 high, u64& value);
/// A byte count refused as `what`.
cli::Option size_row(std::string_view names, std::string_view help, std::string_view what, u64& value);

/// Open `name` as the rows say, and changes to the request.
Result<block::NodePtr> open(Session& session, const Source& source, std::string_view name, block::OpenRequest more = {});
/// The same with an error that does not say "Could not open 'NAME'" first.
Result<block::NodePtr> open_image(Session& session, const Source& source, std::string_view name, block::OpenRequest more = {});
/// "-l": an internal snapshot by "snapshot.id=ID,snapshot.name=NAME" or by either alone.
Result<void> load_snapshot(block::Node& node, std::string_view text);
/// "-o": key=value options; nothing and `true` in `help` where the user asks for a list.
Result<KeyValues> parse_options(std::string_view text, bool& help);
Result<u64> image_size(std::string_view text);

/// A line on stdout unless -q.
void say(const Session& session, std::string_view text);
/// For -p: counts in any case, prints where asked to, and once for each SIGUSR1.
using ProgressPtr = std::unique_ptr<Progress, void (*)(Progress*)>;
ProgressPtr progress(const Session& session, u64 total);
/// Before the first thread is made.
void answer_usr1();

/// The file is removed when SIGINT, SIGTERM or SIGHUP ends the program, so that no half-written image passes as good.
void remove_when_killed(std::string_view path);
void keep_when_killed();

} // namespace emu::img
