#include "memory/pages.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace strata::memory {
namespace {

constexpr std::size_t large = std::size_t{1} << 20;

/// Bytes of the first `size` that take memory.
std::size_t resident(const pages& p, std::size_t size) {
  const std::size_t page = pages::rounded(1);
  std::vector<unsigned char> there(pages::rounded(size) / page);
  EXPECT_EQ(::mincore(p.data(), size, there.data()), 0);
  const auto used = std::ranges::count_if(there, [](unsigned char of) { return (of & 1) != 0; });
  return static_cast<std::size_t>(used) * page;
}

void write(pages& p, std::size_t from, std::size_t to) {
  for (std::size_t at = from; at < to; ++at) p.data()[at] = static_cast<std::byte>(at * 31 >> 3);
}

bool holds(const pages& p, std::size_t used) {
  for (std::size_t at = 0; at < used; ++at) {
    if (p.data()[at] != static_cast<std::byte>(at * 31 >> 3)) return false;
  }
  return true;
}

TEST(Pages, TakeMemoryOnlyForWhatWasWritten) {
  pages p;
  p.grow(large, 0);
  EXPECT_EQ(resident(p, large), 0);
  write(p, 0, 10'000);
  EXPECT_EQ(resident(p, large), pages::rounded(10'000));
}

TEST(Pages, AreNoHugeOnesWhichWouldTakeMemoryForWhatIsReserved) {
  if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) return;  // the system has none
  pages p;
  p.grow(large, 0);
  // The flags of the mapping that it is in: after the line of its addresses, among others.
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2) {
      const auto at = reinterpret_cast<std::uintptr_t>(p.data());
      here = from <= at && at < to;
    } else if (here && line.starts_with("VmFlags:")) {
      EXPECT_NE(line.find(" nh"), std::string::npos) << line;
      return;
    }
  }
  FAIL() << "no such mapping";
}

TEST(Pages, KeepWhatIsInThemWhenTheyGrow) {
  pages p;
  std::size_t used = 0;
  for (const std::size_t size : {std::size_t{1}, std::size_t{4096}, std::size_t{50'000}, large, 3 * large}) {
    p.grow(size, used);
    ASSERT_TRUE(holds(p, used)) << size;
    EXPECT_EQ(resident(p, size), pages::rounded(used));
    write(p, used, size);
    used = size;
  }
  EXPECT_TRUE(holds(p, used));
}

TEST(Pages, GiveBackTheWholePagesOfWhatIsDropped) {
  const std::size_t page = pages::rounded(1);
  pages p;
  p.grow(8 * page, 0);
  write(p, 0, 8 * page);
  p.drop(4 * page + 1, 8 * page);  // from within the fifth
  EXPECT_EQ(resident(p, 8 * page), 5 * page);
  p.drop(4 * page, 4 * page + 1);  // and the rest of it
  EXPECT_EQ(resident(p, 8 * page), 4 * page);
  EXPECT_TRUE(holds(p, 4 * page));
  write(p, 4 * page, 8 * page);
  EXPECT_TRUE(holds(p, 8 * page));
}

}  // namespace
}  // namespace strata::memory
