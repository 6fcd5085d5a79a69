#!lua flags=no-writes
-- KEYS meta, claims; ARGV dataset, feed id, token. Returns 1 while the claim is ours, else 0.
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
if redis.call('HGET', KEYS[2], ARGV[2]) == ARGV[3] then return 1 end
return 0
