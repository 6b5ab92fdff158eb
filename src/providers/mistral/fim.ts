import { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import { isFields } from '../../dialects/fields.ts'
import type { BodyFilter } from '../../wire/fetch-like.ts'
import { jsonOrUndefined, notJson } from '../../wire/json.ts'
import { SseDecoder, sseData } from '../../wire/sse.ts'

/** Fields that Mistral takes as they are. It answers an unknown field with 422. Mistral, FIM completion reference */
const sameFields = ['model', 'prompt', 'suffix', 'temperature', 'top_p', 'max_tokens', 'min_tokens', 'stop', 'stream']

/**
 * Encodes a completion as a request to fill in the middle, which has one prompt and one choice.
 * @throws ChatError `unsupported` for what it does not have
 */
export function encodeFim(body: Fields): Fields {
  const { prompt, n, echo, logprobs, best_of: best, seed } = body
  const [only = prompt, ...others] = Array.isArray(prompt) ? prompt : []
  if (typeof only !== 'string' || others.length > 0) throw lacks('prompt', 'several prompts or token numbers')
  if (typeof n === 'number' && n > 1) throw lacks('n', 'several choices')
  if (typeof best === 'number' && best > 1) throw lacks('best_of', 'a choice of the best')
  if (echo === true) throw lacks('echo', 'an echo of the prompt')
  if (typeof logprobs === 'number') throw lacks('logprobs', 'log probabilities')
  const same = sameFields.flatMap((name) =>
    body[name] === undefined || body[name] === null ? [] : [[name, body[name]]],
  )
  return { ...Object.fromEntries(same), prompt: only, ...(typeof seed === 'number' && { random_seed: seed }) }
}

function lacks(param: string, what: string): ChatError {
  return new ChatError('unsupported', { message: `${param}: Mistral's completions do not have ${what}.`, param })
}

/** Translates a reply, which has the form of a chat, into a completion: whole, or event by event. */
export function translateFim(contentType: string): BodyFilter {
  return /event-stream/i.test(contentType) ? new EventTranslation() : new WholeTranslation()
}

class WholeTranslation implements BodyFilter {
  readonly #pieces: Uint8Array[] = []

  push(bytes: Uint8Array): Uint8Array {
    this.#pieces.push(bytes)
    return new Uint8Array(0)
  }

  rest(): Uint8Array {
    const reply = jsonOrUndefined(Buffer.concat(this.#pieces).toString('utf8'))
    if (!isFields(reply)) throw notJson()
    return Buffer.from(JSON.stringify(toCompletion(reply)))
  }
}

class EventTranslation implements BodyFilter {
  readonly #decoder = new SseDecoder()

  push(bytes: Uint8Array): Uint8Array {
    return written(this.#decoder.push(bytes))
  }

  rest(): Uint8Array {
    return written(this.#decoder.end())
  }
}

function written(frames: readonly { readonly data: string }[] = []): Uint8Array {
  const texts = frames.map(({ data }) => {
    const chunk = jsonOrUndefined(data)
    return sseData(isFields(chunk) ? JSON.stringify(toCompletion(chunk)) : data)
  })
  return Buffer.from(texts.join(''))
}

function toCompletion(chat: Fields): Fields {
  if (!Array.isArray(chat.choices)) return chat
  return { ...chat, object: 'text_completion', choices: chat.choices.filter(isFields).map(toChoice) }
}

function toChoice({ index, message, delta, finish_reason: finish = null }: Fields): Fields {
  const { content } = isFields(message) ? message : isFields(delta) ? delta : {}
  return { text: typeof content === 'string' ? content : '', index, logprobs: null, finish_reason: finish }
}
