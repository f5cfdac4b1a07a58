#include "database/parameters.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace strata::detail {
namespace {

std::string refusal(const sql_parameters& of) {
  const auto checked = check_parameters(of);
  if (checked) return "";
  EXPECT_EQ(checked.error().code, errc::invalid_argument);
  return checked.error().detail;
}

TEST(Parameters, AreRefusedByNumberAndWithoutTheirValue) {
  EXPECT_EQ(refusal({"a", std::int64_t{0}, 0.5, std::monostate(), "grüße"}), "");
  EXPECT_EQ(refusal({std::numeric_limits<double>::infinity()}), "");
  EXPECT_EQ(refusal({"a", std::string("secret\0", 7)}), "parameter $2 holds a NUL byte");
  EXPECT_EQ(refusal({"secret\xff"}), "parameter $1 is a text that is not UTF-8");
  EXPECT_EQ(refusal({"a", "b", std::numeric_limits<double>::quiet_NaN()}), "parameter $3 is NaN");
}

}  // namespace
}  // namespace strata::detail
