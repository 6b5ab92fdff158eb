import type { Fields, Message, Part, ReasoningPart } from '../../chat/message.ts'
import type { OfferedTool } from '../../chat/request.ts'
import { isFields } from '../fields.ts'
import { type BodyPath, mustBe, refusedBody, textIn } from '../invalid-request.ts'
import { summaryMessage } from './compaction.ts'
import { decodeOutput, decodeParts } from './decode-parts.ts'
import { decodeTools, type ReadTools } from './decode-tools.ts'
import { InputTurns } from './input-turns.ts'
import { type ContentSealer, openExtra } from './sealed-extra.ts'
import type { ToolNames } from './tool-names.ts'

/** The items of a conversation up to the answer that is wanted. */
export interface GivenItems {
  /** The items of earlier responses. */
  readonly earlier: readonly unknown[]
  /** Those of the request. */
  readonly items: readonly unknown[]
  readonly instructions: string | undefined
  /** Opens what was sealed for the client. */
  readonly sealer: ContentSealer | undefined
}

/** What the items say. */
export interface ReadInput {
  readonly messages: readonly Message[]
  /** False while the messages of a plain input have not been asked for. */
  readonly isRead: boolean
  /** The tools that the items offer. */
  readonly tools: readonly OfferedTool[]
  /** The types of tools and items that only OpenAI understands. */
  readonly hosted: readonly string[]
  /** Members that replace those of the request. */
  readonly update: Fields
  /** What was read from the items with reasoning. */
  readonly reasoning: ReadonlyMap<Fields, ReasoningPart>
}

/**
 * Reads the items of a conversation.
 * @throws ChatError `invalid-request`
 */
export function decodeInput({ earlier, items, instructions, sealer }: GivenItems, names: ToolNames): ReadInput {
  const reader = new ItemReader(names, sealer)
  if (instructions) reader.turns.message({ role: 'system', content: [{ type: 'text', text: instructions }] })
  for (const item of sinceCompaction(earlier)) if (isFields(item)) reader.read(item, ['previous_response_id'])
  for (const [at, item] of items.entries()) {
    if (!isFields(item))
      throw refusedBody({ path: ['input', at], problem: mustBe('an object', item), code: 'invalid_type' })
    if (item.type === 'compaction_trigger' && at < items.length - 1)
      throw refusedBody({ path: ['input', at], problem: 'must be the last item', code: 'invalid_value' })
    reader.read(item, ['input', at])
  }
  const { turns, found, update, reasoning } = reader
  return { messages: turns.messages(), isRead: true, tools: found.tools, hosted: found.hosted, update, reasoning }
}

/** Leaves out what the last summary of a chain of responses replaces. */
function sinceCompaction(earlier: readonly unknown[]): readonly unknown[] {
  const at = earlier.findLastIndex((item) => isFields(item) && item.type === 'compaction')
  return at === -1 ? earlier : earlier.slice(at)
}

/** Whether OpenAI itself has searched for tools. Such a search has no call id, and no result for the model. */
function isHosted(item: Fields): boolean {
  return item.execution === 'server' && typeof item.call_id !== 'string'
}

const toolsFound = 'The tools that were found can be called now.'

class ItemReader {
  readonly turns = new InputTurns()
  readonly found: ReadTools = { tools: [], hosted: [] }
  update: Fields = {}
  readonly reasoning = new Map<Fields, ReasoningPart>()
  readonly #names: ToolNames
  readonly #sealer: ContentSealer | undefined
  /** The ids of calls by those of their items. */
  readonly #shellCalls = new Map<string, string>()

  constructor(names: ToolNames, sealer: ContentSealer | undefined) {
    this.#names = names
    this.#sealer = sealer
  }

  read(item: Fields, path: BodyPath): void {
    switch (item.type ?? (typeof item.role === 'string' ? 'message' : undefined)) {
      case 'message':
        this.#message(item, path)
        break
      case 'reasoning':
        this.#reasoning(item, path)
        break
      case 'function_call':
        this.#call(item, { path, json: textIn(item, 'arguments', path) })
        break
      case 'custom_tool_call':
        this.#call(item, { path, json: JSON.stringify({ input: textIn(item, 'input', path) }) })
        break
      case 'compaction':
        this.#summary(item, path)
        break
      case 'compaction_trigger':
        // it asks for something, and says nothing
        break
      case 'item_reference':
      case undefined:
        throw refusedBody({
          path,
          problem:
            typeof item.id === 'string' ? `item with id '${item.id.slice(0, 100)}' not found` : 'must have a "type"',
          code: 'invalid_value',
        })
      default:
        this.#setting(item, path)
    }
  }

  /** Reads an item that offers tools, or changes a setting. */
  #setting(item: Fields, path: BodyPath): void {
    switch (item.type) {
      case 'tool_search_call':
        if (isHosted(item)) this.found.hosted.push('tool_search')
        else this.#call({ name: 'tool_search', ...item }, { path, json: JSON.stringify(item.arguments ?? {}) })
        break
      case 'tool_search_output':
        this.#offer(item.tools, [...path, 'tools'])
        if (!isHosted(item)) this.#result(item, path, [{ type: 'text', text: toolsFound }])
        break
      case 'additional_tools':
        this.#offer(item.tools, [...path, 'tools'])
        break
      case 'configuration_update':
        this.update = { ...this.update, ...item }
        break
      default:
        this.#other(item, path)
    }
  }

  #message(item: Fields, path: BodyPath): void {
    const { role } = item
    const content = decodeParts(item.content, [...path, 'content'])
    // an answer that says nothing would be refused by most services
    const said = content.filter((part) => part.type !== 'text' || part.text !== '')
    if (role === 'assistant') for (const part of said) this.turns.part(part)
    else if (role === 'user' || role === 'system' || role === 'developer') {
      if (content.length > 0) this.turns.message({ role, content })
    } else
      throw refusedBody({
        path: [...path, 'role'],
        problem: 'must be "user", "assistant", "system" or "developer"',
        code: 'invalid_value',
      })
  }

  #reasoning(item: Fields, path: BodyPath): void {
    const said = [
      ...decodeParts(item.summary, [...path, 'summary']),
      ...decodeParts(item.content, [...path, 'content']),
    ]
    const text = said.map((part) => (part.type === 'text' ? part.text : '')).join('\n\n')
    const { part: extra, calls = [], answer } = openExtra(item.encrypted_content, this.#sealer)
    const part: ReasoningPart = { type: 'reasoning', text, ...(extra && { extra }) }
    this.reasoning.set(item, part)
    if (text !== '' || extra) this.turns.part(part)
    if (answer || calls.length > 0) this.turns.extra(answer, calls)
  }

  /** A summary that was not sealed here would be lost in silence, and with it the conversation. */
  #summary({ encrypted_content: sealed }: Fields, path: BodyPath): void {
    const summary = typeof sealed === 'string' ? this.#sealer?.open('compaction', sealed) : undefined
    if (summary === undefined)
      throw refusedBody({
        path: [...path, 'encrypted_content'],
        problem: 'was not made by this gateway for this key. Send the conversation itself',
        code: 'invalid_value',
      })
    this.turns.message(summaryMessage(summary))
  }

  #call(item: Fields, { path, json }: { readonly path: BodyPath; readonly json: string }): void {
    const name = textIn(item, 'name', path)
    const known = this.#names.nameOf(name, typeof item.namespace === 'string' ? item.namespace : undefined)
    this.turns.part({ type: 'tool-call', id: textIn(item, 'call_id', path), name: known, arguments: json })
  }

  #result(item: Fields, path: BodyPath, content: readonly Part[]): void {
    const toolCallId = textIn(item, 'call_id', path)
    const shown = content.length > 0 ? content : [{ type: 'text' as const, text: '' }]
    if (this.turns.result({ role: 'tool', toolCallId, content: shown })) return
    throw refusedBody({
      path: [...path, 'call_id'],
      problem: 'names no call of an item before it',
      code: 'invalid_value',
    })
  }

  /** Reads the result of a call, or a tool that the client runs itself. Other items only OpenAI understands. */
  #other(given: Fields, path: BodyPath): void {
    const type = textIn(given, 'type', path)
    const item = type.startsWith('local_shell_call') ? this.#withCallId(given) : given
    if (typeof item.call_id === 'string' && type.endsWith('_call_output'))
      this.#result(item, path, decodeOutput(item.output, [...path, 'output']))
    else if (typeof item.call_id === 'string' && type.endsWith('_call')) {
      const { type: _, id: _id, call_id: _callId, status: _status, ...input } = item
      this.#call({ ...item, name: type.slice(0, -'_call'.length) }, { path, json: JSON.stringify(input) })
    } else this.found.hosted.push(type)
  }

  /** A result of the local shell has only an `id`, that of its call. OpenAI, Responses API, LocalShellCallOutput */
  #withCallId(item: Fields): Fields {
    const { id, call_id: callId } = item
    if (typeof id !== 'string') return item
    if (typeof callId !== 'string') return { ...item, call_id: this.#shellCalls.get(id) ?? id }
    this.#shellCalls.set(id, callId)
    return item
  }

  #offer(tools: unknown, path: BodyPath): void {
    const { tools: more, hosted } = decodeTools(tools, this.#names, path)
    this.found.tools.push(...more)
    this.found.hosted.push(...hosted)
  }
}
