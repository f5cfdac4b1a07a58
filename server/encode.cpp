#include "server/encode.hpp"

#include <memory>
#include <new>

#include <zlib.h>
#include <zstd.h>

namespace strata::server {

namespace {

// A compromise between speed and size for JSON of a few KiB; the result is kept and sent many times.
constexpr int gzip_level = 5;
constexpr int zstd_level = 3;
constexpr int best_gzip_level = 9;
constexpr int best_zstd_level = 19;

class gzip_compressor {
 public:
  explicit gzip_compressor(int level) {
    constexpr int gzip_window = 15 + 16;
    if (deflateInit2(&stream_, level, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~gzip_compressor() { deflateEnd(&stream_); }
  gzip_compressor(const gzip_compressor&) = delete;
  gzip_compressor& operator=(const gzip_compressor&) = delete;

  std::string compress(std::string_view text) {
    deflateReset(&stream_);
    std::string out(deflateBound(&stream_, text.size()), '\0');
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // read only
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream_, Z_FINISH) != Z_STREAM_END)
      return std::string(text);  // cannot happen: the bound suffices
    out.resize(stream_.total_out);
    return out;
  }

 private:
  z_stream stream_{};
};

std::string compress_zstd(std::string_view text, int level) {
  struct free_context {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_CCtx, free_context> context(ZSTD_createCCtx());
  if (context == nullptr) throw std::bad_alloc();
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const auto size = ZSTD_compressCCtx(context.get(), out.data(), out.size(), text.data(), text.size(), level);
  if (ZSTD_isError(size) != 0) throw std::bad_alloc();
  out.resize(size);
  return out;
}

std::string compress_gzip(std::string_view text, effort spent) {
  if (spent == effort::most) return gzip_compressor(best_gzip_level).compress(text);
  thread_local gzip_compressor compressor(gzip_level);
  return compressor.compress(text);
}

}  // namespace

std::optional<std::string> encode(std::string_view text, content_coding coding, effort spent) {
  auto out = coding == content_coding::gzip
                 ? compress_gzip(text, spent)
                 : compress_zstd(text, spent == effort::most ? best_zstd_level : zstd_level);
  if (out.size() >= text.size()) return {};
  out.shrink_to_fit();
  return out;
}

}  // namespace strata::server
