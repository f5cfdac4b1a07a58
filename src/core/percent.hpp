#pragma once
/// Percent-decoding of URLs (RFC 3986 §2.1).

#include <string>
#include <string_view>

namespace strata::detail {

/// What a `+` stands for: itself, or a space as in the query of an HTML form.
enum class plus : bool { literal, space };

/// Appends `text` decoded to `out`. Returns false if a `%` is not followed by 2 hexadecimal digits;
/// then `out` holds a part of the text. Checks nothing else: the result can hold any byte.
bool append_percent_decoded(std::string& out, std::string_view text, plus meaning = plus::literal);

}  // namespace strata::detail
