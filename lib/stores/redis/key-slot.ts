const SLOTS = 16_384;

/** The CRC16 (XMODEM) that a Redis Cluster spreads keys by. */
function crc16(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0xffff;
}

/** The part of a key between the first `{` and the next `}`, which alone decides its slot. */
function hashTag(key: string): string | undefined {
  const open = key.indexOf('{');
  if (open < 0) return undefined;
  const close = key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : undefined;
}

/** The Cluster slot of a key. */
export function slotOf(key: string): number {
  return crc16(Buffer.from(hashTag(key) ?? key)) % SLOTS;
}

/**
 * The name of the waiters' line beside the lock `key`, in the same Cluster slot. `prefix` is what
 * the client puts in front of both.
 */
export function lineKeyOf(prefix: string, key: string): string {
  const whole = prefix + key;
  const usual = `{${whole}}:line`;
  if (!whole.includes('{') && !whole.includes('}')) return usual;
  // Braces in the key decide its slot, or spoil the usual name: take the first tag that fits.
  const slot = slotOf(whole);
  const fits = (line: string): boolean => slotOf(prefix + line) === slot;
  if (fits(usual)) return usual;
  for (let tag = hashTag(whole) ?? '0', n = 0; ; n += 1, tag = String(n)) {
    const line = `{${tag}}:${key}:line`;
    if (fits(line)) return line;
  }
}
