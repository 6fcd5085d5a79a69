-- KEYS meta, out, counters, gone, bucket
-- ARGV dataset, ttl_ms, field, expected, new, topic, key, value, headers, sequence ...
-- Takes one article back: its record becomes nobody's, for good; unpublished events of it are removed, and
-- the withdrawal is emitted (topic '': nothing was ever announced). Returns 1; 0 when it was taken back
-- before; -1 when the record is not the expected one, and then nothing was changed.
local bad = guard(KEYS[1], ARGV[1]) or closed(KEYS[1])
if bad then return bad end
if #ARGV < 9 then return redis.error_reply('ERR withdraw: wrong number of arguments') end
local bucket, field = KEYS[5], ARGV[3]
local name = string.sub(bucket, -4) .. field
if redis.call('HEXISTS', KEYS[4], name) == 1 then return 0 end
if (redis.call('HGET', bucket, field) or '') ~= ARGV[4] then return -1 end
redis.call('HSET', KEYS[4], name, ARGV[5])
redis.call('HSET', bucket, field, ARGV[5])
redis.call('PEXPIRE', bucket, ARGV[2])
-- The last published entry stays: a publisher's start looks for it.
local published = tonumber(redis.call('HGET', KEYS[3], 'pub') or '0')
for i = 10, #ARGV do
  if tonumber(ARGV[i]) > published then redis.call('XDEL', KEYS[2], ARGV[i] .. '-0') end
end
if ARGV[6] ~= '' then emit(KEYS[2], KEYS[3], ARGV[6], ARGV[7], ARGV[8], ARGV[9]) end
return 1
