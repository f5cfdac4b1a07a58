#include "database/postgres/sql_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using testing::ElementsAre;

std::vector<std::string> texts_of(std::string_view script) {
  std::vector<std::string> out;
  for (const auto& each : statements_of(script)) out.emplace_back(each.text);
  return out;
}

std::string admitted(std::string_view text, sql_place where) {
  const auto found = statements_of(text);
  const auto done = admit(found.at(0), where);
  return done ? "yes" : std::string(name(done.error().code));
}

TEST(SqlText, SplitsAScriptAtItsSemicolons) {
  EXPECT_THAT(texts_of("SELECT 1; SELECT 2;\n\n ; -- nothing\n SELECT 3"),
              ElementsAre("SELECT 1", "SELECT 2", "SELECT 3"));
  EXPECT_THAT(texts_of(" -- only; a comment\n/* and; /* another; */ one */ ;;"), ElementsAre());
}

TEST(SqlText, ASemicolonInsideSomethingSeparatesNothing) {
  for (const char* one : {
           "SELECT 'a;b'",
           "SELECT 'it''s;'",
           R"(SELECT E'\';')",
           R"(SELECT e'\\' || ';')",
           R"(SELECT '\')",
           R"(SELECT "odd;name")",
           "SELECT $$;$$",
           "SELECT $a$ $$;$b$; $a$",
           "SELECT 1 /* ; /* ; */ ; */ + 2",
           "SELECT 1 -- ;\n + 2",
           "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
           "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$",
           "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 "
           "END; END",
       }) {
    EXPECT_THAT(texts_of(std::string(one) + " ; SELECT 0"), ElementsAre(one, "SELECT 0")) << one;
  }
}

TEST(SqlText, WhatIsNotClosedEndsWithTheText) {
  for (const char* text :
       {"SELECT 'a;", "SELECT \"a;", "SELECT $x$ a; $y$", "SELECT 1 /* ;", "SELECT (1;", "$", "'"}) {
    EXPECT_EQ(texts_of(text).size(), 1u) << text;
  }
}

TEST(SqlText, FindsTheHighestParameter) {
  EXPECT_EQ(statements_of("SELECT $2, $10, $1")[0].parameters, 10u);
  EXPECT_EQ(statements_of("SELECT '$3', \"$4\", $$ $5 $$, a$6, 1 -- $7\n")[0].parameters, 0u);
  EXPECT_EQ(statements_of("SELECT $1::text||$2")[0].parameters, 2u);
  EXPECT_EQ(statements_of("SELECT $99999999999999999999")[0].parameters, 1'000'000u);
}

TEST(SqlText, KnowsTheFirstWords) {
  const auto found = statements_of("/* x */ set\n-- y\nLocal a = 1; (SELECT 1); 7");
  EXPECT_EQ(found[0].first, "SET");
  EXPECT_EQ(found[0].second, "LOCAL");
  EXPECT_EQ(found[1].first, "(");
  EXPECT_EQ(found[2].first, "?");
}

TEST(SqlText, TransactionsAndSessionsAreTheLibrarysAlone) {
  for (const char* text :
       {"BEGIN", "start transaction", "COMMIT AND CHAIN", "END", "abort", "ROLLBACK", "SAVEPOINT a",
        "RELEASE a", "PREPARE TRANSACTION 'x'", "RESET ALL", "DISCARD ALL", "LISTEN a", "COPY t FROM STDIN",
        "DEALLOCATE ALL", "SET search_path = x", "SET SESSION a = 1"}) {
    for (const auto where :
         {sql_place::query, sql_place::execute, sql_place::transaction, sql_place::script}) {
      EXPECT_EQ(admitted(text, where), "statement") << text;
    }
  }
  for (const char* text :
       {"SET LOCAL work_mem = '1MB'", "SET TRANSACTION READ ONLY", "SET CONSTRAINTS ALL DEFERRED"}) {
    EXPECT_EQ(admitted(text, sql_place::execute), "statement") << text;
    EXPECT_EQ(admitted(text, sql_place::transaction), "yes") << text;
    EXPECT_EQ(admitted(text, sql_place::script), "yes") << text;
  }
}

TEST(SqlText, AQueryBeginsAsAReadingStatementDoes) {
  for (const char* text : {"SELECT 1", "with a AS (SELECT 1) SELECT * FROM a", "VALUES (1)", "TABLE t",
                           "(SELECT 1)", "EXPLAIN SELECT 1", "SHOW server_version"}) {
    EXPECT_EQ(admitted(text, sql_place::query), "yes") << text;
  }
  for (const char* text :
       {"INSERT INTO t VALUES (1)", "update t SET a = 1", "CALL p()", "DO 'x'", "LOCK t", "7"}) {
    EXPECT_EQ(admitted(text, sql_place::query), "statement") << text;
    EXPECT_EQ(admitted(text, sql_place::execute), "yes") << text;
  }
}

TEST(SqlText, OneStatementWithAsManyParametersAsItNeeds) {
  EXPECT_EQ(only_statement(" SELECT $1; ", 1, sql_place::query)->text, "SELECT $1");
  for (const auto& [text, given] : {std::pair{"", 0}, std::pair{";", 0}, std::pair{"SELECT 1; SELECT 2", 0},
                                    std::pair{"SELECT $1", 0}, std::pair{"SELECT $1", 2}}) {
    EXPECT_FALSE(only_statement(text, static_cast<std::size_t>(given), sql_place::query)) << text;
  }
}

}  // namespace
}  // namespace strata::detail
