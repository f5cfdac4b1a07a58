#include "trace/bytes.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace strata::detail {

namespace {

constexpr std::size_t chunk = 1u << 16;

std::unexpected<error> wrong(std::string what) {
  return fail(errc::invalid_argument, std::move(what));
}

}  // namespace

result<std::unique_ptr<file_bytes>> file_bytes::open(const std::filesystem::path& file) {
  const auto cannot = [&](std::string_view why) {
    return wrong(fmt::format("{}: cannot be read: {}", file.string(), why));
  };
  const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) return cannot(std::strerror(errno));
  auto out = std::unique_ptr<file_bytes>(new file_bytes(opened, 0));
  struct stat about{};
  if (::fstat(opened, &about) != 0) return cannot(std::strerror(errno));
  if (S_ISDIR(about.st_mode)) return cannot("it is a folder; name one file of it");
  if (S_ISREG(about.st_mode)) out->size_ = static_cast<std::uint64_t>(about.st_size);
  return out;
}

file_bytes::~file_bytes() {
  ::close(file_);
}

result<std::size_t> file_bytes::read(std::span<char> into) {
  ssize_t got = 0;
  do {
    got = ::read(file_, into.data(), into.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return wrong(fmt::format("reading failed: {}", std::strerror(errno)));
  position_ += static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

/// Owns a stream of zlib.
struct unzipped_bytes::inflating {
  inflating() {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream, gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~inflating() { inflateEnd(&stream); }
  inflating(const inflating&) = delete;
  inflating& operator=(const inflating&) = delete;

  z_stream stream{};
  bool between_members = false;
  bool damaged = false;
};

unzipped_bytes::unzipped_bytes(byte_source& from)
    : from_(from), held_(std::make_unique_for_overwrite<char[]>(chunk)) {
}
unzipped_bytes::~unzipped_bytes() = default;

result<void> unzipped_bytes::more() {
  const auto got = from_.read({held_.get(), chunk});
  if (!got) return std::unexpected(got.error());
  unread_ = {held_.get(), *got};
  return {};
}

result<void> unzipped_bytes::begin() {
  begun_ = true;
  // The two magic bytes may come one by one.
  std::size_t have = 0;
  while (have < 2) {
    const auto got = from_.read({held_.get() + have, chunk - have});
    if (!got) return std::unexpected(got.error());
    if (*got == 0) break;
    have += *got;
  }
  unread_ = {held_.get(), have};
  if (have >= 2 && unread_[0] == '\x1f' && unread_[1] == '\x8b') zip_ = std::make_unique<inflating>();
  return {};
}

result<std::size_t> unzipped_bytes::plain(std::span<char> into) {
  if (unread_.empty()) return from_.read(into);
  const auto size = std::min(into.size(), unread_.size());
  std::copy_n(unread_.begin(), size, into.begin());
  unread_ = unread_.subspan(size);
  return size;
}

result<std::size_t> unzipped_bytes::read(std::span<char> into) {
  if (!begun_) {
    if (auto good = begin(); !good) return std::unexpected(good.error());
  }
  if (zip_ == nullptr) return plain(into);
  auto& stream = zip_->stream;
  while (true) {
    if (zip_->damaged) {
      return wrong(fmt::format("the gzip data is damaged ({}); check it with gzip -t",
                               stream.msg != nullptr ? stream.msg : "no reason known"));
    }
    if (unread_.empty()) {
      if (auto good = more(); !good) return std::unexpected(good.error());
      if (unread_.empty()) {
        if (zip_->between_members) return std::size_t{0};
        return wrong("the gzip data stops in the middle; is the file complete? check it with gzip -t");
      }
    }
    if (zip_->between_members) inflateReset(&stream);
    zip_->between_members = false;
    stream.next_in = reinterpret_cast<Bytef*>(unread_.data());
    stream.avail_in = static_cast<uInt>(unread_.size());
    stream.next_out = reinterpret_cast<Bytef*>(into.data());
    stream.avail_out = static_cast<uInt>(into.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    unread_ = unread_.last(stream.avail_in);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    // The bytes before the damage are good.
    zip_->damaged = status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR;
    zip_->between_members = status == Z_STREAM_END;
    if (const auto made = into.size() - stream.avail_out; made > 0) return made;
  }
}

}  // namespace strata::detail
