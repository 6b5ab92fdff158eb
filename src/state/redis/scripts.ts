/**
 * The scripts of the store. Redis runs each of them in one step.
 *
 * A value is a hash of `v` (version), `d` (text, as JSON) and `x` (its end, in milliseconds since 1970; absent for never). Its key
 * is also in a sorted set of all keys, which Redis orders by their bytes, so by their code points, and if it ends, in a set by ends.
 * A counter is a hash of `n` and `x`, a lease one of `f` (fence) and `x` (0 after it was released).
 *
 * `x` decides whether something has ended, and is a time of the server's clock, so the clocks of the processes need not agree.
 * Redis's own expiry only deletes it, some time later.
 */

export interface LuaScript {
  readonly text: string
  readonly sha1: string
}

/** The first argument of every script is the time, for tests; the server's clock is used if it is empty. */
const clock = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function isLive(ends) return not ends or tonumber(ends) > now end
`

/** Milliseconds after the end of a value or counter at which Redis deletes it. */
const graceMs = 60_000

/**
 * Gives versions and fences. They grow, and are never given twice, not even if Redis was emptied or has lost its newest writes in a
 * failover, because the next one is at least the microseconds since 1970.
 */
const numbers = `
local function nextNumber(key)
  local number = math.max(tonumber(redis.call('GET', key) or '0') + 1, now * 1000)
  redis.call('SET', key, string.format('%.0f', number))
  return number
end
`

/** KEYS: the value, the numbers, the set of keys, the set of ends. */
const write = `
local function write(key, text, ttlMs)
  local version = nextNumber(KEYS[2])
  redis.call('HSET', KEYS[1], 'v', string.format('%.0f', version), 'd', text)
  if ttlMs == '' then
    redis.call('HDEL', KEYS[1], 'x')
    redis.call('PERSIST', KEYS[1])
    redis.call('ZREM', KEYS[4], key)
  else
    local ends = string.format('%.0f', now + ttlMs)
    redis.call('HSET', KEYS[1], 'x', ends)
    redis.call('PEXPIRE', KEYS[1], ttlMs + ${graceMs})
    redis.call('ZADD', KEYS[4], ends, key)
  end
  redis.call('ZADD', KEYS[3], 0, key)
  return version
end
`

const erase = `
local function erase(valueKey, keys, ends, key)
  redis.call('DEL', valueKey)
  redis.call('ZREM', keys, key)
  redis.call('ZREM', ends, key)
end
`

function script(...parts: readonly string[]): LuaScript {
  const text = parts.join('')
  return { text, sha1: new Bun.CryptoHasher('sha1').update(text).digest('hex') }
}

/** KEYS: the value. */
export const getScript = script(
  clock,
  `
local found = redis.call('HMGET', KEYS[1], 'v', 'd', 'x')
if not found[1] or not isLive(found[3]) then return false end
return {found[1], found[2]}
`,
)

/** KEYS: as for `write`. ARGV: time, key, text, ttl. */
export const putScript = script(clock, numbers, write, 'return write(ARGV[2], ARGV[3], ARGV[4])')

/** KEYS: as for `write`, and the lease. ARGV: time, key, text, ttl, expected version, fence (empty without a lease). */
export const compareAndSetScript = script(
  clock,
  numbers,
  write,
  `
if ARGV[6] ~= '' and redis.call('HGET', KEYS[5], 'f') ~= ARGV[6] then return false end
local found = redis.call('HMGET', KEYS[1], 'v', 'x')
local version = found[1] and isLive(found[2]) and found[1] or '0'
if version ~= ARGV[5] then return false end
return write(ARGV[2], ARGV[3], ARGV[4])
`,
)

/** KEYS: the value, the set of keys, the set of ends. ARGV: time, key. */
export const takeScript = script(
  clock,
  erase,
  `
local found = redis.call('HMGET', KEYS[1], 'd', 'x')
if not found[1] then return false end
erase(KEYS[1], KEYS[2], KEYS[3], ARGV[2])
return isLive(found[2]) and found[1]
`,
)

/** KEYS: a value or a counter. ARGV: time, the field of its text or count. Returns it, and the milliseconds until it ends. */
export const entryScript = script(
  clock,
  `
local found = redis.call('HMGET', KEYS[1], ARGV[2], 'x')
if not found[1] or not isLive(found[2]) then return false end
return {found[1], found[2] and string.format('%.0f', found[2] - now) or ''}
`,
)

/** KEYS and ARGV: as for `take`. */
export const deleteScript = script(erase, 'erase(KEYS[1], KEYS[2], KEYS[3], ARGV[2])')

/** KEYS: the set of keys. ARGV: time, what the keys of values begin with, prefix, limit. */
export const keysScript = script(
  clock,
  `
local limit = tonumber(ARGV[4])
local live = {}
local from = '[' .. ARGV[3]
while #live < limit do
  local page = redis.call('ZRANGEBYLEX', KEYS[1], from, '(' .. ARGV[3] .. '\\255', 'LIMIT', 0, limit)
  for _, key in ipairs(page) do
    local found = redis.call('HMGET', ARGV[2] .. key, 'v', 'x')
    if found[1] and isLive(found[2]) and #live < limit then live[#live + 1] = key end
    from = '(' .. key
  end
  if #page < limit then break end
end
return live
`,
)

/** KEYS: the lease, the numbers. ARGV: time, ttl, milliseconds for which an ended lease is remembered. */
export const leaseScript = script(
  clock,
  numbers,
  `
local ends = redis.call('HGET', KEYS[1], 'x')
if ends and isLive(ends) then return false end
local fence = nextNumber(KEYS[2])
redis.call('HSET', KEYS[1], 'f', string.format('%.0f', fence), 'x', string.format('%.0f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[3])
return fence
`,
)

/** KEYS: the lease. ARGV: time, fence, ttl, milliseconds for which an ended lease is remembered. Returns nothing if it is lost. */
export const extendScript = script(
  clock,
  `
local found = redis.call('HMGET', KEYS[1], 'f', 'x')
if found[1] ~= ARGV[2] or found[2] == '0' then return false end
redis.call('HSET', KEYS[1], 'x', string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[3] + ARGV[4])
return 1
`,
)

/** KEYS: the lease. ARGV: time, fence. */
export const releaseScript = script(
  `if redis.call('HGET', KEYS[1], 'f') == ARGV[2] then redis.call('HSET', KEYS[1], 'x', '0') end`,
)

/**
 * KEYS: the counter. ARGV: time, number to add, ttl. Returns the count as text, because the client reads the largest integers wrong, and
 * nothing if the counter would leave the safe integers. If a window would end later than a new one, it was started while the clock was
 * ahead.
 */
export const incrementScript = script(
  clock,
  `
local found = redis.call('HMGET', KEYS[1], 'n', 'x')
local isOpen = found[1] and isLive(found[2])
local count = isOpen and tonumber(found[1]) or 0
if tonumber(ARGV[2]) == 0 then return string.format('%.0f', count) end
if math.abs(count + ARGV[2]) > ${Number.MAX_SAFE_INTEGER} then return false end
if not isOpen then
  redis.call('HSET', KEYS[1], 'n', '0')
  redis.call('HDEL', KEYS[1], 'x')
  redis.call('PERSIST', KEYS[1])
end
count = redis.call('HINCRBY', KEYS[1], 'n', ARGV[2])
local ends = isOpen and tonumber(found[2])
if ARGV[3] ~= '' then ends = math.min(ends or math.huge, now + ARGV[3]) end
if ends then
  redis.call('HSET', KEYS[1], 'x', string.format('%.0f', ends))
  redis.call('PEXPIRE', KEYS[1], ends - now + ${graceMs})
end
return string.format('%.0f', count)
`,
)

/**
 * Writes, which shows whether writes work, and deletes values that have ended. KEYS: a key for the write, the set of keys, the set of
 * ends. ARGV: time, what the keys of values begin with.
 */
export const tendScript = script(
  clock,
  erase,
  `
redis.call('SET', KEYS[1], '', 'PX', 10000)
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, 1000)) do
  erase(ARGV[2] .. key, KEYS[2], KEYS[3], key)
end
`,
)
