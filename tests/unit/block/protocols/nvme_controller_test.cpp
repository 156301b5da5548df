// SPDX-License-Identifier: MIT
// The NVMe driver against a model of a controller: what it does with a good one, and that a bad one is refused or left, in time
// and without harm.
#include "nvme_model.h"

#include "block/protocols/nvme_controller.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::block;
using namespace emu::block::nvme;
using namespace emu::block::nvme::test;

namespace {

/// Small pieces. Only those who wait for answers that do not come are hasty: the machine may be busy.
Settings small(unsigned queues = 1) {
    return {.queues = queues,
            .depth = 8,
            .buffer = 64 << 10,
            .admin_patience = milliseconds(60000),
            .io_patience = milliseconds(60000)};
}
Settings hasty(unsigned queues = 1) {
    Settings out = small(queues);
    out.io_patience = milliseconds(300);
    return out;
}

Result<std::shared_ptr<Controller>> start(Model& model, const Settings& settings = small()) {
    return Controller::start(std::make_unique<ModelDevice>(model), settings);
}

std::string refusal(Model& model) {
    auto made = start(model);
    return made ? "started" : made.error().line();
}
std::string text(const Result<void>& result) { return result ? "done" : result.error().line(); }
bool has(std::string_view whole, std::string_view part) {
    const bool found = whole.find(part) != std::string_view::npos;
    if (!found) MESSAGE(std::string(whole));
    return found;
}

std::vector<u8> noise(usize size, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<u8> out(size);
    for (u8& b : out) b = u8(random());
    return out;
}

} // namespace

TEST_CASE("nvme: bytes go both ways, in all sizes") {
    Model model;
    unsigned shift = 9;
    SUBCASE("blocks of 512, interrupts") {}
    SUBCASE("blocks of 4096, polled") {
        shift = 12;
        model.interrupts = 0;
    }
    SUBCASE("memory pages of 16 KiB, doorbells 64 bytes apart") { model.cap |= u64(2) << 48 | u64(2) << 52 | u64(4) << 32; }
    SUBCASE("transfers of one page") { model.controller[77] = 0, model.controller[77] = 1; }
    SUBCASE("queues of two entries") { model.cap = (model.cap & ~u64(0xffff)) | 1; }
    SUBCASE("command sets by choice") { model.cap = (model.cap & ~(u64(0xff) << 37)) | u64(0x40) << 37; }
    SUBCASE("limits are not told") {
        model.knows_command_set = false;
        model.controller[77] = 0;
    }
    SUBCASE("other threads, any order") { model.threads = true; }
    model.add_namespace(1, (1 << 20) >> shift, shift);
    auto controller = start(model);
    REQUIRE(controller);
    const Namespace space = (*controller)->identify(1).value();
    CHECK(space.block == 1u << shift);
    CHECK(space.bytes() == 1 << 20);
    std::vector<u8> truth(1 << 20);
    std::mt19937 random(5);
    for (int i = 0; i < 60; i++) {
        const u64 blocks = truth.size() >> shift, from = random() % blocks,
                  count = 1 + random() % std::min<u64>(blocks - from, (300u << 10) >> shift);
        const usize at = usize(from << shift), length = usize(count << shift);
        const auto bytes = noise(length, random());
        CHECK((*controller)->write(space, at, bytes, false));
        std::copy(bytes.begin(), bytes.end(), truth.begin() + long(at));
        std::vector<u8> got(truth.size());
        CHECK((*controller)->read(space, 0, got));
        REQUIRE(got == truth);
    }
    CHECK(model.disks[1] == truth);
    CHECK(model.most_moved <= 64 << 10);
    CHECK((*controller)->shut_down());
    CHECK(model.shutdowns == 1);
    CHECK(model.deleted_queues == 2);
    controller->reset();
    CHECK(model.shutdowns == 1);
    CHECK(model.complaints.empty());
}

TEST_CASE("nvme: many threads, several queues, completions in any order") {
    Model model;
    model.threads = true;
    model.add_namespace(1, 8192);
    {
        auto controller = start(model, small(4));
        REQUIRE(controller);
        const Namespace space = (*controller)->identify(1).value();
        std::vector<std::thread> threads;
        std::atomic<unsigned> wrong{0};
        for (unsigned t = 0; t < 8; t++) {
            threads.emplace_back([&, t] {
                std::mt19937 random(t);
                const u64 base = t * (u64(512) << 10);
                for (unsigned i = 0; i < 60; i++) {
                    const usize length = 512 * (1 + random() % 400), at = usize(base) + 512 * (random() % (1024 - 400));
                    const auto bytes = noise(length, random());
                    std::vector<u8> got(length);
                    if (!(*controller)->write(space, at, bytes, false) || !(*controller)->read(space, at, got) || got != bytes)
                        wrong++;
                }
            });
        }
        for (auto& thread : threads) thread.join();
        CHECK(wrong == 0);
        CHECK((*controller)->queues() == std::min(4u, std::max(1u, std::thread::hardware_concurrency())));
        CHECK(model.queues_used.size() == (*controller)->queues());
        CHECK(model.most_in_flight > 1);
    }
    CHECK(model.complaints.empty());
}

TEST_CASE("nvme: as many queues as the controller, its vectors and memory allow") {
    Model model;
    model.add_namespace(1, 64);
    SUBCASE("granted one") { model.granted_queues = 0; }
    SUBCASE("one vector") { model.interrupts = 1; }
    SUBCASE("memory for one") { model.locked_memory = 900 << 10; }
    auto controller = start(model, small(4));
    REQUIRE(controller);
    CHECK((*controller)->queues() == 1);
    const Namespace space = (*controller)->identify(1).value();
    CHECK((*controller)->write(space, 0, noise(4096, 1), false));
    CHECK(model.complaints.empty());
}

TEST_CASE("nvme: zeroes, deallocation, flushes and FUA are the controller's own") {
    Model model;
    model.add_namespace(1, 4096);
    put_le16(model.controller, 520, 1u << 2 | 1u << 3);
    model.command_set[1] = 4;            // WZSL: 64 KiB
    put_le32(model.command_set, 4, 100); // DMRSL: 100 blocks
    auto controller = start(model);
    REQUIRE(controller);
    Namespace space = (*controller)->identify(1).value();
    CHECK((*controller)->write(space, 0, noise(1 << 20, 1), true));
    CHECK(model.fua == 16);
    CHECK((*controller)->write_zeroes(space, 65536, 200 << 10, false, false));
    CHECK(model.commands[0x08] == 4);
    CHECK(model.deallocating_zeroes == 0);
    CHECK((*controller)->write_zeroes(space, 512 << 10, 1024, true, true));
    CHECK(model.deallocating_zeroes == 1);
    CHECK(model.fua == 17);
    space.zeroes_deallocate = false;
    CHECK((*controller)->write_zeroes(space, 512 << 10, 1024, true, false));
    CHECK(model.deallocating_zeroes == 1);
    CHECK((*controller)->discard(space, 128 << 10, 250 * 512));
    CHECK(model.commands[0x09] == 3);
    CHECK(model.deallocated == 250);
    CHECK((*controller)->flush(space));
    CHECK(model.commands[0x00] == 1);
    CHECK(model.complaints.empty());
}

TEST_CASE("nvme: what the controller does not know is not asked of it") {
    Model model;
    model.add_namespace(1, 64);
    put_le16(model.controller, 520, 0);
    model.controller[525] = 0;
    auto controller = start(model);
    REQUIRE(controller);
    const Namespace space = (*controller)->identify(1).value();
    auto zeroes = (*controller)->write_zeroes(space, 0, 512, false, false);
    REQUIRE(!zeroes);
    CHECK(zeroes.error().code == ENOTSUP);
    auto discard = (*controller)->discard(space, 0, 512);
    REQUIRE(!discard);
    CHECK(discard.error().code == ENOTSUP);
    CHECK((*controller)->flush(space));
    CHECK(model.commands.empty());
}

TEST_CASE("nvme: namespaces that are not there are named, with those that are") {
    Model model;
    model.add_namespace(1, 64);
    model.add_namespace(3, 64);
    auto controller = start(model);
    REQUIRE(controller);
    CHECK((*controller)->data().model == "A model [31m");
    CHECK((*controller)->data().serial == "SERIAL");
    CHECK(has(text((*controller)->identify(2).map([](auto&&) {})), "namespace 2 is not in use (in use: 1, 3)"));
    CHECK(has(text((*controller)->identify(17).map([](auto&&) {})),
              "namespace 17 is out of range, there are 16 at most (in use: 1, 3)"));
    CHECK(has(text((*controller)->identify(0).map([](auto&&) {})), "out of range"));
    // It grows while we look.
    put_le64(model.namespaces[3], 0, 128);
    CHECK((*controller)->identify(3).value().blocks == 128);
}

TEST_CASE("nvme: errors of commands, and which of them are tried again") {
    Model model;
    model.add_namespace(1, 64);
    unsigned failures = 0;
    u16 status = 0;
    model.status = [&](u8, unsigned) -> u16 { return failures ? (failures--, status) : 0; };
    auto controller = start(model);
    REQUIRE(controller);
    const Namespace space = (*controller)->identify(1).value();
    const auto bytes = noise(4096, 2);
    const auto write = [&](u16 with, unsigned times) {
        status = with;
        failures = times;
        model.commands.clear();
        auto done = (*controller)->write(space, 0, bytes, false);
        failures = 0;
        return done;
    };
    CHECK(write(0x082, 3)); // not ready, but soon
    CHECK(model.commands[1] == 4);
    CHECK(std::equal(bytes.begin(), bytes.end(), model.disks[1].begin()));
    CHECK(has(text(write(0x082, 9)), "0000:00:04.0: the namespace is not ready"));
    CHECK(has(text(write(0x280 | status_do_not_retry, 1)), "the medium could not be written"));
    CHECK(model.commands[1] == 1);
    CHECK(write(0x020, 1).error().code == EROFS);
    CHECK(write(0x081, 1).error().code == ENOSPC);
    CHECK(has(text(write(0x6c5, 9)), "status type 6h code c5h"));
    CHECK(write(0, 0)); // and it still works
    CHECK(model.complaints.empty());
}

TEST_CASE("nvme: one bad part of a request fails it after all parts have ended") {
    Model model;
    model.threads = true;
    model.add_namespace(1, 2048);
    model.status = [&](u8 opcode, unsigned count) -> u16 { return opcode == 2 && count == 3 ? 0x281 | status_do_not_retry : 0; };
    auto controller = start(model);
    REQUIRE(controller);
    const Namespace space = (*controller)->identify(1).value();
    std::vector<u8> got(1 << 20);
    CHECK(has(text((*controller)->read(space, 0, got)), "could not be read"));
    for (int i = 0; i < 40; i++) CHECK((*controller)->read(space, 0, got)); // no slot was lost
}

TEST_CASE("nvme: controllers that do not come up") {
    Model model;
    model.add_namespace(1, 64);
    SUBCASE("gone") {
        model.gone = true;
        CHECK(has(refusal(model), "0000:00:04.0: the registers do not answer"));
    }
    SUBCASE("not reset") {
        model.never_resets = true;
        {
            auto first = start(model);
            CHECK(first);
        }
        ModelDevice* stuck = new ModelDevice(model);
        stuck->write32(reg_cc, configuration::enable | configuration::entry_sizes);
        auto made = Controller::start(std::unique_ptr<Device>(stuck), small());
        REQUIRE(!made);
        CHECK(has(made.error().text, "not reset within 500 ms"));
    }
    SUBCASE("never ready") {
        model.never_ready = true;
        CHECK(has(refusal(model), "the controller is not ready within 500 ms"));
    }
    SUBCASE("fatal") {
        model.never_ready = model.fatal_when_enabled = true;
        CHECK(has(refusal(model), "reports a fatal error: it is not ready"));
    }
    SUBCASE("small window") {
        model.window = 4096;
        CHECK(has(refusal(model), "register window of 4096 bytes is too small"));
    }
    SUBCASE("far doorbells") {
        model.cap |= u64(15) << 32;
        CHECK(has(refusal(model), "doorbells 131072 bytes apart"));
    }
    SUBCASE("huge pages") {
        model.cap |= u64(15) << 48;
        CHECK(has(refusal(model), "131072 KiB"));
    }
    SUBCASE("queues of one entry") {
        model.cap &= ~u64(0xffff);
        CHECK(has(refusal(model), "one entry"));
    }
    SUBCASE("no NVM command set") {
        model.cap = (model.cap & ~(u64(0xff) << 37)) | u64(0x80) << 37;
        CHECK(has(refusal(model), "NVM command set"));
    }
    SUBCASE("discovery controller") {
        model.controller[111] = 2;
        CHECK(has(refusal(model), "of type 2"));
    }
    SUBCASE("large entries") {
        model.controller[512] = 0x77;
        CHECK(has(refusal(model), "larger queue entries"));
    }
    SUBCASE("no memory") {
        model.locked_memory = 4096;
        CHECK(has(refusal(model), "no memory"));
    }
}

TEST_CASE("nvme: absurd answers about namespaces are refused") {
    Model model;
    model.add_namespace(1, 64);
    std::vector<u8>& data = model.namespaces[1];
    auto controller = start(model);
    REQUIRE(controller);
    const auto answer = [&] { return text((*controller)->identify(1).map([](auto&&) {})); };
    for (unsigned shift : {0u, 8u, 17u, 63u, 64u, 255u}) {
        put_le32(data, 128, shift << 16);
        CHECK(has(answer(), "logical blocks of 2^" + std::to_string(shift)));
    }
    put_le32(data, 128, 9u << 16 | 8);
    CHECK(has(answer(), "8 bytes of metadata"));
    put_le32(data, 128, 9u << 16);
    data[26] = 5;
    CHECK(has(answer(), "in format 5 of 1"));
    data[26] = 0;
    put_le64(data, 0, ~u64(0));
    CHECK(has(answer(), "impossible size"));
    put_le64(data, 0, u64(1) << 54);
    CHECK(has(answer(), "impossible size"));
    put_le64(data, 0, 64);
    data[99] = 1;
    CHECK((*controller)->identify(1).value().write_protected);
}

TEST_CASE("nvme: absurd limits do not matter") {
    for (unsigned mdts : {1u, 31u, 63u, 64u, 200u, 255u}) {
        Model model;
        model.add_namespace(1, 2048);
        model.controller[77] = u8(mdts);
        put_le32(model.controller, 88, 0xffffffff);
        put_le32(model.controller, 516, 0xffffffff);
        model.command_set.assign(4096, 0xff);
        auto controller = start(model);
        REQUIRE(controller);
        const Namespace space = (*controller)->identify(1).value();
        const auto bytes = noise(1 << 20, mdts);
        std::vector<u8> got(bytes.size());
        CHECK((*controller)->write(space, 0, bytes, false));
        CHECK((*controller)->read(space, 0, got));
        CHECK(got == bytes);
        CHECK((*controller)->write_zeroes(space, 0, 1 << 20, true, false));
        CHECK((*controller)->discard(space, 0, 1 << 20));
        CHECK(model.most_moved <= 65536);
        CHECK(model.complaints.empty());
    }
    Model model;
    model.add_namespace(1, 16, 16);
    model.controller[77] = 1; // 8 KiB, blocks of 64
    auto controller = start(model);
    REQUIRE(controller);
    CHECK(has(text((*controller)->identify(1).map([](auto&&) {})), "moves at most 8192 bytes a command"));
}

TEST_CASE("nvme: a controller that lies about completions is left for good") {
    Model model;
    model.add_namespace(1, 64);
    std::string says;
    std::optional<Completion> last;
    SUBCASE("a command that was not sent") {
        model.bend = [](u16, Completion& c) { return c.id ^= 0x40, true; };
        says = "which was not sent";
    }
    SUBCASE("a command beyond all") {
        model.bend = [](u16, Completion& c) { return c.id = 0xffff, true; };
        says = "command 65535 of queue 1 is completed, which was not sent";
    }
    SUBCASE("the same one again") {
        model.bend = [&](u16, Completion& c) {
            if (last) c.id = last->id;
            last = c;
            return true;
        };
        says = "which was not sent";
    }
    SUBCASE("another queue") {
        model.bend = [](u16, Completion& c) { return c.queue = 9, true; };
        says = "a completion in queue 1 names queue 9";
    }
    SUBCASE("a head outside") {
        model.bend = [](u16, Completion& c) { return c.head = 9, true; };
        says = "names queue 1, entry 9";
    }
    SUBCASE("nothing") {
        model.bend = [](u16, Completion&) { return false; };
        says = "no answer to a command within 300 ms";
    }
    SUBCASE("the phase does not change") {
        model.bend = [](u16, Completion& c) { return c.phase = false, true; };
        says = "no answer to a command within 300 ms";
    }
    SUBCASE("a fatal error") {
        model.bend = [&](u16, Completion&) { return model.fatal = true, false; };
        says = "reports a fatal error";
    }
    SUBCASE("unplugged") {
        model.bend = [&](u16, Completion&) { return model.gone = true, false; };
        says = "does not answer any more";
    }
    auto controller = start(model, hasty());
    REQUIRE(controller);
    const Namespace space = (*controller)->identify(1).value();
    std::vector<u8> got(4096);
    auto first = (*controller)->read(space, 0, got);
    if (first) first = (*controller)->read(space, 0, got);
    REQUIRE(!first);
    CHECK(has(first.error().text, "NVMe controller 0000:00:04.0: "));
    CHECK(has(first.error().text, says));
    // From now on everybody gets that answer, at once.
    const auto before = Clock::now();
    CHECK(text((*controller)->write(space, 0, got, false)) == text(first));
    CHECK(text((*controller)->flush(space)) == text(first));
    CHECK(text((*controller)->identify(1).map([](auto&&) {})) == text(first));
    CHECK(Clock::now() - before < milliseconds(900)); // thrice 300 ms, had they waited
    CHECK((*controller)->shut_down());
    CHECK(model.shutdowns == 0);
}

TEST_CASE("nvme: all threads come back when the controller falls silent") {
    Model model;
    model.threads = true;
    model.silent = true;
    model.add_namespace(1, 4096);
    auto controller = start(model, hasty(2));
    REQUIRE(controller);
    const Namespace space = (*controller)->identify(1).value();
    std::vector<std::thread> threads;
    std::atomic<unsigned> failed{0};
    for (int i = 0; i < 24; i++) {
        threads.emplace_back([&] {
            std::vector<u8> got(1 << 20);
            if (!(*controller)->read(space, 0, got)) failed++;
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(failed == 24);
}

TEST_CASE("nvme: a shutdown that does not end is an error, not a hang") {
    Model model;
    model.never_shuts_down = true;
    model.add_namespace(1, 64);
    put_le32(model.controller, 88, 1000);
    auto controller = start(model);
    REQUIRE(controller);
    CHECK(has(text((*controller)->shut_down()), "not shut down within 5000 ms"));
}
