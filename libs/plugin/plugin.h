// SPDX-License-Identifier: MIT
// Loading plugins (emu-plugin.h), and handing on to them what the engine tells.
#pragma once
#include "common/result.h"
#include "cpu/instrument.h"
#include "plugin/emu-plugin.h"

#include <memory>
#include <string>
#include <vector>

struct emu_plugin {
    template <class F> struct Callback {
        F call = nullptr;
        void* user = nullptr;
    };
    Callback<void (*)(void*, const emu_plugin_unit*)> unit;
    Callback<void (*)(void*, std::uint64_t, std::uint32_t)> execute;
    Callback<void (*)(void*, std::uint64_t, std::uint32_t, int)> memory;
    Callback<void (*)(void*)> exit;
};

namespace emu::plugin {

/// "file.so,key=value,...": the file, and what follows; a comma within is doubled.
struct Spec {
    std::string file;
    std::vector<std::string> arguments;
};
Spec parse_spec(std::string_view text);

class Plugins final : public cpu::Instrument {
public:
    /// All of them, in order.
    static Result<std::unique_ptr<Plugins>> load(const std::vector<std::string>& specs, std::string_view guest);
    /// The guest's process ends; once.
    void ends();

    void translated(const ir::Function& function) override;
    void executed(u64 pc, u32 instructions) override;
    bool wants_executed() const override;
    void accesses(u64 address, unsigned size, bool writes) override;
    bool wants_accesses() const override;

    /// For tests: a plugin that is not in a file.
    using Install = int (*)(emu_plugin*, const emu_plugin_host*, int, const char* const*);
    Result<void> add(Install install, const Spec& spec, std::string_view guest);

private:
    std::vector<std::unique_ptr<emu_plugin>> plugins_;
};

} // namespace emu::plugin
