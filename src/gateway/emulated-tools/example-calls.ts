import type { FittedCall } from './known-tools.ts'

/** Calls in a code fence, with all of their text. They count only if nothing follows them: before a text they are an example. */
export class ExampleCalls {
  #texts: string[] = []
  #calls: FittedCall[] = []

  add(text: string, calls: readonly FittedCall[]): void {
    this.#texts.push(text)
    this.#calls.push(...calls)
  }

  /** Adds a text after the calls, if there are any. */
  addText(text: string): void {
    if (this.#calls.length > 0) this.#texts.push(text)
  }

  takeCalls(): readonly FittedCall[] {
    const calls = this.#calls
    this.#texts = []
    this.#calls = []
    return calls
  }

  takeText(): string {
    const text = this.#texts.join('')
    this.takeCalls()
    return text
  }
}
