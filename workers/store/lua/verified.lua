#!lua flags=allow-oom
-- KEYS meta, counters, healing; ARGV dataset, run. Opens the shard: its publisher has compared it with
-- what Kafka remembers, in this run of Redis. Returns 1, or 0 when Redis was restarted meanwhile.
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
if run_id() ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'run', ARGV[2])
redis.call('DEL', KEYS[3])
return 1
