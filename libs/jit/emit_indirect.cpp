// SPDX-License-Identifier: MIT
// Indirect jumps and calls. Each has an inline cache: the first target it had is compared with, and jumped to as a direct exit
// would (a LinkSite with a key). One that turns out to lead to several places goes to the vCPU's jump cache at once, at no cost
// but that of a nop.
//
//         cmp   dword [poll], 0
//         jne   leave_poll_pc
// gate:   jmp   cache              ; after some strays: nop
// probe:  ...                      ; the jump cache has it: go there
//
// cache:  mov   rcx, key           ; 64 bits that are written in one piece; no_key at first
//         cmp   rcx, rax
//         jne   cold
//         jmp   target             ; at first, and when that unit is gone: probe. Of a call: push; call target; jmp landing
// miss:   look at the other entry of the pair: go there
// cold:   mov   ecx, number of the site
//         jmp   site_miss          ; to the vCPU loop, which calls Jit::link
//
// A key that was set is not set to another target: who has compared and not jumped yet would go there with the wrong pc.
#include "jit/compiler.h"

#include <cstddef>

namespace emu::jit {

using ir::Exit;

/// rax = target.
void Compiler::emit_indirect(const Exit& exit, bool call) {
    a.cmp(a.dword[state_at(offsetof(ir::StateHeader, poll)).getRegExp()], 0);
    a.jcc_to(cc_ne, backend_.routines.leave_poll_pc);
    // The whole jump is replaced in one piece.
    if (const unsigned left = 8 - a.pos() % 8; left < LinkSite::gate_bytes) a.nop(left);
    PendingCache cache;
    cache.gate = a.jmp_forward();
    cache.probe = a.pos();
    cache.miss = emit_jump_cache_probe(a);
    cache.found = a.pos();
    if (call) {
        a.mov(a.rdx, a.ptr[a.rcx + 8]);
        push_return(exit.ret);
        a.call(a.rdx);
        cache.landing = a.pos();
        cache.ret = exit.ret;
        emit_landing(exit);
    } else {
        a.jmp(a.ptr[a.rcx + 8]);
    }
    caches_.push_back(cache);
    links_.push_back({0, 0, 0, u32(caches_.size())});
}

/// Out of the hot path: the comparison; and the way out for the target in rax, with the number of the site and a call's pair on
/// the stack.
void Compiler::finish_cache(const PendingCache& cache, u32 number, LinkSite& site) {
    site.gate = cache.gate - 1;
    site.stub = cache.probe;
    a.bind(cache.gate);
    a.nop((8 - (a.pos() + LinkSite::key_opcode_bytes) % 8) % 8);
    a.db(0x48), a.db(0xb9), a.dq(LinkSite::no_key);
    site.key = a.pos() - 8;
    a.cmp(a.rcx, a.rax);
    const Fixup other = a.jcc_forward(cc_ne);
    if (cache.landing) push_return(cache.ret);
    site.patch = emit_link(cache.landing != 0);
    if (cache.landing) a.jmp_to(cache.landing);

    a.bind(cache.miss);
    emit_jump_cache_other(a, cache.found);
    a.bind(other);
    if (cache.landing) {
        push_return(cache.ret);
        a.db(0x48), a.db(0x8d), a.db(0x0d), a.dd(0); // lea rcx, [rip + landing]
        a.set_target(a.pos() - 4, cache.landing);
        a.push(a.rcx);
    }
    a.mov(a.ecx, number);
    a.jmp_to(backend_.routines.site_miss);
}

} // namespace emu::jit
