/** Returns at most `length` characters from the start of the text, and never splits a surrogate pair. */
export function headOf(text: string, length: number): string {
  if (text.length <= length) return text
  return text.slice(0, isLowSurrogate(text.charCodeAt(length)) ? length - 1 : length)
}

/** Returns the start of the text that takes at most `maxBytes` bytes as UTF-8. */
export function headOfBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes))
  return text.slice(0, read)
}

/** Characters that are reserved for the mark. */
const markCharacters = 60

/** Replaces the middle of the text by a mark with the number of missing characters. The result has at most `length` characters, or the mark alone. */
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

/** Whether the code is the second half of a surrogate pair. */
function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}
