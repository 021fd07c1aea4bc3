import { findBadAnswers } from './checks/find-bad-answers.js';
import { findOrphans } from './checks/find-orphans.js';
import { findOverlaps } from './checks/find-overlaps.js';
import { findClosedKeys } from './checks/find-closed-keys.js';
import { findIdleWorkers } from './checks/find-idle-workers.js';
import { findSilentLosses } from './checks/find-silent-losses.js';
import { findStaleWrites } from './checks/find-stale-writes.js';
import { findTokenFaults } from './checks/find-token-faults.js';
import { findTicketFaults } from './checks/find-ticket-faults.js';
import type { Finding, History } from './history.js';

/** Everything in a history that a lock must not do, in order of time. */
export function checkHistory(history: History): Finding[] {
  return [
    ...findOverlaps(history),
    ...findStaleWrites(history),
    ...findTokenFaults(history),
    ...findTicketFaults(history),
    ...findOrphans(history),
    ...findBadAnswers(history),
    ...findSilentLosses(history),
    ...findClosedKeys(history),
    ...findIdleWorkers(history),
    ...history.incidents,
  ].sort((a, b) => a.at - b.at);
}

export function violations(findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => finding.allowed === undefined);
}
