#include "http/chunked.hpp"

#include <string>

#include <gtest/gtest.h>

namespace strata::http {
namespace {

using parse_status = chunked_decoder::parse_status;

struct decoded {
  std::string body;
  std::string rest;
  parse_status state = parse_status::incomplete;
  int status = 0;
};

/// Feeds `bytes` in pieces of `piece`, in place.
decoded decode(std::string bytes, std::size_t piece, std::size_t max_body = 1000) {
  chunked_decoder decoder(max_body);
  decoded got;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto size = std::min(piece, bytes.size() - at);
    const auto step = decoder.feed(bytes.data() + at, size, bytes.data() + at);
    got.body.append(bytes.data() + at, step.produced);
    if (decoder.state() != parse_status::incomplete) {
      got.rest = bytes.substr(at + step.consumed);
      break;
    }
    EXPECT_EQ(step.consumed, size);
  }
  got.state = decoder.state();
  if (got.state == parse_status::refused) got.status = decoder.status();
  return got;
}

TEST(Chunked, DecodesHoweverItIsCut) {
  const std::string bytes =
      "4\r\nWiki\r\n7;ext=\"a\"\r\npedia i\r\nB\r\nn \r\nchunks.\r\n0\r\nTrailer: x\r\n\r\nNEXT";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const auto got = decode(bytes, piece);
    ASSERT_EQ(got.state, parse_status::complete) << piece;
    ASSERT_EQ(got.body, "Wikipedia in \r\nchunks.") << piece;
    ASSERT_EQ(got.rest, "NEXT") << piece;
  }
}

TEST(Chunked, AnEmptyBodyIsDone) {
  EXPECT_EQ(decode("0\r\n\r\n", 1).state, parse_status::complete);
}

TEST(Chunked, RefusesWhatIsMalformed) {
  for (const auto bad : {"\r\n",
                         "x\r\n",
                         "-1\r\n",
                         "+1\r\n",
                         " 1\r\n",
                         "1 \r\n",
                         "1\n",
                         "1\rx",
                         "0x1\r\n",
                         "1\r\nab",
                         "1\r\na\n",
                         "1\r\na\rx",
                         "1111111111111111\r\n",
                         "0\r\nno colon\r\n\r\n",
                         "0\r\n folded: x\r\n\r\n",
                         "0\r\nX: a\rb",
                         "0\r\nX: a\nb",
                         "0\r\n\rx",
                         "1;\x01\r\n",
                         "0\r\n: x\r\n",
                         "0\r\nX : y\r\n"}) {
    EXPECT_EQ(decode(bad, 1).status, 400) << bad;
    EXPECT_EQ(decode(bad, 100).status, 400) << bad;
  }
}

TEST(Chunked, LimitsItsInput) {
  EXPECT_EQ(decode("3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n", 7).state, parse_status::complete);
  EXPECT_EQ(decode("3e8\r\n" + std::string(1000, 'x') + "\r\n1\r\n", 7).status, 413);
  EXPECT_EQ(decode("fffffffffffffff\r\n", 7).status, 413);
  EXPECT_EQ(decode("1;" + std::string(300, 'x'), 7).status, 400);
  EXPECT_EQ(decode("0\r\nX: " + std::string(5000, 'x'), 7).status, 431);
}

}  // namespace
}  // namespace strata::http
