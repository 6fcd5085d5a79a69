-- KEYS host; ARGV n, gap_ms, max, ttl_ms
-- Gives n feeds places at the end of a host's line at once. Returns {wait for the first, time between two,
-- for how long the host is left alone}, in ms.
local first, pace = take_places(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]))
local pause = tonumber(redis.call('HGET', KEYS[1], 'pause') or '0')
return {int(first), string.format('%.3f', pace), int(math.max(pause - now_ms(), 0))}
