-- KEYS meta, out, counters, replayed, bucket ...
-- ARGV dataset, letter, keep_ms, ttl_ms, n, {bucket index, field, expected, new, topic, key, value, headers} * n
-- The part of one dead letter's replay that falls into this shard, once: the letter is marked in the same
-- script. An item without a record (new '') is an event alone. Returns 1; 0 when this letter was replayed
-- before; -1 when a record is not the expected one, and then nothing was changed.
local bad = guard(KEYS[1], ARGV[1]) or closed(KEYS[1])
if bad then return bad end
local n = tonumber(ARGV[5])
if #ARGV ~= 5 + n * 8 then return redis.error_reply('ERR replay: wrong number of arguments') end
if redis.call('HEXISTS', KEYS[4], ARGV[2]) == 1 then return 0 end
for i = 0, n - 1 do
  local at = 6 + i * 8
  if ARGV[at + 3] ~= '' then
    local current = redis.call('HGET', KEYS[4 + tonumber(ARGV[at])], ARGV[at + 1]) or ''
    if current ~= ARGV[at + 2] then return -1 end
  end
end
redis.call('HSET', KEYS[4], ARGV[2], '1')
redis.call('PEXPIRE', KEYS[4], ARGV[3])
for i = 0, n - 1 do
  local at = 6 + i * 8
  if ARGV[at + 3] ~= '' then
    local bucket = KEYS[4 + tonumber(ARGV[at])]
    redis.call('HSET', bucket, ARGV[at + 1], ARGV[at + 3])
    redis.call('PEXPIRE', bucket, ARGV[4])
  end
  emit(KEYS[2], KEYS[3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7])
end
return 1
