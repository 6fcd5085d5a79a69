#!lua flags=allow-oom
-- KEYS notes; ARGV worker, note, ttl_ms, gone worker ...
-- What a worker says of itself, also in a full Redis: that is when somebody looks.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for i = 4, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
