import { excerpt, redact } from '../chat/secret.ts'
import type { TransportHooks } from './hooks.ts'

/** Bytes a second that are looked at, and characters of a line that are shown. */
const maxBytesPerSecond = 64 * 1024
const maxLine = 4 * 1024

const maxShown = 500

/** Remembers how what a server says of itself ends. */
export class LastWords {
  #tail: Uint8Array = new Uint8Array(0)

  push(bytes: Uint8Array): void {
    const last = Buffer.concat([this.#tail, bytes.subarray(-maxLine)])
    this.#tail = Uint8Array.from(last.subarray(-maxLine))
  }

  /** The last line that says anything, without secrets and control characters; the beginning of a long one. */
  get line(): string | undefined {
    const lines = redact(Buffer.from(this.#tail).toString()).split(/[\r\n]+/)
    const plain = lines.map((line) => line.replace(/\p{C}\[[\d;]*m|\p{C}/gu, '').trim())
    const at = plain.findLastIndex((line) => line !== '')
    // a secret that was cut in two is not known for one
    if (at === 0 && this.#tail.length >= maxLine) return '[a line that is too long to be shown]'
    const last = plain[at]
    return last === undefined ? undefined : last.slice(0, maxShown)
  }
}

/** Reads what a server says of itself, to its end, and shows some of it to whoever debugs it. */
export async function logStderr(
  stderr: ReadableStream<Uint8Array>,
  words: LastWords,
  { log, runtime }: Pick<TransportHooks, 'log' | 'runtime'>,
): Promise<void> {
  const decoder = new TextDecoder()
  let budget = { since: runtime.elapsed(), bytes: maxBytesPerSecond }
  let rest = ''
  const show = (line: string) => {
    if (line.trim() !== '') log.debug({ stderr: excerpt(line, maxLine) }, 'an MCP server says')
  }
  for await (const bytes of stderr) {
    words.push(bytes)
    if (runtime.elapsed() - budget.since >= 1000) budget = { since: runtime.elapsed(), bytes: maxBytesPerSecond }
    // too much is thrown away, but read: a server that nobody listens to would hang
    const taken = bytes.subarray(0, budget.bytes)
    budget.bytes -= taken.length
    const lines = (rest + decoder.decode(taken, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    lines.forEach(show)
    if (rest.length <= maxLine) continue
    show(rest)
    rest = ''
  }
  show(rest)
}
