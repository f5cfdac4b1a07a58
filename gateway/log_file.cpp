#include "gateway/log_file.hpp"

#include "core/mutex.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <system_error>
#include <thread>
#include <utility>

namespace strata::gateway {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr std::size_t buffer_bytes = 512 * 1024;
constexpr std::size_t file_chunk = 64 * 1024;
constexpr auto retry_after = 1s;    // after a failed write
constexpr auto stop_patience = 1s;  // for a destination that takes no lines
constexpr int ready_poll = 100;     // ms between two looks at `stopping` while a pipe is full

std::string message_of(int error) {
  return std::error_code(error, std::generic_category()).message();
}

/// An opened destination. stderr is not ours: its flags are shared with other programs, and it stays open.
struct destination {
  int descriptor = -1;  // -1: the log is off
  bool owned = false;
  bool regular = false;
  std::string path;

  void close() const {
    if (owned) ::close(descriptor);
  }
};

result<destination> open_destination(const std::string& name, const std::string& to) {
  if (to == "off") return destination{};
  destination opened{.descriptor = STDERR_FILENO, .path = "/proc/self/fd/2"};
  if (to != "stderr") {
    opened.path = to;
    // Without O_NONBLOCK a named pipe would hold the start until somebody reads it.
    opened.descriptor =
        ::open(to.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    opened.owned = true;
    if (opened.descriptor < 0) {
      const int why = errno;
      return fail(errc::invalid_argument, name + ": " + to + " cannot be opened for writing: " +
                                              message_of(why) + "; name another file, stderr or off");
    }
  }
  struct stat found{};
  opened.regular = ::fstat(opened.descriptor, &found) == 0 && S_ISREG(found.st_mode);
  return opened;
}

/// Whether the last line of the file has no end, since the program that wrote it died, or its disk was full.
bool ends_within_line(const destination& of) {
  struct stat found{};
  if (!of.regular || ::fstat(of.descriptor, &found) != 0 || found.st_size == 0) return false;
  const int reading = ::open(of.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (reading < 0) return true;  // an empty line does no harm
  char last = '\n';
  const bool read = ::pread(reading, &last, 1, found.st_size - 1) == 1;
  ::close(reading);
  return !read || last != '\n';
}

enum class written { yes, not_ready, failed };

/// Writes a part of [`begin`, `end`): at most PIPE_BUF bytes to what is no file, so that a pipe with room
/// takes them without blocking, and whole lines where they fit. Safe in a signal handler.
written write_some(int to, bool regular, const char* begin, const char* end, int wait,
                   std::size_t& count) noexcept {
  std::size_t size = static_cast<std::size_t>(end - begin);
  const std::size_t limit = regular ? file_chunk : PIPE_BUF;
  if (size > limit) {
    size = limit;
    for (std::size_t i = limit; i > 0; --i) {
      if (begin[i - 1] == '\n') {
        size = i;
        break;
      }
    }
  }
  if (!regular) {
    pollfd ready{.fd = to, .events = POLLOUT, .revents = 0};
    const int found = ::poll(&ready, 1, wait);
    if (found == 0 || (found < 0 && errno == EINTR)) return written::not_ready;
  }
  const ssize_t done = ::write(to, begin, size);
  if (done < 0) return errno == EINTR || errno == EAGAIN ? written::not_ready : written::failed;
  count = static_cast<std::size_t>(done);
  return written::yes;
}

}  // namespace

/// Two buffers: callers fill one under the mutex, the thread writes the other without it. Their positions are
/// atomic, so that a signal handler finds the unwritten lines while any thread holds the mutex.
struct log_file::state {
  struct buffer {
    std::unique_ptr<char[]> bytes = std::make_unique_for_overwrite<char[]>(buffer_bytes);
    std::atomic<std::size_t> begin{0};  // up to here it is written
    std::atomic<std::size_t> end{0};

    bool empty() const noexcept { return begin.load() == end.load(); }
    bool within_line() const noexcept { return begin.load() > 0 && bytes[begin.load() - 1] != '\n'; }
    void append(std::string_view text) noexcept {
      std::memcpy(bytes.get() + end.load(), text.data(), text.size());
      end.store(end.load() + text.size(), std::memory_order_release);
    }
  };

  state(log_file_options wanted, destination opened) : options(std::move(wanted)) { use(opened); }
  ~state() { current.close(); }

  void use(const destination& opened) {
    current = opened;
    mid_line = ends_within_line(opened);
    regular.store(opened.regular);
    descriptor.store(opened.descriptor);
  }

  buffer& filling() noexcept { return buffers[filled.load()]; }
  buffer& writing() noexcept { return buffers[1 - filled.load()]; }

  void run();
  void wait_for_work(detail::scoped_lock& lock) STRATA_REQUIRES(mutex);
  void swap_buffers() STRATA_REQUIRES(mutex);
  void change_destination() STRATA_REQUIRES(mutex);
  bool write_lines();
  bool out_of_patience() const { return stopping.load() && steady::now() >= stop_at.load(); }

  bool urgent() const STRATA_REQUIRES(mutex) { return stopping.load() || changes; }
  bool half_full() noexcept { return filling().end.load() > buffer_bytes / 2; }

  const log_file_options options;
  detail::mutex mutex;
  std::condition_variable woken;
  std::condition_variable ended_woken;
  std::array<buffer, 2> buffers;
  std::atomic<unsigned> filled{0};
  std::atomic<bool> busy{false};  // the thread is writing
  std::atomic<int> descriptor{-1};
  std::atomic<bool> regular{false};
  std::atomic<bool> wanted{false};
  std::atomic<bool> stopping{false};
  std::atomic<steady::time_point> stop_at{};
  std::uint64_t lost STRATA_GUARDED_BY(mutex) = 0;
  bool changes STRATA_GUARDED_BY(mutex) = false;  // `next` replaces `current`
  destination next STRATA_GUARDED_BY(mutex);
  bool ended STRATA_GUARDED_BY(mutex) = false;
  // The thread's own.
  destination current;
  bool mid_line = false;  // the destination's last line has no end
  bool failing = false;
};

void log_file::state::wait_for_work(detail::scoped_lock& lock) {
  while (!urgent() && filling().empty() && writing().empty()) lock.wait(woken);
  if (failing) {
    const auto end = steady::now() + retry_after;
    while (!urgent() && lock.wait_until(woken, end)) {
    }
  } else if (writing().empty() && options.delay > duration::zero()) {
    const auto end = steady::now() + options.delay;
    while (!urgent() && !half_full() && lock.wait_until(woken, end)) {
    }
  }
}

void log_file::state::swap_buffers() {
  if (!writing().empty()) return;
  writing().begin.store(0);
  writing().end.store(0);
  filled.store(1 - filled.load());
  if (lost == 0) return;
  filling().append(options.lost_line(std::exchange(lost, 0)));
}

void log_file::state::change_destination() {
  const destination opened = next;
  changes = false;
  // The lines in both buffers belong to the old file; or to the new one, if there was none.
  for (int i = 0; i < 2 && current.descriptor >= 0; ++i) {
    mutex.unlock();
    write_lines();
    mutex.lock();
    swap_buffers();
  }
  mutex.unlock();
  auto& rest = writing();
  if (rest.within_line()) {
    const std::string_view left(rest.bytes.get() + rest.begin.load(), rest.end.load() - rest.begin.load());
    rest.begin.store(rest.begin.load() + std::min(left.size(), left.find('\n') + 1));
  }
  const destination old = current;
  use(opened);
  old.close();
  mutex.lock();
}

/// Returns false if lines remain that cannot be written now.
bool log_file::state::write_lines() {
  auto& lines = writing();
  if (current.descriptor < 0) lines.begin.store(lines.end.load());
  while (!lines.empty()) {
    const char line_end = '\n';
    const char* const begin = mid_line ? &line_end : lines.bytes.get() + lines.begin.load();
    const char* const end = mid_line ? &line_end + 1 : lines.bytes.get() + lines.end.load();
    std::size_t count = 0;
    busy.store(true);
    const auto done = write_some(current.descriptor, current.regular, begin, end, ready_poll, count);
    const int why = errno;
    if (done == written::yes && !std::exchange(mid_line, false))
      lines.begin.store(lines.begin.load() + count);
    busy.store(false);
    if (done == written::not_ready) {
      if (out_of_patience()) return false;
      const detail::scoped_lock lock(mutex);
      if (changes) return false;
    } else if (done == written::failed) {
      if (!std::exchange(failing, true) && !stopping.load()) {
        options.notice(options.name + " cannot be written: " + message_of(why), false);
      }
      return false;
    } else if (std::exchange(failing, false) && !stopping.load()) {
      options.notice(options.name + " is written again", true);
    }
  }
  return true;
}

void log_file::state::run() {
  detail::scoped_lock lock(mutex);
  for (;;) {
    wait_for_work(lock);
    while (changes) change_destination();
    swap_buffers();
    lock.unlock();
    const bool all = write_lines();
    lock.lock();
    if (stopping.load() && (!all || (filling().empty() && lost == 0))) break;
  }
  ended = true;
  ended_woken.notify_all();
}

log_file::log_file(std::shared_ptr<state> opened) : state_(std::move(opened)) {
}

result<std::unique_ptr<log_file>> log_file::open(log_file_options options) {
  auto opened = open_destination(options.name, options.to);
  if (!opened) return std::unexpected(std::move(opened.error()));
  auto shared = std::make_shared<state>(std::move(options), *opened);
  shared->wanted.store(opened->descriptor >= 0);
  std::thread([shared] { shared->run(); }).detach();
  return std::unique_ptr<log_file>(new log_file(std::move(shared)));
}

log_file::~log_file() {
  detail::scoped_lock lock(state_->mutex);
  state_->stop_at.store(steady::now() + stop_patience);
  state_->stopping.store(true);
  state_->woken.notify_all();
  // A pipe that other programs fill too can block the thread although it was ready. Then the thread is left
  // behind.
  const auto end = steady::now() + 2 * stop_patience;
  while (!state_->ended && lock.wait_until(state_->ended_woken, end)) {
  }
}

bool log_file::wanted() const noexcept {
  return state_->wanted.load(std::memory_order_relaxed);
}

void log_file::add(std::string_view line) {
  if (!wanted()) return;
  const detail::scoped_lock lock(state_->mutex);
  auto& into = state_->filling();
  if (line.size() > buffer_bytes - into.end.load()) {
    ++state_->lost;
    return;
  }
  const bool was_empty = into.empty();
  const bool was_half = state_->half_full();
  into.append(line);
  if (was_empty || was_half != state_->half_full()) state_->woken.notify_all();
}

result<void> log_file::reopen(const std::string& to) {
  auto opened = open_destination(state_->options.name, to);
  if (!opened) return std::unexpected(std::move(opened.error()));
  const detail::scoped_lock lock(state_->mutex);
  if (state_->changes) state_->next.close();  // the thread has not seen the last one yet
  state_->next = *opened;
  state_->changes = true;
  state_->wanted.store(opened->descriptor >= 0);
  state_->woken.notify_all();
  return {};
}

void log_file::write_at_crash() noexcept {
  auto& in = *state_;
  const int to = in.descriptor.load();
  if (to < 0) return;
  const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
  for (int i = 0; i < 50 && in.busy.load(); ++i) ::nanosleep(&pause, nullptr);
  for (auto* each : {&in.writing(), &in.filling()}) {
    for (bool going = true; going && !each->empty();) {
      std::size_t count = 0;
      const char* const bytes = each->bytes.get();
      going = write_some(to, in.regular.load(), bytes + each->begin.load(), bytes + each->end.load(),
                         ready_poll, count) == written::yes;
      each->begin.store(each->begin.load() + count);
    }
  }
}

}  // namespace strata::gateway
