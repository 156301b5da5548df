// SPDX-License-Identifier: MIT
// Listing another server's exports.
#include "nbd/client.h"
#include "nbd/libnbd.h"
#include "nbd/wire.h"

#include <fmt/format.h>
#include <vector>

namespace emu::nbd {
namespace {

struct Found {
    std::string name, description;
};

int take_export(void* to, const char* name, const char* description) {
    static_cast<std::vector<Found>*>(to)->push_back({name, description});
    return 0;
}
int take_context(void* to, const char* name) {
    static_cast<std::vector<std::string>*>(to)->push_back(name);
    return 0;
}

u16 flags_of(nbd_handle* h) {
    struct Row {
        int (*NbdApi::*ask)(nbd_handle*);
        u16 flag;
    };
    static constexpr Row rows[] = {
        {&NbdApi::nbd_is_read_only, read_only_flag},
        {&NbdApi::nbd_can_flush, send_flush},
        {&NbdApi::nbd_can_fua, send_fua},
        {&NbdApi::nbd_is_rotational, rotational},
        {&NbdApi::nbd_can_trim, send_trim},
        {&NbdApi::nbd_can_zero, send_write_zeroes},
        {&NbdApi::nbd_can_df, send_df},
        {&NbdApi::nbd_can_multi_conn, can_multi_conn},
        {&NbdApi::nbd_can_cache, send_cache},
        {&NbdApi::nbd_can_fast_zero, send_fast_zero},
    };
    u16 out = has_flags;
    for (const Row& row : rows)
        if ((library().*row.ask)(h) == 1) out |= row.flag;
    return out;
}

std::string describe(nbd_handle* h) {
    const s64 size = library().nbd_get_size(h);
    if (size < 0) return "";
    const u16 flags = flags_of(h);
    std::string out = fmt::format("  size:  {}\n  flags: {:#x} ( {} )\n", size, flags, transmission_flag_names(flags));
    static constexpr std::pair<int, const char*> sizes[] = {
        {LIBNBD_SIZE_MINIMUM, "min"}, {LIBNBD_SIZE_PREFERRED, "opt"}, {LIBNBD_SIZE_MAXIMUM, "max"}};
    for (const auto& [kind, name] : sizes)
        if (const s64 value = library().nbd_get_block_size(h, kind); value > 0)
            out += fmt::format("  {} block: {}\n", name, value);
    out += "  transaction size: 32-bit\n"; // libnbd asks for no more
    std::vector<std::string> contexts;
    if (library().nbd_opt_list_meta_context(h, nbd_context_callback{take_context, &contexts, nullptr}) > 0) {
        out += fmt::format("  available meta contexts: {}\n", contexts.size());
        for (const std::string& context : contexts) out += fmt::format("   {}\n", context);
    }
    return out;
}

} // namespace

Result<std::string> list_exports(const Target& target) {
    Handle handle = EMU_TRY(make_handle(target));
    nbd_handle* h = handle.get();
    library().nbd_set_opt_mode(h, true);
    library().nbd_set_full_info(h, true);
    EMU_CHECK(connect(h, target));
    std::vector<Found> found;
    if (library().nbd_aio_is_negotiating(h) != 1) return fail(ENOTSUP, "The server is too old to list its exports");
    if (library().nbd_opt_list(h, nbd_list_callback{take_export, &found, nullptr}) < 0)
        return client_error("Failed to list exports");
    std::string out = fmt::format("exports available: {}\n", found.size());
    for (const Found& each : found) {
        out += fmt::format(" export: '{}'\n", each.name);
        if (!each.description.empty()) out += fmt::format("  description: {}\n", each.description);
        if (library().nbd_set_export_name(h, each.name.c_str()) == 0 && library().nbd_opt_info(h) == 0)
            out += describe(h);
    }
    library().nbd_opt_abort(h);
    return out;
}

} // namespace emu::nbd
