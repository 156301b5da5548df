// SPDX-License-Identifier: MIT
// Any bytes as the files and words the guest agent reads: configuration, tables of the kernel, os-release, addresses, Base64.
#include "common/base64.h"
#include "guest_agent/channel.h"
#include "guest_agent/mounts.h"
#include "guest_agent/nvme_smart.h"
#include "guest_agent/os_release.h"
#include "guest_agent/tables.h"

#include <cstdlib>

using namespace emu;
using namespace emu::guest_agent;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Config config;
    if (read_config(config, text)) {
        Config again;
        if (!read_config(again, dump_config(config)) || dump_config(again) != dump_config(config)) std::abort();
    }
    Host host;
    host.root = "/nonexistent";
    (void)parse_mountinfo(host, text);
    (void)parse_os_release(text);
    for (const Row& row : table_rows(text))
        for (const std::string& word : row) (void)number_or_zero(word), (void)hex_number(word), (void)number_after(word, "cpu");
    (void)parse_vsock(text);
    (void)parse_smart_log(ConstBytes(data, size));
    if (auto bytes = base64_decode(text); bytes && base64_encode(*bytes) != text) std::abort();
    return 0;
}
