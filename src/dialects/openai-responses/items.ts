import type { Extras, Fields, Part } from '../../chat/message.ts'
import { isFields } from '../fields.ts'
import { encodeAnnotation } from './annotation.ts'
import { dialect } from './dialect.ts'
import { type AnswerExtra, type CallExtra, type ContentSealer, sealExtra } from './sealed-extra.ts'
import { type ToolNames, textOfCall } from './tool-names.ts'

export interface ItemMakerOptions {
  /** The id of the response. */
  readonly id: string
  readonly names: ToolNames
  /** Seals the fields that the upstream wants back; undefined if nobody keeps them. */
  readonly sealer?: ContentSealer | undefined
  /** Whether the client gets them too. If not, they are only kept with the response. */
  readonly showsSealed?: boolean
}

/** An item as the client gets it, if it gets it, and as the next turn needs it. */
export interface MadeItem {
  readonly shown: Fields | undefined
  readonly kept: Fields
}

/** Makes the items of one response. Their ids differ from those of calls, because results name the call. */
export class ItemMaker {
  readonly #options: ItemMakerOptions
  readonly #names: ToolNames
  #count = 0

  constructor(options: ItemMakerOptions) {
    this.#options = options
    this.#names = options.names
  }

  newId(prefix: 'msg' | 'rs' | 'fc'): string {
    return `${prefix}_${this.#options.id.replace('resp_', '').replaceAll('-', '')}_${this.#count++}`
  }

  /**
   * Makes the item of a thought. A client gets a thought without words only if it gets what the thought has in their place.
   * @param id its id, if the client has it already
   */
  thought(text: string, part: Extras | undefined, id?: string): MadeItem | undefined {
    const sealed = this.#seal({ part })
    if (text === '' && sealed === undefined) return undefined
    const item = reasoningItem(id ?? this.newId('rs'), text)
    if (sealed === undefined) return sameFor(item)
    const kept = { ...item, encrypted_content: sealed }
    return { shown: this.#options.showsSealed ? kept : text === '' ? undefined : item, kept }
  }

  /** Makes an item of the fields that belong to no thought, if there are any. */
  leftover(calls: readonly CallExtra[], answer: Extras | undefined): readonly MadeItem[] {
    const sealed = this.#seal({ calls, answer })
    if (sealed === undefined) return []
    const kept = { ...reasoningItem(this.newId('rs'), ''), encrypted_content: sealed }
    return [{ shown: this.#options.showsSealed ? kept : undefined, kept }]
  }

  #seal(extra: AnswerExtra): string | undefined {
    const { sealer } = this.#options
    return sealer && sealExtra(extra, sealer)
  }

  call(id: string, call: ItemCall): Fields {
    const { callId, name, json, status } = call
    const offered = this.#names.of(name)
    const common = { id, status, call_id: callId }
    if (offered.kind === 'tool_search')
      return { ...common, type: 'tool_search_call', execution: 'client', arguments: objectIn(json) }
    const named = { name: offered.name, ...(offered.namespace !== undefined && { namespace: offered.namespace }) }
    return offered.kind === 'custom'
      ? { ...common, type: 'custom_tool_call', ...named, input: json === '' ? '' : textOfCall(json) }
      : { ...common, type: 'function_call', ...named, arguments: json }
  }

  kindOf(name: string): 'function' | 'custom' | 'tool_search' {
    return this.#names.of(name).kind
  }
}

export interface ItemCall {
  readonly callId: string
  /** The function's name at the upstream. */
  readonly name: string
  /** The arguments. */
  readonly json: string
  readonly status: 'in_progress' | 'completed' | 'incomplete'
}

function objectIn(json: string): unknown {
  try {
    return JSON.parse(json === '' ? '{}' : json)
  } catch {
    return {}
  }
}

type ItemStatus = ItemCall['status']

/** Whether a text has a phase. It belongs to a whole message, so the next text is another message. */
export function hasPhase(extra: Extras | undefined): boolean {
  return extra?.[dialect]?.phase !== undefined
}

/** @param extra may have the phase of the message, which the upstream wants back */
export function messageItem(id: string, content: readonly Fields[], status: ItemStatus, extra?: Extras): Fields {
  const phase = extra?.[dialect]?.phase
  return { id, type: 'message', status, role: 'assistant', content, ...(phase !== undefined && { phase }) }
}

export function reasoningItem(id: string, text: string): Fields {
  return { id, type: 'reasoning', summary: text === '' ? [] : [summaryOf(text)] }
}

export function summaryOf(text: string): Fields {
  return { type: 'summary_text', text }
}

export function textContent(text: string, annotations: readonly Fields[]): Fields {
  return { type: 'output_text', text, annotations: [...annotations], logprobs: [] }
}

export function refusalContent(refusal: string): Fields {
  return { type: 'refusal', refusal }
}

/** A whole answer: its parts, the fields that it has beside them, and how it ended. */
export interface WholeAnswer {
  readonly parts: readonly Part[]
  readonly extra?: Extras | undefined
  readonly status?: 'completed' | 'incomplete'
}

/**
 * Writes the items of a whole answer. Neighbouring texts are one message. If the answer is not complete, a message or call at its end
 * says so.
 */
export function itemsOf({ parts, extra, status = 'completed' }: WholeAnswer, items: ItemMaker): readonly MadeItem[] {
  const made: MadeItem[] = []
  let message: Fields[] | undefined
  let before = 0
  for (const [at, part] of parts.entries()) {
    const content = contentOf(part, before)
    if (part.type === 'text') before += part.text.length
    if (content) {
      if (message) message.push(content)
      else {
        message = [content]
        made.push(sameFor(messageItem(items.newId('msg'), message, 'completed', part.extra)))
      }
      if (hasPhase(part.extra) && at < parts.length - 1) message = undefined
    } else {
      const item = itemOf(part, items, at === parts.length - 1 ? status : 'completed')
      if (!item) continue
      made.push(item)
      message = undefined
    }
  }
  if (status === 'completed') return [...made, ...items.leftover(callExtras(parts), extra)]
  const last = made.at(-1)
  return last && message ? [...made.slice(0, -1), sameFor({ ...last.kept, status })] : made
}

/** An item that the client gets as it is kept. */
export function sameFor(item: Fields): MadeItem {
  return { shown: item, kept: item }
}

function itemOf(part: Part, items: ItemMaker, status: ItemStatus): MadeItem | undefined {
  if (part.type === 'reasoning') return items.thought(part.text, part.extra)
  if (part.type === 'server-tool-call') return serverItem(part.extra?.[dialect]?.item)
  if (part.type !== 'tool-call') return undefined
  return sameFor(items.call(items.newId('fc'), { callId: part.id, name: part.name, json: part.arguments, status }))
}

/** An item that an upstream of this dialect made itself. */
function serverItem(item: unknown): MadeItem | undefined {
  return isFields(item) ? sameFor(item) : undefined
}

function callExtras(parts: readonly Part[]): readonly CallExtra[] {
  return parts.flatMap((part) => (part.type === 'tool-call' && part.extra ? [{ id: part.id, extra: part.extra }] : []))
}

/** @param before characters of the answer's text before the part */
function contentOf(part: Part, before: number): Fields | undefined {
  if (part.type === 'text' && part.text !== '') {
    const annotations = (part.annotations ?? []).map((annotation) => encodeAnnotation(annotation, before))
    return textContent(
      part.text,
      annotations.filter((annotation) => annotation !== undefined),
    )
  }
  return part.type === 'refusal' && part.text !== '' ? refusalContent(part.text) : undefined
}
