#include "resp/command.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace strata::resp {

namespace {

constexpr std::array<std::string_view, 6> confirmed_names = {"subscribe",   "psubscribe",   "ssubscribe",
                                                             "unsubscribe", "punsubscribe", "sunsubscribe"};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The first item of the pushes that confirm a command; empty if it has a reply.
std::string_view confirming_push(std::string_view name) {
  const auto* found = std::ranges::find_if(
      confirmed_names, [&](std::string_view each) { return std::ranges::equal(each, name, {}, {}, lower); });
  return found == confirmed_names.end() ? std::string_view() : *found;
}

}  // namespace

pipeline& pipeline::add(std::string_view name) {
  const auto word = name.substr(0, name.find(' '));
  if (bytes_.empty()) bytes_.reserve(96);  // one allocation for most commands with a key
  last_ = bytes_.size();
  arguments_ = 1;
  if (const auto push = confirming_push(word); !push.empty()) {
    confirmed_.push_back({.command = commands_, .pushes = 0, .push = push});
  }
  ++commands_;
  bytes_ += "*1\r\n";
  bulk(word);
  for (auto rest = name.substr(word.size()); !rest.empty();) {
    rest.remove_prefix(1);  // the space
    const auto next = rest.substr(0, rest.find(' '));
    arg(next);
    rest.remove_prefix(next.size());
  }
  return *this;
}

pipeline& pipeline::add(const pipeline& more) {
  const auto before = bytes_.size();
  for (auto each : more.confirmed_) {
    each.command += commands_;
    confirmed_.push_back(each);
  }
  last_ = before + more.last_;
  arguments_ = more.arguments_;
  commands_ += more.commands_;
  bytes_ += more.bytes_;
  return *this;
}

pipeline& pipeline::arg(std::string_view bytes) {
  count_argument();
  bulk(bytes);
  return *this;
}

pipeline& pipeline::arg_number(std::int64_t number) {
  std::array<char, 24> digits;
  const auto* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return arg(std::string_view(digits.data(), end));
}

pipeline& pipeline::arg_number(std::uint64_t number) {
  std::array<char, 24> digits;
  const auto* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return arg(std::string_view(digits.data(), end));
}

void pipeline::bulk(std::string_view bytes) {
  std::array<char, 24> head;
  head[0] = '$';
  auto* end = std::to_chars(head.data() + 1, head.data() + head.size() - 2, bytes.size()).ptr;
  *end++ = '\r';
  *end++ = '\n';
  bytes_.append(head.data(), end);
  bytes_ += bytes;
  bytes_ += "\r\n";
}

/// The number of arguments precedes them and is updated for each: its digits change in place, and only a
/// command's 10th, 100th … argument moves the bytes behind it.
void pipeline::count_argument() {
  if (!confirmed_.empty() && confirmed_.back().command + 1 == commands_) ++confirmed_.back().pushes;
  if (arguments_ < 9) {
    bytes_[last_ + 1] = static_cast<char>('0' + ++arguments_);
    return;
  }
  std::array<char, 24> digits;
  const auto before =
      std::to_chars(digits.data(), digits.data() + digits.size(), arguments_).ptr - digits.data();
  ++arguments_;
  const auto now =
      std::to_chars(digits.data(), digits.data() + digits.size(), arguments_).ptr - digits.data();
  bytes_.replace(last_ + 1, static_cast<std::size_t>(before), digits.data(), static_cast<std::size_t>(now));
}

}  // namespace strata::resp
