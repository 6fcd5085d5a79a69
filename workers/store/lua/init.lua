-- KEYS meta; ARGV marker, create ('1' or '0')
-- Returns the marker in force, or false when there is none and none may be created.
local found = redis.call('GET', KEYS[1])
if found then return found end
if ARGV[2] ~= '1' then return false end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
