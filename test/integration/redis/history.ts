/**
 * One acquisition as its caller saw it. Times are nanoseconds of the machine's monotonic clock,
 * which all its processes share.
 */
export interface Visit {
  readonly key: string;
  /** Orders the grants of a key: the store minted it when it granted. */
  readonly token: number;
  /** Just before the store was asked: the caller had not arrived yet. */
  readonly asked: number;
  /** When the store had answered "granted" or "queued": the caller had arrived. */
  readonly arrived: number;
  /** The first moment inside. */
  readonly entered: number;
  /** The last moment inside. */
  readonly left: number;
}

/** Pairs that were inside one key at one time. */
export function overlaps(visits: readonly Visit[]): [Visit, Visit][] {
  return byKey(visits, (a, b) => a.entered - b.entered).flatMap((visitsOfKey) =>
    neighbours(visitsOfKey).filter(([before, after]) => after.entered < before.left),
  );
}

/**
 * Pairs of which the one had certainly arrived before the other asked, and yet was granted after
 * it. Where the arrivals cannot be told apart nothing is claimed.
 */
export function inversions(visits: readonly Visit[]): [Visit, Visit][] {
  return byKey(visits, (a, b) => a.token - b.token).flatMap((visitsOfKey) => {
    const found: [Visit, Visit][] = [];
    let earliest: Visit | undefined;
    for (const visit of visitsOfKey.reverse()) {
      if (earliest !== undefined && earliest.arrived < visit.asked) found.push([visit, earliest]);
      if (earliest === undefined || visit.arrived < earliest.arrived) earliest = visit;
    }
    return found;
  });
}

/** How many visits had certainly arrived before the one granted so many places later asked. */
export function ordered(visits: readonly Visit[], places: number): number {
  return byKey(visits, (a, b) => a.token - b.token)
    .map((visitsOfKey) =>
      visitsOfKey.filter(
        (visit, index) => visit.arrived < (visitsOfKey[index + places]?.asked ?? 0),
      ),
    )
    .reduce((count, visitsOfKey) => count + visitsOfKey.length, 0);
}

/** Pairs in which the later one inside did not have the larger token. */
export function tokensBackwards(visits: readonly Visit[]): [Visit, Visit][] {
  return byKey(visits, (a, b) => a.entered - b.entered).flatMap((visitsOfKey) =>
    neighbours(visitsOfKey).filter(([before, after]) => after.token <= before.token),
  );
}

function byKey(visits: readonly Visit[], order: (a: Visit, b: Visit) => number): Visit[][] {
  const visitsByKey = new Map<string, Visit[]>();
  for (const visit of visits) {
    const ofKey = visitsByKey.get(visit.key);
    if (ofKey === undefined) visitsByKey.set(visit.key, [visit]);
    else ofKey.push(visit);
  }
  return [...visitsByKey.values()].map((ofKey) => ofKey.sort(order));
}

function neighbours(visits: readonly Visit[]): [Visit, Visit][] {
  return visits.slice(1).map((visit, index) => [visits[index]!, visit]);
}
