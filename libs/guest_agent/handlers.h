// SPDX-License-Identifier: MIT
// The functions behind the commands, by the file they are in.
#pragma once
#include "guest_agent/agent.h"

namespace emu::guest_agent {

using Handler = Result<Json>(Agent& agent, const Arguments& arguments);

Handler sync, ping, info;                                                                     // cmd_basic.cpp
Handler get_time, set_time, get_timezone;                                                     // cmd_time.cpp
Handler shut_down, suspend_disk, suspend_ram, suspend_hybrid;                                 // cmd_power.cpp
Handler file_open, file_close, file_read, file_write, file_seek, file_flush;                  // cmd_file.cpp
Handler exec, exec_status;                                                                    // cmd_exec.cpp
Handler fsfreeze_status, fsfreeze_freeze, fsfreeze_freeze_list, fsfreeze_thaw, fstrim;        // cmd_freeze.cpp
Handler get_interfaces, get_routes;                                                           // cmd_network.cpp
Handler get_vcpus, set_vcpus, get_cpustats, get_load;                                         // cmd_cpu.cpp
Handler get_memory_blocks, set_memory_blocks, get_memory_block_info;                          // cmd_memory.cpp
Handler get_disks, get_fsinfo, get_diskstats;                                                 // cmd_disk.cpp
Handler set_user_password, get_users, get_keys, add_keys, remove_keys;                        // cmd_user.cpp
Handler get_host_name, get_osinfo;                                                            // cmd_os.cpp

} // namespace emu::guest_agent
