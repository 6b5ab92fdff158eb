import { headOf } from '../../chat/shorten.ts'
import type { ToolOutputEvent, ToolResultEvent } from './events.ts'

type OutboxEvent = ToolOutputEvent | ToolResultEvent

/** Replaces partial output over the limit. */
const skipped = '\n[… the rest of the partial output is not shown …]\n'

/**
 * Holds the output of tools that run at the same time until it is read. Waiting output is one event for each call. A
 * call shows at most `maxCharacters` of output, so the waiting output is bounded too. A call's result comes after its
 * output.
 */
export class Outbox {
  readonly #maxCharacters: number
  readonly #outputs = new Map<string, ToolOutputEvent>()
  readonly #results: ToolResultEvent[] = []
  /** The number of characters that each call has shown. */
  readonly #shown = new Map<string, number>()
  #end: { readonly thrown: unknown } | 'done' | undefined
  #wake: (() => void) | undefined

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters
  }

  /** Adds to the output of a running call, without waiting for the reader. */
  output({ toolCallId, source, text }: Omit<ToolOutputEvent, 'type'>): void {
    if (this.#end || text === '') return
    const key = `${source} ${toolCallId}`
    const shown = this.#shown.get(key) ?? 0
    if (shown > this.#maxCharacters) return
    this.#shown.set(key, shown + text.length)
    const more = shown + text.length > this.#maxCharacters ? headOf(text, this.#maxCharacters - shown) + skipped : text
    const waiting = this.#outputs.get(key)?.text ?? ''
    this.#outputs.set(key, { type: 'tool-output', source, toolCallId, text: waiting + more })
    this.#wake?.()
  }

  result(result: ToolResultEvent): void {
    this.#results.push(result)
    this.#wake?.()
  }

  end(): void {
    this.#end ??= 'done'
    this.#wake?.()
  }

  fail(thrown: unknown): void {
    this.#end ??= { thrown }
    this.#wake?.()
  }

  /** The next event, or undefined at the end. After `fail` it throws at once. */
  async next(): Promise<OutboxEvent | undefined> {
    for (;;) {
      if (this.#end && this.#end !== 'done') throw this.#end.thrown
      const event = this.#takeResult() ?? this.#takeOutput()
      if (event || this.#end) return event
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Takes a result if no output of its call waits. So a tool with endless output does not delay the others. */
  #takeResult(): ToolResultEvent | undefined {
    const waiting = new Set([...this.#outputs.values()].map(({ toolCallId }) => toolCallId))
    const at = this.#results.findIndex(({ toolCallId }) => !waiting.has(toolCallId))
    return at === -1 ? undefined : this.#results.splice(at, 1)[0]
  }

  #takeOutput(): ToolOutputEvent | undefined {
    for (const [key, output] of this.#outputs) {
      this.#outputs.delete(key)
      return output
    }
    return undefined
  }
}
