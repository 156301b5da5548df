// SPDX-License-Identifier: MIT
// One connection to a server, shared by any number of threads. There is no thread of its own: of those that wait for
// answers, one drives the connection for all, and hands that over when its own answer has come.
#pragma once
#include "common/fd.h"
#include "nbd/client.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

namespace emu::nbd {

class Channel {
public:
    /// `context`: metadata context to ask for; "" for none. Where the server cannot be reached, tries again for
    /// `patience`.
    static Result<std::unique_ptr<Channel>> open(const Target& target, const std::string& context,
                                                 std::chrono::milliseconds patience);
    ~Channel();

    struct Waiter {
        bool done = false;
        int error = 0;
        std::condition_variable wake;
    };
    /// Starts a request on the handle and has complete(&waiter) called at its end; returns libnbd's result.
    using Start = std::function<s64(nbd_handle*, Waiter&)>;
    /// Blocks until the request is done. `lost` in the error's code (ENOTCONN) means that the connection is.
    Result<void> run(const Start& start);
    /// For Start: a completion callback's function, with the waiter as its data.
    static int complete(void* waiter, int* error);

    nbd_handle* handle() const { return handle_.get(); }
    bool dead();
    /// Requests that wait now.
    unsigned busy() const { return busy_.load(std::memory_order_relaxed); }

private:
    explicit Channel(Handle handle, Fd wake) : handle_(std::move(handle)), wake_(std::move(wake)) {}
    void drive(std::unique_lock<std::mutex>& lock);

    Handle handle_;
    Fd wake_;
    std::mutex mutex_;
    std::vector<Waiter*> waiters_;
    bool driving_ = false;
    std::atomic<unsigned> busy_{0};
};

} // namespace emu::nbd
