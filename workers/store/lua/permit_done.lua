#!lua flags=allow-oom
-- KEYS host, running; ARGV token, elapsed_ms, verdict ('', 'well', 'strict', 'busy'), pause_ms,
-- first_ms, most_ms, before_ms, strict_ms
-- Gives a permit back. 'ms' is how long a fetch takes there. A verdict of 'strict' (asked too often) or
-- 'busy' (overloaded) keeps every worker off the host: for pause_ms where the host said so, else for
-- first_ms and twice as long with each refusal that follows on a pause without a good answer between. Not so
-- when the feed was refused before_ms as well and others were answered since: then it is the feed that ails.
redis.call('ZREM', KEYS[2], ARGV[1])
local now, elapsed, verdict = now_ms(), tonumber(ARGV[2]), ARGV[3]
local h = redis.call('HMGET', KEYS[1], 'ms', 'pause', 'strikes', 'well')
local ms = int(tonumber(h[1] or ARGV[2]) * 0.8 + elapsed * 0.2)
local before, strikes, keep = tonumber(h[2] or '0'), tonumber(h[3] or '0'), 600000
-- What was under way when a pause began is one refusal with it, and its good answers end nothing.
if verdict == 'well' and before <= now then
  redis.call('HSET', KEYS[1], 'ms', ms, 'well', int(now))
  if strikes > 0 then redis.call('HDEL', KEYS[1], 'strikes') end
else
  redis.call('HSET', KEYS[1], 'ms', ms)
end
if (verdict == 'strict' or verdict == 'busy')
    and not (tonumber(ARGV[7]) > 0 and tonumber(h[4] or '0') > tonumber(ARGV[7])) then
  local pause = tonumber(ARGV[4])
  if before <= now then
    strikes = math.min(strikes + 1, 30)
    redis.call('HSET', KEYS[1], 'strikes', int(strikes))
    if pause == 0 then pause = math.min(tonumber(ARGV[5]) * 2 ^ (strikes - 1), tonumber(ARGV[6])) end
  end
  if now + pause > before then redis.call('HSET', KEYS[1], 'pause', int(now + pause)) end
  if verdict == 'strict' then
    redis.call('HSET', KEYS[1], 'strict', int(now))
    keep = math.max(keep, tonumber(ARGV[8]))
  end
  keep = keep + 2 * math.max(pause, before - now)
end
if redis.call('PTTL', KEYS[1]) < keep then redis.call('PEXPIRE', KEYS[1], int(keep)) end
return 1
