#pragma once
/// What the tests of traces share: bytes from memory, and gzip.
/// Threads: one.

#include "trace/bytes.hpp"

#include <zlib.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace strata::detail {

/// Gives `text` in pieces of at most `piece` bytes.
class text_bytes final : public byte_source {
 public:
  explicit text_bytes(std::string_view text, std::size_t piece = 1u << 20) : text_(text), piece_(piece) {}

  result<std::size_t> read(std::span<char> into) override {
    const auto size = std::min({into.size(), text_.size(), piece_});
    std::copy_n(text_.begin(), size, into.begin());
    text_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view text_;
  std::size_t piece_;
};

/// `text` as a gzip file.
inline std::string zipped(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string in(text);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace strata::detail
