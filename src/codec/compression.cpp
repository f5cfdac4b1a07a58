#include "codec/compression.hpp"

#include "codec/append.hpp"

#include <fmt/format.h>
#include <zdict.h>
#include <zstd.h>
#include <algorithm>
#include <new>

namespace strata {

namespace {

constexpr int level = 1;

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* held) const noexcept {
    Free(held);
  }
};

template <class Context>
Context required(Context context) {
  if (context == nullptr) throw std::bad_alloc();
  return context;
}

ZSTD_CCtx* compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, freed_by<ZSTD_freeCCtx>> context(required(ZSTD_createCCtx()));
  return context.get();
}

ZSTD_DCtx* decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, freed_by<ZSTD_freeDCtx>> context(required(ZSTD_createDCtx()));
  return context.get();
}

}  // namespace

struct detail::prepared_dictionary {
  std::string bytes;
  std::uint32_t id = 0;
  std::unique_ptr<ZSTD_CDict, freed_by<ZSTD_freeCDict>> writing;
  std::unique_ptr<ZSTD_DDict, freed_by<ZSTD_freeDDict>> reading;
};

dictionary::dictionary(std::string bytes)
    : prepared_(std::make_unique<detail::prepared_dictionary>(std::move(bytes))) {
  auto& loaded = *prepared_;
  loaded.id = ZDICT_getDictID(loaded.bytes.data(), loaded.bytes.size());
  if (loaded.id != 0) {
    loaded.writing.reset(ZSTD_createCDict(loaded.bytes.data(), loaded.bytes.size(), level));
    loaded.reading.reset(ZSTD_createDDict(loaded.bytes.data(), loaded.bytes.size()));
  }
  if (loaded.writing == nullptr || loaded.reading == nullptr) {
    throw bad_options({"the dictionary's bytes are not a zstd dictionary with an id"});
  }
}

dictionary::~dictionary() = default;

result<std::string> dictionary::train(std::span<const std::string> samples, byte_size size) {
  std::string all;
  std::vector<std::size_t> sizes;
  sizes.reserve(samples.size());
  for (const auto& each : samples) {
    all += each;
    sizes.push_back(each.size());
  }
  std::string learnt(size.count, '\0');
  const auto got = ZDICT_trainFromBuffer(learnt.data(), learnt.size(), all.data(), sizes.data(),
                                         static_cast<unsigned>(sizes.size()));
  if (ZDICT_isError(got) != 0) {
    return fail(errc::invalid_argument,
                fmt::format("{} samples of {} bytes do not make a dictionary of {}: {}", samples.size(),
                            all.size(), size.count, ZDICT_getErrorName(got)));
  }
  learnt.resize(got);
  return learnt;
}

std::uint32_t dictionary::id() const noexcept {
  return prepared_->id;
}

std::string_view dictionary::bytes() const noexcept {
  return prepared_->bytes;
}

namespace detail {

std::optional<std::string> compress(std::string_view payload, const dictionaries& known) {
  if (payload.size() <= (known.empty() ? compress_above : compress_above_with_dictionary))
    return std::nullopt;
  // Room for the largest frame that still pays; zstd fails if it needs more.
  std::string frame;
  std::size_t got = 0;
  append_with(frame, payload.size() - payload.size() / 8, [&](char* buffer, std::size_t room) {
    got = known.empty() ? ZSTD_compressCCtx(compressor(), buffer, room, payload.data(), payload.size(), level)
                        : ZSTD_compress_usingCDict(compressor(), buffer, room, payload.data(), payload.size(),
                                                   known.front()->prepared().writing.get());
    return ZSTD_isError(got) != 0 ? 0 : got;
  });
  if (ZSTD_isError(got) != 0) return std::nullopt;
  return frame;
}

result<std::string> decompress(std::string_view frame, std::size_t limit, const dictionaries& known) {
  const auto size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return fail(errc::corrupt_entry, "the compressed value is not a zstd frame that states its size");
  }
  if (size > limit) {
    return fail(errc::corrupt_entry,
                fmt::format("the compressed value says it is {} bytes, over the limit of {}", size, limit));
  }
  const ZSTD_DDict* reading = nullptr;
  if (const auto id = ZSTD_getDictID_fromFrame(frame.data(), frame.size()); id != 0) {
    const auto at = std::ranges::find(known, id, [](const auto& each) { return each->id(); });
    if (at == known.end()) {
      return fail(errc::corrupt_entry, fmt::format("the value needs dictionary {}, which is not known", id));
    }
    reading = (*at)->prepared().reading.get();
  }
  std::string out;
  std::size_t got = 0;
  append_with(out, static_cast<std::size_t>(size), [&](char* buffer, std::size_t room) {
    got = reading == nullptr
              ? ZSTD_decompressDCtx(decompressor(), buffer, room, frame.data(), frame.size())
              : ZSTD_decompress_usingDDict(decompressor(), buffer, room, frame.data(), frame.size(), reading);
    return ZSTD_isError(got) != 0 ? 0 : got;
  });
  if (ZSTD_isError(got) != 0 || got != size) {
    return fail(errc::corrupt_entry, "the compressed value is damaged");
  }
  return out;
}

}  // namespace detail

}  // namespace strata
