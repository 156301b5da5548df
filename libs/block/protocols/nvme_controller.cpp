// SPDX-License-Identifier: MIT
#include "block/protocols/nvme_controller.h"

#include "common/bits.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <thread>

namespace emu::block::nvme {
namespace {

constexpr u32 admin_entries = 32;
constexpr unsigned admin_slots = 4;
constexpr unsigned most_attempts = 4;          ///< of a command that may be repeated
constexpr u64 most_deallocated = u64(1) << 30; ///< bytes a command: one of these has to end before a time-out
constexpr u32 version_1_1 = 0x00010100, version_1_4 = 0x00010400;
constexpr auto register_poll = milliseconds(1);

Command admin_command(AdminOpcode opcode, u32 name_space = 0) { return Command(u8(opcode), name_space); }

/// Read, write and write zeroes name their blocks alike (NVM Command Set 3.2).
Command block_command(IoOpcode opcode, const Namespace& space, u64 at, u64 length, u32 flags) {
    const u64 blocks = length / space.block;
    EMU_ASSERT(blocks && blocks <= command::most_blocks);
    Command out(u8(opcode), space.id);
    out.set64(10, at / space.block).set(12, u32(blocks - 1) | flags);
    return out;
}

} // namespace

Result<std::shared_ptr<Controller>> Controller::start(std::unique_ptr<Device> device, const Settings& settings) {
    auto out = std::shared_ptr<Controller>(new Controller(std::move(device), settings));
    // What broke a controller names it already.
    if (auto done = out->bring_up(); !done)
        return fail(out->health_.broken() ? out->health_.error() : std::move(done.error()).in("NVMe controller " + out->name()));
    return out;
}

Controller::~Controller() { (void)shut_down(); }

Result<void> Controller::wait_status(u32 mask, u32 wanted, milliseconds most, std::string_view what) {
    const Clock::time_point end = Clock::now() + most;
    for (;;) {
        const bool late = Clock::now() >= end;
        const u32 status = device_->read32(reg_csts);
        if (status == status_register::all_ones) return fail(ENODEV, "the device does not answer any more");
        if ((status & mask) == wanted) return {};
        // Before a reset has ended, an old error may still stand there.
        if ((status & status_register::fatal) && wanted)
            return fail(EIO, fmt::format("the controller reports a fatal error: it is not {}", what));
        if (late) return fail(ETIMEDOUT, fmt::format("the controller is not {} within {} ms", what, most.count()));
        std::this_thread::sleep_for(register_poll);
    }
}

/// Base 3.5.1, "Memory-based Transport Controller Initialization".
Result<void> Controller::bring_up() {
    if (device_->window() < reg_doorbells + 16)
        return fail(EINVAL, fmt::format("a register window of {} bytes is too small", device_->window()));
    capabilities_ = EMU_TRY(decode_capabilities(device_->read64(reg_cap), device_->window()));
    const milliseconds ready(capabilities_.ready_ms);
    device_->write32(reg_cc, 0);
    EMU_CHECK(wait_status(status_register::ready, 0, ready, "reset"));

    Queue::Shape shape{.entries = admin_entries,
                       .slots = admin_slots,
                       .buffer = capabilities_.page,
                       .page = capabilities_.page,
                       .doorbell_stride = capabilities_.doorbell_stride,
                       .vector = {},
                       .patience = settings_.admin_patience};
    admin_ = EMU_TRY(Queue::make(*device_, health_, shape));
    device_->write32(reg_aqa, (admin_entries - 1) << 16 | (admin_entries - 1));
    device_->write64(reg_asq, admin_->submission_address());
    device_->write64(reg_acq, admin_->completion_address());
    enabled_ = true;
    device_->write32(reg_cc, configuration::enable | (capabilities_.all_command_sets ? configuration::all_command_sets : 0) |
                                 capabilities_.page_exponent << configuration::mps_at | configuration::entry_sizes);
    EMU_CHECK(wait_status(status_register::ready, status_register::ready, ready, "ready"));

    std::vector<u8> answer(identify_bytes);
    EMU_CHECK(identify_into(IdentifyWhat::controller, 0, answer));
    data_ = EMU_TRY(decode_controller(answer, capabilities_));
    // Limits of its commands, where it knows how to tell them: others refuse the question, and much older ones are not asked.
    if (data_.version >= version_1_4 && identify_into(IdentifyWhat::io_command_set, 0, answer))
        decode_command_set(answer, capabilities_, data_);
    if (health_.broken()) return fail(health_.error());
    if (!data_.max_zeroes) data_.max_zeroes = data_.max_transfer; // not asked for by the standard, but needed by some
    most_ = std::max<usize>(align_down(settings_.buffer, usize(capabilities_.page)), capabilities_.page);
    if (data_.max_transfer) most_ = usize(std::min<u64>(most_, data_.max_transfer));
    return make_io_queues();
}

Result<void> Controller::make_io_queues() {
    const unsigned vectors = device_->vectors();
    u32 wanted =
        std::max(1u, std::min({settings_.queues, vectors ? vectors : 1, std::max(1u, std::thread::hardware_concurrency())}));
    auto command = admin_command(AdminOpcode::set_features);
    command.set(10, feature_number_of_queues).set(11, (wanted - 1) << 16 | (wanted - 1));
    const u32 granted = EMU_TRY(in("the number of queues", admin(command, {})));
    wanted = std::min({wanted, (granted & 0xffff) + 1, (granted >> 16) + 1});
    for (u16 id = 1; id <= wanted; id++) {
        auto made = make_io_queue(id, vectors);
        if (!made && (io_.empty() || health_.broken())) return made;
        if (!made) break; // locked memory is scarce: fewer do as well
    }
    return {};
}

Result<void> Controller::make_io_queue(u16 id, unsigned vectors) {
    Queue::Shape shape{.id = id,
                       .entries = std::min<u32>(capabilities_.queue_entries, settings_.depth + 1),
                       .slots = 0,
                       .buffer = align_up<usize>(most_, capabilities_.page),
                       .page = capabilities_.page,
                       .doorbell_stride = capabilities_.doorbell_stride,
                       .vector = {},
                       .patience = settings_.io_patience};
    shape.slots = std::min(shape.entries - 1, Queue::max_slots);
    if (vectors) shape.vector = id - 1u;
    auto queue = EMU_TRY(Queue::make(*device_, health_, shape));
    auto completion = admin_command(AdminOpcode::create_cq);
    completion.set64(6, queue->completion_address()).set(10, (shape.entries - 1) << 16 | id);
    completion.set(11, (shape.vector ? *shape.vector << 16 | command::interrupts_enabled : 0) | command::physically_contiguous);
    EMU_CHECK(in("a completion queue", admin(completion, {})));
    auto submission = admin_command(AdminOpcode::create_sq);
    submission.set64(6, queue->submission_address()).set(10, (shape.entries - 1) << 16 | id);
    submission.set(11, u32(id) << 16 | command::physically_contiguous);
    EMU_CHECK(in("a submission queue", admin(submission, {})));
    io_.push_back(std::move(queue));
    return {};
}

Result<u32> Controller::admin(Command command, Bytes answer) {
    const unsigned slot = EMU_TRY(admin_->claim());
    const auto run = [&]() -> Result<u32> {
        // Those that make queues bring an address of their own.
        const Bytes buffer = admin_->buffer(slot).first(answer.size());
        std::fill(buffer.begin(), buffer.end(), u8(0));
        EMU_CHECK(admin_->submit(slot, command, answer.size()));
        const Completion done = EMU_TRY(admin_->wait(slot));
        EMU_CHECK(judge_status(done.status));
        std::copy(buffer.begin(), buffer.end(), answer.begin());
        return done.result;
    };
    auto result = run();
    admin_->release(slot);
    return result;
}

Result<void> Controller::identify_into(IdentifyWhat what, u32 id, Bytes answer) {
    auto command = admin_command(AdminOpcode::identify, id);
    command.set(10, u32(what));
    (void)EMU_TRY(in("the Identify command", admin(command, answer)));
    return {};
}

/// "1, 2 ...": the namespaces that there are.
std::string Controller::in_use() {
    constexpr usize most_named = 8;
    std::vector<u8> answer(identify_bytes);
    if (data_.version < version_1_1 || !identify_into(IdentifyWhat::active_namespaces, 0, answer)) return {};
    std::vector<u32> ids = decode_active(answer);
    const bool more = ids.size() > most_named;
    ids.resize(std::min(ids.size(), most_named));
    return ids.empty() ? "it has none" : fmt::format("in use: {}{}", fmt::join(ids, ", "), more ? " ..." : "");
}

Result<Namespace> Controller::identify(u32 id) {
    if (!id || id > data_.namespaces)
        return fail(Error{
            ENODEV,
            fmt::format("NVMe controller {}: namespace {} is out of range, there are {} at most", name(), id, data_.namespaces),
            in_use()});
    std::vector<u8> answer(identify_bytes);
    if (auto done = identify_into(IdentifyWhat::name_space, id, answer); !done)
        return fail(health_.broken() ? health_.error()
                                     : std::move(done.error()).in(fmt::format("NVMe controller {}: namespace {}", name(), id)));
    auto space = decode_namespace(answer, id);
    if (!space) return fail(std::move(space.error()).in("NVMe controller " + name()));
    if (!space->blocks)
        return fail(Error{ENODEV, fmt::format("NVMe controller {}: namespace {} is not in use", name(), id), in_use()});
    if (space->block > most_)
        return fail(ENOTSUP, fmt::format("NVMe controller {}: it moves at most {} bytes a command, less than a block of {}",
                                         name(), most_, space->block));
    return space;
}

/// A thread stays with its queue.
Queue& Controller::queue_of_thread() {
    static std::atomic<unsigned> threads{0};
    thread_local const unsigned number = threads.fetch_add(1, std::memory_order_relaxed);
    return *io_[number % io_.size()];
}

Result<void> Controller::finish(Queue& queue, unsigned slot, const Part& part) {
    Result<void> result;
    for (unsigned attempt = 1;; attempt++) {
        auto done = queue.wait(slot);
        if (!done) {
            result = fail(done.error());
            break;
        }
        result = judge_status(done->status);
        if (result) {
            if (part.after) part.after(queue.buffer(slot).first(part.moved));
            break;
        }
        result = fail(std::move(result.error()).in("NVMe controller " + name()));
        // The buffer still holds what a write needs.
        if ((done->status & status_do_not_retry) || result.error().code != EIO || attempt == most_attempts) break;
        std::this_thread::sleep_for(milliseconds(1) * (1 << attempt));
        if (auto again = queue.submit(slot, part.command, part.moved); !again) {
            result = again;
            break;
        }
    }
    queue.release(slot);
    return result;
}

/// All that were sent have ended when this returns, so that nothing is still to be written after it.
Result<void> Controller::run(u64 length, u64 step, const std::function<Part(u64 from, u64 bytes)>& part) {
    struct Flying {
        unsigned slot;
        Part part;
    };
    Queue& queue = queue_of_thread();
    std::deque<Flying> flying;
    Result<void> result;
    for (u64 next = 0; !flying.empty() || (next < length && result);) {
        if (next < length && result) {
            // Who waits for a slot holds none.
            std::optional<unsigned> slot;
            if (flying.empty())
                slot = EMU_TRY(queue.claim());
            else
                slot = queue.try_claim();
            if (slot) {
                const u64 bytes = std::min(step, length - next);
                Part p = part(next, bytes);
                next += bytes;
                if (p.before) p.before(queue.buffer(*slot).first(p.moved));
                if (auto sent = queue.submit(*slot, p.command, p.moved); !sent) {
                    queue.release(*slot);
                    result = sent;
                } else {
                    flying.push_back({*slot, std::move(p)});
                }
                continue;
            }
        }
        auto done = finish(queue, flying.front().slot, flying.front().part);
        flying.pop_front();
        if (!done && result) result = done;
    }
    return result;
}

/// Bytes that one command reads or writes.
u64 Controller::data_step(const Namespace& space) const {
    return std::min<u64>(align_down<u64>(most_, space.block), command::most_blocks * space.block);
}

Result<void> Controller::read(const Namespace& space, u64 at, Bytes to) {
    return run(to.size(), data_step(space), [&](u64 from, u64 bytes) {
        const Bytes piece = to.subspan(from, bytes);
        return Part{block_command(IoOpcode::read, space, at + from, bytes, 0),
                    piece.size(),
                    {},
                    [piece](Bytes buffer) { std::memcpy(piece.data(), buffer.data(), piece.size()); }};
    });
}

Result<void> Controller::write(const Namespace& space, u64 at, ConstBytes data, bool fua) {
    return run(data.size(), data_step(space), [&](u64 from, u64 bytes) {
        const ConstBytes piece = data.subspan(from, bytes);
        return Part{block_command(IoOpcode::write, space, at + from, bytes, fua ? command::force_unit_access : 0),
                    piece.size(),
                    [piece](Bytes buffer) { std::memcpy(buffer.data(), piece.data(), piece.size()); },
                    {}};
    });
}

Result<void> Controller::write_zeroes(const Namespace& space, u64 at, u64 length, bool deallocate, bool fua) {
    if (!data_.write_zeroes) return fail(ENOTSUP, "the controller does not know Write Zeroes");
    u64 step = command::most_blocks * space.block;
    if (data_.max_zeroes) step = std::clamp<u64>(align_down<u64>(data_.max_zeroes, space.block), space.block, step);
    const u32 flags = (deallocate && space.zeroes_deallocate ? command::deallocate : 0) | (fua ? command::force_unit_access : 0);
    return run(length, step, [&](u64 from, u64 bytes) {
        return Part{block_command(IoOpcode::write_zeroes, space, at + from, bytes, flags), 0, {}, {}};
    });
}

Result<void> Controller::discard(const Namespace& space, u64 at, u64 length) {
    if (!data_.deallocate) return fail(ENOTSUP, "the controller does not know Dataset Management");
    u64 step = most_deallocated;
    if (data_.max_deallocate) step = std::min<u64>(step, std::min<u64>(data_.max_deallocate, 0xffffffff) * space.block);
    constexpr usize range_bytes = 16;
    return run(length, step, [&](u64 from, u64 bytes) {
        Command command(u8(IoOpcode::dataset_management), space.id);
        command.set(10, 0).set(11, command::range_deallocate); // one range
        const u64 first = (at + from) / space.block, blocks = bytes / space.block;
        return Part{command,
                    range_bytes,
                    [=](Bytes range) {
                        put_le32(range, 0, 0);
                        put_le32(range, 4, u32(blocks));
                        put_le64(range, 8, first);
                    },
                    {}};
    });
}

Result<void> Controller::flush(const Namespace& space) {
    if (!data_.volatile_cache) return {};
    return run(1, 1, [&](u64, u64) { return Part{Command(u8(IoOpcode::flush), space.id), 0, {}, {}}; });
}

Result<void> Controller::shut_down() {
    if (!enabled_) return {};
    enabled_ = false;
    Result<void> result;
    if (!health_.broken()) {
        for (const AdminOpcode opcode : {AdminOpcode::delete_sq, AdminOpcode::delete_cq})
            for (const auto& queue : io_) {
                auto command = admin_command(opcode);
                command.set(10, queue->shape().id);
                (void)admin(command, {}); // they end with the controller anyhow
            }
    }
    if (!health_.broken()) {
        const u32 cc = device_->read32(reg_cc);
        device_->write32(reg_cc, (cc & ~configuration::shutdown_mask) | configuration::normal_shutdown);
        result = wait_status(status_register::shutdown_mask, status_register::shutdown_complete, milliseconds(data_.shutdown_ms),
                             "shut down");
        if (!result) result = fail(std::move(result.error()).in("NVMe controller " + name()));
    }
    device_->write32(reg_cc, 0);
    // Until it says that it has stopped, it may still touch the memory that is about to go.
    (void)wait_status(status_register::ready, 0, milliseconds(capabilities_.ready_ms), "stopped");
    return result;
}

} // namespace emu::block::nvme
