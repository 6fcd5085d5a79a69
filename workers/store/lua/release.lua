#!lua flags=allow-oom
-- KEYS meta, due, claims; ARGV dataset, {feed id, token, due_ms} ...
-- Hands claims back unpolled. Returns how many; those are left out that are no longer ours.
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
local released = 0
for i = 2, #ARGV, 3 do
  if redis.call('HGET', KEYS[3], ARGV[i]) == ARGV[i + 1] then
    redis.call('ZADD', KEYS[2], 'XX', ARGV[i + 2], ARGV[i])
    redis.call('HDEL', KEYS[3], ARGV[i])
    released = released + 1
  end
end
return released
