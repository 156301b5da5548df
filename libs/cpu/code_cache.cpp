// SPDX-License-Identifier: MIT
#include "cpu/code_cache.h"

#include "common/bytes.h"
#include "common/fd.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace emu::cpu {

namespace {

// magic, version, sizes of key and payload, hash of both
constexpr char magic[8] = {'E', 'M', 'U', 'C', 'O', 'D', 'E', 0};
constexpr u64 version = 1;
struct Header {
    char magic[8];
    u64 version, key_size, payload_size, hash;
};
constexpr u64 largest = u64(512) << 20;

u64 mix(u64 x) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93;
    x ^= x >> 32;
    return x;
}

bool read_all(int fd, Bytes to) {
    while (!to.empty()) {
        const ssize_t n = ::read(fd, to.data(), to.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        to = to.subspan(usize(n));
    }
    return true;
}

ConstBytes as_bytes(const std::string& text) { return {reinterpret_cast<const u8*>(text.data()), text.size()}; }

} // namespace

u64 hash_bytes(ConstBytes bytes, u64 seed) {
    u64 lanes[4] = {seed, seed + 1, seed + 2, seed + 3};
    const u64 size = bytes.size();
    for (; bytes.size() >= 32; bytes = bytes.subspan(32))
        for (unsigned k = 0; k < 4; k++) {
            u64 word;
            std::memcpy(&word, bytes.data() + 8 * k, 8);
            lanes[k] = (lanes[k] ^ word) * 0x9fb21c651e98df25;
            lanes[k] = lanes[k] << 31 | lanes[k] >> 33;
        }
    for (usize at = 0; at < bytes.size(); at += 8) {
        u64 word = 0;
        std::memcpy(&word, bytes.data() + at, std::min<usize>(8, bytes.size() - at));
        lanes[at / 8] = mix(lanes[at / 8] ^ word);
    }
    return mix(mix(mix(mix(mix(size) ^ lanes[0]) ^ lanes[1]) ^ lanes[2]) ^ lanes[3]);
}

CodeCache::CodeCache(std::string directory, std::string key)
    : key_(std::move(key)), path_(fmt::format("{}/{:016x}.emucode", directory, hash_bytes(as_bytes(key_)))) {}

Result<std::vector<u8>> CodeCache::load() const {
    const Fd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return errno == ENOENT ? Result<std::vector<u8>>(std::vector<u8>()) : fail_errno(errno, path_);
    // What is in there will run with our rights.
    struct stat status;
    if (::fstat(fd.get(), &status)) return fail_errno(errno, path_);
    if (status.st_uid != ::geteuid() || (status.st_mode & 022)) return fail(EPERM, path_ + ": others may write it");
    Header header;
    if (!S_ISREG(status.st_mode) || u64(status.st_size) < sizeof header || u64(status.st_size) > largest) return fail(EINVAL, path_ + ": not a file of translations");
    if (!read_all(fd.get(), {reinterpret_cast<u8*>(&header), sizeof header})) return fail(EIO, path_ + ": cannot be read");
    if (std::memcmp(header.magic, magic, sizeof magic) || header.version != version) return fail(EINVAL, path_ + ": not a file of translations");
    const u64 rest = u64(status.st_size) - sizeof header;
    if (header.key_size > rest || header.payload_size != rest - header.key_size) return fail(EINVAL, path_ + ": damaged");
    std::vector<u8> bytes(rest);
    if (!read_all(fd.get(), bytes)) return fail(EIO, path_ + ": cannot be read");
    if (hash_bytes(bytes) != header.hash) return fail(EINVAL, path_ + ": damaged");
    if (header.key_size != key_.size() || std::memcmp(bytes.data(), key_.data(), key_.size())) return fail(EINVAL, path_ + ": belongs to another program");
    bytes.erase(bytes.begin(), bytes.begin() + s64(key_.size()));
    return bytes;
}

Result<void> CodeCache::store(ConstBytes payload) const {
    std::vector<u8> bytes(key_.begin(), key_.end());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    Header header{{}, version, key_.size(), payload.size(), hash_bytes(bytes)};
    std::memcpy(header.magic, magic, sizeof magic);
    const std::string temporary = fmt::format("{}.{}", path_, ::getpid());
    ::unlink(temporary.c_str());
    {
        const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd) return fail_errno(errno, temporary);
        if (!write_all(fd.get(), {reinterpret_cast<const u8*>(&header), sizeof header}) || !write_all(fd.get(), bytes)) {
            const int error = errno;
            ::unlink(temporary.c_str());
            return fail_errno(error, temporary);
        }
    }
    if (::rename(temporary.c_str(), path_.c_str())) return fail_errno(errno, path_);
    return {};
}

} // namespace emu::cpu
