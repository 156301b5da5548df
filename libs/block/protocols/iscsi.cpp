// SPDX-License-Identifier: MIT
// Logical units of iSCSI targets, through libiscsi. A session serves one thread at a time; there are as many as requests run at
// once, up to a few. Who logs in (CHAP) comes from options, from the URL, or from LIBISCSI_CHAP_USERNAME and _PASSWORD.
#include "block/image.h"
#include "common/library.h"
#include "block/protocols/pool.h"
#include "block/protocols/url.h"
#include "common/bits.h"
#include "common/checked.h"
#include "common/sizes.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <unistd.h>

namespace emu::block {
namespace {

#define EMU_ISCSI_API(X)                                                                                               \
    X(iscsi_create_context) X(iscsi_destroy_context) X(iscsi_get_error) X(iscsi_set_targetname) X(iscsi_set_session_type) X(iscsi_set_header_digest)  \
    X(iscsi_set_initiator_username_pwd) X(iscsi_set_timeout) X(iscsi_full_connect_sync) X(iscsi_logout_sync) X(iscsi_disconnect)                      \
    X(iscsi_testunitready_sync) X(iscsi_inquiry_sync) X(iscsi_modesense6_sync) X(iscsi_readcapacity10_sync) X(iscsi_readcapacity16_sync)               \
    X(iscsi_read16_sync) X(iscsi_write16_sync) X(iscsi_read10_sync) X(iscsi_write10_sync) X(iscsi_synchronizecache10_sync) X(iscsi_unmap_sync)         \
    X(iscsi_writesame16_sync) X(iscsi_get_lba_status_sync) X(scsi_datain_unmarshall) X(scsi_free_scsi_task) X(iscsi_init_transport)
EMU_LIBRARY_API(IscsiApi, EMU_ISCSI_API, "libiscsi.so.7", "libiscsi.so.8", "libiscsi.so.9")

constexpr usize max_sessions = 4;
constexpr u64 most_per_command = 1 << 20;
constexpr int busy_retries = 8;

struct Settings {
    std::string portal, target, user, password, initiator, digest = "none";
    int lun = 0, timeout = 0;
    bool rdma = false;
};

struct Unit {
    u64 blocks = 0;
    u32 block = 512;
    bool read_only = false, thin = false, zeroes_when_unmapped = false;
    u64 max_unmap = 0, max_write_same = 0; ///< blocks
};

class Session {
public:
    static Result<std::unique_ptr<Session>> make(const IscsiApi& api, const Settings& s) {
        auto out = std::unique_ptr<Session>(new Session(api, s));
        EMU_CHECK(out->connect());
        return out;
    }
    ~Session() {
        if (!iscsi_) return;
        if (connected_) api_.iscsi_logout_sync(iscsi_);
        api_.iscsi_disconnect(iscsi_);
        api_.iscsi_destroy_context(iscsi_);
    }
    Session(const Session&) = delete;

    /// A command, again while the unit reports that it was reset or is busy.
    template <class Fn> Result<scsi_task*> command(std::string_view what, Fn issue) {
        for (int attempt = 0;; attempt++) {
            scsi_task* task = issue(iscsi_);
            if (!task) return fail(EIO, fmt::format("iSCSI: {} failed: {}", what, api_.iscsi_get_error(iscsi_)));
            if (task->status == SCSI_STATUS_GOOD) return task;
            const bool attention = task->status == SCSI_STATUS_CHECK_CONDITION && task->sense.key == SCSI_SENSE_UNIT_ATTENTION;
            const bool busy = task->status == SCSI_STATUS_BUSY || task->status == SCSI_STATUS_TIMEOUT || task->status == SCSI_STATUS_TASK_SET_FULL;
            const Error error = task_error(*task, what);
            api_.scsi_free_scsi_task(task);
            if ((!attention && !busy) || attempt == busy_retries) return fail(error);
            if (busy) ::usleep(useconds_t(8000) << attempt);
        }
    }
    template <class Fn> Result<void> run(std::string_view what, Fn issue) {
        scsi_task* task = EMU_TRY(command(what, issue));
        api_.scsi_free_scsi_task(task);
        return {};
    }
    Result<Unit> unit();
    const IscsiApi& api() const { return api_; }
    int lun() const { return s_.lun; }

private:
    Session(const IscsiApi& api, const Settings& s) : api_(api), s_(s), iscsi_(api.iscsi_create_context(s.initiator.c_str())) {}
    Error task_error(const scsi_task& task, std::string_view what) {
        if (task.status == SCSI_STATUS_CHECK_CONDITION && task.sense.key == SCSI_SENSE_DATA_PROTECTION)
            return {EROFS, fmt::format("iSCSI: {} failed: the unit is write-protected", what), {}};
        const int code = task.status == SCSI_STATUS_CHECK_CONDITION && task.sense.key == SCSI_SENSE_ILLEGAL_REQUEST ? ENOTSUP : EIO;
        return {code, fmt::format("iSCSI: {} failed: {}", what, api_.iscsi_get_error(iscsi_)), {}};
    }
    Result<void> connect();
    void read_limits(Unit& out);

    const IscsiApi& api_;
    const Settings& s_;
    iscsi_context* iscsi_;
    bool connected_ = false;
};

Result<void> Session::connect() {
    if (!iscsi_) return fail(ENOMEM, "iSCSI: Failed to create iSCSI context.");
    if (s_.rdma && api_.iscsi_init_transport(iscsi_, ISER_TRANSPORT)) return fail(ENOTSUP, fmt::format("Error initializing transport: {}", api_.iscsi_get_error(iscsi_)));
    const auto failed = [&](std::string_view what) { return fail(EINVAL, fmt::format("iSCSI: {}: {}", what, api_.iscsi_get_error(iscsi_))); };
    if (api_.iscsi_set_targetname(iscsi_, s_.target.c_str())) return failed("Failed to set target name");
    if (!s_.user.empty() && api_.iscsi_set_initiator_username_pwd(iscsi_, s_.user.c_str(), s_.password.c_str())) return failed("Failed to set initiator username and password");
    if (api_.iscsi_set_session_type(iscsi_, ISCSI_SESSION_NORMAL)) return failed("Failed to set session type to normal");
    struct Row {
        std::string_view name;
        iscsi_header_digest value;
    };
    static constexpr Row digests[] = {{"none", ISCSI_HEADER_DIGEST_NONE}, {"crc32c", ISCSI_HEADER_DIGEST_CRC32C},
                                      {"none-crc32c", ISCSI_HEADER_DIGEST_NONE_CRC32C}, {"crc32c-none", ISCSI_HEADER_DIGEST_CRC32C_NONE}};
    for (const Row& row : digests) {
        if (row.name == s_.digest) api_.iscsi_set_header_digest(iscsi_, row.value);
    }
    if (s_.timeout) api_.iscsi_set_timeout(iscsi_, s_.timeout);
    if (api_.iscsi_full_connect_sync(iscsi_, s_.portal.c_str(), s_.lun) != 0)
        return fail(EIO, fmt::format("iSCSI: Failed to connect to LUN : {}", api_.iscsi_get_error(iscsi_)));
    connected_ = true;
    return {};
}

void Session::read_limits(Unit& out) {
    auto task = command("INQUIRY of the limits", [&](iscsi_context* c) { return api_.iscsi_inquiry_sync(c, s_.lun, 1, SCSI_INQUIRY_PAGECODE_BLOCK_LIMITS, 255); });
    if (!task) return; // an old unit: nothing is promised
    if (const auto* page = static_cast<const scsi_inquiry_block_limits*>(api_.scsi_datain_unmarshall(*task))) {
        out.max_unmap = page->max_unmap;
        out.max_write_same = page->max_ws_len;
    }
    api_.scsi_free_scsi_task(*task);
}

Result<Unit> Session::unit() {
    Unit out;
    scsi_task* task = EMU_TRY(command("INQUIRY", [&](iscsi_context* c) { return api_.iscsi_inquiry_sync(c, s_.lun, 0, 0, 64); }));
    const auto* inquiry = static_cast<const scsi_inquiry_standard*>(api_.scsi_datain_unmarshall(task));
    const int type = inquiry ? int(inquiry->device_type) : -1;
    api_.scsi_free_scsi_task(task);
    if (type == SCSI_INQUIRY_PERIPHERAL_DEVICE_TYPE_MMC) {
        task = EMU_TRY(command("READ CAPACITY", [&](iscsi_context* c) { return api_.iscsi_readcapacity10_sync(c, s_.lun, 0, 0); }));
        if (const auto* found = static_cast<const scsi_readcapacity10*>(api_.scsi_datain_unmarshall(task)); found && found->block_size) {
            out.block = found->block_size;
            out.blocks = found->lba ? u64(found->lba) + 1 : 0;
        }
        api_.scsi_free_scsi_task(task);
        out.read_only = true;
    } else if (type == SCSI_INQUIRY_PERIPHERAL_DEVICE_TYPE_DIRECT_ACCESS) {
        task = EMU_TRY(command("READ CAPACITY", [&](iscsi_context* c) { return api_.iscsi_readcapacity16_sync(c, s_.lun); }));
        if (const auto* found = static_cast<const scsi_readcapacity16*>(api_.scsi_datain_unmarshall(task))) {
            out.block = found->block_length;
            out.blocks = found->returned_lba + 1;
            out.thin = found->lbpme;
            out.zeroes_when_unmapped = found->lbprz;
        }
        api_.scsi_free_scsi_task(task);
        if (out.thin) read_limits(out);
    } else {
        return fail(ENOTSUP, fmt::format("iSCSI: the unit is of type {}, neither a disk nor a CD-ROM", type));
    }
    if (out.block < 512 || !is_power_of_two(out.block) || out.block > 65536 || out.blocks > u64(INT64_MAX) / out.block)
        return fail(EINVAL, fmt::format("iSCSI: the unit has an impossible block length {}", out.block));
    return out;
}

class IscsiNode final : public Node {
public:
    IscsiNode(const IscsiApi& api, Settings settings)
        : s_(std::move(settings)), pool_(max_sessions, [&api, this] { return Session::make(api, s_); }) {}
    Result<void> connect(bool writable) {
        auto session = EMU_TRY(pool_.take());
        unit_ = EMU_TRY(session->unit());
        if (!writable || !unit_.read_only) return {};
        return fail(EACCES, "Cannot open a write protected LUN as read-write");
    }
    std::string_view driver() const override { return "iscsi"; }
    Limits limits() const override {
        Limits out;
        out.request_alignment = unit_.block;
        out.discard_alignment = unit_.block;
        out.zero_alignment = unit_.block;
        return out;
    }

protected:
    u64 do_size() const override { return unit_.blocks * unit_.block; }
    template <class Fn> Result<void> with_session(Fn fn) {
        auto session = EMU_TRY(pool_.take());
        auto done = fn(*session);
        if (!done && done.error().code == EIO) session.broken();
        return done;
    }
    /// Units up to 2 TiB and all CD-ROMs know the short commands.
    bool short_commands() const { return unit_.blocks <= 0xffffffff; }
    Result<void> do_read(u64 at, Bytes to) override {
        return with_session([&](Session& s) -> Result<void> {
            const IscsiApi& api = s.api();
            while (!to.empty()) {
                const u32 length = u32(std::min<u64>(to.size(), most_per_command));
                const u64 lba = at / unit_.block;
                scsi_task* task = EMU_TRY(s.command("READ", [&](iscsi_context* c) {
                    return short_commands() ? api.iscsi_read10_sync(c, s.lun(), u32(lba), length, int(unit_.block), 0, 0, 0, 0, 0)
                                            : api.iscsi_read16_sync(c, s.lun(), lba, length, int(unit_.block), 0, 0, 0, 0, 0);
                }));
                const bool whole = task->datain.size == int(length);
                if (whole) std::copy_n(task->datain.data, length, to.data());
                api.scsi_free_scsi_task(task);
                if (!whole) return fail(EIO, "iSCSI: READ returned too little");
                at += length;
                to = to.subspan(length);
            }
            return {};
        });
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags) override {
        return with_session([&](Session& s) -> Result<void> {
            const IscsiApi& api = s.api();
            while (!from.empty()) {
                const u32 length = u32(std::min<u64>(from.size(), most_per_command));
                const u64 lba = at / unit_.block;
                auto* data = const_cast<unsigned char*>(from.data());
                EMU_CHECK(s.run("WRITE", [&](iscsi_context* c) {
                    return short_commands() ? api.iscsi_write10_sync(c, s.lun(), u32(lba), data, length, int(unit_.block), 0, 0, 0, 0, 0)
                                            : api.iscsi_write16_sync(c, s.lun(), lba, data, length, int(unit_.block), 0, 0, 0, 0, 0);
                }));
                at += length;
                from = from.subspan(length);
            }
            return {};
        });
    }
    Result<void> do_flush() override {
        return with_session([&](Session& s) {
            return s.run("SYNCHRONIZE CACHE", [&](iscsi_context* c) { return s.api().iscsi_synchronizecache10_sync(c, s.lun(), 0, 0, 0, 0); });
        });
    }
    Result<void> do_discard(u64 at, u64 length) override {
        if (!unit_.thin || !unit_.max_unmap || at % unit_.block || length % unit_.block) return {};
        return with_session([&](Session& s) -> Result<void> {
            for (u64 lba = at / unit_.block, left = length / unit_.block; left;) {
                unmap_list list{.lba = lba, .num = u32(std::min<u64>({left, unit_.max_unmap, 0xffffffff}))};
                EMU_CHECK(s.run("UNMAP", [&](iscsi_context* c) { return s.api().iscsi_unmap_sync(c, s.lun(), 0, 0, &list, 1); }));
                lba += list.num;
                left -= list.num;
            }
            return {};
        });
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override {
        if (!unit_.max_write_same || at % unit_.block || length % unit_.block) return fail(ENOTSUP, "the unit has no WRITE SAME");
        const bool unmap = has(flags, WriteFlags::may_unmap) && unit_.zeroes_when_unmapped;
        std::vector<u8> zeroes(unit_.block);
        return with_session([&](Session& s) -> Result<void> {
            for (u64 lba = at / unit_.block, left = length / unit_.block; left;) {
                const u32 count = u32(std::min<u64>({left, unit_.max_write_same, 0xffffffff}));
                EMU_CHECK(s.run("WRITE SAME", [&](iscsi_context* c) {
                    return s.api().iscsi_writesame16_sync(c, s.lun(), lba, zeroes.data(), unit_.block, count, 0, unmap, 0, 0);
                }));
                lba += count;
                left -= count;
            }
            return {};
        });
    }

private:
    Settings s_;
    Pool<Session> pool_;
    Unit unit_;
};

Result<KeyValues> parse_iscsi_name(std::string_view name) {
    // Not quite a URL: user%password stands before the '@'.
    const usize colon = name.find("://");
    if (colon == std::string_view::npos) return fail(EINVAL, "iSCSI names are iscsi://[user%password@]host[:port]/target/lun");
    const std::string_view scheme = name.substr(0, colon);
    std::string_view rest = name.substr(colon + 3);
    KeyValues out;
    if (scheme == "iser") out.add("transport", "iser");
    const usize slash = rest.find('/'), last = rest.rfind('/');
    if (slash == std::string_view::npos || slash == last) return fail(EINVAL, "iSCSI names are iscsi://[user%password@]host[:port]/target/lun");
    std::string_view portal = rest.substr(0, slash);
    if (const usize at = portal.rfind('@'); at != std::string_view::npos) {
        const std::string_view who = portal.substr(0, at);
        const usize percent = who.find('%');
        out.add("user", who.substr(0, percent));
        if (percent != std::string_view::npos) out.add("password", who.substr(percent + 1));
        portal.remove_prefix(at + 1);
    }
    out.add("portal", portal);
    const std::string target = EMU_TRY(percent_decode(rest.substr(slash + 1, last - slash - 1)));
    out.add("target", target);
    const std::string_view lun = rest.substr(last + 1);
    out.add("lun", lun.substr(0, lun.find('?')));
    return out;
}

Result<Settings> take_settings(KeyValues& o, Context& context) {
    Settings s;
    const std::string transport = o.take("transport").value_or("tcp");
    if (transport != "tcp" && transport != "iser") return fail(EINVAL, fmt::format("Unknown transport: {}", transport));
    s.rdma = transport == "iser";
    const auto portal = o.take("portal"), target = o.take("target");
    if (!portal || portal->empty()) return fail(EINVAL, "Need all of transport, portal and target options");
    if (!target || target->empty()) return fail(EINVAL, "Need all of transport, portal and target options");
    s.portal = *portal;
    s.target = *target;
    const u64 lun = EMU_TRY(o.take_number("lun")).value_or(0), timeout = EMU_TRY(o.take_number("timeout")).value_or(0);
    if (lun > 16383) return fail(EINVAL, fmt::format("iSCSI: there is no unit {}", lun));
    s.lun = int(lun);
    s.timeout = int(std::min<u64>(timeout, 3600));
    const char* env_user = std::getenv("LIBISCSI_CHAP_USERNAME");
    const char* env_password = std::getenv("LIBISCSI_CHAP_PASSWORD");
    s.user = o.take("user").value_or(env_user ? env_user : "");
    s.password = o.take("password").value_or(env_password ? env_password : "");
    if (const auto id = o.take("password-secret")) {
        const std::vector<u8> bytes = EMU_TRY(context.secret(*id));
        s.password.assign(bytes.begin(), bytes.end());
    }
    std::string host(256, '\0');
    if (::gethostname(host.data(), host.size() - 1) != 0) host = "localhost";
    host.resize(std::min(host.find('\0'), host.size()));
    s.initiator = o.take("initiator-name").value_or("iqn.2008-11.org.linux-kvm:" + host);
    s.digest = o.take("header-digest").value_or("none");
    for (char& c : s.digest) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
    if (s.digest != "none" && s.digest != "crc32c" && s.digest != "none-crc32c" && s.digest != "crc32c-none")
        return fail(EINVAL, fmt::format("Invalid header-digest setting : {}", s.digest));
    return s;
}

Result<NodePtr> open_iscsi(NodePtr, OpenArgs& args) {
    Settings settings = EMU_TRY(take_settings(args.options, *args.context));
    const IscsiApi& api = *EMU_TRY(IscsiApi::get());
    auto node = std::make_shared<IscsiNode>(api, std::move(settings));
    EMU_CHECK(node->connect(args.writable));
    return NodePtr(std::move(node));
}

/// A unit exists already; it only has to be large enough.
Result<void> create_iscsi(NodePtr, CreateArgs& args) {
    KeyValues options = EMU_TRY(parse_iscsi_name(args.name));
    OpenArgs open{.writable = true, .options = std::move(options), .name = args.name, .context = args.context};
    const NodePtr node = EMU_TRY(open_iscsi(nullptr, open));
    return node->size() < args.size ? Result<void>(fail(ENOSPC, fmt::format("The unit '{}' is too small", args.name))) : Result<void>();
}

constexpr std::string_view prefixes[] = {"iscsi"}, iser_prefixes[] = {"iser"};
constexpr CreateOption create_options[] = {{"size", CreateOption::Kind::size, "Virtual disk size"}};
constexpr CreateOption iscsi_options[] = {
    {"transport", CreateOption::Kind::string, "tcp or iser", "tcp"},
    {"portal", CreateOption::Kind::string, "host[:port] of the target"},
    {"target", CreateOption::Kind::string, "the target's name"},
    {"lun", CreateOption::Kind::number, "number of the logical unit", "0"},
    {"user", CreateOption::Kind::string, "user name for CHAP"},
    {"password-secret", CreateOption::Kind::string, "secret that holds the password for CHAP"},
    {"initiator-name", CreateOption::Kind::string, "name to show the target"},
    {"header-digest", CreateOption::Kind::string, "none, crc32c, none-crc32c or crc32c-none", "none"},
    {"timeout", CreateOption::Kind::number, "seconds after which a request fails; 0: never", "0"},
};

} // namespace

extern const Driver iscsi_driver{.name = "iscsi", .kind = Driver::Kind::protocol, .open = open_iscsi, .parse_name = parse_iscsi_name, .prefixes = prefixes,
                                 .create = create_iscsi, .create_options = create_options, .open_options = iscsi_options, .network = true,
                                 .summary = "a logical unit of an iSCSI target"};
extern const Driver iser_driver{.name = "iser", .kind = Driver::Kind::protocol, .open = open_iscsi, .parse_name = parse_iscsi_name,
                                .prefixes = iser_prefixes, .open_options = iscsi_options, .network = true,
                                .summary = "a logical unit of an iSCSI target, over RDMA"};

} // namespace emu::block
