// SPDX-License-Identifier: MIT
// An export in memory, and a client that speaks the wire format by hand.
#pragma once
#include "nbd/server.h"

#include <cstring>
#include <doctest/doctest.h>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>

namespace emu::nbd::test {

class MemoryNode final : public block::Node {
public:
    explicit MemoryNode(usize size, bool writable = true) : bytes_(size) {
        read_only_ = !writable;
        for (usize i = 0; i < size; i++) bytes_[i] = u8(i / 512 + 1);
    }
    std::string_view driver() const override { return "memory"; }
    block::Limits limits() const override { return {.fast_zero = fast_zero}; }
    std::vector<u8> bytes_;
    bool fast_zero = true;
    std::atomic<unsigned> flushes{0};
    u64 bad_at = ~u64(0); ///< reads and writes that touch this byte fail
    std::chrono::milliseconds delay{0};

protected:
    bool bad(u64 at, u64 length) const { return bad_at >= at && bad_at - at < length; }
    u64 do_size() const override { return bytes_.size(); }
    Result<void> do_read(u64 at, Bytes to) override {
        if (delay.count()) std::this_thread::sleep_for(delay);
        if (bad(at, to.size())) return fail(EIO, "bad sector");
        std::lock_guard lock(mutex_);
        std::memcpy(to.data(), bytes_.data() + at, to.size());
        return {};
    }
    Result<void> do_write(u64 at, ConstBytes from, block::WriteFlags) override {
        if (bad(at, from.size())) return fail(ENOSPC, "full");
        std::lock_guard lock(mutex_);
        std::memcpy(bytes_.data() + at, from.data(), from.size());
        return {};
    }
    Result<void> do_write_zeroes(u64 at, u64 length, block::WriteFlags) override {
        std::lock_guard lock(mutex_);
        std::memset(bytes_.data() + at, 0, length);
        return {};
    }
    Result<void> do_flush() override {
        flushes++;
        return {};
    }
    Result<block::Extent> do_extent(u64 at, u64 length) override { // odd megabytes are holes
        const u64 end = std::min(at + length, (at / megabyte + 1) * megabyte);
        const bool hole = at / megabyte & 1;
        return block::Extent{.length = end - at, .data = !hole, .zero = hole, .allocated = true};
    }

private:
    static constexpr u64 megabyte = 1u << 20;
    std::mutex mutex_;
};

/// A server on a thread of its own, with one export.
struct Bench {
    std::shared_ptr<MemoryNode> node;
    std::unique_ptr<EventLoop> loop = std::move(*EventLoop::create());
    std::unique_ptr<Server> server;
    std::thread thread;

    explicit Bench(ServerOptions options = {.max_clients = 0, .persistent = true},
                   ExportOptions wanted = {.writable = true}, usize size = 4u << 20)
        : node(std::make_shared<MemoryNode>(size)) {
        Exports exports;
        auto made = Export::create(node, wanted);
        REQUIRE(made);
        exports.add(*made);
        server = std::make_unique<Server>(std::move(exports), options, *loop);
        REQUIRE(server->start());
        thread = std::thread([this] { (void)loop->run(); });
    }
    ~Bench() {
        loop->stop();
        thread.join();
        server->stop();
    }
    Fd connect() {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        auto shared = std::make_shared<Fd>(ends[0]);
        loop->post([this, shared] { server->adopt(std::move(*shared)); });
        return Fd(ends[1]);
    }
};

/// Blocking, with a limit: a server that says nothing fails the test instead of hanging it.
class Wire {
public:
    explicit Wire(Fd fd) : fd_(std::move(fd)) {}
    void send(const std::vector<u8>& bytes) {
        usize done = 0;
        while (done < bytes.size()) {
            const ssize_t got = ::send(fd_.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
            if (got <= 0) return;
            done += usize(got);
        }
    }
    template <class Fill> void send_with(Fill fill) {
        std::vector<u8> bytes;
        Writer to(bytes);
        fill(to);
        send(bytes);
    }
    /// Fewer bytes than asked for: the server closed.
    std::vector<u8> receive(usize count) {
        std::vector<u8> out(count);
        usize done = 0;
        while (done < count) {
            pollfd wait{fd_.get(), POLLIN, 0};
            if (::poll(&wait, 1, 10'000) <= 0) break;
            const ssize_t got = ::recv(fd_.get(), out.data() + done, count - done, 0);
            if (got <= 0) break;
            done += usize(got);
        }
        out.resize(done);
        return out;
    }
    bool closed() { return receive(1).empty(); }
    int fd() const { return fd_.get(); }

    void greet(u32 flags = 3) {
        auto greeting = receive(18);
        REQUIRE(greeting.size() == 18);
        CHECK(be64(greeting) == init_magic);
        send_with([&](Writer& to) { to.be32(flags); });
    }
    void option(Option which, std::string_view payload = {}) {
        send_with([&](Writer& to) { to.be64(option_magic).be32(u32(which)).be32(u32(payload.size())).text(payload); });
    }
    struct Answer {
        u32 option = 0, type = 0;
        std::string payload;
    };
    Answer answer() {
        auto head = receive(20);
        if (head.size() != 20) return {};
        CHECK(be64(head) == option_reply_magic);
        auto body = receive(be32(head, 16));
        return {be32(head, 8), be32(head, 12), std::string(body.begin(), body.end())};
    }
    /// The type of the final answer to an option.
    u32 outcome() {
        for (;;) {
            const u32 type = answer().type;
            if (type != u32(OptionReply::server) && type != u32(OptionReply::info) &&
                type != u32(OptionReply::meta_context))
                return type;
        }
    }
    static std::string text(auto fill) {
        std::vector<u8> bytes;
        Writer to(bytes);
        fill(to);
        return std::string(bytes.begin(), bytes.end());
    }
    static std::string go_payload(std::string_view name = "") {
        return text([&](Writer& to) { to.be32(u32(name.size())).text(name).be16(0); });
    }
    static std::string context_payload(std::string_view query, std::string_view name = "") {
        return text(
            [&](Writer& to) { to.be32(u32(name.size())).text(name).be32(1).be32(u32(query.size())).text(query); });
    }
    void enter(bool structured = false, std::string_view context = {}) {
        greet();
        if (structured) {
            option(Option::structured_reply);
            REQUIRE(outcome() == u32(OptionReply::ack));
        }
        if (!context.empty()) {
            option(Option::set_meta_context, context_payload(context));
            REQUIRE(outcome() == u32(OptionReply::ack));
        }
        option(Option::go, go_payload());
        REQUIRE(outcome() == u32(OptionReply::ack));
    }
    void request(Command command, u64 offset, u32 length, u16 flags = 0, u64 cookie = 7) {
        send_with([&](Writer& to) {
            to.be32(request_magic).be16(flags).be16(u16(command)).be64(cookie).be64(offset).be32(length);
        });
    }
    /// The error of a simple reply; its cookie must be ours.
    u32 simple(u64 cookie = 7) {
        auto head = receive(16);
        REQUIRE(head.size() == 16);
        CHECK(be32(head) == simple_reply_magic);
        CHECK(be64(head, 8) == cookie);
        return be32(head, 4);
    }
    struct Part {
        u16 flags = 0, type = 0;
        std::vector<u8> body;
    };
    Part chunk() {
        auto head = receive(20);
        REQUIRE(head.size() == 20);
        CHECK(be32(head) == structured_reply_magic);
        return {be16(head, 4), be16(head, 6), receive(be32(head, 16))};
    }

private:
    Fd fd_;
};

} // namespace emu::nbd::test
