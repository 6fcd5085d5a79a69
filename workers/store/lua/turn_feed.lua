#!lua flags=allow-oom
-- KEYS meta, due, claims, config, state, pause, out, counters
-- ARGV dataset, feed id, expected config, expected state, expected pause, state, pause ('': none), due ms
-- ('': now, if the list wants it at all), topic, key, value, headers
-- Pauses or resumes a feed, and says so on the feeds topic. A poll under way is fenced: its articles stand,
-- and what it learned of the feed is learned again. Returns 1, or 0 when the feed is not as expected: look
-- again.
local bad = guard(KEYS[1], ARGV[1]) or closed(KEYS[1])
if bad then return bad end
if #ARGV ~= 12 then return redis.error_reply('ERR turn_feed: wrong number of arguments') end
if (redis.call('GET', KEYS[4]) or '') ~= ARGV[3] then return 0 end
if (redis.call('GET', KEYS[5]) or '') ~= ARGV[4] then return 0 end
if (redis.call('GET', KEYS[6]) or '') ~= ARGV[5] then return 0 end
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('SET', KEYS[5], ARGV[6])
if ARGV[7] == '' then redis.call('DEL', KEYS[6]) else redis.call('SET', KEYS[6], ARGV[7]) end
redis.call('ZADD', KEYS[2], 'XX', ARGV[8] == '' and int(now_ms()) or ARGV[8], ARGV[2])
emit(KEYS[7], KEYS[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12])
return 1
