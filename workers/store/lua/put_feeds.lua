-- KEYS meta, due, claims; ARGV dataset, tag, n, {feed id, config, delay} * n
-- Adds or changes feeds. delay in ms: due then at the latest; -1: keeps its time; -2: known, but never due.
-- A paused feed stays never due. A feed that comes back finds what it had shown, and its pause. Returns
-- the number of feeds that were not known before.
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
local tag, now, added = ARGV[2], now_ms(), 0
local never = '9000000000000000'
for i = 0, tonumber(ARGV[3]) - 1 do
  local at = 4 + i * 3
  local id, delay = ARGV[at], tonumber(ARGV[at + 2])
  redis.call('SET', tag .. ':c:' .. id, ARGV[at + 1])
  redis.call('PERSIST', tag .. ':f:' .. id)
  redis.call('PERSIST', tag .. ':m:' .. id)
  redis.call('PERSIST', tag .. ':p:' .. id)
  local had = redis.call('ZSCORE', KEYS[2], id)
  if not had then added = added + 1 end
  if delay == -2 or redis.call('EXISTS', tag .. ':p:' .. id) == 1 then
    redis.call('ZADD', KEYS[2], never, id)
    redis.call('HDEL', KEYS[3], id)
  elseif not had then
    redis.call('ZADD', KEYS[2], int(now + math.max(delay, 0)), id)
  elseif delay >= 0 then
    -- A feed that is being polled is left to its poll, which will read the new configuration next time.
    if redis.call('HEXISTS', KEYS[3], id) == 0 then
      redis.call('ZADD', KEYS[2], 'LT', int(now + delay), id)
    end
  elseif had == never then
    redis.call('ZADD', KEYS[2], int(now), id)
  end
end
return added
