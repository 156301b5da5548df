// SPDX-License-Identifier: MIT
// Any bytes from a server, and any name of an export: the client comes to an end, with a node or an error.
#include "block/image.h"
#include "nbd/name.h"

#include <csignal>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace emu;

namespace {

struct NoObjects final : block::Context {
    Result<std::vector<u8>> secret(std::string_view) override { return fail(ENOENT, "no secret"); }
    std::shared_ptr<void> object(std::string_view, std::string_view) override { return nullptr; }
    void warn(std::string_view) override {}
};

void talk(const std::uint8_t* data, std::size_t size) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
    [[maybe_unused]] const ssize_t sent = ::send(ends[0], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(ends[0], SHUT_WR);
    NoObjects context;
    KeyValues options;
    options.add("driver", "nbd");
    options.add("server.type", "fd");
    options.add("server.str", std::to_string(ends[1]));
    if (auto node = block::open_options(std::move(options), {.context = &context})) {
        std::vector<u8> buffer(4096);
        const u64 total = (*node)->size();
        if (total >= buffer.size()) {
            (void)(*node)->read(0, buffer);
            (void)(*node)->extent(0, total);
            (void)(*node)->flush();
        }
        (void)(*node)->close();
    }
    ::close(ends[0]);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::signal(SIGPIPE, SIG_IGN);
    if (!size) return 0;
    if (data[0] & 1)
        talk(data + 1, std::min<std::size_t>(size - 1, 60'000));
    else if (auto options = nbd::parse_name({reinterpret_cast<const char*>(data) + 1, size - 1}))
        (void)options->tree();
    return 0;
}
