#!lua flags=allow-oom
-- KEYS meta, due, claims; ARGV dataset, feed id
-- Makes a feed due now. Returns 1; 0 when it is under way already, and is left to its poll; -1 when it is not
-- to be polled at all (paused, disabled, not listed).
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
local due = redis.call('ZSCORE', KEYS[2], ARGV[2])
if not due or tonumber(due) >= 9000000000000000 then return -1 end
if redis.call('HEXISTS', KEYS[3], ARGV[2]) == 1 then return 0 end
redis.call('ZADD', KEYS[2], 'XX', 'LT', int(now_ms()), ARGV[2])
return 1
