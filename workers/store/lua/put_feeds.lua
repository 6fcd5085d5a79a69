-- KEYS meta, due; ARGV dataset, tag, n, {feed id, config, delay_ms} * n
-- Adds or changes feeds. A feed that is scheduled already keeps its time; one that comes back finds
-- what it had shown. Returns the number of feeds that were not scheduled before.
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
local tag, now, added = ARGV[2], now_ms(), 0
for i = 0, tonumber(ARGV[3]) - 1 do
  local at = 4 + i * 3
  local id = ARGV[at]
  redis.call('SET', tag .. ':c:' .. id, ARGV[at + 1])
  redis.call('PERSIST', tag .. ':f:' .. id)
  redis.call('PERSIST', tag .. ':m:' .. id)
  added = added + redis.call('ZADD', KEYS[2], 'NX', int(now + tonumber(ARGV[at + 2])), id)
end
return added
