import { CLAIM_TIME, INBOX, LIMITED_TOKEN_RANGE, WAITER_SCORE } from './limits.js';

/**
 * The part of the script that lets in those who wait, in order, while they go together with those who
 * hold; and behind them the asker, when nobody waits any more. What it knows of modes is `compatible` of
 * lock-mode.ts, told in Lua. From what load-script.ts has set it sets:
 *
 *     head         where the first is who still waits
 *     piggybacked  { owner, token, … } of those of the asking process that were let in
 *     told         { channel, message, … } for those of other processes
 *     unfinished   there are more waiters to look at than one call should
 */
export const ADMIT = `
    local head, piggybacked, told, unfinished = 1, nil, nil, false
    local function grant(to, mode, ends)
      local token, text = first, firstText
      if last >= first then
        token = last + 1
        text = string.format('%d', token)
      end
      last = mode ~= '' and mode ~= 'S' and token + ${LIMITED_TOKEN_RANGE} or token
      local holder = { member = to .. ' ' .. text, mode = mode, text = text, ends = ends, isNew = true }
      holders[#holders + 1] = holder
      return holder
    end
    -- It goes on under another owner.
    if op == 's' then mine = grant(owner, string.match(id, '%u.*$') or '', nowMs + one) end
    -- Who holds: nobody (nil), one alone (''), readers ('S'), or a limited number ('5'), of used permits.
    local held, used
    for i = 1, #holders do
      held, used = holders[i].mode, used or 0
      if held ~= '' and held ~= 'S' then
        local most, permits = string.match(held, '^L(%d+)P(%d+)$')
        held, used = most, used + permits
      end
    end
    -- All who wait in a process that does not move are passed over, not only the next.
    if frozen and kind == 'set' then waiters, more = {}, true end
    while held ~= '' do
      while more and not waiters[head] and budget > 0 do
        if gone[1] then redis.call('ZREM', lock, unpack(gone)) end
        local all = redis.call('ZRANGEBYSCORE', lock, ${WAITER_SCORE}, '+inf', 'LIMIT', 0, 100)
        waiters, gone, head, more = {}, {}, 1, #all == 100
        for i = 1, #all do
          local home = frozen and string.match(all[i], '^(%S*)%.')
          local into = home and home ~= process and frozen[home] and gone or waiters
          into[#into + 1] = all[i]
        end
        budget = budget - #gone
      end
      local member, home, who, lease, reach = waiters[head], process, id, one, nil
      if member then
        if budget <= 0 then
          unfinished = true
          break
        end
        budget = budget - 1
        home, who, lease, reach = string.match(member, '^(%S+)%.(%w+) (%d+) (%d)$')
      elseif more or mine or not isAsking then
        unfinished = more
        break
      end

      local isHere, isGone = home == process, false
      if not isHere and reach == '1' then
        -- Asked before it is told anything: what nobody is counted to hear may arrive all the same,
        -- by replication.
        listeners = listeners or {}
        if not listeners[home] then
          local seen = redis.pcall('PUBSUB', 'NUMSUB', '${INBOX}' .. home)
          listeners[home] = seen.err and 1 or seen[2]
        end
        isGone = listeners[home] == 0
      end
      if not isGone then
        local mode, most, permits = string.match(who, '%u.*$') or '', nil, 0
        if mode ~= '' and mode ~= 'S' then most, permits = string.match(mode, '^L(%d+)P(%d+)$') end
        if held and (held ~= (most or mode) or mode == '' or most and used + permits > tonumber(most)) then break end

        held, used, limit = most or mode, (used or 0) + permits, most or limit
        local to = home .. '.' .. who
        local holder = grant(to, mode, nowMs + lease)
        if to == owner then
          mine = holder
        elseif isHere then
          piggybacked = piggybacked or {}
          piggybacked[#piggybacked + 1] = to
          piggybacked[#piggybacked + 1] = holder.text
        else
          local claim = math.min(tonumber(lease), ${CLAIM_TIME})
          holder.ends = nowMs + claim + 0.5
          told = told or {}
          told[#told + 1] = '${INBOX}' .. home
          told[#told + 1] = holder.member .. ' ' .. nowText .. ' ' .. claim
        end
      end
      if member then
        gone[#gone + 1] = member
        head = head + 1
      end
    end`;
