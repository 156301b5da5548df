// SPDX-License-Identifier: MIT
// The kernel's own client (linux/nbd.h): /dev/nbdN.
#pragma once
#include "common/fd.h"
#include "nbd/client.h"

namespace emu::nbd {

/// A device that is being set up. run() serves it until it is disconnected.
class KernelDevice {
public:
    static Result<KernelDevice> open(const std::string& path);
    /// Negotiate over `target`'s socket and hand it to the kernel.
    Result<void> attach(const Target& target);
    /// Blocks until somebody disconnects the device.
    Result<void> run();

private:
    explicit KernelDevice(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    Fd fd_;
    std::string path_;
    Handle handle_; ///< keeps the socket open
};

Result<void> disconnect_device(const std::string& path);

} // namespace emu::nbd
