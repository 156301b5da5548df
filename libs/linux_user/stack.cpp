// SPDX-License-Identifier: MIT
#include "linux_user/stack.h"

#include "common/bits.h"
#include "linux_user/host_asm.h"

#include <algorithm>
#include <cerrno>
#include <elf.h>

namespace emu::linux_user {
namespace {

/// Fills a buffer from its end, which stands for the top of the stack.
class Builder {
public:
    Builder(const DataModel& model, u64 top, u64 room) : model_(model), at_(top), buffer_(room), left_(room) {}

    u64 string(const std::string& text) { return bytes({reinterpret_cast<const u8*>(text.c_str()), text.size() + 1}); }
    u64 bytes(ConstBytes data) {
        EMU_ASSERT(data.size() <= left_);
        left_ -= data.size();
        at_ -= data.size();
        std::copy(data.begin(), data.end(), buffer_.begin() + std::ptrdiff_t(left_));
        return at_;
    }
    /// Leave room so that what comes next, of that many bytes, starts aligned.
    void pad(u64 alignment, u64 to_come) {
        u64 gap = (at_ - to_come) % alignment;
        at_ -= gap;
        left_ -= gap;
    }
    void words(const std::vector<u64>& values) {
        std::vector<u8> data(values.size() * model_.word);
        for (usize i = 0; i < values.size(); i++)
            put(data, i, values[i]);
        bytes(data);
    }
    u64 at() const { return at_; }
    ConstBytes image() const { return ConstBytes(buffer_).subspan(left_); }

private:
    void put(std::vector<u8>& data, usize index, u64 value) {
        if (model_.word == 8)
            store<u64>(data, index * 8, value, model_.order);
        else
            store<u32>(data, index * 4, u32(value), model_.order);
    }

    const DataModel& model_;
    u64 at_;
    std::vector<u8> buffer_;
    usize left_;
};

/// Bytes that the strings and vectors take at most.
u64 size_of(const StackContents& contents, const DataModel& model) {
    u64 size = contents.execfn.size() + contents.platform.size() + 256 + contents.aux.size() * 16;
    for (const auto* list : {&contents.argv, &contents.environment})
        for (const std::string& each : *list) size += each.size() + 1 + model.word;
    return size;
}

} // namespace

Result<BuiltStack> build_stack(AddressSpace& space, const DataModel& model, u64 top, u64 room, const StackContents& contents) {
    u64 size = size_of(contents, model);
    // Some of the stack must be left for the program.
    if (size > room / 4 * 3) return fail(E2BIG, "arguments and environment do not fit on the stack");
    Builder builder(model, top, size);
    builder.words({0}); // the end of the strings, as the kernel leaves it
    u64 execfn = builder.string(contents.execfn);
    std::vector<u64> environment(contents.environment.size()), argv(contents.argv.size());
    for (usize i = environment.size(); i-- > 0;) environment[i] = builder.string(contents.environment[i]);
    for (usize i = argv.size(); i-- > 0;) argv[i] = builder.string(contents.argv[i]);
    u64 platform = builder.string(contents.platform);
    builder.pad(16, contents.random.size());
    u64 random = builder.bytes(contents.random);

    std::vector<u64> aux;
    for (const AuxEntry& entry : contents.aux) aux.insert(aux.end(), {entry.key, entry.value});
    aux.insert(aux.end(), {AT_RANDOM, random, AT_EXECFN, execfn, AT_PLATFORM, platform, AT_NULL, 0});

    if (contents.flat) aux.clear();
    std::vector<u64> vectors{u64(argv.size())};
    if (contents.flat) vectors.insert(vectors.end(), 2, 0);
    vectors.insert(vectors.end(), argv.begin(), argv.end());
    vectors.push_back(0);
    vectors.insert(vectors.end(), environment.begin(), environment.end());
    vectors.push_back(0);
    builder.pad(16, (vectors.size() + aux.size()) * model.word);
    builder.words(aux);
    u64 aux_at = builder.at();
    if (contents.flat) {
        vectors[1] = aux_at - (vectors.size() - 3) * model.word;
        vectors[2] = vectors[1] + (argv.size() + 1) * model.word;
    }
    builder.words(vectors);

    ConstBytes image = builder.image();
    if (!space.contains(builder.at(), image.size()) ||
        host::safe_copy(space.host(builder.at()), image.data(), image.size()) != 0)
        return fail(EFAULT, "cannot write the stack");
    auto first = image.begin() + std::ptrdiff_t(aux_at - builder.at());
    return BuiltStack{builder.at(), {first, first + std::ptrdiff_t(aux.size() * model.word)}};
}

} // namespace emu::linux_user
