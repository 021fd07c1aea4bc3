/** What the channel of a process's inbox begins with. */
export const INBOX = 'nest-locked:inbox:';

/** The longest lease, in ms, that a lock handed off by a message starts with; its holder extends it at once. */
export const CLAIM_TIME = 3_000;

/**
 * How many tokens after its own an exclusive holder may use for hand-overs. Fewer than µs in the
 * shortest lease: when a lease has run out, the clock has passed them.
 */
export const TOKEN_RANGE = 1_000;

/**
 * The same for a limited holder. The next one comes while it holds, and must stay clear of its range:
 * a longer one would carry the tokens of a busy key ahead of the clock. Readers have none, and
 * those of one process that hold through one lease share its token.
 */
export const LIMITED_TOKEN_RANGE = 32;

/** How many waiters a call lets in or passes over at most, so that it never keeps Redis from others for long. */
export const MOST_STEPS = 256;

/** From this score on, a member of the sorted set waits; below it, one holds. */
export const WAITER_SCORE = 1e14;
