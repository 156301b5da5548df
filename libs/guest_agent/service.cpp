// SPDX-License-Identifier: MIT
#include "guest_agent/service.h"

#include <fmt/format.h>
#include <sys/socket.h>

namespace emu::guest_agent {

namespace {
using namespace std::chrono_literals;
constexpr auto reopen_interval = 1000ms; ///< between attempts to open a device that is not there
constexpr auto absent_interval = 100ms;  ///< between looks at a port whose other end is closed
} // namespace

Result<std::unique_ptr<Service>> Service::start(Agent& agent, EventLoop& loop, Fd passed, std::function<void(Error)> on_failure) {
    std::unique_ptr<Service> service(new Service(agent, loop, std::move(on_failure)));
    service->method_ = EMU_TRY(find_method(agent.config().method));
    service->path_ = agent.config().effective_path();
    if (passed && service->method_->listens) {
        service->listener_ = std::move(passed);
        EMU_CHECK(service->wait_for_client());
        return service;
    }
    auto opened = service->open();
    if (!opened && !agent.config().retry_path) return fail(std::move(opened.error()));
    if (!opened) {
        agent.log().info(opened.error().line());
        service->retry_later();
    }
    return service;
}

Service::~Service() {
    loop_.cancel(timer_);
    if (line_ && watching_) loop_.unwatch(line_.get());
    if (listener_) loop_.unwatch(listener_.get());
}

Result<void> Service::open() {
    Fd fd = EMU_TRY(in("channel", method_->open(path_)));
    if (!method_->listens) return begin(std::move(fd));
    listener_ = std::move(fd);
    return wait_for_client();
}

void Service::retry_later() {
    timer_ = loop_.after(reopen_interval, [this] {
        if (auto opened = open(); !opened) retry_later();
        else agent_.log().info(fmt::format("{} is open", path_));
    });
}

Result<void> Service::wait_for_client() {
    return loop_.watch(listener_.get(), EventLoop::readable, [this](u32) { accept_client(); });
}

/// While a client is there, the next ones wait in the backlog.
void Service::accept_client() {
    Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) return agent_.log().warning(fail_errno(errno, "accept").value().line());
    loop_.unwatch(listener_.get());
    if (auto begun = begin(std::move(client)); !begun) {
        agent_.log().warning(begun.error().line());
        end_client();
    }
}

Result<void> Service::begin(Fd fd) {
    line_ = std::move(fd);
    session_.emplace(agent_, method_->wait_for_sync);
    in_.clear(), out_.clear();
    sent_ = 0;
    ended_ = false;
    EMU_CHECK(loop_.watch(line_.get(), EventLoop::readable, [this](u32 events) { on_events(events); }));
    watching_ = true;
    return {};
}

void Service::set_interest(bool reading, bool writing) {
    (void)loop_.change(line_.get(), (reading ? u32(EventLoop::readable) : 0) | (writing ? u32(EventLoop::writable) : 0));
}

void Service::on_events(u32 events) {
    if ((events & EventLoop::writable) && !flush()) return;
    const bool reading = out_.empty() && !ended_;
    if (reading && (events & ~u32(EventLoop::writable))) read_some();
    else if (!reading && (events & EventLoop::hang_up)) return peer_left(); // with replies it will not read
    if (line_ && watching_) proceed();
}

void Service::read_some() {
    char bytes[64 << 10];
    const ssize_t got = read(line_.get(), bytes, sizeof bytes);
    if (got > 0) in_.append(bytes, usize(got));
    else if (got == 0) ended_ = true;
    else if (errno != EAGAIN && errno != EINTR) return lost(fail_errno(errno, path_).value());
}

/// Requests as long as their replies get away.
void Service::proceed() {
    do {
        if (!out_.empty()) {
            if (!flush()) return;
            if (!out_.empty()) return set_interest(false, true);
        }
        in_.erase(0, session_->take(in_, out_));
    } while (!out_.empty() || !in_.empty());
    if (ended_) return peer_left();
    set_interest(true, false);
}

/// False if the line is gone; `out_` is empty if all was sent.
bool Service::flush() {
    while (sent_ < out_.size()) {
        const ssize_t done = write(line_.get(), out_.data() + sent_, out_.size() - sent_);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0 && errno == EAGAIN) return true;
        if (done <= 0) {
            lost(fail_errno(errno, path_).value());
            return false;
        }
        sent_ += usize(done);
    }
    out_.clear();
    out_.shrink_to_fit();
    sent_ = 0;
    return true;
}

/// A client has left; or the host end of a port is closed, which is looked at again until it opens. With retry-path the port is
/// opened anew for that: it may have been unplugged.
void Service::peer_left() {
    if (method_->listens) return end_client();
    loop_.unwatch(line_.get());
    watching_ = false;
    timer_ = loop_.after(absent_interval, [this] {
        if (agent_.config().retry_path) {
            line_.reset();
            if (!open()) retry_later();
            return;
        }
        Fd line = std::move(line_);
        if (auto begun = begin(std::move(line)); !begun) lost(std::move(begun.error()));
    });
}

void Service::lost(Error error) {
    if (method_->listens) return end_client();
    loop_.unwatch(line_.get());
    watching_ = false;
    line_.reset();
    agent_.log().warning(error.line());
    if (agent_.config().retry_path) return retry_later();
    on_failure_(std::move(error));
}

void Service::end_client() {
    if (watching_) loop_.unwatch(line_.get());
    watching_ = false;
    line_.reset();
    session_.reset();
    in_.clear(), out_.clear();
    if (auto waiting = wait_for_client(); !waiting) on_failure_(std::move(waiting.error()));
}

} // namespace emu::guest_agent
