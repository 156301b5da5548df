// SPDX-License-Identifier: MIT
// Freezing, thawing and trimming file systems (ioctl FIFREEZE, FITHAW, FITRIM of linux/fs.h).
#include "guest_agent/handlers.h"

#include "guest_agent/mounts.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

namespace emu::guest_agent {

namespace {

Result<Fd> open_mount(const Agent& agent, const Mount& mount) {
    return Fd::open(agent.host().path(mount.point), O_RDONLY | O_DIRECTORY | O_NONBLOCK);
}

Result<void> run_hook(Agent& agent, std::string_view argument) {
    const std::string& hook = agent.config().fsfreeze_hook;
    if (hook.empty()) return {};
    return in("fsfreeze hook", agent.host().run_well({hook, std::string(argument)}));
}

/// True if frozen by this call; false for one that cannot be frozen, or is already.
Result<bool> freeze_one(const Agent& agent, const Mount& mount) {
    auto fd = open_mount(agent, mount);
    if (!fd && (fd.error().code == ENOTDIR || fd.error().code == EACCES)) return false; // a file bound over a file; FUSE
    if (!fd) return fail(std::move(fd.error()));
    if (ioctl(fd->get(), FIFREEZE, 0) == 0) return true;
    if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EBUSY) return false;
    return fail_errno(errno, fmt::format("failed to freeze {}", mount.point));
}

/// File systems may have been frozen several times over: thawed until there is nothing to thaw.
s64 thaw_all(Agent& agent) {
    s64 thawed = 0;
    auto list = mounts(agent.host(), false);
    if (!list) return 0;
    for (const Mount& mount : *list) {
        auto fd = open_mount(agent, mount);
        if (!fd) continue;
        bool any = false;
        while (ioctl(fd->get(), FITHAW, 0) == 0) any = true;
        if (!any && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOTTY) agent.log().warning(fmt::format("failed to thaw {}: {}", mount.point, std::strerror(errno)));
        thawed += any;
    }
    return thawed;
}

/// `wanted`: mount points, or null for all file systems.
Result<Json> freeze(Agent& agent, const std::vector<std::string>* wanted) {
    std::vector<Mount> list = EMU_TRY(mounts(agent.host(), wanted != nullptr));
    if (wanted) std::erase_if(list, [&](const Mount& mount) { return std::find(wanted->begin(), wanted->end(), mount.point) == wanted->end(); });
    EMU_CHECK(run_hook(agent, "freeze"));
    // The marker first: once something is frozen, a write may never return.
    EMU_CHECK(agent.set_frozen(true));
    s64 frozen = 0;
    Result<void> failed;
    for (auto mount = list.rbegin(); mount != list.rend() && failed; ++mount) {
        auto done = freeze_one(agent, *mount);
        if (done) frozen += *done;
        else failed = fail(std::move(done.error()));
    }
    if (frozen && failed) return Json(frozen);
    if (!failed) thaw_all(agent);
    EMU_CHECK(agent.set_frozen(false));
    auto hook = run_hook(agent, "thaw");
    if (!hook) agent.log().warning(hook.error().line());
    if (!failed) return fail(std::move(failed.error()));
    return Json(frozen);
}

Json trim_one(const Agent& agent, const Mount& mount, u64 minimum) {
    Json answer;
    answer.set("path", mount.point);
    auto fd = open_mount(agent, mount);
    if (!fd) return answer.set("error", "failed to open: " + fd.error().line());
    fstrim_range range{};
    range.len = ~u64(0);
    range.minlen = minimum;
    if (ioctl(fd->get(), FITRIM, &range) == 0) return answer.set("minimum", u64(range.minlen)).set("trimmed", u64(range.len));
    if (errno == ENOTTY || errno == EOPNOTSUPP) return answer.set("error", "trim not supported");
    return answer.set("error", fmt::format("failed to trim: {}", std::strerror(errno)));
}

} // namespace

Result<Json> fsfreeze_status(Agent& agent, const Arguments&) { return Json(agent.state().frozen() ? "frozen" : "thawed"); }

Result<Json> fsfreeze_freeze(Agent& agent, const Arguments&) { return freeze(agent, nullptr); }

Result<Json> fsfreeze_freeze_list(Agent& agent, const Arguments& arguments) {
    if (!arguments.has("mountpoints")) return freeze(agent, nullptr);
    const std::vector<std::string> wanted = arguments.strings("mountpoints");
    return freeze(agent, &wanted);
}

Result<Json> fsfreeze_thaw(Agent& agent, const Arguments&) {
    const s64 thawed = thaw_all(agent);
    const bool was_frozen = agent.state().frozen();
    EMU_CHECK(agent.set_frozen(false));
    if (was_frozen) EMU_CHECK(run_hook(agent, "thaw"));
    return Json(thawed);
}

Result<Json> fstrim(Agent& agent, const Arguments& arguments) {
    auto list = EMU_TRY(mounts(agent.host(), true));
    Json paths = Json::array(), answer;
    for (auto mount = list.rbegin(); mount != list.rend(); ++mount)
        paths.push(trim_one(agent, *mount, u64(arguments.integer("minimum"))));
    answer.set("paths", std::move(paths));
    return answer;
}

} // namespace emu::guest_agent
