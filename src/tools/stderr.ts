import type { Logger } from '../chat/call.ts'
import { excerpt } from '../chat/secret.ts'

/** Bytes a second that are looked at, and characters of a line that are shown. */
const maxBytesPerSecond = 64 * 1024
const maxLine = 4 * 1024

/** Reads what a server says of itself, to its end, and shows some of it to whoever debugs it. */
export async function logStderr(stderr: ReadableStream<Uint8Array>, log: Logger): Promise<void> {
  const decoder = new TextDecoder()
  let budget = { since: performance.now(), bytes: maxBytesPerSecond }
  let rest = ''
  const show = (line: string) => {
    if (line.trim() !== '') log.debug({ stderr: excerpt(line, maxLine) }, 'an MCP server says')
  }
  for await (const bytes of stderr) {
    if (performance.now() - budget.since >= 1000) budget = { since: performance.now(), bytes: maxBytesPerSecond }
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
