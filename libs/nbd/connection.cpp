// SPDX-License-Identifier: MIT
#include "nbd/connection.h"

#include "common/trace.h"
#include "nbd/tls.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

namespace emu::nbd {
namespace {

constexpr usize input_size = 32u << 10; ///< one system call brings as much as there is of small requests
constexpr usize max_handshake_output = 64u << 10;
constexpr u64 flush_output_at = 256u << 10;
constexpr unsigned max_in_flight = 16;
constexpr u64 max_charge = 64u << 20;
constexpr u64 long_request = 1u << 20; ///< not carried out on the loop's thread where others wait for it
constexpr unsigned slow_requests = 64, suspected_requests = 16;
constexpr unsigned max_rounds = 32; ///< then other clients have their turn
constexpr std::chrono::microseconds lookout{50}; ///< for the next request, before sleeping
constexpr int max_patience = 4; ///< so often in a row in vain,
constexpr int impatience = 256; ///< then not for so many requests;
constexpr int max_rest = 4096;  ///< or up to so many where others want the processor, more each time

std::atomic<u64> next_id{1};

/// Longer than this, and the request may have waited for a disk.
std::chrono::nanoseconds quick(u64 length) { return std::chrono::microseconds(100) + std::chrono::nanoseconds(length); }

/// How often this thread has slept so far. One that was only kept from the processor has not.
long sleeps() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

} // namespace

Connection::Connection(Fd socket, EventLoop& loop, const ServiceContext& context,
                       std::function<void(Connection&)> closed)
    : socket_(std::move(socket)), loop_(loop), context_(context), closed_(std::move(closed)), id_(next_id++),
      stream_(plain_stream(socket_.get())), negotiation_(*context.exports, context.tls != nullptr) {}

Connection::~Connection() = default;

void Connection::log(std::string_view text) const {
    if (context_.log) context_.log(fmt::format("client {}: {}", id_, text));
}

Result<void> Connection::start() {
    if (context_.handshake_limit.count()) deadline_ = Clock::now() + context_.handshake_limit;
    interest_ = EventLoop::readable;
    EMU_CHECK(loop_.watch(socket_.get(), interest_, [weak = weak_from_this()](u32 events) {
        if (auto self = weak.lock()) self->ready(events);
    }));
    log("connected");
    std::vector<u8> greeting;
    Negotiation::greet(greeting);
    output_.add(std::move(greeting));
    settle(flush());
    return {};
}

void Connection::drop(std::string_view why) {
    if (state_ == State::closed) return;
    log(fmt::format("gone, {}", why));
    state_ = State::closed;
    loop_.unwatch(socket_.get());
    stream_.reset();
    socket_.reset();
    closed_(*this);
}

void Connection::check_deadline(Clock::time_point now) {
    if (!deadline_ || now < *deadline_ || state_ == State::closed) return;
    if (state_ == State::transmission && in_flight_)
        return touch(); // it is us who are slow, or a client that reads slowly
    drop(state_ == State::transmission ? "idle for too long" : "the handshake took too long");
}

void Connection::touch() {
    if (!context_.idle_limit.count())
        deadline_.reset();
    else
        deadline_ = Clock::now() + context_.idle_limit;
}

void Connection::settle(Result<void> result) {
    if (state_ == State::closed) return;
    if (!result) return drop(result.error().text);
    const bool finished = (no_more_ || state_ == State::draining) && !in_flight_ && output_.empty();
    if (finished) return drop("it said goodbye");
    update_interest();
}

void Connection::update_interest() {
    u32 want = 0;
    if (!paused_ && !no_more_ && state_ != State::draining) want |= EventLoop::readable;
    if (!output_.empty()) want |= EventLoop::writable;
    if (state_ == State::tls && !starting_tls_ && static_cast<TlsStream&>(*stream_).wants_write())
        want = EventLoop::writable;
    if (want == interest_) return;
    if (auto changed = loop_.change(socket_.get(), want); !changed) return drop(changed.error().text);
    interest_ = want;
}

void Connection::ready(u32 events) {
    if (state_ == State::closed) return;
    const bool readable = interest_ & EventLoop::readable;
    if (events & ~u32(EventLoop::readable | EventLoop::writable) && !readable) return drop("the connection broke");
    settle(receive());
}

/// Take what has come, do it, answer, until nothing moves.
Result<void> Connection::receive() {
    bool more = true, payload_follows = false;
    for (unsigned round = 0; round < max_rounds; round++) {
        bool moved = false;
        if (state_ == State::tls) {
            moved = EMU_TRY(process_tls());
        } else {
            if (!paused_ && !no_more_ && state_ != State::draining && (more || payload_follows || stream_->buffered()))
                moved = EMU_TRY(fill_input(more));
            if (state_ == State::closed) return {};
            moved |= EMU_TRY(process());
            // Clients send header and payload one right after the other.
            payload_follows = moved && incoming_;
        }
        const bool was_paused = paused_;
        EMU_CHECK(flush());
        if (state_ == State::closed) return {};
        moved |= was_paused && !paused_;
        if (!moved && !EMU_TRY(next_is_near())) return {};
    }
    // The descriptor may have nothing left to be told about while we have.
    loop_.post([weak = weak_from_this()] {
        if (auto self = weak.lock(); self && self->state_ != State::closed) self->settle(self->receive());
    });
    return {};
}

/// A client that keeps one request in flight sends the next as soon as it has its answer, and the payload right behind
/// its header: looking out for them costs less than to sleep and be woken. True once something was taken; clients that
/// take their time are not waited for.
Result<bool> Connection::next_is_near() {
    if (!alone_ || !(answered_ || incoming_) || state_ != State::transmission || in_flight_ || no_more_) return false;
    answered_ = false;
    if (patience_ < 0) {
        patience_++;
        return false;
    }
    const auto end = Clock::now() + lookout;
    bool came = false, more; // what more there is the next look-out finds
    while (!(came = EMU_TRY(fill_input(more))) && !no_more_ && Clock::now() < end)
        ::sched_yield();
    if (Clock::now() > end + lookout) { // others had the processor meanwhile: one who sleeps gets it back sooner
        patience_ = -rest_;
        rest_ = std::min(rest_ * 8, max_rest);
    } else if (came) {
        patience_ = max_patience;
        rest_ = std::max(rest_ - 1 - rest_ / 128, min_rest); // one tick of the host's in a thousand is no sign
    } else if (!patience_--)
        patience_ = -impatience;
    return came;
}

/// False where nothing is there. `more`: there may be more than what was taken.
Result<bool> Connection::fill_input(bool& more) {
    more = false;
    const usize missing = incoming_ ? incoming_->payload.size() - incoming_->filled : 0; // none too where the look-out took all
    if (missing && begin_ == end_) { // the rest of a payload goes where it belongs
        Bytes rest = incoming_->payload.bytes().last(missing);
        auto got = EMU_TRY(stream_->read(rest));
        if (!got) return false;
        if (!*got) return fail(ECONNRESET, "the connection ended within a request");
        incoming_->filled += *got;
        more = true;
        return true;
    }
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == input_.size()) {
        if (begin_) {
            std::copy(input_.begin() + std::ptrdiff_t(begin_), input_.end(), input_.begin());
            end_ -= begin_;
            begin_ = 0;
        } else
            input_.resize(std::max<usize>(1024, input_.size() * 2)); // long options
    }
    const usize room = input_.size() - end_;
    auto got = EMU_TRY(stream_->read(Bytes(input_).subspan(end_)));
    if (!got) return false;
    if (!*got) {
        no_more_ = true;
        if (state_ != State::transmission || begin_ != end_ || incoming_)
            return fail(ECONNRESET, "the connection ended");
        return false;
    }
    end_ += *got;
    more = *got == room || state_ != State::transmission; // a short read has emptied the socket
    return true;
}

Result<bool> Connection::process() {
    bool any = false;
    while (!paused_ && !starting_tls_ && state_ != State::closed) {
        bool moved = false;
        if (state_ == State::handshake)
            moved = EMU_TRY(process_handshake());
        else if (state_ == State::transmission)
            moved = EMU_TRY(process_request());
        if (!moved) break;
        any = true;
    }
    return any;
}

Result<bool> Connection::process_handshake() {
    if (output_.pending() > max_handshake_output) {
        paused_ = true;
        return false;
    }
    std::vector<u8> answer;
    const auto step = EMU_TRY(negotiation_.feed(ConstBytes(input_).subspan(begin_, end_ - begin_), answer));
    begin_ += step.consumed;
    output_.add(std::move(answer));
    switch (step.outcome) {
    case Negotiation::Outcome::more: return step.consumed != 0;
    case Negotiation::Outcome::end: state_ = State::draining; return false;
    case Negotiation::Outcome::start_tls:
        // What came with the request in the clear would be taken for part of the secured stream.
        if (begin_ != end_) return fail(EPROTO, "bytes in the clear behind the start of TLS");
        state_ = State::tls;
        starting_tls_ = true;
        return false;
    case Negotiation::Outcome::transmission:
        state_ = State::transmission;
        state_was_transmission_ = true;
        input_.resize(std::max(input_size, end_));
        touch();
        log(fmt::format("uses export '{}'", negotiation_.session().chosen->name()));
        return true;
    }
    return false;
}

Result<bool> Connection::process_tls() {
    if (starting_tls_) {
        if (!output_.empty()) return false;
        stream_ = EMU_TRY(TlsStream::accept(*context_.tls, socket_.get()));
        starting_tls_ = false;
    }
    auto& tls = static_cast<TlsStream&>(*stream_);
    if (!EMU_TRY(in("TLS handshake", tls.handshake()))) return false;
    log(fmt::format("TLS, as '{}'", tls.peer_name()));
    negotiation_.tls_started();
    state_ = State::handshake;
    return true;
}

bool Connection::may_take(u64 cost) const {
    return !in_flight_ || (in_flight_ < max_in_flight && charged_ + cost <= max_charge);
}

Result<bool> Connection::process_request() {
    if (incoming_) return continue_payload();
    const Session& session = negotiation_.session();
    const usize size = header_size(session);
    if (end_ - begin_ < size) return false;
    const Request request = EMU_TRY(parse_request(session, ConstBytes(input_).subspan(begin_, size)));
    if (request.command == Command::disconnect && !request.refused()) {
        state_ = State::draining;
        return false;
    }
    if (!may_take(request_cost(session, request))) {
        paused_ = true;
        return false;
    }
    begin_ += size;
    if (context_.idle_limit.count()) touch();
    if (!request.payload) {
        dispatch(request, {}, {});
        return true;
    }
    const usize there = usize(std::min<u64>(end_ - begin_, request.payload));
    const ConstBytes payload = ConstBytes(input_).subspan(begin_, there);
    begin_ += there;
    if (there == request.payload)
        dispatch(request, payload, {});
    else {
        incoming_ = Incoming{request, Buffer(usize(request.payload), session.chosen->block_sizes().minimum), there};
        std::copy(payload.begin(), payload.end(), incoming_->payload.data());
    }
    return true;
}

Result<bool> Connection::continue_payload() {
    const usize missing = incoming_->payload.size() - incoming_->filled, there = std::min(missing, end_ - begin_);
    std::copy_n(input_.data() + begin_, there, incoming_->payload.data() + incoming_->filled);
    begin_ += there;
    incoming_->filled += there;
    if (there < missing) return there != 0;
    Incoming whole = std::move(*incoming_);
    incoming_.reset();
    const ConstBytes payload = std::as_const(whole.payload).bytes();
    dispatch(whole.request, payload, std::move(whole.payload));
    return true;
}

/// Writes into the page cache of one file are taken one at a time by the kernel: more threads would only wait.
bool Connection::waits_for_others(const Request& request) const {
    return request.command == Command::write && negotiation_.session().chosen->native_fd() >= 0;
}

bool Connection::run_here(const Request& request) const {
    if (request.refused()) return true;
    const bool light =
        request.command == Command::read || (request.command == Command::write && !(request.flags & fua));
    if (!light || (request.length > long_request && !alone_)) return false;
    return !slow_ || waits_for_others(request) || (alone_ && !in_flight_ && begin_ == end_);
}

void Connection::dispatch(const Request& request, ConstBytes payload, Buffer owned) {
    EMU_TRACE(nbd_request, "client={} cookie={:#x} command={} flags={:#x} at={} length={}", id_, request.cookie, u16(request.command),
              request.flags, request.offset, request.length);
    const bool here = run_here(request);
    in_flight_++;
    charged_ += request_cost(negotiation_.session(), request);
    if (!here) {
        if (!payload.empty() && !owned.size()) {
            owned = Buffer(payload.size());
            std::copy(payload.begin(), payload.end(), owned.data());
        }
        if (slow_) slow_--;
        return run_in_pool(request, std::move(owned));
    }
    const bool serial = waits_for_others(request);
    // Asking costs as much as a short read: only while there is reason to suspect the disk.
    const bool suspected = !serial && suspicion_ > 0;
    const long before = suspected ? sleeps() : 0;
    const auto begin = Clock::now();
    Reply reply;
    execute(negotiation_.session(), request, payload, {stream_->sends_files()}, reply);
    const bool late = !serial && Clock::now() - begin > quick(request.length);
    if (late && suspected && sleeps() != before) slow_ = slow_requests;
    if (late)
        suspicion_ = suspected_requests;
    else if (suspected)
        suspicion_--;
    complete(request, std::move(reply));
}

void Connection::run_in_pool(const Request& request, Buffer payload) {
    auto owned = std::make_shared<Buffer>(std::move(payload));
    auto job = [self = shared_from_this(), request, owned, files = stream_->sends_files()] {
        auto reply = std::make_shared<Reply>();
        execute(self->negotiation_.session(), request, std::as_const(*owned).bytes(), {files}, *reply);
        self->loop_.post([self, request, reply] {
            if (self->state_ == State::closed) return;
            self->complete(request, std::move(*reply));
            self->settle(self->receive());
        });
    };
    context_.pool->submit(std::move(job));
}

void Connection::complete(const Request& request, Reply&& reply) {
    if (request.refused()) log(fmt::format("refused: {}", request.refusal.text));
    reply.back().charge = request_cost(negotiation_.session(), request);
    output_.add(std::move(reply));
    if (output_.pending() >= flush_output_at)
        if (auto sent = flush(); !sent) drop(sent.error().text);
}

Result<void> Connection::flush() {
    if (state_ == State::closed || (state_ == State::tls && !starting_tls_)) return {};
    const Output::Sent sent = EMU_TRY(output_.send(*stream_));
    in_flight_ -= sent.replies;
    charged_ -= sent.charge;
    answered_ |= sent.replies != 0;
    if (sent.replies || (state_ == State::handshake && output_.pending() <= max_handshake_output)) paused_ = false;
    return {};
}

} // namespace emu::nbd
