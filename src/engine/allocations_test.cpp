/// What allocates. A sanitizer has allocation functions of its own, beside which there can be no others.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRATA_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STRATA_SANITIZED
#endif
#endif

#ifndef STRATA_SANITIZED

#include "engine/engine_test_support.hpp"

#include <strata/blocking.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

namespace {

/// Of this thread, by the operators below.
thread_local std::size_t allocations = 0;

}  // namespace

// Counted, so that a test can say that there were none.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* got = std::malloc(size == 0 ? 1 : size)) return got;
  throw std::bad_alloc();
}
void operator delete(void* what) noexcept {
  std::free(what);  // NOLINT: this is the release
}
void operator delete(void* what, std::size_t) noexcept {
  std::free(what);  // NOLINT: this is the release
}

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::fixture;

TEST(Blocking, AHitAllocatesNothing) {
  fixture f;
  const auto now = blocking(f.cache);
  const auto where = f.agents("1");
  now.set(where, agent{"1", "Ada"});
  const auto count = [](auto&& work) {
    const auto before = allocations;
    work();
    return allocations - before;
  };
  ASSERT_GT(count([&] { (void)f.agents("an id that is longer than a small string is"); }), 0u);
  (void)now.get(where);  // a thread's first read makes its counters
  EXPECT_EQ(count([&] { EXPECT_TRUE(now.get(where)); }), 0u);
  EXPECT_EQ(count([&] { EXPECT_TRUE(now.get_or_set(where, [] { return agent{}; })); }), 0u);
}

}  // namespace

#endif
