#!lua flags=allow-oom
-- KEYS host, running; ARGV token, pause_ms
redis.call('ZREM', KEYS[2], ARGV[1])
local pause = tonumber(ARGV[2])
if pause > 0 then
  local now = now_ms()
  local until_ms = now + pause
  if until_ms > tonumber(redis.call('HGET', KEYS[1], 'pause') or '0') then
    redis.call('HSET', KEYS[1], 'pause', int(until_ms))
    local left = redis.call('PTTL', KEYS[1])
    if left < pause then redis.call('PEXPIRE', KEYS[1], int(pause)) end
  end
end
return 1
