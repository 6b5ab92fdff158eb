import { ChatError } from '../chat/error.ts'
import type { SseFrame } from './sse.ts'

/** Cuts bytes into lines, for streams that have one frame per line. Blank lines are skipped. */
export class LineSplitter {
  readonly #text = new TextDecoder()
  readonly #maxLength: number
  /** Pieces of an unfinished line. */
  #line: string[] = []
  #length = 0

  /** @param maxLength limit for the characters of one line, over 0 */
  constructor(maxLength = 16 * 1024 * 1024) {
    this.#maxLength = maxLength
  }

  push(bytes: Uint8Array): SseFrame[] | undefined {
    const [tail = '', ...rest] = this.#text.decode(bytes, { stream: true }).split('\n')
    this.#keep(tail)
    if (rest.length === 0) return undefined
    const lines = [this.#take(), ...rest.slice(0, -1)]
    this.#keep(rest.at(-1) ?? '')
    return lines.flatMap(frameOf)
  }

  end(): SseFrame[] {
    this.#keep(this.#text.decode())
    return frameOf(this.#take())
  }

  #keep(piece: string): void {
    this.#length += piece.length
    if (this.#length > this.#maxLength)
      throw new ChatError('upstream-outdated', {
        message: 'The upstream sent a line that is too long.',
        code: 'upstream_response_too_large',
      })
    if (piece !== '') this.#line.push(piece)
  }

  #take(): string {
    const line = this.#line.join('')
    this.#line = []
    this.#length = 0
    return line
  }
}

function frameOf(line: string): SseFrame[] {
  const data = line.trim()
  return data === '' ? [] : [{ data }]
}
