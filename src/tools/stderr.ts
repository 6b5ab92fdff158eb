import { excerpt, redact } from '../chat/secret.ts'
import type { TransportHooks } from './hooks.ts'

/** Limits for the bytes per second that are read into lines, and for the characters of a line that are shown. */
const maxBytesPerSecond = 64 * 1024
const maxLine = 4 * 1024

const maxShown = 500

/** Remembers the end of a server's standard error. */
export class LastWords {
  #tail: Uint8Array = new Uint8Array(0)

  push(bytes: Uint8Array): void {
    const last = Buffer.concat([this.#tail, bytes.subarray(-maxLine)])
    this.#tail = Uint8Array.from(last.subarray(-maxLine))
  }

  /** The last line with text, without secrets and control characters; of a long line the beginning. */
  get line(): string | undefined {
    const lines = redact(Buffer.from(this.#tail).toString()).split(/[\r\n]+/)
    const plain = lines.map((line) => line.replace(/\p{C}\[[\d;]*m|\p{C}/gu, '').trim())
    const at = plain.findLastIndex((line) => line !== '')
    // a secret that was cut in two cannot be found any more
    if (at === 0 && this.#tail.length >= maxLine) return '[a line that is too long to be shown]'
    const last = plain[at]
    return last === undefined ? undefined : last.slice(0, maxShown)
  }
}

/** Reads a server's standard error to its end, and logs a part of it at `debug`. */
export async function logStderr(
  stderr: ReadableStream<Uint8Array>,
  words: LastWords,
  { log, runtime }: Pick<TransportHooks, 'log' | 'runtime'>,
): Promise<void> {
  const decoder = new TextDecoder()
  let budget = { since: runtime.elapsed(), bytes: maxBytesPerSecond }
  let rest = ''
  const show = (line: string) => {
    if (line.trim() !== '') log.debug({ stderr: excerpt(line, maxLine) }, 'an MCP server wrote to its standard error')
  }
  for await (const bytes of stderr) {
    words.push(bytes)
    if (runtime.elapsed() - budget.since >= 1000) budget = { since: runtime.elapsed(), bytes: maxBytesPerSecond }
    // the rest is read and dropped, because a server whose output is not read hangs
    const shown = bytes.subarray(0, budget.bytes)
    budget.bytes -= shown.length
    const lines = (rest + decoder.decode(shown, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    lines.forEach(show)
    if (rest.length <= maxLine) continue
    show(rest)
    rest = ''
  }
  show(rest)
}
