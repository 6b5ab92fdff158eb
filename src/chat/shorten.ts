/** The text's first characters, at most `length`; never half a character at the cut. */
export function headOf(text: string, length: number): string {
  if (text.length <= length) return text
  return text.slice(0, isLowSurrogate(text.charCodeAt(length)) ? length - 1 : length)
}

/** The text's first characters that take at most `maxBytes` bytes as UTF-8. */
export function headOfBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes))
  return text.slice(0, read)
}

/** Kept free for the mark. */
const markCharacters = 60

/** Both ends of the text, and between them how much is missing: at most `length` characters in all, if that is room for the mark. */
export function withoutMiddle(text: string, length: number): string {
  if (text.length <= length) return text
  const kept = Math.max(length - markCharacters, 0)
  const mark = `\n[… ${text.length - kept} characters are left out here …]\n`
  const head = headOf(text, Math.ceil(kept / 2))
  return `${head}${mark}${tailOf(text, Math.floor(kept / 2))}`
}

function tailOf(text: string, length: number): string {
  const start = text.length - length
  return text.slice(isLowSurrogate(text.charCodeAt(start)) ? start + 1 : start)
}

/** The second half of a character that takes two. */
function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}
