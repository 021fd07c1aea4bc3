import { groupBy, type Finding, type History } from '../history.js';
import { isHold } from './grant-order.js';

/** Tickets that were claimed twice, and holders that believed in what they had left to others. */
export function findTicketFaults({ attempts }: History): Finding[] {
  const findings: Finding[] = [];
  for (const { id, key, handOff, believed } of attempts) {
    if (!handOff?.isDone || !believed || believed.to <= handOff.at) continue;
    findings.push({
      kind: 'believed after hand-off',
      at: believed.to,
      text: `${key}: ${id} still believed ${(believed.to - handOff.at).toFixed(1)} ms after it had left its lock to others`,
    });
  }
  const claims = attempts.filter(isHold).filter(({ ticketOf }) => ticketOf !== undefined);
  for (const [of, twice] of groupBy(claims, ({ ticketOf }) => ticketOf!)) {
    for (const claim of twice.slice(1)) {
      findings.push({
        kind: 'ticket claimed twice',
        at: claim.answered,
        text: `${claim.key}: the ticket of ${of} by ${twice[0]!.id} and by ${claim.id}`,
      });
    }
  }
  return findings;
}
