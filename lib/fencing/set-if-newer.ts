import { createHash } from 'node:crypto';

/** The two commands `setIfNewer` needs; any ioredis client has them. */
export interface ScriptClient {
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
}

/**
 * KEYS   [1] a hash with the fields `value` and `token`
 * ARGV   [1] token, [2] value
 * reply  1 written, 0 refused: a larger token was here
 */
const SET_IF_NEWER = `
local seen = redis.call('HGET', KEYS[1], 'token')
if seen and tonumber(seen) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'value', ARGV[2])
return 1
`;
const SHA = createHash('sha1').update(SET_IF_NEWER).digest('hex');

/**
 * Writes a value to Redis unless somebody with a newer lock has written already: the guard that
 * stops a holder which slept through its lease. The key is a hash, `HGET key value` reads
 * it; the token stays with the value and goes with it.
 *
 * @param token the fencing token of the lock, `lock.token`; the same holder may write again
 * @returns true if it was written, false if a larger token has been seen
 *
 * @example
 * ```ts
 * await locks.using('report:today', async (lock) => {
 *   const written = await setIfNewer(redis, 'report:today:state', lock.token, 'done');
 *   if (!written) throw new Error('somebody newer has taken over');
 * });
 * ```
 */
export async function setIfNewer(
  client: ScriptClient,
  key: string,
  token: number,
  value: string | number,
): Promise<boolean> {
  try {
    return Number(await client.evalsha(SHA, 1, key, token, value)) === 1;
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return Number(await client.eval(SET_IF_NEWER, 1, key, token, value)) === 1;
  }
}
