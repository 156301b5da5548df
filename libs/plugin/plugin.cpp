// SPDX-License-Identifier: MIT
#include "plugin/plugin.h"

#include "common/log.h"

#include <algorithm>
#include <cerrno>
#include <dlfcn.h>

namespace emu::plugin {
namespace {

/// Lives as long as plugins may look at it.
emu_plugin_host make_host(std::string_view guest) {
    static std::string name;
    name = guest;
    return {
        .api = EMU_PLUGIN_API,
        .guest = name.c_str(),
        .on_unit = [](emu_plugin* self, auto call, void* user) { self->unit = {call, user}; },
        .on_execute = [](emu_plugin* self, auto call, void* user) { self->execute = {call, user}; },
        .on_memory = [](emu_plugin* self, auto call, void* user) { self->memory = {call, user}; },
        .on_exit = [](emu_plugin* self, auto call, void* user) { self->exit = {call, user}; },
        .print = [](const char* text) { log::write(text); },
    };
}

} // namespace

Spec parse_spec(std::string_view text) {
    std::vector<std::string> items(1);
    for (usize i = 0; i < text.size(); i++) {
        if (text[i] != ',') items.back() += text[i];
        else if (i + 1 < text.size() && text[i + 1] == ',') items.back() += text[i++];
        else items.emplace_back();
    }
    Spec spec{items[0], {items.begin() + 1, items.end()}};
    if (spec.file.starts_with("file=")) spec.file.erase(0, 5);
    return spec;
}

Result<void> Plugins::add(Install install, const Spec& spec, std::string_view guest) {
    static emu_plugin_host host;
    host = make_host(guest);
    std::vector<const char*> argv;
    for (const std::string& each : spec.arguments) argv.push_back(each.c_str());
    const int argc = int(argv.size());
    argv.push_back(nullptr);
    plugins_.push_back(std::make_unique<emu_plugin>());
    if (const int code = install(plugins_.back().get(), &host, argc, argv.data())) {
        plugins_.pop_back();
        return fail(EINVAL, spec.file + ": the plugin refuses (" + std::to_string(code) + ")");
    }
    return {};
}

Result<std::unique_ptr<Plugins>> Plugins::load(const std::vector<std::string>& specs, std::string_view guest) {
    auto plugins = std::make_unique<Plugins>();
    for (const std::string& text : specs) {
        const Spec spec = parse_spec(text);
        // A name without a slash is a file here, not one of the system's libraries.
        const std::string file = spec.file.find('/') == std::string::npos ? "./" + spec.file : spec.file;
        void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!library) return fail(EINVAL, std::string("-plugin: ") + ::dlerror());
        const auto install = reinterpret_cast<Install>(::dlsym(library, "emu_plugin_install"));
        if (!install) return fail(EINVAL, spec.file + ": not a plugin, it has no emu_plugin_install");
        EMU_CHECK(plugins->add(install, spec, guest));
    }
    return plugins;
}

void Plugins::ends() {
    for (auto& plugin : plugins_)
        if (auto exit = std::exchange(plugin->exit, {}); exit.call) exit.call(exit.user);
}

void Plugins::translated(const ir::Function& function) {
    u64 bytes = 0;
    for (auto [first, last] : function.ranges) bytes += last - first;
    const emu_plugin_unit unit{function.pc, function.insns, u32(bytes)};
    for (auto& plugin : plugins_)
        if (plugin->unit.call) plugin->unit.call(plugin->unit.user, &unit);
}

void Plugins::executed(u64 pc, u32 instructions) {
    for (auto& plugin : plugins_)
        if (plugin->execute.call) plugin->execute.call(plugin->execute.user, pc, instructions);
}

void Plugins::accesses(u64 address, unsigned size, bool writes) {
    for (auto& plugin : plugins_)
        if (plugin->memory.call) plugin->memory.call(plugin->memory.user, address, size, writes);
}

bool Plugins::wants_executed() const {
    return std::any_of(plugins_.begin(), plugins_.end(), [](const auto& plugin) { return plugin->execute.call; });
}
bool Plugins::wants_accesses() const {
    return std::any_of(plugins_.begin(), plugins_.end(), [](const auto& plugin) { return plugin->memory.call; });
}

} // namespace emu::plugin
