#include "database/postgres/values.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace strata::detail {
namespace {

const sql_value whole(std::int64_t value) {
  return value;
}

TEST(PostgresValues, EveryIntegerTypeIsAnInteger) {
  for (const auto type : {pg_type::int2, pg_type::int4, pg_type::int8, pg_type::oid, pg_type::numeric}) {
    EXPECT_EQ(value_of("-7", type), whole(-7));
  }
  EXPECT_EQ(value_of("9223372036854775807", pg_type::int8), whole(std::numeric_limits<std::int64_t>::max()));
  EXPECT_EQ(value_of("t", pg_type::boolean), whole(1));
  EXPECT_EQ(value_of("f", pg_type::boolean), whole(0));
}

TEST(PostgresValues, ANumericThatIsNotWholeOrDoesNotFitIsReal) {
  EXPECT_EQ(value_of("1.50", pg_type::numeric), sql_value(1.5));
  EXPECT_EQ(value_of("9223372036854775808", pg_type::numeric), sql_value(9223372036854775808.0));
  EXPECT_EQ(value_of('-' + std::string(400, '9'), pg_type::numeric), sql_value(-HUGE_VAL));
  EXPECT_EQ(value_of("0." + std::string(400, '0') + '1', pg_type::numeric), sql_value(0.0));
  EXPECT_TRUE(std::isnan(std::get<double>(value_of("NaN", pg_type::numeric))));
}

TEST(PostgresValues, FloatsAreReal) {
  EXPECT_EQ(value_of("0.1", pg_type::float8), sql_value(0.1));
  EXPECT_EQ(value_of("3", pg_type::float4), sql_value(3.0));
  EXPECT_EQ(value_of("-Infinity", pg_type::float8), sql_value(-HUGE_VAL));
  EXPECT_EQ(value_of("5e-324", pg_type::float8), sql_value(std::numeric_limits<double>::denorm_min()));
}

TEST(PostgresValues, ACharComesWithoutItsPadding) {
  EXPECT_EQ(value_of("ab   ", pg_type::bpchar), sql_value("ab"));
  EXPECT_EQ(value_of(" a b", pg_type::bpchar), sql_value(" a b"));
  EXPECT_EQ(value_of("   ", pg_type::bpchar), sql_value(""));
}

TEST(PostgresValues, EverythingElseIsText) {
  EXPECT_EQ(value_of("12", static_cast<pg_type>(25)), sql_value("12"));
  EXPECT_EQ(value_of("", static_cast<pg_type>(25)), sql_value(""));
}

TEST(PostgresValues, ParametersAreWrittenAsTheyAreReadBack) {
  parameter_texts texts;
  const sql_parameters given{std::int64_t{-5},
                             0.1,
                             "words",
                             std::monostate(),
                             std::numeric_limits<double>::max(),
                             std::numeric_limits<std::int64_t>::min()};
  texts.set(given);
  ASSERT_EQ(texts.size(), 6);
  EXPECT_STREQ(texts.data()[0], "-5");
  EXPECT_STREQ(texts.data()[1], "0.1");
  EXPECT_STREQ(texts.data()[2], "words");
  EXPECT_EQ(texts.data()[3], nullptr);
  EXPECT_EQ(value_of(texts.data()[4], pg_type::float8), given[4]);
  EXPECT_EQ(value_of(texts.data()[5], pg_type::int8), given[5]);
  const sql_parameters fewer{std::int64_t{1}};
  texts.set(fewer);
  EXPECT_EQ(texts.size(), 1);
}

}  // namespace
}  // namespace strata::detail
