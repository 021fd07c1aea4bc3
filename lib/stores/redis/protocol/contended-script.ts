import { ADMIT } from './admit-script.js';
import { INBOX, MOST_STEPS, TOKEN_RANGE, WAITER_SCORE } from './limits.js';
import { LOAD } from './load-script.js';
import { SAVE } from './save-script.js';

/**
 * The part of the script that deals with locks that are held, waited for, or strange: a Lua expression
 * for the function that handles one entry. It is only evaluated in a call that needs it. From around it
 * it knows `process`, `now`, `first`, `op`, `id`, `one`, `two` and `from`, the texts of them, and what one entry
 * of a call leaves to the next: `budget`, the waiters that may still be looked at; `listeners`, how many
 * hear the inbox of a process; `frozen`, the processes that were told and were not heard of since.
 *
 * It is one function in four parts, read, change, let in, write, each in a file of its own: they share what
 * the first has read. What it costs is mostly what Redis takes to print and read scores (decision 0001).
 */
export const CONTENDED = `function(lock, owner, value)
    local nowMs = math.floor(now / 1000)
    if op == 'e' then
      -- A string would have been renewed already, if it were this one's.
      if type(value) ~= 'table' then return 0 end
      if not string.find(value.err, '^WRONGTYPE') then error(value) end
      local member = owner .. ' ' .. one
      local ends = redis.pcall('ZSCORE', lock, member)
      if type(ends) ~= 'string' or tonumber(ends) <= nowMs + 0.5 then return 0 end
      redis.call('ZADD', lock, nowMs + two, member)
      if redis.call('PTTL', lock) < tonumber(two) then redis.call('PEXPIRE', lock, two) end
      return 1
    end
    -- Before anything else is known of the key: then the rest is as if it had never waited.
    if op == 'l' then redis.pcall('ZREM', lock, owner .. ' ' .. one .. ' 0', owner .. ' ' .. one .. ' 1') end
${LOAD}

    local isQueueing = op == 'a' or op == 'A' or op == 'w'
    local isAsking = isQueueing or op == 't' or op == 'T'
    if kind == 'foreign' then
      -- Whether it is the same as before tells whoever asks how often to do so; its value is its owner's secret.
      local seen = isAsking and redis.sha1hex(string.sub(value, 1, 64))
      return seen and { seen, left, 0, nowText, two } or op == 'i' and { 0, '', left } or 0
    end
    if op == 'w' and kind ~= 'set' and kind ~= 'string' then return { '-', 0, 0, nowText, two } end
    if op == 'i' then
      local all = { kind == 'set' and redis.call('ZCARD', lock) - 1 - #holders - #gone or 0 }
      for i = 1, #holders do
        all[#all + 1] = holders[i].member
        all[#all + 1] = math.floor(holders[i].ends) - nowMs
      end
      return all
    end

    -- Its last lease ended and nobody has looked since: it is free, and so is its limit.
    if limit ~= '' and not holders[1] and redis.call('ZCARD', lock) - 1 == #gone then limit = '' end
    local done, arrival, joining = 0, two, nil
    if isAsking then
      local most = string.match(id, 'L(%d+)')
      if most and limit ~= '' and limit ~= most then
        error({ err = 'LIMIT the key of the lock is limited to ' .. limit .. ', and ' .. most .. ' was asked for' })
      end
      -- An acquire that was sent again gets the same answer.
      if mine then mine.ends, mine.isNew = nowMs + one, true end
    elseif op == 's' then
      if not mine then
        -- The same command, sent again.
        for i = 1, #holders do
          if string.sub(holders[i].member, 1, #owner + 1) == owner .. ' ' then return holders[i].text end
        end
        return 0
      end
      table.remove(holders, at)
      gone[#gone + 1] = mine.member
      last = math.max(last, tonumber(two))
    elseif op == 'f' then
      done = holders[1] and 1 or 0
      for i = 1, #holders do
        gone[#gone + 1] = holders[i].member
        last = math.max(last, tonumber(holders[i].text) + ${TOKEN_RANGE})
      end
      holders, mine = {}, nil
    elseif mine and op ~= 'p' then
      done = 1
      table.remove(holders, at)
      gone[#gone + 1] = mine.member
      if op ~= 'l' then last = math.max(last, tonumber(two)) end
      mine = nil
      if op == 'y' and not holders[1] then
        -- Nobody is let in: it is as if nobody had waited, and who did comes again.
        local all = kind == 'set' and redis.call('ZRANGEBYSCORE', lock, ${WAITER_SCORE}, '+inf', 'LIMIT', 0, ${MOST_STEPS}) or {}
        for i = 1, #all do
          local home, who = string.match(all[i], '^(%S+)%.(%w+) ')
          redis.pcall('PUBLISH', '${INBOX}' .. home, home .. '.' .. who .. ' 0 ' .. nowText .. ' 0')
        end
        kind, waiters, more = 'string', {}, false
      end
    end
${ADMIT}

    if isQueueing and not mine then
      if arrival == '0' then arrival = firstText end
      joining, limit = owner .. ' ' .. one .. ' ' .. ARGV[3], string.match(id, 'L(%d+)') or limit
    end
${SAVE}

    if not isAsking and op ~= 's' then
      return piggybacked and { done, unpack(piggybacked) } or unfinished and 3 - done or done
    end
    if mine then return op == 's' and piggybacked and { mine.text, unpack(piggybacked) } or mine.text end
    for i = 2, #holders do
      if holders[i].ends < only.ends then only = holders[i] end
    end
    -- Asked again, there are others behind it: who is the first has nobody before it.
    local isFirst = waiters[head] and string.sub(waiters[head], 1, #owner + 1) == owner .. ' '
    local place = isQueueing and not isFirst and redis.call('ZCARD', lock) - #holders - 2 or 0
    return { only and only.member or '', only and math.floor(only.ends) - nowMs or 0,
      place, nowText, arrival, unpack(piggybacked or {}) }
  end`;
