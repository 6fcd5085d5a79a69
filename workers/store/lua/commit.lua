-- KEYS meta, due, claims, state, memory, config, out, counters
-- ARGV dataset, feed id, token, due_ms, state, keep_memory ('1' or '0'), memory, n, {topic, key, value, headers} * n
-- The feed's own part of a poll, last in order. Returns 1, or 0 when the claim is no longer ours: another
-- worker's, or from before a restart of Redis, which may have forgotten articles that this poll admitted.
local bad = guard(KEYS[1], ARGV[1]) or closed(KEYS[1])
if bad then return bad end
if redis.call('HGET', KEYS[3], ARGV[2]) ~= ARGV[3] then return 0 end
if string.match(ARGV[3], '%w*$') ~= run_id() then return 0 end
if redis.call('EXISTS', KEYS[6]) == 0 then return 0 end
redis.call('SET', KEYS[4], ARGV[5])
if ARGV[6] == '0' then redis.call('SET', KEYS[5], ARGV[7]) end
for i = 0, tonumber(ARGV[8]) - 1 do
  local at = 9 + i * 4
  emit(KEYS[7], KEYS[8], ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
end
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[2])
return 1
