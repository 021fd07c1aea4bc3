import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Library, LockAdapter, Target, VariantName } from '../runner/library.js';
import { connect } from './client.js';

/**
 * The least that a lock with a fencing token can be: one declared key a lock, `owner token` in it.
 *
 * KEYS    one lock for each entry
 * ARGV    [1] the entries, `a owner lease` to acquire, `r owner token` to release
 * reply   the token, when every entry did what it asked for, or '1' when there is no acquire;
 *         otherwise { token, one character for each entry: 1 yes, 0 no }
 *
 * The token is the server's clock in µs. A key that is released and acquired in one call gets the
 * same token again: a library must see to that, a floor need not.
 */
const SCRIPT = `
local n, token, answers = 0, nil, nil
for kind, owner, number in string.gmatch(ARGV[1], '(%a) (%S+) (%d+)') do
  n = n + 1
  local lock, done = KEYS[n], nil
  if kind == 'a' then
    if not token then
      local time = redis.call('TIME')
      token = time[1] .. (#time[2] == 6 and time[2] or string.format('%06d', time[2]))
    end
    done = redis.call('SET', lock, owner .. ' ' .. token, 'NX', 'PX', number)
  elseif redis.pcall('GET', lock) == owner .. ' ' .. number then
    done = redis.call('DEL', lock)
  end
  if not done then
    answers = answers or {}
    answers[n] = '0'
  end
end
if not answers then return token or '1' end
for i = 1, n do answers[i] = answers[i] or '1' end
return { token or '0', table.concat(answers) }
`;
const SCRIPT_SHA = createHash('sha1').update(SCRIPT).digest('hex');

/** More entries than this keep Redis from others for too long. */
const MOST_ENTRIES = 128;

type Reply = string | [token: string, answers: string];

interface Held {
  readonly key: string;
  readonly owner: string;
  readonly token: number;
}

/** How commands are put into groups. */
interface Grouping {
  /** No group is smaller than this while more is queued. */
  readonly from: number;
  /** What is queued is cut into so many calls, and so many are under way at most. */
  readonly parts: number;
}

/** One command: what it asks for, and whom to tell. */
interface Entry {
  readonly key: string;
  readonly owner: string;
  /** 0 until it is granted: then it is the handle. */
  token: number;
  resolve: (value: Entry | boolean) => void;
  reject: (error: unknown) => void;
}

const nobody = (): void => {};

/** All that is asked in one tick, or while enough calls are under way, travels in groups. */
class Groups {
  private queue: Entry[] = [];
  private calls = 0;

  constructor(
    private readonly client: Redis,
    private readonly leaseTime: number,
    private readonly grouping: Grouping,
  ) {}

  submit(entry: Entry): Promise<Entry | boolean> {
    return new Promise((resolve, reject) => {
      entry.resolve = resolve;
      entry.reject = reject;
      if (this.queue.push(entry) === 1 && this.calls < this.grouping.parts) this.flushSoon();
    });
  }

  private flushSoon(): void {
    process.nextTick(() => this.flush());
  }

  private flush(): void {
    const { queue } = this;
    const { from, parts } = this.grouping;
    let at = 0;
    while (at < queue.length && this.calls < parts) {
      const share = Math.ceil((queue.length - at) / parts);
      const group = queue.slice(at, at + Math.min(MOST_ENTRIES, Math.max(from, share)));
      at += group.length;
      this.send(group);
    }
    this.queue = queue.slice(at);
  }

  /** Each call is a write of its own: Redis works on the first while the next is being written. */
  private send(group: readonly Entry[]): void {
    this.calls += 1;
    let words = '';
    for (const { owner, token } of group) {
      words += token === 0 ? `a ${owner} ${this.leaseTime} ` : `r ${owner} ${token} `;
    }
    const keys = group.map(({ key }) => key);
    this.client.evalsha(SCRIPT_SHA, keys.length, ...keys, words).then(
      (reply) => this.answered(group, reply as Reply),
      (error: unknown) => {
        this.done();
        for (const { reject } of group) reject(error);
      },
    );
  }

  private answered(group: readonly Entry[], reply: Reply): void {
    this.done();
    const [token, answers] = typeof reply === 'string' ? [reply, undefined] : reply;
    const granted = Number(token);
    for (let i = 0; i < group.length; i += 1) {
      const entry = group[i]!;
      const yes = answers === undefined || answers[i] === '1';
      if (entry.token !== 0) {
        entry.resolve(yes);
      } else if (yes) {
        entry.token = granted;
        entry.resolve(entry);
      } else {
        entry.reject(new Error('taken'));
      }
    }
  }

  private done(): void {
    this.calls -= 1;
    if (this.queue.length > 0) this.flushSoon();
  }
}

const groupings: Readonly<Partial<Record<VariantName, Grouping>>> = {
  'from 32, two at a time': { from: 32, parts: 2 },
  'from 4, in four parts': { from: 4, parts: 4 },
  'from 2, in eight': { from: 2, parts: 8 },
};

let adapters = 0;

async function open(target: Target, variant: VariantName): Promise<LockAdapter<Held>> {
  const client = await connect(target);
  await client.script('LOAD', SCRIPT);
  const { leaseTime } = target;
  const grouping = groupings[variant];
  const prefix = `lean.${process.pid.toString(36)}.${(adapters += 1).toString(36)}.`;
  let count = 0;
  const close = (): void => client.disconnect();
  if (grouping === undefined) {
    return {
      async acquire(key) {
        const owner = prefix + (count += 1).toString(36);
        const reply = await client.evalsha(SCRIPT_SHA, 1, key, `a ${owner} ${leaseTime}`);
        if (typeof reply !== 'string') throw new Error('taken');
        return { key, owner, token: Number(reply) };
      },
      async release({ key, owner, token }) {
        const reply = await client.evalsha(SCRIPT_SHA, 1, key, `r ${owner} ${token}`);
        return typeof reply === 'string';
      },
      close,
    };
  }
  const groups = new Groups(client, leaseTime, grouping);
  return {
    acquire(key) {
      const owner = prefix + (count += 1).toString(36);
      const entry: Entry = { key, owner, token: 0, resolve: nobody, reject: nobody };
      return groups.submit(entry) as Promise<Entry>;
    },
    release: (entry) => groups.submit(entry as Entry),
    close,
  };
}

/**
 * How fast a lock with a token can be, for each way of grouping: no queue, no lease kept, no handle.
 * Who finds a lock taken is told so and does not wait.
 */
export const leanPrototype: Library = {
  name: 'lean prototype',
  kind: 'floor',
  asks: 'script',
  variants: [
    { name: 'no groups', settings: 'each command a call of its own, written when it is asked' },
    {
      name: 'from 32, two at a time',
      settings: 'groups; halves when 64 or more are queued; two calls under way at most',
    },
    {
      name: 'from 4, in four parts',
      settings: 'groups; quarters, none below 4; four calls under way at most',
    },
    {
      name: 'from 2, in eight',
      settings: 'groups; eighths, none below 2; eight calls under way at most',
    },
  ],
  note: 'one promise a command; acquire fails when taken',
  open,
};
