#!lua flags=allow-oom
-- KEYS lease; ARGV token, ttl_ms. Takes or renews a lease; returns 1, or 0 while another holds it.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
