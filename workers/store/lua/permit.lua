-- KEYS host, running; ARGV token, gap_ms, max, ttl_ms, patience_ms
-- Politeness of one host across all workers. Returns {0} when the fetch may start, else
-- {wait_ms, why}: 'gap' (short, wait here), 'queue' (come back then), 'pause' (the host asked for it).
local now = now_ms()
local gap, max, ttl = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local h = redis.call('HMGET', KEYS[1], 'next', 'queue', 'pause')
local pause = tonumber(h[3] or '0')
if pause > now then return {int(pause - now), 'pause'} end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', int(now))
local nxt = tonumber(h[1] or '0')
local full = redis.call('ZCARD', KEYS[2]) >= max
if not full and now >= nxt then
  redis.call('ZADD', KEYS[2], int(now + ttl), ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ttl + 1000)
  if gap > 0 then
    redis.call('HSET', KEYS[1], 'next', int(now + gap))
    redis.call('PEXPIRE', KEYS[1], gap + ttl, 'GT')
    if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], gap + ttl) end
  end
  return {'0'}
end
if not full and nxt - now <= tonumber(ARGV[5]) then return {int(nxt - now), 'gap'} end
-- A place in the line: those who are put off come back one after the other, not all at once.
local spacing = math.max(gap, 200)
local queue = math.max(tonumber(h[2] or '0'), nxt, now) + spacing
redis.call('HSET', KEYS[1], 'queue', int(queue))
redis.call('PEXPIRE', KEYS[1], int(queue - now + ttl))
return {int(queue - now), 'queue'}
