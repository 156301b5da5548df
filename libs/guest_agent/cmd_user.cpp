// SPDX-License-Identifier: MIT
// Users: who is logged in (utmp(5)), passwords (chpasswd(8)), keys for ssh.
#include "guest_agent/handlers.h"

#include "guest_agent/ssh_keys.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <utmpx.h>

namespace emu::guest_agent {

namespace {

Result<SshKeys> keys_of(Agent& agent, const Arguments& arguments) { return SshKeys::of_user(agent.host(), arguments.string("username")); }

Result<void> check_keys(const std::vector<std::string>& keys) {
    for (const std::string& key : keys)
        if (key.empty() || key[0] == '#' || key.find_first_of("\r\n") != key.npos) return fail(EINVAL, fmt::format("invalid OpenSSH public key '{}'", key));
    return {};
}

} // namespace

Result<Json> set_user_password(Agent& agent, const Arguments& arguments) {
    const std::string user = arguments.string("username"), password = arguments.bytes("password");
    if (user.find_first_of(":\n") != user.npos) return fail(EINVAL, "forbidden characters in username");
    if (password.find('\n') != password.npos) return fail(EINVAL, "forbidden characters in raw password");
    std::vector<std::string> command{"chpasswd"};
    if (arguments.boolean("crypted")) command.emplace_back("-e");
    EMU_CHECK(agent.host().run_well(command, fmt::format("{}:{}\n", user, password)));
    return Json::object();
}

/// One entry per user, with the earliest login.
Result<Json> get_users(Agent&, const Arguments&) {
    std::map<std::string, double> logins;
    setutxent();
    while (const utmpx* entry = getutxent()) {
        if (entry->ut_type != USER_PROCESS) continue;
        const std::string name(entry->ut_user, strnlen(entry->ut_user, sizeof entry->ut_user));
        const double time = double(entry->ut_tv.tv_sec) + double(entry->ut_tv.tv_usec) / 1e6;
        auto [at, fresh] = logins.emplace(name, time);
        if (!fresh && time < at->second) at->second = time;
    }
    endutxent();
    Json list = Json::array();
    for (const auto& [name, time] : logins) list.push(Json().set("user", name).set("login-time", time));
    return list;
}

Result<Json> get_keys(Agent& agent, const Arguments& arguments) {
    auto file = EMU_TRY(keys_of(agent, arguments));
    Json list = Json::array(), answer;
    for (const std::string& line : EMU_TRY(file.load()))
        if (!line.empty() && line[0] != '#') list.push(line);
    return answer.set("keys", std::move(list));
}

Result<Json> add_keys(Agent& agent, const Arguments& arguments) {
    const auto keys = arguments.strings("keys");
    EMU_CHECK(check_keys(keys));
    auto file = EMU_TRY(keys_of(agent, arguments));
    std::vector<std::string> lines;
    if (!arguments.boolean("reset") && file.exists()) lines = EMU_TRY(file.load());
    for (const std::string& key : keys)
        if (std::find(lines.begin(), lines.end(), key) == lines.end()) lines.push_back(key);
    EMU_CHECK(file.store(lines));
    return Json::object();
}

Result<Json> remove_keys(Agent& agent, const Arguments& arguments) {
    const auto keys = arguments.strings("keys");
    EMU_CHECK(check_keys(keys));
    auto file = EMU_TRY(keys_of(agent, arguments));
    if (!file.exists()) return Json::object();
    auto lines = EMU_TRY(file.load());
    const usize before = lines.size();
    std::erase_if(lines, [&](const std::string& line) { return std::find(keys.begin(), keys.end(), line) != keys.end(); });
    if (lines.size() != before) EMU_CHECK(file.store(lines));
    return Json::object();
}

} // namespace emu::guest_agent
