/** A WAL position `X/Y`, both hexadecimal, as bytes. */
export function bytesAt(position: string): number {
  const [high = '0', low = '0'] = position.split('/');
  return Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16);
}
