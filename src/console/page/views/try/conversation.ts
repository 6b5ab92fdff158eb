import { computed, effect, type Signal, signal } from '@preact/signals'
import { signIn } from '../../session/me.ts'
import { findCost } from './find-cost.ts'
import { drawNow, drawSoon } from './frames.ts'
import { messagesOf } from './messages.ts'
import { membersOf, type Options, usualOptions } from './options.ts'
import { readConversation, writeConversation } from './stored-conversation.ts'
import { streamAnswer } from './stream-answer.ts'
import { type Answer, emptyAnswer, isRunning } from './types.ts'

/** A question and its answer. */
export interface Turn {
  readonly id: number
  readonly prompt: string
  readonly answer: Signal<Answer>
}

/** A model, and the conversation with it. */
export interface Column {
  readonly id: number
  readonly model: Signal<string>
  readonly turns: Signal<readonly Turn[]>
}

export const maxColumns = 6
/** The oldest turns of a column are dropped. */
const maxTurns = 100
const place = 'tributary-conversation'

export const system = signal('')
export const options = signal<Options>(usualOptions)
export const columns = signal<readonly Column[]>([])
/** What has begun or ended, for screen readers. */
export const news = signal<{ readonly model: string; readonly state: Answer['state'] } | undefined>(undefined)

/** The columns whose answer is being received. */
export const running = computed(() => columns.value.filter((column) => isAnswering(column)))

const stops = new Map<number, AbortController>()
let lastId = 0

export function isAnswering({ turns }: Column): boolean {
  const last = turns.value.at(-1)
  return last !== undefined && isRunning(last.answer.value)
}

/** Sends a question to every model. @returns whether it was sent: no answer may be running, and no parameter wrong */
export function send(prompt: string): boolean {
  const members = membersOf(options.value)
  const asked = columns.value.filter(({ model }) => model.value !== '')
  if (!members || prompt.trim() === '' || asked.length === 0 || running.value.length > 0) return false
  for (const column of asked) void answer(column, prompt, members)
  save()
  return true
}

async function answer(column: Column, prompt: string, members: Readonly<Record<string, unknown>>): Promise<void> {
  const { model, turns } = column
  const before = turns.value.map((turn) => ({ prompt: turn.prompt, answer: turn.answer.value }))
  const body = {
    model: model.value,
    messages: messagesOf(system.value, before, prompt),
    stream: true,
    stream_options: { include_usage: true },
    ...members,
  }
  const shown = signal<Answer>(emptyAnswer)
  turns.value = [...turns.value.slice(1 - maxTurns), { id: ++lastId, prompt, answer: shown }]
  const stop = new AbortController()
  stops.set(column.id, stop)
  news.value = { model: model.value, state: 'running' }
  const last = await streamAnswer(body, {
    signal: stop.signal,
    onProgress: (snapshot) => drawSoon(shown, () => void (shown.value = snapshot())),
  })
  if (stops.get(column.id) === stop) stops.delete(column.id)
  drawNow(shown, () => void (shown.value = last))
  news.value = { model: model.value, state: last.state }
  save()
  const found = await findCost(last)
  if (!found) return
  shown.value = { ...shown.value, ...found }
  save()
}

export function stopColumn({ id }: Column): void {
  stops.get(id)?.abort()
}

export function stopAll(): void {
  for (const stop of stops.values()) stop.abort()
}

/** Adds a column, with a model or none. */
export function addColumn(model: string): void {
  if (columns.value.length < maxColumns) columns.value = [...columns.value, columnOf(model)]
  save()
}

export function removeColumn(column: Column): void {
  stopColumn(column)
  columns.value = columns.value.filter(({ id }) => id !== column.id)
  save()
}

/** Begins anew with the same models and parameters. */
export function startAnew(): void {
  stopAll()
  columns.value = columns.value.map(({ model }) => columnOf(model.value))
  news.value = undefined
  save()
}

function columnOf(model: string, turns: readonly Turn[] = []): Column {
  return { id: ++lastId, model: signal(model), turns: signal(turns) }
}

/** Keeps the conversation in the tab. */
export function save(): void {
  const kept = {
    system: system.value,
    options: options.value,
    columns: columns.value.map(({ model, turns }) => ({
      model: model.value,
      turns: turns.value.map(({ prompt, answer }) => ({ prompt, answer: answer.value })),
    })),
  }
  try {
    sessionStorage.setItem(place, writeConversation(kept))
  } catch {
    // the browser has no room: the conversation is only in memory
  }
}

function load(): void {
  const kept = readConversation(sessionStorage.getItem(place))
  if (!kept) return
  system.value = kept.system
  options.value = kept.options
  columns.value = kept.columns.slice(0, maxColumns).map(({ model, turns }) =>
    columnOf(
      model,
      turns.map(({ prompt, answer }) => ({ id: ++lastId, prompt, answer: signal(answer) })),
    ),
  )
}

load()
addEventListener('pagehide', () => {
  if (columns.value.length > 0) save()
})

// the next one who enters a key in this tab may be somebody else
effect(() => {
  if (signIn.value.kind !== 'refused') return
  stopAll()
  columns.value = []
  system.value = ''
  sessionStorage.removeItem(place)
})
