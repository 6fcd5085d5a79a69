#!lua flags=allow-oom
-- KEYS meta, out, counters; ARGV dataset, fresh ('1': the marker may be missing), sequence, ce_id
-- Sets the trim mark to what Kafka says is published, whatever was known of it here. Returns 1.
local marker = redis.call('GET', KEYS[1])
if marker or ARGV[2] ~= '1' then
  local bad = guard(KEYS[1], ARGV[1])
  if bad then return bad end
end
local c = redis.call('HMGET', KEYS[3], 'seq', 'bytes', 'pub')
if tonumber(c[3] or '0') > tonumber(ARGV[3]) then return 0 end
if tonumber(c[1] or '0') < tonumber(ARGV[3]) then redis.call('HSET', KEYS[3], 'seq', ARGV[3]) end
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[3] .. '-0')
local bytes = tonumber(c[2] or '0')
local first = redis.call('XRANGE', KEYS[2], '(' .. ARGV[3] .. '-0', '+', 'COUNT', 1)[1]
if first then
  local f = {}
  for j = 1, #first[2], 2 do f[first[2][j]] = first[2][j + 1] end
  bytes = tonumber(f.b) - #f.k - #f.v - #f.h - 64
end
redis.call('HSET', KEYS[3], 'pub', ARGV[3], 'pubid', ARGV[4], 'pubbytes', int(bytes))
return 1
