#!lua flags=allow-oom
-- KEYS meta, out, counters; ARGV dataset, seq, cumulative bytes, ce_id
-- Trims what is published, all but the last published entry, which proves later that Redis has not
-- gone back. Returns 1; an older position than the one known changes nothing.
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
local known = tonumber(redis.call('HGET', KEYS[3], 'pub') or '0')
if tonumber(ARGV[2]) < known then return 0 end
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[2] .. '-0')
redis.call('HSET', KEYS[3], 'pub', ARGV[2], 'pubbytes', ARGV[3], 'pubid', ARGV[4])
return 1
