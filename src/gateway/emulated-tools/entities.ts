const entities: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#34;': '"',
  '&apos;': "'",
  '&#39;': "'",
  '&amp;': '&',
}

/** Replaces the characters that a model has escaped as in HTML, in a text that comes in pieces. */
export class EntityDecoder {
  #held = ''

  push(text: string): string {
    const input = this.#held + text
    const cut = /&#?\w{0,4}$/.exec(input)?.index ?? input.length
    this.#held = input.slice(cut)
    return decodeEntities(input.slice(0, cut))
  }

  end(): string {
    return decodeEntities(this.#held)
  }
}

export function decodeEntities(text: string): string {
  return text.replaceAll(/&(lt|gt|quot|#34|apos|#39|amp);/g, (entity) => entities[entity] ?? entity)
}
