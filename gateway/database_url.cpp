#include "gateway/database_url.hpp"

namespace strata::gateway {

bool is_postgres(std::string_view url) {
  return url.starts_with("postgres://") || url.starts_with("postgresql://");
}

}  // namespace strata::gateway
