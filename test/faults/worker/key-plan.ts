/** What callers do with a key. */
export type KeyUse = 'alone' | 'read and write' | 'permits' | 'tickets' | 'lead';

export interface KeyPlan {
  readonly name: string;
  /** One lease for all callers of a key, so that "beyond one lease" means one thing. */
  readonly leaseTime: number;
  readonly use: KeyUse;
}

/** How many permits a key has that is used so. */
export const LIMIT = 3;
