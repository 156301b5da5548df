// SPDX-License-Identifier: MIT
// Runs a fuzz target over stored inputs where there is no libFuzzer: every file below the directories given, the empty input,
// and cheap mutations of each (truncations and single flipped bytes).
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    std::size_t runs = 1;
    LLVMFuzzerTestOneInput(nullptr, 0);
    for (int i = 1; i < argc; i++) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
            if (!entry.is_regular_file()) continue;
            std::ifstream file(entry.path(), std::ios::binary);
            std::vector<std::uint8_t> input((std::istreambuf_iterator<char>(file)), {});
            LLVMFuzzerTestOneInput(input.data(), input.size());
            const std::size_t step = input.size() / 64 + 1;
            for (std::size_t at = 0; at < input.size(); at += step, runs += 2) {
                std::vector<std::uint8_t> shorter(input.begin(), input.begin() + long(at));
                LLVMFuzzerTestOneInput(shorter.data(), shorter.size());
                std::vector<std::uint8_t> flipped = input;
                flipped[at] ^= std::uint8_t(1 + at % 255);
                LLVMFuzzerTestOneInput(flipped.data(), flipped.size());
            }
            runs++;
        }
    }
    std::printf("%zu inputs replayed\n", runs);
    return runs > 1 || argc == 1 ? 0 : 1;
}
