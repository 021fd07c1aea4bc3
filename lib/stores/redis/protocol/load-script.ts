import { LIMITED_TOKEN_RANGE, TOKEN_RANGE, WAITER_SCORE } from './limits.js';

/**
 * The part of the script that reads a key, in whichever form it is. Lua that sets, from `lock`, `owner`,
 * `from` and `value` (what GET has already said of it, if it was asked):
 *
 *     kind      'set', 'string', 'free' (only its last token is left), 'foreign', or nil
 *     last      the last token that is not to be given again
 *     limit     how many permits there are, as text; '' as long as nobody has named a limit
 *     name      of a set, the member that says so, and the last token by its score; saved: that score
 *     holders   { member, mode, text (its token), ends }: those whose lease has not ended
 *     waiters   the first who wait; more: there may be others behind them
 *     gone      members to be removed
 *     mine      the holder that is `owner`, or `from` if there is one; at: where it stands
 *     left      of a foreign string: how long it stays, in ms
 */
export const LOAD = `
    local kind, last, limit, name, saved, left = nil, 0, '', nil, nil, 0
    local holders, waiters, gone, more, mine, at = {}, {}, {}, false, nil, nil
    local part = type(value) ~= 'string' and value ~= false and redis.pcall('ZRANGE', lock, 0, 2, 'WITHSCORES')
    if part and part.err and string.find(part.err, '^WRONGTYPE') then value = redis.pcall('GET', lock) end
    if type(value) == 'string' then
      left = redis.call('PTTL', lock)
      local free = string.match(value, '^free (%d+)$')
      if free then
        kind, last = 'free', tonumber(free)
      elseif left >= 0 and string.find(value, '^%S+#%S+%.[%l%d]+ %d+$') then
        kind, part = 'string', { '#', 0, value, nowMs + left }
      else
        kind = 'foreign'
      end
    elseif part and part[1] and string.find(part[1], '^#%d*$') then
      kind, name, saved, more = 'set', part[1], tonumber(part[2]), part[5] ~= nil
      last, limit = -saved, string.sub(name, 2)
      if more and tonumber(part[6]) < ${WAITER_SCORE} then
        part = redis.call('ZRANGEBYSCORE', lock, '-inf', '(${WAITER_SCORE}', 'WITHSCORES')
      end
    elseif part and (part[1] or part.err) then
      -- It is somebody else's: says whose, where that can be told.
      if part.err and not string.find(part.err, '^WRONGTYPE') then error(part) end
      -- Whoever has it, it is not the one who gives it back.
      if op == 'r' or op == 'y' then return 0 end
      local form = redis.call('TYPE', lock).ok
      local whose = form == 'hash' and ', as Redisson keeps its locks' or
        form == 'zset' and ', as redis-semaphore keeps its semaphores' or ''
      error({ err = 'WRONGTYPE the key of the lock holds a ' .. form ..
        ' that is not of nest-locked' .. whose .. '; give one of them another prefix' })
    end

    if kind == 'set' or kind == 'string' then
      local prefix = from or owner .. ' '
      for i = 3, #part, 2 do
        local member, ends = part[i], tonumber(part[i + 1])
        if ends >= ${WAITER_SCORE} then
          waiters[#waiters + 1] = member
        else
          local mode, text = string.match(member, '%.[%l%d]+(%w*) (%d+)$')
          local token = tonumber(text)
          if mode ~= '' and mode ~= 'S' then token = token + ${LIMITED_TOKEN_RANGE} end
          if ends > nowMs + 0.5 then
            local holder = { member = member, mode = mode, text = text, ends = ends }
            holders[#holders + 1] = holder
            if string.sub(member, 1, #prefix) == prefix and (not from or member == from) then mine, at = holder, #holders end
          else
            gone[#gone + 1] = member
            -- Which of its tokens it has used is not known.
            if mode == '' then token = token + ${TOKEN_RANGE} end
            -- Told by message and never heard of since.
            local home = ends % 1 > 0 and string.match(member, '^(%S*)%.')
            if home and home ~= process then
              frozen = frozen or {}
              frozen[home] = true
            end
          end
          last = math.max(last, token)
        end
      end
    end`;
