#include "bench/redis/load.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include <hiredis/async.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace bench {

namespace {

/// An event loop for one hiredis connection, as lean as can be: epoll, level-triggered.
class epoll_loop {
 public:
  explicit epoll_loop(redisAsyncContext& of) : context_(of), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event none{};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, context_.c.fd, &none);
    context_.ev.data = this;
    context_.ev.addRead = [](void* self) { static_cast<epoll_loop*>(self)->watch(EPOLLIN, true); };
    context_.ev.delRead = [](void* self) { static_cast<epoll_loop*>(self)->watch(EPOLLIN, false); };
    context_.ev.addWrite = [](void* self) { static_cast<epoll_loop*>(self)->watch(EPOLLOUT, true); };
    context_.ev.delWrite = [](void* self) { static_cast<epoll_loop*>(self)->watch(EPOLLOUT, false); };
    context_.ev.cleanup = [](void*) {};
  }
  epoll_loop(const epoll_loop&) = delete;
  epoll_loop& operator=(const epoll_loop&) = delete;
  ~epoll_loop() { ::close(epoll_); }

  template <class Over>
  void run_until(Over over) {
    while (!over()) {
      epoll_event ready{};
      if (::epoll_wait(epoll_, &ready, 1, 1000) <= 0) continue;
      if ((ready.events & EPOLLIN) != 0) redisAsyncHandleRead(&context_);
      if ((ready.events & EPOLLOUT) != 0) redisAsyncHandleWrite(&context_);
    }
  }

 private:
  void watch(std::uint32_t what, bool on) {
    const auto wanted = on ? watched_ | what : watched_ & ~what;
    if (wanted == watched_) return;
    watched_ = wanted;
    epoll_event change{};
    change.events = watched_;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, context_.c.fd, &change);
  }

  redisAsyncContext& context_;
  int epoll_;
  std::uint32_t watched_ = 0;
};

struct caller;

struct shared {
  const redis_load& what;
  redisAsyncContext& context;
  meter time;
  int left;
  std::string value = std::string(value_size, 'x');
};

/// One of those in flight: asks again when it is answered.
struct caller {
  shared& with;
  numbers random;

  void ask() {
    if (!with.time.count()) {
      --with.left;
      return;
    }
    const auto key = key_of(random.next());
    const char* words[] = {with.what.sets ? "SET" : "GET", key.data(), with.value.data()};
    const std::size_t sizes[] = {3, key.size(), with.value.size()};
    redisAsyncCommandArgv(
        &with.context,
        [](redisAsyncContext*, void* reply, void* self) {
          const auto* got = static_cast<const redisReply*>(reply);
          auto* asked = static_cast<caller*>(self);
          if (got == nullptr || got->len != (asked->with.what.sets ? std::strlen("OK") : value_size))
            std::abort();
          asked->ask();
        },
        this, with.what.sets ? 3 : 2, words, sizes);
  }
};

}  // namespace

redis_measure run_hiredis(const redis_load& what) {
  redisAsyncContext* context = redisAsyncConnect("127.0.0.1", what.port);
  if (context == nullptr || context->err != 0) throw std::runtime_error("hiredis cannot connect");
  epoll_loop loop(*context);
  shared all{.what = what, .context = *context, .time = meter(what), .left = what.depth};
  std::vector<caller> callers;
  for (int i = 0; i < what.depth; ++i) callers.push_back({all, numbers(static_cast<std::uint64_t>(i) + 1)});
  for (auto& each : callers) each.ask();
  loop.run_until([&] { return all.left == 0; });
  const auto got = all.time.result();
  redisAsyncFree(context);
  return got;
}

}  // namespace bench
