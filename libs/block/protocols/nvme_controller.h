// SPDX-License-Identifier: MIT
// An NVMe controller: brought up, asked what it is, given requests, shut down. Requests come from any number of threads; each is
// cut into commands, several of which are in flight at once.
#pragma once
#include "block/protocols/nvme_queue.h"
#include "block/protocols/nvme_registers.h"

#include <functional>

namespace emu::block::nvme {

struct Settings {
    unsigned queues = 4;      ///< pairs for I/O, if the controller and its vectors allow
    unsigned depth = 16;      ///< commands in flight, each pair
    usize buffer = 128 << 10; ///< bytes a command moves at most
    milliseconds admin_patience{60000}, io_patience{30000};
};

class Controller {
public:
    /// Reset the controller and make its queues. Errors name the device.
    static Result<std::shared_ptr<Controller>> start(std::unique_ptr<Device> device, const Settings& settings);
    ~Controller();
    Controller(const Controller&) = delete;

    const std::string& name() const { return device_->name(); }
    const ControllerData& data() const { return data_; }
    usize queues() const { return io_.size(); }
    /// What the namespace is now. ENODEV, with those that there are: it is not there.
    Result<Namespace> identify(u32 id);

    // Ranges are whole blocks within the namespace.
    Result<void> read(const Namespace& space, u64 at, Bytes to);
    Result<void> write(const Namespace& space, u64 at, ConstBytes data, bool fua);
    /// ENOTSUP: the controller cannot.
    Result<void> write_zeroes(const Namespace& space, u64 at, u64 length, bool deallocate, bool fua);
    Result<void> discard(const Namespace& space, u64 at, u64 length);
    Result<void> flush(const Namespace& space);

    /// Announce the end (Base 3.6.1), so that caches and wear are put in order. Nothing works afterwards.
    Result<void> shut_down();

private:
    Controller(std::unique_ptr<Device> device, const Settings& settings)
        : device_(std::move(device)), health_(*device_), settings_(settings) {}
    Result<void> bring_up();
    Result<void> wait_status(u32 mask, u32 wanted, milliseconds most, std::string_view what);
    Result<void> make_io_queues();
    Result<void> make_io_queue(u16 id, unsigned vector_count);
    Result<u32> admin(Command command, Bytes answer);
    Result<void> identify_into(IdentifyWhat what, u32 id, Bytes answer);
    std::string in_use();

    /// One of the commands that a request is cut into.
    struct Part {
        Command command;
        usize moved = 0;                          ///< bytes through the buffer
        std::function<void(Bytes)> before, after; ///< fill the buffer, take from it
    };
    /// `length` in steps of at most `step`; `part` makes the command for the `bytes` that are `from` into it.
    Result<void> run(u64 length, u64 step, const std::function<Part(u64 from, u64 bytes)>& part);
    u64 data_step(const Namespace& space) const;
    Result<void> finish(Queue& queue, unsigned slot, const Part& part);
    Queue& queue_of_thread();

    std::unique_ptr<Device> device_; // goes last: its memory is the queues'
    Health health_;
    Settings settings_;
    Capabilities capabilities_;
    ControllerData data_;
    usize most_ = 0; ///< bytes a command
    std::unique_ptr<Queue> admin_;
    std::vector<std::unique_ptr<Queue>> io_;
    bool enabled_ = false;
};

} // namespace emu::block::nvme
