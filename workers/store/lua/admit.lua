-- KEYS meta, out, counters, bucket ...
-- ARGV dataset, ttl_ms, cutoff day, n, {bucket index, field, expected, new, topic, key, value, headers} * n
-- Compare-and-set of article records, each with the event that it stands for. An item whose record is
-- not the expected one changes nothing and is answered with what is there ('' for none); an item that
-- was admitted, now or by an earlier attempt of the same call, is answered with 1. An article that was taken
-- back admits nothing: its record, which may have run out, is set anew from what is remembered for good.
local bad = guard(KEYS[1], ARGV[1]) or closed(KEYS[1])
if bad then return bad end
local ttl, cutoff, n = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if #ARGV ~= 4 + n * 8 then return redis.error_reply('ERR admit: wrong number of arguments') end

-- A record's second and third byte are the day it was last seen; old ones go when a bucket has grown,
-- so that no separate sweep is needed.
local function prune(bucket)
  local all = redis.call('HGETALL', bucket)
  local old = {}
  for i = 1, #all, 2 do
    local v = all[i + 1]
    local day = string.byte(v, 2) * 256 + string.byte(v, 3)
    if day < cutoff then old[#old + 1] = all[i] end
    if #old == 500 then break end
  end
  if #old > 0 then redis.call('HDEL', bucket, unpack(old)) end
end

local gone = string.sub(KEYS[1], 1, -6) .. ':gone'
local any_gone = redis.call('EXISTS', gone) == 1

local answer = {}
for i = 0, n - 1 do
  local at = 5 + i * 8
  local bucket = KEYS[3 + tonumber(ARGV[at])]
  local field, expected, new = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local current = redis.call('HGET', bucket, field) or ''
  local withdrawn = any_gone and redis.call('HGET', gone, string.sub(bucket, -4) .. field)
  if withdrawn then
    redis.call('HSET', bucket, field, withdrawn)
    redis.call('PEXPIRE', bucket, ttl)
    answer[#answer + 1] = withdrawn
  elseif current == expected then
    local size = redis.call('HLEN', bucket)
    if size > 0 and size % 16 == 0 then prune(bucket) end
    redis.call('HSET', bucket, field, new)
    redis.call('PEXPIRE', bucket, ttl)
    if ARGV[at + 4] ~= '' then
      emit(KEYS[2], KEYS[3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7])
    end
    answer[#answer + 1] = 1
  elseif current == new then
    answer[#answer + 1] = 1
  else
    answer[#answer + 1] = current
  end
end
return answer
