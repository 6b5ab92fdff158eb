import type { StreamEvent } from '../http/events.ts'
import type { Surface } from '../talk/surface.ts'
import type { Json } from '../talk/talk.ts'
import type { Fault } from './fault.ts'

type Events = NonNullable<Fault['events']>
type Request = NonNullable<Fault['request']>

/** A text for each surface. */
export type PerSurface = Readonly<Record<Surface, string>>

/** Finds the events that carry a piece of text, of reasoning, or of arguments. */
const textDelta: PerSurface = {
  chat: '"content":"',
  messages: '"type":"text_delta"',
  responses: '"type":"response.output_text.delta"',
}
const thoughtDelta: PerSurface = {
  chat: '"reasoning_content":"',
  messages: '"type":"thinking_delta"',
  responses: '"type":"response.reasoning_summary_text.delta"',
}
const argumentsDelta: PerSurface = {
  chat: '"function":{"arguments":"',
  messages: '"type":"input_json_delta"',
  responses: '"type":"response.function_call_arguments.delta"',
}
export const deltaMarks = { text: textDelta, thought: thoughtDelta, arguments: argumentsDelta } as const

/** Changes the n-th event that has a mark, and those after it if `change` does. */
export const atDelta =
  (mark: PerSurface, change: (event: StreamEvent, nth: number) => readonly StreamEvent[]): Events =>
  (surface) => {
    let seen = 0
    return (event) => (event.data.includes(mark[surface]) ? change(event, ++seen) : [event])
  }

/** Replaces a text in each event. */
export const replacing =
  (pattern: RegExp, by: string): Events =>
  () =>
  (event) => [{ ...event, data: event.data.replace(pattern, by) }]

/** Replaces a text in an answer that is not streamed. */
export const replacingWhole =
  (pattern: RegExp, by: string): NonNullable<Fault['whole']> =>
  (body) =>
    JSON.parse(JSON.stringify(body).replace(pattern, by))

/** Replaces a text in a request. */
export const replacingAsked =
  (pattern: RegExp, by: string | ((found: string) => string)): Request =>
  (body) =>
    JSON.parse(JSON.stringify(body).replace(pattern, (found) => (typeof by === 'string' ? by : by(found))))

/** Changes the list of turns of a request, whatever it is called. */
export const changingTurns =
  (change: (turns: Json, surface: Surface) => Json): Request =>
  (body, surface) => {
    const name = surface === 'responses' ? 'input' : 'messages'
    return Array.isArray(body[name]) ? { ...body, [name]: change(body[name], surface) } : body
  }

/** Leaves members out of a request. */
export const without =
  (...names: readonly string[]): Request =>
  (body) =>
    Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)))

/** Whether an item, a message or a block gives a tool's result. */
export const isResult = (one: Json): boolean =>
  one.role === 'tool' || one.type === 'tool_result' || one.type === 'function_call_output'
