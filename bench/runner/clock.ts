const base = difference();

/** Between the two clocks; read where the readings lay closest together. */
function difference(): number {
  let closest = Infinity;
  let best = 0;
  for (let n = 0; n < 1_000; n += 1) {
    const before = performance.now();
    const machine = Number(process.hrtime.bigint()) / 1e6;
    const after = performance.now();
    if (after - before >= closest) continue;
    closest = after - before;
    best = machine - (before + after) / 2;
  }
  return best;
}

/** Milliseconds on the machine's monotonic clock: the same for all processes, unlike `performance.now()`. */
export function machineTime(): number {
  return base + performance.now();
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Whether `work` settles within `ms`; it is not called off when it does not. */
export async function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}
