// SPDX-License-Identifier: MIT
// A folder that goes away, and a context without secrets.
#pragma once
#include "block/image.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

struct TempDir {
    TempDir() {
        std::string pattern = (std::filesystem::temp_directory_path() / "emu-block-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~TempDir() { std::filesystem::remove_all(path); }
    std::string operator/(std::string_view name) const { return path + "/" + std::string(name); }
    std::string path;
};

struct TestContext : emu::block::Context {
    emu::Result<std::vector<emu::u8>> secret(std::string_view id) override {
        auto at = secrets.find(std::string(id));
        if (at == secrets.end()) return emu::fail(ENOENT, "No secret with id '" + std::string(id) + "'");
        return std::vector<emu::u8>(at->second.begin(), at->second.end());
    }
    std::shared_ptr<void> object(std::string_view, std::string_view) override { return nullptr; }
    void warn(std::string_view text) override { warnings += std::string(text) + "\n"; }
    std::map<std::string, std::string> secrets;
    std::string warnings;
};
