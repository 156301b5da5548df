// SPDX-License-Identifier: MIT
// libnbd, loaded when the first connection is made: it brings libraries with it (libxml2, ICU) that make a tenth of the
// memory of a tool that only opens files.
#pragma once
#include "common/library.h"

#include <libnbd.h>

namespace emu::nbd {

#if LIBNBD_HAVE_NBD_SET_TLS_HOSTNAME
#define EMU_NBD_TLS_HOSTNAME(X) X(nbd_set_tls_hostname)
#else
#define EMU_NBD_TLS_HOSTNAME(X)
#endif
#define EMU_NBD_API(X)                                                                                                 \
    X(nbd_add_meta_context) X(nbd_aio_block_status) X(nbd_aio_flush) X(nbd_aio_get_direction) X(nbd_aio_get_fd)        \
    X(nbd_aio_is_closed) X(nbd_aio_is_dead) X(nbd_aio_is_negotiating) X(nbd_aio_is_ready) X(nbd_aio_notify_read)       \
    X(nbd_aio_notify_write) X(nbd_aio_pread) X(nbd_aio_pwrite) X(nbd_aio_trim) X(nbd_aio_zero) X(nbd_can_cache)        \
    X(nbd_can_df) X(nbd_can_fast_zero) X(nbd_can_flush) X(nbd_can_fua) X(nbd_can_meta_context) X(nbd_can_multi_conn)   \
    X(nbd_can_trim) X(nbd_can_zero) X(nbd_close) X(nbd_connect_socket) X(nbd_connect_tcp) X(nbd_connect_unix)          \
    X(nbd_connect_vsock) X(nbd_create) X(nbd_get_block_size) X(nbd_get_errno) X(nbd_get_error) X(nbd_get_size)         \
    X(nbd_is_read_only) X(nbd_is_rotational) X(nbd_opt_abort) X(nbd_opt_info) X(nbd_opt_list)                          \
    X(nbd_opt_list_meta_context) X(nbd_set_export_name) X(nbd_set_full_info) X(nbd_set_opt_mode)                       \
    X(nbd_set_pread_initialize) X(nbd_set_request_structured_replies) X(nbd_set_strict_mode) X(nbd_set_tls)            \
    X(nbd_set_tls_certificates) X(nbd_set_tls_psk_file) X(nbd_set_tls_username) X(nbd_set_tls_verify_peer)             \
    X(nbd_shutdown) X(nbd_supports_tls)                                                                                \
    EMU_NBD_TLS_HOSTNAME(X)
EMU_LIBRARY_API(NbdApi, EMU_NBD_API, "libnbd.so.0")

/// The functions; only for those who have a handle, which is made with NbdApi::get().
inline const NbdApi& library() { return NbdApi::loaded(); }

} // namespace emu::nbd
