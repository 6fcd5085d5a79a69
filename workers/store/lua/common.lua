-- Shared by every script: the fail-closed guard, the clock, and the outbox's one way in.

-- A script that finds another dataset (Redis emptied, replaced or not ours) must not write anything.
local function guard(meta_key, dataset)
  local found = redis.call('GET', meta_key)
  if found ~= dataset then
    return redis.error_reply('DATASET this Redis does not hold the expected dataset')
  end
  return nil
end

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function int(n)
  return string.format('%.0f', n)
end

-- Appends one event. Sequences never go back, not even after a rollback or in a new Redis: they
-- follow the clock in microseconds. 'bytes' is cumulative, so that trimming twice subtracts once.
local function emit(out_key, counters_key, topic, key, value, headers)
  local c = redis.call('HMGET', counters_key, 'seq', 'bytes')
  local seq = tonumber(c[1] or '0') + 1
  local t = redis.call('TIME')
  local us = tonumber(t[1]) * 1000000 + tonumber(t[2])
  if us > seq then seq = us end
  local bytes = tonumber(c[2] or '0') + #key + #value + #headers + 64
  redis.call('XADD', out_key, int(seq) .. '-0',
    't', topic, 'k', key, 'v', value, 'h', headers, 'b', int(bytes))
  redis.call('HSET', counters_key, 'seq', int(seq), 'bytes', int(bytes))
end
