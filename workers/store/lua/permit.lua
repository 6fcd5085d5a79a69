-- KEYS host, running; ARGV token, gap_ms, max, ttl_ms, in_line ('1' or '0'), strict_ms,
-- placed ('1': comes back at a place in the line), short_ms
-- Politeness of one host across all workers. Returns {'0', why} when the fetch may start: why is
-- 'strict' when the host said within strict_ms that it is asked too often. Else {wait_ms, why}: 'gap'
-- or 'full' (ask again then), 'queue' (a place in the line, when asked for), 'pause' (the host is left
-- alone; a place in the line after that), 'hop': who fetches from the host already and asks again is led
-- on within it, and has the next turn, which is his when the time is over.
local now = now_ms()
local gap, max, ttl = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local h = redis.call('HMGET', KEYS[1], 'next', 'queue', 'pause', 'ms', 'strict')
local nxt, pause = tonumber(h[1] or '0'), tonumber(h[3] or '0')

local function keep(ms)
  if redis.call('PTTL', KEYS[1]) < ms then redis.call('PEXPIRE', KEYS[1], int(ms)) end
end

local function place(why)
  return {int(take_places(KEYS[1], 1, gap, max, ttl)), why}
end

if pause > now then return place('pause') end
-- To wait for a turn in line with a permit in hand would keep others out, and never end on a crowded host.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', int(now))
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  local turn = math.max(nxt, now)
  if gap > 0 then
    redis.call('HSET', KEYS[1], 'next', int(turn + gap))
    keep(turn - now + gap + ttl)
  end
  return {int(turn - now), 'hop'}
end
-- A line of over short_ms is for those who stand in it: whoever comes anew goes to its end, so that of
-- many feeds on a host each has its turn.
if ARGV[7] ~= '1' and tonumber(h[2] or '0') > now + tonumber(ARGV[8]) then return place('queue') end
local full = redis.call('ZCARD', KEYS[2]) >= max
if not full and now >= nxt then
  redis.call('ZADD', KEYS[2], int(now + ttl), ARGV[1])
  redis.call('PEXPIRE', KEYS[2], int(ttl + 1000))
  if gap > 0 then
    redis.call('HSET', KEYS[1], 'next', int(now + gap))
    keep(gap + ttl)
  end
  local strict = tonumber(h[5] or '0')
  return {'0', strict > 0 and now - strict < tonumber(ARGV[6]) and 'strict' or ''}
end
if ARGV[5] ~= '1' then
  if full then return {int(math.max(nxt - now, gap, tonumber(h[4] or '200') / max, 2)), 'full'} end
  return {int(nxt - now), 'gap'}
end
return place('queue')
