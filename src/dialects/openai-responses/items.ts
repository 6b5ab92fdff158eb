import type { Fields, Part } from '../../chat/message.ts'
import { type ToolNames, textOfCall } from './tool-names.ts'

/** Makes the items of one response. Their ids differ from those of calls, because results name the call. */
export class ItemMaker {
  readonly #response: string
  readonly #names: ToolNames
  #count = 0

  /** @param response the id of the response, without `resp_` */
  constructor(response: string, names: ToolNames) {
    this.#response = response
    this.#names = names
  }

  newId(prefix: 'msg' | 'rs' | 'fc'): string {
    return `${prefix}_${this.#response.replaceAll('-', '')}_${this.#count++}`
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

export function messageItem(id: string, content: readonly Fields[], status: ItemStatus): Fields {
  return { id, type: 'message', status, role: 'assistant', content }
}

export function reasoningItem(id: string, text: string): Fields {
  return { id, type: 'reasoning', summary: text === '' ? [] : [summaryOf(text)] }
}

export function summaryOf(text: string): Fields {
  return { type: 'summary_text', text }
}

export function textContent(text: string): Fields {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}

export function refusalContent(refusal: string): Fields {
  return { type: 'refusal', refusal }
}

/**
 * Writes the items of a whole answer. Neighbouring texts are one message. If the answer is not complete, a message at its end says
 * so.
 */
export function itemsOf(
  parts: readonly Part[],
  items: ItemMaker,
  status: 'completed' | 'incomplete' = 'completed',
): readonly Fields[] {
  const written: Fields[] = []
  let message: Fields[] | undefined
  for (const part of parts) {
    const content = contentOf(part)
    if (content) {
      if (!message) {
        message = []
        written.push(messageItem(items.newId('msg'), message, 'completed'))
      }
      message.push(content)
      continue
    }
    if (part.type === 'reasoning' && part.text !== '') written.push(reasoningItem(items.newId('rs'), part.text))
    else if (part.type === 'tool-call') {
      const call = { callId: part.id, name: part.name, json: part.arguments, status: 'completed' } as const
      written.push(items.call(items.newId('fc'), call))
    } else continue
    message = undefined
  }
  const last = written.at(-1)
  return last && message ? [...written.slice(0, -1), { ...last, status }] : written
}

function contentOf(part: Part): Fields | undefined {
  if (part.type === 'text' && part.text !== '') return textContent(part.text)
  return part.type === 'refusal' && part.text !== '' ? refusalContent(part.text) : undefined
}
