#include "platform/endpoints.hpp"

#include "platform/assets.hpp"
#include "server/html.hpp"

#include <fmt/format.h>

namespace strata::platform {

namespace {

// The style is a file of platform/assets/, since the page's Content-Security-Policy allows none in it.
constexpr std::string_view beginning = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>AI Agent Platform API</title>
<link rel="icon" href="{}"><link rel="stylesheet" href="{}"></head><body>
)html";

constexpr std::string_view introduction = R"html(<h1>AI Agent Platform API</h1>
<p>JSON over HTTP. The machine's version of this page is <a href="/openapi.json"><code>/openapi.json</code></a>.</p>
<h2>In a minute</h2>
<pre><code>curl -s $HOST/auth/login -H 'Content-Type: application/json' -d '{"email":"…","password":"…"}'
curl -si $HOST/agents -H "Authorization: Bearer $SESSION"     # Cache-Status: strata; fwd=miss; stored; detail=absent
curl -si $HOST/agents -H "Authorization: Bearer $SESSION"     # Cache-Status: strata; hit; ttl=59; detail=l1</code></pre>
<ul>
<li>Send the session as <code>Authorization: Bearer sess_…</code> or as the cookie <code>strata_session</code>.</li>
<li>Every GET carries an <code>ETag</code>: send it back as <code>If-None-Match</code> to get 304, or as
<code>If-Match</code> with PATCH, PUT and DELETE to get 412 when another client changed it first.</li>
<li>PATCH is JSON Merge Patch (RFC 7396). HEAD works where GET does.</li>
<li>Errors are <code>application/problem+json</code> (RFC 9457); wrong fields are listed under <code>errors</code>.</li>
<li>What another organization owns does not exist for you: 404.</li>
<li>Where a permission is named, a member must hold it: an administrator grants and takes it by
<code>PUT /users/{id}/permissions</code>, which holds from the next request on. <code>agents:*</code> is every permission
for agents. A member without any grant holds <code>agents:read</code>, <code>agents:write</code> and
<code>agents:execute</code>; administrators may do everything in their organization.</li>
</ul>
<h2>Endpoints</h2>
<div class="wrap"><table><thead><tr><th>Method</th><th>Path</th><th>Who</th><th>What it does</th><th>Answer</th>
<th>Cache-Control</th></tr></thead><tbody>
)html";

constexpr std::string_view tail = "</tbody></table></div></body></html>\n";

std::string_view name(access who) {
  switch (who) {
    case access::anyone:
    case access::login:
      return "anyone";
    case access::member:
      return "logged in";
    case access::admin:
      return "administrator";
  }
  return {};
}

}  // namespace

std::string docs_page(const std::vector<entity_definition>& entities) {
  const auto& assets = platform_assets();
  auto out = fmt::format(beginning, assets.path("icon.svg"), assets.path("docs.css"));
  out += introduction;
  for (const auto& each : endpoints(entities)) {
    std::string query;
    for (const auto& parameter : each.query) {
      query += fmt::format("<br><code>?{}</code> {}", strata::server::escape_html(parameter.name),
                           strata::server::escape_html(parameter.about));
    }
    out += fmt::format(
        "<tr><td>{}</td><td><code>{}</code></td><td>{}{}</td><td>{}{}</td><td>{} {}</td><td>{}</td></tr>\n",
        strata::server::name(each.on), strata::server::escape_html(each.pattern), name(each.who),
        each.needs.empty() ? "" : fmt::format(", <code>{}</code>", each.needs),
        strata::server::escape_html(each.about), query, each.success,
        strata::server::escape_html(each.response),
        each.cache_control.empty() ? "no-store" : strata::server::escape_html(each.cache_control));
  }
  return out += tail;
}

}  // namespace strata::platform
