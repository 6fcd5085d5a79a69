#!lua flags=allow-oom
-- KEYS meta, due, claims; ARGV dataset, feed id, token, due_ms
-- Hands a claim back unpolled. Returns 1, or 0 when it is no longer ours.
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
if redis.call('HGET', KEYS[3], ARGV[2]) ~= ARGV[3] then return 0 end
redis.call('ZADD', KEYS[2], 'XX', ARGV[4], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[2])
return 1
