// SPDX-License-Identifier: MIT
// A model of an NVMe controller in memory, after the specification: registers, queues, PRP lists, the commands that disks know.
// It checks what it is told, and can be made to lie. With `threads`, commands end in another thread and in any order.
#pragma once
#include "block/protocols/nvme_device.h"
#include "block/protocols/nvme_identify.h"
#include "block/protocols/nvme_registers.h"
#include "common/bytes.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace emu::block::nvme::test {

/// What the controller is, and how it lies; outlives the device.
struct Model {
    // The truth.
    u64 cap = 63 | u64(1) << 16 | u64(0) << 24 | u64(1) << 37; ///< MQES, CQR, TO, CSS
    u64 window = 16384;
    unsigned interrupts = 4;
    bool threads = false;
    std::vector<u8> controller = std::vector<u8>(4096), command_set = std::vector<u8>(4096);
    bool knows_command_set = true;
    std::map<u32, std::vector<u8>> namespaces; ///< Identify data
    std::map<u32, std::vector<u8>> disks;
    u32 granted_queues = 63;
    usize locked_memory = usize(64) << 20;

    // The lies.
    bool never_ready = false, never_resets = false, fatal_when_enabled = false, never_shuts_down = false;
    bool silent = false;                                  ///< I/O commands are not answered
    std::function<bool(u16 queue, Completion&)> bend;     ///< change a completion; false: leave it out
    std::function<u16(u8 opcode, unsigned count)> status; ///< of I/O commands; 0: carry it out
    bool gone = false, fatal = false;

    // What was seen.
    std::vector<std::string> complaints;
    std::map<u8, unsigned> commands; ///< I/O commands by opcode
    unsigned fua = 0, deallocating_zeroes = 0, deallocated = 0, shutdowns = 0, deleted_queues = 0, most_in_flight = 0;
    usize most_moved = 0;
    std::set<u16> queues_used;

    Model() {
        std::memcpy(controller.data() + 4, "SERIAL              ", 20);
        std::memcpy(controller.data() + 24, "A model\x1b[31m                               ", 40);
        put_le32(controller, 80, 0x00010400);
        controller[512] = 0x66;
        controller[513] = 0x44;
        put_le32(controller, 516, 16);
        put_le16(controller, 520, 1u << 2 | 1u << 3);
        controller[525] = 1;
        controller[77] = 5; // 128 KiB
    }
    void add_namespace(u32 id, u64 blocks, unsigned shift = 9) {
        std::vector<u8> data(4096);
        put_le64(data, 0, blocks);
        put_le32(data, 128, shift << 16);
        data[33] = 1 | 8;
        namespaces[id] = data;
        if (shift < 20 && blocks < (1u << 20)) disks[id].resize(usize(blocks << shift));
    }
};

class ModelDevice final : public Device {
public:
    explicit ModelDevice(Model& model) : m_(model), pending_(std::max(1u, model.interrupts)) {
        if (m_.threads) worker_ = std::thread([this] { work(); });
    }
    ~ModelDevice() override {
        {
            std::lock_guard lock(mutex_);
            over_ = true;
            changed_.notify_all();
        }
        if (worker_.joinable()) worker_.join();
        for (const DmaMemory& piece : memory_) std::free(piece.at);
    }
    const std::string& name() const override { return name_; }
    u64 window() const override { return m_.window; }
    u32 read32(u64 at) override {
        std::lock_guard lock(mutex_);
        if (m_.gone) return 0xffffffff;
        switch (at) {
        case 0: return u32(m_.cap);
        case 4: return u32(m_.cap >> 32);
        case reg_vs: return le32(m_.controller, 80);
        case reg_cc: return cc_;
        case reg_csts: return csts_ | (m_.fatal ? 2 : 0);
        default: return 0;
        }
    }
    void write32(u64 at, u32 value) override {
        std::lock_guard lock(mutex_);
        if (at + 4 > m_.window) return complain("a register outside the window");
        switch (at) {
        case reg_cc: return configure(value);
        case reg_aqa: aqa_ = value; return;
        case reg_asq: asq_ = (asq_ & ~u64(0xffffffff)) | value; return;
        case reg_asq + 4: asq_ = (asq_ & 0xffffffff) | u64(value) << 32; return;
        case reg_acq: acq_ = (acq_ & ~u64(0xffffffff)) | value; return;
        case reg_acq + 4: acq_ = (acq_ & 0xffffffff) | u64(value) << 32; return;
        default: break;
        }
        if (at < reg_doorbells) return complain("a register that is not for writing");
        const u64 stride = 4u << (m_.cap >> 32 & 15), number = (at - reg_doorbells) / stride;
        if ((at - reg_doorbells) % stride) return complain("between doorbells");
        ring(u16(number / 2), number % 2, value);
    }
    Result<DmaMemory> allocate(usize bytes, usize alignment) override {
        std::lock_guard lock(mutex_);
        if (locked_ + bytes > m_.locked_memory) return fail(ENOMEM, "no memory");
        locked_ += bytes;
        alignment = std::max<usize>(alignment, 4096);
        bytes = (bytes + alignment - 1) / alignment * alignment;
        next_ = (next_ + alignment - 1) / alignment * alignment;
        DmaMemory out{static_cast<u8*>(std::aligned_alloc(alignment, bytes)), next_, bytes};
        std::memset(out.at, 0, bytes);
        next_ += bytes + alignment; // with a gap
        memory_.push_back(out);
        return out;
    }
    unsigned vectors() const override { return m_.interrupts; }
    void wait(unsigned vector, milliseconds most) override {
        std::unique_lock lock(mutex_);
        interrupt_.wait_for(lock, most, [&] { return pending_[vector]; });
        pending_[vector] = false;
    }

private:
    struct Submissions {
        u64 address = 0;
        u32 entries = 0, head = 0, tail = 0;
        u16 completions = 0;
    };
    struct Completions {
        u64 address = 0;
        u32 entries = 0, tail = 0, head = 0;
        bool phase = true, interrupts = false;
        u16 vector = 0;
    };
    struct Work {
        u16 queue;
        std::vector<u8> command;
    };

    void complain(std::string text) { m_.complaints.push_back(std::move(text)); }
    /// Null, and a complaint: the device may not go there.
    u8* memory(u64 address, u64 length) {
        for (const DmaMemory& piece : memory_)
            if (address >= piece.address && length <= piece.size && address - piece.address <= piece.size - length)
                return piece.at + (address - piece.address);
        complain("memory that was not given");
        return nullptr;
    }
    u32 page() const { return 4096u << (cc_ >> 7 & 15); }

    void configure(u32 value) {
        const u32 before = cc_;
        cc_ = value;
        if (value & 1 && !(before & 1)) {
            if ((value >> 16 & 15) != 6 || (value >> 20 & 15) != 4) complain("entry sizes");
            if ((value >> 7 & 15) < (m_.cap >> 48 & 15)) complain("memory page too small");
            if (asq_ % page() || acq_ % page()) complain("admin queues are not on a page");
            if (m_.fatal_when_enabled) csts_ |= 2;
            if (!m_.never_ready) csts_ |= 1;
            sq_[0] = {.address = asq_, .entries = (aqa_ & 0xfff) + 1};
            cq_[0] = {.address = acq_, .entries = (aqa_ >> 16 & 0xfff) + 1};
        } else if (!(value & 1)) {
            if (!m_.never_resets) csts_ = 0;
            sq_.clear();
            cq_.clear();
            waiting_.clear();
        }
        if ((value >> 14 & 3) == 1 && (before >> 14 & 3) != 1) {
            m_.shutdowns++;
            if (!m_.never_shuts_down) csts_ |= 2u << 2;
        }
    }

    void ring(u16 id, bool completion, u32 value) {
        if (!(cc_ & 1)) return; // between a failure and its discovery
        if (completion) {
            if (!cq_.count(id) || value >= cq_[id].entries) return complain("head of no completion queue");
            cq_[id].head = value;
            return;
        }
        if (!sq_.count(id) || value >= sq_[id].entries) return complain("tail of no submission queue");
        Submissions& q = sq_[id];
        q.tail = value;
        while (q.head != q.tail) {
            const u8* entry = memory(q.address + q.head * 64, 64);
            if (!entry) return;
            q.head = (q.head + 1) % q.entries;
            Work work{id, {entry, entry + 64}};
            if (id == 0) {
                carry_out(work);
            } else {
                waiting_.push_back(std::move(work));
                m_.most_in_flight = std::max(m_.most_in_flight, unsigned(waiting_.size()));
            }
        }
        if (m_.threads)
            changed_.notify_all();
        else
            serve_one_round();
    }
    void serve_one_round() {
        std::vector<Work> now;
        now.swap(waiting_);
        for (const Work& w : now)
            if (!m_.silent) carry_out(w);
    }
    void work() {
        std::mt19937 random(3);
        std::unique_lock lock(mutex_);
        while (!over_) {
            if (waiting_.empty() || m_.silent) {
                changed_.wait(lock);
                continue;
            }
            lock.unlock(); // more may come meanwhile
            std::this_thread::yield();
            lock.lock();
            if (waiting_.empty()) continue;
            const usize pick = random() % waiting_.size();
            Work w = std::move(waiting_[pick]);
            waiting_.erase(waiting_.begin() + long(pick));
            carry_out(w);
        }
    }

    void complete(u16 queue, u16 id, u16 status, u32 result) {
        const u16 to = queue ? sq_[queue].completions : 0;
        Completions& q = cq_[to];
        Completion c{
            .result = result, .head = u16(sq_[queue].head), .queue = queue, .id = id, .status = status, .phase = q.phase};
        if (queue && m_.bend && !m_.bend(queue, c)) return;
        u8* entry = memory(q.address + q.tail * 16, 16);
        if (!entry) return;
        if ((q.tail + 1) % q.entries == q.head) complain("a completion queue overflows");
        std::memcpy(entry, &c.result, 4);
        put_le32(Bytes(entry, 16), 8, c.head | u32(c.queue) << 16);
        __atomic_store_n(reinterpret_cast<u32*>(entry + 12), c.id | u32(c.phase) << 16 | u32(c.status) << 17, __ATOMIC_RELEASE);
        if (++q.tail == q.entries) {
            q.tail = 0;
            q.phase = !q.phase;
        }
        if (q.interrupts && q.vector < pending_.size()) {
            pending_[q.vector] = true;
            interrupt_.notify_all();
        }
    }

    void carry_out(const Work& w) {
        const ByteView c{ConstBytes(w.command)};
        const u16 id = c.u16_at(2);
        u32 result = 0;
        const u16 status = w.queue ? io(w.queue, c) : admin(c, result);
        complete(w.queue, id, status, result);
    }

    u16 admin(const ByteView& c, u32& result) {
        constexpr u16 invalid_field = 2 | status_do_not_retry;
        const u64 prp = c.u64_at(24);
        const u32 ten = c.u32_at(40), eleven = c.u32_at(44);
        switch (AdminOpcode(c.u8_at(0))) {
        case AdminOpcode::identify: {
            u8* to = memory(prp, 4096);
            if (!to || prp % page()) return invalid_field;
            switch (IdentifyWhat(ten & 0xff)) {
            case IdentifyWhat::controller: std::memcpy(to, m_.controller.data(), 4096); return 0;
            case IdentifyWhat::name_space:
                if (auto n = m_.namespaces.find(c.u32_at(4)); n != m_.namespaces.end()) std::memcpy(to, n->second.data(), 4096);
                return 0;
            case IdentifyWhat::active_namespaces: {
                usize at = 0;
                for (const auto& [number, data] : m_.namespaces) put_le32(Bytes(to, 4096), 4 * at++, number);
                return 0;
            }
            case IdentifyWhat::io_command_set:
                if (!m_.knows_command_set) return invalid_field;
                std::memcpy(to, m_.command_set.data(), 4096);
                return 0;
            }
            return invalid_field;
        }
        case AdminOpcode::set_features:
            if (ten != feature_number_of_queues) return invalid_field;
            result = m_.granted_queues << 16 | m_.granted_queues;
            return 0;
        case AdminOpcode::create_cq:
            if (!(eleven & 1) || prp % page() || (ten >> 16) > (m_.cap & 0xffff)) return invalid_field;
            cq_[u16(ten)] = {
                .address = prp, .entries = (ten >> 16) + 1, .interrupts = bool(eleven & 2), .vector = u16(eleven >> 16)};
            return 0;
        case AdminOpcode::create_sq:
            if (!(eleven & 1) || prp % page() || (ten >> 16) > (m_.cap & 0xffff) || !cq_.count(u16(eleven >> 16)))
                return invalid_field;
            sq_[u16(ten)] = {.address = prp, .entries = (ten >> 16) + 1, .completions = u16(eleven >> 16)};
            return 0;
        case AdminOpcode::delete_sq:
            if (!sq_.count(u16(ten))) return invalid_field;
            m_.deleted_queues++;
            return 0;
        case AdminOpcode::delete_cq: m_.deleted_queues++; return 0;
        }
        return 1 | status_do_not_retry;
    }

    /// The pieces of memory that a command's two PRP entries name (Base 4.1.1).
    bool pages(const ByteView& c, usize length, std::vector<Bytes>& out) {
        const u64 first = c.u64_at(24), second = c.u64_at(32);
        const usize in_first = std::min<usize>(length, page() - first % page());
        const auto add = [&](u64 address, usize bytes) {
            u8* at = memory(address, bytes);
            if (at) out.push_back({at, bytes});
            return at != nullptr;
        };
        if (!add(first, in_first)) return false;
        usize left = length - in_first;
        if (!left) return true;
        if (left <= page()) return second % page() == 0 && add(second, left);
        const usize entries = (left + page() - 1) / page();
        if (second % 8 || second % page() + entries * 8 > page()) {
            complain("a list of pages crosses a page");
            return false;
        }
        const u8* list = memory(second, entries * 8);
        for (usize i = 0; list && i < entries; i++, left -= std::min<usize>(left, page()))
            if (const u64 address = load_bytes<u64>(list + i * 8, Endian::little);
                address % page() || !add(address, std::min<usize>(left, page())))
                return false;
        return list != nullptr;
    }

    u16 io(u16 queue, const ByteView& c) {
        const u8 opcode = c.u8_at(0);
        m_.queues_used.insert(queue);
        const unsigned count = ++m_.commands[opcode];
        if (m_.status)
            if (const u16 status = m_.status(opcode, count)) return status;
        const auto disk = m_.disks.find(c.u32_at(4));
        const auto data = m_.namespaces.find(c.u32_at(4));
        if (disk == m_.disks.end()) return 0x0b | status_do_not_retry;
        const unsigned shift = le32(data->second, 128) >> 16 & 0xff;
        const u64 at = c.u64_at(40) << shift;
        const usize length = usize((c.u32_at(48) & 0xffff) + 1) << shift;
        const bool inside = in_range(at, length, disk->second.size());
        if (c.u32_at(48) & command::force_unit_access) m_.fua++;
        switch (IoOpcode(opcode)) {
        case IoOpcode::flush: return 0;
        case IoOpcode::read:
        case IoOpcode::write: {
            if (!inside) return 0x80 | status_do_not_retry;
            m_.most_moved = std::max(m_.most_moved, length);
            std::vector<Bytes> to;
            if (!pages(c, length, to)) return 2 | status_do_not_retry;
            u8* from = disk->second.data() + at;
            for (const Bytes piece : to) {
                if (IoOpcode(opcode) == IoOpcode::read)
                    std::memcpy(piece.data(), from, piece.size());
                else
                    std::memcpy(from, piece.data(), piece.size());
                from += piece.size();
            }
            return 0;
        }
        case IoOpcode::write_zeroes:
            if (!inside) return 0x80 | status_do_not_retry;
            if (c.u32_at(48) & command::deallocate) m_.deallocating_zeroes++;
            std::fill_n(disk->second.begin() + long(at), length, u8(0));
            return 0;
        case IoOpcode::dataset_management: {
            const u8* range = memory(c.u64_at(24), 16);
            if (!range || !(c.u32_at(44) & command::range_deallocate) || c.u32_at(40)) return 2 | status_do_not_retry;
            const u64 start = load_bytes<u64>(range + 8, Endian::little) << shift,
                      bytes = u64(load_bytes<u32>(range + 4, Endian::little)) << shift;
            if (!in_range(start, bytes, disk->second.size())) return 0x80 | status_do_not_retry;
            m_.deallocated += unsigned(bytes >> shift);
            std::fill_n(disk->second.begin() + long(start), bytes, u8(0));
            return 0;
        }
        }
        return 1 | status_do_not_retry;
    }

    Model& m_;
    const std::string name_ = "0000:00:04.0";
    std::mutex mutex_;
    std::condition_variable changed_, interrupt_;
    std::vector<char> pending_;
    std::thread worker_;
    bool over_ = false;
    std::vector<DmaMemory> memory_;
    usize locked_ = 0;
    u64 next_ = 0x100000;
    u32 cc_ = 0, csts_ = 0, aqa_ = 0;
    u64 asq_ = 0, acq_ = 0;
    std::map<u16, Submissions> sq_;
    std::map<u16, Completions> cq_;
    std::vector<Work> waiting_;
};

} // namespace emu::block::nvme::test
