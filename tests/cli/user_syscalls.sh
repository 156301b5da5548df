#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every system call number of the kernel's headers is converted or refused with a reason, and the document says so.
. "$(dirname "$0")/lib.sh"
requires python3
python3 "$here/../../scripts/syscall-table" --check || die "see above"
