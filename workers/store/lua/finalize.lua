-- KEYS meta; ARGV marker, the same in the version to be
-- Puts a shard's state in the newer version. Returns 1, also when it was so before.
if redis.call('GET', KEYS[1]) == ARGV[2] then return 1 end
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
redis.call('SET', KEYS[1], ARGV[2])
return 1
