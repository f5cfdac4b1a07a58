// A library for LD_PRELOAD: while the file $TEST_FULL_DISK exists, no file whose path contains
// $TEST_FULL_DISK_UNDER can grow. What it has may still be overwritten, as on a full disk.

#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

/// True if `file` must not hold a byte behind `end`.
bool has_no_room(int file, off_t end) {
  static const char* const flag = std::getenv("TEST_FULL_DISK");
  static const char* const under = std::getenv("TEST_FULL_DISK_UNDER");
  if (flag == nullptr || under == nullptr || ::access(flag, F_OK) != 0) return false;
  char link[64];
  char path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const auto size = ::readlink(link, path, sizeof path - 1);
  if (size <= 0) return false;
  path[size] = '\0';
  if (std::strstr(path, under) == nullptr) return false;
  struct stat found{};
  return ::fstat(file, &found) == 0 && S_ISREG(found.st_mode) && end > found.st_size;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

ssize_t refused() {
  errno = ENOSPC;
  return -1;
}

off_t behind(const iovec* parts, int count, off_t at) {
  for (int i = 0; i < count; ++i) at += static_cast<off_t>(parts[i].iov_len);
  return at;
}

}  // namespace

extern "C" {

ssize_t pwrite(int file, const void* from, size_t size, off_t at) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  return has_no_room(file, at + static_cast<off_t>(size)) ? refused() : next(file, from, size, at);
}
ssize_t pwrite64(int file, const void* from, size_t size, off_t at) {
  return pwrite(file, from, size, at);
}
ssize_t pwritev(int file, const iovec* parts, int count, off_t at) {
  static auto* const next = real<ssize_t(int, const iovec*, int, off_t)>("pwritev");
  return has_no_room(file, behind(parts, count, at)) ? refused() : next(file, parts, count, at);
}
ssize_t pwritev64(int file, const iovec* parts, int count, off_t at) {
  return pwritev(file, parts, count, at);
}
int posix_fallocate(int file, off_t at, off_t size) {
  static auto* const next = real<int(int, off_t, off_t)>("posix_fallocate");
  return has_no_room(file, at + size) ? ENOSPC : next(file, at, size);
}
int posix_fallocate64(int file, off_t at, off_t size) {
  return posix_fallocate(file, at, size);
}

}  // extern "C"
