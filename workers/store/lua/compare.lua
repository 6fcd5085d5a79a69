#!lua flags=no-writes
-- KEYS meta, counters; ARGV dataset
-- Returns {which run of Redis this is, which run the shard was opened in, how far it is trimmed}.
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
local c = redis.call('HMGET', KEYS[2], 'run', 'pub')
return {run_id(), c[1] or '', c[2] or '0'}
