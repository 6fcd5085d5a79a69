#!lua flags=allow-oom
-- KEYS meta, due, claims, out, counters; ARGV dataset, tag, window_ms, feeds topic, n, {feed id, headers} * n
-- Unschedules feeds and fences their polls; what they had shown stays for the window. A tombstone says
-- on the feeds topic that the feed is gone from the list.
local bad = guard(KEYS[1], ARGV[1]) or closed(KEYS[1])
if bad then return bad end
local tag, removed = ARGV[2], 0
for i = 0, tonumber(ARGV[5]) - 1 do
  local id, headers = ARGV[6 + i * 2], ARGV[7 + i * 2]
  redis.call('HDEL', KEYS[3], id)
  redis.call('ZREM', KEYS[2], id)
  if redis.call('DEL', tag .. ':c:' .. id) == 1 then
    removed = removed + 1
    redis.call('PEXPIRE', tag .. ':f:' .. id, ARGV[3])
    redis.call('PEXPIRE', tag .. ':m:' .. id, ARGV[3])
    redis.call('PEXPIRE', tag .. ':p:' .. id, ARGV[3])
    emit(KEYS[4], KEYS[5], ARGV[4], id, '', headers)
  end
end
return removed
