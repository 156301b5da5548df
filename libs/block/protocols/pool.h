// SPDX-License-Identifier: MIT
// Connections of a node to one server, for libraries whose connections serve one thread at a time: a request takes an idle one,
// or makes another while there are few, or waits.
#pragma once
#include "common/result.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace emu::block {

template <class T> class Pool {
public:
    using Maker = std::function<Result<std::unique_ptr<T>>()>;
    Pool(usize most, Maker make) : most_(most), make_(std::move(make)) {}

    /// A connection for the time of one request. One that is broken() does not go back.
    class Lease {
    public:
        Lease(Pool& pool, std::unique_ptr<T> what) : pool_(&pool), what_(std::move(what)) {}
        Lease(Lease&& other) noexcept : pool_(other.pool_), what_(std::move(other.what_)) {}
        Lease(const Lease&) = delete;
        ~Lease() {
            if (what_) pool_->give_back(std::move(what_));
        }
        T& operator*() const { return *what_; }
        T* operator->() const { return what_.get(); }
        void broken() {
            what_.reset();
            pool_->give_back(nullptr);
        }

    private:
        Pool* pool_;
        std::unique_ptr<T> what_;
    };

    Result<Lease> take() {
        std::unique_lock lock(mutex_);
        for (;;) {
            if (!idle_.empty()) {
                auto out = std::move(idle_.back());
                idle_.pop_back();
                return Lease(*this, std::move(out));
            }
            if (made_ < most_) break;
            returned_.wait(lock);
        }
        made_++;
        lock.unlock();
        auto fresh = make_();
        if (fresh) return Lease(*this, std::move(*fresh));
        lock.lock();
        made_--;
        returned_.notify_one();
        return fail(std::move(fresh.error()));
    }
    /// Every idle connection in turn; the caller makes sure that no request is under way.
    template <class Fn> Result<void> for_idle(Fn fn) {
        std::lock_guard lock(mutex_);
        for (auto& one : idle_) EMU_CHECK(fn(*one));
        return {};
    }

private:
    void give_back(std::unique_ptr<T> what) {
        {
            std::lock_guard lock(mutex_);
            if (what)
                idle_.push_back(std::move(what));
            else
                made_--;
        }
        returned_.notify_one();
    }
    usize most_, made_ = 0;
    Maker make_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<T>> idle_;
};

} // namespace emu::block
