// SPDX-License-Identifier: MIT
#include "cpu/unit_map.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>

using namespace emu;

TEST_CASE("unit map: the same answers as std::map, through growth and erasure") {
    std::mt19937_64 random(7);
    cpu::UnitMap map;
    std::map<std::pair<u64, u32>, jit::Unit*> model;
    std::vector<std::unique_ptr<jit::Unit>> units;
    auto any_key = [&] { return std::pair<u64, u32>{0x400000 + random() % 5000 * 4, u32(random() % 3) << 20}; };
    for (unsigned step = 0; step < 60000; step++) {
        const auto key = any_key();
        if (random() % 3) {
            units.push_back(std::make_unique<jit::Unit>());
            units.back()->pc = key.first;
            units.back()->mode = key.second;
            map.insert(*units.back());
            model[key] = units.back().get();
        } else {
            map.erase(key.first, key.second);
            model.erase(key);
        }
        const auto asked = any_key();
        const auto at = model.find(asked);
        REQUIRE(map.find(asked.first, asked.second) == (at == model.end() ? nullptr : at->second));
        REQUIRE(map.has(asked.first, asked.second) == (at != model.end()));
        REQUIRE(map.size() == model.size());
    }
    map.clear();
    CHECK(map.size() == 0);
    for (const auto& [key, unit] : model) CHECK(!map.find(key.first, key.second));
}
