import { callsOf, type Message, type Part, type ToolCallPart, type ToolMessage } from '../../chat/message.ts'
import { escapeMarks, escapeOwnMarks } from './escape-marks.ts'
import type { KnownTools } from './known-tools.ts'
import type { Marks } from './marks.ts'

export interface RetellOptions {
  readonly marks: Marks
  readonly tools: KnownTools
  /** Follows the instructions of the client. */
  readonly instructions: string
  /** Ends each turn of the user. */
  readonly reminder: string
  /** Ends the last turn. */
  readonly lastReminder: string
}

/**
 * Tells a conversation with tools to a model that has none: calls are written as the model must write them, and results are
 * messages of the user. The same messages are always told in the same way, so that each turn begins with all that was sent
 * before, and an upstream with threads gets the results as its newest message. It yields before each message, because a long
 * conversation takes a while.
 */
export function* retell(messages: readonly Message[], options: RetellOptions): Generator<void, readonly Message[]> {
  const told: Message[] = []
  const names = new Map<string, string>()
  const turn: Part[] = []
  const endTurn = (reminder: string) => {
    if (turn.length === 0) return
    told.push({ role: 'user', content: joinTexts([...turn.splice(0), text(reminder)]) })
  }
  for (const message of messages) {
    yield
    if (message.role === 'user') turn.push(...message.content.map((part) => escapeText(part, options.marks)))
    else if (message.role === 'tool') turn.push(...tellResult(message, names, options))
    else {
      endTurn(message.role === 'assistant' ? options.reminder : '')
      for (const { id, name } of callsOf(message)) names.set(id, name)
      told.push(message.role === 'assistant' ? tellCalls(message, options.marks) : message)
    }
  }
  endTurn(options.lastReminder)
  return instruct(told, options.instructions)
}

/** Adds instructions to a conversation whose tools the upstream has itself. */
export function addInstructions(
  messages: readonly Message[],
  { instructions, reminder }: Pick<RetellOptions, 'instructions' | 'reminder'>,
): readonly Message[] {
  const reminded = messages.map((message): Message => {
    return message.role === 'user' ? { ...message, content: joinTexts([...message.content, text(reminder)]) } : message
  })
  return instruct(reminded, instructions)
}

/** Adds the instructions to the last of the client's own that the conversation begins with. */
function instruct(messages: readonly Message[], instructions: string): readonly Message[] {
  if (instructions === '') return messages
  const after = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer')
  const at = (after === -1 ? messages.length : after) - 1
  const system = messages[at]
  if (!system) return [{ role: 'system', content: [text(instructions)] }, ...messages]
  const content = joinTexts([...system.content, text(instructions)])
  return [...messages.slice(0, at), { ...system, content }, ...messages.slice(at + 1)]
}

function tellCalls(message: Message, marks: Marks): Message {
  if (callsOf(message).length === 0) return message
  const content = message.content.map((part) => (part.type === 'tool-call' ? text(tellCall(part, marks)) : part))
  return { ...message, content: joinTexts(content, '\n') }
}

/** Writes a call as the model is asked to write it. */
function tellCall({ name, arguments: json }: Pick<ToolCallPart, 'name' | 'arguments'>, { call }: Marks): string {
  const written = json.trim() === '' ? '{}' : json
  return `<${call}>\n{"name": ${JSON.stringify(name)}, "arguments": ${written}}\n</${call}>`
}

function tellResult(message: ToolMessage, names: ReadonlyMap<string, string>, options: RetellOptions): readonly Part[] {
  const { result } = options.marks
  const words = message.content.map((part) => ('text' in part ? part.text : '')).join('')
  const name = names.get(message.toolCallId)?.replaceAll(/["<>\n]/g, '')
  const head = `<${result}${name === undefined ? '' : ` name="${name}"`}${message.isError ? ' error="true"' : ''}>`
  const others = message.content.filter((part) => !('text' in part))
  return [text(`${head}\n${escapeMarks(words, options)}\n</${result}>`), ...others]
}

function escapeText(part: Part, marks: Marks): Part {
  if (part.type !== 'text') return part
  const escaped = escapeOwnMarks(part.text, marks)
  return escaped === part.text ? part : { ...part, text: escaped }
}

function text(words: string): Part {
  return { type: 'text', text: words }
}

/** Joins texts that follow each other, because many servers without tools take only one text. */
function joinTexts(parts: readonly Part[], between = '\n\n'): readonly Part[] {
  const joined: Part[] = []
  for (const part of parts) {
    const last = joined.at(-1)
    if (part.type === 'text' && part.text === '') continue
    if (part.type === 'text' && last?.type === 'text')
      joined[joined.length - 1] = { ...last, text: `${last.text}${between}${part.text}` }
    else joined.push(part)
  }
  return joined
}
