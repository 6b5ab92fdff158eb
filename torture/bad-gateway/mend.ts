import type { StreamEvent } from '../http/events.ts'
import type { Surface } from '../talk/surface.ts'
import type { Json } from '../talk/talk.ts'

/** Whether an event ends an answer: as a whole one, or as one that failed. */
export function isLast({ data }: StreamEvent, surface: Surface): boolean {
  if (surface === 'chat') return data === '[DONE]' || /"finish_reason":"|^\{"error"/.test(data)
  const last =
    surface === 'messages'
      ? /"type":"(message_stop|error)"/
      : /"type":"(error|response\.(completed|incomplete|failed))"/
  return last.test(data)
}

export const isError = ({ data }: StreamEvent): boolean => /^\{"error"|"type":"error"/.test(data)

/** Mends what upstreams are known to say wrongly: calls that end with `stop`. */
export function mender(surface: Surface): (event: StreamEvent) => StreamEvent {
  let hasCalls = false
  return (event) => {
    if (surface !== 'chat') return event
    hasCalls ||= event.data.includes('"tool_calls":[')
    if (!hasCalls || !event.data.includes('"finish_reason":"stop"')) return event
    return { ...event, data: event.data.replace('"finish_reason":"stop"', '"finish_reason":"tool_calls"') }
  }
}

export function mendWhole(body: Json, surface: Surface): Json {
  const choice = surface === 'chat' ? body.choices?.[0] : undefined
  if (choice?.finish_reason === 'stop' && choice.message?.tool_calls?.length > 0) choice.finish_reason = 'tool_calls'
  return body
}
