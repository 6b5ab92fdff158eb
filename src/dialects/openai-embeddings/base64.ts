/** Writes numbers as 32-bit floats, little-endian as all our platforms are, in base64: what clients get that ask for `base64`. */
export function toBase64(numbers: readonly number[]): string {
  return Buffer.from(Float32Array.from(numbers).buffer).toString('base64')
}

/** Reads such a text; undefined if it is not one. */
export function fromBase64(text: string): number[] | undefined {
  const bytes = bytesIn(text)
  return bytes && Array.from(new Float32Array(Uint8Array.from(bytes).buffer))
}

/** Whether a text is base64 of at least one 32-bit float. */
export function isBase64(text: string): boolean {
  return bytesIn(text) !== undefined
}

function bytesIn(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  // what is not base64 is skipped, so the length shows it
  const isWhole = bytes.length > 0 && bytes.length % 4 === 0 && bytes.length === Buffer.byteLength(text, 'base64')
  return isWhole ? bytes : undefined
}
