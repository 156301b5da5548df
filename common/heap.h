// SPDX-License-Identifier: MIT
// For programs that live for milliseconds: memory of malloc() comes with its pages, instead of one fault each (mallopt(3)). On
// C libraries other than GNU's nothing happens.
#pragma once

namespace emu {

/// The heap grows in large steps from now on, and what it gives back it keeps. Once, at the start of main().
void start_heap();
/// Have the pages ready that the heap grew by since the last time. Cheap; any thread, now and then.
void populate_heap();
/// The same for the memory that malloc() gives to threads other than the first: called by one of these, when it starts.
void start_thread_heap();

} // namespace emu
