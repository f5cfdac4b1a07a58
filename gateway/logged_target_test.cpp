#include "gateway/logged_target.hpp"

#include <gtest/gtest.h>

namespace strata::gateway {
namespace {

TEST(LoggedTarget, ShowsWhatIsNoSecret) {
  for (const auto* each :
       {"/", "/agents?page=2&limit=20", "/agents/agt_1/config", "/x?", "/x?a&b=&=c", "*"}) {
    EXPECT_EQ(without_secrets(each), each);
  }
}

TEST(LoggedTarget, HidesTokensAndWhatIsNamedLikeASecret) {
  EXPECT_EQ(without_secrets("/agents?access_token=abc&page=2"), "/agents?access_token=***&page=2");
  EXPECT_EQ(without_secrets("/a?PassWord=x&q=y"), "/a?PassWord=***&q=y");
  EXPECT_EQ(without_secrets("/a?tok%65n=x"), "/a?tok%65n=***");
  EXPECT_EQ(without_secrets("/a?q=sess_AAAA"), "/a?q=***");
  EXPECT_EQ(without_secrets("/a?q=%73ess_AAAA"), "/a?q=***");
  EXPECT_EQ(without_secrets("/a?sess_AAAA"), "/a?***");
  EXPECT_EQ(without_secrets("/a?sess_AAAA=1"), "/a?***=***");
  EXPECT_EQ(without_secrets("/auth/sess_AAAA/x"), "/auth/***/x");
}

}  // namespace
}  // namespace strata::gateway
