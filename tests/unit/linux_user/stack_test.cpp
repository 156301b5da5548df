// SPDX-License-Identifier: MIT
#include "linux_user/stack.h"

#include <cstring>
#include <doctest/doctest.h>
#include <elf.h>
#include <sys/mman.h>

using namespace emu;
using namespace emu::linux_user;

namespace {
constexpr u64 room = 1 << 20;
struct Fixture {
    std::unique_ptr<AddressSpace> space = std::move(*AddressSpace::create({}));
    u64 top = u64(space->map(0, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) + room;
    StackContents contents{{"prog", "arg one", ""}, {"A=1", "B=2"}, "/bin/prog", "aarch64", {1, 2, 3}, {{AT_PAGESZ, 4096}, {AT_UID, 7}}};

    u64 word(u64 at, const DataModel& model) const {
        ConstBytes bytes(space->host(at), model.word);
        return model.word == 8 ? load<u64>(bytes, 0, model.order) : load<u32>(bytes, 0, model.order);
    }
    std::string text(u64 at) const { return reinterpret_cast<const char*>(space->host(at)); }
};
} // namespace

TEST_CASE("stack: argc, argv, envp and the auxiliary vector stand in order, for every word size and byte order") {
    Fixture f;
    for (const DataModel& model : {DataModel{Endian::little, 8, 8}, DataModel{Endian::little, 4, 4}, DataModel{Endian::big, 8, 8}}) {
        // Pointers of 32-bit guests need addresses below 4 GiB, which the test's memory is not at: look at the rest.
        auto stack = build_stack(*f.space, model, f.top, room, f.contents);
        REQUIRE(stack);
        CHECK(stack->pointer % 16 == 0);
        u64 at = stack->pointer;
        auto next = [&] { return f.word(std::exchange(at, at + model.word), model); };
        CHECK(next() == 3);
        u64 argv[3] = {next(), next(), next()};
        CHECK(next() == 0);
        u64 environment[2] = {next(), next()};
        CHECK(next() == 0);
        if (model.word == 8) {
            CHECK(f.text(argv[1]) == "arg one");
            CHECK(f.text(argv[2]).empty());
            CHECK(f.text(environment[1]) == "B=2");
            CHECK(argv[0] < argv[1]);
            CHECK(argv[2] < environment[0]);
        }
        std::map<u64, u64> aux;
        const u64 aux_at = at;
        for (u64 key; (key = next()) != AT_NULL;) aux[key] = next();
        CHECK(next() == 0);
        CHECK(std::memcmp(stack->aux.data(), f.space->host(aux_at), stack->aux.size()) == 0);
        CHECK(stack->aux.size() == at - aux_at);
        CHECK(aux[AT_PAGESZ] == 4096);
        CHECK(aux[AT_UID] == 7);
        if (model.word == 8) {
            CHECK(aux[AT_RANDOM] % 16 == 0);
            CHECK(f.space->host(aux[AT_RANDOM])[2] == 3);
            CHECK(f.text(aux[AT_EXECFN]) == "/bin/prog");
            CHECK(f.text(aux[AT_PLATFORM]) == "aarch64");
        }
    }
}
TEST_CASE("stack: what does not fit is refused") {
    Fixture f;
    f.contents.environment.assign(1000, std::string(2000, 'x'));
    auto stack = build_stack(*f.space, host_model, f.top, room, f.contents);
    REQUIRE_FALSE(stack);
    CHECK(stack.error().code == E2BIG);
}
