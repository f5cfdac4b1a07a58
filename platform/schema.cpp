#include "platform/schema.hpp"

namespace strata::platform {

namespace {

// Booleans are 0 or 1 and times RFC 3339 text, so that both databases, and any program that reads
// them, see the same values. Credentials stand apart from users: no statement that feeds the
// cache can select a hash by mistake.
constexpr strata::migration migrations[] = {
    {1, "accounts", R"sql(
CREATE TABLE organizations (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  plan       TEXT NOT NULL DEFAULT 'free',
  is_active  BIGINT NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  version    BIGINT NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE TABLE users (
  id              TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  email           TEXT NOT NULL,
  name            TEXT NOT NULL,
  is_admin        BIGINT NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)),
  version         BIGINT NOT NULL DEFAULT 1,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE UNIQUE INDEX users_by_email ON users (LOWER(email));
CREATE INDEX users_by_organization ON users (organization_id);
CREATE TABLE credentials (
  user_id       TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  password_hash TEXT NOT NULL,
  updated_at    TEXT NOT NULL
);
CREATE TABLE user_settings (
  id         TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  document   TEXT NOT NULL,
  version    BIGINT NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE TABLE user_permissions (
  id          TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  permissions TEXT NOT NULL,
  version     BIGINT NOT NULL DEFAULT 1,
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL
);
)sql"},
    {2, "agents", R"sql(
CREATE TABLE agents (
  id              TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  name            TEXT NOT NULL,
  description     TEXT NOT NULL DEFAULT '',
  status          TEXT NOT NULL DEFAULT 'active',
  is_public       BIGINT NOT NULL DEFAULT 0 CHECK (is_public IN (0, 1)),
  execution_count BIGINT NOT NULL DEFAULT 0,
  version         BIGINT NOT NULL DEFAULT 1,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE INDEX agents_by_age ON agents (organization_id, created_at DESC, id);
CREATE INDEX agents_by_status ON agents (organization_id, status, created_at DESC, id);
CREATE TABLE agent_configs (
  id         TEXT PRIMARY KEY REFERENCES agents (id) ON DELETE CASCADE,
  document   TEXT NOT NULL,
  version    BIGINT NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE TABLE agent_tools (
  id         TEXT PRIMARY KEY REFERENCES agents (id) ON DELETE CASCADE,
  document   TEXT NOT NULL,
  version    BIGINT NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
)sql"},
    {3, "marketplace", R"sql(
CREATE TABLE listings (
  id             TEXT PRIMARY KEY,
  name           TEXT NOT NULL,
  description    TEXT NOT NULL DEFAULT '',
  publisher      TEXT NOT NULL DEFAULT '',
  repository_url TEXT NOT NULL DEFAULT '',
  packages       TEXT NOT NULL DEFAULT '[]',
  install_count  BIGINT NOT NULL DEFAULT 0,
  version        BIGINT NOT NULL DEFAULT 1,
  created_at     TEXT NOT NULL,
  updated_at     TEXT NOT NULL
);
CREATE INDEX listings_by_name ON listings (name, id);
)sql"},
};

}  // namespace

std::span<const strata::migration> schema() noexcept {
  return migrations;
}

}  // namespace strata::platform
