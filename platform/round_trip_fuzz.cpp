/// A value of every kind, made from the input, is the same wherever it has been: encoded and decoded, in a
/// column, read by another process from L2, rendered there, and read back by a client. The bytes are
/// compared, since -0.0 equals 0.0. A value that JSON cannot hold is refused when it is written, and no other
/// process finds it.

#include "platform/cached_response.hpp"

#include <strata/blocking.hpp>
#include <strata/cache.hpp>
#include <strata/key.hpp>
#include <strata/row.hpp>

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>

/// How many values, the parts of a struct, were compared.
extern "C" std::size_t values_compared();

namespace {

using namespace strata;

struct part {
  std::string id;
  std::optional<double> weight;
  std::optional<json::raw> document;
  std::vector<std::int32_t> counts;
  bool operator==(const part&) const = default;
};
BOOST_DESCRIBE_STRUCT(part, (), (id, weight, document, counts))

/// One member of each kind that json.hpp names. `version` is that of a cached_response.
struct everything {
  bool flag = false;
  std::int8_t tiny = 0;
  std::uint16_t small = 0;
  std::int64_t version = 0;
  std::string updated_at;
  std::uint64_t large = 0;
  float single = 0;
  double real = 0;
  std::string text;
  std::optional<std::int64_t> perhaps;
  std::optional<std::string> word;
  json::raw document;
  std::vector<double> reals;
  std::vector<std::optional<double>> gaps;
  std::map<std::string, std::uint64_t> counts;
  std::map<std::string, std::vector<json::raw>> documents;
  std::vector<part> parts;
  std::optional<part> last;
  bool operator==(const everything&) const = default;
};
BOOST_DESCRIBE_STRUCT(everything, (),
                      (flag, tiny, small, version, updated_at, large, single, real, text, perhaps, word,
                       document, reals, gaps, counts, documents, parts, last))

std::size_t compared = 0;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "round trip: %s\n", what);
  std::abort();
}

/// Choices from the input, and after its end from a generator that the input seeds.
class choices {
 public:
  choices(const std::uint8_t* data, std::size_t size)
      : at_(data), end_(data + size), more_(stable_hash_of({reinterpret_cast<const char*>(data), size})) {}

  std::uint64_t bits(int bytes = 8) {
    std::uint64_t out = 0;
    for (int i = 0; i < bytes; ++i) out = out << 8 | (at_ != end_ ? *at_++ : more_() & 0xff);
    return out;
  }
  std::size_t below(std::size_t limit) { return bits(2) % limit; }
  bool one_in(std::size_t chances) { return below(chances) == 0; }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::mt19937_64 more_;
};

/// Makes values. `broken`: one of them may be what JSON cannot hold.
class maker {
 public:
  maker(choices& from, bool broken) : from_(from), broken_(broken) {}

  bool is_broken() const { return is_broken_; }

  template <class N>
  N integer() {
    ++compared;
    using limits = std::numeric_limits<N>;
    switch (from_.below(4)) {
      case 0:
        return limits::max();
      case 1:
        return limits::min();
      case 2:
        return static_cast<N>(from_.below(100));
      default:
        return static_cast<N>(from_.bits());
    }
  }

  template <class F>
  F real() {
    ++compared;
    using limits = std::numeric_limits<F>;
    static constexpr F special[] = {
        F(0), F(-0.0), F(1), F(0.1), limits::max(), limits::min(), limits::denorm_min(), limits::lowest()};
    if (from_.one_in(3)) return special[from_.below(std::size(special))];
    const auto any = [&] {
      if constexpr (sizeof(F) == 4) {
        return std::bit_cast<F>(static_cast<std::uint32_t>(from_.bits(4)));
      } else {
        return std::bit_cast<F>(from_.bits());
      }
    }();
    if (std::isfinite(any)) return any;
    if (!broken_) return F(0.5);
    is_broken_ = true;
    return any;
  }

  std::string text() {
    ++compared;
    static constexpr std::string_view pieces[] = {"a",    "Z", "\"", "\\", "/",  "\n",
                                                  "\x01", " ", "é",  "€",  "😀", "\xef\xbf\xbf",
                                                  "null", "{", "]",  ":",  ",",  "\x7f"};
    std::string out;
    for (auto n = from_.below(12); n > 0; --n) out += pieces[from_.below(std::size(pieces))];
    if (from_.one_in(8)) out += '\0';
    if (broken_ && from_.one_in(16)) {
      static constexpr std::string_view bad[] = {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82"};
      out += bad[from_.below(std::size(bad))];
      is_broken_ = true;
    }
    return out;
  }

  json::raw document() {
    ++compared;
    json::raw out{""};
    append_document(out.text, 0);
    if (broken_ && from_.one_in(16)) {
      out.text += from_.one_in(2) ? "}" : "\"\xff\"";
      is_broken_ = true;
    }
    return out;
  }

  template <class Make>
  auto optional(Make make) -> std::optional<decltype(make())> {
    ++compared;
    if (from_.one_in(3)) return {};
    return make();
  }
  template <class Make>
  auto list(Make make) {
    std::vector<decltype(make())> out;
    for (auto n = from_.below(5); n > 0; --n) out.push_back(make());
    return out;
  }
  template <class Make>
  auto map(Make make) {
    std::map<std::string, decltype(make())> out;
    for (auto n = from_.below(4); n > 0; --n) {
      auto name = text() + std::to_string(n);
      out.emplace(std::move(name), make());
    }
    return out;
  }

  part a_part() {
    part out;
    out.id = text();
    out.weight = optional([&] { return real<double>(); });
    out.document = optional([&] { return an_object(); });
    out.counts = list([&] { return integer<std::int32_t>(); });
    return out;
  }

  everything all() {
    everything out;
    out.flag = from_.one_in(2);
    out.tiny = integer<std::int8_t>();
    out.small = integer<std::uint16_t>();
    out.version = integer<std::int64_t>();
    out.large = integer<std::uint64_t>();
    out.single = real<float>();
    out.real = real<double>();
    out.text = text();
    out.perhaps = optional([&] { return integer<std::int64_t>(); });
    out.word = optional([&] { return text(); });
    out.document = document();
    out.reals = list([&] { return real<double>(); });
    out.gaps = list([&] { return optional([&] { return real<double>(); }); });
    out.counts = map([&] { return integer<std::uint64_t>(); });
    out.documents = map([&] { return list([&] { return document(); }); });
    out.parts = list([&] { return a_part(); });
    out.last = optional([&] { return a_part(); });
    return out;
  }

 private:
  /// An optional document must not be null.
  json::raw an_object() {
    auto inner = document();
    inner.text = "{\"within\" :" + inner.text + "}";
    return inner;
  }

  std::string_view space() {
    static constexpr std::string_view spaces[] = {"", "", "", " ", "\n", "\t ", "\r\n"};
    return spaces[from_.below(std::size(spaces))];
  }

  void append_document(std::string& out, int depth) {
    static constexpr std::string_view leaves[] = {"null",
                                                  "true",
                                                  "false",
                                                  "0",
                                                  "-0",
                                                  "-0.0",
                                                  "1.0",
                                                  "1e2",
                                                  "1E+2",
                                                  "12345678901234567890123",
                                                  "-9223372036854775809",
                                                  "0.123456789012345678901234567890",
                                                  "1e-400",
                                                  "\"\"",
                                                  "\"\\u00e9\\/\\ud83d\\ude00\"",
                                                  "\"é\"",
                                                  "\"\\\"]},{\"",
                                                  "18446744073709551616",
                                                  "100000000000000000000"};
    out += space();
    const auto kind = depth > 3 ? 2 : from_.below(4);
    if (kind == 0) {
      out += '{';
      for (std::size_t i = 0, n = from_.below(4); i < n; ++i) {
        if (i != 0) out += ',';
        out += space();
        out += i == 0 ? "\"\\u006e\\\"ame\"" : '"' + std::string(i, 'k') + '"';
        out += space();
        out += ':';
        append_document(out, depth + 1);
      }
      out += space();
      out += '}';
    } else if (kind == 1) {
      out += '[';
      for (std::size_t i = 0, n = from_.below(4); i < n; ++i) {
        if (i != 0) out += ',';
        append_document(out, depth + 1);
      }
      out += space();
      out += ']';
    } else {
      out += leaves[from_.below(std::size(leaves))];
    }
    out += space();
  }

  choices& from_;
  const bool broken_;
  bool is_broken_ = false;
};

/// Two processes on one store.
class two_processes {
 public:
  two_processes() : server_(make_memory_server()), a_(on(server_)), b_(on(server_)) {}

  /// Stores `value` at one and reads it at the other.
  template <class T>
  lookup<T> carry(const entity<T, "value:{id}">& kind, T value) {
    const auto at = kind(next_++ % 64);
    stored_ = sync_wait(a_.set(at, std::move(value)));
    return sync_wait(b_.get(at));
  }
  bool stored() const { return stored_; }

 private:
  static cache_options on(const std::shared_ptr<memory_server>& server) {
    return {.memory = {1u << 20},
            .second_level = connect(server),
            .l2_timeout = {},
            .maintenance_interval = {},
            .seed = 1};
  }

  std::shared_ptr<memory_server> server_;
  cache a_, b_;
  std::uint64_t next_ = 0;
  bool stored_ = false;
};

template <class T>
std::string bytes_of(const T& value) {
  std::string out;
  must(codec<T>::encode(value, out).has_value(), "the codec refuses a value that it decoded");
  return out;
}

template <class T>
void check_codec(const T& value, bool broken) {
  std::string bytes;
  const auto done = codec<T>::encode(value, bytes);
  must(done.has_value() != broken, "the codec takes what JSON has, and refuses the rest");
  if (broken) {
    must(bytes.empty() && !done.error().detail.empty(), "a refusal writes nothing and says why");
    return;
  }
  const auto back = codec<T>::decode(bytes);
  must(back.has_value(), "what was encoded is decoded");
  must(*back == value && bytes_of(*back) == bytes, "what was decoded is what was encoded");
}

/// Of `from`, each member.
void check_columns(const part& from) {
  part back;
  boost::mp11::mp_for_each<json::detail::members_of<part>>([&](auto member) {
    const auto column = to_column(from.*member.pointer);
    must(from_column(column, back.*member.pointer, member.name).has_value(), "a column is read");
  });
  must(bytes_of(back) == bytes_of(from), "a column holds what was written");
}

void check_l2_and_http(two_processes& processes, const everything& value, bool broken) {
  using response = platform::cached_response<everything>;
  static const entity<response, "value:{id}"> responses;
  static const entity<everything, "value:{id}"> values;
  const auto read = processes.carry(values, value);
  must(processes.stored() != broken && static_cast<bool>(read) != broken,
       "L2 takes what JSON has, and refuses the rest");
  if (broken) return;
  const auto bytes = bytes_of(value);
  must(bytes_of(*read) == bytes, "another process reads what was stored");

  const response here(value);
  const auto there = processes.carry(responses, here);
  must(static_cast<bool>(there), "another process reads the response");
  const auto& sent = here.representation->identity();
  const auto& sent_there = there->representation->identity();
  must(sent.fields(true) == sent_there.fields(true) && sent.etag() == sent_there.etag(),
       "both send one ETag");
  must(sent.body() == sent_there.body() && sent.body() == bytes, "both send the same bytes");
  const auto client = json::read<everything>(sent_there.body());
  must(client.has_value() && bytes_of(*client) == bytes, "a client reads what was stored");
}

}  // namespace

extern "C" std::size_t values_compared() {
  return compared;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static two_processes processes;
  static const entity<std::string, "value:{id}"> texts;
  choices from(data, size);
  maker makes(from, from.one_in(4));
  const auto value = makes.all();
  check_codec(value, makes.is_broken());
  check_codec(std::map<std::string, std::optional<everything>>{{"one", value}, {"none", {}}},
              makes.is_broken());
  check_l2_and_http(processes, value, makes.is_broken());
  if (!makes.is_broken()) {
    for (const auto& each : value.parts) check_columns(each);
  }
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  must(*processes.carry(texts, bytes) == bytes, "another process reads the bytes of a text");
  return 0;
}
