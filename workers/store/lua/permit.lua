-- KEYS host, running; ARGV token, gap_ms, max, ttl_ms, in_line ('1' or '0')
-- Politeness of one host across all workers. Returns {0} when the fetch may start, else
-- {wait_ms, why}: 'gap' or 'full' (ask again then), 'queue' (a place in the line, when asked for),
-- 'pause' (the host itself asked to be left alone).
local now = now_ms()
local gap, max, ttl = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local h = redis.call('HMGET', KEYS[1], 'next', 'queue', 'pause', 'ms')
local pause = tonumber(h[3] or '0')
if pause > now then return {int(pause - now), 'pause'} end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', int(now))
local nxt = tonumber(h[1] or '0')
local full = redis.call('ZCARD', KEYS[2]) >= max
if not full and now >= nxt then
  redis.call('ZADD', KEYS[2], int(now + ttl), ARGV[1])
  redis.call('PEXPIRE', KEYS[2], int(ttl + 1000))
  if gap > 0 then
    redis.call('HSET', KEYS[1], 'next', int(now + gap))
    if redis.call('PTTL', KEYS[1]) < gap + ttl then redis.call('PEXPIRE', KEYS[1], int(gap + ttl)) end
  end
  return {'0'}
end
-- Those who are put off come back one after the other, at the pace that the host really has.
local pace = math.max(gap, tonumber(h[4] or '200') / max, 2)
if ARGV[5] ~= '1' then
  if full then return {int(math.max(nxt - now, pace)), 'full'} end
  return {int(nxt - now), 'gap'}
end
local queue = math.max(tonumber(h[2] or '0'), nxt, now) + pace
redis.call('HSET', KEYS[1], 'queue', int(queue))
redis.call('PEXPIRE', KEYS[1], int(queue - now + ttl))
return {int(queue - now), 'queue'}
