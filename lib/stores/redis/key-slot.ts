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
 * The name of the waiters' line beside a lock, where the usual `{lock}:line` would not do: braces
 * in the lock's own name decide its Cluster slot, or spoil that of the line.
 * @param whole the lock's name with what the client puts in front of it
 */
export function unusualLineOf(whole: string): string | undefined {
  if (!whole.includes('{') && !whole.includes('}')) return undefined;
  const slot = slotOf(whole);
  if (slotOf(`{${whole}}:line`) === slot) return undefined;
  for (let tag = hashTag(whole) ?? '0', n = 0; ; n += 1, tag = String(n)) {
    const line = `{${tag}}:${whole}:line`;
    if (slotOf(line) === slot) return line;
  }
}
