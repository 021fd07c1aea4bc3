/**
 * Milliseconds on the machine's monotonic clock. All processes of one machine share it, nobody
 * steps it, and the faked wall clocks leave it alone: the one time line of a history.
 */
export function moment(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
