#pragma once
/// The one folding of e-mails: what counts as the same address for the limiter, the look-up and the index.
/// Threads: pure functions.
///
/// Only A-Z are folded. LOWER of SQLite does the same, but that of PostgreSQL also folds other letters, by
/// the locale of its database: a Kelvin sign would be another account for the limiter and the same for the
/// index.

#include <string>
#include <string_view>

namespace strata::platform {

std::string folded_email(std::string_view email);

/// The same as an SQL expression over `column`, in every database and locale. The statements that use an
/// index over it must use this text.
std::string folded_email_sql(std::string_view column);

}  // namespace strata::platform
