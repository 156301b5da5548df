// SPDX-License-Identifier: MIT
#include "guest_agent/state.h"

#include "common/checked.h"
#include "common/fd.h"
#include "common/sizes.h"
#include "common/text.h"

#include <fmt/format.h>

namespace emu::guest_agent {

namespace {
constexpr std::string_view counter_key = "fd_counter=";
} // namespace

State::State(std::string directory) : file_(directory + "/qga.state"), marker_(directory + "/qga.state.isfrozen") {}

Result<void> State::load() {
    frozen_ = access(marker_.c_str(), F_OK) == 0;
    auto fd = Fd::open(file_, O_RDONLY);
    if (!fd && fd.error().code == ENOENT && !frozen_) return store();
    if (!fd) return frozen_ ? Result<void>() : fail(std::move(fd.error()));
    char bytes[1024];
    const ssize_t got = read(fd->get(), bytes, sizeof bytes);
    if (got < 0) return fail_errno(errno, file_);
    for (std::string_view line : split(std::string_view(bytes, usize(got)), '\n'))
        if (line.starts_with(counter_key)) {
            auto number = parse_number(line.substr(counter_key.size()));
            auto handle = number ? checked_cast<s64>(*number) : std::nullopt;
            if (handle && *handle >= first_handle) next_handle_ = *handle;
        }
    return {};
}

/// Through a new file and rename(2): the counter is whole after any crash.
Result<void> State::store() const {
    const std::string fresh = file_ + ".new", text = fmt::format("[global]\n{}{}\n", counter_key, next_handle_);
    Fd fd = EMU_TRY(Fd::open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    if (write(fd.get(), text.data(), text.size()) != ssize_t(text.size())) return fail_errno(errno, fresh);
    if (rename(fresh.c_str(), file_.c_str()) < 0) return fail_errno(errno, file_);
    return {};
}

Result<void> State::set_frozen(bool frozen) {
    if (frozen) {
        EMU_TRY(Fd::open(marker_, O_WRONLY | O_CREAT, 0600));
    } else if (unlink(marker_.c_str()) < 0 && errno != ENOENT) {
        return fail_errno(errno, marker_);
    }
    frozen_ = frozen;
    return {};
}

Result<s64> State::next_handle() {
    auto after = checked_add<s64>(next_handle_, 1);
    if (!after) return fail(EMFILE, "no file handle left");
    const s64 handle = std::exchange(next_handle_, *after);
    EMU_CHECK(store());
    return handle;
}

} // namespace emu::guest_agent
