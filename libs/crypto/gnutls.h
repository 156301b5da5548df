// SPDX-License-Identifier: MIT
// GnuTLS, loaded when the first credentials are: with the libraries that it brings it makes a quarter of the memory, and its
// start a good part of the time, of a tool that only opens a file.
#pragma once
#include "common/library.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define EMU_GNUTLS_API(X)                                                                                              \
    X(gnutls_alert_get) X(gnutls_alert_get_name) X(gnutls_alert_send) X(gnutls_anon_allocate_client_credentials)       \
    X(gnutls_anon_allocate_server_credentials) X(gnutls_anon_free_client_credentials)                                  \
    X(gnutls_anon_free_server_credentials) X(gnutls_anon_set_server_dh_params)                                         \
    X(gnutls_anon_set_server_known_dh_params) X(gnutls_bye) X(gnutls_certificate_allocate_credentials)                 \
    X(gnutls_certificate_free_credentials) X(gnutls_certificate_get_peers) X(gnutls_certificate_server_set_request)    \
    X(gnutls_certificate_set_dh_params) X(gnutls_certificate_set_known_dh_params)                                      \
    X(gnutls_certificate_set_x509_crl_file) X(gnutls_certificate_set_x509_key_file2)                                   \
    X(gnutls_certificate_set_x509_trust_file) X(gnutls_certificate_verify_peers2) X(gnutls_credentials_set)            \
    X(gnutls_deinit) X(gnutls_dh_params_deinit) X(gnutls_dh_params_import_pkcs3) X(gnutls_dh_params_init)              \
    X(gnutls_error_is_fatal) X(gnutls_free) X(gnutls_handshake) X(gnutls_init) X(gnutls_priority_deinit)               \
    X(gnutls_priority_init) X(gnutls_priority_set_direct) X(gnutls_psk_allocate_client_credentials)                    \
    X(gnutls_psk_allocate_server_credentials) X(gnutls_psk_free_client_credentials)                                    \
    X(gnutls_psk_free_server_credentials) X(gnutls_psk_server_get_username) X(gnutls_psk_set_client_credentials)       \
    X(gnutls_psk_set_server_credentials_file) X(gnutls_psk_set_server_dh_params)                                       \
    X(gnutls_psk_set_server_known_dh_params) X(gnutls_record_check_pending) X(gnutls_record_get_direction)             \
    X(gnutls_record_recv) X(gnutls_record_send) X(gnutls_server_name_set) X(gnutls_session_get_desc)                   \
    X(gnutls_strerror) X(gnutls_transport_set_int2) X(gnutls_x509_crt_check_hostname) X(gnutls_x509_crt_deinit)         \
    X(gnutls_x509_crt_get_activation_time) X(gnutls_x509_crt_get_basic_constraints) X(gnutls_x509_crt_get_dn)          \
    X(gnutls_x509_crt_get_expiration_time) X(gnutls_x509_crt_get_key_purpose_oid) X(gnutls_x509_crt_get_key_usage)     \
    X(gnutls_x509_crt_import) X(gnutls_x509_crt_init) X(gnutls_x509_crt_list_import2) X(gnutls_x509_crt_list_verify)
EMU_LIBRARY_API(GnutlsApi, EMU_GNUTLS_API, "libgnutls.so.30")

namespace emu::crypto {

/// The functions; only for those who hold credentials or certificates, which are made with GnutlsApi::get().
inline const GnutlsApi& library() { return GnutlsApi::loaded(); }

} // namespace emu::crypto
