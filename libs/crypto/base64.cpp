// SPDX-License-Identifier: MIT
#include "crypto/base64.h"

#include <nettle/base64.h>

namespace emu::crypto {

std::string base64_encode(ConstBytes data) {
    std::string text(BASE64_ENCODE_RAW_LENGTH(data.size()), '\0');
    base64_encode_raw(text.data(), data.size(), data.data());
    return text;
}

Result<std::vector<u8>> base64_decode(std::string_view text) {
    base64_decode_ctx context;
    base64_decode_init(&context);
    std::vector<u8> out(BASE64_DECODE_LENGTH(text.size()));
    size_t length = out.size();
    if (!base64_decode_update(&context, &length, out.data(), text.size(), text.data()) ||
        !base64_decode_final(&context))
        return fail(EINVAL, "not valid base64");
    out.resize(length);
    return out;
}

} // namespace emu::crypto
