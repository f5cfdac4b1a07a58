#include "redis/format/scripts.hpp"

#include <array>
#include <cstdlib>
#include <utility>

#include <openssl/evp.h>

namespace strata::redis {

namespace {

/// What several scripts use. The layouts are those of store_format.hpp and docs/formats.md:
///   value  "R1", 1 flags (1 expired, 2 record), 1 zero, 4 epoch, 8 asof, 8 end, then the bytes
///   lease  16 token, 4 epoch, 8 floor
constexpr std::string_view prelude = R"lua(
local head_size, lease_size = 24, 28
local function text(n) return string.format('%.0f', n) end
local function clock(key)
  local held = redis.call('HMGET', key, 'now', 'epoch')
  return tonumber(held[1]) or 0, tonumber(held[2]) or 0
end
-- As redis.call, but a key of another type is as if it were not there: another program has written it.
local function read(...)
  local held = redis.pcall(...)
  if type(held) ~= 'table' then return held end
  if string.sub(held.err, 1, 9) ~= 'WRONGTYPE' then error(held.err) end
  return nil
end
local function learn(key, now, known)
  if known <= now then return now end
  redis.pcall('HSET', key, 'now', text(known))
  return known
end
local function new_floor(key, now, at_least)
  return learn(key, now, math.max(now + 1, at_least))
end
local function other_view(key, view)
  if view == '' or redis.call('HGET', key, 'run') == view then return nil end
  return redis.error_reply('VIEW another one counts')
end
-- The flags and asof of a value that counts, else nil: one of another kind or epoch is not there.
local function value_of(head, epoch)
  if not head or #head < head_size or string.sub(head, 1, 2) ~= 'R1' then return nil end
  local flags, of, asof = struct.unpack('>BxI4I8', head, 3)
  if of < epoch and flags < 2 then return nil end
  return flags, asof
end
-- The token and floor of a lease that counts.
local function lease_of(held, epoch)
  if not held or #held ~= lease_size then return nil end
  local of, floor = struct.unpack('>I4I8', held, 17)
  if of ~= epoch then return nil end
  return string.sub(held, 1, 16), floor
end
local function tell(what) redis.call('PUBLISH', ARGV[#ARGV], ARGV[#ARGV - 1] .. what) end
local function changed(key) return struct.pack('>I2', #key) .. key end
-- Begins a list of changes that are no removals.
local kept = changed('')
)lua";

/// For scripts about keys: the time, raised to what is known, the floor of an invalidation, and the epoch.
constexpr std::string_view local_clock = R"lua(
local last_key = #KEYS - 1
local function clock_at(known)
  local now, epoch = clock(KEYS[#KEYS])
  return learn(KEYS[#KEYS], now, known), epoch
end
local function stored_time() return (clock(KEYS[#KEYS])) end
local function floor_at(at_least, mode)
  local now, epoch = clock(KEYS[#KEYS])
  if mode == 'sweep' then return at_least, epoch end
  return new_floor(KEYS[#KEYS], now, at_least), epoch
end
)lua";
constexpr std::string_view remote_clock = R"lua(
local last_key = #KEYS
local function clock_at(known, epoch) return known, epoch end
local function stored_time() return 0 end
local function floor_at(at_least, mode, epoch) return at_least, epoch end
)lua";

constexpr std::string_view lease_body = R"lua(
local now, epoch = clock_at(tonumber(ARGV[3]), tonumber(ARGV[5]))
if ARGV[4] == 'miss' then
  local value = read('GET', KEYS[1])
  if value_of(value, epoch) then return value end
end
local token, floor = lease_of(read('GET', KEYS[2]), epoch)
if token and token ~= ARGV[1] and ARGV[4] ~= 'force' then return {0, stored_time()} end
redis.call('SET', KEYS[2], ARGV[1] .. struct.pack('>I4I8', epoch, floor or 0), 'PX', ARGV[2])
return {1, now}
)lua";

// A write clears Redis's record of who read the key. In `only_read` mode the script reads the key again here,
// so that Redis keeps notifying us. A change is published before it is made, since in that mode Redis reports
// it at once, and does not say whether the key was removed. The lease is deleted last: when memory is full, a
// SET is refused as a script's first write, but not after a DEL.
constexpr std::string_view fill_body = R"lua(
local asof, filled = tonumber(ARGV[3]), tonumber(ARGV[2])
local now, epoch = clock_at(asof, filled)
local token, floor = lease_of(read('GET', KEYS[2]), epoch)
if token ~= ARGV[1] or filled ~= epoch then return 1 end
local outcome = 0
if asof < floor then
  outcome = 2
else
  local flags, stored = value_of(read('GETRANGE', KEYS[1], 0, head_size - 1), epoch)
  if flags and stored > asof then
    outcome = 3
  else
    if flags then tell('c' .. kept .. changed(KEYS[1])) end
    local done = redis.pcall('SET', KEYS[1], ARGV[5], 'PX', ARGV[4])
    if done.err then outcome = done end
    if ARGV[6] == 'read' and not done.err then redis.call('GETRANGE', KEYS[1], 0, 0) end
  end
end
redis.call('DEL', KEYS[2])
if outcome ~= 0 then tell('c' .. kept .. changed(KEYS[1])) end
return outcome
)lua";

constexpr std::string_view release_body = R"lua(
local held = read('GET', KEYS[1])
if not held or string.sub(held, 1, 16) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
tell('c' .. kept .. changed(ARGV[2]))
return 1
)lua";

constexpr std::string_view renew_body = R"lua(
local held = read('GET', KEYS[1])
if not held or string.sub(held, 1, 16) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
)lua";

constexpr std::string_view invalidate_body = R"lua(
local mode = ARGV[2]
local floor, epoch = floor_at(tonumber(ARGV[1]), mode, tonumber(ARGV[3]))
local removed, told, values, taken = 0, {mode == 'expire' and kept or ''}, {}, nil
local function fence(lease)
  local token, before = lease_of(read('GET', lease), epoch)
  if token and before < floor then
    redis.call('SET', lease, token .. struct.pack('>I4I8', epoch, floor), 'KEEPTTL')
  end
end
local function drop(key)
  if mode == 'take' then
    local value = read('GET', key)
    if value_of(value, epoch) then taken = value end
  end
  if mode == 'take' or mode == 'remove' then
    removed = removed + redis.call('UNLINK', key)
    return
  end
  local flags, asof = value_of(read('GETRANGE', key, 0, head_size - 1), epoch)
  if mode == 'sweep' and flags and asof < floor then removed = removed + redis.call('UNLINK', key) end
  if mode == 'expire' and flags and flags % 2 == 0 then
    redis.call('SETRANGE', key, 2, string.char(flags + 1))
  end
end
for i = 1, last_key do
  if string.sub(KEYS[i], 1, 14) == 'strata-lease:{' then
    fence(KEYS[i])
  else
    values[#values + 1], told[#told + 1] = KEYS[i], changed(KEYS[i])
  end
end
if #values > 0 then tell('c' .. table.concat(told)) end
for _, key in ipairs(values) do drop(key) end
return {floor, removed, taken}
)lua";

constexpr std::string_view touch_body = R"lua(
local now, epoch = clock_at(0, tonumber(ARGV[3]))
if not value_of(read('GETRANGE', KEYS[1], 0, head_size - 1), epoch) then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('SETRANGE', KEYS[1], 16, ARGV[2])
return 1
)lua";

constexpr std::string_view read_clock_body = R"lua(
local other = other_view(KEYS[1], ARGV[3])
if other then return other end
local now, epoch = clock(KEYS[1])
if ARGV[2] == 'floor' then return {new_floor(KEYS[1], now, tonumber(ARGV[1])), epoch} end
return {learn(KEYS[1], now, tonumber(ARGV[1])), epoch}
)lua";

constexpr std::string_view raise_body = R"lua(
local other = other_view(KEYS[1], ARGV[2])
if other then return other end
local now, epoch = clock(KEYS[1])
local floor = new_floor(KEYS[1], now, tonumber(ARGV[1]))
local told = {}
for i = 3, #ARGV - 2 do
  redis.call('HSET', KEYS[2], ARGV[i], text(floor))
  told[#told + 1] = ARGV[i] .. '=' .. text(floor)
end
tell('f' .. table.concat(told, ' '))
return {floor, epoch}
)lua";

constexpr std::string_view restore_body = R"lua(
local other = other_view(KEYS[1], ARGV[1])
if other then return other end
local now = clock(KEYS[1])
local told = {}
for i = 2, #ARGV - 3, 2 do
  local asof = tonumber(ARGV[i + 1])
  now = learn(KEYS[1], now, asof)
  if asof > (tonumber(redis.call('HGET', KEYS[2], ARGV[i])) or 0) then
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
    told[#told + 1] = ARGV[i] .. '=' .. ARGV[i + 1]
  end
end
if #told > 0 then tell('f' .. table.concat(told, ' ')) end
return now
)lua";

constexpr std::string_view clear_body = R"lua(
local other = other_view(KEYS[1], ARGV[2])
if other then return other end
local now, epoch = clock(KEYS[1])
local floor = new_floor(KEYS[1], now, tonumber(ARGV[1]))
epoch = epoch + 1
redis.call('HSET', KEYS[1], 'epoch', text(epoch))
tell('l' .. text(epoch))
return {floor, epoch}
)lua";

constexpr std::string_view heartbeat_body = R"lua(
if ARGV[4] == 'keep' then
  local other = other_view(KEYS[1], ARGV[3])
  if other then return other end
end
local before, stored = clock(KEYS[1])
local now = learn(KEYS[1], before, tonumber(ARGV[1]))
local epoch, adopted = math.max(stored, tonumber(ARGV[2])), 0
local run = redis.call('HGET', KEYS[1], 'run')
if not run or (ARGV[3] ~= '' and run ~= ARGV[3]) then
  epoch, adopted = epoch + 1, 1
  redis.call('HSET', KEYS[1], 'run', ARGV[3])
end
if epoch ~= stored then
  redis.call('HSET', KEYS[1], 'epoch', text(epoch))
  tell('e' .. text(epoch))
end
local at = redis.call('TIME')
local marks = redis.call('HMGET', KEYS[1], 'mark', 'before')
return {epoch, now, before, at[1] * 1000 + math.floor(at[2] / 1000), adopted, tonumber(marks[1]) or 0,
  tonumber(marks[2]) or 0}
)lua";

// A watermark is not below the time: so a watermark restored from a dump differs from the last one read.
constexpr std::string_view watermark_body = R"lua(
local held = redis.call('HMGET', KEYS[1], 'mark', 'epoch', 'run')
local mark, life = tonumber(held[1]) or 0, (held[2] or '0') .. ':' .. (held[3] or '')
if ARGV[1] == '' then return {1, mark, life} end
if tonumber(ARGV[1]) ~= mark or ARGV[2] ~= life then return {0, mark, life} end
local at = redis.call('TIME')
local next = math.max(mark + 1, at[1] * 1000000 + at[2])
redis.call('HSET', KEYS[1], 'mark', text(next), 'before', text(mark))
return {1, next, life}
)lua";

// A bucket is one number, the server's time in µs at which it is full again; it ends then. A server whose
// clock is behind the last one's must not lock a caller out: so no bucket is fuller than twice its burst.
constexpr std::string_view charge_body = R"lua(
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local taken, age, wanted = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local whole = interval * burst
local at = redis.call('TIME')
local now = at[1] * 1000000 + at[2]
local ahead = (tonumber(read('GET', KEYS[1]) or '') or 0) - now
if taken > 0 then
  ahead = math.max(ahead, -age) + taken * interval
end
ahead = math.min(math.max(ahead, 0), 2 * whole)
local allowed = 0
if wanted <= burst and ahead + wanted * interval <= whole + 0.5 then
  ahead, allowed = ahead + wanted * interval, 1
end
if taken + wanted * allowed > 0 and ahead > 0 then
  redis.call('SET', KEYS[1], string.format('%.17g', now + ahead), 'PX', math.ceil(ahead / 1000))
end
return {allowed, math.floor(ahead)}
)lua";

/// An invalidation must not fail when memory is full: it frees memory. Nor may a limit.
constexpr std::string_view allow_full_memory = "#!lua flags=allow-oom";

enum class publishes : bool { no, yes };

script make_script(publishes publishing, std::initializer_list<std::string_view> parts) {
  script out;
  for (const auto each : parts) out.text.append(each);
  out.sha = sha1(out.text);
  out.publishes = publishing == publishes::yes;
  return out;
}

scripts::of_keys make_pair(publishes publishing, std::string_view shebang, std::string_view body) {
  return {.local_clock = make_script(publishing, {shebang, prelude, local_clock, body}),
          .remote_clock = make_script(publishing, {shebang, prelude, remote_clock, body})};
}

}  // namespace

namespace scripts {

const of_keys lease = make_pair(publishes::no, "", lease_body);
const of_keys fill = make_pair(publishes::yes, "", fill_body);
const of_keys invalidate = make_pair(publishes::yes, allow_full_memory, invalidate_body);
const of_keys touch = make_pair(publishes::no, allow_full_memory, touch_body);
const script release = make_script(publishes::yes, {allow_full_memory, prelude, release_body});
const script renew = make_script(publishes::no, {allow_full_memory, prelude, renew_body});
const script charge = make_script(publishes::no, {allow_full_memory, prelude, charge_body});
const script read_clock = make_script(publishes::no, {allow_full_memory, prelude, read_clock_body});
const script raise = make_script(publishes::yes, {allow_full_memory, prelude, raise_body});
const script restore = make_script(publishes::yes, {allow_full_memory, prelude, restore_body});
const script clear = make_script(publishes::yes, {allow_full_memory, prelude, clear_body});
const script heartbeat = make_script(publishes::yes, {allow_full_memory, prelude, heartbeat_body});
const script watermark = make_script(publishes::no, {allow_full_memory, prelude, watermark_body});

std::span<const named> all() {
  static const std::array<named, 17> every{{{"lease", lease.local_clock},
                                            {"lease, remote clock", lease.remote_clock},
                                            {"fill", fill.local_clock},
                                            {"fill, remote clock", fill.remote_clock},
                                            {"invalidate", invalidate.local_clock},
                                            {"invalidate, remote clock", invalidate.remote_clock},
                                            {"touch", touch.local_clock},
                                            {"touch, remote clock", touch.remote_clock},
                                            {"release", release},
                                            {"renew", renew},
                                            {"charge", charge},
                                            {"read_clock", read_clock},
                                            {"raise", raise},
                                            {"restore", restore},
                                            {"clear", clear},
                                            {"heartbeat", heartbeat},
                                            {"watermark", watermark}}};
  return every;
}

}  // namespace scripts

std::string sha1(std::string_view text) {
  std::array<unsigned char, 20> digest{};
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) != 1) std::abort();
  std::string out;
  for (const auto byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

}  // namespace strata::redis
