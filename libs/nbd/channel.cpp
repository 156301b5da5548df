// SPDX-License-Identifier: MIT
#include "nbd/channel.h"
#include "nbd/libnbd.h"

#include "common/trace.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>

namespace emu::nbd {
namespace {

constexpr auto retry_interval = std::chrono::milliseconds(100);

} // namespace

Result<std::unique_ptr<Channel>> Channel::open(const Target& target, const std::string& context,
                                               std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        Handle handle = EMU_TRY(make_handle(target));
        if (!context.empty() && library().nbd_add_meta_context(handle.get(), context.c_str()) < 0)
            return client_error(context);
        // What is checked here already need not be checked again, and zero-filling what a read overwrites costs time.
        library().nbd_set_strict_mode(handle.get(), LIBNBD_STRICT_COMMANDS);
#if LIBNBD_HAVE_NBD_SET_PREAD_INITIALIZE
        library().nbd_set_pread_initialize(handle.get(), false);
#endif
        auto connected = connect(handle.get(), target);
        EMU_TRACE(nbd_client_connect, "server={} connected={}", target.uri(), bool(connected));
        if (!connected) EMU_TRACE(nbd_client_error, "{}", connected.error().text);
        if (connected) {
            Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
            if (!wake) return fail_errno(errno, "eventfd");
            return std::unique_ptr<Channel>(new Channel(std::move(handle), std::move(wake)));
        }
        if (target.kind == Target::Kind::fd || std::chrono::steady_clock::now() + retry_interval >= deadline)
            return fail(std::move(connected.error()));
        std::this_thread::sleep_for(retry_interval);
    }
}

Channel::~Channel() {
    // A goodbye, so that the server need not guess.
    if (handle_ && library().nbd_aio_is_ready(handle_.get()) == 1) library().nbd_shutdown(handle_.get(), 0);
}

bool Channel::dead() {
    std::lock_guard lock(mutex_);
    return library().nbd_aio_is_dead(handle_.get()) == 1 || library().nbd_aio_is_closed(handle_.get()) == 1;
}

int Channel::complete(void* data, int* error) {
    auto& waiter = *static_cast<Waiter*>(data);
    waiter.error = *error;
    waiter.done = true;
    waiter.wake.notify_one();
    return 1; // forget the request
}

/// One round of input or output, without the lock while it waits.
void Channel::drive(std::unique_lock<std::mutex>& lock) {
    driving_ = true;
    const unsigned direction = library().nbd_aio_get_direction(handle_.get());
    pollfd fds[2] = {{library().nbd_aio_get_fd(handle_.get()), 0, 0}, {wake_.get(), POLLIN, 0}};
    if (direction & LIBNBD_AIO_DIRECTION_READ) fds[0].events |= POLLIN;
    if (direction & LIBNBD_AIO_DIRECTION_WRITE) fds[0].events |= POLLOUT;
    lock.unlock();
    const int ready = ::poll(fds, 2, -1);
    lock.lock();
    driving_ = false;
    if (ready <= 0) return;
    eventfd_t ignored;
    if (fds[1].revents) eventfd_read(wake_.get(), &ignored);
    // The state may have moved while we waited: ask again what it wants.
    const unsigned now = library().nbd_aio_get_direction(handle_.get());
    if ((now & LIBNBD_AIO_DIRECTION_READ) && (fds[0].revents & (POLLIN | POLLHUP | POLLERR)))
        library().nbd_aio_notify_read(handle_.get());
    else if ((now & LIBNBD_AIO_DIRECTION_WRITE) && (fds[0].revents & (POLLOUT | POLLHUP | POLLERR)))
        library().nbd_aio_notify_write(handle_.get());
}

Result<void> Channel::run(const Start& start) {
    Waiter waiter;
    std::unique_lock lock(mutex_);
    if (start(handle_.get(), waiter) < 0) {
        const bool lost =
            library().nbd_aio_is_dead(handle_.get()) == 1 || library().nbd_aio_is_closed(handle_.get()) == 1;
        return lost ? fail(ENOTCONN, "the connection to the server is lost") : client_error("");
    }
    waiters_.push_back(&waiter);
    busy_++;
    if (driving_) eventfd_write(wake_.get(), 1); // what it waits for may be the wrong thing now
    while (!waiter.done) {
        if (driving_)
            waiter.wake.wait(lock);
        else
            drive(lock);
    }
    std::erase(waiters_, &waiter);
    busy_--;
    if (!driving_)
        for (Waiter* each : waiters_)
            if (!each->done) {
                each->wake.notify_one();
                break;
            }
    if (!waiter.error) return {};
    if (library().nbd_aio_is_dead(handle_.get()) == 1 || library().nbd_aio_is_closed(handle_.get()) == 1)
        return fail(ENOTCONN, "the connection to the server is lost");
    return fail_errno(waiter.error, "the server");
}

} // namespace emu::nbd
