#include "repository/query_text.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace strata::detail {
namespace {

using enum sql_dialect;

std::string normal(std::string_view text, sql_dialect dialect = postgres) {
  return normalized_query(text, dialect).value();
}
std::string refusal(std::string_view text, sql_dialect dialect = postgres) {
  const auto read = normalized_query(text, dialect);
  return read ? "" : read.error().detail;
}

TEST(QueryText, BlanksAndCommentsDoNotMatter) {
  EXPECT_EQ(normal("  SELECT a ,\n\tb  -- which\nFROM /* the */ t ; "), "SELECT a , b FROM t");
  EXPECT_EQ(normal("SELECT/**/1"), "SELECT 1");
  EXPECT_EQ(normal("SELECT a,b FROM t"), "SELECT a,b FROM t");
}

TEST(QueryText, WhatMeansSomethingElseStaysDifferent) {
  const std::pair<const char*, const char*> pairs[] = {
      {"SELECT 'a  b'", "SELECT 'a b'"},         {"SELECT \"a  b\"", "SELECT \"a b\""},
      {"SELECT 'a -- b'", "SELECT 'a"},          {"SELECT 8 | |/ 4", "SELECT 8 ||/ 4"},
      {"SELECT 'it''s  x'", "SELECT 'it''s x'"}, {"SELECT a FROM t", "SELECT A FROM t"},
      {"SELECT - -1", "SELECT --1\n1"},
  };
  for (const auto& [one, other] : pairs) EXPECT_NE(normal(one), normal(other)) << one;
  EXPECT_NE(normal("SELECT $$a  b$$"), normal("SELECT $$a b$$"));
  EXPECT_NE(normal(R"(SELECT E'\'a  b')"), normal(R"(SELECT E'\'a b')"));
  EXPECT_NE(normal("SELECT [a  b], `c  d`", sqlite), normal("SELECT [a b], `c d`", sqlite));
  EXPECT_NE(normal("SELECT 1 /* /* */ + 1", sqlite), normal("SELECT 1 /* /* */ + 2", sqlite));
  EXPECT_EQ(normal("SELECT 1 /* /* */ */ + 1"), normal("SELECT 1 + 1"));
}

TEST(QueryText, TakesSelectAndNothingElse) {
  for (const char* text : {"select 1", "WITH t AS (SELECT 1) SELECT * FROM t",
                           "with recursive t(n) as (values (1)) select n from t",
                           "SELECT replace(name, 'a', 'b'), (replace(name, 'a', 'b')) FROM t",
                           "SELECT 'INSERT INTO', \"update\" FROM t WHERE \"delete\" = (SELECT 1)",
                           "WITH t AS (SELECT 'DELETE') SELECT 1;"}) {
    EXPECT_EQ(refusal(text), "") << text;
  }
  for (const char* text :
       {"INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "VALUES (1)", "TABLE t",
        "EXPLAIN SELECT 1", "(SELECT 1)", "WITH t AS (SELECT 1) INSERT INTO u SELECT * FROM t",
        "WITH t AS (SELECT 1) DELETE FROM u", "SET a = 1", "'SELECT'", "SHOW x", "1"}) {
    EXPECT_EQ(refusal(text), "only SELECT, or WITH … SELECT, can be cached") << text;
  }
  EXPECT_EQ(refusal("WITH t AS (DELETE FROM u RETURNING *) SELECT * FROM t"),
            "a query that writes cannot be cached");
  EXPECT_EQ(refusal("SELECT * INTO u FROM t"), "SELECT INTO makes a table, and cannot be cached");
  EXPECT_EQ(refusal("SELECT 1; SELECT 2"), "one statement at a time");
  EXPECT_EQ(refusal(" -- nothing\n ; "), "the statement is empty");
}

}  // namespace
}  // namespace strata::detail
