/** What the channel of a process's inbox begins with. */
export const INBOX = 'nest-locked:inbox:';

/** The longest lease, in ms, that a lock handed off by a message starts with; its holder extends it at once. */
export const CLAIM_TIME = 3_000;

/**
 * How many tokens after its own a holder may use for hand-overs. Fewer than µs in the shortest lease:
 * when a lease has run out, the clock has passed them.
 */
export const TOKEN_RANGE = 1_000;

/** How many waiters a call passes over at most, so that it never keeps Redis from others for long. */
export const MOST_PASSED_OVER = 256;
