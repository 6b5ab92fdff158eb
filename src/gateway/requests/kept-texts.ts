import type { RecordedTexts } from './text-recorder.ts'

/** Limit for the characters of all texts: at most 32 MiB, as a character needs up to two bytes. */
export const maxKeptCharacters = 16 * 1024 * 1024

/** Keeps the texts of the last requests. The oldest are dropped first. */
export class KeptTexts<Request extends object> {
  /** In the order of their ends. */
  readonly #texts = new Map<Request, RecordedTexts>()
  #characters = 0

  get(request: Request): RecordedTexts | undefined {
    return this.#texts.get(request)
  }

  add(request: Request, texts: RecordedTexts): void {
    this.#texts.set(request, texts)
    this.#characters += sizeOf(texts)
    for (const oldest of this.#texts.keys()) {
      if (this.#characters <= maxKeptCharacters) return
      this.delete(oldest)
    }
  }

  delete(request: Request): void {
    const texts = this.#texts.get(request)
    if (!texts) return
    this.#texts.delete(request)
    this.#characters -= sizeOf(texts)
  }

  clear(): void {
    this.#texts.clear()
    this.#characters = 0
  }
}

function sizeOf({ request, answer }: RecordedTexts): number {
  return request.length + answer.length
}
