import type { Annotation, Extras, Fields } from '../../chat/message.ts'
import { encodeAnnotation } from './annotation.ts'
import type { EndedItem, ItemEnd, ItemPlace } from './item-place.ts'
import { hasPhase, messageItem, refusalContent, sameFor, textContent } from './items.ts'

/** A message that grows by texts and refusals. */
export class OpenMessage {
  readonly type = 'message'
  readonly #place: ItemPlace
  readonly #content: Fields[] = []
  #kind: 'text' | 'refusal' | undefined
  /** What has come of the open content. */
  #text = ''
  #annotations: Fields[] = []
  #extra: Extras | undefined
  #before: number

  /** @param before characters of the answer's texts before this message */
  constructor(place: ItemPlace, before: number) {
    this.#place = place
    this.#before = before
  }

  /** Characters of the answer's texts before the open one. */
  get before(): number {
    return this.#before
  }

  /** Whether the message has its phase, so that the next text is another message. */
  get hasPhase(): boolean {
    return hasPhase(this.#extra)
  }

  begin(): string {
    return this.#place.added(messageItem(this.#place.id, [], 'in_progress'))
  }

  say(kind: 'text' | 'refusal', delta: string): string {
    const opened = this.#kind === kind ? '' : this.#open(kind)
    this.#text += delta
    const place = `"content_index":${this.#content.length}`
    if (kind === 'refusal') return opened + this.#place.delta('refusal.delta', place, delta)
    return opened + this.#place.delta('output_text.delta', `${place},"logprobs":[]`, delta)
  }

  annotate(annotations: readonly Annotation[] = []): string {
    if (this.#kind !== 'text') return ''
    let written = ''
    for (const each of annotations) {
      const annotation = encodeAnnotation(each, this.#before)
      if (!annotation) continue
      const place = { content_index: this.#content.length, annotation_index: this.#annotations.length }
      this.#annotations.push(annotation)
      written += this.#place.write('output_text.annotation.added', { ...place, annotation })
    }
    return written
  }

  /** Only the phase of a text belongs to its message. */
  keep(extra: Extras | undefined): void {
    if (hasPhase(extra)) this.#extra = { ...this.#extra, ...extra }
  }

  /** The item with everything that has come. */
  soFar(status: ItemEnd): Fields {
    const content = this.#kind ? [...this.#content, this.#part(this.#kind)] : [...this.#content]
    return messageItem(this.#place.id, content, status, this.#extra)
  }

  end(status: ItemEnd): EndedItem {
    const closed = this.#close()
    const item = this.soFar(status)
    return { written: closed + this.#place.done(item), made: sameFor(item) }
  }

  #open(kind: 'text' | 'refusal'): string {
    const closed = this.#close()
    this.#kind = kind
    this.#text = ''
    this.#annotations = []
    const members = { content_index: this.#content.length, part: this.#part(kind) }
    return closed + this.#place.write('content_part.added', members)
  }

  #close(): string {
    const kind = this.#kind
    if (!kind) return ''
    const [place, text] = [{ content_index: this.#content.length }, this.#text]
    const part = this.#part(kind)
    this.#content.push(part)
    this.#kind = undefined
    if (kind === 'text') this.#before += text.length
    const done =
      kind === 'text'
        ? this.#place.write('output_text.done', { ...place, text, logprobs: [] })
        : this.#place.write('refusal.done', { ...place, refusal: text })
    return done + this.#place.write('content_part.done', { ...place, part })
  }

  #part(kind: 'text' | 'refusal'): Fields {
    return kind === 'text' ? textContent(this.#text, this.#annotations) : refusalContent(this.#text)
  }
}
