#include <strata/row.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

struct part {
  std::string name;
  int count = 0;
  friend bool operator==(const part&, const part&) = default;
};
BOOST_DESCRIBE_STRUCT(part, (), (name, count))

struct thing {
  std::string id;
  bool on = false;
  std::int32_t small = 0;
  double weight = 0;
  std::optional<std::string> note;
  strata::json::raw document;
  std::vector<std::string> words;
  std::map<std::string, part> parts;
  friend bool operator==(const thing&, const thing&) = default;
};
BOOST_DESCRIBE_STRUCT(thing, (), (id, on, small, weight, note, document, words, parts))

const std::vector<std::string> columns = {"id",   "on",       "small", "weight",
                                          "note", "document", "words", "parts"};

strata::sql_rows rows_of(strata::sql_parameters row) {
  return {columns, {std::move(row)}, 0};
}

strata::sql_parameters a_row() {
  return {"t1",
          std::int64_t{1},
          std::int64_t{-7},
          2.5,
          std::monostate(),
          R"({"a":1})",
          R"(["x","y"])",
          R"({"p":{"name":"screw","count":3}})"};
}

const thing a_thing{.id = "t1",
                    .on = true,
                    .small = -7,
                    .weight = 2.5,
                    .note = std::nullopt,
                    .document = {R"({"a":1})"},
                    .words = {"x", "y"},
                    .parts = {{"p", {"screw", 3}}}};

TEST(Row, AStructBecomesItsColumnsAndBack) {
  EXPECT_EQ(strata::column_names<thing>(), columns);
  EXPECT_EQ(strata::to_row(a_thing), a_row());
  const auto read = strata::from_rows<thing>(rows_of(a_row()));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_THAT(*read, testing::ElementsAre(a_thing));
}

TEST(Row, AnOptionalValueIsItsValue) {
  thing noted = a_thing;
  noted.note = "";
  auto row = a_row();
  row[4] = "";
  EXPECT_EQ(strata::to_row(noted), row);
  EXPECT_EQ(strata::from_rows<thing>(rows_of(row))->front(), noted);
}

TEST(Row, ColumnsAreFoundByNameAndOthersAreIgnored) {
  const strata::sql_rows rows({"weight", "name", "count"},
                              {{1.5, "screw", std::int64_t{3}}, {2.0, "nut", std::int64_t{4}}}, 0);
  const auto read = strata::from_rows<part>(rows);
  ASSERT_TRUE(read);
  EXPECT_THAT(*read, testing::ElementsAre(part{"screw", 3}, part{"nut", 4}));
}

TEST(Row, AMissingColumnIsNamed) {
  const auto read = strata::from_rows<part>(strata::sql_rows({"name"}, {}, 0));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, strata::errc::statement);
  EXPECT_THAT(read.error().detail, testing::HasSubstr("count"));
}

TEST(Row, AWrongColumnIsNamedAndItsValueIsNot) {
  const std::pair<std::size_t, strata::sql_value> wrong[] = {
      {0, std::int64_t{42}},
      {0, std::monostate()},
      {1, std::int64_t{2}},
      {1, "secret"},
      {2, std::int64_t{1} << 40},
      {2, "secret"},
      {3, "secret"},
      {4, 1.5},
      {5, "{\"secret\":"},
      {6, "{}"},
      {7, R"({"p":{"count":"secret"}})"},
  };
  for (const auto& [column, value] : wrong) {
    auto row = a_row();
    row[column] = value;
    const auto read = strata::from_rows<thing>(rows_of(row));
    ASSERT_FALSE(read) << columns[column];
    EXPECT_EQ(read.error().code, strata::errc::corrupt_entry);
    EXPECT_THAT(read.error().detail, testing::HasSubstr("column " + columns[column]));
    EXPECT_THAT(read.error().detail, testing::Not(testing::HasSubstr("secret")));
  }
}

TEST(Row, TheRowOfAWrongColumnIsNamed) {
  auto wrong = a_row();
  wrong[2] = 1.5;
  wrong[0] = "t2";
  const strata::sql_rows rows(columns, {a_row(), wrong}, 0);
  const auto read = strata::from_rows<thing>(rows);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().detail,
            "column small must hold an integer, not a real number, in the row with the id t2");
}

TEST(Row, IsReadAsFarAsItsColumnsHoldTheirTypes) {
  auto wrong = a_row();
  wrong[2] = 1.5;
  wrong[6] = "no JSON";
  const auto read = strata::readable_rows<thing>(rows_of(wrong));
  ASSERT_TRUE(read);
  const auto& found = read->front();
  EXPECT_THAT(found.unreadable, testing::ElementsAre("small", "words"));
  EXPECT_THAT(found.why.detail, testing::HasSubstr("column small must hold an integer"));
  auto expected = a_thing;
  expected.small = 0;
  expected.words.clear();
  EXPECT_EQ(found.row, expected);
  expected.small = 1;
  EXPECT_FALSE(strata::replaces_unreadable(found, expected));
  expected.words = {"w"};
  EXPECT_TRUE(strata::replaces_unreadable(found, expected));
}

TEST(Row, AnIntegerServesWhereARealNumberIsMeant) {
  auto row = a_row();
  row[3] = std::int64_t{4};
  EXPECT_EQ(strata::from_rows<thing>(rows_of(row))->front().weight, 4.0);
}

TEST(SqlRows, ThrowForARowOrColumnThatTheyDoNotHave) {
  const auto rows = rows_of(a_row());
  EXPECT_EQ(std::get<std::string>(rows.at(0, "id")), "t1");
  EXPECT_THROW(rows.at(0, "other"), std::out_of_range);
  EXPECT_THROW(rows.at(1, "id"), std::out_of_range);
  EXPECT_THROW(rows.row(1), std::out_of_range);
}

}  // namespace
