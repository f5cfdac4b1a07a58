#pragma once
/// Names that share one std::hash of libstdc++ (MurmurHash64A with a fixed seed), as an attacker makes them,
/// and the processor time that a table takes for them.
/// Threads: pure functions.

#include <cstdint>
#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <vector>

namespace strata::attack {

/// `count` different names of 16 printable bytes of ASCII.
/// Murmur mixes eight bytes at a time, and each step can be inverted: any first half has a second half that
/// leads to the wanted state. A few thousand first halves give one whose second half is printable.
inline std::vector<std::string> colliding_names(std::size_t count) {
  constexpr std::uint64_t m = 0xc6a4a7935bd1e995;
  std::uint64_t inverse = m;  // by Newton's method, modulo 2^64
  for (int i = 0; i < 6; ++i) inverse *= 2 - m * inverse;
  const auto mix = [](std::uint64_t word) {
    word *= m;
    word ^= word >> 47;
    return word * m;
  };
  const auto unmix = [inverse](std::uint64_t word) {
    word *= inverse;
    word ^= word >> 47;
    return word * inverse;
  };
  constexpr std::uint64_t start = 0xc70f6907 ^ 16 * m;
  constexpr std::uint64_t target = 0x243f6a8885a308d3;  // any
  std::vector<std::string> out;
  out.reserve(count);
  std::mt19937_64 random(1);
  while (out.size() < count) {
    std::uint64_t first = random() & 0x1f1f1f1f1f1f1f1f;
    first |= 0x4040404040404040;
    const std::uint64_t second = unmix((start ^ mix(first)) * m ^ target);
    char name[16];
    std::memcpy(name, &first, 8);
    std::memcpy(name + 8, &second, 8);
    bool plain = true;
    for (const char c : name) plain = plain && c >= ' ' && c != '"' && c != '\\' && c != '\x7f';
    if (plain) out.emplace_back(name, 16);
  }
  return out;
}

/// Names of the same form without the collisions.
inline std::vector<std::string> random_names(std::size_t count) {
  std::vector<std::string> out;
  out.reserve(count);
  std::mt19937_64 random(2);
  for (std::size_t i = 0; i < count; ++i) {
    std::string name(16, ' ');
    for (char& c : name) c = static_cast<char>('a' + random() % 26);
    out.push_back(std::move(name));
  }
  return out;
}

/// The processor seconds of this thread in `work`. Unlike elapsed time, they do not grow on a busy machine.
template <class Work>
double thread_seconds(Work&& work) {
  const auto now = [] {
    std::timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  const double from = now();
  work();
  return now() - from;
}

/// An object with these members, the first name repeated last.
inline std::string object_of(const std::vector<std::string>& names) {
  std::string out = "{";
  for (const auto& each : names) out += '"' + each + "\":0,";
  return out + '"' + names.front() + "\":0}";
}

}  // namespace strata::attack
