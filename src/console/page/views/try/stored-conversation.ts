import { type Options, optionNames, usualOptions } from './options.ts'
import { type Answer, emptyAnswer, isRunning } from './types.ts'

/** The conversation, as it is kept in the tab. */
export interface StoredConversation {
  readonly system: string
  readonly options: Options
  readonly columns: readonly StoredColumn[]
}

interface StoredColumn {
  readonly model: string
  readonly turns: readonly StoredTurn[]
}

export interface StoredTurn {
  readonly prompt: string
  readonly answer: Answer
}

/** UTF-16 units. Browsers keep about five million for all of a tab. */
const maxLength = 1_500_000

/** Writes a conversation. The oldest turns are left out if it is too long. */
export function writeConversation(conversation: StoredConversation): string {
  const text = JSON.stringify(conversation)
  if (text.length <= maxLength) return text
  const columns = conversation.columns.map((column) => ({ ...column, turns: column.turns.slice(1) }))
  // a single turn that is too long is not kept at all
  const isEmpty = columns.every(({ turns }) => turns.length === 0)
  return isEmpty ? JSON.stringify({ ...conversation, columns }) : writeConversation({ ...conversation, columns })
}

/** Reads a conversation. Returns undefined if it is none, for example of another version of the page. */
export function readConversation(text: string | null): StoredConversation | undefined {
  if (text === null) return undefined
  try {
    const { system, options, columns }: Partial<StoredConversation> = JSON.parse(text)
    if (typeof system !== 'string' || !Array.isArray(columns) || columns.length === 0) return undefined
    return { system, options: readOptions(options), columns: columns.map(readColumn) }
  } catch {
    return undefined
  }
}

function readColumn({ model, turns }: StoredColumn): StoredColumn {
  return { model: String(model), turns: turns.map(readTurn) }
}

/** An answer that was being received when the page was closed has broken off. */
function readTurn({ prompt, answer }: StoredTurn): StoredTurn {
  const known: Answer = { ...emptyAnswer, ...answer }
  return { prompt: String(prompt), answer: isRunning(known) ? { ...known, state: 'broken' } : known }
}

function readOptions(options: Options | undefined): Options {
  if (!options) return usualOptions
  const known = optionNames.map((name) => [name, { ...usualOptions[name], ...options[name] }])
  return { ...usualOptions, ...Object.fromEntries(known) }
}
