/**
 * The part of the script that writes down what has become of a key, and then tells those it was given
 * to. From what load-script.ts and admit-script.ts have set, and `joining`: a waiter to be put into the
 * queue; it sets `arrival` to the place that this one has there.
 */
export const SAVE = `
    local only, linger = holders[1], 0
    if not only and not waiters[head] and not more and not joining then
      if kind and last >= now then
        -- Hand-overs were faster than one a microsecond, or the clock was stepped back: the next token
        -- is to be larger.
        local short = math.min(1000, math.floor((last - now) / 1000) + 1)
        redis.call('SET', lock, 'free ' .. string.format('%d', last), 'PX', short)
      elseif kind then
        redis.call('DEL', lock)
      end
    elseif kind ~= 'set' and not joining and only.mode == '' and last <= now then
      if only.isNew then redis.call('SET', lock, only.member, 'PX', only.ends - nowMs) end
    else
      if kind == 'string' or kind == 'free' then redis.call('DEL', lock) end
      if joining then
        -- Holders stay to the end of their lease, waiters over the pauses between two questions.
        linger = math.max(tonumber(one), 1500)
        if two == '0' and (more or waiters[head]) then
          -- Behind all who wait, also those who came with a token that the clock has not passed.
          local before = redis.call('ZRANGE', lock, -1, -1, 'WITHSCORES')
          if tonumber(before[2]) >= first then arrival = string.format('%d', before[2] + 1) end
        end
        local added = redis.call('ZADD', lock, 'NX', arrival, joining)
        if two ~= '0' then
          redis.call('ZREM', lock, owner .. ' ' .. one .. ' ' .. (1 - ARGV[3]))
        elseif added == 0 then
          -- The same command, sent again.
          arrival = string.format('%d', redis.call('ZSCORE', lock, joining))
        end
      end
      local members = {}
      if '#' .. limit ~= name or -last ~= saved then
        if name and '#' .. limit ~= name then gone[#gone + 1] = name end
        members[1], members[2] = string.format('%d', -last), '#' .. limit
      end
      for i = 1, #holders do
        local holder = holders[i]
        if holder.isNew or kind ~= 'set' then
          members[#members + 1] = holder.ends
          members[#members + 1] = holder.member
          linger = math.max(linger, math.ceil(holder.ends - nowMs))
        end
      end
      if members[1] then redis.call('ZADD', lock, unpack(members)) end
      if gone[1] then redis.call('ZREM', lock, unpack(gone)) end
      if linger > 0 and redis.call('PTTL', lock) < linger then redis.call('PEXPIRE', lock, linger) end
    end
    for i = 1, told and #told or 0, 2 do redis.pcall('PUBLISH', told[i], told[i + 1]) end`;
