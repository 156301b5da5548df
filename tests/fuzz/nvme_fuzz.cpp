// SPDX-License-Identifier: MIT
// An NVMe controller that says anything: its capabilities, what it is, what its namespaces are, and completions of any shape. The
// input is 8 bytes of CAP, 16 of choices, then the bytes that are changed in the Identify data (two of place, one of value), then
// completions (12 bytes each). What the driver returns must be consistent, and it must come back.
#include "../unit/block/protocols/nvme_model.h"
#include "block/protocols/nvme_controller.h"

#include <cstdlib>

using namespace emu;
using namespace emu::block::nvme;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

/// The decoders alone: of whatever they accept, the numbers fit together.
void decode(ConstBytes input) {
    std::vector<u8> data(identify_bytes);
    std::copy_n(input.begin(), std::min<usize>(input.size(), data.size()), data.begin());
    auto capabilities = decode_capabilities(le64(data), 16384);
    if (capabilities) {
        require(capabilities->queue_entries >= 2 && capabilities->page >= 4096 && capabilities->page <= 65536);
        require(4096 + u64(4) * capabilities->doorbell_stride <= 16384);
    }
    const Capabilities plain = capabilities.value_or(Capabilities{});
    if (auto controller = decode_controller(data, plain)) {
        require(controller->max_transfer % plain.page == 0 && controller->shutdown_ms <= 60000);
        decode_command_set(data, plain, *controller);
    }
    if (auto space = decode_namespace(data, 1); space && space->blocks)
        require(space->block >= 512 && space->block <= 65536 && space->blocks <= u64(INT64_MAX) / space->block);
    const auto active = decode_active(data);
    for (usize i = 1; i < active.size(); i++) require(active[i] > active[i - 1]);
    (void)judge_status(decode_completion(ConstBytes(data).first(16)).status);
}

void drive(ConstBytes input) {
    usize at = 0;
    const auto byte = [&]() -> u8 { return at < input.size() ? input[at++] : 0; };
    test::Model model;
    for (unsigned i = 0; i < 8; i++) model.cap ^= u64(byte()) << (8 * i);
    model.cap &= ~(u64(0xff) << 24); // patience is for the unit tests
    model.interrupts = byte() % 3;
    model.knows_command_set = byte() % 2;
    model.granted_queues = byte();
    model.add_namespace(1, 1 + byte(), 9 + byte() % 8);
    const unsigned changes = byte() % 8;
    for (unsigned i = 0; i < changes; i++) {
        const unsigned where = byte() | byte() << 8;
        std::vector<u8>& data = where & 0x8000 ? model.namespaces[1] : where & 0x4000 ? model.command_set : model.controller;
        data[where & 0xfff] = byte();
    }
    unsigned completions = 0;
    model.bend = [&](u16, Completion& c) {
        if (completions++ < 2 || at >= input.size()) return true;
        const u8 what = byte();
        if (what & 1) c.id ^= byte();
        if (what & 2) c.queue ^= byte();
        if (what & 4) c.head ^= byte();
        if (what & 8) c.status = u16(byte() | byte() << 8) & 0x7fff;
        if (what & 16) c.phase = !c.phase;
        if (what & 32) c.result = byte();
        return !(what & 64);
    };
    const Settings settings{
        .queues = 2, .depth = 4, .buffer = 32 << 10, .admin_patience = milliseconds(5), .io_patience = milliseconds(5)};
    auto controller = Controller::start(std::make_unique<test::ModelDevice>(model), settings);
    if (!controller) return;
    auto space = (*controller)->identify(1);
    if (!space) return;
    // The model knows no more than its disk; the driver is to believe what it was told.
    const u64 bytes = std::min<u64>(space->bytes(), u64(16) * space->block);
    std::vector<u8> buffer(bytes);
    (void)(*controller)->write(*space, 0, buffer, byte() & 1);
    (void)(*controller)->read(*space, 0, buffer);
    (void)(*controller)->write_zeroes(*space, 0, bytes, true, false);
    (void)(*controller)->discard(*space, 0, bytes);
    (void)(*controller)->flush(*space);
    require(model.complaints.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    decode({data, size});
    drive({data, size});
    return 0;
}
