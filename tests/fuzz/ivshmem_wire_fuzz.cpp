// SPDX-License-Identifier: MIT
// Both ends of the ivshmem protocol against a peer that does as it likes. The input is a list of steps: against the server,
// clients connect, send bytes, half-close, leave, or let themselves be flooded; the client is told messages with any numbers, in
// any pieces, with no, one or several descriptors of any kind.
#include "ivshmem/client.h"
#include "ivshmem/server.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

using namespace emu;
using namespace emu::ivshmem;

namespace {

using namespace std::chrono_literals;

class Input {
public:
    Input(const u8* data, usize size) : data_(data), size_(size) {}
    bool empty() const { return at_ >= size_; }
    u8 byte() { return empty() ? 0 : data_[at_++]; }

private:
    const u8* data_;
    usize size_, at_ = 0;
};

std::string path() { return fmt::format("/tmp/emu-ivshmem-fuzz-{}", getpid()); }

sockaddr_un address() {
    sockaddr_un result{};
    result.sun_family = AF_UNIX;
    std::memcpy(result.sun_path, path().data(), path().size());
    return result;
}

void settle(EventLoop& loop) {
    for (int i = 0; i < 50 && *loop.poll(0ms); i++) {}
}

void attack_server(Input& input) {
    auto loop = std::move(*EventLoop::create());
    ServerOptions options;
    options.socket_path = path();
    options.directory = "/tmp";
    options.size = 4096;
    options.vectors = input.byte() % 5;
    auto made = Server::create(options, *loop);
    if (!made) std::abort();
    const sockaddr_un to = address();
    std::array<Fd, 8> clients;
    while (!input.empty()) {
        Fd& client = clients[input.byte() % clients.size()];
        switch (input.byte() % 6) {
        case 0:
            client = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            if (connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) client.reset();
            break;
        case 1: client.reset(); break;
        case 2: (void)send_message(client.get(), input.byte(), -1); break;
        case 3: shutdown(client.get(), input.byte() % 3); break;
        case 4: {
            Receiver receiver;
            for (int i = 0; i < 20 && client && receiver.receive(client.get()); i++) {}
            break;
        }
        default: settle(*loop);
        }
        if ((*made)->clients() > clients.size() + 8) settle(*loop);
    }
    for (Fd& client : clients) client.reset();
    settle(*loop);
    if ((*made)->clients()) std::abort();
}

Fd any_descriptor(u8 kind) {
    if (kind == 0) return Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (kind == 1) return Fd(open("/dev/null", O_RDWR | O_CLOEXEC));
    Fd memory(memfd_create("fuzz", MFD_CLOEXEC));
    if (kind == 2 && ftruncate(memory.get(), 4096) < 0) std::abort();
    return memory;
}

void send_pieces(int socket, const u8* bytes, usize size, const std::vector<int>& fds) {
    iovec vector{const_cast<u8*>(bytes), size};
    alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
    }
    (void)!sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// A message: how its number is made, how many of its bytes are sent, and what comes along.
void send_step(Input& input, int socket) {
    const u8 shape = input.byte();
    s64 value = s8(input.byte());
    if (shape & 1) value = value << 8 | input.byte();
    if (shape & 2) value <<= 40;
    u8 bytes[8];
    for (unsigned i = 0; i < 8; i++) bytes[i] = u8(u64(value) >> (8 * i));
    std::vector<Fd> owned;
    std::vector<int> fds;
    for (unsigned i = 0; i < (shape >> 2 & 3); i++) fds.push_back(owned.emplace_back(any_descriptor(input.byte() & 3)).get());
    send_pieces(socket, bytes, shape & 0x40 ? 1 + (shape >> 4 & 3) : 8, fds);
}

void attack_client(Input& input) {
    auto loop = std::move(*EventLoop::create());
    const sockaddr_un at = address();
    unlink(path().c_str());
    Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0 || listen(listener.get(), 1) < 0) std::abort();
    ClientOptions options;
    options.socket_path = path();
    auto client = Client::connect(options, *loop);
    if (!client) std::abort();
    Fd server(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (input.byte() & 1) { // a proper welcome first
        (void)send_message(server.get(), 0, -1);
        (void)send_message(server.get(), 7, -1);
        Fd memory = any_descriptor(2);
        (void)send_message(server.get(), -1, memory.get());
    }
    while (!input.empty()) {
        send_step(input, server.get());
        settle(*loop);
        for (u16 peer : {u16(0), u16(7)}) (void)(*client)->ring_peer(peer, input.byte());
    }
    unlink(path().c_str());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    if (input.byte() & 1) attack_server(input);
    else attack_client(input);
    return 0;
}
