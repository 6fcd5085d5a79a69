-- KEYS meta, out, counters; ARGV dataset, floor, id ...
-- Appends unpublished entries anew, in the given order, with sequences above the floor. Returns how many.
local bad = guard(KEYS[1], ARGV[1])
if bad then return bad end
if tonumber(redis.call('HGET', KEYS[3], 'seq') or '0') < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[3], 'seq', ARGV[2])
end
local count = 0
for i = 3, #ARGV do
  local row = redis.call('XRANGE', KEYS[2], ARGV[i], ARGV[i])[1]
  if row then
    local f = {}
    for j = 1, #row[2], 2 do f[row[2][j]] = row[2][j + 1] end
    emit(KEYS[2], KEYS[3], f.t, f.k, f.v, f.h)
    redis.call('XDEL', KEYS[2], ARGV[i])
    count = count + 1
  end
end
return count
