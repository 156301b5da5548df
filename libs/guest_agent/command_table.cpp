// SPDX-License-Identifier: MIT
#include "guest_agent/handlers.h"

#include <algorithm>

namespace emu::guest_agent {

namespace {

// clang-format off
constexpr Parameter id[] = {{"id", Kind::integer}};
constexpr Parameter time[] = {{"time", Kind::integer, true}};
constexpr Parameter mode[] = {{"mode", Kind::string, true}};
constexpr Parameter handle[] = {{"handle", Kind::integer}};
constexpr Parameter open_parameters[] = {{"path", Kind::string}, {"mode", Kind::string, true}};
constexpr Parameter read_parameters[] = {{"handle", Kind::integer}, {"count", Kind::integer, true}};
constexpr Parameter write_parameters[] = {{"handle", Kind::integer}, {"buf-b64", Kind::base64}, {"count", Kind::integer, true}};
constexpr Parameter seek_parameters[] = {{"handle", Kind::integer}, {"offset", Kind::integer}, {"whence", Kind::any}};
constexpr Parameter mountpoints[] = {{"mountpoints", Kind::strings, true}};
constexpr Parameter minimum[] = {{"minimum", Kind::integer, true}};
constexpr Parameter cpu_members[] = {{"logical-id", Kind::integer}, {"online", Kind::boolean}, {"can-offline", Kind::boolean, true}};
constexpr Parameter cpus[] = {{"vcpus", Kind::objects, false, cpu_members}};
constexpr Parameter block_members[] = {{"phys-index", Kind::integer}, {"online", Kind::boolean}, {"can-offline", Kind::boolean, true}};
constexpr Parameter blocks[] = {{"mem-blks", Kind::objects, false, block_members}};
constexpr Parameter password[] = {{"username", Kind::string}, {"password", Kind::base64}, {"crypted", Kind::boolean}};
constexpr Parameter exec_parameters[] = {{"path", Kind::string}, {"arg", Kind::strings, true}, {"env", Kind::strings, true},
                                         {"input-data", Kind::base64, true}, {"capture-output", Kind::any, true}};
constexpr Parameter pid[] = {{"pid", Kind::integer}};
constexpr Parameter user[] = {{"username", Kind::string}};
constexpr Parameter add_parameters[] = {{"username", Kind::string}, {"keys", Kind::strings}, {"reset", Kind::boolean, true}};
constexpr Parameter remove_parameters[] = {{"username", Kind::string}, {"keys", Kind::strings}};

constexpr u8 frozen = Command::while_frozen, silent = Command::no_reply;
constexpr Command rows[] = {
    {"guest-sync-delimited",             sync,                  id,                u8(frozen | Command::delimited)},
    {"guest-sync",                       sync,                  id,                frozen},
    {"guest-ping",                       ping,                  {},                frozen},
    {"guest-get-time",                   get_time,              {},                0},
    {"guest-set-time",                   set_time,              time,              0},
    {"guest-info",                       info,                  {},                frozen},
    {"guest-shutdown",                   shut_down,             mode,              silent},
    {"guest-file-open",                  file_open,             open_parameters,   0},
    {"guest-file-close",                 file_close,            handle,            0},
    {"guest-file-read",                  file_read,             read_parameters,   0},
    {"guest-file-write",                 file_write,            write_parameters,  0},
    {"guest-file-seek",                  file_seek,             seek_parameters,   0},
    {"guest-file-flush",                 file_flush,            handle,            0},
    {"guest-fsfreeze-status",            fsfreeze_status,       {},                frozen},
    {"guest-fsfreeze-freeze",            fsfreeze_freeze,       {},                0},
    {"guest-fsfreeze-freeze-list",       fsfreeze_freeze_list,  mountpoints,       0},
    {"guest-fsfreeze-thaw",              fsfreeze_thaw,         {},                frozen},
    {"guest-fstrim",                     fstrim,                minimum,           0},
    {"guest-suspend-disk",               suspend_disk,          {},                silent},
    {"guest-suspend-ram",                suspend_ram,           {},                silent},
    {"guest-suspend-hybrid",             suspend_hybrid,        {},                silent},
    {"guest-network-get-interfaces",     get_interfaces,        {},                0},
    {"guest-network-get-route",          get_routes,            {},                0},
    {"guest-get-vcpus",                  get_vcpus,             {},                0},
    {"guest-set-vcpus",                  set_vcpus,             cpus,              0},
    {"guest-get-disks",                  get_disks,             {},                0},
    {"guest-get-fsinfo",                 get_fsinfo,            {},                0},
    {"guest-set-user-password",          set_user_password,     password,          0},
    {"guest-get-memory-blocks",          get_memory_blocks,     {},                0},
    {"guest-set-memory-blocks",          set_memory_blocks,     blocks,            0},
    {"guest-get-memory-block-info",      get_memory_block_info, {},                0},
    {"guest-exec-status",                exec_status,           pid,               0},
    {"guest-exec",                       exec,                  exec_parameters,   0},
    {"guest-get-host-name",              get_host_name,         {},                0},
    {"guest-get-users",                  get_users,             {},                0},
    {"guest-get-timezone",               get_timezone,          {},                0},
    {"guest-get-osinfo",                 get_osinfo,            {},                0},
    {"guest-get-devices",                nullptr,               {},                Command::absent},
    {"guest-ssh-get-authorized-keys",    get_keys,              user,              0},
    {"guest-ssh-add-authorized-keys",    add_keys,              add_parameters,    0},
    {"guest-ssh-remove-authorized-keys", remove_keys,           remove_parameters, 0},
    {"guest-get-diskstats",              get_diskstats,         {},                0},
    {"guest-get-cpustats",               get_cpustats,          {},                0},
    {"guest-get-load",                   get_load,              {},                0},
};
// clang-format on

} // namespace

std::span<const Command> commands() { return rows; }

const Command* find_command(std::string_view name) {
    const auto* at = std::find_if(std::begin(rows), std::end(rows), [&](const Command& row) { return row.name == name; });
    return at == std::end(rows) ? nullptr : at;
}

} // namespace emu::guest_agent
