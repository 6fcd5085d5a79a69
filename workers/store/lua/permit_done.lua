#!lua flags=allow-oom
-- KEYS host, running; ARGV token, pause_ms, elapsed_ms
-- Gives a permit back. 'pause' keeps every worker off the host; 'ms' is how long a fetch takes there.
redis.call('ZREM', KEYS[2], ARGV[1])
local pause, elapsed = tonumber(ARGV[2]), tonumber(ARGV[3])
local ms = tonumber(redis.call('HGET', KEYS[1], 'ms') or ARGV[3])
redis.call('HSET', KEYS[1], 'ms', int(ms * 0.8 + elapsed * 0.2))
local keep = 600000
if pause > 0 then
  local until_ms = now_ms() + pause
  if until_ms > tonumber(redis.call('HGET', KEYS[1], 'pause') or '0') then
    redis.call('HSET', KEYS[1], 'pause', int(until_ms))
  end
  keep = keep + pause
end
if redis.call('PTTL', KEYS[1]) < keep then redis.call('PEXPIRE', KEYS[1], int(keep)) end
return 1
