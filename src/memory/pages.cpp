#include "memory/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>

// LeakSanitizer's, if the program has it: an object that only such a range points to is no leak.
// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming)
extern "C" [[gnu::weak]] void __lsan_register_root_region(const void* begin, std::size_t size);
extern "C" [[gnu::weak]] void __lsan_unregister_root_region(const void* begin, std::size_t size);
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)

namespace strata::memory {

namespace {

std::size_t page() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

#if defined(MAP_NORESERVE)
constexpr int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
#else
constexpr int kind = MAP_PRIVATE | MAP_ANONYMOUS;
#endif

constexpr std::size_t moved_at_once = std::size_t{16} * 1024;

}  // namespace

std::size_t pages::rounded(std::size_t used) noexcept {
  return (used + page() - 1) & ~(page() - 1);
}

std::size_t pages::beside(std::size_t used) noexcept {
  return std::min(rounded(used), rounded(moved_at_once));
}

void pages::grow(std::size_t size, std::size_t used) {
  size = rounded(size);
  void* const found = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, kind, -1, 0);
  if (found == MAP_FAILED) throw std::bad_alloc();
#if defined(MADV_NOHUGEPAGE)
  // A huge page would take memory for reserved space. The call fails on systems without them.
  static_cast<void>(::madvise(found, size, MADV_NOHUGEPAGE));
#endif
  if (__lsan_register_root_region != nullptr) __lsan_register_root_region(found, size);
  pages old;
  old.swap(*this);
  data_ = static_cast<std::byte*>(found);
  size_ = size;
  const std::size_t step = rounded(moved_at_once);
  for (std::size_t at = 0; at < used; at += step) {
    std::memcpy(data_ + at, old.data_ + at, std::min(step, used - at));
    old.drop(at, at + step);
  }
}

void pages::drop(std::size_t from, std::size_t to) noexcept {
  from = rounded(from);
  to = std::min(rounded(to), size_);
  if (from < to) static_cast<void>(::madvise(data_ + from, to - from, MADV_DONTNEED));
}

void pages::release() noexcept {
  if (data_ == nullptr) return;
  if (__lsan_unregister_root_region != nullptr) __lsan_unregister_root_region(data_, size_);
  ::munmap(data_, size_);
}

}  // namespace strata::memory
